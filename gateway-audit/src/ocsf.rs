//! Records as events of the Open Cybersecurity Schema Framework, version 1.8.
//!
//! A command is Datastore Activity, a connection Network Activity, a name DNS Activity, a login Authentication, a decision
//! about access Authorize Session, what was refused outside of commands Detection Finding, and the rest Application Lifecycle. The
//! whole record stands in `unmapped`, so nothing is lost.

use serde_json::{Map, Value, json};

use crate::event::{Event, Who};
use crate::gist::{Area, Gist, Outcome, Weight};
use crate::moment;
use crate::origin::Origin;

/// The version of the schema.
pub const VERSION: &str = "1.8.0";

/// Class, category and activity, as the schema numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    class: u32,
    name: &'static str,
    activity: u32,
}

pub fn ocsf(at: &str, event: &Event, origin: &Origin<'_>) -> Value {
    let gist = Gist::of(event);
    let kind = kind(&gist);
    let mut told = common(&gist, kind, at, event, origin);
    match kind.class {
        6005 => command(&mut told, &gist, origin),
        4001 | 4003 => network(&mut told, &gist, event, origin),
        3002 | 3003 => login(&mut told, &gist),
        2004 => finding(&mut told, &gist, origin),
        _ => put(
            &mut told,
            "app",
            json!({ "name": "Postern", "vendor_name": "Postern", "version": origin.version }),
        ),
    }
    Value::Object(told)
}

fn kind(gist: &Gist<'_>) -> Kind {
    let of = |class, name, activity| Kind { class, name, activity };
    match (gist.area, gist.outcome) {
        (Area::Command, _) => of(6005, "Datastore Activity", 4),
        (Area::Opening, _) => of(4001, "Network Activity", 1),
        (Area::Ending, Outcome::Denied) => of(4001, "Network Activity", 5),
        (Area::Ending, Outcome::Failed) => of(4001, "Network Activity", 4),
        (Area::Ending, Outcome::Allowed | Outcome::Waiting | Outcome::Told) => {
            of(4001, "Network Activity", 2)
        }
        (Area::Name, _) => of(4003, "DNS Activity", 6),
        (Area::Login, _) => of(3002, "Authentication", 1),
        (Area::Access, _) => of(3003, "Authorize Session", 99),
        (Area::Refusal, _) => of(2004, "Detection Finding", 1),
        (Area::Service, _) => of(
            6002,
            "Application Lifecycle",
            match gist.kind {
                "started" => 3,
                "stopped" => 4,
                _ => 99,
            },
        ),
    }
}

fn common(gist: &Gist<'_>, kind: Kind, at: &str, whole: &Event, origin: &Origin<'_>) -> Map<String, Value> {
    let mut event = Map::new();
    let (severity_id, severity) = severity(gist.weight);
    put(&mut event, "class_uid", json!(kind.class));
    put(&mut event, "class_name", json!(kind.name));
    put(&mut event, "category_uid", json!(kind.class / 1000));
    put(&mut event, "activity_id", json!(kind.activity));
    if kind.activity == 99 {
        put(&mut event, "activity_name", json!(gist.kind));
    }
    put(&mut event, "type_uid", json!(kind.class * 100 + kind.activity));
    put(&mut event, "severity_id", json!(severity_id));
    put(&mut event, "severity", json!(severity));
    // A time that cannot be read is told as 0, and shows as such.
    put(&mut event, "time", json!(moment::unix_millis(at).unwrap_or_default()));
    put(&mut event, "message", json!(gist.says));
    put(&mut event, "metadata", metadata(gist, origin));
    status(&mut event, gist, kind);
    put(&mut event, "unmapped", json!({ "postern": whole }));
    event
}

fn metadata(gist: &Gist<'_>, origin: &Origin<'_>) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "product": { "name": "Postern", "vendor_name": "Postern", "version": origin.version },
        "profiles": ["security_control", "host"],
        "uid": origin.id(),
        "sequence": origin.seq,
        "log_name": origin.log,
        "event_code": gist.kind,
    });
    if let (Some(facts), Some(session)) = (metadata.as_object_mut(), gist.session) {
        put(facts, "correlation_uid", json!(session));
    }
    metadata
}

