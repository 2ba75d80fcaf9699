//! From a folder of files to one [`Config`]: reads, merges, and gathers what is wrong on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gateway_audit::chain::Hash;
use gateway_policy::access::LeaseRule;
use gateway_policy::target::{Target, is_policy_name};
use toml::de::{DeTable, DeValue};

use super::control::Control;
use super::identity::IdentityProvider;
use super::mistakes::{Gathered, Mistakes, Place};
use super::postgres::Postgres;
use super::rules::{Case, RuleKeys};
use super::schema::{AgentKeys, Config, Dns, Enforce, Serve, TargetKeys};
use super::section::{Key, Section, Source, UidOf, did_you_mean};
use super::values::Located;
use super::whole;

const TABLES: [&str; 10] =
    ["enforce", "serve", "dns", "control", "identity", "agents", "targets", "rules", "leases", "cases"];

/// What all files together say, before anything that spans tables is checked.
#[derive(Debug, Default)]
pub struct Gathering {
    tables: BTreeMap<String, Place>,
    pub enforce: Option<Enforce>,
    pub serve: Option<Serve>,
    pub dns: Option<Dns>,
    pub control: Option<Control>,
    pub identity: BTreeMap<String, Located<IdentityProvider>>,
    pub agents: BTreeMap<String, AgentKeys>,
    pub targets: BTreeMap<String, Located<Target>>,
    pub postgres: BTreeMap<String, Located<Postgres>>,
    /// Targets that have such a table, be it readable or not.
    pub with_postgres: BTreeSet<String>,
    pub rules: BTreeMap<String, RuleKeys>,
    pub leases: Vec<LeaseRule>,
    pub cases: BTreeMap<String, Case>,
}

pub fn uid_on_this_host(name: &str) -> Option<u32> {
    nix::unistd::User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
}

pub fn load(dir: &Path, uid_of: UidOf<'_>) -> Result<Config, Mistakes> {
    let mistakes = Gathered::default();
    let mut gathering = Gathering::default();
    let mut syntax = Syntax::Sound;
    for path in toml_files(dir, &mistakes) {
        if let Some(text) = read(&path, &mistakes) {
            let file = Source { path: &path, text: &text, mistakes: &mistakes, uid_of };
            if gathering.add_file(file) == Syntax::Broken {
                syntax = Syntax::Broken;
            }
        }
    }
    gathering.add_absent_tables(dir, &mistakes, uid_of);
    // What a broken line would have said is not known, so nothing is called missing because of it.
    if syntax == Syntax::Sound {
        whole::check(&gathering, &mistakes);
    }
    let config = gathering.into_config();
    mistakes.or(config)
}

/// A hash over the names and contents of all files that count, by which records name a configuration. One that cannot be
/// read counts as empty.
pub fn fingerprint(dir: &Path) -> Hash {
    let mut all = Vec::new();
    for file in toml_files(dir, &Gathered::default()) {
        let content = fs::read(&file).unwrap_or_default();
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        all.extend_from_slice(format!("{} {}\n", name.len(), content.len()).as_bytes());
        all.extend_from_slice(name);
        all.extend_from_slice(&content);
    }
    Hash::of(&all)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Sound,
    Broken,
}

/// The files that count, in the order of their names. Hidden ones are editors' leftovers.
fn toml_files(dir: &Path, mistakes: &Gathered) -> Vec<PathBuf> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut files = match list() {
        Ok(files) => files,
        Err(error) => {
            let what = format!("cannot read the configuration folder: {error}");
            mistakes.add(Place::file(dir), what, "create it, or name another one with --config DIR");
            return Vec::new();
        }
    };
    let hidden = |path: &Path| path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && !hidden(path));
    files.sort();
    if files.is_empty() {
        let remedy = "put a file such as postern.toml there, or name another folder with --config DIR";
        mistakes.add(Place::file(dir), "the folder holds no *.toml file", remedy);
    }
    files
}

