//! Whether an agent may connect now, until when, and in how many sessions at once.
//!
//! That an agent may reach a target at all is said by the configuration, and by nobody here. Where nothing more is said,
//! leave to connect lasts as long as the connection and the configuration do. A [`LeaseRule`] shortens it, bounds it, or
//! asks for a lease that somebody has given ahead. Of all rules that fit, the strictest word counts, whatever their
//! order.

use alloc::string::String;
use alloc::vec::Vec;

use crate::pattern::Pattern;

/// A rule about connecting, as it is written. An empty list is no restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRule {
    pub name: String,
    pub agents: Vec<Pattern>,
    pub targets: Vec<Pattern>,
    pub databases: Vec<Pattern>,
    /// How long a lease lasts, in milliseconds.
    pub time: Option<u64>,
    /// How many sessions it may have at once.
    pub sessions: Option<u32>,
    pub given: Given,
}

/// How one comes by a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given {
    /// With the first connection.
    AtOnce,
    /// Somebody asked for it before.
    Ahead,
}

/// Who wants to connect, and where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    pub agent: &'a str,
    pub target: &'a str,
    /// Not known where the target's protocol is not understood: then a rule about some database is about this too.
    pub database: Option<&'a str>,
    /// Milliseconds on the caller's clock.
    pub now: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Access {
    Lease(Terms),
    Denied(NoLease),
}

/// What a lease gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// On the clock of the request. None: as long as the connection.
    pub until: Option<u64>,
    pub sessions: Option<u32>,
    /// The rules that said so.
    pub rules: Vec<String>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoLease {
    /// This rule asks for a lease given ahead.
    NotGivenAhead { rule: String },
}

/// Whether a lease is given with the connection.
pub fn decide(rules: &[LeaseRule], request: &Request<'_>) -> Access {
    let ahead = rules.iter().find(|rule| rule.fits(request) && rule.given == Given::Ahead);
    match ahead {
        Some(rule) => Access::Denied(NoLease::NotGivenAhead { rule: rule.name.clone() }),
        None => Access::Lease(terms(rules, request)),
    }
}

/// What a lease gives at most that somebody asks for ahead, for so many milliseconds.
pub fn ahead(rules: &[LeaseRule], request: &Request<'_>, time: u64) -> Terms {
    let terms = terms(rules, request);
    let asked = request.now.saturating_add(time);
    Terms { until: Some(terms.until.map_or(asked, |until| until.min(asked))), ..terms }
}

fn terms(rules: &[LeaseRule], request: &Request<'_>) -> Terms {
    let fitting = || rules.iter().filter(|rule| rule.fits(request));
    Terms {
        until: fitting().filter_map(|rule| rule.time).min().map(|time| request.now.saturating_add(time)),
        sessions: fitting().filter_map(|rule| rule.sessions).min(),
        rules: fitting().map(|rule| rule.name.clone()).collect(),
    }
}

impl LeaseRule {
    fn fits(&self, request: &Request<'_>) -> bool {
        matches(&self.agents, request.agent)
            && matches(&self.targets, request.target)
            && request.database.is_none_or(|database| matches(&self.databases, database))
    }
}

fn matches(patterns: &[Pattern], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned as _;
    use alloc::vec;

    use super::*;

    fn rule(name: &str, database: &str, time: Option<u64>, sessions: Option<u32>, given: Given) -> LeaseRule {
        let databases = Pattern::parse(database).into_iter().collect();
        LeaseRule {
            name: name.to_owned(),
            agents: vec![Pattern::parse("coder").expect("a pattern")],
            targets: Vec::new(),
            databases,
            time,
            sessions,
            given,
        }
    }

    fn request<'a>(agent: &'a str, database: Option<&'a str>) -> Request<'a> {
        Request { agent, target: "orders", database, now: 1000 }
    }

    fn all() -> Vec<LeaseRule> {
        vec![
            rule("short", "", Some(60), None, Given::AtOnce),
            rule("few", "*", Some(90), Some(4), Given::AtOnce),
            rule("asked", "payroll", None, Some(1), Given::Ahead),
        ]
    }

    #[test]
    fn the_strictest_word_counts_whatever_the_order() {
        let mut rules = all();
        for _ in 0..rules.len() {
            rules.rotate_left(1);
            let Access::Lease(terms) = decide(&rules, &request("coder", Some("shop"))) else {
                panic!("no lease")
            };
            assert_eq!((terms.until, terms.sessions), (Some(1060), Some(4)));
            assert_eq!(terms.rules.len(), 2);
        }
    }

    #[test]
    fn where_no_rule_fits_leave_lasts_as_long_as_the_connection() {
        let free = Terms { until: None, sessions: None, rules: Vec::new() };
        assert_eq!(decide(&all(), &request("other", Some("payroll"))), Access::Lease(free));
    }

    #[test]
    fn a_rule_that_asks_for_a_lease_ahead_denies_without_one_and_bounds_it() {
        let denied = NoLease::NotGivenAhead { rule: "asked".to_owned() };
        assert_eq!(decide(&all(), &request("coder", Some("payroll"))), Access::Denied(denied.clone()));
        // A database that is not known may be the one.
        assert_eq!(decide(&all(), &request("coder", None)), Access::Denied(denied));
        let terms = ahead(&all(), &request("coder", Some("payroll")), 50);
        assert_eq!((terms.until, terms.sessions), (Some(1050), Some(1)));
        assert_eq!(ahead(&all(), &request("coder", Some("payroll")), 5000).until, Some(1060));
        assert_eq!(ahead(&all(), &request("coder", Some("payroll")), u64::MAX).until, Some(1060));
    }
}
