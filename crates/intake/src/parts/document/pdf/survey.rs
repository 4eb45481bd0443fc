//! A page read without being drawn, to know what drawing it would take.

use std::collections::HashSet;

use hayro::{
    hayro_interpret::{
        BlendMode, CacheKey as _, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, Paint,
        SoftMask,
        font::{Glyph, GlyphRun},
        pattern::{Pattern, TilingPattern},
    },
    hayro_syntax::{
        Filter,
        object::{Dict, Stream, dict::keys},
    },
    kurbo::{Affine, BezPath},
};

use super::{NAME, clock::Turn};
use crate::{Limits, Refusal, Reject, parts::document::guard::give_up};

/// Most commands that one page may draw with, each glyph of a text counted. A dense map has some 100,000, a page of small
/// print some 10,000; forms that draw each other may have any number.
const MAX_COMMANDS: u64 = 500_000;

/// How many times the pixels that one image may have ([`Limits::pixels`]) all images that a page draws may have
/// together, an image counted as often as it is drawn: it is decoded anew each time. Scans lie in three layers at most, and
/// strips and tiles of one picture are together what it would be alone.
const MAX_TIMES_PIXELS: u64 = 4;

/// Counts commands and pixels, and checks images. It gives up with a [`Reject`] where a limit is broken.
///
/// Glyphs that are drawn by commands of their own, soft masks and patterns are surveyed with what they draw; a pattern as
/// often as its tiles overlap, since that is how often a tile is drawn.
pub(super) struct Survey<'l> {
    limits: &'l Limits,
    /// Bytes that the drawn page takes.
    page_bytes: u64,
    turn: &'l Turn<'l>,
    commands: u64,
    pixels: u64,
    /// How often what is surveyed now is drawn.
    times: u64,
    /// The masks that are known: each is drawn once.
    masks: HashSet<u128>,
}

impl<'l> Survey<'l> {
    pub(super) fn new(limits: &'l Limits, page_bytes: u64, turn: &'l Turn<'l>) -> Self {
        Self { limits, page_bytes, turn, commands: 0, pixels: 0, times: 1, masks: HashSet::new() }
    }

    fn count(&mut self, commands: usize) {
        self.commands = self.commands.saturating_add(self.times.saturating_mul(commands as u64));
        allow("drawing commands on a page", self.commands, MAX_COMMANDS);
        self.turn.check().unwrap_or_else(|reject| give_up(reject));
    }

    fn count_pixels(&mut self, pixels: u64) {
        self.pixels = self.pixels.saturating_add(self.times.saturating_mul(pixels));
        let allowed = self.limits.pixels.saturating_mul(MAX_TIMES_PIXELS);
        allow("pixels of images drawn on a page", self.pixels, allowed);
    }

    fn props(&mut self, props: &DrawProps<'_>) {
        self.mask(props.soft_mask.as_ref());
        if let Paint::Pattern(pattern) = &props.paint
            && let Pattern::Tiling(pattern) = &**pattern
        {
            let before = self.times;
            self.times = before.saturating_mul(overlap(pattern));
            let _ = pattern.interpret(self, Affine::IDENTITY, false);
            self.times = before;
        }
    }

    fn mask(&mut self, mask: Option<&SoftMask<'_>>) {
        if let Some(mask) = mask
            && self.masks.insert(mask.cache_key())
        {
            mask.interpret(self);
        }
    }
}

/// Gives up where there is more than allowed.
fn allow(what: &'static str, found: u64, allowed: u64) {
    if found > allowed {
        give_up(Reject::from(Refusal::ContainerLimit { format: NAME, what, allowed }));
    }
}

