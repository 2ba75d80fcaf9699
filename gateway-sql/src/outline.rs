//! What the tokens alone say of a text: whether it is small enough to be read, and what its statements begin with.

use gateway_policy::facts::Reason;

use crate::Limits;
use crate::scan::{Broken, Kind, Token, Tokens};

/// The tokens of a text that is small and flat enough.
#[derive(Debug)]
pub(crate) struct Outline<'t> {
    pub(crate) tokens: Vec<Token<'t>>,
    /// Statements that are not empty, as far as semicolons outside of parentheses tell.
    pub(crate) statements: usize,
}

/// Looks at every byte once and refuses what no reader should be given.
pub(crate) fn outline<'t>(text: &'t str, limits: &Limits) -> Result<Outline<'t>, Reason> {
    if text.len() > limits.bytes {
        return Err(Reason::TooLarge);
    }
    if text.as_bytes().contains(&0) {
        return Err(Reason::NotSql);
    }
    let mut scanner = Tokens::of(text);
    let mut tokens: Vec<Token<'t>> = Vec::with_capacity(text.len() / 5);
    let mut open: u32 = 0;
    let mut statements = 0;
    let mut fresh = true;
    while let Some(token) = scanner.next().map_err(reason)? {
        match token.kind {
            Kind::Mark(b'(' | b'[') => open += 1,
            Kind::Mark(b')' | b']') => open = open.saturating_sub(1),
            _ => {}
        }
        if open > limits.nesting {
            return Err(Reason::TooDeep);
        }
        if token.kind == Kind::Mark(b';') && open == 0 {
            fresh = true;
        } else if fresh {
            fresh = false;
            statements += 1;
        }
        if is_noisy(tokens.last(), &token) {
            return Err(Reason::NotUnderstood);
        }
        tokens.push(token);
    }
    Ok(Outline { tokens, statements })
}

const fn reason(broken: Broken) -> Reason {
    match broken {
        Broken::Unended => Reason::NotSql,
        Broken::TooDeep => Reason::TooDeep,
    }
}

/// For `GLOBAL TEMP`, and nothing else, the grammar writes a warning to this process's standard error. The word means
/// nothing to PostgreSQL.
fn is_noisy(before: Option<&Token<'_>>, token: &Token<'_>) -> bool {
    (token.is("temp") || token.is("temporary")) && before.is_some_and(|before| before.is("global"))
}

impl Token<'_> {
    /// Whether it is this keyword, given in lower case.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }
}
