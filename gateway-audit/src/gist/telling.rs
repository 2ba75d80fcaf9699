//! One arm for each event: a new one is told here.

use super::{Area, Gist, Outcome, Weight, files};
use crate::approval::{Approval, Step};
use crate::control::{self, Asker, ControlRefused, ControlUsed};
use crate::event::{
    ActsFor, AnswerGiven, Asked, Connection, Denied, Ended, Ending, Event, IdentityFailed, KernelRefused, Who,
};
use crate::lease::{LeaseEnded, LeaseExtended, LeaseGiven, LockChanged};
use crate::session::{
    Because, CommandEnded, CommandJudged, Limit, OfSession, Said, SessionOpened, Stage, Verdict,
};

const fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::Rows => "rows",
        Limit::Bytes => "bytes",
        Limit::Time => "time",
    }
}

pub(super) fn tell(event: &Event) -> Gist<'_> {
    match event {
        Event::Started { version } => {
            service("started", Weight::Notable, format!("gateway {version} started"))
        }
        Event::Stopped { open_connections } => service(
            "stopped",
            Weight::Notable,
            format!("gateway stopped in order, {open_connections} connections open"),
        ),
        Event::Opened(connection) => opened(connection),
        Event::Denied(denied) => connection_denied(denied),
        Event::IdentityFailed(failed) => identity_failed(failed),
        Event::SessionOpened(session) => session_opened(session),
        Event::Command(command) => judged(command),
        Event::CommandEnded(ended) => command_ended(ended),
        Event::LimitReached(reached) => Gist {
            says: format!("command {} has come to its limit of {}", reached.command, limit(reached.limit)),
            ..of_session(
                &reached.of,
                Gist::new("limit_reached", Area::Refusal, Outcome::Denied, Weight::Warning),
            )
        },
        Event::MessageRefused(refused) => Gist {
            says: format!("message refused: {}", refused.why),
            ..of_session(
                &refused.of,
                Gist::new("message_refused", Area::Refusal, Outcome::Denied, Weight::Warning),
            )
        },
        Event::Ended(ended) => connection_ended(ended),
        Event::Asked(asked) => name_asked(asked),
        Event::NotListed { count, seconds, .. } => service(
            "not_listed",
            Weight::Warning,
            format!("{count} more of nobody's within {seconds} s have no record of their own"),
        ),
        Event::KernelRefused(refused) => kernel_refused(refused),
        Event::KernelRefusalsLost { count } => service(
            "kernel_refusals_lost",
            Weight::Warning,
            format!("{count} kernel refusals could not be told one by one"),
        ),
        Event::LevelChanged { level, open_vectors } => {
            let level = level.map_or_else(|| "none".to_owned(), |level| level.to_string());
            let open = if open_vectors.is_empty() {
                String::new()
            } else {
                format!(", open: {}", open_vectors.join(", "))
            };
            service("level_changed", Weight::Warning, format!("enforcement is at level {level}{open}"))
        }
        Event::EnforcerGone => service(
            "enforcer_gone",
            Weight::Alarm,
            "the enforcer does not answer; agents are cut off".to_owned(),
        ),
        Event::EnforcerBack => {
            service("enforcer_back", Weight::Notable, "the enforcer answers again".to_owned())
        }
        Event::LeaseGiven(given) => lease_given(given),
        Event::LeaseExtended(extended) => lease_extended(extended),
        Event::LeaseEnded(ended) => lease_ended(ended),
        Event::Locked(lock) => lock_changed("locked", Weight::Alarm, lock),
        Event::Unlocked(lock) => lock_changed("unlocked", Weight::Notable, lock),
        Event::ControlUsed(used) => control_used(used),
        Event::Approval(approval) => approved(approval),
        Event::ControlRefused(refused) => control_refused(refused),
        Event::Detached { uid, .. } => {
            service("detached", Weight::Alarm, format!("uid {uid} took the enforcement away"))
        }
        Event::ConfigRead { sha256 } => {
            service("config_read", Weight::Notable, format!("configuration {sha256} holds from here on"))
        }
        Event::ConfigRefused { mistakes, .. } => service(
            "config_refused",
            Weight::Warning,
            format!("a configuration has mistakes ({mistakes}), the former one stays in force"),
        ),
        Event::ClockJumped { by_ms } => {
            service("clock_jumped", Weight::Warning, format!("the clock was set by {by_ms} ms"))
        }
        Event::Unrecorded { count } => service(
            "unrecorded",
            Weight::Alarm,
            format!("{count} times something was refused that could not be recorded"),
        ),
        Event::FileBegan(_)
        | Event::Sealed { .. }
        | Event::SessionBegan(_)
        | Event::SessionSealed(_)
        | Event::SessionsStand(_)
        | Event::SessionRemoved(_)
        | Event::Checkpoint(_)
        | Event::Packed(_)
        | Event::Recovered(_) => files::tell(event),
    }
}