fn read(path: &Path, mistakes: &Gathered) -> Option<String> {
    let text = fs::metadata(path).and_then(|facts| {
        if facts.permissions().mode() & 0o002 != 0 {
            let remedy = format!("chmod o-w {}", path.display());
            mistakes.add(Place::file(path), "everybody on this host may write this file", remedy);
        }
        fs::read_to_string(path)
    });
    match text {
        Ok(text) => Some(text),
        Err(error) => {
            let remedy = "make it a readable file of UTF-8 text, or move it away";
            mistakes.add(Place::file(path), format!("cannot read it: {error}"), remedy);
            None
        }
    }
}

impl Gathering {
    /// Reads one file as far as it can be understood.
    pub(super) fn add_file(&mut self, file: Source<'_>) -> Syntax {
        let (document, errors) = DeTable::parse_recoverable(file.text);
        let places: Vec<Place> =
            errors.iter().map(|error| file.place(&error.span().unwrap_or_default())).collect();
        for (error, place) in errors.iter().zip(&places) {
            file.mistakes.add(place.clone(), error.message(), "correct the line; the form is TOML 1.1");
        }
        // A broken line also reads as something strange; once is enough.
        let beside = Gathered::default();
        self.add_tables(document.get_ref(), Source { mistakes: &beside, ..file });
        let broken: Vec<Option<usize>> = places.iter().map(|place| place.line).collect();
        file.mistakes.take_over(beside, &broken);
        if errors.is_empty() { Syntax::Sound } else { Syntax::Broken }
    }

