//! Tokens that let in, and all the others.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use gateway_audit::event::{Event, IdentityProblem, Proved};

use crate::stage::Stage;

pub(crate) const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=alice\
    &subject_token_type=urn:ietf:params:oauth:token-type:access_token";

#[test]
fn a_token_in_a_file_lets_in_and_every_other_is_refused_with_what_to_do() -> Result<()> {
    let mut stage = Stage::start("identity = \"token-file:@FILE\"")?;
    let file = stage.token_file().display().to_string();
    stage.is_told("there is none", &file, IdentityProblem::NoToken)?;
    let others = stage.provider.own("tester")?;
    stage.place(&others)?;
    stage.is_told("belongs to another agent", &file, IdentityProblem::OtherAgent)?;
    let elsewhere = stage.provider.token("coder", "grant_type=client_credentials&resource=urn:other")?;
    stage.place(&elsewhere)?;
    stage.is_told("is meant for somebody else", "audience \"postern\"", IdentityProblem::WrongAudience)?;
    stage.provider.tell(r#"{"lasts": 1}"#)?;
    let short = stage.provider.own("coder")?;
    sleep(Duration::from_millis(3500));
    stage.place(&short)?;
    stage.is_told("has expired", &file, IdentityProblem::Expired)?;
    stage.place("not a token")?;
    stage.is_told("no identity token", &file, IdentityProblem::Malformed)?;
    stage.provider.tell(r#"{"lasts": 300}"#)?;
    let good = stage.provider.own("coder")?;
    stage.place(&good)?;
    stage.is_let_in()?;
    for token in [&others, &elsewhere, &short, &good] {
        stage.is_kept_from_everybody(token)?;
    }
    Ok(())
}

#[test]
fn a_token_in_place_of_the_password_lets_in_and_a_password_does_not() -> Result<()> {
    let stage = Stage::start("identity = \"token-in-band\"")?;
    stage.is_told("there is none", "as the password", IdentityProblem::NoToken)?;
    let (good, others) = (stage.provider.own("coder")?, stage.provider.own("tester")?);
    let with = |token: &str| {
        let token = token.to_owned();
        stage.ask(move |psql| {
            psql.env("PGPASSWORD", &token);
        })
    };
    let seen = with(&others)?;
    ensure!(seen.as_ref().is_err_and(|told| told.contains("belongs to another agent")), "{seen:?}");
    let seen = with(&good)?;
    ensure!(seen.as_deref() == Ok("2"), "{seen:?}\n{}", stage.said());
    stage.is_kept_from_everybody(&good)
}

#[test]
fn a_token_in_the_environment_of_the_program_lets_in() -> Result<()> {
    let stage = Stage::start("identity = \"environment:AGENT_TOKEN\"")?;
    stage.is_told("there is none", "AGENT_TOKEN", IdentityProblem::NoToken)?;
    let good = stage.provider.own("coder")?;
    let seen = stage.ask(|psql| {
        psql.env("AGENT_TOKEN", &good);
    })?;
    ensure!(seen.as_deref() == Ok("2"), "{seen:?}\n{}", stage.said());
    stage.is_kept_from_everybody(&good)
}

#[test]
fn a_token_that_names_agent_and_person_puts_the_person_into_the_record() -> Result<()> {
    let mut stage = Stage::start("identity = \"token-file:@FILE\"")?;
    stage.place(&stage.provider.token("coder", EXCHANGE)?)?;
    stage.is_let_in()?;
    let opened = stage.gateway.records().events()?.into_iter().find_map(|event| match event {
        Event::SessionOpened(opened) => opened.person,
        _ => None,
    });
    let person = opened.expect("a person in the record");
    ensure!((person.subject.as_str(), person.proved) == ("alice", Proved::TokenFile), "{person:?}");
    ensure!(person.groups == ["dba"], "{person:?}");
    // Keys that the provider has made meanwhile are fetched for the first token that is signed with one.
    sleep(Duration::from_secs(6));
    stage.provider.tell(r#"{"keys": 2}"#)?;
    stage.place(&stage.provider.token("coder", EXCHANGE)?)?;
    stage.is_let_in()
}