pub(super) fn service(kind: &'static str, weight: Weight, says: String) -> Gist<'static> {
    Gist { says, ..Gist::new(kind, Area::Service, Outcome::Told, weight) }
}

fn of_session<'a>(of: &'a OfSession, gist: Gist<'a>) -> Gist<'a> {
    Gist {
        session: Some(&of.session),
        connection: Some(of.connection),
        agent: Some(&of.agent),
        target: Some(&of.target),
        ..gist
    }
}

fn of_who<'a>(who: &'a Who, gist: Gist<'a>) -> Gist<'a> {
    Gist { agent: Some(&who.agent), who: Some(who), ..gist }
}

fn of_connection<'a>(connection: &'a Connection, gist: Gist<'a>) -> Gist<'a> {
    Gist {
        connection: Some(connection.connection),
        target: Some(&connection.target),
        person: connection.person.as_ref().map(person),
        destination: Some(connection.original),
        ..of_who(&connection.who, gist)
    }
}

/// What people call them, or else what their issuer does.
fn person(acts_for: &ActsFor) -> &str {
    acts_for.email.as_deref().or(acts_for.name.as_deref()).unwrap_or(&acts_for.subject)
}

fn opened(connection: &Connection) -> Gist<'_> {
    let who = &connection.who;
    let says = format!("{}[{}] connects to {}", who.comm, who.pid, connection.original);
    Gist {
        says,
        ..of_connection(connection, Gist::new("opened", Area::Opening, Outcome::Allowed, Weight::Usual))
    }
}

fn connection_denied(denied: &Denied) -> Gist<'_> {
    let place = denied.original.or(denied.peer).map(|place| format!(" ({place})")).unwrap_or_default();
    let gist = Gist {
        connection: Some(denied.connection),
        destination: denied.original,
        says: format!("connection denied: {}{place}", word(&denied.because)),
        ..Gist::new("denied", Area::Ending, Outcome::Denied, Weight::Warning)
    };
    match &denied.who {
        Some(who) => of_who(who, gist),
        None => gist,
    }
}

fn identity_failed(failed: &IdentityFailed) -> Gist<'_> {
    let source = failed.source.map(|source| format!(" ({})", word(&source))).unwrap_or_default();
    let gist = Gist {
        connection: Some(failed.connection),
        target: Some(&failed.target),
        says: format!("identity not proved: {}{source}: {}", word(&failed.problem), failed.why),
        ..Gist::new("identity_failed", Area::Access, Outcome::Denied, Weight::Warning)
    };
    of_who(&failed.who, gist)
}

fn session_opened(session: &SessionOpened) -> Gist<'_> {
    let version = session.server_version.as_deref().unwrap_or("unknown version");
    Gist {
        says: format!(
            "session opened: {} {version}, database {}, login {} (says it is {})",
            session.protocol, session.database, session.login, session.claimed
        ),
        destination: Some(session.original),
        person: session.person.as_ref().map(person),
        ..of_session(
            &session.of,
            of_who(&session.who, Gist::new("session_opened", Area::Login, Outcome::Allowed, Weight::Usual)),
        )
    }
}

fn judged(command: &CommandJudged) -> Gist<'_> {
    let (outcome, weight, says, rules) = match &command.verdict {
        Verdict::Allowed { rules, observed: None } => (
            Outcome::Allowed,
            Weight::Usual,
            "allowed".to_owned(),
            rules.iter().map(String::as_str).collect(),
        ),
        Verdict::Allowed { rules, observed: Some(denial) } => {
            let says = format!("allowed, observed only: {}", denial.message);
            let rules = rules.iter().map(String::as_str).chain(rule_of(&denial.because)).collect();
            (Outcome::Allowed, Weight::Notable, says, rules)
        }
        Verdict::Denied(denial) => {
            let rules = rule_of(&denial.because).into_iter().collect();
            (Outcome::Denied, Weight::Warning, format!("denied: {}", denial.message), rules)
        }
    };
    let says = match command.stage {
        Stage::Prepare => format!("prepare {says}"),
        Stage::Run => says,
    };
    Gist {
        command: Some(command.command),
        statement: Some(&command.text),
        rules,
        says,
        ..of_session(&command.of, Gist::new("command", Area::Command, outcome, weight))
    }
}

fn rule_of(because: &Because) -> Option<&str> {
    match because {
        Because::Rule(rule) | Because::Condition(rule) => Some(rule),
        Because::NothingAllows | Because::Limit | Because::Unknown(_) | Because::NotApproved(_) => None,
    }
}

