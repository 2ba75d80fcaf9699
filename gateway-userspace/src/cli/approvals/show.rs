//! One request on the screen. Whatever an agent wrote is made harmless to look at.

use gateway_audit::visible::{shortened, visible, visible_lines};

use super::left;
use crate::approvals::calls::{Shown, word};
use crate::approvals::{Effect, Meanwhile, Request};

pub fn screen(shown: &Shown) -> String {
    let request = &shown.request;
    let mut lines = head(request, shown.waiting);
    lines.push(String::new());
    lines.extend(visible_lines(&request.text).map(|line| format!("    {line}")));
    lines.push(String::new());
    if !request.parameters.is_empty() {
        let numbered = request.parameters.iter().enumerate();
        lines.extend(numbered.map(|(number, value)| format!("  ${} = {}", number + 1, visible(value))));
    }
    lines.push("It would:".to_owned());
    lines.extend(request.effects.iter().map(effect));
    if !request.transaction.is_empty() {
        lines.push("In this transaction before:".to_owned());
        lines.extend(request.transaction.iter().map(|text| format!("  {}", visible(text))));
    }
    lines.push("Plan: not asked for; the number of rows is not known.".to_owned());
    if !shown.similar.is_empty() {
        lines.push("The like of it before:".to_owned());
        let similar = shown.similar.iter();
        lines.extend(
            similar.map(|other| {
                format!("  {}  {}: {}", other.id, word(&other.state), shortened(&other.text, 80))
            }),
        );
    }
    lines.join("\n") + "\n"
}

fn head(request: &Request, waiting: u64) -> Vec<String> {
    let person = match request.person.as_slice() {
        [] => "nobody that is known".to_owned(),
        names => visible(&names.join(", ")),
    };
    let meanwhile = match request.meanwhile {
        Meanwhile::Waits => format!("{waiting} waiting on the wire"),
        Meanwhile::ComesAgain => "the agent comes again for the answer".to_owned(),
    };
    let said: Vec<String> = request.yes.iter().map(|said| visible(&said.person)).collect();
    let mut lines = vec![
        format!("request {}: {} ({meanwhile})", request.id, word(&request.state)),
        format!("  agent    {} for {person}", visible(&request.agent)),
        format!("  target   {}, database {}", visible(&request.target), visible(&request.database)),
        format!("  session  {}, command {}", request.session, request.command),
        format!("  rules    {}", request.rules.join(", ")),
    ];
    if request.is_pending() {
        lines.push(format!("  time     {} left", left(request.until_ms)));
    }
    if !said.is_empty() {
        lines.push(format!("  yes by   {}", said.join(", ")));
    }
    lines
}

fn effect(effect: &Effect) -> String {
    let details =
        if effect.details.is_empty() { String::new() } else { format!(": {}", effect.details.join("; ")) };
    visible(&format!("  {}{details}", effect.what))
}
