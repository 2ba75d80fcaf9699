//! What permits are bounded by: `limits` of a rule.

use std::time::Duration;

use gateway_policy::limits::Limits;
use toml::de::DeValue;

use crate::config::section::{Section, Value, section};
use crate::config::values;

section! {
    /// Bounds of what the rule allows: `limits = { rows = 1000, time = "30s" }`. Where several rules allow a statement,
    /// the tightest of their bounds hold. A bound that is reached ends the statement with an error, and the
    /// session goes on.
    pub struct LimitKeys {
        /// How many rows one statement may return.
        #[form("a whole number", default = "none", read = values::or_none(values::count(0..=1_000_000_000_000)))]
        rows: Option<u64>,
        /// How many bytes of rows one statement may return, as they are on the wire.
        #[form("a size", default = "none", read = values::or_none(values::size(1024..=u32::MAX)))]
        bytes: Option<u32>,
        /// How long one statement may take.
        #[form("a duration", default = "none", read = values::or_none(values::duration))]
        time: Option<Duration>,
        /// How many statements may begin within a minute, in all sessions of an agent at a target.
        #[form("a whole number", default = "none", read = values::or_none(values::count(0..=1_000_000)))]
        per_minute: Option<u32>,
        /// How many statements may run at a time, in all sessions of an agent at a target.
        #[form("a whole number", default = "none", read = values::or_none(values::count(0..=100_000)))]
        concurrent: Option<u32>,
    }
}

pub(super) fn limits(value: &Value<'_>) -> Option<Limits> {
    let DeValue::Table(table) = value.content else {
        return value.wrong("it is no table", "write `limits = { rows = 1000 }`");
    };
    let title = value.name.replacen('[', "", 1).replacen("] ", ".", 1);
    let section = Section::new(title, table, value.span.clone(), value.source, LimitKeys::KEYS);
    let LimitKeys { rows, bytes, time, per_minute, concurrent } = LimitKeys::read(&section)?;
    Some(Limits { rows, bytes: bytes.map(u64::from), time, per_minute, concurrent })
}
