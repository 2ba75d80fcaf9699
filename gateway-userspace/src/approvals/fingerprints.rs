//! What an answer is bound to, as hashes.

use gateway_policy::approval::Fingerprint;
use gateway_policy::command::{Command, Parameter, Stage};
use sha2::{Digest as _, Sha256};

use crate::session::judging::Subject;

/// Settings that change what a text means.
const READING: [&str; 5] =
    ["search_path", "role", "session_authorization", "standard_conforming_strings", "client_encoding"];

/// Everything: who asks where, the text, its parameters, and how its names are read.
pub fn exact(subject: &Subject, command: &Command<'_>) -> Fingerprint {
    let mut hash = begun(subject, "exact");
    add(&mut hash, command.text.as_bytes());
    for name in READING {
        add(&mut hash, command.state.setting(name).unwrap_or("\0").as_bytes());
    }
    if let Stage::Run(parameters) = command.stage {
        for parameter in parameters {
            let (form, bytes): (&[u8], &[u8]) = match parameter {
                Parameter::Null => (b"null", b""),
                Parameter::Text(bytes) => (b"text", bytes),
                Parameter::Binary(bytes) => (b"binary", bytes),
            };
            add(&mut hash, form);
            add(&mut hash, bytes);
        }
    }
    Fingerprint(hash.finalize().into())
}

/// The same without constants and parameters. A text that has no shape is its own.
pub fn shape(subject: &Subject, command: &Command<'_>) -> Fingerprint {
    let Some(skeleton) = gateway_sql::skeleton(command.text) else { return exact(subject, command) };
    let mut hash = begun(subject, "shape");
    add(&mut hash, skeleton.as_bytes());
    for name in READING {
        add(&mut hash, command.state.setting(name).unwrap_or("\0").as_bytes());
    }
    Fingerprint(hash.finalize().into())
}

fn begun(subject: &Subject, what: &str) -> Sha256 {
    let mut hash = Sha256::new();
    for part in [what, &subject.agent, &subject.target, &subject.database] {
        add(&mut hash, part.as_bytes());
    }
    hash
}

/// With its length in front, so that no two lists of parts are one text.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}

#[cfg(test)]
mod tests {
    use gateway_policy::command::State;

    use super::*;

    fn subject() -> Subject {
        Subject { agent: "a".into(), person: None, target: "t".into(), database: "d".into() }
    }

    fn of(text: &str, parameters: &[Parameter<'_>], state: &State) -> [Fingerprint; 2] {
        let command = Command { text, stage: Stage::Run(parameters), state };
        [exact(&subject(), &command), shape(&subject(), &command)]
    }

    #[test]
    fn one_other_byte_is_another_command() {
        let plain = State::default();
        let [one, shape] = of("delete from t where id = $1", &[Parameter::Text(b"1")], &plain);
        for parameters in [&[][..], &[Parameter::Text(b"2")], &[Parameter::Binary(b"1")], &[Parameter::Null]]
        {
            let [other, same] = of("delete from t where id = $1", parameters, &plain);
            assert!(other != one && same == shape);
        }
        let [other, _] = of("delete from t where id = $1 ", &[Parameter::Text(b"1")], &plain);
        assert_ne!(other, one);
        let path = State { settings: [("search_path".into(), "x".into())].into(), ..State::default() };
        let [other, elsewhere] = of("delete from t where id = $1", &[Parameter::Text(b"1")], &path);
        assert!(other != one && elsewhere != shape);
    }

    #[test]
    fn what_stands_in_one_parameter_is_not_what_stands_in_two() {
        let plain = State::default();
        let [one, _] = of("select", &[Parameter::Text(b"ab"), Parameter::Text(b"c")], &plain);
        let [two, _] = of("select", &[Parameter::Text(b"a"), Parameter::Text(b"bc")], &plain);
        assert_ne!(one, two);
    }
}
