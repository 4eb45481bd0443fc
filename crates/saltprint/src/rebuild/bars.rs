//! Images as they are published where fields were blacked out.

use saltprint_fingerprint::{LocalFingerprint, Luma};

/// Share of a record's details that bars lie on: of copies of cards with all fields blacked out, something black lies on half to three quarters.
const SHARE: f64 = 0.75;
/// Half the width of a bar, as a share of the longer side: that of a short field.
const HALF_WIDTH: f64 = 0.1;
/// Half its height: a line of a card's print, and some air.
const HALF_HEIGHT: f64 = 0.015;

/// An image with black bars on most of its record's details, which are those that fewest others have: fields, mostly.
/// `None` where it has none.
pub(super) fn cover(image: &Luma, record: &LocalFingerprint) -> Option<Luma> {
    if record.features.is_empty() {
        return None;
    }
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let longer = width.max(height);
    let unit = longer / f64::from(record.width.max(record.height).max(1));
    let (across, down) = (HALF_WIDTH * longer, HALF_HEIGHT * longer);
    let at: Vec<(f64, f64)> = (record.features.iter())
        .map(|feature| feature.place.keypoint())
        .map(|place| (f64::from(place.x) * unit, f64::from(place.y) * unit))
        .collect();
    let enough = SHARE * at.len() as f64;
    let mut open = vec![true; at.len()];
    let mut pixels = image.pixels().to_vec();
    // Their order is that of the index, which has nothing to do with where they lie.
    for (number, (x, y)) in at.iter().enumerate() {
        let covered = open.iter().filter(|open| !**open).count();
        if !open[number] || covered as f64 >= enough {
            continue;
        }
        let (left, right) = (x - across, x + across);
        let (top, bottom) = (y - down, y + down);
        for (open, (x, y)) in open.iter_mut().zip(&at) {
            *open &= !((left..=right).contains(x) && (top..=bottom).contains(y));
        }
        let columns = clipped(left, width)..clipped(right, width);
        for row in clipped(top, height)..clipped(bottom, height) {
            let start = row * image.width() as usize;
            pixels[start..][columns.clone()].fill(0);
        }
    }
    Luma::new(image.width(), image.height(), pixels).ok()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a side in pixels")]
fn clipped(at: f64, side: f64) -> usize {
    at.clamp(0.0, side) as usize
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::{LocalCode, LocalFeature, Place, Sharing};

    use super::*;

    #[test]
    fn bars_lie_on_most_details() {
        let white = Luma::new(200, 100, vec![255; 20_000]).expect("as many as pixels");
        let feature = |x, y| LocalFeature {
            code: LocalCode::from_words([7; 2]),
            place: Place { x, y, size: 0, angle: 0 },
            sharing: Sharing::from_step(0),
        };
        // Three on the left one above another, one right.
        let features = [(500, 500), (500, 2500), (600, 4500), (9500, 2500)].map(|(x, y)| feature(x, y));
        let record = LocalFingerprint { width: 10_000, height: 5_000, features: features.to_vec() };
        let covered = cover(&white, &record).expect("it has details");
        let is_black = |(x, y): (usize, usize)| covered.pixels()[y * 200 + x] == 0;
        assert_eq!([(10, 10), (10, 50), (12, 90), (190, 50)].map(is_black), [true, true, true, false]);
        // A bar is six pixels high and forty wide, less what the border cuts.
        let black: u32 = covered.pixels().iter().map(|pixel| u32::from(*pixel == 0)).sum();
        assert_eq!(black, 6 * (30 + 30 + 32));
        assert!(cover(&white, &LocalFingerprint { features: Vec::new(), ..record }).is_none());
    }
}
