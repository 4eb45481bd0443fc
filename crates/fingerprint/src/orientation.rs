//! The eight ways in which a rectangular picture can be turned and mirrored.

use serde::{Deserialize, Serialize};

use crate::luma::{Luma, LumaSizeError};

/// What was done to the record's image to get the leaked image.
///
/// Turns are clockwise. The `Mirror*` variants mirror left to right *first* and turn *afterwards*.
/// The serialized name is the lower-case snake form, the same as [`Orientation::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// `upright`: nothing; the leaked image stands as the record does.
    Upright,
    /// `rot90`: a quarter turn clockwise; the record's top edge is now on the right.
    Rot90,
    /// `rot180`: a half turn; the record's top edge is now at the bottom.
    Rot180,
    /// `rot270`: a quarter turn anticlockwise; the record's top edge is now on the left.
    Rot270,
    /// `mirror`: left and right are swapped, as in a selfie camera.
    Mirror,
    /// `mirror_rot90`: mirrored left to right, then a quarter turn clockwise.
    MirrorRot90,
    /// `mirror_rot180`: mirrored left to right, then a half turn; the same as a flip upside down.
    MirrorRot180,
    /// `mirror_rot270`: mirrored left to right, then a quarter turn anticlockwise; rows become columns.
    MirrorRot270,
}

impl Orientation {
    /// All eight, [`Orientation::Upright`] first, in the order of the codes of a query.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::Rot90,
        Self::Rot180,
        Self::Rot270,
        Self::Mirror,
        Self::MirrorRot90,
        Self::MirrorRot180,
        Self::MirrorRot270,
    ];

    /// The stable name, as it appears in reports: `upright`, `rot90`, ... `mirror_rot270`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upright => "upright",
            Self::Rot90 => "rot90",
            Self::Rot180 => "rot180",
            Self::Rot270 => "rot270",
            Self::Mirror => "mirror",
            Self::MirrorRot90 => "mirror_rot90",
            Self::MirrorRot180 => "mirror_rot180",
            Self::MirrorRot270 => "mirror_rot270",
        }
    }

    /// Position in [`Orientation::ALL`], 0 to 7.
    pub const fn index(self) -> usize {
        match self {
            Self::Upright => 0,
            Self::Rot90 => 1,
            Self::Rot180 => 2,
            Self::Rot270 => 3,
            Self::Mirror => 4,
            Self::MirrorRot90 => 5,
            Self::MirrorRot180 => 6,
            Self::MirrorRot270 => 7,
        }
    }

    /// Whether left and right are exchanged, with or without a turn.
    pub const fn is_mirrored(self) -> bool {
        matches!(self, Self::Mirror | Self::MirrorRot90 | Self::MirrorRot180 | Self::MirrorRot270)
    }

    /// The orientation that undoes this one: a leak made by `self` becomes the record again.
    #[must_use]
    pub const fn inverse(self) -> Self {
        match self {
            Self::Rot90 => Self::Rot270,
            Self::Rot270 => Self::Rot90,
            Self::Upright
            | Self::Rot180
            | Self::Mirror
            | Self::MirrorRot90
            | Self::MirrorRot180
            | Self::MirrorRot270 => self,
        }
    }

    /// Turns and mirrors an image.
    ///
    /// # Errors
    /// None in practice: the result has as many pixels as `image`. The type is that of [`Luma::new`].
    pub fn apply(self, image: &Luma) -> Result<Luma, LumaSizeError> {
        let (width, height) = (image.width(), image.height());
        let (w, h) = (width as usize, height as usize);
        let turned = matches!(self, Self::Rot90 | Self::Rot270 | Self::MirrorRot90 | Self::MirrorRot270);
        let (out_w, out_h) = if turned { (h, w) } else { (w, h) };
        let mut pixels = vec![0; image.pixels().len()];
        for (y, row) in image.pixels().chunks_exact(w).enumerate() {
            for (x, &value) in row.iter().enumerate() {
                let (to_x, to_y) = self.lands(x, y, out_w, out_h);
                pixels[to_y * out_w + to_x] = value;
            }
        }
        if turned { Luma::new(height, width, pixels) } else { Luma::new(width, height, pixels) }
    }

    /// Where a point of the record lies in the leaked image, both in shares of the sides.
    pub fn place(self, (x, y): (f64, f64)) -> (f64, f64) {
        match self {
            Self::Upright => (x, y),
            Self::Rot90 => (1.0 - y, x),
            Self::Rot180 => (1.0 - x, 1.0 - y),
            Self::Rot270 => (y, 1.0 - x),
            Self::Mirror => (1.0 - x, y),
            Self::MirrorRot90 => (1.0 - y, 1.0 - x),
            Self::MirrorRot180 => (x, 1.0 - y),
            Self::MirrorRot270 => (y, x),
        }
    }

    /// Where the record's pixel `(x, y)` lands in the leaked image of `out_w` x `out_h`.
    fn lands(self, x: usize, y: usize, out_w: usize, out_h: usize) -> (usize, usize) {
        match self {
            Self::Upright => (x, y),
            Self::Rot90 => (out_w - 1 - y, x),
            Self::Rot180 => (out_w - 1 - x, out_h - 1 - y),
            Self::Rot270 => (y, out_h - 1 - x),
            Self::Mirror => (out_w - 1 - x, y),
            Self::MirrorRot90 => (out_w - 1 - y, out_h - 1 - x),
            Self::MirrorRot180 => (x, out_h - 1 - y),
            Self::MirrorRot270 => (y, x),
        }
    }

    /// Undoes this orientation on a `side` x `side` grid: what the record's grid was if `leak` was made so.
    pub(crate) fn undo<T: Copy>(self, leak: &[T], record: &mut [T], side: usize) {
        for (y, row) in record.chunks_exact_mut(side).enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                let (from_x, from_y) = self.lands(x, y, side, side);
                *value = leak[from_y * side + from_x];
            }
        }
    }
}

