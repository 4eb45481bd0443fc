//! The local features of an image, from pixels to descriptors.

use rayon::prelude::*;
use zeroize::Zeroize;

use crate::luma::Luma;

use super::{
    descriptor::{DESCRIPTOR_SIZE, Describer},
    keypoint::{Blob, Compass, Keypoint, find_blobs},
    resize::{Plane, Scratch},
    scale_space::{LEVELS, Octave, ScaleSpace, frame_size},
};

/// Images with a shorter side have no features: nothing in them can be told apart.
const SMALLEST_SIDE: u32 = 16;
/// Longer side, in pixels, at which sizes are compared with [`LARGEST_COUNTED`].
const REFERENCE_SIDE: f32 = 640.0;
/// Diameter from which a feature is not preferred for its size any more, in pixels at [`REFERENCE_SIDE`].
const LARGEST_COUNTED: f32 = 24.0;

/// Which threads work on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// The one that asks: where there are other images, each has one. A thread that waited for others there would begin with another
    /// image meanwhile, and hold both.
    Own,
    /// Those of the current rayon pool. The result is the same. A thread that waits may take up other work of the pool: where several
    /// images are asked like this at the same time, it may hold more than one.
    Pool,
}

impl Threads {
    /// Fewest items of a task, where `least` of them are worth one.
    pub(crate) fn a_task(self, least: usize) -> usize {
        match self {
            Self::Own => usize::MAX,
            Self::Pool => least,
        }
    }
}

/// Blobs whose directions are looked for before it is counted whether there are enough.
const BLOBS_A_ROUND: usize = 256;
/// Fewest blobs, or features, that are worth a task.
const LEAST_A_TASK: usize = 48;

/// What is looked for and how much of it is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Settings {
    /// The image is resampled so that its longer side has this many pixels, 1 to 8192; it grows at most twofold.
    pub(crate) long_side: u32,
    /// Most features kept.
    pub(crate) keep: usize,
    /// Least contrast of a blob: the difference of Gaussians for luma 0 to 1 times the 3 scales an octave, so 0.02 is a
    /// difference of 1/150.
    pub(crate) contrast: f32,
    /// Largest ratio of a blob's two curvatures, above 1; longer ones are edges.
    pub(crate) edge_ratio: f32,
    /// Cells along the longer side that have their turn one after the other, 1 to 255; with 1 the strongest of all are kept.
    pub(crate) cells: u8,
}

#[cfg(test)]
impl Default for Settings {
    fn default() -> Self {
        Self { long_side: 640, keep: 400, contrast: 0.02, edge_ratio: 10.0, cells: 1 }
    }
}

/// Features, strongest first. Wiped on drop; never leaves the crate.
#[derive(Default)]
pub(crate) struct LocalFeatures {
    /// Of the image, in frame units: the longer side is [`super::FRAME`].
    pub(crate) width: f32,
    /// Of the image, in frame units: the longer side is [`super::FRAME`].
    pub(crate) height: f32,
    /// Where the features are.
    pub(crate) keypoints: Vec<Keypoint>,
    /// Contrast times diameter: how likely each feature is to survive copying. Falling.
    pub(crate) strengths: Vec<f32>,
    /// What they look like; see [`super::descriptor`].
    pub(crate) descriptors: Vec<[u8; DESCRIPTOR_SIZE]>,
}

impl LocalFeatures {
    /// Finds and describes the strongest features.
    pub(crate) fn extract(image: &Luma, settings: &Settings) -> Self {
        Self::with_scale_space(image, settings, Threads::Own).0
    }

    /// The same and what they were found in; `None` for images in which nothing is looked for.
    pub(crate) fn with_scale_space(
        image: &Luma,
        settings: &Settings,
        threads: Threads,
    ) -> (Self, Option<ScaleSpace>) {
        let mut features = Self::default();
        (features.width, features.height) = frame_size(image);
        if image.width().min(image.height()) < SMALLEST_SIDE {
            return (features, None);
        }
        let mut blobs = Vec::new();
        let mut find = |octave, levels: [&Plane; LEVELS]| {
            for found in find_blobs(octave, levels, settings.contrast, settings.edge_ratio, threads) {
                blobs.extend_from_slice(&found.0);
            }
        };
        let space = ScaleSpace::new(image, settings.long_side, Some(&mut find));
        let (columns, rows) = space.samples;
        let mut ranked = rank(blobs, columns.max(rows));
        if settings.cells > 1 {
            take_turns(&mut ranked.0, columns.max(rows), settings.cells);
        }
        let scale = (features.width / columns, features.height / rows);
        features.describe(&ranked.0, &space.octaves, scale, settings.keep, threads);
        (features, Some(space))
    }

