//! How many descriptors the process may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors that are no connection's: records, listeners, the enforcer, name lookups.
const OTHERS: u64 = 256;
/// An accepted socket and the one to the target.
const EACH: u64 = 2;

/// Makes room for so many connections, or says how many there is room for.
pub fn make_room(connections: u32) {
    let needed = u64::from(connections) * EACH + OTHERS;
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => return tracing::warn!(%error, "cannot tell how many files may be open"),
    };
    if soft >= needed {
        return;
    }
    // Root may raise the hard limit too.
    let raised = setrlimit(Resource::RLIMIT_NOFILE, needed, hard.max(needed))
        .or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, needed.min(hard), hard));
    let room = if hard >= needed { needed } else { hard };
    match raised {
        Ok(()) if getrlimit(Resource::RLIMIT_NOFILE).is_ok_and(|(soft, _)| soft >= needed) => (),
        _ => tracing::warn!(
            "at most {room} files may be open, and serve.max_connections needs {needed}; raise LimitNOFILE"
        ),
    }
}
