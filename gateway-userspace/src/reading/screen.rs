//! A timeline as people read it in a terminal.
//!
//! What agents wrote never begins a line: each line of a statement stands behind a bar, so that none can be taken for a
//! line of ours.

use gateway_audit::gist::Outcome;
use gateway_audit::visible::{visible, visible_lines};

use super::paint::{Ink, Paint, bytes, ink_of, lasting_us};
use super::timeline::{Command, Step, Timeline};

/// Lines of a statement that are shown, unless all are asked for.
pub const LINES: usize = 40;

pub fn draw(timeline: &Timeline, paint: Paint, most_lines: usize) -> String {
    let steps: String = timeline.steps.iter().map(|step| draw_step(step, paint, most_lines)).collect();
    format!("{}\n{steps}\n{}", head(timeline, paint), foot(timeline, paint))
}

pub fn head(timeline: &Timeline, paint: Paint) -> String {
    let mut rows = vec![("session", paint.ink(Ink::Bold, &visible(&timeline.name)))];
    if let Some(opened) = &timeline.opened {
        let (who, of) = (&opened.who, &opened.of);
        let exe = who.exe.as_ref().map_or("", |exe| exe.path.as_str());
        rows.push(("agent", paint.ink(Ink::Name, &visible(&of.agent))));
        rows.extend(timeline.person.iter().map(|person| ("person", paint.ink(Ink::Name, &visible(person)))));
        rows.push(("process", visible(&format!("{}[{}] {exe}, uid {}", who.comm, who.pid, who.uid))));
        rows.push(("cgroup", visible(&who.cgroup_path)));
        let target = format!("{} at {}, database {}", of.target, opened.original, opened.database);
        rows.push(("target", paint.ink(Ink::Name, &visible(&target))));
        rows.push(("login", visible(&format!("{} (says it is {})", opened.login, opened.claimed))));
    }
    rows.extend(timeline.began.iter().map(|began| ("began", visible(began))));
    rows.into_iter()
        .map(|(name, text)| format!("{}{text}\n", paint.ink(Ink::Faint, &format!("{name:<9}"))))
        .collect()
}

pub fn draw_step(step: &Step, paint: Paint, most_lines: usize) -> String {
    let time = paint.ink(Ink::Faint, &format!("{:>10}", clock(step.after_ms)));
    let Some(command) = &step.command else {
        let ink = if step.stands_out() { Ink::Bad } else { Ink::Faint };
        return format!("{time}  · {}\n", paint.ink(ink, &visible(&step.says)));
    };
    let mark = match step.outcome {
        Outcome::Allowed => "✓",
        Outcome::Denied => "✗",
        Outcome::Waiting => "⏸",
        Outcome::Failed | Outcome::Told => "!",
    };
    let rules = step.rules.iter().map(|rule| visible(rule)).collect::<Vec<_>>().join(", ");
    let rules = if rules.is_empty() { String::new() } else { format!("  [{rules}]") };
    let number = paint.ink(Ink::Bold, &format!("#{}", command.number));
    let verdict = paint.ink(ink_of(step.outcome), &format!("{mark} {}", visible(&step.says)));
    format!(
        "{time}  {number} {verdict}{}\n{}{}",
        paint.ink(Ink::Faint, &rules),
        statement(command, paint, most_lines),
        result(command, paint)
    )
}

fn statement(command: &Command, paint: Paint, most: usize) -> String {
    let bar = paint.ink(Ink::Faint, "│");
    let all: Vec<String> = visible_lines(&command.text).collect();
    let mut lines: Vec<String> =
        all.iter().take(most).map(|line| format!("{:12}{bar} {line}\n", "")).collect();
    if all.len() > most {
        let rest = paint.ink(Ink::Faint, &format!("… {} more lines", all.len() - most));
        lines.push(format!("{:12}{bar} {rest}\n", ""));
    }
    if !command.parameters.is_empty() {
        let numbered =
            (1..).zip(&command.parameters).map(|(at, value)| format!("${at} = {}", visible(value)));
        let text = numbered.collect::<Vec<_>>().join(", ");
        lines.push(format!("{:12}{bar} {}\n", "", paint.ink(Ink::Faint, &text)));
    }
    lines.concat()
}

fn result(command: &Command, paint: Paint) -> String {
    let Some(answered) = &command.result else { return String::new() };
    let facts = format!(
        "{}  ·  {} rows, {}  ·  {}",
        visible(&answered.says),
        answered.rows,
        bytes(answered.bytes),
        lasting_us(answered.took_us)
    );
    format!("{:12}{} {}\n", "", paint.ink(Ink::Faint, "└"), paint.ink(ink_of(answered.outcome), &facts))
}

fn foot(timeline: &Timeline, paint: Paint) -> String {
    let ending = timeline.ending.as_deref().map_or_else(|| "still open".to_owned(), visible);
    let text = format!(
        "{} commands, {} denied, {}; {ending}",
        timeline.commands().count(),
        timeline.denied(),
        lasting_us(u64::try_from(timeline.lasted_ms()).unwrap_or_default().saturating_mul(1000))
    );
    format!("{}\n", paint.ink(Ink::Bold, &text))
}

/// Time since the beginning: `+1.250 s`, `+2:03:04`.
pub fn clock(after_ms: i64) -> String {
    let millis = after_ms.max(0);
    let (seconds, rest) = (millis / 1000, millis % 1000);
    match seconds {
        0..60 => format!("+{seconds}.{rest:03}"),
        60..3600 => format!("+{}:{:02}.{}", seconds / 60, seconds % 60, rest / 100),
        _ => format!("+{}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60),
    }
}
