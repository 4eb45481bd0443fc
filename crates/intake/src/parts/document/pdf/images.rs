//! The images in a PDF: which there are on a page, and how one is decoded.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use blake3::Hash;
use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image as DrawnImage, ImageData,
        ImageDrawProps, InterpreterCache, InterpreterSettings, LumaData, SoftMask, font::GlyphRun, interpret,
    },
    hayro_syntax::{
        Filter, Pdf,
        content::TypedIter,
        object::{Array, Dict, Name, Object, ObjectIdentifier, Stream, dict::keys},
        page::{Page, Resources},
    },
    kurbo::{Affine, BezPath, Rect},
};
use image::ColorType;
use saltprint_fingerprint::Luma;
use zeroize::Zeroizing;

use super::{
    Document, NAME, damaged,
    survey::{check_image, stated_size},
};
use crate::{
    Limits, Refusal, Reject, Unreadable,
    decode::to_luma,
    parts::{Drawing, Form, Lazy},
};

/// Shortest side of an image that is a part, in pixels. Below it there are logos, rules and spacers; no document of an
/// identity can be read at that size.
const MIN_SIDE: u32 = 64;

/// How deep forms may lie in each other to be searched for images.
const MAX_DEPTH: u32 = 16;

/// An image that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A JPEG as it would lie in a file of its own.
    Jpeg(ObjectIdentifier),
    /// Any other coding, or a JPEG that the PDF says to read in another way.
    Other(Named),
}

/// An image with the name by which it is drawn, so that it is found again without a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    id: ObjectIdentifier,
    /// The form whose resources name it; `None` for those of the page.
    form: Option<ObjectIdentifier>,
    name: Vec<u8>,
}

/// Which images, forms and dictionaries have been seen in a document.
#[derive(Default)]
pub(super) struct Images {
    streams: HashSet<ObjectIdentifier>,
    /// Digests of resource dictionaries. Equal bytes refer to equal objects.
    dictionaries: HashSet<Hash>,
}

impl Images {
    /// The images on `page` that are not known yet, and all that is to be known after it.
    ///
    /// They are those that the resources name, in the order of their names, before those of the forms and patterns
    /// among them, and of the annotations; drawn or not. Images that are written into the commands of the page itself
    /// have no object and are no parts: they are on the drawn page.
    pub(super) fn on(&self, page: &Page<'_>) -> (Vec<Found>, Self) {
        let mut search = Search { known: self, new: Self::default(), found: Vec::new(), form: None };
        search.page(page);
        (search.found, search.new)
    }

    pub(super) fn learn(&mut self, new: Self) {
        self.streams.extend(new.streams);
        self.dictionaries.extend(new.dictionaries);
    }
}

struct Search<'k> {
    known: &'k Images,
    new: Images,
    found: Vec<Found>,
    /// The form whose resources are searched.
    form: Option<ObjectIdentifier>,
}

impl Search<'_> {
    fn page<'a>(&mut self, page: &Page<'a>) {
        self.resources(page.resources(), 0);
        let annotations = page.raw().get::<Array<'a>>(keys::ANNOTS);
        for annotation in annotations.iter().flat_map(Array::iter::<Dict<'a>>) {
            let appearance =
                annotation.get::<Dict<'a>>(keys::AP).and_then(|ap| ap.get::<Object<'a>>(keys::N));
            match appearance {
                Some(Object::Stream(form)) => self.form(&form, page.resources(), 0),
                Some(Object::Dict(states)) => {
                    for name in sorted_names(&states) {
                        if let Some(form) = states.get::<Stream<'a>>(&name) {
                            self.form(&form, page.resources(), 0);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn resources<'a>(&mut self, resources: &Resources<'a>, depth: u32) {
        let mut forms = Vec::new();
        if self.is_new_dictionary(&resources.x_objects) {
            for name in sorted_names(&resources.x_objects) {
                let Some(stream) = resources.x_objects.get::<Stream<'a>>(&name) else { continue };
                match stream.dict().get::<Name<'a>>(keys::SUBTYPE).as_deref() {
                    Some(keys::IMAGE) => self.image(&stream, &name),
                    Some(keys::FORM) => forms.push(stream),
                    _ => {}
                }
            }
        }
        if self.is_new_dictionary(&resources.patterns) {
            forms.extend(
                sorted_names(&resources.patterns)
                    .iter()
                    .filter_map(|name| resources.patterns.get::<Stream<'a>>(name)),
            );
        }
        for form in forms {
            self.form(&form, resources, depth);
        }
    }

    fn form<'a>(&mut self, form: &Stream<'a>, around: &Resources<'a>, depth: u32) {
        if depth >= MAX_DEPTH || !self.is_new_stream(form.obj_id()) {
            return;
        }
        match form.dict().get::<Dict<'a>>(keys::RESOURCES) {
            Some(own) => {
                let outer = self.form.replace(form.obj_id());
                self.resources(&Resources::new(own), depth + 1);
                self.form = outer;
            }
            None => self.resources(around, depth + 1),
        }
    }

    fn image(&mut self, stream: &Stream<'_>, name: &[u8]) {
        let id = stream.obj_id();
        let large = stated_size(stream.dict()).is_some_and(|(width, height)| width.min(height) >= MIN_SIDE);
        if large && self.is_new_stream(id) {
            self.found.push(if is_plain_jpeg(stream) {
                Found::Jpeg(id)
            } else {
                Found::Other(Named { id, form: self.form, name: name.to_vec() })
            });
        }
    }

    fn is_new_stream(&mut self, id: ObjectIdentifier) -> bool {
        !self.known.streams.contains(&id) && self.new.streams.insert(id)
    }

    fn is_new_dictionary(&mut self, dict: &Dict<'_>) -> bool {
        if dict.is_empty() {
            return false;
        }
        let digest = blake3::hash(dict.data());
        !self.known.dictionaries.contains(&digest) && self.new.dictionaries.insert(digest)
    }
}

