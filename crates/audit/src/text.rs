//! Names and words that people give to an entry: bounded, printable, on one line.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

/// A text that an entry cannot carry. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing was given.
    #[error("the {what} is empty; give one")]
    Empty {
        /// Which text.
        what: &'static str,
    },
    /// The text is longer than an entry has room for.
    #[error("the {what} has {found} bytes and at most {limit} are allowed; shorten it")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Length in bytes of UTF-8.
        found: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A character that does not print, breaks the line or changes the direction of text.
    #[error(
        "the {what} holds U+{character:04X} at byte {at}, which is invisible, breaks the line or reorders text; \
         write it in printable characters"
    )]
    Hidden {
        /// Which text.
        what: &'static str,
        /// Where the character stands, in bytes.
        at: usize,
        /// Its code point.
        character: u32,
    },
    /// Space at either end, by which two texts would look the same.
    #[error("the {what} begins or ends with a space; remove it")]
    Padded {
        /// Which text.
        what: &'static str,
    },
}

/// Declares one kind of text with its limit. Reading goes through the same constructor as making, so that a log
/// from elsewhere cannot bring control characters to a terminal.
macro_rules! text {
    ($(#[$doc:meta])+ $name:ident, $what:literal, $limit:literal) => {
        $(#[$doc])+
        ///
        #[doc = concat!("1 to ", $limit, " bytes of UTF-8 in printable characters; the only white space is the")]
        /// plain space, and not at either end.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// The most bytes that the text may have.
            pub const LIMIT: usize = $limit;

            /// Checks the text.
            ///
            /// # Errors
            /// [`TextError`] names what is wrong with it.
            pub fn new(text: &str) -> Result<Self, TextError> {
                check($what, text, Self::LIMIT)?;
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

text! {
    /// Who asked: the name of a person or a service, as the system that let him in knows it.
    Actor, "actor", 128
}
text! {
    /// In which role he asked, such as `searcher`.
    ActorRole, "role", 64
}
text! {
    /// The investigation that it belongs to.
    CaseId, "case id", 128
}
text! {
    /// Why it was asked, in the words of who asked.
    Purpose, "purpose", 512
}
text! {
    /// Version of the program that answered.
    ToolVersion, "tool version", 64
}
text! {
    /// The thresholds in force, as a line. They are configuration: never what a query measured.
    Thresholds, "thresholds", 512
}

fn check(what: &'static str, text: &str, limit: usize) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty { what });
    }
    if text.len() > limit {
        return Err(TextError::TooLong { what, found: text.len(), limit });
    }
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| is_hidden(c)) {
        return Err(TextError::Hidden { what, at, character: c.into() });
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(TextError::Padded { what });
    }
    Ok(())
}

/// Control characters, separators and blanks other than the space, and what has no shape of its own: joiners, bidi
/// marks, embeddings, overrides and isolates (UAX #9), soft hyphens, fillers, tags, variation selectors,
/// noncharacters and private use.
fn is_hidden(c: char) -> bool {
    (c.is_whitespace() && c != ' ')
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_people_are_accepted() {
        for name in ["a", "alice@example.test", "Jürgen Größe", "山田 太郎", "O'Neil \"Red\" \\ Co"] {
            assert_eq!(Actor::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_deceives_is_refused() {
        for text in
            ["", " a", "a ", "a\nb", "a\u{1b}[2J", "gpj.\u{202e}exe", "a\u{200b}", "a\u{a0}b", "\u{feff}a"]
        {
            assert!(Actor::new(text).is_err(), "{text:?}");
        }
        assert_eq!(
            CaseId::new("ab\u{202e}"),
            Err(TextError::Hidden { what: "case id", at: 2, character: 0x202e })
        );
    }

    #[test]
    fn limits_count_bytes() {
        assert!(Actor::new(&"a".repeat(128)).is_ok());
        assert_eq!(
            Actor::new(&"ä".repeat(65)),
            Err(TextError::TooLong { what: "actor", found: 130, limit: 128 })
        );
    }

    #[test]
    fn an_error_does_not_repeat_the_text() {
        let text = TextError::Hidden { what: "actor", at: 3, character: 10 }.to_string();
        assert!(text.contains("U+000A") && !text.contains('\n'));
    }

    proptest! {
        #[test]
        fn reading_checks_what_making_checks(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            let read = serde_json::from_str::<Purpose>(&json).ok();
            prop_assert_eq!(read, Purpose::new(&text).ok());
        }
    }
}
