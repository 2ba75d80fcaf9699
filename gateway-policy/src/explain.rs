//! Why a message is allowed or denied, told by the code that judges while it judges.

use alloc::string::String;
use alloc::vec::Vec;

use crate::facts::{Effect, Facts};
use crate::judge::{Denial, Judgement, RuleName};
use crate::policy::{Jurisdiction, Listener};
use crate::refusing::described;

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
    /// The rules that had something to say.
    pub rules: Vec<(RuleName, Said)>,
    pub ruling: Result<(), Denial>,
}

impl Jurisdiction {
    pub fn explain(&self, facts: &Facts) -> Explanation {
        let mut notes = Notes::default();
        let judgement = self.weigh(facts, &mut notes);
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
        let effect = described(effect);
        self.effects.push(Explained { statement, effect, rules: Vec::new(), ruling: Ok(()) });
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
