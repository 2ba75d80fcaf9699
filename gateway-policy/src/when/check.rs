//! Whether an expression fits together.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use super::fact::{Fact, Sort, Vocabulary};
use super::{Comparison, Expr};

/// Parts that an expression may have.
const MOST_PARTS: usize = 256;
/// How deep parts may lie in each other.
const DEEPEST: usize = 40;

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhenError {
    TooLong,
    TooDeep,
    /// The whole is neither true nor false, or a part that has to be is not.
    NoTruth,
    /// The two sides are of different sorts.
    Apart,
    /// One cannot be before the other.
    NoOrder,
    NoList,
    NoText,
    /// It can never be this text.
    NoWord(String, Vocabulary),
    /// The item of a list, outside of `exists` and `all`.
    NoItem,
    /// One quantifier inside of another.
    Nested,
    EmptyList,
}

impl fmt::Display for WhenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it has too many parts",
            Self::TooDeep => "it is nested too deep",
            Self::NoTruth => "it is not true or false where it has to be",
            Self::Apart => "it compares things of different sorts",
            Self::NoOrder => "it asks which comes first of things that have no order",
            Self::NoList => "it needs a list of texts there",
            Self::NoText => "it needs a text there",
            Self::NoWord(word, vocabulary) => {
                return write!(f, "\"{word}\" can never be meant there; write {}", vocabulary.described());
            }
            Self::NoItem => "it names an item where there is no list",
            Self::Nested => "it has `exists` or `all` inside of another",
            Self::EmptyList => "it has an empty list",
        })
    }
}

impl core::error::Error for WhenError {}

pub(super) fn check(expr: &Expr) -> Result<(), WhenError> {
    let mut parts = 0;
    measure(expr, 0, &mut parts)?;
    match sort(expr, None)? {
        Sort::Truth => Ok(()),
        _ => Err(WhenError::NoTruth),
    }
}

/// Whether a fact of some kind is named anywhere.
pub(super) fn mentions(expr: &Expr, which: fn(Fact) -> bool) -> bool {
    let mut found = false;
    visit(expr, &mut |part| found |= matches!(part, Expr::Fact(fact) if which(*fact)));
    found
}

fn visit(expr: &Expr, see: &mut impl FnMut(&Expr)) {
    see(expr);
    for_parts(expr, &mut |part| visit(part, see));
}

fn measure(expr: &Expr, depth: usize, parts: &mut usize) -> Result<(), WhenError> {
    *parts += 1;
    if *parts > MOST_PARTS {
        return Err(WhenError::TooLong);
    }
    if depth > DEEPEST {
        return Err(WhenError::TooDeep);
    }
    let mut outcome = Ok(());
    for_parts(expr, &mut |part| {
        if outcome.is_ok() {
            outcome = measure(part, depth + 1, parts);
        }
    });
    outcome
}

fn for_parts(expr: &Expr, see: &mut dyn FnMut(&Expr)) {
    match expr {
        Expr::Truth(_) | Expr::Number(_) | Expr::Text(_) | Expr::Fact(_) | Expr::Item => (),
        Expr::List(items) => items.iter().for_each(see),
        Expr::Not(part) | Expr::Size(part) => see(part),
        Expr::And(one, other)
        | Expr::Or(one, other)
        | Expr::Compare(_, one, other)
        | Expr::In(one, other)
        | Expr::Search(_, one, other)
        | Expr::Quantified(_, one, other) => {
            see(one);
            see(other);
        }
        Expr::Choice(first, second, third) => {
            see(first);
            see(second);
            see(third);
        }
    }
}

