//! Rules as they are written: `[rules.NAME]`, and the packs that come with Postern.
//!
//! Here they are only read. What a rule means stands in `gateway_policy`.

mod cases;
mod holds;
mod limits;
mod packs;
mod when;
mod words;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gateway_policy::approval::{Reach, Voice};
use gateway_policy::facts::Power;
use gateway_policy::limits::Limits;
use gateway_policy::rule::{Actions, Condition, Mode, Pattern, QualifiedPattern, Rule, Scope, Stance};
use gateway_policy::when::When;
use toml::de::DeTable;

use super::load::Gathering;
use super::mistakes::{Gathered, Mistakes};
use super::section::{Section, Source, section};
use super::values::{self, Located};

pub use cases::Case;
pub use limits::LimitKeys;
pub use packs::{PACKS, Pack};
#[cfg(test)]
pub use when::read as read_when;

section! {
    /// One table for each rule: `[rules.NAME]`. Rules say what agents may do at targets that speak PostgreSQL. What no
    /// rule allows is denied, a rule that denies beats all that allow, and their order never matters. In names `*`
    /// stands for any text. [policy.md](policy.md) explains rules with examples.
    pub struct RuleKeys {
        /// The agents that the rule is about; `"*"` is every agent.
        #[form("an agent name, or a list of them", default = required, read = values::some(values::located(words::pattern)))]
        agents: Vec<Located<Pattern>>,
        /// The people that the rule is about, by the subjects that their identity provider gives them. A rule that
        /// names people or groups allows nothing to an agent that acts for nobody, and denies to it what it denies.
        #[form("a subject, or a list of them", default = [], read = values::list(words::pattern))]
        people: Vec<Pattern>,
        /// The groups that the rule is about; the person is in at least one of them.
        #[form("a group, or a list of them", default = [], read = values::list(words::pattern))]
        groups: Vec<Pattern>,
        /// The targets that the rule is about; `"*"` is every target.
        #[form("a target name, or a list of them", default = required, read = values::some(values::located(words::pattern)))]
        targets: Vec<Located<Pattern>>,
        /// The databases of the target that the rule is about. None named is every one.
        #[form("a name, or a list of them", default = [], read = values::list(words::pattern))]
        databases: Vec<Pattern>,
        /// Whether the rule allows or denies, or holds what it is about until people have said yes.
        #[form("\"allow\", \"hold\" or \"deny\"", default = "none", read = values::or_none(words::stance))]
        effect: Option<Stance>,
        /// Rules that come with Postern, instead of `effect` and what follows it: `read-only`, `no-destructive-ddl`,
        /// `safe-writes` or `no-escape`.
        #[form("the name of a pack", default = "none", read = values::or_none(words::pack))]
        pack: Option<&'static Pack>,
        /// What is done: `select`, `insert`, `drop`, and with the kind of object `drop table`; or a group of them:
        /// `read`, `write`, `ddl`, `maintenance`, `any`.
        #[form("a word, or a list of them", default = [], read = words::actions)]
        what: Actions,
        /// The schemas that the rule is about. None named is every one.
        #[form("a name, or a list of them", default = [], read = values::list(words::pattern))]
        schemas: Vec<Pattern>,
        /// The tables and views that the rule is about, with or without their schema: `"orders"`, `"sales.*"`.
        /// A rule that names tables, functions, settings or powers is about these and nothing else.
        #[form("a name, or a list of them", default = [], read = values::list(words::qualified_pattern))]
        tables: Vec<QualifiedPattern>,
        /// The columns that the rule is about: those read, those written, and those in conditions.
        #[form("a name, or a list of them", default = [], read = values::list(words::pattern))]
        columns: Vec<Pattern>,
        /// The functions and procedures that the rule is about, with or without their schema.
        #[form("a name, or a list of them", default = [], read = values::list(words::qualified_pattern))]
        functions: Vec<QualifiedPattern>,
        /// The settings that the rule is about.
        #[form("a name, or a list of them", default = [], read = values::list(words::pattern))]
        settings: Vec<Pattern>,
        /// What functions can do beyond computing a value, such as `reads files`. A rule that allows is about functions
        /// that can do nothing else; one that denies is about functions that can do any of it, or may.
        #[form("words, or a list of them", default = [], read = values::list(words::power))]
        powers: Vec<Power>,
        /// What a statement must have for the rule to allow it. `where`: an update or delete has a condition that
        /// depends on the row. `limit`: the number of rows that come back is bounded. `read-only transaction`: it runs
        /// where nothing can be written. `purpose`: the leave to connect says what it is for.
        #[form("a word, or a list of them", default = [], read = values::list(words::condition))]
        require: Vec<Condition>,
        /// What a statement may have for the rule not to deny or hold it: the words of `require`.
        #[form("a word, or a list of them", default = [], read = values::list(words::condition))]
        unless: Vec<Condition>,
        /// What must be true for the rule to hold, as an expression (CEL) over facts such as `tables`, `has_where`,
        /// `time` or `transaction`. Where that is not known, a rule that denies denies, and one that allows does not.
        #[form("an expression", default = "none", read = values::or_none(when::when))]
        when: Option<When>,
        /// Bounds of what the rule allows.
        #[form("a table of bounds", default = {}, read = limits::limits)]
        limits: Limits,
        /// `observe` lets happen what the rule would deny, and records it.
        #[form("\"enforce\" or \"observe\"", default = "enforce", read = words::mode)]
        mode: Mode,
        /// Who may say yes to what the rule holds: `person:NAME`, `group:NAME` of the identity provider, `unix:GROUP`
        /// of the host, or `"*"` for everybody who may answer at all. Nobody answers for an agent of their own.
        #[form("a name with its kind, or a list of them", default = [], read = values::list(words::voice))]
        approvers: Vec<Voice>,
        /// So many different people have to say yes.
        #[form("a whole number", default = 1, read = values::count(1..=20))]
        quorum: u16,
        /// How long people may take. No answer by then is a no.
        #[form("a duration", default = "15m", read = values::duration)]
        wait: Duration,
        /// After which time `escalate_to` may answer as well.
        #[form("a duration", default = "none", read = values::or_none(values::duration))]
        escalate: Option<Duration>,
        /// Who may answer after `escalate`, beside `approvers`.
        #[form("a name with its kind, or a list of them", default = [], read = values::list(words::voice))]
        escalate_to: Vec<Voice>,
        /// How far a yes may reach, if whoever says it wants that: `session` is every statement of the same shape in the
        /// same session, `shape` is every statement of the same shape of the same agent there. `once` is always possible.
        #[form("\"once\", \"session\", \"shape\", or several", default = ["once"], read = values::list(words::reach))]
        answers: Vec<Reach>,
        /// How long a yes holds at most that reaches further than once, or that the agent has to come back for.
        #[form("a duration", default = "1h", read = values::duration)]
        lasts: Duration,
        /// Whether the agent is refused at once, with the number of the request, and comes again for the answer. Otherwise
        /// its statement waits.
        #[form("true or false", default = false, read = values::flag)]
        refuse_at_once: bool,
    }
}

