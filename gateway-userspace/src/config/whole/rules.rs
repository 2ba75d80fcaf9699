//! Rules name agents and targets that are there, and say something about them.

use gateway_policy::rule::Pattern;
use gateway_policy::target::Protocol;

use super::super::load::Gathering;
use super::super::mistakes::Gathered;
use super::super::section::did_you_mean;
use super::super::values::Located;

pub fn check(all: &Gathering, mistakes: &Gathered) {
    let (agents, targets) = (all.names("agents"), all.names("targets"));
    for keys in all.rules.values() {
        exist("agent", &keys.agents, &agents, mistakes);
        exist("target", &keys.targets, &targets, mistakes);
        are_judged(all, &keys.targets, mistakes);
    }
    for case in all.cases.values() {
        for (sort, named, known) in [("agent", &case.agent, &agents), ("target", &case.target, &targets)] {
            if !known.contains(&named.value.as_str()) {
                let what = format!("there is no {sort} `{}`", named.value);
                mistakes.add(named.place.clone(), what, did_you_mean(&named.value, known));
            }
        }
    }
}

/// A pattern that fits nothing is a slip as much as a name that is not there.
fn exist(sort: &str, named: &[Located<Pattern>], known: &[&str], mistakes: &Gathered) {
    for pattern in named.iter().filter(|pattern| !pattern.value.matches_everything()) {
        if !known.iter().any(|name| pattern.value.matches(name)) {
            let what = format!("there is no {sort} `{}`", pattern.value);
            mistakes.add(pattern.place.clone(), what, did_you_mean(&pattern.value.to_string(), known));
        }
    }
}

fn are_judged(all: &Gathering, named: &[Located<Pattern>], mistakes: &Gathered) {
    for pattern in named {
        let exact = pattern.value.exact().and_then(|name| all.targets.get(name));
        if exact.is_some_and(|target| target.value.protocol == Protocol::Tcp) {
            let what =
                format!("target `{}` is opaque, so that no rule can say anything of it", pattern.value);
            mistakes.add(pattern.place.clone(), what, "give it `protocol = \"postgres\"`, or leave it out");
        }
    }
}
