//! Where a record lies in a leaked picture, and which part of it agrees.

use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ImageReader;
use maud::{Markup, html};
use saltprint::AgreementReport;

use super::at;

/// Sides of the frame that stands for a picture without a thumbnail. The page does not know its proportions.
const FRAME: [f64; 2] = [400.0, 300.0];
/// How far beyond the picture an outline is followed, in shares of its sides.
const BEYOND: f64 = 0.5;
/// Largest side of a thumbnail that is taken for one, in pixels.
const LARGEST: u32 = 4096;

/// Corners in shares of a picture's sides.
pub(crate) type Quad = [(f64, f64); 4];

/// A thumbnail that can be drawn.
pub(crate) struct Thumbnail {
    data: String,
    sides: [f64; 2],
}

impl Thumbnail {
    /// `None` for bytes that do not begin as a JPEG image of a sensible size.
    pub(crate) fn new(jpeg: &[u8]) -> Option<Self> {
        let reader = ImageReader::with_format(Cursor::new(jpeg), image::ImageFormat::Jpeg);
        let (width, height) = reader.into_dimensions().ok()?;
        let sensible = (1..=LARGEST).contains(&width) && (1..=LARGEST).contains(&height);
        let data = || format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(jpeg));
        sensible.then(|| Self { data: data(), sides: [f64::from(width), f64::from(height)] })
    }
}

/// What a drawing shows, for its description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The record's outline in the leaked picture.
    Leak,
    /// No outline is known: the agreeing box within the record's image.
    Record,
}

/// What [`outline`] will show.
pub(crate) fn shows(agreement: &AgreementReport) -> Shown {
    if quad(agreement).is_some() { Shown::Leak } else { Shown::Record }
}

/// An outline whose numbers can be drawn.
fn quad(agreement: &AgreementReport) -> Option<Quad> {
    agreement.outline.filter(|quad| quad.iter().all(|(x, y)| x.is_finite() && y.is_finite()))
}

/// The drawing of one match; `number` tells drawings of a page apart.
pub(crate) fn outline(
    number: usize,
    title: &str,
    agreement: &AgreementReport,
    thumbnail: Option<&Thumbnail>,
) -> Markup {
    let quad = quad(agreement);
    // Without an outline the agreeing box lies in the record, which the page never shows.
    let thumbnail = thumbnail.filter(|_| quad.is_some());
    let [width, height] = thumbnail.map_or(FRAME, |thumbnail| thumbnail.sides);
    let bounds = bounds(quad.as_ref());
    let scaled = |corners: &Quad| {
        let corners = corners.map(|(x, y)| {
            let clamp = |value: f64| value.clamp(-9.0, 10.0);
            format!("{},{}", at(clamp(x) * width), at(clamp(y) * height))
        });
        corners.join(" ")
    };
    let region = corners_of(agreement.region);
    let agrees = match &quad {
        Some(quad) => region.map(|corner| projected(quad, corner)),
        None => region,
    };
    let what = match shows(agreement) {
        Shown::Leak => {
            "The solid line is where the record’s picture lies in the leaked one; the dashed line holds what of it agrees."
        }
        Shown::Record => "The frame is the record’s picture; the dashed line holds what of it agrees.",
    };
    let [left, top, right, bottom] = bounds;
    let view_box =
        [left * width, top * height, (right - left) * width, (bottom - top) * height].map(at).join(" ");
    html! {
        svg viewBox=(view_box) role="img" aria-labelledby={ "t-o" (number) " d-o" (number) } {
            title id={ "t-o" (number) } { (title) }
            desc id={ "d-o" (number) } { (what) }
            @if let Some(thumbnail) = thumbnail {
                image href=(thumbnail.data) width=(at(width)) height=(at(height)) {}
            } @else {
                rect.sheet width=(at(width)) height=(at(height)) {}
            }
            @if let Some(quad) = &quad {
                polygon.under points=(scaled(quad)) {}
                polygon.outline points=(scaled(quad)) {}
            }
            polygon.under points=(scaled(&agrees)) {}
            polygon.agrees points=(scaled(&agrees)) {}
        }
    }
}

