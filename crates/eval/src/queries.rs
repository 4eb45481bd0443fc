//! Images to ask: read from the vault, edited, encoded as a leak would be.

use std::io::Cursor;

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageReader, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rayon::prelude::*;
use saltprint::Limits;
use saltprint_intake::{FileContent, Location};
use saltprint_synth::{Edit, collage};

use crate::progress::{Clock, Work};
use crate::seeds::{self, Choice};
use crate::treatment::Treatment;
use crate::vault::{Documents, Holding};
use crate::{EvalError, layouts};

/// JPEG quality of an edited image.
const QUALITY: u8 = 90;
/// Documents that collages are filled up with.
const NEIGHBOURS: usize = 24;
/// Fewest neighbours that make collages of the vault's own strangers; below it they are invented.
const FEWEST_NEIGHBOURS: usize = 9;
/// Neighbours are kept at the largest size that a collage shows them in.
const CELL: (u32, u32) = (640, 450);

/// Makes images to ask.
pub(crate) struct Workshop<'a> {
    limits: Limits,
    seed: u64,
    clock: &'a Clock,
    neighbours: Vec<RgbImage>,
}

impl<'a> Workshop<'a> {
    /// One that only reads.
    pub(crate) fn plain(limits: Limits, clock: &'a Clock) -> Self {
        Self::alone(limits, 0, clock)
    }

    /// One without documents to make collages with.
    pub(crate) fn alone(limits: Limits, seed: u64, clock: &'a Clock) -> Self {
        Self { limits, seed, clock, neighbours: Vec::new() }
    }

    pub(crate) fn new(documents: &Documents, limits: Limits, seed: u64, clock: &'a Clock) -> Self {
        let mut workshop = Self::alone(limits, seed, clock);
        let chosen: Vec<&Holding> = documents.strangers.iter().take(NEIGHBOURS).collect();
        workshop.neighbours = chosen
            .par_iter()
            .filter_map(|stranger| {
                let content = workshop.read(&stranger.entry.location).ok()?;
                let image = workshop.pixels(content.bytes()).ok()?;
                let fits = image.width() <= CELL.0 && image.height() <= CELL.1;
                Some(if fits { image } else { fit(image) })
            })
            .collect();
        workshop
    }

    /// Whether collages show the vault's own strangers beside the document.
    pub(crate) fn has_neighbours(&self) -> bool {
        self.neighbours.len() >= FEWEST_NEIGHBOURS
    }

    /// The bytes of one image as a leak would hold it; `None` where the file cannot be edited.
    pub(crate) fn make(&self, of: &Holding, treatment: Treatment) -> Result<Option<Vec<u8>>, EvalError> {
        let content = self.clock.time(Work::Decode, 0, || self.read(&of.entry.location))?;
        if treatment == Treatment::Stored {
            return Ok(Some(content.bytes().to_vec()));
        }
        let Ok(image) = self.clock.time(Work::Decode, 1, || self.pixels(content.bytes())) else {
            return Ok(None);
        };
        drop(content);
        let (edited, quality) = match treatment.edit() {
            None => (image, QUALITY),
            // The edit is the encoding.
            Some(Edit::Jpeg { quality }) => (image, quality),
            Some(edit) => (self.clock.time(Work::Edit, 1, || self.edit(of, edit, &image)), QUALITY),
        };
        Ok(self.clock.time(Work::Encode, 1, || encode(&edited, quality)))
    }

    fn edit(&self, of: &Holding, edit: Edit, image: &RgbImage) -> RgbImage {
        let seed =
            seeds::draw(Choice::Edit, self.seed, &[edit.name().as_bytes(), of.entry.record_id.as_bytes()]);
        if let Edit::Collage { side } = edit
            && self.has_neighbours()
        {
            return self.collage(of, usize::from(side), image);
        }
        match &of.layout {
            Some(layout) => edit.apply(image, layout, seed),
            None => edit.apply(image, &layouts::neutral(image.width(), image.height()), seed),
        }
    }

    /// One cell of a sheet of strangers.
    fn collage(&self, of: &Holding, side: usize, image: &RgbImage) -> RgbImage {
        let cells = side * side;
        let mut order: Vec<(u64, usize)> = (0..self.neighbours.len())
            .map(|neighbour| {
                let parts = [
                    of.entry.record_id.as_bytes(),
                    &[u8::try_from(side).unwrap_or(0)],
                    &neighbour.to_le_bytes(),
                ];
                (seeds::draw(Choice::Collage, self.seed, &parts), neighbour)
            })
            .collect();
        order.sort_unstable();
        // A sheet of 4 x 4 may need more neighbours than there are: then some come twice.
        let mut images: Vec<&RgbImage> =
            order.iter().cycle().take(cells - 1).map(|(_, neighbour)| &self.neighbours[*neighbour]).collect();
        let place = order.first().map_or(0, |(number, _)| number % cells as u64);
        images.insert(usize::try_from(place).unwrap_or(0), image);
        collage(&images, side, side)
    }

    pub(crate) fn read(&self, location: &Location) -> Result<FileContent, EvalError> {
        location
            .open()
            .and_then(|opened| opened.read(&self.limits))
            .map_err(|reject| EvalError::VaultChanged { reason: reject.to_string() })
    }

    /// Upright pixels in colour, under the same limits as the pipeline's own decoder.
    fn pixels(&self, bytes: &[u8]) -> Result<RgbImage, image::ImageError> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
        let mut limits = image::Limits::default();
        limits.max_image_width = Some(self.limits.side);
        limits.max_image_height = Some(self.limits.side);
        limits.max_alloc = Some(self.limits.decode_bytes);
        reader.limits(limits);
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut image = DynamicImage::from_decoder(decoder)?;
        image.apply_orientation(orientation);
        Ok(image.into_rgb8())
    }
}

fn fit(image: RgbImage) -> RgbImage {
    DynamicImage::from(image).resize(CELL.0, CELL.1, FilterType::Triangle).into_rgb8()
}

/// Encodes with 4:2:0 chroma, as phones and scanners do; `None` for sides that JPEG cannot hold.
fn encode(image: &RgbImage, quality: u8) -> Option<Vec<u8>> {
    let (width, height) = (u16::try_from(image.width()).ok()?, u16::try_from(image.height()).ok()?);
    let mut bytes = Vec::with_capacity(image.as_raw().len() / 8);
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(image.as_raw(), width, height, ColorType::Rgb).ok()?;
    Some(bytes)
}
