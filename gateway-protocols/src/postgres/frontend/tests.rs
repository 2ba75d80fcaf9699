use super::*;

fn bind(formats: &[u16], values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = b"portal\0statement\0".to_vec();
    body.extend_from_slice(&(formats.len() as u16).to_be_bytes());
    formats.iter().for_each(|format| body.extend_from_slice(&format.to_be_bytes()));
    body.extend_from_slice(&(values.len() as u16).to_be_bytes());
    for value in values {
        match value {
            None => body.extend_from_slice(&u32::MAX.to_be_bytes()),
            Some(value) => {
                body.extend_from_slice(&(value.len() as u32).to_be_bytes());
                body.extend_from_slice(value);
            }
        }
    }
    body.extend_from_slice(&[0, 1, 0, 1]);
    body
}

#[test]
fn parameters_have_the_format_that_is_said_for_each_for_all_or_for_none() {
    let values = [Some(&b"1"[..]), None, Some(&b"2"[..])];
    let read = |formats: &[u16]| {
        let body = bind(formats, &values);
        Bind::read(&body).map(|bind| bind.parameters().map(shape).collect::<Vec<_>>())
    };
    fn shape(parameter: Parameter<'_>) -> u8 {
        match parameter {
            Parameter::Null => b'-',
            Parameter::Text(value) => value[0],
            Parameter::Binary(value) => value[0] + 100,
        }
    }
    assert_eq!(read(&[]).unwrap(), [b'1', b'-', b'2']);
    assert_eq!(read(&[1]).unwrap(), [b'1' + 100, b'-', b'2' + 100]);
    assert_eq!(read(&[0, 1, 1]).unwrap(), [b'1', b'-', b'2' + 100]);
    assert_eq!(read(&[0, 1]), Err(Malformed::Value));
    assert_eq!(read(&[2]), Err(Malformed::Value));
}

#[test]
fn a_bind_that_is_cut_anywhere_or_goes_on_is_malformed() {
    let body = bind(&[0], &[Some(b"abc"), None]);
    let whole = Bind::read(&body).unwrap();
    assert_eq!((whole.portal, whole.statement, whole.count()), (&b"portal"[..], &b"statement"[..], 2));
    for end in 0..body.len() {
        assert!(Bind::read(&body[..end]).is_err(), "{end}");
    }
    assert_eq!(Bind::read(&[&body[..], b"x"].concat()).unwrap_err(), Malformed::Long);
}

#[test]
fn a_parse_is_read_whole_or_not_at_all() {
    let body = b"name\0select $1\0\0\x01\0\0\0\x17";
    let parse = Parse::read(body).unwrap();
    assert_eq!(parse, Parse { statement: b"name", text: b"select $1", types: &[0, 0, 0, 23] });
    for end in 0..body.len() {
        assert!(Parse::read(&body[..end]).is_err(), "{end}");
    }
    assert_eq!(Parse::read(&[&body[..], b"x"].concat()), Err(Malformed::Long));
}

#[test]
fn a_query_is_one_text_and_nothing_behind_it() {
    assert_eq!(query_text(b"select 1\0"), Ok(&b"select 1"[..]));
    assert_eq!(query_text(b"select 1"), Err(Malformed::Endless));
    assert_eq!(query_text(b"select 1\0drop\0"), Err(Malformed::Long));
}

#[test]
fn what_is_named_is_a_statement_or_a_portal() {
    assert_eq!(Named::read(b"Sx\0"), Ok(Named::Statement(b"x")));
    assert_eq!(Named::read(b"P\0"), Ok(Named::Portal(b"")));
    assert_eq!(Named::read(b"Tx\0"), Err(Malformed::Value));
    assert_eq!(executed_portal(b"c\0\0\0\0\x05"), Ok(&b"c"[..]));
    assert_eq!(executed_portal(b"c\0\0\0\0"), Err(Malformed::Short));
}

#[test]
fn written_messages_are_what_their_kinds_demand() {
    let mut out = Vec::new();
    execute(&mut out, b"p");
    assert_eq!(executed_portal(&out[frame::HEADER..]), Ok(&b"p"[..]));
    out.clear();
    describe_portal(&mut out, b"p");
    assert_eq!(Named::read(&out[frame::HEADER..]), Ok(Named::Portal(b"p")));
    out.clear();
    query(&mut out, b"select 1");
    assert_eq!(query_text(&out[frame::HEADER..]), Ok(&b"select 1"[..]));
}

#[test]
fn no_other_byte_is_a_kind() {
    let known = (0..=u8::MAX).filter(|byte| Kind::of(*byte).is_some()).count();
    assert_eq!(known, b"QPBDECHSdcfFX".len());
}
