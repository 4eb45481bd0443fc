//! Public 128-bit names: key ids, epoch ids, record refs and subject refs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::contexts::Context;

/// Length of every id in bytes.
pub(crate) const ID_LEN: usize = 16;

/// A text that is not the id it was taken for. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a {what}; write it as `{prefix}` followed by 32 lowercase hexadecimal digits")]
pub struct ParseIdError {
    what: &'static str,
    prefix: &'static str,
}

/// Declares a 16-byte id with its one text form: a prefix and 32 lowercase hexadecimal digits.
macro_rules! text_id {
    ($(#[$doc:meta])+ $name:ident, $what:literal, $prefix:literal) => {
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_LEN]);

        impl $name {
            /// Takes the 16 bytes as a file holds them.
            pub const fn from_bytes(bytes: [u8; ID_LEN]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes as a file holds them.
            pub const fn as_bytes(&self) -> &[u8; ID_LEN] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_text(&self.0, $prefix, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_text(text, $prefix).map(Self).ok_or(ParseIdError { what: $what, prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a ", $what))
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}

text_id! {
    /// Public id of a role key, derived from its secret and role; it may be shown and logged.
    ///
    /// Its text form is 32 lowercase hexadecimal digits.
    KeyId, "key id", ""
}

text_id! {
    /// Public id of an epoch: one projection key with one profile. Codes of two epochs never compare.
    ///
    /// Its text form is 32 lowercase hexadecimal digits.
    EpochId, "epoch id", ""
}

text_id! {
    /// Pseudonym of a record: 128 bits of keyed BLAKE3 of the record id, under the
    /// [`RefKey`](crate::RefKey). Its text form is `rec_` and 32 lowercase hexadecimal digits.
    ///
    /// The order is that of the bytes, which says nothing about the order of enrolment.
    RecordRef, "record ref", "rec_"
}

text_id! {
    /// Pseudonym of a subject (the customer), made like a [`RecordRef`] but under its own context.
    /// Its text form is `sub_` and 32 lowercase hexadecimal digits.
    SubjectRef, "subject ref", "sub_"
}

impl EpochId {
    /// Names the epoch of a projection key and a profile, the latter by its 32-byte digest.
    pub fn new(projection: KeyId, profile_digest: &[u8; 32]) -> Self {
        let mut id = [0; ID_LEN];
        blake3::Hasher::new_derive_key(Context::EPOCH_ID.as_str())
            .update(projection.as_bytes())
            .update(profile_digest)
            .finalize_xof()
            .fill(&mut id);
        Self(id)
    }
}

fn write_text(bytes: &[u8; ID_LEN], prefix: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(prefix)?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads exactly what [`write_text`] writes, so that equal ids have equal texts.
fn parse_text(text: &str, prefix: &str) -> Option<[u8; ID_LEN]> {
    let (pairs, rest) = text.strip_prefix(prefix)?.as_bytes().as_chunks::<2>();
    let pairs: &[[u8; 2]; ID_LEN] = pairs.try_into().ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; ID_LEN];
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "rec_000102030405060708090a0b0c0d0e0f";

    #[test]
    fn text_forms() {
        let bytes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(RecordRef::from_bytes(bytes).to_string(), TEXT);
        assert_eq!(format!("{:?}", RecordRef::from_bytes(bytes)), format!("RecordRef({TEXT})"));
        assert_eq!(SubjectRef::from_bytes(bytes).to_string(), TEXT.replace("rec_", "sub_"));
        assert_eq!(EpochId::from_bytes(bytes).to_string(), TEXT.replace("rec_", ""));
        assert_eq!(TEXT.parse(), Ok(RecordRef::from_bytes(bytes)));
    }

    #[test]
    fn malformed_texts_are_refused() {
        let short = &TEXT[..TEXT.len() - 1];
        let long = format!("{TEXT}0");
        let longer = format!("{TEXT}00");
        let upper = TEXT.to_uppercase();
        let upper_digits = TEXT.replace('a', "A");
        let not_hex = TEXT.replace("0a", "0g");
        let wide = TEXT.replace("0a0b", "\u{1f511}");
        let spaced = format!(" {TEXT}");
        for text in ["", "rec_", "000102030405060708090a0b0c0d0e0f", "sub_000102030405060708090a0b0c0d0e0f"]
            .into_iter()
            .chain([short, &long, &longer, &upper, &upper_digits, &not_hex, &wide, &spaced])
        {
            assert!(text.parse::<RecordRef>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn parse_error_says_what_to_write_and_keeps_the_text_back() {
        let error = "jane.doe/passport.jpg".parse::<RecordRef>().unwrap_err().to_string();
        assert_eq!(error, "not a record ref; write it as `rec_` followed by 32 lowercase hexadecimal digits");
    }

    #[test]
    fn serde_uses_the_text_form() {
        let id: RecordRef = TEXT.parse().unwrap();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<RecordRef>(&json).unwrap(), id);
        assert_eq!(serde_json::from_reader::<_, RecordRef>(json.as_bytes()).unwrap(), id);
        assert!(serde_json::from_str::<SubjectRef>(&json).is_err());
        assert!(serde_json::from_str::<RecordRef>("17").is_err());
    }

    #[test]
    fn epoch_depends_on_key_and_profile() {
        let key = KeyId::from_bytes([1; 16]);
        let epoch = EpochId::new(key, &[2; 32]);
        assert_ne!(epoch, EpochId::new(KeyId::from_bytes([3; 16]), &[2; 32]));
        assert_ne!(epoch, EpochId::new(key, &[3; 32]));
    }

    proptest! {
        #[test]
        fn text_round_trips(bytes: [u8; 16]) {
            let id = RecordRef::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.as_bytes(), &bytes);
            let key = KeyId::from_bytes(bytes);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn any_accepted_text_is_the_canonical_one(text in "(rec_)?[0-9a-fA-F]{30,34}") {
            if let Ok(id) = text.parse::<RecordRef>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
