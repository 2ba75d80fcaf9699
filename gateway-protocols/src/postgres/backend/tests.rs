use alloc::vec::Vec;

use super::*;

#[test]
fn an_error_is_read_by_its_letters_even_when_it_is_cut_off() {
    let body = b"SERREUR\0VERROR\0C42601\0Msyntax error\0\0";
    let fields = ErrorFields::new(body);
    assert_eq!(fields.code(), Some("42601"));
    assert_eq!(fields.message(), Some(&b"syntax error"[..]));
    assert_eq!(fields.iter().count(), 4);
    assert!(!fields.is_fatal());
    let cut = ErrorFields::new(&body[..body.len() - 4]);
    assert_eq!((cut.code(), cut.message()), (Some("42601"), None));
}

#[test]
fn a_fatal_error_is_known_in_every_language() {
    assert!(ErrorFields::new(b"SFATALE\0VFATAL\0C57P01\0\0").is_fatal());
    assert!(ErrorFields::new(b"SFATAL\0C57P01\0\0").is_fatal());
    assert!(!ErrorFields::new(b"C57P01\0\0").is_fatal());
}

#[test]
fn columns_say_where_they_come_from() {
    let mut body = b"\0\x02".to_vec();
    body.extend_from_slice(b"email\0\0\0\x40\x01\0\x03\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
    body.extend_from_slice(b"?column?\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\x01");
    let found: Vec<_> = columns(&body).unwrap().collect();
    assert_eq!(
        found,
        [
            Column { name: b"email", table: 0x4001, attribute: 3, kind: 25, format: Format::Text },
            Column { name: b"?column?", table: 0, attribute: 0, kind: 23, format: Format::Binary },
        ]
    );
    for end in 0..body.len() {
        assert!(columns(&body[..end]).is_err(), "{end}");
    }
}

#[test]
fn values_are_read_in_order_and_a_lie_about_a_length_is_seen() {
    let read = |body: &'static [u8]| values(body).and_then(|values| values.collect::<Result<Vec<_>, _>>());
    assert_eq!(read(b"\0\x02\0\0\0\x01a\xff\xff\xff\xff"), Ok(alloc::vec![Some(&b"a"[..]), None]));
    assert_eq!(read(b"\0\x02\0\0\0\x01a"), Err(Malformed::Short));
    assert_eq!(read(b"\0\x01\0\0\0\x09a"), Err(Malformed::Short));
}

#[test]
fn a_transaction_is_none_open_or_failed() {
    assert_eq!(ready_for_query(b"I"), Ok(Transaction::None));
    assert_eq!(ready_for_query(b"T"), Ok(Transaction::Open));
    assert_eq!(ready_for_query(b"E"), Ok(Transaction::Failed));
    assert_eq!(ready_for_query(b"X"), Err(Malformed::Value));
    assert_eq!(ready_for_query(b""), Err(Malformed::Value));
}

#[test]
fn a_tag_and_a_setting_are_texts_and_nothing_more() {
    assert_eq!(tag(b"SELECT 3\0"), Ok("SELECT 3"));
    assert_eq!(tag(b"SELECT 3\0x"), Err(Malformed::Long));
    assert_eq!(parameter_status(b"TimeZone\0UTC\0"), Ok((&b"TimeZone"[..], &b"UTC"[..])));
    assert_eq!(parameter_status(b"TimeZone\0UTC"), Err(Malformed::Endless));
}