    /// Adds features for `blobs` until there are `keep`; `scale` is a resampled pixel in frame units.
    fn describe(
        &mut self,
        blobs: &[Ranked],
        octaves: &[Octave],
        scale: (f32, f32),
        keep: usize,
        threads: Threads,
    ) {
        let expected = keep.min(2 * blobs.len());
        // Room for all at once: a vector that grows leaves its old contents behind.
        self.keypoints.reserve_exact(expected);
        self.strengths.reserve_exact(expected);
        let level_of =
            |blob: &Blob| octaves.get(blob.octave).and_then(|octave| octave.levels.get(blob.level));
        let mut blob_of: Vec<&Blob> = Vec::with_capacity(expected);
        for round in blobs.chunks(BLOBS_A_ROUND) {
            let directions = round.par_iter().with_min_len(threads.a_task(LEAST_A_TASK)).map_init(
                Compass::new,
                |compass, one| {
                    level_of(&one.blob).map_or([None; 2], |level| compass.directions(&one.blob, level))
                },
            );
            let directions: Scratch<[Option<f32>; 2]> = Scratch(directions.collect());
            for (Ranked { strength, blob, .. }, angles) in round.iter().zip(&directions.0) {
                let unit = pixels_a_sample(blob);
                for angle in angles.iter().flatten().take(keep - self.keypoints.len()) {
                    self.keypoints.push(Keypoint {
                        // Sample 0 has its centre half a pixel from the image's corner.
                        x: (blob.x * unit + 0.5) * scale.0,
                        y: (blob.y * unit + 0.5) * scale.1,
                        size: blob.sigma * unit * if scale.0 < scale.1 { scale.0 } else { scale.1 },
                        angle: *angle,
                    });
                    self.strengths.push(*strength);
                    blob_of.push(blob);
                }
            }
            if self.keypoints.len() >= keep {
                break;
            }
        }
        let described = blob_of.par_iter().zip(&self.keypoints).with_min_len(threads.a_task(LEAST_A_TASK));
        self.descriptors = described
            .map_init(Describer::new, |describer, (blob, keypoint)| match level_of(blob) {
                Some(level) => describer.describe(blob, keypoint.angle, level),
                None => [0; DESCRIPTOR_SIZE],
            })
            .collect();
    }
}

impl Drop for LocalFeatures {
    fn drop(&mut self) {
        for keypoint in &mut self.keypoints {
            *keypoint = Keypoint { x: 0.0, y: 0.0, size: 0.0, angle: 0.0 };
        }
        zeroize::optimization_barrier(self.keypoints.as_slice());
        self.strengths.zeroize();
        self.descriptors.as_mut_slice().fill([0; DESCRIPTOR_SIZE]);
        zeroize::optimization_barrier(self.descriptors.as_slice());
    }
}

impl std::fmt::Debug for LocalFeatures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalFeatures")
    }
}

/// A blob and how likely it is to survive copying.
#[derive(Clone, Copy, Default)]
struct Ranked {
    strength: f32,
    blob: Blob,
    /// Its place among those of its cell.
    turn: u32,
}

/// Sorts blobs: strong and coarse first, as those survive when the image is made smaller. `side` is the longer side
/// of the resampled image.
fn rank(blobs: Vec<Blob>, side: f32) -> Scratch<Ranked> {
    let blobs = Scratch(blobs);
    let ranked = blobs.0.iter().map(|blob| {
        let diameter = 2.0 * blob.sigma * pixels_a_sample(blob) * (REFERENCE_SIDE / side);
        let counted = if diameter < LARGEST_COUNTED { diameter } else { LARGEST_COUNTED };
        Ranked { strength: blob.response * counted, blob: *blob, turn: 0 }
    });
    let mut ranked = Scratch(ranked.collect::<Vec<_>>());
    ranked.0.sort_unstable_by(by_strength);
    // Two extrema may have moved to the same sample.
    ranked.0.dedup_by(|a, b| a.blob == b.blob);
    ranked
}

/// Falling, and in one order only.
fn by_strength(a: &Ranked, b: &Ranked) -> std::cmp::Ordering {
    let place = |blob: &Blob| (blob.octave, blob.level);
    (b.strength.total_cmp(&a.strength))
        .then(a.blob.y.total_cmp(&b.blob.y))
        .then(a.blob.x.total_cmp(&b.blob.x))
        .then(a.blob.sigma.total_cmp(&b.blob.sigma))
        .then(place(&a.blob).cmp(&place(&b.blob)))
}

/// Brings blobs that are sorted by strength into an order in which the strongest of each cell come first, then the second ones, and
/// so on. `side` is the longer side of the resampled image.
///
/// A chequered cloth has thousands of corners, all stronger than the print of a document that lies on it.
fn take_turns(ranked: &mut [Ranked], side: f32, cells: u8) {
    let count = usize::from(cells);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` maps what is outside to the ends"
    )]
    let cell = |at: f32| ((at * f32::from(cells) / side) as usize).min(count - 1);
    let mut taken = vec![0_u32; count * count];
    for one in ranked.iter_mut() {
        let unit = pixels_a_sample(&one.blob);
        let taken = &mut taken[cell(one.blob.y * unit) * count + cell(one.blob.x * unit)];
        one.turn = *taken;
        *taken += 1;
    }
    ranked.sort_unstable_by(|a, b| a.turn.cmp(&b.turn).then_with(|| by_strength(a, b)));
}

/// Resampled pixels a sample of the blob's octave: 1, 2, 4, ...
fn pixels_a_sample(blob: &Blob) -> f32 {
    (1_u32 << blob.octave.min(31)) as f32
}
