//! Hashes of programs, each read once per version, beside the connections that ask for them: a file may be huge, or
//! lie on a server that does not answer.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    os::fd::OwnedFd,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use gateway_audit::event::Unhashed;
use sha2::{Digest as _, Sha256};

use crate::sys::file::{self, Version, version};

/// Programs remembered; a host runs few different ones.
const REMEMBERED: usize = 1024;
/// Larger files are no programs that an agent runs.
const LARGEST: u64 = 1 << 30;
/// Longer than reading any usual program takes. All that ask for one version share this time.
const PATIENCE: Duration = Duration::from_millis(500);
/// Connections that may wait at once: half of the questions that the gateway asks at a time.
const WAITING: usize = 8;
/// Files that wait to be read.
const QUEUE: usize = 32;
/// A file that cannot be read to its end leaves one more.
const READERS: usize = 2;

type Outcome = Result<String, Unhashed>;

#[derive(Debug)]
pub struct Hashes {
    known: Arc<Known>,
    queue: SyncSender<Job>,
    waiting: AtomicUsize,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Known(Mutex<HashMap<Version, Arc<Reading>>>);

/// A file that is being read, or was.
#[derive(Debug)]
struct Reading {
    asked: Instant,
    outcome: Mutex<Option<Outcome>>,
    over: Condvar,
}

#[derive(Debug)]
struct Job {
    file: Arc<OwnedFd>,
    version: Version,
    reading: Arc<Reading>,
}

impl Hashes {
    pub fn start() -> io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        let known = Arc::new(Known::default());
        for _ in 0..READERS {
            let (jobs, known) = (Arc::clone(&jobs), Arc::clone(&known));
            thread::Builder::new().name("hashes".to_owned()).spawn(move || read_all(&jobs, &known))?;
        }
        Ok(Self { known, queue, waiting: AtomicUsize::new(0), patience: PATIENCE })
    }

    /// The hash of a file of this version, or why there is none yet. The caller waits for a while at most.
    pub fn of(&self, version: Version, file: &Arc<OwnedFd>) -> Outcome {
        if version.size > LARGEST {
            return Err(Unhashed::TooLarge);
        }
        let reading = self.reading(version, file)?;
        if let Some(outcome) = reading.outcome() {
            return outcome;
        }
        if self.waiting.fetch_add(1, Relaxed) >= WAITING {
            self.waiting.fetch_sub(1, Relaxed);
            return Err(Unhashed::Busy);
        }
        let outcome = reading.wait(self.patience);
        self.waiting.fetch_sub(1, Relaxed);
        outcome
    }

    /// Whoever comes while the first one's file is read joins that.
    fn reading(&self, version: Version, file: &Arc<OwnedFd>) -> Result<Arc<Reading>, Unhashed> {
        let mut known = self.known.all();
        if let Some(reading) = known.get(&version) {
            return Ok(Arc::clone(reading));
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let reading =
            Arc::new(Reading { asked: Instant::now(), outcome: Mutex::default(), over: Condvar::new() });
        let job = Job { file: Arc::clone(file), version, reading: Arc::clone(&reading) };
        self.queue.try_send(job).map_err(|_| Unhashed::Busy)?;
        known.insert(version, Arc::clone(&reading));
        Ok(reading)
    }
}

impl Known {
    fn all(&self) -> MutexGuard<'_, HashMap<Version, Arc<Reading>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wait(&self, patience: Duration) -> Outcome {
        let left = patience.saturating_sub(self.asked.elapsed());
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.over.wait_timeout_while(outcome, left, |outcome| outcome.is_none());
        let (outcome, _) = waited.unwrap_or_else(PoisonError::into_inner);
        outcome.clone().unwrap_or(Err(Unhashed::NotInTime))
    }

    fn end(&self, outcome: Outcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.over.notify_all();
    }
}

/// Until nobody can ask any more.
fn read_all(jobs: &Mutex<Receiver<Job>>, known: &Known) {
    loop {
        // The lock is given back before the file is read.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { file, version, reading }) = job else { return };
        let outcome = digest(&file, version).map_err(|_| Unhashed::Unreadable);
        if outcome.is_err() {
            // The next connection tries again.
            known.all().remove(&version);
        }
        reading.end(outcome);
    }
}

