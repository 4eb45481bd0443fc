//! Headers of tape archives: ustar, GNU and pax.

/// A block: the unit of the format, in bytes.
pub(super) const BLOCK: usize = 512;

/// One header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    block: &'a [u8; BLOCK],
}

impl<'a> Header<'a> {
    /// A header, where its checksum is right and it says that it is one.
    pub(super) fn of(block: &'a [u8; BLOCK]) -> Option<Self> {
        let header = Self { block };
        let sums = header.sums();
        let stated = number(header.field(148, 8))?;
        (header.field(257, 5) == b"ustar" && (stated == sums.0 || Some(stated) == sums.1)).then_some(header)
    }

    fn field(self, at: usize, length: usize) -> &'a [u8] {
        self.block.get(at..at + length).unwrap_or_default()
    }

    /// The sum of all bytes, with its own field taken as blanks; unsigned, and as some old programs wrote it, signed.
    fn sums(self) -> (u64, Option<u64>) {
        let mut unsigned = 0_u64;
        let mut signed = 0_i64;
        for (at, byte) in self.block.iter().enumerate() {
            let byte = if (148..156).contains(&at) { b' ' } else { *byte };
            unsigned += u64::from(byte);
            signed += i64::from(byte.cast_signed());
        }
        (unsigned, u64::try_from(signed).ok())
    }

    pub(super) fn kind(self) -> u8 {
        self.block[156]
    }

    /// Bytes of content that follow; `None` where the field is no number.
    pub(super) fn size(self) -> Option<u64> {
        number(self.field(124, 12))
    }

    /// The name, with what POSIX keeps in front of it.
    pub(super) fn name(self) -> Vec<u8> {
        let name = until_nul(self.field(0, 100));
        let prefix = if self.block[262] == 0 { until_nul(self.field(345, 155)) } else { &[] };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number in octal digits, or in GNU's binary form.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if *first == 0x80 {
        let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
        return high.iter().all(|byte| *byte == 0).then(|| low.try_into().map(u64::from_be_bytes).ok())?;
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
    let digits = std::str::from_utf8(digits.get(..end)?).ok()?;
    if digits.is_empty() {
        return Some(0);
    }
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| u64::from_str_radix(digits, 8).ok())?
}

/// What headers before an entry's own say of it.
#[derive(Debug, Default)]
pub(super) struct Extended {
    /// GNU's long name.
    pub(super) long_name: Option<Vec<u8>>,
    /// Name by pax, which goes before.
    pub(super) path: Option<Vec<u8>>,
    /// Size by pax.
    pub(super) size: Option<u64>,
    /// Its content is stored with holes.
    pub(super) sparse: bool,
    /// One of the headers could not be read.
    pub(super) broken: bool,
}

impl Extended {
    /// Takes up the records of a pax header.
    pub(super) fn pax(&mut self, mut records: &[u8]) {
        while !records.is_empty() {
            let Some((record, rest)) = next_record(records) else {
                self.broken = true;
                return;
            };
            records = rest;
            let Some(at) = record.iter().position(|byte| *byte == b'=') else {
                self.broken = true;
                return;
            };
            let (key, value) = (&record[..at], &record[at + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"size" => match std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()) {
                    Some(size) => self.size = Some(size),
                    None => self.broken = true,
                },
                _ => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
    }

    /// Takes up GNU's long name, which ends with a zero byte.
    pub(super) fn gnu_name(&mut self, name: &[u8]) {
        self.long_name = Some(until_nul(name).to_vec());
    }
}

/// Splits off the first record, `LENGTH KEY=VALUE\n`, and gives it without length and line end.
fn next_record(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = records.iter().take(20).position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(records.get(..blank)?).ok()?.parse::<usize>().ok()?;
    let record = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
    Some((record, records.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_forms() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"0000648\0"), None);
        assert_eq!(number(b"-000644\0"), None);
        assert_eq!(number(b"+000644\0"), None);
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(1 << 33));
        assert_eq!(number(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"), None);
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }

    #[test]
    fn records_of_pax() {
        let mut extended = Extended::default();
        extended.pax(b"14 path=a\nb.x\n9 size=7\n");
        assert_eq!(extended.path.as_deref(), Some(b"a\nb.x".as_slice()));
        assert_eq!((extended.size, extended.broken), (Some(7), false));
        for broken in [b"99 path=a\n".as_slice(), b"x", b"8 patha\n", b"3 \n", b"9 size=x\n", b"0 a=b\n"] {
            let mut extended = Extended::default();
            extended.pax(broken);
            assert!(extended.broken, "{}", broken.escape_ascii());
        }
    }
}
