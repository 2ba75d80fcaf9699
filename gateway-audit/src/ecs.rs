//! Records as documents of the Elastic Common Schema, version 8.17.
//!
//! What the schema calls an agent is the program that ships; ours stands in `user`, and all of the record below `postern`.

use serde_json::{Map, Value, json};

use crate::event::Event;
use crate::gist::{Area, Gist, Outcome, Weight};
use crate::origin::Origin;

pub const VERSION: &str = "8.17.0";

pub fn ecs(at: &str, event: &Event, origin: &Origin<'_>) -> Value {
    let gist = Gist::of(event);
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| drop(document.insert(key.to_owned(), value));
    put("@timestamp", json!(at));
    put("message", json!(gist.says));
    put("ecs", json!({ "version": VERSION }));
    put("event", facts(&gist, origin));
    put("host", json!({ "name": origin.host }));
    put(
        "observer",
        json!({ "vendor": "Postern", "product": "Postern", "version": origin.version, "type": "gateway" }),
    );
    if let Some(agent) = gist.agent {
        put("user", json!({ "name": gist.person.unwrap_or(agent), "group": { "name": agent } }));
    }
    if let Some(target) = gist.target {
        put("service", json!({ "target": { "name": target } }));
    }
    if let Some(destination) = gist.destination {
        put(
            "destination",
            json!({ "ip": destination.ip(), "port": destination.port(), "address": destination.ip() }),
        );
    }
    if let Some(who) = gist.who {
        let hash = who.exe.as_ref().and_then(|exe| exe.sha256.as_deref());
        let path = who.exe.as_ref().map(|exe| exe.path.as_str());
        put(
            "process",
            json!({
                "pid": who.tgid,
                "thread": { "id": who.pid },
                "name": who.comm,
                "executable": path,
                "hash": { "sha256": hash },
            }),
        );
    }
    if let Some(rule) = gist.rules.first() {
        put("rule", json!({ "name": rule }));
    }
    if let Some(code) = gist.code {
        put("error", json!({ "code": code }));
    }
    put("postern", json!({ "log": origin.log, "session": gist.session, "record": event }));
    Value::Object(document)
}

fn facts(gist: &Gist<'_>, origin: &Origin<'_>) -> Value {
    let (category, mut types) = match gist.area {
        Area::Command => ("database", vec!["access"]),
        Area::Opening => ("network", vec!["connection", "start"]),
        Area::Ending => ("network", vec!["connection", "end"]),
        Area::Name => ("network", vec!["protocol"]),
        Area::Login => ("authentication", vec!["start"]),
        Area::Access => ("iam", vec!["info"]),
        Area::Refusal => ("intrusion_detection", vec!["info"]),
        Area::Service => ("process", vec!["info"]),
    };
    let (outcome, verdict) = match gist.outcome {
        Outcome::Allowed => ("success", Some("allowed")),
        Outcome::Denied => ("failure", Some("denied")),
        Outcome::Failed => ("failure", None),
        Outcome::Waiting | Outcome::Told => ("unknown", None),
    };
    let takes_a_verdict = matches!(gist.area, Area::Opening | Area::Ending | Area::Name | Area::Refusal);
    types.extend(verdict.filter(|_| takes_a_verdict));
    let severity = match gist.weight {
        Weight::Usual => 1,
        Weight::Notable => 3,
        Weight::Warning => 6,
        Weight::Alarm => 9,
    };
    let mut event = json!({
        "kind": if gist.area == Area::Refusal { "alert" } else { "event" },
        "category": [category],
        "type": types,
        "outcome": outcome,
        "action": gist.kind,
        "module": "postern",
        "dataset": "postern.records",
        "provider": "postern",
        "id": origin.id(),
        "sequence": origin.seq,
        "severity": severity,
    });
    if let (Some(event), Some(took_us)) = (event.as_object_mut(), gist.took_us) {
        event.insert("duration".to_owned(), json!(took_us.saturating_mul(1000)));
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Sample, samples};

    const ORIGIN: Origin<'_> = Origin { host: "host1", version: "0.1.0", log: "host", seq: 7 };

    #[test]
    fn every_record_is_a_document_with_its_time_and_its_id() {
        for Sample { at, event } in samples() {
            let document = ecs(&at, &event, &ORIGIN);
            assert_eq!(document["@timestamp"], at.as_str());
            assert_eq!(document["event"]["id"], "host1/host/7");
            assert_eq!(document["postern"]["record"], serde_json::to_value(&event).expect("json"));
        }
    }

    #[test]
    fn who_did_it_is_the_process_and_not_the_shipper() {
        let mut documents = samples().into_iter().map(|sample| ecs(&sample.at, &sample.event, &ORIGIN));
        let opened = documents.find(|document| document["event"]["action"] == "opened").expect("one");
        assert_eq!(opened["process"]["executable"], "/usr/bin/psql");
        assert_eq!(opened["event"]["type"], json!(["connection", "start", "allowed"]));
        assert!(opened.get("agent").is_none());
    }
}