/// Fails when the file is not, or does not stay, of that version.
fn digest(named: &OwnedFd, expected: Version) -> io::Result<String> {
    let file = File::open(file::link_to(named))?;
    let mut state = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut content = (&file).take(expected.size);
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        state.update(buffer.get(..read).unwrap_or_default());
    }
    if version(&file, c"")? != expected {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok(state.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(content: &[u8]) -> (Version, Arc<OwnedFd>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        (version(&file, c"").unwrap(), Arc::new(file.into()))
    }

    /// Nobody reads, as if all readers hung on a file.
    fn stuck() -> (Hashes, Receiver<Job>) {
        let (queue, jobs) = sync_channel(QUEUE);
        let patience = Duration::from_millis(50);
        (Hashes { known: Arc::default(), queue, waiting: AtomicUsize::new(0), patience }, jobs)
    }

    #[test]
    fn a_hash_is_that_of_the_content() {
        let (version, file) = file(b"abc");
        let hash = Hashes::start().unwrap().of(version, &file).unwrap();
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_file_that_is_not_read_in_time_has_no_hash_and_holds_up_only_the_first() {
        let (hashes, _jobs) = stuck();
        let (version, file) = file(b"abc");
        let began = Instant::now();
        assert_eq!(hashes.of(version, &file), Err(Unhashed::NotInTime));
        assert!(began.elapsed() >= hashes.patience);
        let again = Instant::now();
        assert_eq!(hashes.of(version, &file), Err(Unhashed::NotInTime));
        assert!(again.elapsed() < hashes.patience);
    }

    #[test]
    fn what_was_read_too_late_is_there_for_the_next() {
        let (hashes, jobs) = stuck();
        let (version, file) = file(b"abc");
        assert_eq!(hashes.of(version, &file), Err(Unhashed::NotInTime));
        let known = Arc::clone(&hashes.known);
        let reader = thread::spawn(move || read_all(&Mutex::new(jobs), &known));
        let Hashes { known, queue, .. } = hashes;
        drop(queue);
        reader.join().unwrap();
        let reading = Arc::clone(known.all().get(&version).unwrap());
        assert!(reading.outcome().unwrap().is_ok());
    }

    #[test]
    fn a_file_too_large_is_not_even_opened() {
        let (hashes, jobs) = stuck();
        let sparse = tempfile::tempfile().unwrap();
        sparse.set_len(LARGEST + 1).unwrap();
        let version = version(&sparse, c"").unwrap();
        assert_eq!(hashes.of(version, &Arc::new(sparse.into())), Err(Unhashed::TooLarge));
        assert!(jobs.try_recv().is_err());
    }

    #[test]
    fn only_so_many_files_wait_to_be_read() {
        let (hashes, _jobs) = stuck();
        let hashes = Hashes { patience: Duration::ZERO, ..hashes };
        let outcomes: Vec<Outcome> = (0..=QUEUE)
            .map(|number| {
                let (version, file) = file(number.to_string().as_bytes());
                hashes.of(version, &file)
            })
            .collect();
        let (last, first) = outcomes.split_last().unwrap();
        assert!(first.iter().all(|outcome| *outcome == Err(Unhashed::NotInTime)));
        assert_eq!(*last, Err(Unhashed::Busy));
    }

    #[test]
    fn only_so_many_connections_wait_at_once() {
        let (hashes, _jobs) = stuck();
        hashes.waiting.store(WAITING, Relaxed);
        let (version, file) = file(b"abc");
        assert_eq!(hashes.of(version, &file), Err(Unhashed::Busy));
        assert_eq!(hashes.waiting.load(Relaxed), WAITING);
    }

    #[test]
    fn a_file_that_changed_since_has_no_hash() {
        let mut changing = tempfile::tempfile().unwrap();
        let version = version(&changing, c"").unwrap();
        changing.write_all(b"more").unwrap();
        let outcome = Hashes::start().unwrap().of(version, &Arc::new(changing.into()));
        assert_eq!(outcome, Err(Unhashed::Unreadable));
    }
}
