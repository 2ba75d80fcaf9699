//! How the expression after `when` is read: the grammar is CEL's, the names are the facts of a rule.

mod bounds;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr as Written, LiteralValue, operators};
use cel::parser::Parser;
use gateway_policy::when::{Comparison, Expr, Fact, Quantifier, Search, When, WhenError};

use crate::config::section::{Value, did_you_mean};
use crate::config::values;

/// How deep CEL's own reader may go.
const DEEPEST: u16 = 48;
const FUNCTIONS: [&str; 6] = ["startsWith", "endsWith", "contains", "size", "exists", "all"];
const CORRECT_IT: &str = "docs/policy.md says which facts there are, and how they are compared";

pub(super) fn when(value: &Value<'_>) -> Option<When> {
    match read(&values::text(value)?) {
        Ok(when) => Some(when),
        Err(Wrong { what, remedy }) => value.wrong(what, remedy),
    }
}

/// What is wrong with an expression, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    what: String,
    remedy: String,
}

fn wrong<T>(what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { what: what.into(), remedy: remedy.into() })
}

pub fn read(text: &str) -> Result<When, Wrong> {
    if let Err(out_of_bounds) = bounds::check(text) {
        return wrong(out_of_bounds, "make several rules of it");
    }
    let parsed = Parser::new().max_recursion_depth(DEEPEST).error_recovery_limit(1).parse(text);
    let expr = match parsed {
        Ok(expr) => build(&expr, None)?,
        Err(errors) => return wrong(syntax(&errors), CORRECT_IT),
    };
    When::new(expr).or_else(|error| wrong(error.to_string(), CORRECT_IT))
}

fn syntax(errors: &cel::ParseErrors) -> String {
    let Some(first) = errors.errors.first() else { return "it is no expression".to_owned() };
    let said = first.msg.lines().next().unwrap_or_default();
    match first.pos {
        (1.., column) => format!("it is no expression at character {column}: {said}"),
        _ => format!("it is no expression: {said}"),
    }
}

/// `item` is the name of what a quantifier goes through.
fn build(expr: &IdedExpr, item: Option<&str>) -> Result<Expr, Wrong> {
    match &expr.expr {
        Written::Literal(value) => literal(value),
        Written::Ident(name) if item == Some(name.as_str()) => Ok(Expr::Item),
        Written::Ident(name) => match Fact::from_word(name) {
            Some(fact) => Ok(Expr::Fact(fact)),
            None => {
                let known: Vec<&str> = Fact::ALL.iter().map(|fact| fact.word()).collect();
                wrong(format!("there is no fact `{name}`"), did_you_mean(name, &known))
            }
        },
        Written::List(list) if list.optional_indices.is_empty() => {
            let items: Result<Vec<Expr>, Wrong> = list.elements.iter().map(|one| build(one, item)).collect();
            Ok(Expr::List(items?))
        }
        Written::Call(call) => self::call(call, item),
        Written::Comprehension(one) => quantified(one, item),
        Written::Select(select) => wrong(
            format!("no fact has a field `{}`", select.field),
            "facts are named by one word, such as `agent` or `tables`",
        ),
        Written::Unspecified | Written::List(_) | Written::Map(_) | Written::Struct(_) => {
            wrong("it builds something that no fact can be compared with", CORRECT_IT)
        }
    }
}

fn literal(value: &LiteralValue) -> Result<Expr, Wrong> {
    match value {
        LiteralValue::Boolean(value) => Ok(Expr::Truth(*value.inner())),
        LiteralValue::Int(value) => Ok(Expr::Number(*value.inner())),
        LiteralValue::String(value) => Ok(Expr::Text(value.inner().to_owned())),
        LiteralValue::UInt(_) | LiteralValue::Double(_) | LiteralValue::Bytes(_) | LiteralValue::Null => {
            wrong(
                "it has a value of a kind that no fact has",
                "facts are texts, whole numbers, and true or false",
            )
        }
    }
}

