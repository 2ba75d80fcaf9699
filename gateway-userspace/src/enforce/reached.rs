//! Levels that the kernel cannot see: what was started in a cgroup had given up so much that it is held better than the
//! kernel alone would hold it. Whoever starts it says so; only root is believed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gateway_policy::level::Level;

use super::watching::Watched;

/// Cgroups that something was said about.
const MOST: usize = 4096;
/// How long the cgroup may take to appear. A unit is asked about before it has one.
const APPEARS_WITHIN: Duration = Duration::from_secs(120);

/// What was said, by the path of the cgroup.
#[derive(Debug, Default)]
pub struct Reached(BTreeMap<String, Word>);

#[derive(Debug)]
struct Word {
    level: Level,
    said: Instant,
    /// The very cgroup that it is about. Another one of the same name, made later, is not.
    cgroup: Option<u64>,
}

impl Reached {
    /// Takes note. Where there is no room the level stays what the kernel shows, which is never too much.
    pub fn note(&mut self, path: String, level: Level, watched: &Watched) {
        self.bind(watched);
        if self.0.len() < MOST || self.0.contains_key(&path) {
            self.0.insert(path, Word { level, said: Instant::now(), cgroup: None });
            self.bind(watched);
        }
    }

    /// Finds the cgroups that something was said about, and forgets those that are gone or never came.
    pub fn bind(&mut self, watched: &Watched) {
        if self.0.is_empty() {
            return;
        }
        for (id, (path, _)) in watched {
            if let Some(word) = self.0.get_mut(path) {
                word.cgroup.get_or_insert(*id);
            }
        }
        self.0.retain(|path, word| match word.cgroup {
            Some(id) => watched.get(&id).is_some_and(|(here, _)| here == path),
            None => word.said.elapsed() < APPEARS_WITHIN,
        });
    }

    /// What was said about a cgroup, or about one above it.
    pub fn of(&self, path: &str, watched: &Watched) -> Option<Level> {
        let mut above = path;
        while !above.is_empty() && !self.0.is_empty() {
            if let Some(Word { level, cgroup: Some(id), .. }) = self.0.get(above)
                && watched.get(id).is_some_and(|(here, _)| here == above)
            {
                return Some(*level);
            }
            above = above.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use gateway_common::watch::Watch;

    use super::*;

    fn watched(cgroups: &[(u64, &str)]) -> Watched {
        let watch = Watch { agent: 9, flags: 0 };
        cgroups.iter().map(|(id, path)| (*id, ((*path).to_owned(), watch))).collect()
    }

    #[test]
    fn what_was_said_holds_for_the_cgroup_and_all_below_it() {
        let watched = watched(&[(7, "/a/run-1"), (8, "/a/run-1/child"), (9, "/a/run-10")]);
        let mut reached = Reached::default();
        reached.note("/a/run-1".to_owned(), Level::Unit, &watched);
        assert_eq!(reached.of("/a/run-1", &watched), Some(Level::Unit));
        assert_eq!(reached.of("/a/run-1/child", &watched), Some(Level::Unit));
        assert_eq!(reached.of("/a/run-10", &watched), None);
        assert_eq!(reached.of("/a", &watched), None);
    }

    #[test]
    fn a_later_cgroup_of_the_same_name_has_reached_nothing() {
        let mut reached = Reached::default();
        reached.note("/a/run-1".to_owned(), Level::Unit, &watched(&[(7, "/a/run-1")]));
        let later = watched(&[(70, "/a/run-1")]);
        assert_eq!(reached.of("/a/run-1", &later), None);
        reached.bind(&later);
        assert_eq!(reached.of("/a/run-1", &later), None);
    }

    #[test]
    fn a_unit_may_be_asked_about_before_it_has_a_cgroup() {
        let mut reached = Reached::default();
        reached.note("/a/unit".to_owned(), Level::Unit, &watched(&[]));
        let started = watched(&[(7, "/a/unit")]);
        reached.bind(&started);
        assert_eq!(reached.of("/a/unit", &started), Some(Level::Unit));
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let mut reached = Reached::default();
        for number in 0..=MOST {
            reached.note(format!("/a/{number}"), Level::Unit, &watched(&[]));
        }
        assert_eq!(reached.0.len(), MOST);
    }
}
