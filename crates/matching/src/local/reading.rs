//! Reading a leaked image again, where a record says that its features should be.
//!
//! Of the features that a copy still shows, a good part is not *found* in it: blobs move, merge and fall below the contrast
//! when an image is scaled down, blurred or photographed. Once enough of them agree to say where the record lies in the
//! image, the others need not be found, only read.

use saltprint_fingerprint::{
    Corners, GlobalCode, Keypoint, LocalCode, LocalFingerprint, LocalQuery, Panel, QueryFeature, Reader, View,
};

use super::score::RADIUS;
use crate::geometry::Transform;

/// Leaked images at hand, by their numbers in a batch, for closer looks. Asked on several threads.
pub trait Images: Sync {
    /// An image at a higher resolution.
    fn fine(&self, number: usize) -> Fine<'_>;

    /// Reads an image at the ordinary resolution; `None` where there is no image to read, only codes, and what was found in it
    /// has to do.
    fn reader(&self, number: usize) -> Option<Box<dyn Read + '_>>;

    /// The whole-image code of the document at `corners` of an image; `None` where there is no image or no such document in it.
    fn straightened(&self, number: usize, corners: &Corners) -> Option<GlobalCode>;

    /// The pictures that an image is made of, if it is laid out on a plain ground.
    fn panels(&self, number: usize) -> Vec<Panel>;

    /// The local codes of one of these pictures as an image of its own, by its [`Panel::area`].
    fn panel_query(&self, number: usize, area: &[f64; 4]) -> LocalQuery;

    /// Reads one of these pictures as an image of its own.
    fn panel_reader(&self, number: usize, area: &[f64; 4]) -> Option<Box<dyn Read + '_>>;
}

/// An image at a higher resolution: its local codes, and the same to be read, if there is one. What both are made from is most of
/// the work of either.
#[derive(Default)]
pub struct Fine<'i> {
    /// The local codes.
    pub query: LocalQuery,
    /// As [`Images::reader`], at this resolution.
    pub reader: Option<Box<dyn Read + 'i>>,
}

impl std::fmt::Debug for Fine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fine")
    }
}

/// Opens an image to read, if there is one.
pub(super) type Open<'f, 'i> = dyn Fn() -> Option<Box<dyn Read + 'i>> + 'f;

/// The image to read, opened at most once for the looks at one resolution, and in a batch once for a look that others wait for.
#[derive(Default)]
pub(super) enum Opened<'i> {
    #[default]
    NotYet,
    /// `None` where there is no image to read.
    Open(Option<Box<dyn Read + 'i>>),
}

impl<'i> Opened<'i> {
    /// The image to read, which `open` opens if it is not.
    pub(super) fn or_open(&mut self, open: &Open<'_, 'i>) -> Option<&mut dyn Read> {
        if matches!(self, Self::NotYet) {
            *self = Self::Open(open());
        }
        match self {
            Self::Open(Some(reader)) => Some(&mut **reader),
            Self::Open(None) | Self::NotYet => None,
        }
    }
}

/// An image that can be read at chosen places.
pub trait Read: Send {
    /// The code at `view`; `None` where the image does not show it.
    fn read(&mut self, view: &View) -> Option<LocalCode>;

    /// Whether something black and even lies on a part of what is read at `view`.
    fn is_covered(&self, view: &View) -> bool;
}

impl Read for Reader<'_> {
    fn read(&mut self, view: &View) -> Option<LocalCode> {
        Reader::read(self, view)
    }

    fn is_covered(&self, view: &View) -> bool {
        Reader::is_covered(self, view)
    }
}

/// How far a place is nudged, in terms of the feature's size, along each of its two directions and along both.
///
/// Of 900 copies of six hard edits (`eval --synthetic 1000 --seed 105 --queries 150`) 784 were strong matches with 0.4 where all readings were nudged,
/// 783 with 0.8, and 773 where none was.
const NUDGE: f32 = 0.4;

/// How an image is read at a feature's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// There.
    Plain,
    /// There and at eight places around it, of which the one counts that is nearest to the record's feature: a place is not known to
    /// a part of a sample, and a code of fine print that is read a little beside it is another one.
    Nudged,
}

/// A record's feature at whose place an image was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Its number.
    pub(super) row: u32,
    /// Whether what is read is no pair of it, and something black lies there.
    pub(super) covered: bool,
}

