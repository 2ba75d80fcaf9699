//! What identities mean together: an agent that has to show a token can, and no token is two agents'.

use super::super::identity::{Binding, IdentitySource};
use super::super::load::Gathering;
use super::super::mistakes::Gathered;
use super::super::schema::AgentKeys;
use super::super::section::did_you_mean;
use super::super::values::Located;
use crate::https::{Plain, may_be_asked};

pub fn check(all: &Gathering, mistakes: &Gathered) {
    for provider in all.identity.values() {
        let plain = if provider.value.danger_http { Plain::OnLoopback } else { Plain::Never };
        if let Err(error) = may_be_asked(&provider.value.issuer, plain) {
            let remedy = "write the provider's https:// address, exactly as its tokens do";
            mistakes.add(provider.place.clone(), format!("`issuer`: {error}"), remedy);
        }
    }
    for agent in all.agents.values() {
        providers_exist(all, agent, mistakes);
        sources_are_of_use(all, agent, mistakes);
    }
    tokens_are_one_agents(all, mistakes);
}

fn providers_exist(all: &Gathering, agent: &AgentKeys, mistakes: &Gathered) {
    let known = all.names("identity");
    for provider in &agent.providers {
        if !known.contains(&provider.value.as_str()) {
            let what = format!("there is no [identity.{}]", provider.value);
            mistakes.add(provider.place.clone(), what, did_you_mean(&provider.value, &known));
        }
    }
}

fn sources_are_of_use(all: &Gathering, agent: &AgentKeys, mistakes: &Gathered) {
    let attested = agent.identity.iter().position(|source| source.value == IdentitySource::Attested);
    for (index, source) in agent.identity.iter().enumerate() {
        let wrong = |what: &str, remedy: &str| mistakes.add(source.place.clone(), what, remedy);
        if attested.is_some_and(|attested| index > attested) {
            wrong(
                "it is never asked: `attested` before it needs nothing",
                "put `attested` last, or remove it",
            );
        }
        if source.value == IdentitySource::Attested {
            continue;
        }
        if agent.providers.is_empty() {
            wrong("nobody vouches for this agent's identity", "name tables of [identity] in `providers`");
        }
        if source.value.is_brought() && agent.tokens.is_empty() {
            let remedy = "say whose tokens they are, such as `tokens = \"client:coder\"`";
            wrong("any agent's token would do", remedy);
        }
        let has_client = |name: &Located<String>| {
            all.identity.get(&name.value).is_none_or(|provider| provider.value.client_id.is_some())
        };
        if source.value.needs_client()
            && !agent.providers.is_empty()
            && !agent.providers.iter().any(has_client)
        {
            wrong("the gateway is no client of the agent's providers", "give one of them a `client_id`");
        }
    }
}

fn tokens_are_one_agents(all: &Gathering, mistakes: &Gathered) {
    let claims: Vec<_> = all
        .agents
        .iter()
        .flat_map(|(name, agent)| agent.tokens.iter().map(move |binding| (name, agent, binding)))
        .collect();
    for (index, (name, agent, binding)) in claims.iter().enumerate() {
        let shared = |other: &&(&String, &AgentKeys, &Located<Binding>)| {
            let providers =
                |provider: &Located<String>| other.1.providers.iter().any(|it| it.value == provider.value);
            other.0 != *name
                && overlap(&other.2.value, &binding.value)
                && agent.providers.iter().any(providers)
        };
        if let Some((other, ..)) = claims.iter().take(index).find(shared) {
            let what = format!("{} is agent `{other}`'s too", binding.value);
            mistakes.add(binding.place.clone(), what, "a token can be only one agent's: make one narrower");
        }
    }
}

fn overlap(a: &Binding, b: &Binding) -> bool {
    match (a, b) {
        (Binding::Client(a), Binding::Client(b))
        | (Binding::Subject(a), Binding::Subject(b))
        | (Binding::Actor(a), Binding::Actor(b)) => {
            a == b || a.exact().is_some_and(|a| b.matches(a)) || b.exact().is_some_and(|b| a.matches(b))
        }
        _ => false,
    }
}
