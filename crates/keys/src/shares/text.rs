//! The text of a share.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::{MAC_LEN, MAX_TOTAL, MIN_NEEDED, Set, Share};
use crate::{contexts::Context, memory::Slot, roles::Role};

pub(super) const VERSION: u8 = 1;

const TITLE: &str = "saltprint key share";
/// Bytes in a line of data.
const LINE_LEN: usize = 16;
/// More than any share needs, so that a text is not read without end.
const MOST_BYTES: usize = 16 * 1024;

pub(super) enum TextFault {
    NotAShare,
    NewerVersion(u8),
    Line { line: usize, wanted: &'static str },
    Slip { line: usize },
    Checksum,
}

pub(super) fn write(share: &Share) -> Zeroizing<String> {
    let Set { role, id, created, nonce, needed, total } = share.set;
    // Room for all of it: a text that grows would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(2048));
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        writeln!(text, "{arguments}").expect("writing to a string does not fail");
    };
    line(format_args!("{TITLE} {VERSION}"));
    line(format_args!(
        "# Secret: with {needed} of the {total} shares anybody has the {role} key. Keep them apart."
    ));
    line(format_args!("# To restore, type {needed} of them into files and run: saltprint keys restore"));
    line(format_args!("role     {role}"));
    line(format_args!("key      {id}"));
    line(format_args!("created  {created}"));
    line(format_args!("set      {}", *groups(&nonce)));
    line(format_args!("share    {} of {total}, {needed} needed", share.index));
    let (first, second) = share.data.expose().split_at(LINE_LEN);
    for (name, number, bytes) in [("data", 1, first), ("data", 2, second), ("mac ", 3, &share.mac)] {
        line(format_args!("{name}     {} : {}", *groups(bytes), *groups(&line_check(number, bytes))));
    }
    line(format_args!("check    {}", *groups(&checksum(share))));
    text
}

/// Hexadecimal digits in groups of four.
fn groups(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(3 * bytes.len()));
    for (position, byte) in bytes.iter().enumerate() {
        let gap = if position > 0 && position % 2 == 0 { " " } else { "" };
        write!(text, "{gap}{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// Finds the line with a slip in it.
fn line_check(number: u8, bytes: &[u8]) -> [u8; 2] {
    public_check(&[&[number], bytes])
}

/// Finds a slip anywhere.
fn checksum(share: &Share) -> [u8; 8] {
    public_check(&[&share.message(), &share.mac])
}

fn public_check<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hasher = Zeroizing::new(blake3::Hasher::new_derive_key(Context::KEY_SHARE_CHECKSUM.as_str()));
    for part in parts {
        hasher.update(part);
    }
    let mut check = [0; N];
    hasher.finalize_xof().fill(&mut check);
    check
}

pub(super) fn parse(text: &str) -> Result<Share, TextFault> {
    if text.len() > MOST_BYTES {
        return Err(TextFault::NotAShare);
    }
    let mut lines = Lines { lines: text.lines().enumerate(), last: 0 };
    let (title, _) = lines.next_line().ok_or(TextFault::NotAShare)?;
    let mut words = title.split_whitespace();
    if !TITLE.split(' ').all(|word| words.next().is_some_and(|found| found.eq_ignore_ascii_case(word))) {
        return Err(TextFault::NotAShare);
    }
    match words.next().and_then(|version| version.parse().ok()) {
        Some(VERSION) if words.next().is_none() => {}
        Some(newer) if newer > VERSION => return Err(TextFault::NewerVersion(newer)),
        _ => return Err(TextFault::NotAShare),
    }

    let role = lines.field("role", "role NAME", |rest| {
        Role::ALL.into_iter().find(|role| rest.eq_ignore_ascii_case(&role.to_string()))
    })?;
    let id = lines.field("key", "key, and 32 hexadecimal digits", |rest| {
        let digits: String = rest.split_whitespace().collect();
        digits.to_ascii_lowercase().parse().ok()
    })?;
    let created = lines.field("created", "created SECONDS", |rest| rest.parse().ok())?;
    let nonce =
        lines.field("set", "set, and 16 hexadecimal digits", |rest| unhex::<8>(rest).map(|bytes| *bytes))?;
    let (index, needed, total) = lines.field("share", "share NUMBER of NUMBER, NUMBER needed", numbers)?;
    let first = lines.data("data", 1)?;
    let second = lines.data("data", 2)?;
    let mac: [u8; MAC_LEN] = *lines.data("mac", 3)?;
    let check = lines
        .field("check", "check, and 16 hexadecimal digits", |rest| unhex::<8>(rest).map(|bytes| *bytes))?;
    if let Some((_, line)) = lines.next_line() {
        return Err(TextFault::Line { line, wanted: "the end of the share" });
    }

    let data = Slot::init_with(|bytes| {
        let (low, high) = bytes.split_at_mut(LINE_LEN);
        low.copy_from_slice(first.as_slice());
        high.copy_from_slice(second.as_slice());
    });
    let share = Share { set: Set { role, id, created, nonce, needed, total }, index, data, mac };
    if checksum(&share) != check {
        return Err(TextFault::Checksum);
    }
    // After the checksum: a slip in a number is a slip, whatever the number says.
    if !(MIN_NEEDED <= needed && needed <= total && total <= MAX_TOTAL && (1..=total).contains(&index)) {
        return Err(TextFault::NotAShare);
    }
    Ok(share)
}

/// `2 of 5, 3 needed`
fn numbers(rest: &str) -> Option<(u8, u8, u8)> {
    let rest = rest.to_ascii_lowercase().replace(',', " ");
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [index, "of", total, needed, "needed"] = words.as_slice() else { return None };
    Some((index.parse().ok()?, needed.parse().ok()?, total.parse().ok()?))
}

/// Hexadecimal digits, spaced at will.
fn unhex<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut digits = text.chars().filter(|character| !character.is_whitespace());
    let mut bytes = Zeroizing::new([0; N]);
    for byte in bytes.iter_mut() {
        let (high, low) = (digits.next()?.to_digit(16)?, digits.next()?.to_digit(16)?);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(bytes)
}

/// The lines that say something, with their numbers from 1.
struct Lines<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    last: usize,
}

impl<'a> Lines<'a> {
    fn next_line(&mut self) -> Option<(&'a str, usize)> {
        let found = self.lines.by_ref().map(|(number, line)| (line.trim(), number + 1));
        let mut said = found.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        let line = said.next()?;
        self.last = line.1;
        Some(line)
    }

    /// The next line, which must begin with `name` and go on as `read` wants it.
    fn field<T>(
        &mut self,
        name: &str,
        wanted: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, TextFault> {
        let Some((text, line)) = self.next_line() else {
            return Err(TextFault::Line { line: self.last + 1, wanted });
        };
        let (found, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let value = if found.eq_ignore_ascii_case(name) { read(rest.trim()) } else { None };
        value.ok_or(TextFault::Line { line, wanted })
    }

    fn data(&mut self, name: &str, number: u8) -> Result<Zeroizing<[u8; LINE_LEN]>, TextFault> {
        const WANTED: &str = "eight groups of four hexadecimal digits, a colon, and one more group";
        let read = |rest: &str| {
            let (bytes, check) = rest.split_once(':')?;
            Some((unhex::<LINE_LEN>(bytes)?, unhex::<2>(check)?))
        };
        let (bytes, check) = self.field(name, WANTED, read)?;
        if line_check(number, bytes.as_slice()) != *check {
            return Err(TextFault::Slip { line: self.last });
        }
        Ok(bytes)
    }
}
