//! Where a record stands, as copies of it say.

/// The place of one record. With its log and number it can be found again, and a second copy of it be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    pub host: &'a str,
    /// The version of Postern that ships it.
    pub version: &'a str,
    /// The log that it is part of: a session, or the host's.
    pub log: &'a str,
    /// Its number in that log.
    pub seq: u64,
}

impl Origin<'_> {
    /// The same for every copy of a record, and for no other record.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.host, self.log, self.seq)
    }
}
