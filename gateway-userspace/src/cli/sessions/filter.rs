//! Which sessions are meant, as options.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::reading::index::Filter;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Sessions of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Sessions that this person answers for
    #[arg(long)]
    person: Option<String>,
    /// Sessions with this target
    #[arg(long)]
    target: Option<String>,
    /// Sessions not over before this time, such as 2026-01-31T08:00:00Z, or within so long, such as 2h
    #[arg(long, value_parser = time)]
    since: Option<i64>,
    /// Sessions that began by this time
    #[arg(long, value_parser = time)]
    until: Option<i64>,
    /// Sessions in which a command met this
    #[arg(long, value_parser = ["allowed", "denied", "held", "failed"])]
    verdict: Option<String>,
    /// Sessions in which a statement named this table
    #[arg(long)]
    table: Option<String>,
    /// Sessions in which this rule decided
    #[arg(long)]
    rule: Option<String>,
    /// Sessions with a statement that has this in it
    #[arg(long)]
    text: Option<String>,
}

impl From<Options> for Filter {
    fn from(options: Options) -> Self {
        let Options { agent, person, target, since, until, verdict, table, rule, text } = options;
        Self { agent, person, target, verdict, table, rule, text, since, until }
    }
}

/// A time, or how long ago.
fn time(text: &str) -> Result<i64, String> {
    let at = match humantime::parse_rfc3339_weak(text) {
        Ok(at) => at,
        Err(_) => {
            let ago = humantime::parse_duration(text).map_err(|_| {
                "write a time such as 2026-01-31T08:00:00Z, or how long ago, such as 2h".to_owned()
            })?;
            SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH)
        }
    };
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).map_err(|error| error.to_string())
}

/// As times stand in records, to the second.
pub fn written(millis: i64) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default());
    humantime::format_rfc3339_seconds(at).to_string()
}
