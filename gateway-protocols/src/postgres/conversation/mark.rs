//! How a refused message is replaced by one that fails, and how its failure is recognised.
//!
//! The target's own failure keeps answers in order and leaves the transaction in the state that the target is really
//! in. A lone quoted name is an error of syntax in every statement; a portal of such a name is never bound here, and
//! if a cursor was given it, the answer is no error and the connection is cut off.

use alloc::format;
use alloc::vec::Vec;

use crate::postgres::frontend;

const WORDS: &str = "postern refused";

pub(super) fn query(out: &mut Vec<u8>, number: u64) {
    frontend::query(out, format!("\"{WORDS} {number}\"").as_bytes());
}

pub(super) fn execute(out: &mut Vec<u8>, number: u64) {
    frontend::execute(out, format!("{WORDS} {number}").as_bytes());
}

pub(super) fn copy_fail(out: &mut Vec<u8>, number: u64) {
    frontend::copy_fail(out, format!("{WORDS} {number}.").as_bytes());
}

/// Whether an error message is about the message that stands for the refused one of this number.
pub(super) fn is_in(message: &[u8], number: u64) -> bool {
    let mark = format!("{WORDS} {number}");
    message.windows(mark.len()).enumerate().any(|(at, window)| {
        let next = message.get(at.saturating_add(mark.len()));
        window == mark.as_bytes() && !next.is_some_and(u8::is_ascii_digit)
    })
}

/// Whether a name could be taken for one of ours.
pub(super) fn is_ours(name: &[u8]) -> bool {
    name.starts_with(WORDS.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_not_found_in_a_longer_one() {
        assert!(is_in(b"syntax error at or near \"\"postern refused 7\"\"", 7));
        assert!(is_in(b"portal \"postern refused 7\" does not exist", 7));
        assert!(!is_in(b"portal \"postern refused 71\" does not exist", 7));
        assert!(!is_in(b"portal \"postern refused\" does not exist", 7));
        assert!(!is_in(b"", 7));
    }

    #[test]
    fn an_agent_cannot_use_our_names() {
        assert!(is_ours(b"postern refused 7"));
        assert!(!is_ours(b"postern"));
    }
}
