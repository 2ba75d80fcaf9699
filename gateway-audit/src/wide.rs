//! Numbers of the kernel that may use all 64 bits: beyond what every reader of JSON takes for the same they are written
//! as strings of digits.

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

use crate::canonical::LARGEST;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    if *value <= LARGEST { serializer.serialize_u64(*value) } else { serializer.collect_str(value) }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Wide;

    impl Visitor<'_> for Wide {
        type Value = u64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number, or a string of digits")
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Wide)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Cgroup(#[serde(with = "super")] u64);

    #[test]
    fn a_number_of_any_size_is_written_and_read_back() {
        for (number, written) in
            [(7, "7"), (LARGEST, "9007199254740991"), (u64::MAX, "\"18446744073709551615\"")]
        {
            let bytes = crate::canonical::bytes(&Cgroup(number)).expect("canonical");
            assert_eq!(String::from_utf8_lossy(&bytes), written);
            assert_eq!(serde_json::from_slice::<Cgroup>(&bytes).expect("read"), Cgroup(number));
        }
    }
}
