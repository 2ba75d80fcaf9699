//! `postern policy explain`.

use std::process::ExitCode;

use anyhow::bail;
use gateway_policy::approval::{Asking, Hold};
use gateway_policy::explain::{Explained, Explanation, Said};
use gateway_policy::judge::{Because, Denial, Verdict};
use gateway_policy::rule::Subject;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::config::Config;

/// Say what a statement does, which rules have something to say of it, and what comes of it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent that asks
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// The subject of the person that it acts for
    #[arg(long, value_name = "SUBJECT")]
    person: Option<String>,
    /// A group of that person; may be given several times
    #[arg(long = "group", value_name = "GROUP", requires = "person")]
    groups: Vec<String>,
    /// The target that is asked
    #[arg(long, value_name = "NAME")]
    target: String,
    /// The database of the target
    #[arg(long, value_name = "NAME", default_value = "postgres")]
    database: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The message, of one or more statements
    #[arg(value_name = "SQL")]
    statement: String,
}

impl Args {
    /// Exits with 0 whether the statement is allowed or not: the question was answered.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        let person = super::acting_for(self.person.as_deref(), &self.groups);
        let subject = Subject { person: person.as_ref(), ..self.subject(&config)? };
        let explanation = config.policy().over(&subject).explain(&super::reading::facts(&self.statement));
        if self.json {
            println!("{:#}", machines(&explanation));
        } else {
            print!("{}", people(&explanation));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn subject(&self, config: &Config) -> anyhow::Result<Subject<'_>> {
        let Some(agent) = config.agents.get(&self.agent) else {
            bail!("the configuration has no agent `{}`", self.agent);
        };
        if !agent.targets.contains(&self.target) {
            bail!("agent `{}` may not reach a target `{}`, whatever rules say", self.agent, self.target);
        }
        Ok(Subject { agent: &self.agent, person: None, target: &self.target, database: &self.database })
    }
}

fn people(explanation: &Explanation) -> String {
    let mut lines = Vec::new();
    for effect in &explanation.effects {
        lines.push(format!("statement {}: {}", effect.statement + 1, effect.effect));
        lines.extend(effect.details.iter().map(|detail| format!("    {detail}")));
        lines.extend(effect.rules.iter().map(|(rule, said)| format!("    rule {rule} {}", says(*said))));
        lines.push(format!("    {}", ruling(effect)));
    }
    if explanation.effects.is_empty() && explanation.unknowns.is_empty() {
        lines.push("it does nothing that a rule could be about".to_owned());
    }
    lines.extend(explanation.unknowns.iter().map(|unknown| format!("not known: {unknown}")));
    match explanation.judgement.verdict() {
        Verdict::Allow(permit) => match permit.observed() {
            Some(denial) => lines.push(format!("observed: {}", denial.message)),
            None => lines.push("allowed".to_owned()),
        },
        Verdict::Hold(hold) => lines.push(held(&hold)),
        Verdict::Deny(denial) => {
            lines.push(format!("denied: {}", denial.message));
            lines.extend(denial.hint.map(|hint| format!("hint: {hint}")));
        }
    }
    lines.join("\n") + "\n"
}

fn held(hold: &Hold) -> String {
    let asked = hold.asking().iter().map(|Asking { rule, terms }| {
        let voices: Vec<String> = terms.approvers.iter().map(ToString::to_string).collect();
        format!("{} of {} (rule {rule})", terms.quorum, voices.join(", "))
    });
    let asked: Vec<String> = asked.collect();
    format!("held: {} waits for a yes from {}", hold.what(), asked.join(" and "))
}

fn ruling(effect: &Explained) -> String {
    match &effect.ruling {
        Err(denial) => format!("denied, because {}", because(denial)),
        Ok(()) if effect.rules.is_empty() => "allowed, and needs no rule".to_owned(),
        Ok(()) if effect.rules.iter().any(|(_, said)| *said == Said::Holds) => "held".to_owned(),
        Ok(()) => "allowed".to_owned(),
    }
}

fn because(denial: &Denial) -> String {
    match &denial.because {
        Because::Rule(rule) => format!("rule {rule} denies it"),
        Because::NothingAllows => "no rule allows it".to_owned(),
        Because::Condition(rule) => format!("rule {rule} needs more"),
        Because::Limit => "a limit is reached".to_owned(),
        Because::Unknown(reason) => format!("the statement {}", reason.sentence()),
        Because::NotApproved(why) => format!("it was to be approved: {why}"),
    }
}

/// What a rule says, after its name.
fn says(said: Said) -> String {
    match said {
        Said::Denies => "denies it".to_owned(),
        Said::Spares => "would deny it, but for its condition".to_owned(),
        Said::Holds => "holds it until people say yes".to_owned(),
        Said::SparesHold => "would hold it, but for its condition".to_owned(),
        Said::Allows => "allows it".to_owned(),
        Said::AllowsColumns => "allows some columns".to_owned(),
        Said::Lacks(condition) => format!("would allow it with `{condition}`"),
        Said::MightAllow => "would allow it if the schema were known".to_owned(),
        Said::DoesNotHold => "says nothing of it, since its `when` is not true".to_owned(),
        Said::MightHold => "would allow it if what its `when` asks were known".to_owned(),
    }
}

fn machines(explanation: &Explanation) -> Value {
    let effects: Vec<Value> = explanation
        .effects
        .iter()
        .map(|effect| {
            let rules: Vec<Value> = effect
                .rules
                .iter()
                .map(|(rule, said)| json!({ "rule": **rule, "says": says(*said) }))
                .collect();
            json!({
                "statement": effect.statement + 1,
                "effect": effect.effect,
                "details": effect.details,
                "rules": rules,
                "allowed": effect.ruling.is_ok(),
                "because": effect.ruling.as_ref().err().map(because),
            })
        })
        .collect();
    let (allowed, denial, held) = match explanation.judgement.verdict() {
        Verdict::Allow(permit) => (true, permit.observed().cloned(), None),
        Verdict::Hold(hold) => (false, None, Some(hold)),
        Verdict::Deny(denial) => (false, Some(denial), None),
    };
    let held_by =
        |hold: &Hold| hold.asking().iter().map(|asking| asking.rule.to_string()).collect::<Vec<_>>();
    json!({
        "allowed": allowed,
        "held": held.is_some(),
        "held_by": held.as_ref().map(held_by),
        "message": denial.as_ref().map(|denial| &denial.message),
        "hint": denial.as_ref().and_then(|denial| denial.hint.as_ref()),
        "unknowns": explanation.unknowns,
        "effects": effects,
    })
}
