//! Writes JSON in the one form that RFC 8785 allows, so that the same record has the same bytes wherever it is written.
//!
//! It is made for our own types: keys are plain ASCII, and there are no fractions. What could be written in two ways, or
//! read as another number elsewhere, is refused and not rounded.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The largest number that every reader of JSON takes for the same (RFC 8785, 3.2.2.3).
pub const LARGEST: u64 = (1 << 53) - 1;
const LARGEST_SIGNED: i64 = (1 << 53) - 1;

/// A value that has no canonical form.
#[derive(Debug, thiserror::Error)]
#[error("it has no canonical form: {0}")]
pub struct NotCanonical(String);

impl serde::ser::Error for NotCanonical {
    fn custom<T: Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

/// Appends a value. What was appended in vain is taken back.
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), NotCanonical> {
    let begin = out.len();
    let outcome = value.serialize(Writer { out });
    if outcome.is_err() {
        out.truncate(begin);
    }
    outcome
}

/// A value's canonical form.
pub fn bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, NotCanonical> {
    let mut out = Vec::new();
    append(&mut out, value)?;
    Ok(out)
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    fn number(self, digits: impl Display) -> Result<(), NotCanonical> {
        use std::io::Write as _;
        write!(self.out, "{digits}").map_err(NotCanonical::custom)
    }

    fn open(self, bracket: u8) -> Parts<'a> {
        self.out.push(bracket);
        let begin = self.out.len();
        Parts { out: self.out, begin, members: Vec::new(), closing: 0 }
    }

    /// The object with one member that an enum's variant with content is written as.
    fn variant(self, name: &'static str, bracket: u8) -> Parts<'a> {
        self.out.push(b'{');
        string(self.out, name);
        self.out.push(b':');
        let mut parts = self.open(bracket);
        parts.closing = 1;
        parts
    }
}

/// An array or an object that is being written, each part with a comma behind it.
struct Parts<'a> {
    out: &'a mut Vec<u8>,
    begin: usize,
    members: Vec<Member>,
    /// Objects around it that end with it.
    closing: usize,
}

#[derive(Clone, Copy)]
struct Member {
    start: usize,
    /// Where the key ends, its second quote counted in.
    key: usize,
    end: usize,
}

impl Parts<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        value.serialize(Writer { out: &mut *self.out })?;
        self.out.push(b',');
        Ok(())
    }

    fn key(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), NotCanonical>,
    ) -> Result<(), NotCanonical> {
        let start = self.out.len();
        write(self.out)?;
        let written = self.out.get(start..).unwrap_or_default();
        let name = written.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        if !name.is_some_and(|name| name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'\\')) {
            return Err(NotCanonical("a key is not plain ASCII".into()));
        }
        let key = self.out.len();
        self.out.push(b':');
        self.members.push(Member { start, key, end: key });
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.element(value)?;
        if let Some(member) = self.members.last_mut() {
            member.end = self.out.len();
        }
        Ok(())
    }

    fn close(mut self, bracket: u8) -> Result<(), NotCanonical> {
        if !self.members.is_empty() {
            self.sort()?;
        }
        match self.out.last_mut() {
            Some(last) if *last == b',' => *last = bracket,
            _ => self.out.push(bracket),
        }
        self.out.resize(self.out.len() + self.closing, b'}');
        Ok(())
    }

    fn sort(&mut self) -> Result<(), NotCanonical> {
        let name = |out: &[u8], member: &Member| out.get(member.start..member.key).map(<[u8]>::to_vec);
        let in_order = self.members.windows(2).all(|pair| match pair {
            [one, two] => self.out.get(one.start..one.key) < self.out.get(two.start..two.key),
            _ => true,
        });
        if in_order {
            return Ok(());
        }
        let written = self.out.split_off(self.begin);
        let base = self.begin;
        let part = |from: usize, to: usize| written.get(from - base..to - base).unwrap_or_default();
        self.members.sort_unstable_by(|one, two| part(one.start, one.key).cmp(part(two.start, two.key)));
        for pair in self.members.windows(2) {
            if let [one, two] = pair
                && part(one.start, one.key) == part(two.start, two.key)
            {
                let key = name(&written, &Member { start: one.start - base, key: one.key - base, end: 0 });
                let key = String::from_utf8_lossy(&key.unwrap_or_default()).into_owned();
                return Err(NotCanonical(format!("the key {key} stands there twice")));
            }
        }
        for member in &self.members {
            self.out.extend_from_slice(part(member.start, member.end));
        }
        Ok(())
    }
}

