//! Reading a leaked image again, where a record says that its features should be.
//!
//! Of the features that a copy still shows, a good part is not *found* in it: blobs move, merge and fall below the contrast
//! when an image is scaled down, blurred or photographed. Once enough of them agree to say where the record lies in the
//! image, the others need not be found, only read.

use saltprint_fingerprint::{
    Corners, GlobalCode, Keypoint, LocalCode, LocalFingerprint, LocalQuery, Panel, QueryFeature, Reader, View,
};

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
}

impl Read for Reader<'_> {
    fn read(&mut self, view: &View) -> Option<LocalCode> {
        Reader::read(self, view)
    }
}

/// What an image shows at the places of a record's features: `features` are numbers of them. Each answer has the number of its
/// feature, and a query feature at the place; it is not there for features that the image cannot show.
///
/// `mirrored` says that `transform` leads into the mirrored image.
pub(super) fn read_again(
    image: &mut dyn Read,
    transform: &Transform,
    record: &LocalFingerprint,
    features: &[u32],
    query: &LocalQuery,
    mirrored: bool,
) -> Vec<(u32, QueryFeature)> {
    let width = mirrored.then_some(query.width);
    let read = |number: &u32| {
        let keypoint = record.features.get(*number as usize)?.place.keypoint();
        let view = view(transform, &keypoint, width)?;
        let code = image.read(&view)?;
        let length = |(right, down): (f32, f32)| libm::hypotf(right, down);
        let size = length(view.along).max(length(view.across));
        let keypoint = Keypoint { x: view.x, y: view.y, size, ..keypoint };
        Some((*number, QueryFeature { code, margins: [0; QueryFeature::MARGINS], keypoint }))
    };
    features.iter().filter_map(read).collect()
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
