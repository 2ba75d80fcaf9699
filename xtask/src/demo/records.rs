//! Reads the gateway's records, and shows some of them as a short table.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use gateway_audit::reader;
use serde_json::Value;

use super::screen::{Screen, Tone};
use crate::stage::wait_for;

/// The folder that the gateway writes to.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
}

/// One record.
#[derive(Debug, Clone)]
pub(super) struct Record(Value);

impl Records {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(super) fn all(&self) -> Vec<Record> {
        let records = reader::everything(&self.path).unwrap_or_default();
        records.iter().filter_map(|record| serde_json::to_value(record).ok().map(Record)).collect()
    }

    /// The first record of its kind; refusals by the kernel reach the gateway a moment later than the agent.
    pub(super) fn find(&self, what: &str, is_it: impl Fn(&Record) -> bool) -> Result<Record> {
        wait_for(what, Duration::from_secs(5), || self.all().into_iter().find(&is_it))
    }
}

impl Record {
    /// A word or number of the record itself or of whom it is about; empty where there is none.
    pub(super) fn word(&self, key: &str) -> String {
        let value = self.0.get(key).or_else(|| self.0.get("who").and_then(|who| who.get(key)));
        match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            // A word with more to say, as `{"denied": …}`.
            Some(Value::Object(more)) => more.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }

    pub(super) fn is(&self, event: &str, key: &str, value: &str) -> bool {
        self.word("event") == event && self.word(key) == value
    }

    /// Path and hash of the program.
    pub(super) fn program(&self) -> Option<(String, String)> {
        let exe = self.0.get("exe").or_else(|| self.0.get("who")?.get("exe"))?;
        Some((exe.get("path")?.as_str()?.to_owned(), exe.get("sha256")?.as_str()?.to_owned()))
    }

    fn row(&self) -> Option<[String; 4]> {
        let who = || format!("{} ({})", self.word("comm"), self.word("tgid"));
        let (event, place, result) = match self.word("event").as_str() {
            "opened" => ("opened", self.target(), self.word("original")),
            "denied" => ("denied", self.word("original"), self.word("because")),
            "ended" => ("ended", self.target(), self.ending()),
            "approval" => {
                let request = format!("request {}", self.word("request"));
                return Some(["approval".to_owned(), self.word("by"), request, self.word("step")]);
            }
            "command" => return Some(self.command()),
            "asked" => ("asked", self.word("name"), self.word("answer")),
            "kernel_refused" => {
                let place = match self.word("destination") {
                    none if none.is_empty() => self.word("act"),
                    destination => destination,
                };
                ("refused", place, self.word("why"))
            }
            _ => return None,
        };
        Some([event.to_owned(), who(), place, result])
    }

    fn command(&self) -> [String; 4] {
        let text: String = self.word("text").chars().take(28).collect();
        let session = format!("session {}", self.word("session").chars().take(6).collect::<String>());
        ["command".to_owned(), session, format!("{text}…"), self.word("verdict")]
    }

    fn target(&self) -> String {
        format!("target {}", self.word("target"))
    }

    fn ending(&self) -> String {
        let how = self.0.get("ending").and_then(|ending| ending.get("how")).and_then(Value::as_str);
        let bytes = [self.word("sent_bytes"), self.word("received_bytes")];
        format!("{}, {} B out, {} B in", how.unwrap_or_default(), bytes[0], bytes[1])
    }
}

/// Prints them in columns.
pub(super) fn show(screen: &Screen, records: &[Record]) {
    let mut rows = vec![["event", "process", "where", "result"].map(str::to_owned)];
    rows.extend(records.iter().filter_map(Record::row));
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let widths = [0, 1, 2].map(|column| width(column).unwrap_or_default());
    for (number, [event, process, place, result]) in rows.iter().enumerate() {
        let [a, b, c] = widths;
        let line = format!("{event:<a$}  {process:<b$}  {place:<c$}  {result}");
        screen.say(&if number == 0 { screen.paint(Tone::Faint, &line) } else { line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_who_and_where_in_either_of_its_shapes() {
        let opened = Record(serde_json::json!({
            "event": "opened", "comm": "psql", "tgid": 7, "target": "orders", "original": "192.0.2.1:5432"
        }));
        assert_eq!(opened.row().unwrap(), ["opened", "psql (7)", "target orders", "192.0.2.1:5432"]);
        let denied = Record(serde_json::json!({
            "event": "denied", "who": {"comm": "curl", "tgid": 8}, "original": "192.0.2.2:80",
            "because": "no_target"
        }));
        assert_eq!(denied.row().unwrap(), ["denied", "curl (8)", "192.0.2.2:80", "no_target"]);
        assert!(denied.is("denied", "comm", "curl"));
    }
}
