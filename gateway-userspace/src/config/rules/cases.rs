//! What the rules are expected to say, written beside them: `[cases.NAME]`.

use toml::de::DeTable;

use crate::config::load::Gathering;
use crate::config::section::{Source, section};
use crate::config::values::{self, Located};

section! {
    /// One table for each case: `[cases.NAME]`. A case says what the rules are expected to allow, to hold and to deny;
    /// `postern policy test` tries all cases. They change nothing of what holds.
    pub struct Case {
        /// The agent that asks.
        #[form("an agent name", default = required, read = values::located(values::text))]
        agent: Located<String>,
        /// The subject of the person that it acts for, if there is one.
        #[form("a subject, or \"none\"", default = "none", read = values::or_none(values::text))]
        person: Option<String>,
        /// The groups of that person.
        #[form("a group, or a list of them", default = [], read = values::list(values::text))]
        groups: Vec<String>,
        /// The target that is asked.
        #[form("a target name", default = required, read = values::located(values::text))]
        target: Located<String>,
        /// The database of the target.
        #[form("a name", default = "postgres", read = values::text)]
        database: String,
        /// Statements that are expected to be allowed.
        #[form("SQL, or a list of it", default = [], read = values::list(values::located(values::text)))]
        allows: Vec<Located<String>>,
        /// Statements that are expected to be held until people say yes.
        #[form("SQL, or a list of it", default = [], read = values::list(values::located(values::text)))]
        holds: Vec<Located<String>>,
        /// Statements that are expected to be denied.
        #[form("SQL, or a list of it", default = [], read = values::list(values::located(values::text)))]
        denies: Vec<Located<String>>,
    }
}

impl Gathering {
    pub(in crate::config) fn add_cases<'a>(&mut self, tables: &'a DeTable<'a>, file: Source<'a>) {
        for (name, section) in self.named("cases", tables, file, Case::KEYS, &[]) {
            if ["allows", "holds", "denies"].iter().all(|key| !section.says(key)) {
                let what = format!("[{}] expects nothing", section.title());
                file.mistakes.add(section.place(), what, "add statements to `allows`, `holds` or `denies`");
            }
            if let Some(case) = Case::read(&section) {
                self.cases.insert(name, case);
            }
        }
    }
}
