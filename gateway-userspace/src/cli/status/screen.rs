//! How `postern status` looks on a terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Gateway, View};
use crate::access::LeaseShown;
use crate::attribution::wire::EnforcerStatus;
use crate::config::Reload;
use crate::control::live::LiveConnection;
use crate::control::{EnforcerSeen, Status};
use crate::report::counted;

/// Connections that fit on a screen beside the rest.
const SHOWN: usize = 15;
/// What a cell shows when there is nothing to count.
const NOTHING: &str = "-";

pub(in crate::cli) type Row = Vec<String>;

pub(super) fn draw(view: &View) -> String {
    let mut parts = vec![health(view)];
    match &view.gateway {
        Gateway::Answers(status) => {
            parts.push(agents(status, &view.enforcer));
            parts.push(leases(status));
            parts.push(refusals(status));
            parts.push(connections(status));
        }
        Gateway::Gone { .. } => parts.push(watched(&view.enforcer)),
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// Who runs, at which level, and what weakens it.
fn health(view: &View) -> String {
    let gateway = match &view.gateway {
        Gateway::Answers(status) => format!(
            "running {}, process {}, {}",
            lasting(status.uptime_ms),
            status.pid,
            counted(usize::try_from(status.open_connections).unwrap_or(usize::MAX), "open connection")
        ),
        Gateway::Gone { why } => format!("GONE: {why}"),
    };
    let mut rows = vec![vec!["gateway".to_string(), gateway]];
    match &view.enforcer {
        EnforcerSeen::Answers(status) => rows.extend(level(view, status)),
        EnforcerSeen::Gone { why } => rows.push(vec!["enforcer".to_string(), format!("GONE: {why}")]),
    }
    if let Gateway::Answers(status) = &view.gateway {
        rows.extend(status.locks.iter().map(|lock| {
            let why = lock.why.as_ref().map(|why| format!(": {}", printable(why))).unwrap_or_default();
            let (scope, by) = (printable(&lock.scope.to_string()), printable(&lock.by));
            vec!["LOCKED".to_string(), format!("{scope}, since {} by {by}{why}", lock.since)]
        }));
        rows.extend(reload("gateway", &status.reload));
    }
    if let EnforcerSeen::Answers(status) = &view.enforcer {
        rows.extend(reload("enforcer", &status.reload));
    }
    if let Gateway::Answers(status) = &view.gateway {
        rows.extend(status.counts.would_deny.iter().map(|(agent, count)| {
            let said = format!("{count} commands of {agent} went on that would have been denied");
            vec!["observed".to_string(), said]
        }));
    }
    rows.extend(view.dangers.iter().map(|danger| {
        vec!["danger".to_string(), format!("[{}] {}: {}", danger.table, danger.key, danger.what)]
    }));
    table(rows)
}

fn level(view: &View, status: &EnforcerStatus) -> Vec<Row> {
    let said = match status.level {
        Some(level) if level >= view.minimum => format!("level {level}"),
        Some(level) if level.admits_agents(view.minimum) => {
            format!("level {level}: agents start in a hardened unit only")
        }
        Some(level) => format!("level {level}, BELOW {}: agents are cut off", view.minimum),
        None => "NO LEVEL: the kernel refuses agents nothing yet".to_string(),
    };
    let mut rows = vec![vec!["enforcer".to_string(), format!("kernel {}, {said}", status.kernel)]];
    if !status.open_vectors.is_empty() {
        rows.push(vec!["open".to_string(), status.open_vectors.join(", ")]);
    }
    if status.lost_events > 0 {
        rows.push(vec!["lost".to_string(), format!("{} reports of refusals", status.lost_events)]);
    }
    rows
}

/// What the configuration says and the running service does not do.
fn reload(who: &str, reload: &Reload) -> Vec<Row> {
    let mut rows = Vec::new();
    if !reload.restart_needed.is_empty() {
        let keys = reload.restart_needed.join(", ");
        rows.push(vec!["restart".to_string(), format!("the {who}, so that {keys} holds")]);
    }
    if let Some(why) = &reload.refused {
        rows.push(vec!["reload".to_string(), format!("REFUSED by the {who}: {why}; the former one holds")]);
    }
    rows
}

/// One row for each agent, configured or only seen.
fn agents(status: &Status, enforcer: &EnforcerSeen) -> String {
    let counts = &status.counts;
    let cgroups = cgroups_of(enforcer);
    let names: BTreeSet<&str> = status
        .agents
        .iter()
        .chain(counts.denied.keys())
        .chain(counts.kernel_refused.keys())
        .map(String::as_str)
        .chain(cgroups.keys().copied())
        .collect();
    let row = |name: &str| {
        let sum = |of: &BTreeMap<String, BTreeMap<String, u64>>| {
            of.get(name).map(|by_kind| by_kind.values().sum::<u64>()).unwrap_or_default()
        };
        vec![
            printable(name),
            number(cgroups.get(name).copied().unwrap_or_default()),
            number(status.live_by_agent.get(name).copied().unwrap_or_default()),
            number(counts.opened.get(name).copied().unwrap_or_default()),
            number(sum(&counts.denied)),
            number(sum(&counts.kernel_refused)),
        ]
    };
    let heading = ["AGENT", "CGROUPS", "OPEN", "OPENED", "DENIED", "REFUSED BY KERNEL"];
    table(std::iter::once(words(heading)).chain(names.into_iter().map(row)).collect())
}

fn cgroups_of(enforcer: &EnforcerSeen) -> BTreeMap<&str, u64> {
    match enforcer {
        EnforcerSeen::Answers(status) => {
            status.agents.iter().map(|agent| (agent.name.as_str(), agent.cgroups.len() as u64)).collect()
        }
        EnforcerSeen::Gone { .. } => BTreeMap::new(),
    }
}

/// Leave to connect that ends at a time.
fn leases(status: &Status) -> String {
    if status.leases.is_empty() {
        return String::new();
    }
    table(lease_rows(status.leases.iter().take(SHOWN)))
}

pub(in crate::cli) fn lease_rows<'a>(leases: impl Iterator<Item = &'a LeaseShown>) -> Vec<Row> {
    let row = |lease: &LeaseShown| {
        let most = lease.most_sessions.map(|most| format!(" of {most}")).unwrap_or_default();
        vec![
            lease.lease.clone(),
            printable(&lease.agent),
            lease.person.as_deref().map_or(NOTHING.to_string(), printable),
            printable(&lease.target),
            lease.database.as_deref().map_or("any".to_string(), printable),
            format!("{}{most}", lease.open_sessions),
            lease.left_ms.map_or("open end".to_string(), lasting),
            lease.asked_by.as_deref().map_or(NOTHING.to_string(), printable),
            lease.purpose.as_deref().map_or(NOTHING.to_string(), printable),
        ]
    };
    let heading =
        words(["LEASE", "AGENT", "PERSON", "TARGET", "DATABASE", "SESSIONS", "LEFT", "ASKED BY", "PURPOSE"]);
    std::iter::once(heading).chain(leases.map(row)).collect()
}

/// Why things were refused, most frequent first.
fn refusals(status: &Status) -> String {
    let kinds = [("denied", &status.counts.denied), ("refused by kernel", &status.counts.kernel_refused)];
    let mut rows: Vec<(u64, Row)> = Vec::new();
    for (how, by_agent) in kinds {
        for (agent, by_reason) in by_agent {
            rows.extend(by_reason.iter().map(|(reason, count)| {
                (*count, vec![printable(agent), how.to_string(), printable(reason), number(*count)])
            }));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let heading = std::iter::once(words(["REFUSALS", "HOW", "WHAT", "TIMES"]));
    table(heading.chain(rows.into_iter().take(SHOWN).map(|(_, row)| row)).collect())
}

fn connections(status: &Status) -> String {
    if status.live.is_empty() {
        return String::new();
    }
    let row = |live: &LiveConnection| {
        vec![
            printable(&live.agent),
            format!("{}[{}]", printable(&live.comm), live.pid),
            printable(&live.target),
            live.original.to_string(),
            bytes(live.sent_bytes),
            bytes(live.received_bytes),
            lasting(live.open_for_ms),
        ]
    };
    let heading = std::iter::once(words([
        "CONNECTION",
        "PROCESS",
        "TARGET",
        "DESTINATION",
        "SENT",
        "RECEIVED",
        "OPEN FOR",
    ]));
    let shown = table(heading.chain(status.live.iter().take(SHOWN).map(row)).collect());
    let all: u64 = status.live_by_agent.values().sum();
    match all.saturating_sub(SHOWN as u64) {
        0 => shown,
        more => format!("{shown}and {more} more\n"),
    }
}

/// Without the gateway: what is watched, which is then cut off.
fn watched(enforcer: &EnforcerSeen) -> String {
    let rows: Vec<Row> =
        cgroups_of(enforcer).into_iter().map(|(name, count)| vec![printable(name), number(count)]).collect();
    if rows.is_empty() {
        String::new()
    } else {
        table(std::iter::once(words(["AGENT", "CGROUPS"])).chain(rows).collect())
    }
}

/// Columns as wide as their widest cell; the last one is left as it is.
pub(in crate::cli) fn table(rows: Vec<Row>) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = (*width).max(cell.chars().count()));
    }
    let line = |row: Row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.into_iter().map(line).collect()
}

pub(in crate::cli) fn words<const N: usize>(words: [&str; N]) -> Row {
    words.map(str::to_string).to_vec()
}

fn number(count: u64) -> String {
    if count == 0 { NOTHING.to_string() } else { count.to_string() }
}

/// Agents choose the names of their processes; none of them may speak to the terminal or turn its text round.
pub(in crate::cli) fn printable(text: &str) -> String {
    let plain = |c: char| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
    text.chars().map(|c| if plain(c) { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut scaled = count;
    let mut unit = 0;
    while scaled >= 1024 * 1024 && unit + 1 < UNITS.len() {
        scaled /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", scaled / 1024, scaled % 1024 * 10 / 1024, UNITS.get(unit).unwrap_or(&"TiB"))
}

/// A time as people say it, in whole seconds.
fn lasting(millis: u64) -> String {
    humantime::format_duration(Duration::from_secs(millis / 1000)).to_string()
}
