//! Commands of replication, which are no SQL.

/// In capital letters only: in others the server takes them for SQL.
const WORDS: [&str; 9] = [
    "ALTER_REPLICATION_SLOT",
    "BASE_BACKUP",
    "CREATE_REPLICATION_SLOT",
    "DROP_REPLICATION_SLOT",
    "IDENTIFY_SYSTEM",
    "READ_REPLICATION_SLOT",
    "START_REPLICATION",
    "TIMELINE_HISTORY",
    "UPLOAD_MANIFEST",
];

/// Whether a server can take the text for a command of replication and not for SQL: the first word decides, and no SQL
/// begins with one of these (PostgreSQL, Streaming Replication Protocol).
pub fn is_command(text: &str) -> bool {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let belongs =
        |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'$' || !byte.is_ascii();
    WORDS
        .iter()
        .any(|word| text.strip_prefix(word).is_some_and(|rest| !rest.as_bytes().first().is_some_and(belongs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_decides() {
        for command in
            ["IDENTIFY_SYSTEM", " \n START_REPLICATION 0/0", "BASE_BACKUP(LABEL 'x')", "IDENTIFY_SYSTEM;"]
        {
            assert!(is_command(command), "{command}");
        }
    }

    #[test]
    fn what_a_server_takes_for_sql_is_judged_as_sql() {
        for sql in [
            "select 1",
            "show wal_level",
            "identify_system",
            "IDENTIFY_SYSTEMS",
            "IDENTIFY_SYSTEM$",
            "IDENTIFY_SYSTEM\u{e9}",
            "\"IDENTIFY_SYSTEM\"",
            "/* IDENTIFY_SYSTEM */ select 1",
            "\u{a0}IDENTIFY_SYSTEM",
            "",
        ] {
            assert!(!is_command(sql), "{sql}");
        }
    }
}