/// What became of it: in the words for success, and in those for security controls.
fn status(event: &mut Map<String, Value>, gist: &Gist<'_>, kind: Kind) {
    let (status_id, status, action_id, action) = match gist.outcome {
        Outcome::Allowed => (1, "Success", 1, "Allowed"),
        Outcome::Denied => (2, "Failure", 2, "Denied"),
        Outcome::Failed => (2, "Failure", 1, "Allowed"),
        Outcome::Waiting => (99, "Waiting", 99, "Held"),
        Outcome::Told => (1, "Success", 3, "Observed"),
    };
    // The status of a finding says how far its inquiry is.
    let (status_id, status) = if kind.class == 2004 { (1, "New") } else { (status_id, status) };
    put(event, "status_id", json!(status_id));
    put(event, "status", json!(status));
    if let Some(code) = gist.code {
        put(event, "status_code", json!(code));
    }
    put(event, "action_id", json!(action_id));
    put(event, "action", json!(action));
    if let Some(rule) = gist.rules.first() {
        put(event, "firewall_rule", json!({ "name": rule, "uid": rule }));
    }
}

fn command(event: &mut Map<String, Value>, gist: &Gist<'_>, origin: &Origin<'_>) {
    put(event, "actor", actor(gist));
    put(event, "src_endpoint", json!({ "name": gist.agent.unwrap_or_default(), "hostname": origin.host }));
    put(event, "dst_endpoint", endpoint(gist));
    put(
        event,
        "database",
        json!({ "name": gist.target.unwrap_or_default(), "type_id": 99, "type": "target" }),
    );
    if let Some(statement) = gist.statement {
        put(event, "query_info", json!({ "query_string": statement, "uid": command_id(gist) }));
    } else {
        let facts = json!({ "query_string": "", "uid": command_id(gist), "bytes": gist.received_bytes.unwrap_or_default() });
        put(event, "query_info", facts);
    }
    if let Some(took_us) = gist.took_us {
        put(event, "duration", json!(took_us / 1000));
    }
}

/// Ties the end of a command to its beginning.
fn command_id(gist: &Gist<'_>) -> String {
    format!("{}/{}", gist.session.unwrap_or_default(), gist.command.unwrap_or_default())
}

fn network(event: &mut Map<String, Value>, gist: &Gist<'_>, whole: &Event, origin: &Origin<'_>) {
    put(event, "src_endpoint", json!({ "name": gist.agent.unwrap_or("nobody"), "hostname": origin.host }));
    put(event, "dst_endpoint", endpoint(gist));
    if gist.who.is_some() {
        put(event, "actor", actor(gist));
    }
    if let (Some(sent), Some(received)) = (gist.sent_bytes, gist.received_bytes) {
        put(
            event,
            "traffic",
            json!({ "bytes_out": sent, "bytes_in": received, "bytes": sent.saturating_add(received) }),
        );
    }
    if let Some(took_us) = gist.took_us {
        put(event, "duration", json!(took_us / 1000));
    }
    if let Event::Asked(asked) = whole {
        let hostname = asked.name.clone().unwrap_or_default();
        let kind = asked.kind.clone().unwrap_or_default();
        put(event, "query", json!({ "hostname": hostname, "type": kind }));
    }
}

fn login(event: &mut Map<String, Value>, gist: &Gist<'_>) {
    put(event, "user", person(gist));
    put(event, "dst_endpoint", endpoint(gist));
    if let Some(session) = gist.session {
        put(event, "session", json!({ "uid": session }));
    }
}

fn finding(event: &mut Map<String, Value>, gist: &Gist<'_>, origin: &Origin<'_>) {
    let title = gist.kind.replace('_', " ");
    put(event, "finding_info", json!({ "title": title, "uid": origin.id(), "desc": gist.says }));
    put(event, "actor", actor(gist));
    put(event, "is_alert", json!(gist.weight == Weight::Alarm));
}

