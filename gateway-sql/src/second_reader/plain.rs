//! Plain statements, read off the tokens: one SELECT, INSERT, UPDATE or DELETE without WITH, and the names that follow
//! FROM, JOIN, INTO and UPDATE.

use gateway_policy::facts::{Kind, Statement};

use super::{Opinion, cut, folded, has, relations};
use crate::scan::{self, Token};

/// Words that no plain statement has, besides the one that it begins with. Most can be names of columns as well; then
/// the statement is simply not plain.
const NOT_PLAIN: [&str; 30] = [
    "with",
    "into",
    "insert",
    "update",
    "delete",
    "merge",
    "truncate",
    "copy",
    "create",
    "alter",
    "drop",
    "grant",
    "revoke",
    "call",
    "do",
    "execute",
    "prepare",
    "explain",
    "only",
    "table",
    "lateral",
    "returning",
    "conflict",
    "for",
    "current",
    "rows",
    "tablesample",
    "listen",
    "notify",
    "lock",
];

/// Words that end a list of FROM items.
const ENDS_FROM: [&str; 14] = [
    "where",
    "group",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "order",
    "limit",
    "offset",
    "fetch",
    "set",
    "values",
    "select",
];

pub(super) fn opinion(tokens: &[Token<'_>], statement: &Statement) -> Opinion {
    let Some((first, rest)) = tokens.split_first() else { return Opinion::None };
    let kinds = [
        ("select", Kind::Select),
        ("insert", Kind::Insert),
        ("update", Kind::Update),
        ("delete", Kind::Delete),
    ];
    let Some((word, kind)) = kinds.into_iter().find(|(word, _)| first.is(word)) else { return Opinion::None };
    // Behind INSERT stands INTO, which is looked at as one with it.
    let rest = match rest.split_first() {
        Some((into, rest)) if word == "insert" && into.is("into") => rest,
        Some(_) if word == "insert" => return Opinion::None,
        _ => rest,
    };
    if rest.iter().any(|token| token.kind == scan::Kind::Word && NOT_PLAIN.iter().any(|word| token.is(word)))
    {
        return Opinion::None;
    }
    let kinds_agree = match kind {
        Kind::Select => statement
            .effects
            .iter()
            .all(|effect| matches!(effect.kind, Kind::Select | Kind::Function | Kind::Set)),
        kind => {
            has(statement, kind)
                && statement.effects.iter().all(|effect| {
                    effect.kind == kind || matches!(effect.kind, Kind::Select | Kind::Function | Kind::Set)
                })
        }
    };
    let known = relations(statement);
    let mut seen = Tables::default();
    match word {
        "insert" => seen.item(rest, Parenthesis::Columns),
        "update" => seen.item(rest, Parenthesis::Call),
        _ => {}
    }
    seen.follow(rest);
    if kinds_agree && !seen.unclear && seen.names.iter().all(|name| known.contains(name.as_str())) {
        Opinion::Same
    } else {
        Opinion::None
    }
}

/// The tables that follow FROM and JOIN.
#[derive(Default)]
struct Tables {
    names: Vec<String>,
    unclear: bool,
}

impl Tables {
    fn follow(&mut self, tokens: &[Token<'_>]) {
        // For each open parenthesis, whether a list of FROM items is being read in it, and whether FROM means one.
        let mut levels = vec![Level::default()];
        for (place, token) in tokens.iter().enumerate() {
            let Some(level) = levels.last_mut() else { return };
            let next = tokens.get(place + 1..).unwrap_or_default();
            let before = place.checked_sub(1).and_then(|before| tokens.get(before));
            match token.kind {
                scan::Kind::Mark(b'(') => {
                    let special = before.is_some_and(takes_from);
                    levels.push(Level { in_from: false, special });
                }
                scan::Kind::Mark(b')') => {
                    levels.pop();
                    // One too many, which the grammar does not accept.
                    if levels.is_empty() {
                        levels.push(Level::default());
                    }
                }
                scan::Kind::Mark(b',') if level.in_from => self.item(next, Parenthesis::Call),
                scan::Kind::Word if token.is("from") || is_using_tables(token, next) => {
                    let compares = before.is_some_and(|before| before.is("distinct"));
                    if !level.special && !compares {
                        level.in_from = true;
                        self.item(next, Parenthesis::Call);
                    }
                }
                scan::Kind::Word if token.is("join") => self.item(next, Parenthesis::Call),
                scan::Kind::Word if ENDS_FROM.iter().any(|word| token.is(word)) => level.in_from = false,
                _ => {}
            }
        }
    }

    /// The name at the beginning of a FROM item.
    fn item(&mut self, tokens: &[Token<'_>], behind: Parenthesis) {
        let mut tokens = tokens.iter();
        let mut last = None;
        loop {
            match tokens.next() {
                Some(token) if matches!(token.kind, scan::Kind::Word | scan::Kind::Quoted) => {
                    last = Some(token)
                }
                // A sub-select, a list of columns, or a join in parentheses, whose parts are looked at in turn.
                Some(token) if token.kind == scan::Kind::Mark(b'(') && last.is_none() => {
                    return self.nested(tokens.as_slice());
                }
                _ => break,
            }
            match tokens.next() {
                Some(token) if token.kind == scan::Kind::Mark(b'.') => {}
                Some(token) if token.kind == scan::Kind::Mark(b'(') && behind == Parenthesis::Call => return,
                _ => break,
            }
        }
        match last.and_then(name) {
            Some(name) => self.names.push(name),
            None => self.unclear = true,
        }
    }

    fn nested(&mut self, inside: &[Token<'_>]) {
        match inside.first() {
            Some(first) if first.is("select") || first.is("values") => {}
            Some(_) => self.item(inside, Parenthesis::Call),
            None => self.unclear = true,
        }
    }
}

/// What a parenthesis behind a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parenthesis {
    /// The name is that of a function, which is no table.
    Call,
    /// The columns of the table that is inserted into.
    Columns,
}

/// USING of a DELETE; that of a join is followed by columns in parentheses.
fn is_using_tables(token: &Token<'_>, next: &[Token<'_>]) -> bool {
    token.is("using") && next.first().is_some_and(|next| next.kind != scan::Kind::Mark(b'('))
}

#[derive(Default)]
struct Level {
    in_from: bool,
    special: bool,
}

/// `extract(year from x)` and its like.
fn takes_from(token: &Token<'_>) -> bool {
    ["extract", "substring", "trim", "overlay", "position"].iter().any(|word| token.is(word))
}

fn name(token: &Token<'_>) -> Option<String> {
    match token.kind {
        scan::Kind::Word => Some(folded(token.text)),
        scan::Kind::Quoted => {
            // A name with a prefix for its escapes is not read here.
            let inner = token.text.strip_prefix('"')?.strip_suffix('"')?;
            let mut name = inner.replace("\"\"", "\"");
            cut(&mut name);
            Some(name)
        }
        _ => None,
    }
}
