//! The reference of all keys, made from the declarations that the files are read by.

use super::control::Control;
use super::identity::IdentityProvider;
use super::leases::LeaseKeys;
use super::postgres::Postgres;
use super::rules::{Case, LimitKeys, RuleKeys};
use super::schema::{AgentKeys, Dns, Enforce, Serve, TargetKeys};
use super::section::{Key, REQUIRED};

const OPENING: &str = "# Configuration

Postern reads every `*.toml` file of one folder, `/etc/postern` unless `--config DIR` says otherwise, and takes them
together. A table such as `[serve]` or `[agents.coder]` stands in one file only. Unknown keys are mistakes. With a
mistake anywhere nothing starts; `postern check` lists all of them, with file, line and remedy.

Durations are written with their unit: `\"500ms\"`, `\"30s\"`, `\"5m\"`, `\"2h\"`. Where a list is expected, one item alone
will do. Keys that begin with `danger_` weaken protection; those in force are listed by `postern check` and
`postern status`.

Names of agents, targets, rules and cases have 1 to 63 lower-case letters, digits and `-`.

An example is in [examples/postern.toml](examples/postern.toml). For editors there is a [JSON Schema](schema/postern.schema.json);
those that use Taplo take it from a first line `#:schema ./postern.schema.json`.

<!-- Made by `postern reference` from gateway-userspace/src/config/schema.rs; a test compares the two. -->
";

pub(super) type Table = (&'static str, &'static str, &'static [Key]);

pub(super) fn tables() -> [Table; 12] {
    [
        ("enforce", Enforce::ABOUT, Enforce::KEYS),
        ("serve", Serve::ABOUT, Serve::KEYS),
        ("dns", Dns::ABOUT, Dns::KEYS),
        ("control", Control::ABOUT, Control::KEYS),
        ("identity.NAME", IdentityProvider::ABOUT, IdentityProvider::KEYS),
        ("agents.NAME", AgentKeys::ABOUT, AgentKeys::KEYS),
        ("targets.NAME", TargetKeys::ABOUT, TargetKeys::KEYS),
        ("targets.NAME.postgres", Postgres::ABOUT, Postgres::KEYS),
        ("rules.NAME", RuleKeys::ABOUT, RuleKeys::KEYS),
        ("rules.NAME.limits", LimitKeys::ABOUT, LimitKeys::KEYS),
        ("leases.NAME", LeaseKeys::ABOUT, LeaseKeys::KEYS),
        ("cases.NAME", Case::ABOUT, Case::KEYS),
    ]
}

/// The text of docs/configuration.md.
pub fn reference() -> String {
    let described = tables().map(|(title, about, keys)| table(title, about, keys));
    std::iter::once(OPENING.to_string()).chain(described).collect()
}

fn table(title: &str, about: &str, keys: &[Key]) -> String {
    let keys: String = keys.iter().map(entry).collect();
    format!("\n## [{title}]\n\n{}{keys}", unindented(about))
}

fn entry(key: &Key) -> String {
    let default = match key.default {
        REQUIRED => "required".to_string(),
        value => format!("default `{value}`"),
    };
    format!("\n### `{}`\n\n{}; {default}.\n\n{}", key.name, capitalised(key.form), unindented(key.meaning))
}

/// Doc comments begin each line with a space.
pub(super) fn unindented(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// A file that writes every default out, for an agent `a`.
#[cfg(test)]
pub fn defaults() -> Vec<String> {
    let written = |key: &Key| format!("{} = {}\n", key.name, key.default);
    // A table inside of another comes with the keys of that one.
    let optional = |(title, _, keys): &Table| {
        title.matches('.').count() < 2 && keys.iter().all(|key| key.default != REQUIRED)
    };
    let table =
        |(title, _, keys): Table| format!("[{title}]\n{}", keys.iter().map(written).collect::<String>());
    tables().into_iter().filter(optional).map(table).map(|text| text.replace("NAME", "a")).collect()
}