/// What an image shows at the places of a record's features: `features` are numbers of them. Each answer has a query feature at the place; there is none
/// for features that the image cannot show.
///
/// `mirrored` says that `transform` leads into the mirrored image.
pub(super) fn read_again(
    image: &mut dyn Read,
    transform: &Transform,
    record: &LocalFingerprint,
    features: &[u32],
    (query, mirrored): (&LocalQuery, bool),
    aim: Aim,
) -> Vec<(Asked, QueryFeature)> {
    let width = mirrored.then_some(query.width);
    let read = |number: &u32| {
        let feature = record.features.get(*number as usize)?;
        let keypoint = feature.place.keypoint();
        let view = view(transform, &keypoint, width)?;
        let code = match aim {
            Aim::Plain => image.read(&view)?,
            Aim::Nudged => nudged(image, &view, &feature.code)?,
        };
        let length = |(right, down): (f32, f32)| libm::hypotf(right, down);
        let size = length(view.along).max(length(view.across));
        let keypoint = Keypoint { x: view.x, y: view.y, size, ..keypoint };
        let covered = code.distance(&feature.code) > RADIUS && image.is_covered(&view);
        let asked = Asked { row: *number, covered };
        Some((asked, QueryFeature { code, margins: [0; QueryFeature::MARGINS], keypoint }))
    };
    features.iter().filter_map(read).collect()
}

/// The code that is nearest to `wanted` of those at a place and around it; `None` where the image does not show the place itself.
fn nudged(image: &mut dyn Read, view: &View, wanted: &LocalCode) -> Option<LocalCode> {
    let mut nearest = image.read(view)?;
    for along in [-NUDGE, 0.0, NUDGE] {
        for across in [-NUDGE, 0.0, NUDGE].into_iter().filter(|across| (along, *across) != (0.0, 0.0)) {
            let x = view.x + along * view.along.0 + across * view.across.0;
            let y = view.y + along * view.along.1 + across * view.across.1;
            let code = image.read(&View { x, y, ..*view });
            nearest = code.filter(|code| code.distance(wanted) < nearest.distance(wanted)).unwrap_or(nearest);
        }
    }
    Some(nearest)
}

/// Where a keypoint of the record is in the image. For a transform into the mirrored image `width` is the image's.
#[expect(clippy::cast_possible_truncation, reason = "an image is read to a fraction of a sample")]
fn view(transform: &Transform, keypoint: &Keypoint, width: Option<f32>) -> Option<View> {
    let ((x, y), [first, second]) = transform.near(f64::from(keypoint.x), f64::from(keypoint.y))?;
    let (sin, cos) = libm::sincos(f64::from(keypoint.angle) * std::f64::consts::TAU);
    let size = f64::from(keypoint.size);
    let moved = |right: f64, down: f64| {
        let by = |row: [f64; 2]| (row[0] * right + row[1] * down) * size;
        let (to_right, to_down) = (by(first), by(second));
        (if width.is_some() { -to_right } else { to_right } as f32, to_down as f32)
    };
    let x = width.map_or(x as f32, |width| width - x as f32);
    Some(View { x, y: y as f32, along: moved(cos, sin), across: moved(-sin, cos) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows what is asked for at one place, something else to the right of it, and nothing on its left.
    struct Spot((f32, f32));

    impl Read for Spot {
        fn read(&mut self, view: &View) -> Option<LocalCode> {
            let is_there = (view.x - self.0.0).hypot(view.y - self.0.1) < 0.1;
            let code = LocalCode::from_words(if is_there { [7, 7] } else { [u64::MAX, 0] });
            (view.x >= self.0.0 - 0.1).then_some(code)
        }

        fn is_covered(&self, _view: &View) -> bool {
            false
        }
    }

    #[test]
    fn the_nearest_of_nine_places_counts() {
        // A feature of size 10 that points down.
        let at = |x, y| View { x, y, along: (0.0, 10.0), across: (-10.0, 0.0) };
        let wanted = LocalCode::from_words([7, 7]);
        let read = |x, y| nudged(&mut Spot((50.0, 60.0)), &at(x, y), &wanted);
        for (right, down) in [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, -4.0)] {
            assert_eq!(read(50.0 + right, 60.0 + down), Some(wanted), "{right} {down}");
        }
        // Too far; and a place that is not in the image, whatever is beside it.
        assert_eq!(read(58.0, 60.0), Some(LocalCode::from_words([u64::MAX, 0])));
        assert_eq!(read(46.0, 60.0), None);
    }
}
