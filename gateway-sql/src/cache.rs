//! Facts of texts that were read before.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::mem::size_of;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_policy::command::State;
use gateway_policy::facts::{Effect, Facts, Statement};

use crate::{Catalogue, Limits, encoding, read_within};

const SHARDS: usize = 16;
/// Longer texts are those that nobody sends twice: a dump, a bulk insert.
const LONGEST: usize = 64 * 1024;

/// What was read of texts, bounded by the bytes it takes.
///
/// Facts depend on the text, the session's search path and the catalogue's version; whatever else of the session
/// matters is looked at each time. One cache serves one target.
#[derive(Debug)]
pub struct Cache {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    limits: Limits,
}

/// Two generations. When the young one is full it becomes the old one, and what is left in that is forgotten. What is
/// asked for moves back among the young.
#[derive(Debug)]
struct Shard {
    young: HashMap<u64, Kept>,
    old: HashMap<u64, Kept>,
    bytes: usize,
    room: usize,
}

#[derive(Debug)]
struct Kept {
    text: Box<str>,
    path: Option<Box<str>>,
    version: u64,
    facts: Arc<Facts>,
}

impl Cache {
    /// A cache that takes about this much memory at most.
    pub fn new(bytes: usize, limits: Limits) -> Self {
        let room = bytes / SHARDS / 2;
        let shard = || Shard { young: HashMap::new(), old: HashMap::new(), bytes: 0, room };
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(),
            hasher: RandomState::new(),
            limits,
        }
    }

    /// The facts of a text, read now or before.
    pub fn facts(&self, text: &str, state: &State, catalogue: &Catalogue) -> Arc<Facts> {
        let path =
            state.settings.iter().find(|(name, _)| name == "search_path").map(|(_, value)| value.as_str());
        let hash = self.hash(text, path, catalogue.version);
        let shard = self.shards.get(hash as usize % SHARDS).filter(|_| text.len() <= LONGEST);
        // A session whose text cannot be read safely gets the same no from the reader as ever.
        let safe = encoding::check(text, state).is_ok();
        let (Some(shard), true) = (shard, safe) else {
            return Arc::new(read_within(&self.limits, text, state, catalogue));
        };
        let fits = |kept: &Kept| {
            *kept.text == *text && kept.path.as_deref() == path && kept.version == catalogue.version
        };
        if let Some(facts) = lock(shard).get(hash, fits) {
            return facts;
        }
        // Nobody waits for the shard while this is read. Two may read the same; the facts are the same too.
        let facts = Arc::new(read_within(&self.limits, text, state, catalogue));
        let kept = Kept {
            text: text.into(),
            path: path.map(Into::into),
            version: catalogue.version,
            facts: Arc::clone(&facts),
        };
        lock(shard).put(hash, kept);
        facts
    }

    fn hash(&self, text: &str, path: Option<&str>, version: u64) -> u64 {
        self.hasher.hash_one((text, path, version))
    }
}

/// A panic elsewhere leaves at worst an entry too few behind.
fn lock(shard: &Mutex<Shard>) -> std::sync::MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn get(&mut self, hash: u64, fits: impl Fn(&Kept) -> bool) -> Option<Arc<Facts>> {
        if let Some(kept) = self.young.get(&hash) {
            return fits(kept).then(|| Arc::clone(&kept.facts));
        }
        let kept = self.old.remove(&hash).filter(fits)?;
        let facts = Arc::clone(&kept.facts);
        self.put(hash, kept);
        Some(facts)
    }

    fn put(&mut self, hash: u64, kept: Kept) {
        let bytes = kept.bytes();
        if bytes > self.room {
            return;
        }
        if self.bytes + bytes > self.room {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        let before = self.young.insert(hash, kept);
        self.bytes += bytes;
        self.bytes -= before.map_or(0, |before| before.bytes());
    }
}

impl Kept {
    /// About what it takes, with the tables that it stands in.
    fn bytes(&self) -> usize {
        let path = self.path.as_ref().map_or(0, |path| path.len());
        let statements = self.facts.statements.iter().map(statement_bytes).sum::<usize>();
        128 + self.text.len() + path + statements + self.facts.unknowns.len() * 64
    }
}

