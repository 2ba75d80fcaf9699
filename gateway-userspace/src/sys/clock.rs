//! The one clock, and what the kernel knows about it.
//!
//! Whatever ends at a time asks a [`Clock`], so that a test can move it. A wall clock may be set; what must not outlast
//! its time asks for both of its readings, and ends with the earlier one.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

/// Says what time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// By the wall, which somebody may set.
    fn now(&self) -> SystemTime;

    /// How long the host has been running, sleep included. Nobody can set it, and it means nothing after a reboot.
    fn uptime(&self) -> Duration;
}

/// The host's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn uptime(&self) -> Duration {
        // It exists since Linux 2.6.39, and cannot fail otherwise.
        clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
    }
}

/// A clock that stands still until a test moves it.
#[cfg(test)]
#[derive(Debug, Clone)]
pub struct MovedClock(std::sync::Arc<std::sync::Mutex<(SystemTime, Duration)>>);

#[cfg(test)]
impl MovedClock {
    pub fn at(now: SystemTime) -> Self {
        Self(std::sync::Arc::new(std::sync::Mutex::new((now, Duration::from_secs(1000)))))
    }

    /// Time goes by.
    pub fn advance(&self, by: Duration) {
        let mut readings = self.0.lock().expect("a clock");
        readings.0 += by;
        readings.1 += by;
    }

    /// Somebody sets the wall clock.
    pub fn set(&self, now: SystemTime) {
        self.0.lock().expect("a clock").0 = now;
    }
}

#[cfg(test)]
impl Clock for MovedClock {
    fn now(&self) -> SystemTime {
        self.0.lock().expect("a clock").0
    }

    fn uptime(&self) -> Duration {
        self.0.lock().expect("a clock").1
    }
}

/// Whether something keeps the system clock in step with the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronised {
    Yes,
    No,
}

/// Asks adjtimex(2), and changes nothing.
pub fn synchronised() -> io::Result<Synchronised> {
    // SAFETY: `timex` is plain integers, for which all zeroes is a value.
    let mut facts: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live `timex`; with `modes` zero the kernel only writes into it.
    let state = unsafe { libc::adjtimex(&raw mut facts) };
    match state {
        -1 => Err(io::Error::last_os_error()),
        libc::TIME_ERROR => Ok(Synchronised::No),
        _ if facts.status & libc::STA_UNSYNC != 0 => Ok(Synchronised::No),
        _ => Ok(Synchronised::Yes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_been_running_for_a_while_and_goes_on() {
        let before = HostClock.uptime();
        std::thread::sleep(Duration::from_millis(2));
        assert!(before > Duration::ZERO && HostClock.uptime() > before);
    }

    #[test]
    fn a_wall_clock_that_is_set_leaves_the_uptime_alone() {
        let clock = MovedClock::at(SystemTime::UNIX_EPOCH);
        let before = clock.uptime();
        clock.set(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
        assert_eq!(clock.uptime(), before);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(8));
        assert_eq!(clock.uptime(), before + Duration::from_secs(1));
    }

    #[test]
    fn the_kernel_answers_without_privileges() {
        assert!(synchronised().is_ok());
    }
}
