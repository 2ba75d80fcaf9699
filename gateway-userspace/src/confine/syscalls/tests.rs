use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket, socketpair};

use super::*;

/// A filter binds the thread that enters it, so each trial has a thread of its own.
fn filtered<T: Send + 'static>(strength: Strength, trial: impl FnOnce() -> T + Send + 'static) -> T {
    let filters = Filters::of(strength).unwrap();
    let thread = std::thread::spawn(move || {
        filters.enter().unwrap();
        trial()
    });
    thread.join().unwrap()
}

fn make(family: AddressFamily, kind: SockType, protocol: Option<SockProtocol>) -> nix::Result<()> {
    socket(family, kind, SockFlag::empty(), protocol).map(drop)
}

#[test]
fn sockets_of_the_internet_and_of_this_host_can_be_made() {
    filtered(Strength::Unit, || {
        for family in [AddressFamily::Unix, AddressFamily::Inet, AddressFamily::Inet6] {
            assert_eq!(make(family, SockType::Stream, None), Ok(()), "{family:?}");
        }
        let route = make(AddressFamily::Netlink, SockType::Raw, Some(SockProtocol::NetlinkRoute));
        assert_eq!(route, Ok(()));
        let pair = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::empty());
        assert!(pair.is_ok());
    });
}

#[test]
fn sockets_of_other_families_cannot_be_made() {
    filtered(Strength::Unit, || {
        for family in
            [AddressFamily::Packet, AddressFamily::Vsock, AddressFamily::Alg, AddressFamily::Bluetooth]
        {
            assert_eq!(make(family, SockType::Datagram, None), Err(Errno::EPERM), "{family:?}");
        }
    });
}

#[test]
fn netlink_that_sets_up_the_network_is_refused() {
    filtered(Strength::Unit, || {
        for protocol in
            [SockProtocol::NetlinkNetFilter, SockProtocol::NetlinkCrypto, SockProtocol::NetlinkAudit]
        {
            let made = make(AddressFamily::Netlink, SockType::Raw, Some(protocol));
            assert_eq!(made, Err(Errno::EPERM), "{protocol:?}");
        }
    });
}

#[test]
fn no_namespace_can_be_made() {
    filtered(Strength::Unit, || {
        for namespace in [
            CloneFlags::CLONE_NEWUSER,
            CloneFlags::CLONE_NEWNET,
            CloneFlags::CLONE_NEWNS,
            CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET,
        ] {
            assert_eq!(unshare(namespace), Err(Errno::EPERM), "{namespace:?}");
        }
        // What is no namespace is nobody's business.
        assert_eq!(unshare(CloneFlags::CLONE_FILES), Ok(()));
    });
}

#[test]
fn processes_and_threads_can_be_started() {
    filtered(Strength::Unit, || {
        assert!(std::process::Command::new("true").status().unwrap().success());
        assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7);
    });
}

#[test]
fn the_baseline_leaves_everything_but_the_terminal() {
    filtered(Strength::Baseline, || {
        // Whether root or not: it is not the filter that says EPERM here.
        assert_ne!(make(AddressFamily::Vsock, SockType::Stream, None), Err(Errno::EPERM));
    });
}

fn in_the_gateway<T: Send + 'static>(programs: Programs, trial: impl FnOnce() -> T + Send + 'static) -> T {
    let filters = Filters::of_gateway(programs).unwrap();
    let thread = std::thread::spawn(move || {
        filters.enter().unwrap();
        trial()
    });
    thread.join().unwrap()
}

#[test]
fn the_gateway_runs_no_program_unless_a_secret_comes_from_one() {
    let run = || std::process::Command::new("/bin/true").status().map_err(|error| error.raw_os_error());
    let refused = in_the_gateway(Programs::None, run);
    assert_eq!(refused.map(|status| status.success()), Err(Some(libc::EPERM)));
    let allowed = in_the_gateway(Programs::ForSecrets, run);
    assert_eq!(allowed.map(|status| status.success()), Ok(true));
}

#[test]
fn the_gateway_mounts_nothing_enters_no_namespace_and_makes_none() {
    for programs in [Programs::None, Programs::ForSecrets] {
        in_the_gateway(programs, || {
            let own = std::fs::File::open("/proc/self/ns/net").unwrap();
            assert_eq!(nix::sched::setns(own, CloneFlags::CLONE_NEWNET), Err(Errno::EPERM));
            assert_eq!(unshare(CloneFlags::CLONE_NEWUSER), Err(Errno::EPERM));
            let (none, flags) = (None::<&str>, nix::mount::MsFlags::empty());
            assert_eq!(nix::mount::mount(none, "/nowhere", none, flags, none), Err(Errno::EPERM));
            let made = make(AddressFamily::Packet, SockType::Raw, None);
            assert_eq!(made, Err(Errno::EPERM));
        });
    }
}