fn actor(gist: &Gist<'_>) -> Value {
    let mut actor = Map::new();
    put(&mut actor, "user", person(gist));
    if let Some(who) = gist.who {
        put(&mut actor, "process", process(who));
    }
    if let Some(session) = gist.session {
        put(&mut actor, "session", json!({ "uid": session }));
    }
    Value::Object(actor)
}

/// The person that answers for it, or else the agent itself.
fn person(gist: &Gist<'_>) -> Value {
    match (gist.person, gist.agent) {
        (Some(person), Some(agent)) => json!({ "name": person, "groups": [{ "name": agent }] }),
        (Some(person), None) => json!({ "name": person }),
        (None, agent) => json!({ "name": agent.unwrap_or("nobody"), "type_id": 3, "type": "System" }),
    }
}

fn process(who: &Who) -> Value {
    let mut process = json!({ "pid": who.tgid, "tid": who.pid, "name": who.comm });
    if let (Some(facts), Some(exe)) = (process.as_object_mut(), &who.exe) {
        let name = exe.path.rsplit('/').next().unwrap_or_default();
        let mut file = json!({ "name": name, "path": exe.path, "type_id": 1 });
        if let (Some(file), Some(sha256)) = (file.as_object_mut(), &exe.sha256) {
            put(file, "hashes", json!([{ "algorithm_id": 3, "algorithm": "SHA-256", "value": sha256 }]));
        }
        put(facts, "file", file);
    }
    process
}

fn endpoint(gist: &Gist<'_>) -> Value {
    let mut endpoint = Map::new();
    if let Some(target) = gist.target {
        put(&mut endpoint, "name", json!(target));
    }
    if let Some(destination) = gist.destination {
        put(&mut endpoint, "ip", json!(destination.ip()));
        put(&mut endpoint, "port", json!(destination.port()));
    }
    if endpoint.is_empty() {
        put(&mut endpoint, "name", json!("unknown"));
    }
    Value::Object(endpoint)
}

const fn severity(weight: Weight) -> (u32, &'static str) {
    match weight {
        Weight::Usual => (1, "Informational"),
        Weight::Notable => (2, "Low"),
        Weight::Warning => (3, "Medium"),
        Weight::Alarm => (4, "High"),
    }
}

fn put(event: &mut Map<String, Value>, key: &str, value: Value) {
    event.insert(key.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Sample, samples};

    const ORIGIN: Origin<'_> = Origin { host: "host1", version: "0.1.0", log: "host", seq: 7 };

    #[test]
    fn every_record_has_what_every_class_demands() {
        for Sample { at, event: whole } in samples() {
            let event = ocsf(&at, &whole, &ORIGIN);
            for key in
                ["class_uid", "category_uid", "activity_id", "type_uid", "severity_id", "time", "metadata"]
            {
                assert!(event.get(key).is_some(), "{key} is missing: {event}");
            }
            assert_eq!(event["unmapped"]["postern"], serde_json::to_value(&whole).expect("json"));
            let (class, activity) = (event["class_uid"].as_u64(), event["activity_id"].as_u64());
            let uid = class.zip(activity).map(|(class, activity)| class * 100 + activity);
            assert_eq!(event["type_uid"].as_u64(), uid);
        }
    }

    #[test]
    fn a_denied_command_is_a_blocked_query_of_its_agent() {
        let denied = samples().into_iter().map(|sample| ocsf(&sample.at, &sample.event, &ORIGIN));
        let denied = denied.filter(|event| event["class_uid"] == 6005 && event["action"] == "Denied");
        let event = denied.clone().next().expect("one");
        assert_eq!(event["type_uid"], 600_504);
        assert_eq!(event["actor"]["user"]["name"], "coder");
        assert_eq!(event["firewall_rule"]["name"], "no-drops");
        assert_eq!(event["query_info"]["query_string"], "drop table orders");
    }
}