fn statement_bytes(statement: &Statement) -> usize {
    let effects = statement.effects.iter().map(effect_bytes).sum::<usize>();
    size_of::<Statement>() + effects + statement.unknowns.len() * 64 + statement.parameters.len() * 2
}

/// Names are counted at the length that PostgreSQL allows them.
fn effect_bytes(effect: &Effect) -> usize {
    use gateway_policy::facts::{Columns, On};
    const NAME: usize = 64 + size_of::<String>();
    let columns = match &effect.columns {
        Columns::These(columns) => columns.len() * NAME,
        Columns::None | Columns::All | Columns::Unknown => 0,
    };
    let on = match &effect.on {
        On::Function(function) => 2 * NAME + function.arguments.iter().map(argument_bytes).sum::<usize>(),
        On::Setting(setting) => NAME + setting.value.as_ref().map_or(0, String::len),
        On::Label(label) => label.len(),
        On::Relation(_) | On::Object(..) => 2 * NAME,
        On::Nothing | On::Transaction(_) => 0,
    };
    size_of::<Effect>() + columns + effect.filtered.len() * NAME + on
}

fn argument_bytes(argument: &gateway_policy::facts::Argument) -> usize {
    use gateway_policy::facts::Argument;
    let text = match argument {
        Argument::Constant(text) => text.len(),
        Argument::Parameter(_) | Argument::Computed => 0,
    };
    size_of::<Argument>() + text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PATH_UNKNOWN;

    fn cache(bytes: usize) -> Cache {
        Cache::new(bytes, Limits::default())
    }

    #[test]
    fn the_same_text_is_read_once() {
        let cache = cache(1 << 20);
        let (state, catalogue) = (State::default(), Catalogue::absent());
        let first = cache.facts("select a from t", &state, &catalogue);
        assert!(Arc::ptr_eq(&first, &cache.facts("select a from t", &state, &catalogue)));
        assert!(!Arc::ptr_eq(&first, &cache.facts("select a from u", &state, &catalogue)));
    }

    #[test]
    fn another_path_catalogue_or_encoding_is_another_reading() {
        let cache = cache(1 << 20);
        let state = State::default();
        let first = cache.facts("select lower(a) from t", &state, &Catalogue::absent());
        let moved =
            State { settings: vec![("search_path".to_owned(), PATH_UNKNOWN.to_owned())], ..State::default() };
        assert_ne!(first, cache.facts("select lower(a) from t", &moved, &Catalogue::absent()));
        assert_ne!(first, cache.facts("select lower(a) from t", &state, &Catalogue::read(7)));
        let unsafe_text =
            State { settings: vec![("client_encoding".to_owned(), "SJIS".to_owned())], ..State::default() };
        assert_ne!(first, cache.facts("select lower(a) from t", &unsafe_text, &Catalogue::absent()));
    }

    #[test]
    fn it_stays_within_its_room_and_keeps_what_is_used() {
        let cache = cache(256 * 1024);
        let (state, catalogue) = (State::default(), Catalogue::absent());
        let used = cache.facts("select used", &state, &catalogue);
        for number in 0..5_000 {
            cache.facts(&format!("select a{number} from t"), &state, &catalogue);
            assert!(Arc::ptr_eq(&used, &cache.facts("select used", &state, &catalogue)), "{number}");
        }
        let kept: usize = cache
            .shards
            .iter()
            .map(lock)
            .map(|shard| shard.young.values().chain(shard.old.values()).map(Kept::bytes).sum::<usize>())
            .sum();
        assert!(kept <= 256 * 1024, "{kept}");
        assert!(kept > 64 * 1024, "{kept}");
    }

    #[test]
    fn a_text_that_nobody_sends_twice_is_not_kept() {
        let cache = cache(64 << 20);
        let long = format!("select '{}'", "x".repeat(LONGEST));
        let (state, catalogue) = (State::default(), Catalogue::absent());
        assert!(!Arc::ptr_eq(
            &cache.facts(&long, &state, &catalogue),
            &cache.facts(&long, &state, &catalogue)
        ));
    }
}
