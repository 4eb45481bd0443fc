//! TIFF: the chain of its directories, each of which is a page.

use std::{borrow::Cow, collections::HashSet, ops::ControlFlow, sync::Arc};

use blake3::Hash;
use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;

use super::{Drawing, page_place};
use crate::{
    Limits, Refusal, Reject, Unreadable,
    decode::{TiffLayout as Layout, decode_tiff_page},
    parts::{Content, Form, Kind, Lazy, Role, walk::Walk},
};

/// The name used in messages.
const NAME: &str = "TIFF";

/// What a directory is beside a page (tag `NewSubfileType`): a smaller version of another page, or a mask of one.
const REDUCED_OR_MASK: u64 = 0b101;

/// How many directories that are no pages are read for each page allowed.
const OTHERS_FOR_A_PAGE: u64 = 4;

/// How many entries of a directory are searched for what kind of page it is. They are in the order of their tags, and
/// this one has nearly the lowest.
const ENTRIES_SEARCHED: u64 = 256;

/// Hands the pages of a TIFF to the walk. One page is the file itself, without a place of its own.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, bytes: Zeroizing<Vec<u8>>) -> ControlFlow<()> {
    let (pages, end) = Chain::read(&bytes, walk);
    let first = Layout::read(&bytes).and_then(|layout| layout.first(&bytes));
    if pages.is_empty() || (pages.len() == 1 && end.is_ok() && pages.first().copied() == first) {
        // Where there is no page, the decoder of single images tells what is wrong.
        return walk.emit(place, Ok(Content(Kind::File(bytes))));
    }
    let alone = pages.len() == 1 && end.is_ok();
    let document = blake3::hash(&bytes);
    let bytes = Arc::new(bytes);
    let as_page = || Role::Page { document: place.to_owned() };
    let mut number = 0;
    for directory in pages {
        number += 1;
        if let Err(reject) = walk.check_time(NAME) {
            let _ = walk.emit(place, Err(reject));
            return ControlFlow::Break(());
        }
        let page = Page { bytes: Arc::clone(&bytes), document, directory };
        let content = Content::lazy(page, if number == 1 { bytes.len() } else { 0 });
        if alone {
            walk.emit(place, Ok(content))?;
        } else {
            walk.emit_as(as_page(), &page_place(place, number), Ok(content))?;
        }
    }
    match end {
        Ok(()) => ControlFlow::Continue(()),
        Err(reject @ Reject::Refused(Refusal::ContainerLimit { .. })) => walk.emit(place, Err(reject)),
        Err(reject) => walk.emit_as(as_page(), &page_place(place, number + 1), Err(reject)),
    }
}

/// One page of several.
struct Page {
    bytes: Arc<Zeroizing<Vec<u8>>>,
    document: Hash,
    /// Where its directory begins.
    directory: u64,
}

impl Lazy for Page {
    fn identity(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.drawing().identity(&self.document))
    }

    fn decode(&self, limits: &Limits) -> Result<Luma, Reject> {
        decode_tiff_page(&self.bytes, self.directory, limits)
    }

    fn form(&self) -> Form<'_> {
        Form::Drawing { document: &self.bytes, digest: self.document, drawing: self.drawing() }
    }
}

impl Page {
    fn drawing(&self) -> Drawing {
        Drawing::TiffPage { directory: self.directory }
    }
}

/// The chain of directories.
struct Chain;

impl Chain {
    /// Where the directories of the pages begin, and what ended the chain.
    fn read(bytes: &[u8], walk: &Walk<'_>) -> (Vec<u64>, Result<(), Reject>) {
        let mut pages = Vec::new();
        let end = Self::follow(bytes, walk, &mut pages);
        (pages, end)
    }

    fn follow(bytes: &[u8], walk: &Walk<'_>, pages: &mut Vec<u64>) -> Result<(), Reject> {
        let truncated = || Reject::from(Unreadable::Truncated { format: NAME });
        let layout = Layout::read(bytes).ok_or_else(truncated)?;
        let allowed = walk.limits.pages;
        let mut seen = HashSet::new();
        let mut at = layout.first(bytes).ok_or_else(truncated)?;
        while at != 0 {
            if !seen.insert(at) {
                return Err(Unreadable::malformed(NAME, "its pages lead back to an earlier one").into());
            }
            let (kind, next) = directory(bytes, layout, at)?;
            if kind & REDUCED_OR_MASK == 0 {
                if pages.len() as u64 >= allowed {
                    return Err(Refusal::ContainerLimit { format: NAME, what: "pages", allowed }.into());
                }
                pages.push(at);
            } else if seen.len() as u64 > allowed.saturating_mul(OTHERS_FOR_A_PAGE) {
                return Err(Refusal::ContainerLimit { format: NAME, what: "directories", allowed }.into());
            }
            walk.check_time(NAME)?;
            at = next;
        }
        Ok(())
    }
}

/// The bits of `NewSubfileType` of the directory at `at`, and where the next directory begins, or 0.
fn directory(bytes: &[u8], layout: Layout, at: u64) -> Result<(u64, u64), Reject> {
    let truncated = || Reject::from(Unreadable::Truncated { format: NAME });
    let (count_size, entry_size, value_at, offset_size) =
        if layout.big { (8, 20, 12, 8) } else { (2, 12, 8, 4) };
    let count = layout.number(bytes, at, count_size).ok_or_else(truncated)?;
    let entries = at.checked_add(count_size as u64).ok_or_else(truncated)?;
    let end = count
        .checked_mul(entry_size)
        .and_then(|length| entries.checked_add(length))
        .filter(|&end| end <= bytes.len() as u64)
        .ok_or_else(truncated)?;
    if count == 0 {
        return Err(Unreadable::malformed(NAME, "a page has no entries").into());
    }
    let mut kind = 0;
    let mut entry = entries;
    while entry < end.min(entries + ENTRIES_SEARCHED * entry_size) {
        let tag = layout.number(bytes, entry, 2).ok_or_else(truncated)?;
        match tag {
            // NewSubfileType, a long.
            254 => kind |= layout.number(bytes, entry + value_at, 4).ok_or_else(truncated)?,
            // SubfileType of old files, a short: 2 is a smaller version.
            255 => {
                let old = layout.number(bytes, entry + value_at, 2).ok_or_else(truncated)?;
                kind |= u64::from(old == 2);
            }
            _ => {}
        }
        entry += entry_size;
    }
    Ok((kind, layout.number(bytes, end, offset_size).ok_or_else(truncated)?))
}