/// `item` is what the items of the list are that a quantifier goes through.
fn sort(expr: &Expr, item: Option<Vocabulary>) -> Result<Sort, WhenError> {
    match expr {
        Expr::Truth(_) => Ok(Sort::Truth),
        Expr::Number(_) => Ok(Sort::Number),
        Expr::Text(_) => Ok(Sort::Text(Vocabulary::Any)),
        Expr::Fact(fact) => Ok(fact.sort()),
        Expr::Item => item.map(Sort::Text).ok_or(WhenError::NoItem),
        Expr::List(items) => list(items, item),
        Expr::Not(part) => truth(part, item),
        Expr::And(one, other) | Expr::Or(one, other) => truth(one, item).and_then(|_| truth(other, item)),
        Expr::Choice(first, second, third) => {
            truth(first, item).and_then(|_| truth(second, item)).and_then(|_| truth(third, item))
        }
        Expr::Compare(comparison, one, other) => compare(*comparison, one, other, item),
        Expr::In(one, list) => is_in(one, list, item),
        Expr::Search(_, one, other) => {
            text(one, item)?;
            text(other, item)?;
            Ok(Sort::Truth)
        }
        Expr::Size(list) => match sort(list, item)? {
            Sort::List(_) => Ok(Sort::Number),
            _ => Err(WhenError::NoList),
        },
        Expr::Quantified(_, list, body) => {
            if item.is_some() {
                return Err(WhenError::Nested);
            }
            match (&**list, sort(list, None)?) {
                (Expr::Fact(_), Sort::List(vocabulary)) => truth(body, Some(vocabulary)),
                _ => Err(WhenError::NoList),
            }
        }
    }
}

fn truth(expr: &Expr, item: Option<Vocabulary>) -> Result<Sort, WhenError> {
    match sort(expr, item)? {
        Sort::Truth => Ok(Sort::Truth),
        _ => Err(WhenError::NoTruth),
    }
}

fn text(expr: &Expr, item: Option<Vocabulary>) -> Result<Vocabulary, WhenError> {
    match sort(expr, item)? {
        Sort::Text(vocabulary) => Ok(vocabulary),
        _ => Err(WhenError::NoText),
    }
}

/// All texts; numbers are compared, and not looked for.
fn list(items: &[Expr], item: Option<Vocabulary>) -> Result<Sort, WhenError> {
    if items.is_empty() {
        return Err(WhenError::EmptyList);
    }
    if !items.iter().all(|item| matches!(item, Expr::Text(_))) {
        return Err(WhenError::NoText);
    }
    items.iter().try_for_each(|one| sort(one, item).map(drop))?;
    Ok(Sort::List(Vocabulary::Any))
}

fn compare(
    comparison: Comparison,
    one: &Expr,
    other: &Expr,
    item: Option<Vocabulary>,
) -> Result<Sort, WhenError> {
    let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    match (sort(one, item)?, sort(other, item)?) {
        (Sort::Number, Sort::Number) => Ok(Sort::Truth),
        (Sort::Truth, Sort::Truth) if !ordered => Ok(Sort::Truth),
        (Sort::Text(first), Sort::Text(second)) => {
            let vocabulary = common(first, one, second, other)?;
            if ordered && !vocabulary.is_ordered() {
                return Err(WhenError::NoOrder);
            }
            Ok(Sort::Truth)
        }
        (Sort::Truth, Sort::Truth) => Err(WhenError::NoOrder),
        _ => Err(WhenError::Apart),
    }
}

fn is_in(one: &Expr, list: &Expr, item: Option<Vocabulary>) -> Result<Sort, WhenError> {
    let first = text(one, item)?;
    let Sort::List(second) = sort(list, item)? else { return Err(WhenError::NoList) };
    common(first, one, second, list).map(|_| Sort::Truth)
}

/// What both can be. A text that is written out has to be one of the words of the other side.
fn common(first: Vocabulary, one: &Expr, second: Vocabulary, other: &Expr) -> Result<Vocabulary, WhenError> {
    match (first, second) {
        _ if first == second => Ok(first),
        (Vocabulary::Any, vocabulary) => only_words(one, vocabulary),
        (vocabulary, Vocabulary::Any) => only_words(other, vocabulary),
        _ => Err(WhenError::Apart),
    }
}

fn only_words(written: &Expr, vocabulary: Vocabulary) -> Result<Vocabulary, WhenError> {
    let check = |part: &Expr| match part {
        Expr::Text(text) if vocabulary.has(text) => Ok(()),
        Expr::Text(text) => Err(WhenError::NoWord(text.to_owned(), vocabulary)),
        _ => Err(WhenError::Apart),
    };
    match written {
        Expr::List(items) => items.iter().try_for_each(check)?,
        written => check(written)?,
    }
    Ok(vocabulary)
}
