use gateway_policy::judge::Because;

use super::super::backend::ErrorFields;
use super::super::frame::{HEADER, Header};
use super::*;

fn written(refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::new();
    refusal.write(&mut out);
    assert_eq!(Header::read(&out).unwrap().unwrap().whole(), out.len());
    out.split_off(HEADER)
}

#[test]
fn a_denial_is_an_error_of_insufficient_privilege_with_its_hint() {
    let denial = Denial {
        message: "writes to \"orders\" need approval".into(),
        hint: Some("session 7".into()),
        because: Because::NothingAllows,
    };
    let body = written(&denial.into());
    let fields = ErrorFields::new(&body);
    assert_eq!(fields.code(), Some("42501"));
    assert_eq!(fields.message(), Some(&b"writes to \"orders\" need approval"[..]));
    assert_eq!(fields.get(b'H'), Some(&b"session 7"[..]));
    assert_eq!(fields.get(b'S'), Some(&b"ERROR"[..]));
    assert!(!fields.is_fatal());
}

#[test]
fn a_fatal_refusal_says_so_and_has_no_empty_hint() {
    let body = written(&Refusal::fatal(Code::AdminShutdown, "the gateway stops"));
    let fields = ErrorFields::new(&body);
    assert!(fields.is_fatal());
    assert_eq!(fields.get(b'H'), None);
    assert_eq!(body.last(), Some(&0));
}

#[test]
fn a_zero_byte_in_a_message_cannot_make_a_second_field() {
    let body = written(&Refusal::error(Code::Internal, "no\0HLook here\0"));
    assert_eq!(ErrorFields::new(&body).get(b'H'), None);
}
