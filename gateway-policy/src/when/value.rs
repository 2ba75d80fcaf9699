//! What an expression comes to. It is always told: what does not fit together is a maybe, as what is not known.

use alloc::borrow::Cow;
use core::cmp::Ordering;

use super::facts::Asked;
use super::{Comparison, Expr, Quantifier, Search};
use crate::rule::Certainty;

pub(super) fn truth(expr: &Expr, asked: &Asked<'_>, item: Option<&str>) -> Certainty {
    let of = |part: &Expr| truth(part, asked, item);
    match expr {
        Expr::Truth(value) => (*value).into(),
        Expr::Fact(fact) => asked.truth(*fact),
        Expr::Not(part) => not(of(part)),
        Expr::And(one, other) => match of(one) {
            Certainty::No => Certainty::No,
            first => first.min(of(other)),
        },
        Expr::Or(one, other) => match of(one) {
            Certainty::Yes => Certainty::Yes,
            first => first.max(of(other)),
        },
        Expr::Choice(first, second, third) => match of(first) {
            Certainty::Yes => of(second),
            Certainty::No => of(third),
            Certainty::Maybe => Certainty::Maybe,
        },
        Expr::Compare(comparison, one, other) => compare(*comparison, one, other, asked, item),
        Expr::In(one, list) => is_in(one, list, asked, item),
        Expr::Search(search, one, other) => match (text(one, asked, item), text(other, asked, item)) {
            (Some(one), Some(other)) => search.finds(&one, &other).into(),
            _ => Certainty::Maybe,
        },
        Expr::Quantified(quantifier, list, body) => quantified(*quantifier, list, body, asked),
        Expr::Number(_) | Expr::Text(_) | Expr::List(_) | Expr::Item | Expr::Size(_) => Certainty::Maybe,
    }
}

fn not(certainty: Certainty) -> Certainty {
    match certainty {
        Certainty::No => Certainty::Yes,
        Certainty::Maybe => Certainty::Maybe,
        Certainty::Yes => Certainty::No,
    }
}

fn text<'a>(expr: &'a Expr, asked: &Asked<'a>, item: Option<&'a str>) -> Option<Cow<'a, str>> {
    match expr {
        Expr::Text(text) => Some(Cow::Borrowed(text)),
        Expr::Item => item.map(Cow::Borrowed),
        Expr::Fact(fact) => asked.text(*fact),
        _ => None,
    }
}

fn number(expr: &Expr, asked: &Asked<'_>) -> Option<i64> {
    match expr {
        Expr::Number(number) => Some(*number),
        Expr::Fact(fact) => asked.number(*fact),
        Expr::Size(list) => match &**list {
            Expr::List(items) => i64::try_from(items.len()).ok(),
            Expr::Fact(fact) => {
                let mut count = 0_i64;
                let whole = asked.each(*fact, &mut |_| count = count.saturating_add(1));
                whole.then_some(count)
            }
            _ => None,
        },
        _ => None,
    }
}

fn compare(
    comparison: Comparison,
    one: &Expr,
    other: &Expr,
    asked: &Asked<'_>,
    item: Option<&str>,
) -> Certainty {
    if let (Some(one), Some(other)) = (number(one, asked), number(other, asked)) {
        return comparison.is_met_by(one.cmp(&other)).into();
    }
    if let (Some(one), Some(other)) = (text(one, asked, item), text(other, asked, item)) {
        return comparison.is_met_by(one.cmp(&other)).into();
    }
    match (truth(one, asked, item), truth(other, asked, item)) {
        (Certainty::Maybe, _) | (_, Certainty::Maybe) => Certainty::Maybe,
        (one, other) => comparison.is_met_by(one.cmp(&other)).into(),
    }
}

fn is_in(one: &Expr, list: &Expr, asked: &Asked<'_>, item: Option<&str>) -> Certainty {
    let Some(sought) = text(one, asked, item) else { return Certainty::Maybe };
    match list {
        Expr::List(items) => {
            items.iter().any(|item| matches!(item, Expr::Text(text) if *text == sought)).into()
        }
        Expr::Fact(fact) => {
            let mut found = false;
            let whole = asked.each(*fact, &mut |item| found |= item == sought);
            match (found, whole) {
                (true, _) => Certainty::Yes,
                (false, true) => Certainty::No,
                (false, false) => Certainty::Maybe,
            }
        }
        _ => Certainty::Maybe,
    }
}

/// Items that are not known could be anything.
fn quantified(quantifier: Quantifier, list: &Expr, body: &Expr, asked: &Asked<'_>) -> Certainty {
    let Expr::Fact(fact) = list else { return Certainty::Maybe };
    let mut met = match quantifier {
        Quantifier::Exists => Certainty::No,
        Quantifier::All => Certainty::Yes,
    };
    let whole = asked.each(*fact, &mut |item| {
        let of_item = truth(body, asked, Some(item));
        met = match quantifier {
            Quantifier::Exists => met.max(of_item),
            Quantifier::All => met.min(of_item),
        };
    });
    match quantifier {
        _ if whole => met,
        Quantifier::Exists => met.max(Certainty::Maybe),
        Quantifier::All => met.min(Certainty::Maybe),
    }
}

impl Comparison {
    const fn is_met_by(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

impl Search {
    fn finds(self, text: &str, sought: &str) -> bool {
        match self {
            Self::StartsWith => text.starts_with(sought),
            Self::EndsWith => text.ends_with(sought),
            Self::Contains => text.contains(sought),
        }
    }
}