fn call(call: &CallExpr, item: Option<&str>) -> Result<Expr, Wrong> {
    let part = |expr: &IdedExpr| build(expr, item).map(Box::new);
    let comparison = comparison(&call.func_name);
    Ok(match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
        (operators::LOGICAL_AND, None, [one, other]) => Expr::And(part(one)?, part(other)?),
        (operators::LOGICAL_OR, None, [one, other]) => Expr::Or(part(one)?, part(other)?),
        (operators::LOGICAL_NOT, None, [one]) => Expr::Not(part(one)?),
        (operators::CONDITIONAL, None, [first, second, third]) => {
            Expr::Choice(part(first)?, part(second)?, part(third)?)
        }
        (operators::IN, None, [one, list]) => Expr::In(part(one)?, part(list)?),
        (_, None, [one, other]) if let Some(comparison) = comparison => {
            Expr::Compare(comparison, part(one)?, part(other)?)
        }
        ("size", None, [list]) | ("size", Some(list), []) => Expr::Size(part(list)?),
        ("startsWith", Some(text), [sought]) => Expr::Search(Search::StartsWith, part(text)?, part(sought)?),
        ("endsWith", Some(text), [sought]) => Expr::Search(Search::EndsWith, part(text)?, part(sought)?),
        ("contains", Some(text), [sought]) => Expr::Search(Search::Contains, part(text)?, part(sought)?),
        (name, ..) if FUNCTIONS.contains(&name) => {
            return wrong(
                format!("`{name}` is not called like this"),
                "write text.startsWith(\"a\"), tables.exists(t, t == \"a\") or size(tables)",
            );
        }
        (name, ..) if name.starts_with(|first: char| first.is_alphabetic()) => {
            return wrong(format!("there is no function `{name}` here"), did_you_mean(name, &FUNCTIONS));
        }
        _ => return wrong("it calculates something", "compare facts as they are, such as `limit <= 100`"),
    })
}

fn comparison(operator: &str) -> Option<Comparison> {
    match operator {
        operators::EQUALS => Some(Comparison::Equal),
        operators::NOT_EQUALS => Some(Comparison::NotEqual),
        operators::LESS => Some(Comparison::Less),
        operators::LESS_EQUALS => Some(Comparison::AtMost),
        operators::GREATER => Some(Comparison::Greater),
        operators::GREATER_EQUALS => Some(Comparison::AtLeast),
        _ => None,
    }
}

/// What CEL's reader makes of `exists` and `all`: a loop that joins what holds for each item.
fn quantified(written: &ComprehensionExpr, outer: Option<&str>) -> Result<Expr, Wrong> {
    if outer.is_some() {
        return wrong(WhenError::Nested.to_string(), CORRECT_IT);
    }
    let name = written.iter_var.as_str();
    let quantifier = match (&written.accu_init.expr, &written.loop_step.expr) {
        (Written::Literal(LiteralValue::Boolean(start)), Written::Call(step))
            if written.iter_var2.is_none() =>
        {
            match (*start.inner(), step.func_name.as_str(), step.args.as_slice()) {
                (false, operators::LOGICAL_OR, [_, body]) => Some((Quantifier::Exists, body)),
                (true, operators::LOGICAL_AND, [_, body]) => Some((Quantifier::All, body)),
                _ => None,
            }
        }
        _ => None,
    };
    let Some((quantifier, body)) = quantifier else {
        return wrong("it goes through a list in a way that is not possible here", "use `exists` or `all`");
    };
    if Fact::from_word(name).is_some() {
        return wrong(
            format!("`{name}` is a fact and cannot be the name of an item"),
            "call the item otherwise",
        );
    }
    let list = build(&written.iter_range, None)?;
    Ok(Expr::Quantified(quantifier, Box::new(list), Box::new(build(body, Some(name))?)))
}
