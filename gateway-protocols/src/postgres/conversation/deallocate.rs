//! Statements that agents drop in SQL.
//!
//! Drivers that prepare by messages and drop by `DEALLOCATE name` would fill the list of statements with names that
//! the target has forgotten. Only the plain form is understood: what is missed stays listed, and the target, which
//! decides, answers that it is not there.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// The name that this text, if it is a plain DEALLOCATE, drops when it succeeds.
pub(super) fn name(text: &str) -> Option<Box<[u8]>> {
    if !matches!(text.as_bytes().first(), Some(b'd' | b'D')) {
        return None;
    }
    let (verb, rest) = text.split_once(' ')?;
    if !verb.eq_ignore_ascii_case("deallocate") {
        return None;
    }
    let rest = rest.trim_start();
    let named = match rest.split_once(' ') {
        Some((word, name)) if word.eq_ignore_ascii_case("prepare") => name,
        _ => rest,
    };
    let named = named.trim_end_matches([' ', ';', '\n', '\r', '\t']).trim_start();
    match named.strip_prefix('"').and_then(|named| named.strip_suffix('"')) {
        Some(quoted) => unquoted(quoted),
        None if is_plain(named) => Some(named.to_ascii_lowercase().into_bytes().into()),
        None => None,
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(plain) && !name.eq_ignore_ascii_case("all")
}

/// Two quotes within quotes are one; one alone ends the name, and then there is more than a name.
fn unquoted(quoted: &str) -> Option<Box<[u8]>> {
    let mut name = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'"' && bytes.next() != Some(b'"') {
            return None;
        }
        name.push(byte);
    }
    Some(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<alloc::string::String> {
        name(text).map(|name| alloc::string::String::from_utf8_lossy(&name).into_owned())
    }

    #[test]
    fn the_plain_form_is_understood_in_every_spelling() {
        for text in ["DEALLOCATE s1", "deallocate S1;", "Deallocate prepare s1 ;\n", "DEALLOCATE \"s1\""] {
            assert_eq!(found(text).as_deref(), Some("s1"), "{text}");
        }
        assert_eq!(found("DEALLOCATE \"S\"\"1\"").as_deref(), Some("S\"1"));
    }

    #[test]
    fn anything_else_is_left_alone() {
        for text in [
            "DEALLOCATE ALL",
            "DEALLOCATE a, b",
            "DEALLOCATE a; select 1",
            "DEALLOCATE \"a\" ; \"b\"",
            "DEALLOCATE",
            "delete from s1",
            "",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
