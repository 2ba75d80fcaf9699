//! Records as lines of the Common Event Format.
//!
//! A line is seven fields between bars and then pairs of key and value. Each of both has its own escapes; the rest that
//! could end a line or move a cursor is written out.

use std::fmt::Write as _;

use crate::event::Event;
use crate::gist::{Gist, Outcome, Weight};
use crate::moment;
use crate::origin::Origin;

/// The longest statement that stands in a line; receivers cut long lines.
const STATEMENT: usize = 4_000;

pub fn cef(at: &str, event: &Event, origin: &Origin<'_>) -> String {
    let gist = Gist::of(event);
    let mut line = String::from("CEF:0|Postern|Postern");
    let severity = severity(gist.weight).to_string();
    for field in [origin.version, gist.kind, &title(&gist), &severity] {
        line.push('|');
        line.push_str(&header(field));
    }
    line.push('|');
    let pairs: Vec<String> =
        pairs(&gist, at, origin).into_iter().map(|(key, text)| format!("{key}={}", value(&text))).collect();
    line.push_str(&pairs.join(" "));
    line
}

/// What receivers show in a list, so it is of few kinds.
fn title(gist: &Gist<'_>) -> String {
    format!("{} {}", gist.kind.replace('_', " "), gist.outcome.name())
}

fn pairs(gist: &Gist<'_>, at: &str, origin: &Origin<'_>) -> Vec<(&'static str, String)> {
    let mut pairs = vec![
        ("externalId", origin.id()),
        ("dvchost", origin.host.to_owned()),
        ("act", gist.kind.to_owned()),
        ("outcome", outcome(gist.outcome).to_owned()),
        ("msg", gist.says.clone()),
    ];
    if let Some(millis) = moment::unix_millis(at) {
        pairs.push(("rt", millis.to_string()));
    }
    let mut add = |key, text: Option<String>| pairs.extend(text.map(|text| (key, text)));
    add("suser", gist.person.or(gist.agent).map(str::to_owned));
    add("dst", gist.destination.map(|place| place.ip().to_string()));
    add("dpt", gist.destination.map(|place| place.port().to_string()));
    add("spid", gist.who.map(|who| who.tgid.to_string()));
    add("suid", gist.who.map(|who| who.uid.to_string()));
    add("sproc", gist.who.map(|who| who.comm.clone()));
    add("fname", gist.who.and_then(|who| who.exe.as_ref()).map(|exe| exe.path.clone()));
    add("fileHash", gist.who.and_then(|who| who.exe.as_ref()).and_then(|exe| exe.sha256.clone()));
    add("in", gist.received_bytes.map(|bytes| bytes.to_string()));
    add("out", gist.sent_bytes.map(|bytes| bytes.to_string()));
    add("reason", gist.code.map(str::to_owned));
    add("cnt", gist.rows.map(|rows| rows.to_string()));
    let rules = (!gist.rules.is_empty()).then(|| gist.rules.join(" "));
    let agent = gist.agent.map(str::to_owned);
    let session = gist.session.map(str::to_owned);
    let target = gist.target.map(str::to_owned);
    let statement = gist.statement.map(|text| text.chars().take(STATEMENT).collect());
    for (key, label, name, text) in [
        ("cs1", "cs1Label", "session", session),
        ("cs2", "cs2Label", "target", target),
        ("cs3", "cs3Label", "rules", rules),
        ("cs4", "cs4Label", "statement", statement),
        ("cs5", "cs5Label", "agent", agent),
    ] {
        if let Some(text) = text {
            pairs.push((label, name.to_owned()));
            pairs.push((key, text));
        }
    }
    pairs
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "success",
        Outcome::Denied | Outcome::Failed => "failure",
        Outcome::Waiting | Outcome::Told => "unknown",
    }
}

const fn severity(weight: Weight) -> u8 {
    match weight {
        Weight::Usual => 1,
        Weight::Notable => 3,
        Weight::Warning => 6,
        Weight::Alarm => 9,
    }
}

/// A field between bars: `\` and `|` are escaped, and no line may end in it.
fn header(text: &str) -> String {
    escaped(text, &['|'], Newlines::Hidden)
}

/// A value of a pair: `\` and `=` are escaped, and a line's end is written `\n`.
fn value(text: &str) -> String {
    escaped(text, &['='], Newlines::Written)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Newlines {
    Hidden,
    Written,
}

fn escaped(text: &str, special: &[char], newlines: Newlines) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if special.contains(&c) => out.extend(['\\', c]),
            '\n' if newlines == Newlines::Written => out.push_str("\\n"),
            '\r' if newlines == Newlines::Written => out.push_str("\\r"),
            '\n' | '\r' | '\t' => out.push(' '),
            c if crate::visible::is_plain(c) => out.push(c),
            c => drop(write!(out, "\\\\u{{{:x}}}", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests;
