//! Why a message is allowed or denied, told by the code that judges while it judges.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::facts::{Columns, Effect, Facts, Function, Kind, Nature, On, Restriction};
use crate::judge::{Denial, Judgement, RuleName};
use crate::policy::{Jurisdiction, Listener};
use crate::refusing::described;
use crate::when::Circumstances;

pub use crate::refusing::Said;

/// All that was found about a message.
#[derive(Debug)]
pub struct Explanation {
    /// In the order in which the statements have them.
    pub effects: Vec<Explained>,
    /// What could not be told, in the agent's words.
    pub unknowns: Vec<String>,
    pub judgement: Judgement,
}

/// What was found about one effect.
#[derive(Debug)]
pub struct Explained {
    /// The statement that has it, counted from 0.
    pub statement: usize,
    /// In words: `delete on "orders"`.
    pub effect: String,
    /// What else is known of it, in words.
    pub details: Vec<String>,
    /// The rules that had something to say.
    pub rules: Vec<(RuleName, Said)>,
    pub ruling: Result<(), Denial>,
}

impl Jurisdiction {
    pub fn explain(&self, facts: &Facts) -> Explanation {
        self.explain_under(facts, &Circumstances::default())
    }

    /// What would be found at a moment.
    pub fn explain_under(&self, facts: &Facts, circumstances: &Circumstances<'_>) -> Explanation {
        let mut notes = Notes::default();
        let judgement = self.weigh(facts, circumstances, &mut notes);
        Explanation { effects: notes.effects, unknowns: notes.unknowns, judgement }
    }
}

/// Writes down what it hears.
#[derive(Default)]
struct Notes {
    effects: Vec<Explained>,
    unknowns: Vec<String>,
}

impl Listener for Notes {
    fn effect(&mut self, statement: usize, effect: &Effect) {
        let (words, details) = (described(effect), details(effect));
        self.effects.push(Explained { statement, effect: words, details, rules: Vec::new(), ruling: Ok(()) });
    }

    fn rule(&mut self, rule: &RuleName, said: Said) {
        let entry = (RuleName::clone(rule), said);
        if let Some(last) = self.effects.last_mut().filter(|last| !last.rules.contains(&entry)) {
            last.rules.push(entry);
        }
    }

    fn ruling(&mut self, ruling: Result<(), &Denial>) {
        if let Some(last) = self.effects.last_mut() {
            last.ruling = ruling.map_err(Denial::clone);
        }
    }

    fn unknown(&mut self, denial: &Denial) {
        self.unknowns.push(denial.message.clone());
    }
}

/// What rules look at beyond the kind and the name.
fn details(effect: &Effect) -> Vec<String> {
    let columns = match &effect.columns {
        Columns::None => None,
        Columns::These(names) if names.is_empty() => Some("no column".to_owned()),
        Columns::These(names) => Some(format!("columns {}", names.join(", "))),
        Columns::All => Some("every column".to_owned()),
        Columns::Unknown => Some("columns that are not known".to_owned()),
    };
    let condition = match (effect.kind, effect.restriction) {
        (Kind::Update | Kind::Delete, Restriction::Absent) => Some("every row: there is no condition"),
        (Kind::Update | Kind::Delete, Restriction::AlwaysTrue) => {
            Some("every row: the condition always holds")
        }
        (Kind::Update | Kind::Delete, Restriction::Restricts) => {
            Some("some rows: the condition depends on the row")
        }
        (Kind::Update | Kind::Delete, Restriction::Unknown) => Some("which rows is not known"),
        _ => None,
    };
    let nature = match &effect.on {
        On::Function(Function { nature: Nature::Powers(powers), .. }) => {
            let words: Vec<&str> = powers.iter().map(|power| power.word()).collect();
            Some(words.join(", "))
        }
        On::Function(Function { nature: Nature::Unknown, .. }) => {
            Some("what it does is not known".to_owned())
        }
        _ => None,
    };
    columns.into_iter().chain(condition.map(str::to_owned)).chain(nature).collect()
}
