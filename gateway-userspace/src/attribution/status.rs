//! Asks the enforcer how enforcement stands, once, for commands that a person waits for.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use gateway_policy::level::Level;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, setsockopt, socket,
    sockopt::PeerCredentials, sockopt::ReceiveTimeout, sockopt::SendTimeout,
};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::Uid;
use thiserror::Error;

use super::wire::{self, Answer, EnforcerStatus, MOST_PARTS, Question, WireError};

/// The enforcer answers from what it knows; longer means that it hangs.
const WAIT_SECONDS: i64 = 5;

#[derive(Debug, Error)]
pub enum StatusError {
    #[error("the enforcer is not running: nothing answers on {}", .0.display())]
    NotRunning(PathBuf),
    #[error("only the gateway's user and root may ask the enforcer")]
    NotAllowed,
    #[error("cannot reach the enforcer on {}", path.display())]
    Unreachable { path: PathBuf, source: Errno },
    #[error("what answers on {} is not the enforcer: it runs as user {uid}", path.display())]
    Impostor { path: PathBuf, uid: u32 },
    #[error("the enforcer does not answer")]
    NoAnswer(#[source] WireError),
    #[error("the enforcer cannot say: {0}")]
    Failed(String),
    #[error("the enforcer answered another question")]
    OtherAnswer,
    #[error("the enforcer's answer does not come to an end")]
    Endless,
}

pub fn enforcer_status(path: &Path) -> Result<EnforcerStatus, StatusError> {
    let enforcer = reach(path)?;
    let mut status = EnforcerStatus::default();
    let mut after = None;
    for _ in 0..MOST_PARTS {
        after = match ask(&enforcer, &Question::Status { after })? {
            Answer::Status(part) => status.add(part),
            other => return Err(beside(other)),
        };
        if after.is_none() {
            return Ok(status);
        }
    }
    Err(StatusError::Endless)
}

/// The agent that a cgroup is watched as.
pub fn watched_as(path: &Path, cgroup: u64) -> Result<Option<String>, StatusError> {
    match ask(&reach(path)?, &Question::Watches { cgroup })? {
        Answer::Watches(agent) => Ok(agent),
        other => Err(beside(other)),
    }
}

/// Says how well what starts in a cgroup is held. Records of its connections carry that.
pub fn tell_reached(path: &Path, cgroup: &str, level: Level) -> Result<(), StatusError> {
    match ask(&reach(path)?, &Question::Reached { path: cgroup.to_owned(), level })? {
        Answer::Noted => Ok(()),
        other => Err(beside(other)),
    }
}

fn ask(enforcer: &OwnedFd, question: &Question) -> Result<Answer, StatusError> {
    wire::send(enforcer.as_fd(), question, None).map_err(no_answer)?;
    wire::receive(enforcer.as_fd()).map_err(no_answer)
}

/// An answer that does not fit the question.
fn beside(answer: Answer) -> StatusError {
    match answer {
        Answer::Failed { why } => StatusError::Failed(why),
        Answer::Connection(_)
        | Answer::Status(_)
        | Answer::Watches(_)
        | Answer::IsAgent(_)
        | Answer::Token(_)
        | Answer::Noted => StatusError::OtherAnswer,
    }
}

fn reach(path: &Path) -> Result<OwnedFd, StatusError> {
    let wait = TimeVal::seconds(WAIT_SECONDS);
    let connected = || -> nix::Result<(OwnedFd, Uid)> {
        let enforcer = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
        setsockopt(&enforcer, ReceiveTimeout, &wait)?;
        setsockopt(&enforcer, SendTimeout, &wait)?;
        connect(enforcer.as_raw_fd(), &UnixAddr::new(path)?)?;
        let uid = Uid::from_raw(getsockopt(&enforcer, PeerCredentials)?.uid());
        Ok((enforcer, uid))
    };
    let path = path.to_path_buf();
    match connected() {
        // The gateway's user may write into that folder too, and agents would start on its word.
        Ok((_, uid)) if !uid.is_root() && uid != Uid::effective() => {
            Err(StatusError::Impostor { path, uid: uid.as_raw() })
        }
        Ok((enforcer, _)) => Ok(enforcer),
        Err(Errno::ENOENT | Errno::ECONNREFUSED) => Err(StatusError::NotRunning(path)),
        Err(Errno::EACCES | Errno::EPERM) => Err(StatusError::NotAllowed),
        Err(source) => Err(StatusError::Unreachable { path, source }),
    }
}

/// The enforcer hangs up on whom it does not serve.
fn no_answer(error: WireError) -> StatusError {
    match error {
        WireError::Closed => StatusError::NotAllowed,
        other => StatusError::NoAnswer(other),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use nix::sys::socket::{Backlog, bind, listen};

    use super::*;
    use crate::attribution::wire::StatusPart;
    use crate::config::Reload;

    /// An enforcer that says one thing to whoever comes, or hangs up without a word.
    fn enforcer_that_says(answer: Option<Answer>) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("enforce.sock");
        let listener =
            socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        listen(&listener, Backlog::new(1).unwrap()).unwrap();
        std::thread::spawn(move || {
            let (peer, _) = UnixListener::from(listener).accept().unwrap();
            assert_eq!(wire::receive::<Question>(peer.as_fd()).unwrap(), Question::Status { after: None });
            answer.iter().for_each(|answer| wire::send(peer.as_fd(), answer, None).unwrap());
        });
        (dir, path)
    }

    fn status() -> EnforcerStatus {
        EnforcerStatus {
            level: None,
            open_vectors: vec!["packet sockets".to_string()],
            agents: Vec::new(),
            lost_events: 3,
            kernel: "6.1.0".to_string(),
            reload: Reload::default(),
        }
    }

    #[test]
    fn the_enforcer_says_how_it_stands() {
        let (_dir, path) =
            enforcer_that_says(Some(Answer::Status(StatusPart { status: status(), more_after: None })));
        assert_eq!(enforcer_status(&path).unwrap(), status());
    }

    #[test]
    fn an_answer_to_another_question_is_no_status() {
        let (_dir, path) = enforcer_that_says(Some(Answer::Connection(None)));
        assert!(matches!(enforcer_status(&path), Err(StatusError::OtherAnswer)));
    }

    #[test]
    fn who_is_hung_up_on_is_not_allowed() {
        let (_dir, path) = enforcer_that_says(None);
        assert!(matches!(enforcer_status(&path), Err(StatusError::NotAllowed)));
    }

    #[test]
    fn a_socket_without_an_enforcer_is_told_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let absent = enforcer_status(&dir.path().join("absent.sock"));
        assert!(matches!(absent, Err(StatusError::NotRunning(_))), "{absent:?}");
    }
}
