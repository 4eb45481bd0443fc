//! Names from outside, made fit for reports and terminals.

use std::fmt::Write as _;

/// A name with everything escaped that could deceive a reader or break a line: bytes that are no UTF-8 as `\xHH`;
/// control characters, line and paragraph separators, and characters that change the direction of text as `\u{H}`; and
/// the backslash itself as `\\`, so that no two names become one. The first character of what only a
/// [place](crate::Part::place) says (`#page=`, `#content`, `&image=`) is escaped as well, so that no name looks like a part of
/// another file.
#[must_use]
pub fn escape_name(name: &[u8]) -> String {
    let mut escaped = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        let valid = chunk.valid();
        for (at, c) in valid.char_indices() {
            if c == '\\' {
                escaped.push_str("\\\\");
            } else if is_deceptive(c) || begins_a_place(&valid[at..]) {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
            } else {
                escaped.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(escaped, "\\x{byte:02x}");
        }
    }
    escaped
}

/// Longest [place](crate::Part::place), in bytes: as long as the name of an entry of a ZIP archive in another can be with every
/// character of it escaped.
pub const MAX_PLACE_BYTES: usize = 1024 * 1024;

/// Whether a text can be the [place](crate::Part::place) of a part: it continues the name of a file without becoming the name of
/// another, shows as it is, and is not too long. To check those that come from another process.
#[must_use]
pub fn is_place(text: &str) -> bool {
    let continues = text.is_empty() || text.starts_with(['/', '#']);
    continues && text.len() <= MAX_PLACE_BYTES && !text.chars().any(is_deceptive)
}

/// What places say of parts that are no files.
const OF_PLACES: [&str; 3] = ["#page=", "#content", "&image="];

fn begins_a_place(rest: &str) -> bool {
    OF_PLACES.iter().any(|of_places| rest.starts_with(of_places))
}

/// Control characters, separators of lines, and the controls of Unicode's bidirectional algorithm (UAX #9) with its
/// marks, and the invisible characters that join or part words.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_deceives_is_shown() {
        assert_eq!(escape_name("Ausweis Größe 身分証.jpg".as_bytes()), "Ausweis Größe 身分証.jpg");
        assert_eq!(escape_name(b"a\nb\x1b[2J\xff\\.jpg"), "a\\u{a}b\\u{1b}[2J\\xff\\\\.jpg");
        assert_eq!(escape_name("gpj.\u{202e}exe".as_bytes()), "gpj.\\u{202e}exe");
    }

    #[test]
    fn places_show_as_they_are() {
        assert!(is_place("") && is_place("/a.pdf#page=1&image=2"));
        for bad in ["-passport.jpg", "a", "/a\nb", "/gpj.\u{202e}exe", &"x".repeat(MAX_PLACE_BYTES + 1)] {
            assert!(!is_place(bad));
        }
    }

    #[test]
    fn no_name_looks_like_a_part() {
        assert_eq!(escape_name(b"a.pdf#page=1&image=2"), "a.pdf\\u{23}page=1\\u{26}image=2");
        assert_eq!(escape_name(b"a.gz#content/b"), "a.gz\\u{23}content/b");
        assert_eq!(escape_name(b"A & B #2 #pages &images.jpg"), "A & B #2 #pages &images.jpg");
    }

    proptest! {
        #[test]
        fn names_stay_apart_and_on_one_line(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(escape_name(&a) == escape_name(&b), a == b);
            prop_assert!(!escape_name(&a).chars().any(is_deceptive));
        }

        #[test]
        fn names_of_the_characters_of_places_stay_apart(a in r"[#&=\\{}upageimcontent2367]{0,16}", b in r"(#page=|#content|&image=|\\|u\{23\}){0,4}") {
            for name in [&a, &b, &(a.clone() + &b)] {
                let escaped = escape_name(name.as_bytes());
                prop_assert!(!OF_PLACES.iter().any(|of_places| escaped.contains(of_places)));
                // Read back, it is the name again.
                let read = escaped.replace("\\\\", "\0").replace("\\u{23}", "#").replace("\\u{26}", "&").replace('\0', "\\");
                prop_assert_eq!(&read, name);
            }
        }
    }
}
