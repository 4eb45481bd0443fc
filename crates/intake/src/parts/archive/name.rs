//! Names of entries: which are safe, which are of the system, and the places that they give.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use crate::{
    parts::escape_name,
    system_names::{is_file_of_system, is_folder_of_system},
};

/// What the name of an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// An ordinary name.
    File,
    /// A name of the system's own, which gives no part.
    System,
    /// A name that leads out of the archive, with how.
    Unsafe(&'static str),
}

/// Looks at a name. The backslash is a separator here: some programs write it as one, and Windows reads it as one.
pub(super) fn look(name: &[u8]) -> Named {
    if matches!(name.first(), Some(b'/' | b'\\')) {
        return Named::Unsafe("its name is an absolute path");
    }
    if matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Named::Unsafe("its name begins with a drive letter");
    }
    let parts = || name.split(|byte| matches!(byte, b'/' | b'\\'));
    if parts().any(|part| part == b"..") {
        return Named::Unsafe("its name leads out of the archive with `..`");
    }
    if parts().all(|part| matches!(part, b"" | b".")) {
        return Named::Unsafe("it has no name");
    }
    if parts().next_back().is_some_and(is_file_of_system) || parts().any(is_folder_of_system) {
        return Named::System;
    }
    Named::File
}

/// The places that one archive has given so far, so that each is given once.
#[derive(Debug)]
pub(super) struct Places<'a> {
    archive: &'a str,
    /// By the hash of a place, which of its names is the last one given. Two places of one hash only cost a number.
    given: HashMap<u64, u64>,
}

impl<'a> Places<'a> {
    pub(super) fn new(archive: &'a str) -> Self {
        Self { archive, given: HashMap::new() }
    }

    /// The place of an entry, which continues that of its archive.
    pub(super) fn place(&mut self, name: &[u8]) -> String {
        let mut shown = name;
        while let Some(rest) = shown.strip_prefix(b"./") {
            shown = rest;
        }
        let place = format!("{}/{}", self.archive, escape_name(shown));
        let key = hash(&place);
        let Some(last) = self.given.get(&key).copied() else {
            self.given.insert(key, 1);
            return place;
        };
        let mut number = last;
        loop {
            number += 1;
            let numbered = format!("{place}#{number}");
            let own = hash(&numbered);
            if !self.given.contains_key(&own) {
                self.given.insert(own, 1);
                self.given.insert(key, number);
                return numbered;
            }
        }
    }
}

fn hash(place: &str) -> u64 {
    // Fixed keys: the same archive gives the same places.
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

/// The bytes of a ZIP entry's name as UTF-8: as they are where the entry says so, or where they are valid, since most
/// programs write UTF-8 without saying so; otherwise as code page 437, the format's own.
pub(super) fn zip_name(name: &[u8], says_utf8: bool) -> Cow<'_, [u8]> {
    if says_utf8 || std::str::from_utf8(name).is_ok() {
        return Cow::Borrowed(name);
    }
    let text = name.iter().map(|byte| cp437(*byte)).collect::<String>();
    Cow::Owned(text.into_bytes())
}

/// The upper half of code page 437.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

fn cp437(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(upper) => CP437.chars().nth(upper.into()).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_what_they_do() {
        let absolute = Named::Unsafe("its name is an absolute path");
        let drive = Named::Unsafe("its name begins with a drive letter");
        let out = Named::Unsafe("its name leads out of the archive with `..`");
        for (name, named) in [
            (b"a/b.jpg".as_slice(), Named::File),
            (b"./a..b/c.jpg", Named::File),
            (b"a\\b.jpg", Named::File),
            (b"/etc/passwd", absolute),
            (b"\\\\server\\share", absolute),
            (b"C:\\a.jpg", drive),
            (b"c:a.jpg", drive),
            (b"..", out),
            (b"a/../../b", out),
            (b"a\\..\\b", out),
            (b"", Named::Unsafe("it has no name")),
            (b"./", Named::Unsafe("it has no name")),
            (b"a/._b.jpg", Named::System),
            (b"__MACOSX/a.jpg", Named::System),
            (b"a\\__MACOSX\\b", Named::System),
            (b"a/.DS_Store", Named::System),
            (b".DS_Store/a", Named::File),
            (b"._a/b.jpg", Named::File),
            (b".git/a", Named::File),
            (b".cache/kyc/1.jpg", Named::File),
            (b"...", Named::File),
        ] {
            assert_eq!(look(name), named, "{}", escape_name(name));
        }
    }

    #[test]
    fn places_are_given_once() {
        let mut places = Places::new("/x.zip");
        let mut place = |name: &[u8]| places.place(name);
        assert_eq!(place(b"./a"), "/x.zip/a");
        assert_eq!(place(b"a#2"), "/x.zip/a#2");
        assert_eq!(place(b"a"), "/x.zip/a#3");
        assert_eq!(place(b"a"), "/x.zip/a#4");
        assert_eq!(place(b"a\n"), "/x.zip/a\\u{a}");
    }

    #[test]
    fn code_page_437_is_whole() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(zip_name(b"Gr\x94\xe1e.jpg", false).as_ref(), "Größe.jpg".as_bytes());
        assert_eq!(zip_name("Größe".as_bytes(), false).as_ref(), "Größe".as_bytes());
        assert_eq!(zip_name(b"\x94", true).as_ref(), b"\x94");
    }
}
