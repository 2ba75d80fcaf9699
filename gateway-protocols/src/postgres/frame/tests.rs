use super::*;

#[test]
fn a_header_is_read_once_all_of_it_is_there() {
    let bytes = b"Q\0\0\0\x06a\0";
    for end in 0..HEADER {
        assert_eq!(Header::read(&bytes[..end]), Ok(None));
    }
    let header = Header::read(bytes).unwrap().unwrap();
    assert_eq!(header, Header { kind: b'Q', body: 2 });
    assert_eq!(header.whole(), bytes.len());
}

#[test]
fn a_length_that_does_not_count_itself_or_is_negative_is_impossible() {
    for length in [0_u32, 3, 0x8000_0004, u32::MAX] {
        let mut bytes = alloc::vec![b'Q'];
        bytes.extend_from_slice(&length.to_be_bytes());
        assert_eq!(Header::read(&bytes), Err(Malformed::Length), "{length}");
    }
}

#[test]
fn fields_are_read_in_order_and_the_end_is_checked() {
    let mut reader = Reader::new(b"ab\0\x01\0\x02\0\0\0\x03\0\0\0\x02xy\xff\xff\xff\xffz");
    assert_eq!(reader.text(), Ok(&b"ab"[..]));
    assert_eq!(reader.byte(), Ok(1));
    assert_eq!(reader.short(), Ok(2));
    assert_eq!(reader.long(), Ok(3));
    assert_eq!(reader.value(), Ok(Some(&b"xy"[..])));
    assert_eq!(reader.value(), Ok(None));
    assert_eq!(reader.end(), Err(Malformed::Long));
    assert_eq!(reader.byte(), Ok(b'z'));
    assert_eq!(reader.end(), Ok(()));
}

#[test]
fn nothing_is_read_behind_the_end() {
    assert_eq!(Reader::new(b"ab").text(), Err(Malformed::Endless));
    assert_eq!(Reader::new(b"").byte(), Err(Malformed::Short));
    assert_eq!(Reader::new(b"a").short(), Err(Malformed::Short));
    assert_eq!(Reader::new(b"abc").long(), Err(Malformed::Short));
    assert_eq!(Reader::new(b"\0\0\0\x02a").value(), Err(Malformed::Short));
    assert_eq!(Reader::new(b"\xff\xff\xff\xfe").value(), Err(Malformed::Short));
}

#[test]
fn a_written_message_is_read_again() {
    let mut out = Vec::new();
    message(&mut out, b'Q', |out| text(out, b"select 1\0; drop"));
    assert_eq!(Header::read(&out), Ok(Some(Header { kind: b'Q', body: 9 })));
    assert_eq!(out.get(HEADER..), Some(&b"select 1\0"[..]));
}