impl std::fmt::Display for Orientation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Record:  a b c      a quarter turn clockwise:  d a
    ///          d e f                                 e b
    ///                                                f c
    #[test]
    fn orientations_mean_what_they_say() {
        let record = Luma::new(3, 2, b"abcdef".to_vec()).unwrap();
        let text = |o: Orientation| {
            let leak = o.apply(&record).unwrap();
            let rows: Vec<_> = leak
                .pixels()
                .chunks(leak.width() as usize)
                .map(|r| String::from_utf8(r.to_vec()).unwrap())
                .collect();
            rows.join("/")
        };
        assert_eq!(text(Orientation::Upright), "abc/def");
        assert_eq!(text(Orientation::Rot90), "da/eb/fc");
        assert_eq!(text(Orientation::Rot180), "fed/cba");
        assert_eq!(text(Orientation::Rot270), "cf/be/ad");
        assert_eq!(text(Orientation::Mirror), "cba/fed");
        assert_eq!(text(Orientation::MirrorRot90), "fc/eb/da");
        assert_eq!(text(Orientation::MirrorRot180), "def/abc");
        assert_eq!(text(Orientation::MirrorRot270), "ad/be/cf");
    }

    #[test]
    fn inverse_and_undo_give_the_record_back() {
        let record = Luma::new(4, 4, (0..16).collect()).unwrap();
        for o in Orientation::ALL {
            let leak = o.apply(&record).unwrap();
            assert_eq!(o.inverse().apply(&leak).unwrap().pixels(), record.pixels(), "{o}");
            // The middle of the record's first pixel.
            let (x, y) = o.place((0.125, 0.125));
            let middle = |pixel: u32| (f64::from(pixel) + 0.5) / 4.0;
            let at = |share: f64| (0..4).find(|pixel| (middle(*pixel) - share).abs() < 1e-9).unwrap();
            assert_eq!(leak.pixels()[(at(y) * 4 + at(x)) as usize], 0, "{o}");
            let mut undone = [0; 16];
            o.undo(leak.pixels(), &mut undone, 4);
            assert_eq!(undone, record.pixels(), "{o}");
            assert_eq!(Orientation::ALL[o.index()], o);
        }
    }

    #[test]
    fn serialized_names_are_the_report_names() {
        for o in Orientation::ALL {
            let json = serde_json::to_string(&o).unwrap();
            assert_eq!(json, format!("\"{}\"", o.name()));
            assert_eq!(serde_json::from_str::<Orientation>(&json).unwrap(), o);
        }
    }
}