/// The keys of a dictionary, whose own order differs from run to run.
fn sorted_names(dict: &Dict<'_>) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = dict.keys().map(|name| name.to_vec()).collect();
    names.sort_unstable();
    names
}

/// Whether the stream is a JPEG that shows the same in a file of its own: no other filter, grey or three colours, no
/// mask, no change of its values.
fn is_plain_jpeg(stream: &Stream<'_>) -> bool {
    let dict = stream.dict();
    let changed = [keys::SMASK, keys::MASK, keys::SMASK_IN_DATA].iter().any(|key| dict.contains_key(*key))
        || dict.get::<bool>(keys::IMAGE_MASK) == Some(true)
        || dict.get::<Array<'_>>(keys::DECODE).is_some_and(|array| !is_default(&array));
    let transform = |params: Dict<'_>| params.contains_key(keys::COLOR_TRANSFORM);
    let transformed = dict.get::<Dict<'_>>(keys::DECODE_PARMS).is_some_and(transform)
        || dict.get::<Array<'_>>(keys::DECODE_PARMS).is_some_and(|all| all.iter::<Dict<'_>>().any(transform));
    stream.filters().as_slice() == [Filter::DctDecode] && !changed && !transformed && is_grey_or_rgb(dict)
}

/// Whether a `Decode` array says what holds without it.
fn is_default(decode: &Array<'_>) -> bool {
    decode
        .iter::<f32>()
        .zip([0.0, 1.0].into_iter().cycle())
        .all(|(value, default): (f32, f32)| (value - default).abs() <= f32::EPSILON)
}

fn is_grey_or_rgb(dict: &Dict<'_>) -> bool {
    const PLAIN: [&[u8]; 4] = [keys::DEVICE_GRAY, keys::DEVICE_RGB, keys::CALGRAY, keys::CALRGB];
    match dict.get::<Object<'_>>(keys::COLORSPACE) {
        None => true,
        Some(Object::Name(name)) => PLAIN.contains(&&*name),
        Some(Object::Array(array)) => {
            let mut items = array.iter::<Object<'_>>();
            match items.next() {
                Some(Object::Name(name)) if *name == *keys::ICC_BASED => {
                    let profile = items.next().and_then(Object::into_stream);
                    profile
                        .and_then(|profile| profile.dict().get::<u32>(keys::N))
                        .is_some_and(|n| n == 1 || n == 3)
                }
                Some(Object::Name(name)) => PLAIN.contains(&&*name),
                _ => false,
            }
        }
        Some(_) => false,
    }
}

/// The bytes of an image that [`is_plain_jpeg`].
pub(super) fn jpeg(pdf: &Pdf, id: ObjectIdentifier) -> Result<Vec<u8>, Reject> {
    let stream = pdf.xref().get::<Stream<'_>>(id).ok_or_else(|| damaged("an image of it is not there"))?;
    Ok(stream.raw_data().into_owned())
}

/// An image in a document that is no plain JPEG.
pub(super) struct Image {
    pub(super) document: Arc<Document>,
    /// The page that it was found on, from 0.
    pub(super) page: usize,
    pub(super) named: Named,
}

impl Lazy for Image {
    fn identity(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.drawing().identity(&self.document.digest))
    }

    fn decode(&self, limits: &Limits) -> Result<Luma, Reject> {
        self.document.draw(limits, |pdf, _| {
            let page = pdf.pages().get(self.page).ok_or_else(|| damaged("a page of it is not there"))?;
            decode(page, &self.named, limits)
        })
    }

    fn form(&self) -> Form<'_> {
        self.document.form(self.drawing())
    }
}

