//! Inputs that are changes to a large good file, so that a fuzzer need not learn to write one.
//!
//! A script is a row of operations; what is left over at its end is ignored. Numbers are little-endian.
//!
//! | operation | bytes |
//! |---|---|
//! | write `n` bytes, 1 to 32 | `n - 1`, place (3), the bytes |
//! | exclusive or with one byte | 0x40 to 0x7f, place (3), the byte |
//! | cut off at a place | 0x80 to 0xbf, place (3) |
//! | append `n` bytes of one value | 0xc0 to 0xff, `n` (3), the value |
//!
//! A place counts from the start, modulo the length.

/// Most bytes that one operation appends.
const MOST_APPENDED: usize = 256 * 1024;

/// The little-endian number in three bytes.
fn number(bytes: [u8; 3]) -> usize {
    usize::from(bytes[0]) | usize::from(bytes[1]) << 8 | usize::from(bytes[2]) << 16
}

/// Applies a script. Operations on nothing are left out.
pub(crate) fn apply(bytes: &mut Vec<u8>, mut script: &[u8]) {
    // A file is not appended to without end.
    let most = bytes.len() + 2 * MOST_APPENDED;
    while let Some((&[op, a, b, c], rest)) = script.split_first_chunk() {
        script = rest;
        let number = number([a, b, c]);
        let place = number % bytes.len().max(1);
        match op >> 6 {
            0 => {
                let Some((new, rest)) = script.split_at_checked(usize::from(op & 0x1f) + 1) else { return };
                script = rest;
                bytes.iter_mut().skip(place).zip(new).for_each(|(old, new)| *old = *new);
            }
            1 => {
                let Some((&mask, rest)) = script.split_first() else { return };
                script = rest;
                bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= mask);
            }
            2 => bytes.truncate(place),
            _ => {
                let Some((&value, rest)) = script.split_first() else { return };
                script = rest;
                let length = (bytes.len() + number.min(MOST_APPENDED)).min(most);
                bytes.resize(length.max(bytes.len()), value);
            }
        }
    }
}

/// The operation that writes up to 32 bytes at a place.
pub(crate) fn write(place: usize, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().clamp(1, 32);
    let [a, b, c, ..] = place.to_le_bytes();
    let op = u8::try_from(length - 1).unwrap_or_default();
    [&[op, a, b, c], &bytes[..length]].concat()
}

/// The operation that flips bits of one byte.
pub(crate) fn flip(place: usize, mask: u8) -> Vec<u8> {
    let [a, b, c, ..] = place.to_le_bytes();
    vec![0x40, a, b, c, mask]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(script: &[u8]) -> Vec<u8> {
        let mut bytes = b"abcdef".to_vec();
        apply(&mut bytes, script);
        bytes
    }

    #[test]
    fn each_operation() {
        assert_eq!(applied(&write(2, b"XY")), b"abXYef");
        assert_eq!(applied(&write(5, b"XY")), b"abcdeX");
        assert_eq!(applied(&flip(0, 0x20)), b"Abcdef");
        assert_eq!(applied(&[0x80, 2, 0, 0]), b"ab");
        assert_eq!(applied(&[0xc0, 2, 0, 0, b'!']), b"abcdef!!");
        assert_eq!(applied(&[0x80, 6, 0, 0, 0x40, 1, 0, 0, 1]), b"");
        assert_eq!(applied(&[3, 0, 0, 0, b'x']), b"abcdef", "an operation that is cut off");
        assert_eq!(applied(&[0xff; 4 * 5]).len(), 6 + MOST_APPENDED * 2);
    }
}
