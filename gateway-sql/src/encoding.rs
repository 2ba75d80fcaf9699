//! Whether the bytes of a text mean to the server what they mean here.

use gateway_policy::command::State;
use gateway_policy::facts::Reason;

/// Encodings in which a byte below 0x80 always stands for itself, so that text in ASCII means the same in all of them.
/// Those that only clients may use (SJIS, BIG5, GBK, UHC, JOHAB, GB18030, SHIFT_JIS_2004) are not among them.
const SAFE: [&str; 36] = [
    "SQL_ASCII",
    "UTF8",
    "UNICODE",
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "KOI8R",
    "KOI8U",
    "WIN866",
    "WIN874",
    "WIN1250",
    "WIN1251",
    "WIN1252",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1256",
    "WIN1257",
    "WIN1258",
    "EUC_JP",
    "EUC_CN",
    "EUC_KR",
    "EUC_TW",
    "EUC_JIS_2004",
    "MULE_INTERNAL",
];

pub(crate) fn check(text: &str, state: &State) -> Result<(), Reason> {
    let setting = |wanted: &str| {
        state.settings.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    // With this off, a backslash hides the quote behind it.
    if setting("standard_conforming_strings").is_some_and(|value| value != "on") {
        return Err(Reason::Encoding);
    }
    match setting("client_encoding") {
        None | Some("UTF8" | "UNICODE") => Ok(()),
        Some(encoding) if text.is_ascii() && SAFE.contains(&encoding) => Ok(()),
        Some(_) => Err(Reason::Encoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> State {
        State { settings: vec![(name.to_owned(), value.to_owned())], ..State::default() }
    }

    #[test]
    fn backslashes_in_quotes_are_not_read() {
        assert_eq!(check("select 1", &with("standard_conforming_strings", "off")), Err(Reason::Encoding));
        assert_eq!(check("select 1", &with("standard_conforming_strings", "on")), Ok(()));
    }

    #[test]
    fn an_encoding_in_which_quotes_can_hide_is_not_read() {
        for encoding in ["SJIS", "BIG5", "GBK", "UHC", "JOHAB", "GB18030", "SHIFT_JIS_2004", "something new"]
        {
            assert_eq!(
                check("select 1", &with("client_encoding", encoding)),
                Err(Reason::Encoding),
                "{encoding}"
            );
        }
        assert_eq!(check("select 1", &with("client_encoding", "LATIN1")), Ok(()));
        assert_eq!(check("select 'é'", &with("client_encoding", "LATIN1")), Err(Reason::Encoding));
        assert_eq!(check("select 'é'", &with("client_encoding", "UTF8")), Ok(()));
    }
}
