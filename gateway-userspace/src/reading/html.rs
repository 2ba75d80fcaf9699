//! A timeline as one page that needs nothing else: no script, no other file, and nothing of an agent's that a browser would
//! take for more than text.

use std::fmt::Write as _;

use gateway_audit::gist::Outcome;
use gateway_audit::visible::visible_lines;

use super::paint::{bytes, lasting_us};
use super::screen::clock;
use super::timeline::{Command, Step, Timeline};

const STYLE: &str = include_str!("html/style.css");

pub fn page(timeline: &Timeline) -> String {
    let mut page = String::new();
    // Even if something slipped through, a browser that keeps to this runs and loads nothing.
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Session {}</title><style>{STYLE}</style></head><body><main>\n",
        escaped(&timeline.name)
    );
    page.push_str(&head(timeline));
    page.push_str("<ol class=\"steps\">\n");
    timeline.steps.iter().for_each(|step| page.push_str(&entry(step)));
    page.push_str("</ol>\n</main></body></html>\n");
    page
}

fn head(timeline: &Timeline) -> String {
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Some(opened) = &timeline.opened {
        let (who, of) = (&opened.who, &opened.of);
        facts.push(("Agent", of.agent.clone()));
        facts.extend(timeline.person.iter().map(|person| ("Person", person.clone())));
        facts.push(("Target", format!("{} at {}", of.target, opened.original)));
        facts.push(("Database", opened.database.clone()));
        facts.push(("Login", format!("{} (says it is {})", opened.login, opened.claimed)));
        facts.push(("Process", format!("{}[{}], uid {}", who.comm, who.pid, who.uid)));
        if let Some(exe) = &who.exe {
            facts.push(("Program", exe.path.clone()));
            facts.extend(exe.sha256.iter().map(|hash| ("SHA-256", hash.clone())));
        }
        facts.push(("Cgroup", who.cgroup_path.clone()));
    }
    facts.extend(timeline.began.iter().map(|began| ("Began", began.clone())));
    let ending = timeline.ending.clone().unwrap_or_else(|| "still open".to_owned());
    facts.push(("Ended", ending));
    let rows: String =
        facts.iter().map(|(name, text)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(text))).collect();
    let counts = [
        ("commands", timeline.commands().count().to_string(), ""),
        ("denied", timeline.denied().to_string(), if timeline.denied() > 0 { "denied" } else { "" }),
        (
            "long",
            lasting_us(u64::try_from(timeline.lasted_ms()).unwrap_or_default().saturating_mul(1000)),
            "",
        ),
    ];
    let counts: String = counts
        .iter()
        .map(|(name, value, class)| format!("<div class=\"{class}\"><b>{}</b>{name}</div>", escaped(value)))
        .collect();
    format!(
        "<header><h1>Session <code>{}</code></h1><div class=\"counts\">{counts}</div></header>\n<dl>{rows}</dl>\n",
        escaped(&timeline.name)
    )
}

fn entry(step: &Step) -> String {
    let class = match step.outcome {
        Outcome::Allowed => "allowed",
        Outcome::Denied => "denied",
        Outcome::Failed => "failed",
        Outcome::Waiting => "waiting",
        Outcome::Told => "told",
    };
    let time = format!("<time title=\"{}\">{}</time>", escaped(&step.at), clock(step.after_ms));
    let rules: String =
        step.rules.iter().map(|rule| format!("<span class=\"rule\">{}</span>", escaped(rule))).collect();
    let says = escaped(&step.says);
    match &step.command {
        Some(command) => format!(
            "<li class=\"command {class}\">{time}<div><p><b>#{}</b> <span class=\"says\">{says}</span>{rules}</p>{}</div></li>\n",
            command.number,
            statement(command)
        ),
        None => format!("<li class=\"note {class}\">{time}<div><p class=\"says\">{says}</p></div></li>\n"),
    }
}

fn statement(command: &Command) -> String {
    let lines: Vec<String> = visible_lines(&command.text).map(|line| markup(&line)).collect();
    let mut html = format!("<pre>{}</pre>", lines.join("\n"));
    if !command.parameters.is_empty() {
        let numbered = (1..)
            .zip(&command.parameters)
            .map(|(at, value)| format!("<code>${at}</code> {}", escaped(value)));
        let _ = write!(html, "<p class=\"parameters\">{}</p>", numbered.collect::<Vec<_>>().join(" · "));
    }
    if let Some(answered) = &command.result {
        let class = if answered.outcome == Outcome::Failed { "failed" } else { "" };
        let _ = write!(
            html,
            "<p class=\"result {class}\">{} · {} rows · {} · {}</p>",
            escaped(&answered.says),
            answered.rows,
            bytes(answered.bytes),
            lasting_us(answered.took_us)
        );
    }
    html
}

/// Text in one line: made visible first, then safe as markup.
fn escaped(text: &str) -> String {
    markup(&gateway_audit::visible::visible(text))
}

fn markup(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
