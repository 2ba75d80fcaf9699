//! An enforcer without a kernel side: it answers what the test told it to.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gateway_policy::level::Level;
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, UnixAddr, accept4, bind, listen, shutdown, socket,
};

use crate::attribution::wire::{
    self, Answer, Attribution, EnforcerStatus, Notice, Question, StatusPart, WatchedAgent, WatchedCgroup,
};
use crate::config::Reload;

pub struct FakeEnforcer {
    path: PathBuf,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    agent: Option<String>,
    original: SocketAddr,
    cgroup: String,
    claimed: Option<u32>,
    listener: Option<Arc<OwnedFd>>,
    open: Vec<Arc<OwnedFd>>,
    subscribers: Vec<Arc<OwnedFd>>,
}

impl FakeEnforcer {
    pub fn start(path: &Path, original: SocketAddr) -> Self {
        let shared = Arc::new(Mutex::new(Shared {
            agent: Some("coder".into()),
            original,
            cgroup: "/agents.slice/coder".into(),
            claimed: None,
            listener: None,
            open: Vec::new(),
            subscribers: Vec::new(),
        }));
        let fake = Self { path: path.to_path_buf(), shared };
        fake.come_back();
        fake
    }

    pub fn be(&self, agent: &str) {
        self.shared.lock().expect("lock").agent = Some(agent.into());
    }

    pub fn know_nobody(&self) {
        self.shared.lock().expect("lock").agent = None;
    }

    pub fn send_to(&self, original: SocketAddr) {
        self.shared.lock().expect("lock").original = original;
    }

    pub fn watch(&self, cgroup: &str) {
        self.shared.lock().expect("lock").cgroup = cgroup.into();
    }

    /// From now on this process is an agent's.
    pub fn claim(&self, pid: u32) {
        self.shared.lock().expect("lock").claimed = Some(pid);
    }

    /// As after a kill: nobody listens, and all conversations break.
    pub fn vanish(&self) {
        let mut shared = self.shared.lock().expect("lock");
        let listener = shared.listener.take();
        for fd in shared.open.drain(..).chain(listener) {
            let _ = shutdown(fd.as_raw_fd(), Shutdown::Both);
        }
        shared.subscribers.clear();
        std::fs::remove_file(&self.path).expect("remove the socket");
    }

    pub fn come_back(&self) {
        let flags = SockFlag::SOCK_CLOEXEC;
        let listener = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).expect("socket");
        bind(listener.as_raw_fd(), &UnixAddr::new(&self.path).expect("path")).expect("bind");
        listen(&listener, Backlog::new(64).expect("backlog")).expect("listen");
        let listener = Arc::new(listener);
        self.shared.lock().expect("lock").listener = Some(Arc::clone(&listener));
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            while let Ok(fd) = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
                let conversation = Arc::new(crate::sys::owned(fd));
                shared.lock().expect("lock").open.push(Arc::clone(&conversation));
                let shared = Arc::clone(&shared);
                thread::spawn(move || answer(&conversation, &shared));
            }
        });
    }

    pub fn hand_over(&self, listener: TcpListener) {
        for _ in 0..500 {
            let subscribers = self.shared.lock().expect("lock").subscribers.clone();
            if let Some(subscriber) = subscribers.first() {
                let notice = Notice::Listener { netns: 7 };
                wire::send(subscriber.as_fd(), &notice, Some(listener.as_fd())).expect("send");
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the gateway did not subscribe");
    }
}

fn answer(conversation: &Arc<OwnedFd>, shared: &Mutex<Shared>) {
    while let Ok((question, fd)) = wire::receive_with::<Question>(conversation.as_fd()) {
        let mut shared = shared.lock().expect("lock");
        let answer = match (question, fd) {
            (Question::Whose, Some(_)) | (Question::WhoseDatagram { .. }, None) => {
                Answer::Connection(shared.attribution())
            }
            (Question::Status { after: None }, None) => {
                Answer::Status(StatusPart { status: shared.status(), more_after: None })
            }
            (Question::IsAgent { pid }, None) => Answer::IsAgent(shared.is_agent(pid)),
            (Question::Subscribe, None) => {
                shared.subscribers.push(Arc::clone(conversation));
                return;
            }
            _ => Answer::Failed { why: "no such question".into() },
        };
        if wire::send(conversation.as_fd(), &answer, None).is_err() {
            return;
        }
    }
}

impl Shared {
    fn is_agent(&self, pid: i32) -> bool {
        if self.claimed.is_some_and(|claimed| i64::from(claimed) == i64::from(pid)) {
            return true;
        }
        let cgroups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("cgroups");
        cgroups.lines().any(|line| line.strip_prefix("0::") == Some(&self.cgroup))
    }

    fn attribution(&self) -> Option<Attribution> {
        Some(Attribution {
            agent: self.agent.clone()?,
            agent_id: 7,
            original: self.original,
            netns: 1,
            cgroup_id: 42,
            cgroup_path: self.cgroup.clone(),
            tgid: 100,
            pid: 100,
            uid: 1000,
            gid: 1000,
            comm: "agent".into(),
            exe: None,
            level: Level::Unit,
            at_unix_ns: 0,
        })
    }

    fn status(&self) -> EnforcerStatus {
        EnforcerStatus {
            level: Some(Level::Full),
            open_vectors: Vec::new(),
            agents: vec![WatchedAgent {
                name: "coder".into(),
                agent_id: 7,
                cgroups: vec![WatchedCgroup { id: 42, path: self.cgroup.clone() }],
            }],
            lost_events: 0,
            kernel: "test".into(),
            reload: Reload::default(),
        }
    }
}