/// What is in view: the picture, and of the outline what lies near it; left, top, right, bottom in shares.
fn bounds(quad: Option<&Quad>) -> [f64; 4] {
    let corners = quad.map_or(&[][..], |quad| &quad[..]);
    let mut bounds = [0.0_f64, 0.0, 1.0, 1.0];
    for (x, y) in corners {
        bounds = [bounds[0].min(*x), bounds[1].min(*y), bounds[2].max(*x), bounds[3].max(*y)];
    }
    let margin = 0.02;
    [
        bounds[0].max(-BEYOND) - margin,
        bounds[1].max(-BEYOND) - margin,
        bounds[2].min(1.0 + BEYOND) + margin,
        bounds[3].min(1.0 + BEYOND) + margin,
    ]
}

fn corners_of([left, top, right, bottom]: [f64; 4]) -> Quad {
    [(left, top), (right, top), (right, bottom), (left, bottom)]
}

/// The place of a point of the unit square in a quadrilateral, by the projective map that takes corners to corners.
fn projected(quad: &Quad, (u, v): (f64, f64)) -> (f64, f64) {
    let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = *quad;
    // With p = (a u + b v + c) / (along u + down v + 1), `along` and `down` follow from how far the quadrilateral is from a parallelogram.
    let (sx, sy) = (x0 - x1 + x2 - x3, y0 - y1 + y2 - y3);
    let (dx1, dy1, dx2, dy2) = (x1 - x2, y1 - y2, x3 - x2, y3 - y2);
    let det = dx1 * dy2 - dx2 * dy1;
    let (along, down) = if det.abs() < 1e-12 {
        (0.0, 0.0)
    } else {
        ((sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det)
    };
    let scale = along * u + down * v + 1.0;
    let scale = if scale.abs() < 1e-9 { 1e-9 } else { scale };
    let x = (x1 - x0 + along * x1) * u + (x3 - x0 + down * x3) * v + x0;
    let y = (y1 - y0 + along * y1) * u + (y3 - y0 + down * y3) * v + y0;
    (x / scale, y / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_go_to_corners_and_straight_lines_stay() {
        let quad = [(0.1, 0.2), (0.9, 0.1), (0.8, 0.9), (0.2, 0.7)];
        for (corner, wanted) in corners_of([0.0, 0.0, 1.0, 1.0]).into_iter().zip(quad) {
            let (x, y) = projected(&quad, corner);
            assert!((x - wanted.0).abs() < 1e-9 && (y - wanted.1).abs() < 1e-9, "{corner:?}");
        }
        // Diagonals of the square meet where those of the quadrilateral do.
        let (x, y) = projected(&quad, (0.5, 0.5));
        let on = |a: (f64, f64), b: (f64, f64)| (b.0 - a.0) * (y - a.1) - (b.1 - a.1) * (x - a.0);
        assert!(on(quad[0], quad[2]).abs() < 1e-9 && on(quad[1], quad[3]).abs() < 1e-9);
        // A parallelogram is mapped evenly.
        let (x, y) = projected(&[(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)], (0.5, 0.2));
        assert!((x - 0.25).abs() < 1e-9 && (y - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_line_for_an_outline_is_still_finite() {
        let (x, y) = projected(&[(0.1, 0.1), (0.9, 0.9), (0.1, 0.1), (0.9, 0.9)], (0.5, 0.5));
        assert!(x.is_finite() && y.is_finite());
    }

    #[test]
    fn what_is_no_jpeg_is_no_thumbnail() {
        assert!(Thumbnail::new(b"").is_none());
        assert!(Thumbnail::new(b"<svg onload=alert(1)>").is_none());
    }
}
