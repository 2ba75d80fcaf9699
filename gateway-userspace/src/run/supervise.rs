//! Stands between a command and whoever started it: passes signals on, stops and goes on with it, and ends as it ended.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, raise, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Signals that are meant for the command when somebody sends them to us.
const PASSED_ON: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGTSTP,
];

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Exited(u8),
    Killed(Signal),
}

impl Ending {
    /// The status by which shells tell it.
    pub fn status(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => 128_u8.saturating_add(u8::try_from(signal as i32).unwrap_or(u8::MAX)),
        }
    }
}

/// Signals held back from before the fork, so that none is lost and none ends us first.
#[derive(Debug)]
pub struct Signals {
    held: SignalFd,
    before: SigSet,
}

impl Signals {
    pub fn hold() -> io::Result<Self> {
        let mut held = SigSet::from_iter(PASSED_ON);
        held.add(Signal::SIGCHLD);
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held), Some(&mut before))?;
        Ok(Self { held: SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC)?, before })
    }

    /// In the command's process: signals come as they came to our caller.
    pub fn release(&self) -> io::Result<()> {
        Ok(sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None)?)
    }

    /// Waits for the command's end.
    pub fn until_end(&self, command: Pid) -> io::Result<Ending> {
        loop {
            let Some(news) = self.held.read_signal().or_else(interrupted)? else { continue };
            let signal = i32::try_from(news.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
            match signal {
                Some(Signal::SIGCHLD) => {
                    if let Some(ending) = look(command)? {
                        return Ok(ending);
                    }
                }
                // What the terminal sends goes to the whole group; the command has it already.
                Some(signal) if news.ssi_code <= 0 => pass_on(command, signal)?,
                _ => {}
            }
        }
    }
}

fn look(command: Pid) -> io::Result<Option<Ending>> {
    loop {
        match waitpid(command, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED))? {
            WaitStatus::Exited(_, code) => return Ok(Some(Ending::Exited(code as u8))),
            WaitStatus::Signaled(_, signal, _) => return Ok(Some(Ending::Killed(signal))),
            WaitStatus::Stopped(..) => stop_with(command)?,
            _ => return Ok(None),
        }
    }
}

/// The shell must see us stopped to take the terminal back; when it lets us go on, so does the command.
fn stop_with(command: Pid) -> io::Result<()> {
    raise(Signal::SIGSTOP)?;
    pass_on(command, Signal::SIGCONT)
}

fn pass_on(command: Pid, signal: Signal) -> io::Result<()> {
    match kill(command, signal) {
        // It has ended in the meantime; its end is the next news.
        Err(Errno::ESRCH) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn interrupted<T>(error: Errno) -> nix::Result<Option<T>> {
    if error == Errno::EINTR { Ok(None) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_told_as_shells_tell_it() {
        assert_eq!(Ending::Exited(3).status(), 3);
        assert_eq!(Ending::Killed(Signal::SIGKILL).status(), 137);
        assert_eq!(Ending::Killed(Signal::SIGTERM).status(), 143);
    }
}