fn command_ended(ended: &CommandEnded) -> Gist<'_> {
    let (outcome, says, code) = match &ended.said {
        Said::Done(tag) => (Outcome::Allowed, tag.clone(), None),
        Said::Failed(code) => (Outcome::Failed, format!("failed: {code}"), Some(code.as_str())),
        Said::Suspended => (Outcome::Allowed, "more rows are left".to_owned(), None),
        Said::Skipped => (Outcome::Failed, "skipped, something before it failed".to_owned(), None),
        Said::Nothing => (Outcome::Failed, "no answer, the connection ended first".to_owned(), None),
    };
    Gist {
        command: Some(ended.command),
        code,
        rows: Some(ended.rows),
        received_bytes: Some(ended.bytes),
        took_us: Some(ended.took_us),
        says,
        ..of_session(&ended.of, Gist::new("command_ended", Area::Command, outcome, Weight::Usual))
    }
}

fn connection_ended(ended: &Ended) -> Gist<'_> {
    let (outcome, weight, says) = ending(&ended.ending);
    Gist {
        sent_bytes: Some(ended.sent_bytes),
        received_bytes: Some(ended.received_bytes),
        took_us: Some(ended.lasted_ms.saturating_mul(1000)),
        says: format!("ended: {says}"),
        ..of_connection(&ended.connection, Gist::new("ended", Area::Ending, outcome, weight))
    }
}

fn ending(ending: &Ending) -> (Outcome, Weight, String) {
    use Outcome::{Allowed, Denied, Failed};
    use Weight::{Notable, Usual, Warning};
    match ending {
        Ending::Finished => (Allowed, Usual, "finished".into()),
        Ending::ResetByAgent => (Allowed, Usual, "reset by the agent".into()),
        Ending::ResetByTarget => (Failed, Notable, "reset by the target".into()),
        Ending::BrokenByAgent { why } => (Denied, Warning, format!("broken by the agent: {why}")),
        Ending::BrokenByTarget { why } => (Failed, Warning, format!("broken by the target: {why}")),
        Ending::GatewayDied => (Failed, Warning, "the gateway died".into()),
        Ending::Idle => (Allowed, Usual, "idle".into()),
        Ending::ConnectTimedOut => (Failed, Notable, "the target did not answer".into()),
        Ending::ConnectFailed { why } => (Failed, Notable, format!("cannot connect: {why}")),
        Ending::AgentRemoved => (Denied, Notable, "the agent is not configured any more".into()),
        Ending::TargetRemoved => (Denied, Notable, "the agent may not reach the target any more".into()),
        Ending::IdentityEnded => (Denied, Warning, "it is not shown any more for whom the agent acts".into()),
        Ending::AgentLeft => (Allowed, Usual, "the agent left".into()),
        Ending::LeaseEnded => (Denied, Notable, "its lease has ended".into()),
        Ending::Killed => (Denied, Warning, "an operator ended it".into()),
        Ending::NotLeased { why } => (Denied, Warning, format!("no lease: {why}")),
        Ending::LoginFailed { why } => (Denied, Warning, format!("the agent was not let in: {why}")),
        Ending::TargetLoginFailed { why } => {
            (Failed, Warning, format!("the target did not let the gateway in: {why}"))
        }
        Ending::HoldCancelled { connection } => {
            (Allowed, Usual, format!("cancelled what connection {connection} waited for"))
        }
        Ending::CancelPassedOn { connection } => {
            (Allowed, Usual, format!("passed on a cancel for connection {connection}"))
        }
        Ending::NothingToCancel => (Denied, Notable, "nothing of this agent's to cancel".into()),
        Ending::GatewayStopped => (Failed, Notable, "the gateway stopped".into()),
        Ending::Failed { why } => (Failed, Warning, why.clone()),
    }
}

fn name_asked(asked: &Asked) -> Gist<'_> {
    let name = asked.name.as_deref().unwrap_or("an unreadable name");
    let kind = asked.kind.as_deref().unwrap_or("?");
    let (outcome, weight) = match asked.answer {
        AnswerGiven::Addresses | AnswerGiven::Empty => (Outcome::Allowed, Weight::Usual),
        AnswerGiven::Failed => (Outcome::Failed, Weight::Usual),
        AnswerGiven::Refused | AnswerGiven::Malformed | AnswerGiven::Dropped => {
            (Outcome::Denied, Weight::Warning)
        }
    };
    let says = format!("asked for {name} ({kind}): {}", word(&asked.answer));
    let gist = Gist { says, ..Gist::new("asked", Area::Name, outcome, weight) };
    match &asked.who {
        Some(who) => of_who(who, gist),
        None => gist,
    }
}

