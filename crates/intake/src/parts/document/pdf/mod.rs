//! PDF: every page drawn, and every image on it.
//!
//! Nearly all PDFs of identity documents are scans: a page with one image over it. The image is what matches the file
//! that it came from, bit by bit where it is a JPEG; the page is what a person sees, with what was written over the
//! image. Both are parts, and a later stage finds that they look alike.
//!
//! What is bounded here: the size of the document, of what its streams unpack to (all together, but for images: those each
//! alone), of a drawn page and of each image, the number of pages, images, drawing commands and pixels that a page draws, the
//! memory of each decode, and the time of all of them. What is not: streams that are encrypted or packed twice are not
//! unpacked ahead; and nothing in a process can stop a decoder that overflows its stack or never ends. That takes a process of
//! its own, which the crate `worker` gives.

mod clock;
mod images;
mod page;
mod survey;
mod unpacked;

use std::{
    ops::ControlFlow,
    sync::{Arc, OnceLock},
};

use blake3::Hash;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf, PdfData};
use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;

use super::{
    guard::{Fault, guarded},
    page_place,
};
use crate::{
    Limits, Refusal, Reject, Unreadable,
    parts::{Content, Drawing, Form, Lazy as _, Role, walk::Walk},
};

use clock::{Clock, Turn};
use images::{Found, Image, Images, Named};
use page::Page;

/// The name used in messages.
const NAME: &str = "PDF";

/// Hands the pages of a PDF, and the images on each, to the walk.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, bytes: Zeroizing<Vec<u8>>) -> ControlFlow<()> {
    let document = match Document::open(bytes, walk) {
        Ok(document) => Arc::new(document),
        Err(reject) => return walk.emit(place, Err(reject)),
    };
    let limits = *walk.limits;
    let count = document.run(|pdf| {
        unpacked::check_contents(pdf, limits.pages, limits.decode_bytes)?;
        Ok(pdf.pages().len())
    });
    let count = match count {
        Ok(0) => return walk.emit(place, Err(Refusal::EmptyContainer { format: NAME }.into())),
        Ok(count) => count,
        Err(reject) => return walk.emit(place, Err(reject)),
    };
    let mut images = Images::default();
    for index in 0..count {
        let allowed = walk.limits.pages;
        if index as u64 >= allowed {
            let refusal = Refusal::ContainerLimit { format: NAME, what: "pages", allowed };
            return walk.emit(place, Err(refusal.into()));
        }
        end_at_limit(walk, place)?;
        let at = page_place(place, index + 1);
        let page = Page { document: Arc::clone(&document), index };
        let content = Content::lazy(page, if index == 0 { document.held } else { 0 });
        walk.emit_as(Role::Page { document: place.to_owned() }, &at, Ok(content))?;
        let role = Role::Image { document: place.to_owned(), page: at };
        images_of_page(walk, &role, &document, index, &mut images)?;
    }
    ControlFlow::Continue(())
}

/// Hands out the images that are not on an earlier page.
fn images_of_page(
    walk: &mut Walk<'_>,
    role: &Role,
    document: &Arc<Document>,
    index: usize,
    images: &mut Images,
) -> ControlFlow<()> {
    let page_place = role.page().unwrap_or_default();
    let found = document.run(|pdf| Ok(pdf.pages().get(index).map(|page| images.on(page))));
    let found = match found {
        Ok(Some((found, new))) => {
            images.learn(new);
            found
        }
        Ok(None) => Vec::new(),
        Err(reject) => return walk.emit_as(role.clone(), &format!("{page_place}&image=1"), Err(reject)),
    };
    for (number, found) in (1..).zip(found) {
        end_at_limit(walk, page_place)?;
        let content = match found {
            Found::Jpeg(id) => document.run(|pdf| images::jpeg(pdf, id)).map(Content::of_file),
            Found::Other(named) => {
                Ok(Content::lazy(Image { document: Arc::clone(document), page: index, named }, 0))
            }
        };
        walk.emit_as(role.clone(), &format!("{page_place}&image={number}"), content)?;
    }
    ControlFlow::Continue(())
}

