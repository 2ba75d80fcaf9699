//! Rules about connecting: `[leases.NAME]`.
//!
//! Here they are only read. What a rule means stands in `gateway_policy::access`.

use std::time::Duration;

use gateway_policy::access::{Given, LeaseRule};
use gateway_policy::rule::Pattern;
use toml::de::DeTable;

use super::load::Gathering;
use super::section::{Source, Value, did_you_mean, section};
use super::values;

section! {
    /// One table for each rule about connecting: `[leases.NAME]`. An agent may reach its targets for as long as the
    /// configuration says so; these rules shorten that, or ask for a lease that somebody has given ahead with
    /// `postern lease request`. Of all that fit, the strictest counts. In names `*` stands for any text.
    pub struct LeaseKeys {
        /// The agents that the rule is about; `"*"` is every agent.
        #[form("a name, or a list of them", default = required, read = values::some(pattern))]
        agents: Vec<Pattern>,
        /// The targets that the rule is about; `"*"` is every target.
        #[form("a name, or a list of them", default = required, read = values::some(pattern))]
        targets: Vec<Pattern>,
        /// The databases that the rule is about. None named is every one. Where the database is not known, since `tcp`
        /// is spoken, the rule holds as well.
        #[form("a name, or a list of them", default = [], read = values::list(pattern))]
        databases: Vec<Pattern>,
        /// How long a lease lasts. Then its sessions end, whatever they do. Without it a lease lasts as long as it has
        /// sessions.
        #[form("a duration, or \"none\"", default = "none", read = values::or_none(values::duration))]
        time: Option<Duration>,
        /// How many sessions a lease may have at once.
        #[form("a number from 1 to 100000, or \"none\"", default = "none", read = values::or_none(values::count(1..=100_000)))]
        sessions: Option<u32>,
        /// Whether a lease is given with the first connection, or somebody has to ask for it ahead.
        #[form("\"at-once\" or \"ahead\"", default = "at-once", read = given)]
        given: Given,
    }
}

impl LeaseKeys {
    pub(super) fn rule(self, name: String) -> LeaseRule {
        LeaseRule {
            name,
            agents: self.agents,
            targets: self.targets,
            databases: self.databases,
            time: self.time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            sessions: self.sessions,
            given: self.given,
        }
    }
}

impl Gathering {
    pub(super) fn add_leases<'a>(&mut self, tables: &'a DeTable<'a>, file: Source<'a>) {
        for (name, section) in self.named("leases", tables, file, LeaseKeys::KEYS, &[]) {
            let Some(keys) = LeaseKeys::read(&section) else { continue };
            self.leases.push(keys.rule(name));
        }
    }
}

fn pattern(value: &Value<'_>) -> Option<Pattern> {
    values::parsed(Pattern::parse, "write a name, or one with `*`, such as \"reporting-*\"")(value)
}

fn given(value: &Value<'_>) -> Option<Given> {
    const WORDS: [&str; 2] = ["at-once", "ahead"];
    match values::text(value)?.as_str() {
        "at-once" => Some(Given::AtOnce),
        "ahead" => Some(Given::Ahead),
        other => value.wrong(format!("`{other}` is not known here"), did_you_mean(other, &WORDS)),
    }
}