    fn add_tables<'a>(&mut self, document: &'a DeTable<'a>, file: Source<'a>) {
        for (name, value) in document {
            let key = name.get_ref().as_ref();
            match (key, value.get_ref()) {
                ("enforce" | "serve" | "dns" | "control", DeValue::Table(table)) => {
                    self.add_single(key, table, name.span(), file)
                }
                ("identity", DeValue::Table(table)) => self.add_identity(table, file),
                ("agents", DeValue::Table(table)) => self.add_agents(table, file),
                ("targets", DeValue::Table(table)) => self.add_targets(table, file),
                ("rules", DeValue::Table(table)) => self.add_rules(table, file),
                ("leases", DeValue::Table(table)) => self.add_leases(table, file),
                ("cases", DeValue::Table(table)) => self.add_cases(table, file),
                (known, _) if TABLES.contains(&known) => {
                    let remedy = format!("write [{known}] on its own line and the keys below it");
                    file.mistakes.add(file.place(&name.span()), format!("`{known}` is a table"), remedy);
                }
                (unknown, _) => {
                    let what = format!("unknown table or key `{unknown}`");
                    file.mistakes.add(file.place(&name.span()), what, did_you_mean(unknown, &TABLES));
                }
            }
        }
    }

    fn add_single<'a>(&mut self, title: &str, table: &'a DeTable<'a>, span: Range<usize>, file: Source<'a>) {
        self.claim(title, file.place(&span), file.mistakes);
        let section = |keys: &[Key]| Section::new(title.to_string(), table, span.clone(), file, keys);
        match title {
            "enforce" => self.enforce = Enforce::read(&section(Enforce::KEYS)),
            "serve" => self.serve = Serve::read(&section(Serve::KEYS)),
            "control" => self.control = Control::read(&section(Control::KEYS)),
            _ => self.dns = Dns::read(&section(Dns::KEYS)),
        }
    }

    fn add_identity<'a>(&mut self, tables: &'a DeTable<'a>, file: Source<'a>) {
        for (name, section) in self.named("identity", tables, file, IdentityProvider::KEYS, &[]) {
            if let Some(value) = IdentityProvider::read(&section) {
                self.identity.insert(name, Located { value, place: section.place() });
            }
        }
    }

    fn add_agents<'a>(&mut self, tables: &'a DeTable<'a>, file: Source<'a>) {
        for (name, section) in self.named("agents", tables, file, AgentKeys::KEYS, &[]) {
            if !["cgroup", "unit", "slice", "user"].into_iter().any(|key| section.says(key)) {
                let what = format!("nothing says which cgroups are those of [agents.{name}]");
                file.mistakes.add(section.place(), what, "add `cgroup`, `unit`, `slice` or `user`");
            }
            if let Some(agent) = AgentKeys::read(&section) {
                self.agents.insert(name, agent);
            }
        }
    }

    fn add_targets<'a>(&mut self, tables: &'a DeTable<'a>, file: Source<'a>) {
        for (name, section) in self.named("targets", tables, file, TargetKeys::KEYS, &["postgres"]) {
            if section.says("postgres") {
                self.with_postgres.insert(name.clone());
            }
            if let Some(inner) = section.table("postgres", Postgres::KEYS)
                && let Some(value) = Postgres::read(&inner)
            {
                self.postgres.insert(name.clone(), Located { value, place: inner.place() });
            }
            if let Some(TargetKeys { protocol, hosts, ports }) = TargetKeys::read(&section) {
                let value = Target { protocol, hosts, ports };
                self.targets.insert(name, Located { value, place: section.place() });
            }
        }
    }

    /// The tables below `[agents]`, `[targets]` or `[rules]`, those with a bad name included, so that all are read.
    pub(super) fn named<'a>(
        &mut self,
        group: &str,
        tables: &'a DeTable<'a>,
        file: Source<'a>,
        keys: &[Key],
        inner: &[&'static str],
    ) -> Vec<(String, Section<'a>)> {
        let mut sections = Vec::new();
        for (name, value) in tables {
            let (title, place) = (format!("{group}.{}", name.get_ref()), file.place(&name.span()));
            if !is_policy_name(name.get_ref()) {
                let remedy = "use 1 to 63 lower-case letters, digits and `-`";
                file.mistakes.add(
                    place.clone(),
                    format!("`{}` is no name for one of [{group}]", name.get_ref()),
                    remedy,
                );
            }
            let DeValue::Table(table) = value.get_ref() else {
                let remedy = format!("write [{title}] on its own line and the keys below it");
                file.mistakes.add(place, format!("`{title}` is a table"), remedy);
                continue;
            };
            self.claim(&title, place, file.mistakes);
            let section = Section::with_tables(title, table, name.span(), file, keys, inner);
            sections.push((name.get_ref().to_string(), section));
        }
        sections
    }

    /// Notes where a table stands; a table stands in one file only.
    fn claim(&mut self, title: &str, place: Place, mistakes: &Gathered) {
        match self.tables.get(title) {
            Some(first) => {
                let what = format!("[{title}] stands in {} already", first);
                mistakes.add(place, what, "keep one of the two");
            }
            None => {
                self.tables.insert(title.to_string(), place);
            }
        }
    }

    /// Complains about tables together, at the first of them that some file mentions.
    pub fn complain(&self, titles: &[&str], what: String, remedy: &str, mistakes: &Gathered) {
        let mut places = titles.iter().filter_map(|title| self.tables.get(*title));
        if let Some(place) = places.find(|place| place.line.is_some()) {
            mistakes.add(place.clone(), what, remedy);
        }
    }

    /// The names of all tables of a group, those included that could not be read.
    pub fn names(&self, group: &str) -> Vec<&str> {
        self.tables.keys().filter_map(|title| title.strip_prefix(group)?.strip_prefix('.')).collect()
    }

    /// Gives tables that no file mentions their defaults, which are checked like any value.
    fn add_absent_tables(&mut self, dir: &Path, mistakes: &Gathered, uid_of: UidOf<'_>) {
        let empty = DeTable::new();
        for title in ["enforce", "serve", "dns", "control"] {
            if !self.tables.contains_key(title) {
                let nowhere = Source { path: dir, text: "", mistakes, uid_of };
                self.add_single(title, &empty, 0..0, nowhere);
            }
        }
    }

    fn into_config(self) -> Option<Config> {
        let agents = self.agents.into_iter().map(|(name, agent)| (name, agent.into())).collect();
        let identity = self.identity.into_iter().map(|(name, keys)| (name, keys.value)).collect();
        let targets = self.targets.into_iter().map(|(name, target)| (name, target.value)).collect();
        let postgres = self.postgres.into_iter().map(|(name, keys)| (name, keys.value)).collect();
        let rules = self.rules.into_iter().flat_map(|(name, keys)| keys.rules(&name)).collect();
        let (enforce, serve, dns, control) = (self.enforce?, self.serve?, self.dns?, self.control?);
        let (leases, cases) = (self.leases, self.cases);
        Some(Config {
            enforce,
            serve,
            dns,
            control,
            identity,
            agents,
            targets,
            postgres,
            rules,
            leases,
            cases,
        })
    }
}