impl Gathering {
    pub(super) fn add_rules<'a>(&mut self, tables: &'a DeTable<'a>, file: Source<'a>) {
        for (name, section) in self.named("rules", tables, file, RuleKeys::KEYS, &[]) {
            let Some(keys) = RuleKeys::read(&section) else { continue };
            check(&keys, &section, file);
            self.rules.insert(name, keys);
        }
    }
}

/// The rules of a text that stands in no file.
pub fn rules_of(text: &str) -> Result<Vec<Rule>, Mistakes> {
    let mistakes = Gathered::default();
    let mut gathering = Gathering::default();
    let nobody = |_: &str| None;
    gathering.add_file(Source { path: Path::new("rules"), text, mistakes: &mistakes, uid_of: &nobody });
    let rules = gathering.rules.into_iter().flat_map(|(name, keys)| keys.rules(&name)).collect();
    mistakes.or(Some(rules))
}

/// What the keys of one rule mean together.
fn check(keys: &RuleKeys, section: &Section<'_>, file: Source<'_>) {
    let wrong = |what: &str, remedy: &str| {
        file.mistakes.add(section.place(), format!("[{}] {what}", section.title()), remedy);
    };
    let beside_pack = ["effect", "what", "schemas", "tables", "columns", "functions", "settings", "powers"];
    let given =
        beside_pack.into_iter().chain(["require", "unless"]).chain(holds::KEYS).find(|key| section.says(key));
    match (keys.pack, keys.effect) {
        (Some(pack), _) => {
            if let Some(key) = given {
                let what = format!("has `{key}` beside the pack `{}`, which says what holds", pack.name);
                wrong(&what, "keep one of the two, or make it a rule of its own");
            }
        }
        (None, None) if ["effect", "pack"].iter().all(|key| says_none(section, key)) => {
            wrong("neither allows nor denies", "add `effect = \"allow\"`, \"hold\" or \"deny\", or a `pack`");
        }
        // A word with a mistake is read as none; it has been complained about.
        (None, None) => (),
        (None, Some(stance)) => {
            if keys.what.is_empty() && !section.says("what") {
                wrong("does not say what is done", "add `what`, such as `what = \"select\"`");
            }
            let (misplaced, remedy) = match stance {
                Stance::Allow => ("unless", "write `require` in a rule that allows"),
                Stance::Hold => ("require", "write `unless` in a rule that holds, or deny the rest"),
                Stance::Deny => ("require", "write `unless` in a rule that denies"),
            };
            if section.says(misplaced) {
                wrong(&format!("has `{misplaced}`, which has no meaning here"), remedy);
            }
            if stance != Stance::Allow && !keys.limits.is_none() {
                wrong("has `limits`, which have no meaning here", "write `limits` in a rule that allows");
            }
            if stance != Stance::Deny && keys.mode == Mode::Observe {
                wrong("only observes, and denies nothing", "remove `mode`, or write `effect = \"deny\"`");
            }
            holds::check(keys, stance, section, &wrong);
        }
    }
}

