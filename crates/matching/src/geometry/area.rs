//! Areas: what share of a record agrees, and whether two records found in a picture compete for one place.

/// Smallest upright box around some points, in frame units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Smallest x.
    pub left: f64,
    /// Smallest y.
    pub top: f64,
    /// Largest x, at least `left`.
    pub right: f64,
    /// Largest y, at least `top`.
    pub bottom: f64,
}

impl Region {
    /// The box around the points that are finite; `None` without any.
    pub fn around(points: &[(f64, f64)]) -> Option<Self> {
        finite(points).fold(None, |region: Option<Self>, (x, y)| {
            Some(region.map_or(Self { left: x, top: y, right: x, bottom: y }, |region| Self {
                left: region.left.min(x),
                top: region.top.min(y),
                right: region.right.max(x),
                bottom: region.bottom.max(y),
            }))
        })
    }
}

/// Share of a frame of `width` by `height` that the convex hull of the points covers, 0 to 1; 0 for fewer than
/// three points, points on a line, and a frame without area. Points outside the frame count where they are
/// nearest to it, those that are not finite not at all.
#[must_use]
pub fn covered_share(points: &[(f64, f64)], width: f64, height: f64) -> f64 {
    if !(width > 0.0 && height > 0.0 && width.is_finite() && height.is_finite()) {
        return 0.0;
    }
    // In shares of the frame, so that no product overflows.
    let mut inside: Vec<(f64, f64)> =
        finite(points).map(|(x, y)| (x.clamp(0.0, width) / width, y.clamp(0.0, height) / height)).collect();
    inside.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut hull = half_hull(inside.iter().copied());
    hull.extend(half_hull(inside.iter().rev().copied()));
    area(&hull).clamp(0.0, 1.0)
}

/// Whether two outlines are about the same: at least `common` of the smaller is in both, and the smaller has at least
/// `size` of the area of the larger.
pub(crate) fn is_alike(a: &[(f64, f64); 4], b: &[(f64, f64); 4], common: f64, size: f64) -> bool {
    let (first, second) = (area(a).abs(), area(b).abs());
    first.min(second) >= size * first.max(second) && overlap(a, b) >= common
}

/// Area that two convex quadrilaterals share, divided by that of the smaller one: 0 where they are apart, 1
/// where one lies within the other. Corners in order, either way round. 0 as well for a quadrilateral that is
/// not convex, not finite, or without area.
#[must_use]
pub fn overlap(a: &[(f64, f64); 4], b: &[(f64, f64); 4]) -> f64 {
    let (Some(a), Some(b)) = (clockwise(a), clockwise(b)) else {
        return 0.0;
    };
    // Cut the first along each edge of the second.
    let mut rest = a.to_vec();
    for (corner, &from) in b.iter().enumerate() {
        let to = b[(corner + 1) % 4];
        let mut kept = Vec::with_capacity(rest.len() + 1);
        for (place, &point) in rest.iter().enumerate() {
            let next = rest[(place + 1) % rest.len()];
            let (here, there) = (side(from, to, point), side(from, to, next));
            if here >= 0.0 {
                kept.push(point);
            }
            if (here > 0.0 && there < 0.0) || (here < 0.0 && there > 0.0) {
                let share = here / (here - there);
                kept.push((point.0 + share * (next.0 - point.0), point.1 + share * (next.1 - point.1)));
            }
        }
        rest = kept;
    }
    (area(&rest) / area(&a).min(area(&b))).clamp(0.0, 1.0)
}

/// Points a side of the grid by which [`covered_by`] measures.
const GRID: u8 = 16;

