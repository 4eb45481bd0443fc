//! Reading an image where a record says that something should be.
//!
//! A copy shows what its record shows, but whether the same blob is *found* in it hangs on noise, scale and compression.
//! Once the place of the record in the image is known, nothing needs to be found: the neighbourhoods that the record's
//! codes were made of are sampled through the record's own transform, tilted and mirrored as they are.

use std::sync::Arc;

use zeroize::Zeroize as _;

use super::{
    LocalCode, LocalCoder,
    descriptor::Describer,
    resize::{LEVEL, Plane},
    scale_space::{BASE_SIGMA, INTERVALS, ScaleSpace},
};

/// Least blur of a view, as a share of that of the finest image: below, the image has lost what is asked for.
const FINEST: f32 = 0.8;
/// Greatest blur of a view, in samples of the image that it is read from.
const COARSEST: f32 = 12.0;
/// How much longer than its blur a view may be.
const SLANT: f32 = 4.0;
/// How far what a code describes reaches, in terms of the keypoint's size: half the sides of five cells of three, less what hardly counts.
const REACH: i16 = 6;
/// Luma below which an even area may be a cover, in levels of 255. Black is 0; a photograph or less contrast makes it brighter.
const DARK: u16 = 64;
/// How far from each other the samples of an even area are at most, in levels.
const EVEN: u16 = 4;
/// Samples on each side of one that are asked whether its surroundings are even.
const AROUND: usize = 2;
/// Share of a neighbourhood from which on a cover changes what is read there.
const COVERED: f32 = 0.03;

/// Where a keypoint of a record should be in a leaked image, in frame units of that image.
///
/// `Debug` shows the type name only.
#[derive(Clone, Copy, PartialEq)]
pub struct View {
    /// Centre: right of the image's left border.
    pub x: f32,
    /// Centre: below the image's upper border.
    pub y: f32,
    /// What becomes of the keypoint's size along its direction: right and down.
    pub along: (f32, f32),
    /// What becomes of its size along a quarter turn from its direction, from +x towards +y in the record; in a mirrored
    /// image that is on the other side.
    pub across: (f32, f32),
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("View")
    }
}

/// A leaked image in its octaves, which any number of readers share. Made by [`Coder::query_and_scales`](crate::Coder::query_and_scales);
/// holds 11 bytes a pixel of the resampled image, wiped on drop.
#[derive(Clone)]
pub struct Scales(Arc<ScaleSpace>);

impl Scales {
    pub(crate) fn new(image: ScaleSpace) -> Self {
        Self(Arc::new(image))
    }
}

impl std::fmt::Debug for Scales {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scales")
    }
}

/// The scale space of a leaked image, from which codes are read at given places. Made by
/// [`Coder::reader`](crate::Coder::reader) and [`Coder::fine`](crate::Coder::fine), which hold 11 bytes a pixel of the resampled image, wiped on drop, or by
/// [`Coder::reader_of`](crate::Coder::reader_of).
pub struct Reader<'c> {
    coder: &'c LocalCoder,
    describer: Describer,
    image: Scales,
    /// Samples of the finest image a frame unit, across and down.
    scale: (f32, f32),
}

impl<'c> Reader<'c> {
    pub(crate) fn new(coder: &'c LocalCoder, image: Scales) -> Self {
        let ScaleSpace { samples, size, .. } = &*image.0;
        let scale = (samples.0 / size.0, samples.1 / size.1);
        Self { coder, describer: Describer::new(), image, scale }
    }

    /// Whether something black and even lies on a part of what the code at `view` describes, as on a blacked out field: a thirtieth of it or more.
    ///
    /// What is black by itself looks the same in a copy, so this says something of a code that differs only.
    pub fn is_covered(&self, view: &View) -> bool {
        let in_samples = |(right, down): (f32, f32)| (right * self.scale.0, down * self.scale.1);
        let (along, across) = (in_samples(view.along), in_samples(view.across));
        let (x, y) = in_samples((view.x, view.y));
        let Some(plane) = self.image.0.octaves.first().map(|octave| &octave.levels[0]) else { return false };
        let places = || (-REACH..=REACH).map(f32::from);
        let points = places().flat_map(|first| places().map(move |second| (first, second)));
        let covers = points.filter(|(first, second)| {
            let at = (x + first * along.0 + second * across.0, y + first * along.1 + second * across.1);
            is_black(plane, at)
        });
        let all = f32::from(2 * REACH + 1);
        covers.count() as f32 >= COVERED * all * all
    }

    /// The code at `view`. `None` where its centre is outside the image, or the image cannot show things of that size:
    /// too small for its resolution, for its coarsest blur too large, or seen nearly from the side.
    pub fn read(&mut self, view: &View) -> Option<LocalCode> {
        let in_samples = |(right, down): (f32, f32)| (right * self.scale.0, down * self.scale.1);
        let (along, across) = (in_samples(view.along), in_samples(view.across));
        let ScaleSpace { octaves, size, .. } = &*self.image.0;
        let inside = (0.0..=size.0).contains(&view.x) && (0.0..=size.1).contains(&view.y);
        // The blob's size, by its area. One that is no number is refused as well.
        let blur = (along.0 * across.1 - along.1 * across.0).abs().sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "1.6")]
        let base = BASE_SIGMA as f32;
        let length = |(right, down): (f32, f32)| libm::hypotf(right, down);
        let longest = if length(along) > length(across) { length(along) } else { length(across) };
        let shown = inside && blur.is_finite() && blur >= FINEST * base && longest <= SLANT * blur;
        if !shown {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "below 60: a logarithm, at least 0"
        )]
        let steps = (libm::log2f(blur / base) * INTERVALS as f32).round().max(0.0) as usize;
        // An octave's last image has twice the blur of its first, and so that of the next octave's first: the finer one
        // is read.
        let octave = (steps.saturating_sub(1) / INTERVALS).min(octaves.len().checked_sub(1)?);
        let level = (steps - octave * INTERVALS).min(INTERVALS);
        let shrink = 1.0 / (1_u32 << octave.min(31)) as f32;
        if blur * shrink > COARSEST {
            return None;
        }
        let plane = &octaves.get(octave)?.levels[level];
        let shrunk = |(right, down): (f32, f32)| (right * shrink, down * shrink);
        // Sample 0 has its centre half a pixel from the image's corner.
        let (x, y) = in_samples((view.x, view.y));
        let centre = shrunk((x - 0.5, y - 0.5));
        let mut descriptor = self.describer.describe_view(centre, shrunk(along), shrunk(across), plane);
        let code = self.coder.plain_code(&descriptor);
        descriptor.zeroize();
        Some(code)
    }
}

/// Whether a place is dark, and all around it as dark; not outside.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be inside")]
fn is_black(plane: &Plane, (x, y): (f32, f32)) -> bool {
    let inside = (0.0..plane.width() as f32).contains(&x) && (0.0..plane.height() as f32).contains(&y);
    if !inside {
        return false;
    }
    let (x, y) = (x as usize, y as usize);
    if plane.row(y)[x] >= DARK * LEVEL {
        return false;
    }
    let columns = x.saturating_sub(AROUND)..(x + AROUND + 1).min(plane.width());
    let rows = y.saturating_sub(AROUND)..(y + AROUND + 1).min(plane.height());
    let (mut least, mut most) = (u16::MAX, 0);
    for sample in rows.flat_map(|row| &plane.row(row)[columns.clone()]) {
        least = least.min(*sample);
        most = most.max(*sample);
    }
    most - least <= EVEN * LEVEL
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

#[cfg(test)]
mod tests;
