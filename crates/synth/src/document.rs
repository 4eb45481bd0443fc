//! A document: a person printed onto a template and taken by a scanner or a camera.

use image::RgbImage;

use crate::capture::{Exposure, Medium};
use crate::error::Error;
use crate::jpeg;
use crate::person::Person;
use crate::plane::Rect;
use crate::rng;
use crate::template::{self, Sheet, Template};

/// Where the parts of a document lie in its image, in pixels; what reaches beyond the image is clipped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// The document itself.
    pub document: Rect,
    /// The main portrait, where the template has one.
    pub portrait: Option<Rect>,
    /// Everything personal that is not the portrait: values, MRZ lines, signature, bar code.
    pub fields: Vec<Rect>,
}

impl Layout {
    /// The smallest rectangle that holds all fields.
    pub fn text_block(&self) -> Option<Rect> {
        self.fields.iter().copied().reduce(Rect::union)
    }
}

/// An invented document as a vault would hold it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Document {
    /// Its design.
    pub template: Template,
    /// Whose it is.
    pub person: Person,
    /// How it was taken.
    pub medium: Medium,
    /// The picture before compression, at least half a megapixel.
    pub image: RgbImage,
    /// Where its parts lie.
    pub layout: Layout,
    /// The JPEG quality that [`Document::encode`] uses, 75..=95.
    pub quality: u8,
}

impl Document {
    /// The document of the person with `seed`.
    ///
    /// ```
    /// use saltprint_synth::{Document, Template};
    ///
    /// let document = Document::new(Template::Passport, 7);
    /// assert!(document.image.width() * document.image.height() > 500_000);
    /// assert!(document.layout.portrait.is_some());
    /// ```
    #[must_use]
    pub fn new(template: Template, seed: u64) -> Self {
        Self::new_take(template, seed, rng::mix(seed ^ 0x7461_6b65))
    }

    /// Another photograph of the same document: what is printed depends on `person_seed` only; position,
    /// light, sharpness, noise and compression depend on `capture_seed`. For selfies too the scene stays and
    /// the exposure changes.
    #[must_use]
    pub fn new_take(template: Template, person_seed: u64, capture_seed: u64) -> Self {
        let person = Person::invent(person_seed);
        let sheet = template.print(&person);
        Self::taken(template, person, sheet, capture_seed)
    }

    /// Another selfie of the same person: the face follows from `person_seed`; room, light, pose, clothes and framing
    /// from `sitting_seed`; the rest from `capture_seed`, as in [`Document::new_take`].
    ///
    /// ```
    /// use saltprint_synth::Document;
    ///
    /// let (one, other) = (Document::new_selfie(7, 1, 1), Document::new_selfie(7, 2, 2));
    /// assert_eq!(one.person, other.person);
    /// assert_ne!(one.image, other.image);
    /// ```
    #[must_use]
    pub fn new_selfie(person_seed: u64, sitting_seed: u64, capture_seed: u64) -> Self {
        let person = Person::invent(person_seed);
        let sheet = template::selfie(&person, rng::mix(sitting_seed));
        Self::taken(Template::Selfie, person, sheet, capture_seed)
    }

    fn taken(template: Template, person: Person, sheet: Sheet, capture_seed: u64) -> Self {
        let (zoom, bleed) = template.enlargement();
        let seed = capture_seed ^ rng::mix(template.number());
        let exposure = Exposure::draw((sheet.canvas.width, sheet.canvas.height), zoom, bleed, seed);
        let forward = exposure.forward(&sheet.canvas);
        let (width, height) = (exposure.size.0 as u32, exposure.size.1 as u32);
        let place = |area: [f32; 4]| Rect::clipped(forward.bounds(area), width, height);
        let whole = [0.0, 0.0, sheet.canvas.width as f32, sheet.canvas.height as f32];
        let layout = Layout {
            document: place(whole).unwrap_or(Rect { x: 0, y: 0, width, height }),
            portrait: sheet.layout.portrait.and_then(place),
            fields: sheet.layout.fields.iter().copied().filter_map(place).collect(),
        };
        let image = exposure.take(sheet.canvas, template.corner());
        Self { template, person, medium: exposure.medium, image, layout, quality: exposure.quality }
    }

    /// The stored JPEG file.
    ///
    /// # Errors
    /// Never for images that this crate made; the encoder refuses sides of 0 and over 65,535 pixels.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        jpeg::encode(&self.image, self.quality)
    }
}