/// Share of the unit square that convex quadrilaterals cover together, 0 to 1, to within a part of 32 of where their edges lie. One that is not convex, not finite or
/// without area covers nothing.
pub(crate) fn covered_by<'q>(quads: impl Iterator<Item = &'q [(f64, f64); 4]>) -> f64 {
    let quads: Vec<[(f64, f64); 4]> = quads.filter_map(clockwise).collect();
    let at = |place: u8| (f64::from(place) + 0.5) / f64::from(GRID);
    let points = (0..GRID).flat_map(|row| (0..GRID).map(move |column| (at(column), at(row))));
    let covered = points.filter(|point| quads.iter().any(|quad| is_inside(quad, *point))).count();
    covered as f64 / f64::from(GRID).powi(2)
}

/// Whether a point lies in a convex quadrilateral whose corners go clockwise.
fn is_inside(quad: &[(f64, f64); 4], point: (f64, f64)) -> bool {
    (0..4).all(|corner| side(quad[corner], quad[(corner + 1) % 4], point) >= 0.0)
}

/// Area of a polygon, positive where its corners go from +x towards +y (clockwise on a screen).
pub(crate) fn area(polygon: &[(f64, f64)]) -> f64 {
    let Some(&origin) = polygon.first() else {
        return 0.0;
    };
    0.5 * polygon.windows(2).map(|edge| side(origin, edge[0], edge[1])).sum::<f64>()
}

/// Whether a quadrilateral turns the same way at all corners, without any being straight.
pub(super) fn is_convex(quad: &[(f64, f64); 4]) -> bool {
    let turns: [f64; 4] =
        std::array::from_fn(|corner| side(quad[corner], quad[(corner + 1) % 4], quad[(corner + 2) % 4]));
    turns.iter().all(|&turn| turn > 0.0) || turns.iter().all(|&turn| turn < 0.0)
}

fn clockwise(quad: &[(f64, f64); 4]) -> Option<[(f64, f64); 4]> {
    let area = area(quad);
    if !is_convex(quad) || !area.is_finite() || area.abs() <= 0.0 {
        return None;
    }
    let [first, second, third, fourth] = *quad;
    Some(if area > 0.0 { *quad } else { [fourth, third, second, first] })
}

/// Twice the area of a triangle: positive where `point` lies clockwise (on a screen) of the line.
fn side(from: (f64, f64), to: (f64, f64), point: (f64, f64)) -> f64 {
    (to.0 - from.0) * (point.1 - from.1) - (to.1 - from.1) * (point.0 - from.0)
}

/// One half of the hull of sorted points, without its last point (Andrew's monotone chain).
fn half_hull(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for point in points {
        while let [.., before, last] = hull[..]
            && side(before, last, point) <= 0.0
        {
            hull.pop();
        }
        hull.push(point);
    }
    hull.pop();
    hull
}