fn kernel_refused(refused: &KernelRefused) -> Gist<'_> {
    let to = refused.destination.map(|to| format!(" to {to}")).unwrap_or_default();
    Gist {
        agent: refused.agent.as_deref(),
        destination: refused.destination,
        says: format!(
            "kernel refused {}[{}] {}{to}: {}",
            refused.comm, refused.pid, refused.act, refused.why
        ),
        ..Gist::new("kernel_refused", Area::Refusal, Outcome::Denied, Weight::Warning)
    }
}

fn approved(approval: &Approval) -> Gist<'_> {
    let (outcome, weight) = match &approval.step {
        Step::Asked { .. } | Step::Joined { .. } => (Outcome::Waiting, Weight::Notable),
        Step::Approved { .. } | Step::Used { .. } => (Outcome::Allowed, Weight::Notable),
        Step::Refused { .. } | Step::TimedOut | Step::NotHeard { .. } => (Outcome::Denied, Weight::Notable),
        Step::Withdrawn { .. } => (Outcome::Told, Weight::Usual),
    };
    let text = match &approval.step {
        Step::Asked { text, .. } => Some(text.as_str()),
        _ => None,
    };
    Gist {
        statement: text,
        says: format!("request {}: {}", approval.request, approval.step.says()),
        ..of_session(&approval.of, Gist::new("approval", Area::Command, outcome, weight))
    }
}

fn lease_given(given: &LeaseGiven) -> Gist<'_> {
    let until = given.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    let by = given.by.as_ref().map(|by| format!(", asked for by {}", asker(by))).unwrap_or_default();
    let purpose = given.purpose.as_ref().map(|purpose| format!(": {purpose}")).unwrap_or_default();
    Gist {
        agent: Some(&given.agent),
        person: given.person.as_deref(),
        target: Some(&given.target),
        rules: given.rules.iter().map(String::as_str).collect(),
        says: format!("lease {} given{until}{by}{purpose}", given.lease),
        ..Gist::new("lease_given", Area::Access, Outcome::Allowed, Weight::Notable)
    }
}

fn lease_extended(extended: &LeaseExtended) -> Gist<'_> {
    let LeaseExtended { lease, until, by, .. } = extended;
    Gist {
        agent: Some(&extended.agent),
        target: Some(&extended.target),
        says: format!("lease {lease} extended until {until} by {}", asker(by)),
        ..Gist::new("lease_extended", Area::Access, Outcome::Allowed, Weight::Notable)
    }
}

fn lease_ended(ended: &LeaseEnded) -> Gist<'_> {
    let by = ended.by.as_ref().map(|by| format!(" by {}", asker(by))).unwrap_or_default();
    Gist {
        agent: Some(&ended.agent),
        target: Some(&ended.target),
        says: format!("lease {} ended: {}{by}", ended.lease, word(&ended.why)),
        ..Gist::new("lease_ended", Area::Access, Outcome::Told, Weight::Notable)
    }
}

fn lock_changed<'a>(kind: &'static str, weight: Weight, lock: &'a LockChanged) -> Gist<'a> {
    let why = lock.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    Gist {
        person: lock.by.person.as_deref(),
        says: format!("{} {kind} by {}{why}", lock.scope, asker(&lock.by)),
        ..Gist::new(kind, Area::Access, Outcome::Told, weight)
    }
}

fn control_used(used: &ControlUsed) -> Gist<'_> {
    let (outcome, became) = match &used.outcome {
        control::Outcome::Done => (Outcome::Allowed, String::new()),
        control::Outcome::NotDone { why } => (Outcome::Failed, format!(", which was not done: {why}")),
    };
    Gist {
        person: used.by.person.as_deref(),
        says: format!("{} asked for {} {}{became}", asker(&used.by), used.call, used.asked),
        ..Gist::new("control_used", Area::Access, outcome, Weight::Notable)
    }
}

fn control_refused(refused: &ControlRefused) -> Gist<'_> {
    Gist {
        person: refused.by.person.as_deref(),
        says: format!("{} may not ask for {}: {}", asker(&refused.by), refused.call, refused.why),
        ..Gist::new("control_refused", Area::Access, Outcome::Denied, Weight::Warning)
    }
}

fn asker(by: &Asker) -> String {
    let user = by.user.clone().unwrap_or_else(|| format!("uid {}", by.uid));
    by.person.as_ref().map_or_else(|| user.clone(), |person| format!("{person} ({user})"))
}

/// The word that stands for it in records.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "other".to_owned(),
    }
}