/// Counts a page or an image, and ends the walk where there are too many or it has taken too long.
fn end_at_limit(walk: &mut Walk<'_>, place: &str) -> ControlFlow<()> {
    if let Err(reject) = walk.count_entry(NAME) {
        let _ = walk.emit(place, Err(reject));
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}

/// Number and generation of an object.
type Id = (u32, i32);

/// A PDF that is open, shared by its parts.
pub(super) struct Document {
    bytes: Arc<Bytes>,
    digest: Hash,
    /// Bytes of the document, and those that the parser may come to keep of its streams.
    held: usize,
    pdf: OnceLock<Pdf>,
    clock: Clock,
}

/// The bytes of the document, as the parser takes them.
struct Bytes(Arc<Zeroizing<Vec<u8>>>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Document {
    fn open(bytes: Zeroizing<Vec<u8>>, walk: &mut Walk<'_>) -> Result<Self, Reject> {
        let kept = unpacked::check(&bytes, walk)?;
        let held = bytes.len().saturating_add(usize::try_from(kept).unwrap_or(usize::MAX));
        let digest = blake3::hash(&bytes);
        let document = Self {
            bytes: Arc::new(Bytes(Arc::new(bytes))),
            digest,
            held,
            pdf: OnceLock::new(),
            clock: Clock::default(),
        };
        let pdf = unwound(guarded(|| document.parse()))?;
        let _ = document.pdf.set(pdf);
        Ok(document)
    }

    /// Takes a document that a walk has checked before, elsewhere. It is parsed when something of it is drawn.
    pub(super) fn checked(bytes: Arc<Zeroizing<Vec<u8>>>, digest: Hash) -> Self {
        Self { bytes: Arc::new(Bytes(bytes)), digest, held: 0, pdf: OnceLock::new(), clock: Clock::default() }
    }

    /// Draws a page.
    pub(super) fn page(self: &Arc<Self>, index: usize, limits: &Limits) -> Result<Luma, Reject> {
        self.keep_parsed()?;
        Page { document: Arc::clone(self), index }.decode(limits)
    }

    /// Decodes an image: its object, the form that names it, and its name there.
    pub(super) fn image(
        self: &Arc<Self>,
        page: usize,
        (id, form, name): (Id, Option<Id>, &[u8]),
        limits: &Limits,
    ) -> Result<Luma, Reject> {
        self.keep_parsed()?;
        let named = Named::new(id, form, name);
        Image { document: Arc::clone(self), page, named }.decode(limits)
    }

    fn keep_parsed(&self) -> Result<(), Reject> {
        if self.pdf.get().is_none() {
            let pdf = unwound(guarded(|| self.parse()))?;
            let _ = self.pdf.set(pdf);
        }
        Ok(())
    }

    /// What another process needs to draw something of it.
    fn form(&self, drawing: Drawing) -> Form<'_> {
        Form::Drawing { document: &self.bytes.0, digest: self.digest, drawing }
    }

    fn parse(&self) -> Result<Pdf, Reject> {
        Pdf::new(PdfData::from(Arc::clone(&self.bytes))).map_err(|error| match error {
            LoadPdfError::Decryption(
                DecryptionError::PasswordProtected | DecryptionError::UnsupportedAlgorithm,
            ) => Refusal::Encrypted { format: NAME }.into(),
            LoadPdfError::Decryption(
                DecryptionError::MissingIDEntry | DecryptionError::InvalidEncryption,
            ) => damaged("its encryption cannot be understood"),
            LoadPdfError::Invalid => damaged("it has no pages that can be found"),
        })
    }

    /// Draws something of the document, in what is left of its time.
    fn draw<T: Send>(
        &self,
        limits: &Limits,
        work: impl Fn(&Pdf, &Turn<'_>) -> Result<T, Reject> + Sync,
    ) -> Result<T, Reject> {
        let turn = self.clock.start(limits)?;
        self.run(|pdf| work(pdf, &turn))
    }

    /// Works on the parsed document on a guarded thread. Where that panics it is done once more on a document parsed
    /// anew, since a panic leaves the locks of the old one poisoned, and another page may have been the cause.
    fn run<T: Send>(&self, work: impl Fn(&Pdf) -> Result<T, Reject> + Sync) -> Result<T, Reject> {
        if let Some(pdf) = self.pdf.get() {
            match guarded(|| work(pdf)) {
                Err(Fault::Unwound(why)) if !why.is::<Reject>() => {}
                done => return unwound(done),
            }
        }
        unwound(guarded(|| work(&self.parse()?)))
    }
}

/// What came of guarded work: its result, why it was given up, or that it panicked.
fn unwound<T>(outcome: Result<Result<T, Reject>, Fault>) -> Result<T, Reject> {
    outcome.unwrap_or_else(|fault| {
        Err(match fault {
            Fault::Unwound(why) => why.downcast().map_or_else(|_| damaged("its decoder failed"), |why| *why),
            Fault::NoThread => {
                Unreadable::Io { detail: "the system gives no more threads".to_owned() }.into()
            }
        })
    })
}

fn damaged(detail: &str) -> Reject {
    Unreadable::malformed(NAME, detail).into()
}