impl Image {
    fn drawing(&self) -> Drawing {
        let Named { id, form, name } = &self.named;
        Drawing::PdfImage {
            page: self.page,
            id: (id.obj_number, id.gen_number),
            form: form.map(|form| (form.obj_number, form.gen_number)),
            name: name.clone(),
        }
    }
}

impl Named {
    /// The image that a drawing tells.
    pub(super) fn new(id: (u32, i32), form: Option<(u32, i32)>, name: &[u8]) -> Self {
        let identifier = |(number, generation)| ObjectIdentifier::new(number, generation);
        Self { id: identifier(id), form: form.map(identifier), name: name.to_vec() }
    }
}

/// Decodes an image by a page that consists of the command to draw it, on a device that takes its samples.
fn decode(page: &Page<'_>, named: &Named, limits: &Limits) -> Result<Luma, Reject> {
    let not_there = || damaged("an image of it is not there");
    let own = match named.form {
        None => None,
        Some(form) => {
            let form = page.xref().get::<Stream<'_>>(form).ok_or_else(not_there)?;
            Some(Resources::new(form.dict().get::<Dict<'_>>(keys::RESOURCES).ok_or_else(not_there)?))
        }
    };
    let resources = own.as_ref().unwrap_or(page.resources());
    let stream = resources.x_objects.get::<Stream<'_>>(&named.name).ok_or_else(not_there)?;
    let size = stated_size(stream.dict()).ok_or_else(not_there)?;
    limits.check_memory(check_image(&stream, size, limits)?.bytes)?;

    let command = draw_command(&named.name);
    let cache = InterpreterCache::new();
    let unit = Rect::new(0.0, 0.0, 1.0, 1.0);
    let settings = InterpreterSettings::default();
    let mut context = Context::new(Affine::IDENTITY, unit, &cache, page.xref(), settings);
    let mut samples = Samples(None);
    interpret(TypedIter::new(&command), resources, &mut context, &mut samples);
    let (width, height, pixels) = samples
        .0
        .ok_or_else(|| damaged("an image of it cannot be decoded, or is on a layer that is not shown"))??;
    limits.check_sides(width, height)?;
    Luma::new(width, height, pixels).map_err(|error| Unreadable::malformed(NAME, &error.to_string()).into())
}

/// The command that draws the object `name`, with every byte of the name escaped (ISO 32000-1, 7.3.5).
fn draw_command(name: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut command = b"/".to_vec();
    for &byte in name {
        command.extend([b'#', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    command.extend_from_slice(b" Do\n");
    command
}

/// Width, height and samples.
type Raw = (u32, u32, Vec<u8>);

/// Takes the luma of the one image that is drawn.
struct Samples(Option<Result<Raw, Refusal>>);

impl<'a> Device<'a> for Samples {
    fn draw_image(&mut self, image: DrawnImage<'a, '_>, _: ImageDrawProps<'a>) {
        match image {
            // Paint lies where the mask is 255: black on white.
            DrawnImage::Stencil(stencil) => stencil.with_stencil(
                |mut mask, _| {
                    mask.data.iter_mut().for_each(|value| *value = 255 - *value);
                    self.0 = Some(Ok((mask.width, mask.height, mask.data)));
                },
                None,
            ),
            DrawnImage::Raster(raster) => raster.with_rgba(
                |colours, alpha| {
                    let (width, height) = (colours.width(), colours.height());
                    self.0 = Some(luma(colours, alpha.as_ref()).map(|pixels| (width, height, pixels)));
                },
                None,
            ),
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

/// Luma over white. A mask of another size than the image is brought to it by the nearest sample.
fn luma(colours: ImageData, alpha: Option<&LumaData>) -> Result<Vec<u8>, Refusal> {
    let (width, height) = (colours.width(), colours.height());
    let (samples, layout) = match colours {
        ImageData::Rgb(rgb) => (rgb.data, ColorType::Rgb8),
        ImageData::Luma(luma) => (luma.data, ColorType::L8),
    };
    let mut luma = to_luma(Zeroizing::new(samples), layout)
        .ok_or_else(|| Refusal::unsupported(NAME, "the layout of colours of an image"))?;
    if let Some(alpha) = alpha {
        let (across, down) = (alpha.width as usize, alpha.height as usize);
        for (y, row) in luma.chunks_exact_mut(width as usize).enumerate() {
            let from = y * down / height as usize * across;
            for (x, value) in row.iter_mut().enumerate() {
                let opacity = alpha.data.get(from + x * across / width as usize).copied().unwrap_or(255);
                *value = over_white(*value, opacity);
            }
        }
    }
    Ok(luma)
}

fn over_white(value: u8, opacity: u8) -> u8 {
    let (value, opacity) = (u32::from(value), u32::from(opacity));
    // A weighted mean of two bytes.
    ((value * opacity + 255 * (255 - opacity) + 127) / 255).min(255) as u8
}
