use super::*;
use crate::samples::{HOSTILE, Sample, samples};

const ORIGIN: Origin<'_> = Origin { host: "host1", version: "0.1.0", log: "host", seq: 7 };

/// Reads a line as receivers do: bars that are not escaped, then keys before signs that are not escaped.
fn read(line: &str) -> (Vec<String>, Vec<(String, String)>) {
    let mut fields = vec![String::new()];
    let mut rest = line.chars();
    while fields.len() < 8 {
        match rest.next().expect("seven bars") {
            '\\' => fields.last_mut().expect("a field").push(rest.next().expect("what is escaped")),
            '|' => fields.push(String::new()),
            c => fields.last_mut().expect("a field").push(c),
        }
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut text = String::new();
    let mut escaped = false;
    for c in rest {
        match c {
            c if escaped => {
                text.push(if c == 'n' { '\n' } else { c });
                escaped = false;
            }
            '\\' => escaped = true,
            '=' => {
                let (before, key) = text.rsplit_once(' ').unwrap_or(("", &text));
                if let Some(last) = pairs.last_mut() {
                    last.1 = before.to_owned();
                }
                pairs.push((key.to_owned(), String::new()));
                text = String::new();
            }
            c => text.push(c),
        }
    }
    pairs.last_mut().expect("a pair").1 = text;
    (fields, pairs)
}

#[test]
fn every_record_is_one_line_of_seven_fields() {
    for Sample { at, event } in samples() {
        let line = cef(&at, &event, &ORIGIN);
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let (fields, pairs) = read(&line);
        assert_eq!(fields[..3], ["CEF:0", "Postern", "Postern"]);
        assert!(fields[6].parse::<u8>().is_ok_and(|severity| severity <= 10), "{line}");
        assert!(pairs.iter().all(|(key, _)| key.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{line}");
    }
}

#[test]
fn a_hostile_statement_stays_in_its_own_value() {
    let hostile = samples().into_iter().find(|sample| Gist::of(&sample.event).statement == Some(HOSTILE));
    let Sample { at, event } = hostile.expect("one");
    let (_, pairs) = read(&cef(&at, &event, &ORIGIN));
    let of = |key: &str| {
        pairs.iter().filter(|(name, _)| name == key).map(|(_, text)| text.as_str()).collect::<Vec<_>>()
    };
    let [statement] = of("cs4")[..] else { panic!("{pairs:?}") };
    assert!(statement.contains("|=\\\"'\n-- "), "{statement:?}");
    assert_eq!(of("outcome"), ["failure"]);
    assert_eq!(of("cs5"), ["coder"]);
}
