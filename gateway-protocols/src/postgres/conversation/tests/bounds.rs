use super::super::Limits;
use super::script::played_within;
use super::{breaks, played};

#[test]
fn a_message_over_the_limit_is_refused_and_skipped() {
    let long = "x".repeat(200);
    let limits = Limits { message: 100, ..Limits::default() };
    let played = played_within(
        &alloc::format!(
            "> Q {long} | Q select 1 | P : {long} | B =() | E | S | Q select 2
             < E 42601 \"postern refused 1\" | Z I | C SELECT 0 | Z I | E 34000 \"postern refused 2\" | Z I"
        ),
        limits,
    );
    assert_eq!(
        played.to_target,
        "Q \"postern refused 1\" | Q select 1 | E postern refused 2 | S | Q select 2"
    );
    assert_eq!(played.to_agent.matches("E 54000 the message is longer than the gateway reads").count(), 2);
    assert_eq!(played.broken, None);
}

#[test]
fn a_row_over_the_limit_passes_if_it_stays_as_it_is() {
    let long = "x".repeat(200);
    let limits = Limits { message: 100, ..Limits::default() };
    let played = played_within(&alloc::format!("> Q select 1\n< T a | D {long} | C SELECT 1 | Z I"), limits);
    assert_eq!(played.broken, None);
    let played =
        played_within(&alloc::format!("> Q select shown\n< T a | D {long} | C SELECT 1 | Z I"), limits);
    assert_eq!(played.broken.as_deref(), Some("the target sent a message longer than the gateway reads"));
}

#[test]
fn kinds_that_are_never_long_end_the_connection_when_they_are() {
    let long = "x".repeat(10_001);
    let mut relay = super::script::Relay::new(Limits::default());
    let mut bytes = alloc::vec::Vec::new();
    crate::postgres::frontend::copy_fail(&mut bytes, long.as_bytes());
    relay.hear(crate::conversation::Side::Agent, &bytes);
    assert_eq!(relay.end().broken.as_deref(), Some("a message is longer than its kind ever is"));
}

#[test]
fn too_many_statements_or_portals_are_refused() {
    let limits = Limits { statements: 2, portals: 1, ..Limits::default() };
    let two = "> P a: 1 | P b: 2 | S\n< 1 | 1 | Z I\n> P c: 3 | S";
    assert_eq!(played_within(two, limits).to_target, "P a: 1 | P b: 2 | S | E postern refused 1 | S");
    let two = "> P a: 1 | B x=a() | H\n< 1 | 2\n> B y=a() | S";
    assert_eq!(played_within(two, limits).to_target, "P a: 1 | B x=a() | H | E postern refused 1 | S");
    let bytes = Limits { statement_bytes: 400, ..Limits::default() };
    let text = "x".repeat(300);
    let played = played_within(&alloc::format!("> P a: 1 | S\n< 1 | Z I\n> P b: {text} | S"), bytes);
    assert_eq!(played.to_target, "P a: 1 | S | E postern refused 1 | S");
}

/// Each binding of the unnamed portal takes the place of the one before, but only once the target says so.
#[test]
fn room_that_answers_make_is_waited_for() {
    let limits = Limits { portals: 2, ..Limits::default() };
    let played = played_within(
        "> P : 1 | B =() | E | B =() | E | B =() | E | S
         < 1 | 2 | C X | 2 | C X
         < 2 | C X | Z I",
        limits,
    );
    assert_eq!(played.to_target, "P : 1 | B =() | E | B =() | E | H | B =() | E | S");
    assert_eq!(played.court.last().map(|heard| &**heard), Some("4 done X"));
}

#[test]
fn room_comes_back_when_statements_are_closed_or_replaced() {
    let limits = Limits { statements: 2, ..Limits::default() };
    let mut script = alloc::string::String::new();
    for _ in 0..4 {
        script.push_str("> P : 1 | S\n< 1 | Z I\n> P a: 1 | S\n< 1 | Z I\n> CS a | S\n< 3 | Z I\n");
    }
    assert!(!played_within(&script, limits).to_target.contains("postern"));
}

/// Instead of an answer that is kept for each of endless messages, the agent waits.
#[test]
fn an_agent_that_sends_without_end_waits_for_answers() {
    let limits = Limits { unanswered: 4, ..Limits::default() };
    let script = "> P : 1 | B =() | E | B =() | E | S
                  < 1 | 2 | C X | 2
                  < C X | Z I";
    let played = played_within(script, limits);
    assert_eq!(played.to_target, "P : 1 | B =() | E | B =() | H | E | S");
    assert_eq!(played.to_agent, "1 | 2 | C X | 2 | C X | Z I");
}

#[test]
fn impossible_lengths_end_the_connection() {
    let mut relay = super::script::Relay::new(Limits::default());
    relay.hear(crate::conversation::Side::Agent, b"Q\0\0\0\x03");
    assert_eq!(relay.end().broken.as_deref(), Some("a message has an impossible length"));
    let mut relay = super::script::Relay::new(Limits::default());
    relay.hear(crate::conversation::Side::Target, b"Z\xff\xff\xff\xff");
    assert_eq!(relay.end().broken.as_deref(), Some("the target sent a message that cannot be read"));
}

#[test]
fn more_settings_than_there_can_be_end_the_connection() {
    let settings: alloc::vec::Vec<_> = (0..100).map(|n| alloc::format!("S x{n}=1")).collect();
    breaks(&alloc::format!("< {}", settings.join(" | ")), "the target reports too many settings");
    assert_eq!(played("< S x=1 | S x=2").broken, None);
}
