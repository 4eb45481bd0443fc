//! Names from outside, made fit for reports and terminals.

use std::fmt::Write as _;

/// A name with everything escaped that could deceive a reader or break a line: bytes that are no UTF-8 as `\xHH`;
/// control characters, line and paragraph separators, and characters that change the direction of text as `\u{H}`; and
/// the backslash itself as `\\`, so that no two names become one.
#[must_use]
pub fn escape_name(name: &[u8]) -> String {
    let mut escaped = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                escaped.push_str("\\\\");
            } else if is_deceptive(c) {
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

/// Control characters, separators of lines, and the controls of Unicode's bidirectional algorithm (UAX #9) with its
/// marks, and the invisible characters that join or part words.
fn is_deceptive(c: char) -> bool {
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

    proptest! {
        #[test]
        fn names_stay_apart_and_on_one_line(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(escape_name(&a) == escape_name(&b), a == b);
            prop_assert!(!escape_name(&a).chars().any(is_deceptive));
        }
    }
}