fn finite(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    points.iter().copied().filter(|point| point.0.is_finite() && point.1.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn square(left: f64, top: f64, side: f64) -> [(f64, f64); 4] {
        [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    }

    #[test]
    fn what_lies_on_another_covers_nothing_more() {
        let half = |left: f64| [(left, 0.0), (left + 0.5, 0.0), (left + 0.5, 1.0), (left, 1.0)];
        let turned = |[first, second, third, fourth]: [(f64, f64); 4]| [fourth, third, second, first];
        let bow = [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)];
        for (quads, share) in [
            (vec![], 0.0),
            (vec![half(0.0)], 0.5),
            (vec![half(0.0), turned(half(0.0))], 0.5),
            (vec![half(0.0), half(0.25)], 0.75),
            (vec![half(0.0), turned(half(0.5))], 1.0),
            (vec![square(-1.0, -1.0, 3.0)], 1.0),
            (vec![bow, square(2.0, 2.0, 1.0)], 0.0),
        ] {
            assert!((covered_by(quads.iter()) - share).abs() < 1e-9, "{quads:?}");
        }
    }

    /// A convex quadrilateral: corners on a circle, squeezed.
    fn quads() -> impl Strategy<Value = [(f64, f64); 4]> {
        (
            (20.0..80.0_f64, 20.0..80.0_f64),
            (5.0..30.0_f64, 5.0..30.0_f64),
            0.0..1.5_f64,
            prop::array::uniform4(0.1..1.0_f64),
        )
            .prop_map(|(middle, radius, start, steps)| {
                let total: f64 = steps.iter().sum();
                let mut angle = start;
                steps.map(|step| {
                    angle += step / total * std::f64::consts::TAU;
                    (middle.0 + radius.0 * angle.cos(), middle.1 + radius.1 * angle.sin())
                })
            })
    }

    #[test]
    fn hulls_of_known_shapes() {
        let corners = square(0.0, 0.0, 100.0);
        assert!((covered_share(&corners, 100.0, 200.0) - 0.5).abs() < 1e-12);
        assert!((covered_share(&square(-50.0, 10.0, 1e9), 100.0, 20.0) - 0.5).abs() < 1e-12);
        let mut points = vec![(50.0, 50.0), (20.0, 80.0), (f64::NAN, 3.0), (f64::INFINITY, 0.0), (0.0, 0.0)];
        points.extend(corners);
        assert!((covered_share(&points, 100.0, 100.0) - 1.0).abs() < 1e-12);
        for line in
            [&[][..], &corners[..1], &corners[..2], &[(1.0, 1.0), (5.0, 5.0), (9.0, 9.0)], &[(7.0, 7.0); 9]]
        {
            assert!(covered_share(line, 100.0, 100.0) < 1e-12);
        }
        assert!(covered_share(&corners, 0.0, 9.0) < 1e-12 && covered_share(&corners, f64::NAN, 9.0) < 1e-12);
    }

    #[test]
    fn regions_of_known_points() {
        let points = [(3.0, 9.0), (f64::NAN, 1.0), (-2.0, 4.0), (1.0, 12.0)];
        assert_eq!(Region::around(&points), Some(Region { left: -2.0, top: 4.0, right: 3.0, bottom: 12.0 }));
        assert_eq!(Region::around(&points[1..2]), None);
    }

    #[test]
    fn overlaps_of_known_shapes() {
        let base = square(0.0, 0.0, 10.0);
        let mut reversed = square(5.0, 0.0, 10.0);
        reversed.reverse();
        for (other, expected) in [
            (base, 1.0),
            (square(2.0, 3.0, 4.0), 1.0),
            (square(-50.0, -50.0, 100.0), 1.0),
            (square(10.0, 0.0, 10.0), 0.0),
            (square(30.0, 0.0, 10.0), 0.0),
            (reversed, 0.5),
            ([(5.0, -2.0), (12.0, 5.0), (5.0, 12.0), (-2.0, 5.0)], (98.0 - 4.0 * 4.0) / 98.0),
            ([(0.0, 0.0), (9.0, 9.0), (9.0, 0.0), (0.0, 9.0)], 0.0),
            ([(1.0, 1.0); 4], 0.0),
            ([(f64::NAN, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)], 0.0),
            ([(f64::INFINITY, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)], 0.0),
        ] {
            assert!((overlap(&base, &other) - expected).abs() < 1e-9, "{other:?}");
            assert!((overlap(&other, &base) - expected).abs() < 1e-9, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn overlap_is_what_counting_says(a in quads(), b in quads()) {
            prop_assume!(area(&a).min(area(&b)) > 20.0 && is_convex(&a) && is_convex(&b));
            let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
            for cell in 0..400_u32 * 400 {
                let point = (f64::from(cell % 400) * 0.3 - 9.9, f64::from(cell / 400) * 0.3 - 9.9);
                let (in_a, in_b) = (is_inside(&a, point), is_inside(&b, point));
                first += f64::from(u8::from(in_a));
                second += f64::from(u8::from(in_b));
                both += f64::from(u8::from(in_a && in_b));
            }
            let counted: f64 = both / f64::min(first, second);
            prop_assert!((overlap(&a, &b) - counted).abs() < 0.12, "{} and {counted}", overlap(&a, &b));
            prop_assert!((overlap(&a, &b) - overlap(&b, &a)).abs() < 1e-9);
        }
    }
}
