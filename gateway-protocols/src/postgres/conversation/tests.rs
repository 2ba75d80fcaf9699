//! Scripts of both sides, each played whole, split at every byte, and byte by byte.

mod court;
mod script;

mod bounds;
mod bounds_of_results;
mod copying;
mod extended;
mod holding;
mod random;
mod recorded;
mod refusing;
mod rows;
mod settings;
mod simple;

use script::{Played, played};

/// Everything goes on as it was said, and the court hears this.
#[track_caller]
fn passes(script: &str, court: &[&str]) {
    let played = played(script);
    assert_eq!(played.court, court);
    assert_eq!(played.to_target, script::said(script, '>'));
    assert_eq!(played.to_agent, script::said(script, '<'));
    assert_eq!(played.broken, None);
}

/// The target, the agent and the court hear this.
#[track_caller]
fn becomes(script: &str, to_target: &str, to_agent: &str, court: &[&str]) {
    let played = played(script);
    assert_eq!(played.to_target, to_target);
    assert_eq!(played.to_agent, to_agent);
    assert_eq!(played.court, court);
    assert_eq!(played.broken, None);
}

/// The conversation ends, for this reason.
#[track_caller]
fn breaks(script: &str, why: &str) -> Played {
    let played = played(script);
    assert_eq!(played.broken.as_deref(), Some(why));
    played
}