fn says_none(section: &Section<'_>, key: &str) -> bool {
    !section.says(key) || section.says_word(key, "none")
}

impl RuleKeys {
    /// The rules that are meant: one, or those of a pack.
    pub(super) fn rules(self, name: &str) -> Vec<Rule> {
        match self.pack {
            Some(pack) => pack.rules().into_iter().map(|rule| self.of_pack(name, rule)).collect(),
            None => self.rule(name).into_iter().collect(),
        }
    }

    fn of_pack(&self, name: &str, rule: Rule) -> Rule {
        let mode = match rule.stance {
            Stance::Allow | Stance::Hold => Mode::Enforce,
            Stance::Deny => self.mode,
        };
        let limits = match rule.stance {
            Stance::Allow => self.limits,
            Stance::Hold | Stance::Deny => Limits::default(),
        };
        Rule {
            limits,
            when: self.when.clone().or(rule.when),
            name: format!("{name}/{}", rule.name).into(),
            mode,
            agents: patterns(&self.agents),
            people: self.people.clone(),
            groups: self.groups.clone(),
            targets: patterns(&self.targets),
            databases: self.databases.clone(),
            ..rule
        }
    }

    fn rule(self, name: &str) -> Option<Rule> {
        let stance = self.effect?;
        let conditions = match stance {
            Stance::Allow => self.require.clone(),
            Stance::Hold | Stance::Deny => self.unless.clone(),
        };
        let terms = (stance == Stance::Hold).then(|| Arc::new(self.terms()));
        let (agents, targets) = (patterns(&self.agents), patterns(&self.targets));
        let Self {
            people,
            groups,
            mode,
            databases,
            what,
            schemas,
            tables,
            columns,
            functions,
            settings,
            powers,
            when,
            limits,
            ..
        } = self;
        let on = Scope { schemas, tables, columns, functions, settings, powers };
        Some(Rule {
            name: name.into(),
            stance,
            mode,
            agents,
            people,
            groups,
            targets,
            databases,
            what,
            on,
            conditions,
            when,
            limits,
            terms,
        })
    }
}

fn patterns(located: &[Located<Pattern>]) -> Vec<Pattern> {
    located.iter().map(|pattern| pattern.value.clone()).collect()
}