/// How many copies of a pattern's cell reach into one tile, about.
fn overlap(pattern: &TilingPattern<'_>) -> u64 {
    let copies = |side: f64, step: f32| {
        let copies = (side / f64::from(step.abs())).ceil();
        // No number at all stands for the worst.
        if copies.is_nan() { u64::MAX } else { saturating(copies.max(1.0)) }
    };
    copies(pattern.bbox.width(), pattern.x_step).saturating_mul(copies(pattern.bbox.height(), pattern.y_step))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1, and it saturates")]
fn saturating(number: f64) -> u64 {
    number as u64
}

impl<'a> Device<'a> for Survey<'_> {
    fn draw_path(&mut self, _: &BezPath, props: DrawProps<'a>, _: &DrawMode) {
        self.count(1);
        self.props(&props);
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.count(1);
    }

    fn push_transparency_group(&mut self, _: f32, mask: Option<SoftMask<'a>>, _: BlendMode) {
        self.count(1);
        self.mask(mask.as_ref());
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        self.count(run.glyphs().len().max(1));
        self.props(&props);
        for positioned in run.glyphs() {
            if let Glyph::Type3(glyph) = &**positioned {
                glyph.interpret(self, props.transform, positioned.transform(), &props.paint);
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.count(1);
        self.mask(props.soft_mask.as_ref());
        let size = (image.width(), image.height());
        let stream = match &image {
            Image::Stencil(stencil) => stencil.stream(),
            Image::Raster(raster) => raster.stream(),
        };
        let checked = check_image(stream, size, self.limits).and_then(|cost| {
            self.limits.check_memory(cost.bytes.saturating_add(self.page_bytes))?;
            Ok(cost.pixels)
        });
        match checked {
            Ok(pixels) => self.count_pixels(pixels),
            Err(refusal) => give_up(Reject::from(refusal)),
        }
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

/// What decoding an image takes, with its mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) pixels: u64,
    /// Bytes of memory.
    pub(super) bytes: u64,
}

/// Checks the sides that an image and its mask state against `limits`, in the dictionary and in the data, and tells what
/// decoding them takes.
pub(super) fn check_image(stream: &Stream<'_>, size: (u32, u32), limits: &Limits) -> Result<Cost, Refusal> {
    let mask = [keys::SMASK, keys::MASK].iter().find_map(|key| stream.dict().get::<Stream<'_>>(*key));
    let mask = mask.and_then(|mask| Some((stated_size(mask.dict())?, mask)));
    let none = Cost { pixels: 0, bytes: 0 };
    let masked = mask.map_or(Ok(none), |(size, mask)| check_one(&mask, size, limits))?;
    let image = check_one(stream, size, limits)?;
    Ok(Cost {
        pixels: image.pixels.saturating_add(masked.pixels),
        bytes: image.bytes.saturating_add(masked.bytes),
    })
}

fn check_one(stream: &Stream<'_>, (width, height): (u32, u32), limits: &Limits) -> Result<Cost, Refusal> {
    let dict = stream.dict();
    let filters = stream.filters();
    let pixels = limits.check_sides(width, height)?;
    let bits = dict.get::<u32>(keys::BPC).or_else(|| dict.get(keys::BITS_PER_COMPONENT));
    let coded = match filters.last() {
        Some(Filter::CcittFaxDecode) => Some((fax_columns(dict), height)),
        Some(Filter::Jbig2Decode) if filters.len() == 1 => jbig2_size(&stream.raw_data()),
        Some(Filter::JpxDecode) if filters.len() == 1 => jpeg2000_size(&stream.raw_data()),
        _ => None,
    };
    let pixels = match coded {
        Some((width, height)) => pixels.max(limits.check_sides(width, height)?),
        None => pixels,
    };
    let bytes = match filters.last() {
        // Coefficients of 32 bits of up to four components, twice, and the samples.
        Some(Filter::JpxDecode) => 36,
        Some(Filter::CcittFaxDecode | Filter::Jbig2Decode) => 4,
        _ if bits == Some(1) => 4,
        // Up to four components, three colours, and luma.
        _ => 8,
    };
    Ok(Cost { pixels, bytes: pixels.saturating_mul(bytes) })
}

/// The sides that the dictionary of an image states.
pub(super) fn stated_size(dict: &Dict<'_>) -> Option<(u32, u32)> {
    Some((dict.get(keys::WIDTH)?, dict.get(keys::HEIGHT)?))
}

/// The width that a fax decoder is told.
fn fax_columns(dict: &Dict<'_>) -> u32 {
    use hayro::hayro_syntax::object::Array;
    let alone = dict.get::<Dict<'_>>(keys::DECODE_PARMS).or_else(|| dict.get(keys::DP));
    let params = alone.or_else(|| {
        let array = dict.get::<Array<'_>>(keys::DECODE_PARMS).or_else(|| dict.get(keys::DP))?;
        array.iter::<Dict<'_>>().last()
    });
    params.and_then(|params| params.get::<u32>(keys::COLUMNS)).unwrap_or(1728)
}

/// The sides in the page information of JBIG2 data (ITU-T T.88, 7.2 and 7.4.8), where they are found.
fn jbig2_size(data: &[u8]) -> Option<(u32, u32)> {
    const PAGE_INFORMATION: u8 = 48;
    let number = |at: usize| Some(u32::from_be_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let mut at = 0;
    loop {
        let segment = number(at)?;
        let flags = *data.get(at + 4)?;
        let referred = *data.get(at + 5)? >> 5;
        let (count, header) = if referred == 7 {
            let count = number(at + 5)? & 0x1fff_ffff;
            (count, 4 + (u64::from(count) + 1).div_ceil(8))
        } else {
            (referred.into(), 1)
        };
        let width_of_number = if segment <= 256 {
            1
        } else if segment <= 65_536 {
            2
        } else {
            4
        };
        let page = if flags & 0x40 == 0 { 1 } else { 4 };
        let after = 5 + header + u64::from(count) * width_of_number + page;
        let length_at = at.checked_add(usize::try_from(after).ok()?)?;
        let body = length_at + 4;
        if flags & 0x3f == PAGE_INFORMATION {
            let height = number(body + 4)?;
            // An unknown height is found out while decoding.
            return Some((number(body)?, if height == u32::MAX { 1 } else { height }));
        }
        at = body.checked_add(usize::try_from(number(length_at)?).ok()?)?;
    }
}

/// The sides in the header of a JPEG 2000 codestream (ITU-T T.800, A.5.1), bare or in a file.
fn jpeg2000_size(data: &[u8]) -> Option<(u32, u32)> {
    let at = data.windows(4).position(|bytes| bytes == [0xff, 0x4f, 0xff, 0x51])?;
    let number = |offset: usize| {
        let start = at + offset;
        Some(u32::from_be_bytes(data.get(start..start + 4)?.try_into().ok()?))
    };
    let width = number(8)?.checked_sub(number(16)?)?;
    Some((width, number(12)?.checked_sub(number(20)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_in_coded_data() {
        let jpeg2000 = [
            b"jp2c\xff\x4f\xff\x51\0\x2f\0\0".as_slice(),
            &70_000_u32.to_be_bytes(),
            &9_u32.to_be_bytes(),
            &10_u32.to_be_bytes(),
            &[0; 4],
        ]
        .concat();
        assert_eq!(jpeg2000_size(&jpeg2000), Some((69_990, 9)));
        assert_eq!(jpeg2000_size(&jpeg2000[..20]), None);

        let globals = b"\0\0\0\0\x00\x00\x01\0\0\0\x02ab";
        let page =
            [b"\0\0\0\x01\x30\0\x01\0\0\0\x13".as_slice(), &[0, 1, 0, 0, 0, 0, 2, 0], &[0; 11]].concat();
        let data = [globals.as_slice(), &page].concat();
        assert_eq!(jbig2_size(&data), Some((65_536, 512)));
        assert_eq!(jbig2_size(&data[..20]), None);
        assert_eq!(jbig2_size(&[0xff; 64]), None);
    }
}
