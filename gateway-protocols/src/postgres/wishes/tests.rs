use alloc::string::ToString;

use super::*;

fn asked(pairs: &[(&str, &str)]) -> Result<Vec<(String, String)>, WishError> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    settings(&pairs)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_string(), value.to_string())
}

#[test]
fn what_drivers_ask_for_passes() {
    let jdbc =
        [("DateStyle", "ISO"), ("TimeZone", "UTC"), ("client_encoding", "UTF8"), ("extra_float_digits", "2")];
    assert_eq!(asked(&jdbc).map(|settings| settings.len()), Ok(4));
    assert_eq!(asked(&[("application_name", "psql")]), Ok(alloc::vec![pair("application_name", "psql")]));
    assert_eq!(asked(&[("standard_conforming_strings", "on")]).map(|settings| settings.len()), Ok(1));
}

#[test]
fn what_changes_who_the_session_is_does_not_pass() {
    for name in ["role", "session_authorization", "Role", "session_preload_libraries", "x.y", "is_superuser"]
    {
        assert_eq!(asked(&[(name, "a")]), Err(WishError::Setting(name.to_string())), "{name}");
    }
    assert_eq!(asked(&[("standard_conforming_strings", "off")]), Err(WishError::Strings));
}

#[test]
fn options_are_taken_apart() {
    let options = "-c statement_timeout=5s --search-path=a\\ b\\\\ -cjit=off";
    let expected = [pair("statement_timeout", "5s"), pair("search_path", "a b\\"), pair("jit", "off")];
    assert_eq!(asked(&[("options", options)]), Ok(expected.to_vec()));
    assert_eq!(asked(&[("options", "")]), Ok(Vec::new()));
}

#[test]
fn nothing_hides_in_options() {
    for (options, name) in [("-c role=admin", "role"), ("--session-authorization=x", "session_authorization")]
    {
        assert_eq!(asked(&[("options", options)]), Err(WishError::Setting(name.to_string())), "{options}");
    }
    for options in ["-c", "-d 5", "-c role", "-W 10", "--", "x"] {
        assert!(matches!(asked(&[("options", options)]), Err(WishError::Option(_))), "{options}");
    }
}