/// RFC 8785, 3.2.2.2: the short escapes where there are some, and everything else as it is.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            0x08 => b'b',
            0x09 => b't',
            0x0a => b'n',
            0x0c => b'f',
            0x0d => b'r',
            0x00..=0x1f => b'u',
            _ => continue,
        };
        out.extend_from_slice(bytes.get(plain..at).unwrap_or_default());
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
            out.extend_from_slice(&[b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        }
        plain = at + 1;
    }
    out.extend_from_slice(bytes.get(plain..).unwrap_or_default());
    out.push(b'"');
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = NotCanonical;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), NotCanonical> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), NotCanonical> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), NotCanonical> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), NotCanonical> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), NotCanonical> {
        if (-LARGEST_SIGNED..=LARGEST_SIGNED).contains(&value) {
            self.number(value)
        } else {
            Err(NotCanonical(format!("{value} is not the same number everywhere")))
        }
    }

    fn serialize_u8(self, value: u8) -> Result<(), NotCanonical> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), NotCanonical> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), NotCanonical> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), NotCanonical> {
        if value <= LARGEST {
            self.number(value)
        } else {
            Err(NotCanonical(format!("{value} is not the same number everywhere")))
        }
    }

    fn serialize_f32(self, _value: f32) -> Result<(), NotCanonical> {
        Err(NotCanonical("records have no fractions".into()))
    }

    fn serialize_f64(self, _value: f64) -> Result<(), NotCanonical> {
        Err(NotCanonical("records have no fractions".into()))
    }

    fn serialize_char(self, value: char) -> Result<(), NotCanonical> {
        string(self.out, value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), NotCanonical> {
        string(self.out, value);
        Ok(())
    }

    fn serialize_bytes(self, _value: &[u8]) -> Result<(), NotCanonical> {
        Err(NotCanonical("bytes have no form of their own".into()))
    }

    fn serialize_none(self) -> Result<(), NotCanonical> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotCanonical> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), NotCanonical> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), NotCanonical> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), NotCanonical> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), NotCanonical> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotCanonical> {
        self.out.push(b'{');
        string(self.out, variant);
        self.out.push(b':');
        value.serialize(Writer { out: &mut *self.out })?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Parts<'a>, NotCanonical> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Parts<'a>, NotCanonical> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Parts<'a>, NotCanonical> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, NotCanonical> {
        Ok(self.variant(variant, b'['))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Parts<'a>, NotCanonical> {
        Ok(self.open(b'{'))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Parts<'a>, NotCanonical> {
        Ok(self.open(b'{'))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, NotCanonical> {
        Ok(self.variant(variant, b'{'))
    }
}

/// Those that differ in nothing but what serde calls them.
macro_rules! arrays {
    ($($form:ident $one:ident,)*) => {
        $(impl $form for Parts<'_> {
            type Ok = ();
            type Error = NotCanonical;

            fn $one<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
                self.element(value)
            }

            fn end(self) -> Result<(), NotCanonical> {
                self.close(b']')
            }
        })*
    };
}

arrays! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! objects {
    ($($form:ident,)*) => {
        $(impl $form for Parts<'_> {
            type Ok = ();
            type Error = NotCanonical;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), NotCanonical> {
                self.key(|out| {
                    string(out, key);
                    Ok(())
                })?;
                self.value(value)
            }

            fn end(self) -> Result<(), NotCanonical> {
                self.close(b'}')
            }
        })*
    };
}

objects! {
    SerializeStruct,
    SerializeStructVariant,
}

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = NotCanonical;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotCanonical> {
        self.key(|out| key.serialize(Writer { out }))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.value(value)
    }

    fn end(self) -> Result<(), NotCanonical> {
        self.close(b'}')
    }
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn text<T: Serialize>(value: &T) -> String {
        String::from_utf8(bytes(value).expect("canonical")).expect("text")
    }

    #[test]
    fn keys_are_sorted_at_every_depth_and_nothing_is_spaced() {
        #[derive(Serialize)]
        struct Inner {
            z: u8,
            a: Vec<Option<bool>>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case")]
        enum Choice {
            Struct { late: u8, early: u8 },
            New(u8),
            Tuple(u8, u8),
            Unit,
        }
        #[derive(Serialize)]
        struct Outer {
            number: i32,
            choices: Vec<Choice>,
            empty: Vec<u8>,
            #[serde(flatten)]
            inner: Inner,
            nothing: BTreeMap<String, u8>,
        }
        let outer = Outer {
            number: -7,
            choices: vec![
                Choice::Struct { late: 1, early: 2 },
                Choice::New(3),
                Choice::Tuple(4, 5),
                Choice::Unit,
            ],
            empty: vec![],
            inner: Inner { z: 1, a: vec![None, Some(true)] },
            nothing: BTreeMap::new(),
        };
        assert_eq!(
            text(&outer),
            r#"{"a":[null,true],"choices":[{"struct":{"early":2,"late":1}},{"new":3},{"tuple":[4,5]},"unit"],"empty":[],"nothing":{},"number":-7,"z":1}"#
        );
    }

    #[test]
    fn strings_are_escaped_as_the_rfc_says_and_no_further() {
        let all: String = (0..0x80_u32).chain([0xe9, 0x20ac, 0x1f600]).filter_map(char::from_u32).collect();
        let expected = serde_json::to_string(&all).expect("json");
        assert_eq!(text(&all), expected);
        assert!(expected.contains("\\u000f") && expected.contains("\\b\\t\\n\\u000b\\f\\r"), "{expected}");
        assert!(expected.ends_with("\u{7f}é€😀\""), "{expected}");
    }

    #[test]
    fn it_reads_back_as_what_it_was() {
        let value = json!({"b": [1, {"y": null, "x": "\u{1}"}], "a": {"d": [[]], "c": {}}, "B": LARGEST});
        let written = text(&value);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).expect("json"), value);
        assert!(written.starts_with(r#"{"B":9007199254740991,"a":{"c":{},"d":[[]]},"b":"#), "{written}");
    }

    #[test]
    fn what_another_reader_could_take_for_something_else_is_refused() {
        #[derive(Serialize)]
        struct Twice {
            a: u8,
            #[serde(flatten)]
            more: BTreeMap<String, u8>,
        }
        let twice = Twice { a: 1, more: BTreeMap::from([("b".into(), 2), ("a".into(), 3)]) };
        assert!(bytes(&twice).is_err(), "a key twice");
        assert!(bytes(&(LARGEST + 1)).is_err());
        assert!(bytes(&(-LARGEST_SIGNED - 1)).is_err());
        assert!(bytes(&0.5).is_err());
        assert!(bytes(&BTreeMap::from([("é", 1)])).is_err());
        assert!(bytes(&BTreeMap::from([(1, 1)])).is_err(), "a key that is no string");
        let mut kept = b"before".to_vec();
        append(&mut kept, &json!([1, 0.5])).expect_err("a fraction");
        assert_eq!(kept, b"before");
    }
}
