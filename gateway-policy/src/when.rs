//! What must be true for a rule to hold, as an expression over facts.
//!
//! Whoever reads the text of an expression hands in an [`Expr`]; [`When::new`] makes sure that it fits together. What
//! is asked of a fact that nobody knows is answered with a maybe, and so is all that hangs on it.

mod check;
mod fact;
mod facts;
#[cfg(test)]
mod tests;
mod value;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use check::WhenError;
pub use fact::{Fact, Vocabulary};
pub(crate) use facts::Asked;

use crate::command::Transaction;
use crate::facts::TransactionAccess;
use crate::rule::Certainty;

/// An expression that fits together and is either true or false, as far as its facts are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    expr: Arc<Expr>,
    momentary: bool,
}

/// An expression as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    Truth(bool),
    Number(i64),
    Text(String),
    List(Vec<Self>),
    Fact(Fact),
    /// The item that a quantifier is at.
    Item,
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// The second if the first is true, else the third.
    Choice(Box<Self>, Box<Self>, Box<Self>),
    Compare(Comparison, Box<Self>, Box<Self>),
    In(Box<Self>, Box<Self>),
    /// What is asked of the first text with the second.
    Search(Search, Box<Self>, Box<Self>),
    /// How many items a list has.
    Size(Box<Self>),
    /// Whether something holds for items of a list.
    Quantified(Quantifier, Box<Self>, Box<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    Exists,
    All,
}

/// What holds at the moment of a command and may be otherwise at the next, though both have the same text. What is
/// not said is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circumstances<'a> {
    /// Seconds since the beginning of 1970, UTC.
    pub now: Option<u64>,
    pub transaction: Option<Transaction>,
    /// Whether the transaction that the command runs in can write.
    pub access: Option<TransactionAccess>,
    /// What the leave to connect is for.
    pub purpose: Option<&'a str>,
}

impl When {
    /// Takes an expression that fits together, and says what is wrong with any other.
    pub fn new(expr: Expr) -> Result<Self, WhenError> {
        check::check(&expr)?;
        let momentary = check::mentions(&expr, Fact::is_momentary);
        Ok(Self { expr: Arc::new(expr), momentary })
    }

    /// Whether the answer can change from one command to the next of the same text.
    pub(crate) fn is_momentary(&self) -> bool {
        self.momentary
    }

    pub(crate) fn holds(&self, asked: &Asked<'_>) -> Certainty {
        value::truth(&self.expr, asked, None)
    }
}
