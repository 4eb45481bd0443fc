//! Plane geometry: pixel rectangles and homographies.

/// A rectangle in whole pixels, within the image that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

impl Rect {
    /// The part of `[left, top, right, bottom]` that lies within `width` x `height` pixels, if any.
    pub(crate) fn clipped(area: [f32; 4], width: u32, height: u32) -> Option<Self> {
        let x0 = area[0].floor().clamp(0.0, width as f32) as u32;
        let y0 = area[1].floor().clamp(0.0, height as f32) as u32;
        let x1 = area[2].ceil().clamp(0.0, width as f32) as u32;
        let y1 = area[3].ceil().clamp(0.0, height as f32) as u32;
        (x1 > x0 && y1 > y0).then(|| Self { x: x0, y: y0, width: x1 - x0, height: y1 - y0 })
    }

    /// The smallest rectangle that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Self {
            x,
            y,
            width: (self.x + self.width).max(other.x + other.width) - x,
            height: (self.y + self.height).max(other.y + other.height) - y,
        }
    }
}

pub(crate) type Quad = [(f32, f32); 4];

/// A projective map of the plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Homography([f64; 9]);

impl Homography {
    /// The map that takes the corners `from` to the corners `to`, in the same order.
    pub(crate) fn between(from: Quad, to: Quad) -> Self {
        let mut rows = [[0.0_f64; 9]; 8];
        for i in 0..4 {
            let (x, y) = (f64::from(from[i].0), f64::from(from[i].1));
            let (u, v) = (f64::from(to[i].0), f64::from(to[i].1));
            rows[2 * i] = [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u];
            rows[2 * i + 1] = [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v];
        }
        // Gauss-Jordan with row pivoting; the corners that we choose are never collinear.
        for column in 0..8 {
            let pivot = (column..8)
                .max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))
                .unwrap_or(column);
            rows.swap(column, pivot);
            let lead = rows[column];
            for (i, row) in rows.iter_mut().enumerate() {
                if i != column {
                    let factor = row[column] / lead[column];
                    row.iter_mut().zip(lead).for_each(|(v, l)| *v -= factor * l);
                }
            }
        }
        let mut m = [1.0; 9];
        for (i, row) in rows.iter().enumerate() {
            m[i] = row[8] / row[i];
        }
        Self(m)
    }

    pub(crate) fn map(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y, m) = (f64::from(x), f64::from(y), &self.0);
        let scale = 1.0 / (m[6] * x + m[7] * y + m[8]);
        (((m[0] * x + m[1] * y + m[2]) * scale) as f32, ((m[3] * x + m[4] * y + m[5]) * scale) as f32)
    }

    /// The bounding box of a mapped `[left, top, right, bottom]`.
    pub(crate) fn bounds(&self, area: [f32; 4]) -> [f32; 4] {
        let [x0, y0, x1, y1] = area;
        let corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)].map(|(x, y)| self.map(x, y));
        corners.iter().fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |b, c| {
            [b[0].min(c.0), b[1].min(c.1), b[2].max(c.0), b[3].max(c.1)]
        })
    }
}

/// The corners of an upright rectangle, clockwise from the top left.
pub(crate) fn corners(width: f32, height: f32) -> Quad {
    [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
}

/// `quad` turned by `angle` radians about `center`.
pub(crate) fn turned(quad: Quad, center: (f32, f32), angle: f32) -> Quad {
    let (s, c) = angle.sin_cos();
    quad.map(|(x, y)| {
        let (dx, dy) = (x - center.0, y - center.1);
        (center.0 + dx * c - dy * s, center.1 + dx * s + dy * c)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_homography_takes_corners_to_corners_and_back(
            jitter in prop::array::uniform8(-40.0_f32..40.0),
            w in 200.0_f32..2000.0,
            h in 200.0_f32..2000.0,
        ) {
            let from = corners(w, h);
            let mut to = from;
            for (i, corner) in to.iter_mut().enumerate() {
                *corner = (corner.0 + jitter[2 * i], corner.1 + jitter[2 * i + 1]);
            }
            let (there, back) = (Homography::between(from, to), Homography::between(to, from));
            for i in 0..4 {
                let (x, y) = there.map(from[i].0, from[i].1);
                prop_assert!((x - to[i].0).abs() < 0.05 && (y - to[i].1).abs() < 0.05);
            }
            let (x, y) = there.map(w * 0.3, h * 0.6);
            let (x, y) = back.map(x, y);
            prop_assert!((x - w * 0.3).abs() < 0.1 && (y - h * 0.6).abs() < 0.1);
        }
    }

    #[test]
    fn rectangles_are_clipped_and_empty_ones_vanish() {
        let all = Rect::clipped([-5.0, -5.0, 500.0, 500.0], 10, 20);
        assert_eq!(all, Some(Rect { x: 0, y: 0, width: 10, height: 20 }));
        assert_eq!(Rect::clipped([30.0, 0.0, 40.0, 5.0], 10, 20), None);
        let a = Rect { x: 1, y: 2, width: 3, height: 4 };
        let b = Rect { x: 8, y: 0, width: 1, height: 1 };
        assert_eq!(a.union(b), Rect { x: 1, y: 0, width: 8, height: 6 });
    }
}
