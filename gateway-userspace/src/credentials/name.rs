//! What minted logins are called: recognisable, unique, and never in need of quoting.

use std::fmt;
use std::io;

use crate::random;

/// Begins the name of every login that some gateway made.
const PREFIX: &str = "postern";
/// What is left of a session's name. With the rest it stays below the 63 bytes of a PostgreSQL name.
const SESSION: usize = 24;

/// Tells the logins of this gateway from those of others at the same server. Made once and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayId(String);

impl GatewayId {
    pub fn fresh() -> io::Result<Self> {
        Ok(Self(hex(&*random::bytes::<4>()?)))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let sound = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        sound.then(|| Self(text.to_owned()))
    }

    /// What all logins of this gateway begin with.
    pub fn prefix(&self) -> String {
        format!("{PREFIX}_{self}_")
    }

    /// A name that was never used before.
    pub fn login(&self, session: &str) -> io::Result<String> {
        let session: String = session
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .take(SESSION)
            .collect();
        Ok(format!("{}{session}_{}", self.prefix(), hex(&*random::bytes::<4>()?)))
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_gateway_and_session_and_needs_no_quotes() {
        let id = GatewayId::parse("00c0ffee").expect("an id");
        let name = id.login("S-17\"; drop role x; --").expect("a name");
        assert!(name.starts_with("postern_00c0ffee_s17droprolex_"), "{name}");
        let longest = id.login(&"x".repeat(100)).expect("a name");
        assert!(
            longest.len() < 63 && longest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        );
        assert_ne!(id.login("a").ok(), id.login("a").ok());
    }

    #[test]
    fn only_an_id_is_one() {
        for text in ["", "00c0ffe", "00C0FFEE", "00c0ffee1", "00c0ffe%"] {
            assert_eq!(GatewayId::parse(text), None, "{text}");
        }
    }
}
