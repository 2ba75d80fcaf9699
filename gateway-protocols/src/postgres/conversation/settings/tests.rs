use alloc::string::ToString;

use super::*;

fn pair((name, value): (&str, &str)) -> (String, String) {
    (name.to_string(), value.to_string())
}

fn settings(encoding: &str) -> Settings {
    let reported = [("client_encoding", encoding), ("standard_conforming_strings", "on")];
    Settings::new(reported.map(pair), [("search_path", "public")].map(pair))
}

#[test]
fn utf8_is_read_whole_other_safe_encodings_as_ascii_and_the_rest_not_at_all() {
    let accent = "select 'é'".as_bytes();
    assert_eq!(settings("UTF8").read(accent), Ok("select 'é'"));
    assert!(matches!(settings("UTF8").read(b"select '\xe9'"), Err(NoText::Bytes(_))));
    for encoding in ["SQL_ASCII", "LATIN1", "WIN1252", "EUC_JP", "EUC_JIS_2004", "KOI8R", "ISO_8859_5"] {
        assert_eq!(settings(encoding).read(b"select 1"), Ok("select 1"), "{encoding}");
        assert!(matches!(settings(encoding).read(accent), Err(NoText::Bytes(_))), "{encoding}");
    }
    for encoding in ["SJIS", "BIG5", "GBK", "UHC", "JOHAB", "GB18030", "SHIFT_JIS_2004", "", "NEW"] {
        assert!(matches!(settings(encoding).read(b"select 1"), Err(NoText::Settings(_))), "{encoding}");
    }
}

#[test]
fn a_target_that_says_nothing_of_pinned_settings_is_not_read() {
    let silent = Settings::new([], []);
    assert!(matches!(silent.read(b"select 1"), Err(NoText::Settings(_))));
}

#[test]
fn only_changes_that_matter_are_counted() {
    let mut settings = settings("UTF8");
    settings.reported(b"application_name", b"psql").unwrap();
    settings.reported(b"client_encoding", b"UTF8").unwrap();
    assert_eq!(settings.version(), 0);
    settings.reported(b"search_path", b"other").unwrap();
    assert_eq!((settings.version(), settings.state().setting("search_path")), (1, Some("other")));
}

#[test]
fn a_setting_is_forgotten_only_if_it_is_not_reported() {
    let mut settings = settings("UTF8");
    settings.reported(b"search_path", b"public").unwrap();
    settings.changed_unseen();
    assert_eq!(settings.state().setting("search_path"), Some("public"));
    let mut unreported = self::settings("UTF8");
    unreported.changed_unseen();
    assert_eq!((unreported.state().setting("search_path"), unreported.version()), (None, 1));
}
