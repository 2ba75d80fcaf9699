//! Every byte that arrived somewhere it should not have, and where.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Mutex<Vec<Entry>>,
    grew: Condvar,
}

#[derive(Debug)]
struct Entry {
    place: String,
    bytes: Vec<u8>,
}

/// The entry of one stream, whose pieces belong together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page(usize);

impl Ledger {
    pub(super) fn open(&self, place: &str) -> Page {
        let mut entries = self.entries();
        entries.push(Entry { place: place.to_owned(), bytes: Vec::new() });
        Page(entries.len() - 1)
    }

    pub(super) fn append(&self, page: Page, bytes: &[u8]) {
        if let Some(entry) = self.entries().get_mut(page.0) {
            entry.bytes.extend_from_slice(bytes);
        }
        self.grew.notify_all();
    }

    pub(super) fn record(&self, place: &str, bytes: &[u8]) {
        self.append(self.open(place), bytes);
    }

    /// The places where this text arrived, as soon as there is one, or after the time is over.
    pub(super) fn wait_for(&self, text: &str, patience: Duration) -> Vec<String> {
        let deadline = Instant::now() + patience;
        let mut entries = self.entries();
        loop {
            let places = places(&entries, text);
            let left = deadline.saturating_duration_since(Instant::now());
            if !places.is_empty() || left.is_zero() {
                return places;
            }
            entries = self.grew.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A thread that panicked while it held the lock cannot have left an entry half written that matters.
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn places(entries: &[Entry], text: &str) -> Vec<String> {
    let arrived = |entry: &&Entry| entry.bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let mut places: Vec<_> = entries.iter().filter(arrived).map(|entry| entry.place.clone()).collect();
    places.sort();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_two_pieces_of_a_stream_is_found() {
        let ledger = Ledger::default();
        let page = ledger.open("tcp");
        ledger.append(page, b"..tok");
        ledger.append(page, b"en..");
        assert_eq!(ledger.wait_for("token", Duration::ZERO), ["tcp"]);
    }

    #[test]
    fn pieces_from_different_places_make_no_token() {
        let ledger = Ledger::default();
        ledger.record("tcp", b"tok");
        ledger.record("udp", b"en");
        assert!(ledger.wait_for("token", Duration::ZERO).is_empty());
    }
}
