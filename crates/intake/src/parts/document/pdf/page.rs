//! A page, drawn.

use std::{borrow::Cow, sync::Arc};

use hayro::{
    RenderCache, RenderSettings,
    hayro_interpret::{Context, InterpreterCache, InterpreterSettings, TransformExt, interpret_page},
    hayro_syntax::page,
    kurbo::{Affine, Rect},
    render_into,
    vello_cpu::{
        Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit, color::palette::css::WHITE,
    },
};
use image::ColorType;
use saltprint_fingerprint::Luma;
use zeroize::{Zeroize, Zeroizing};

use super::{Document, NAME, clock::Turn, damaged, survey::Survey};
use crate::{
    Limits, Refusal, Reject, Unreadable,
    decode::to_luma,
    parts::{Drawing, Form, Lazy},
};

/// Longer side of a drawn page, in pixels. A4 at 150 dots an inch has 1,754: small print can be read, a card on the
/// page still has some 500, and the fingerprints look at less. The size that the page states for itself is not used:
/// scanners state an inch for every 72 pixels, or A4 for a card.
const LONGER_SIDE: f32 = 1_800.0;

/// A page of a document.
pub(super) struct Page {
    pub(super) document: Arc<Document>,
    /// From 0.
    pub(super) index: usize,
}

impl Lazy for Page {
    fn identity(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.drawing().identity(&self.document.digest))
    }

    fn decode(&self, limits: &Limits) -> Result<Luma, Reject> {
        self.document.draw(limits, |pdf, turn| {
            let page = pdf.pages().get(self.index).ok_or_else(|| damaged("a page of it is not there"))?;
            draw(page, limits, turn)
        })
    }

    fn form(&self) -> Form<'_> {
        self.document.form(self.drawing())
    }
}

impl Page {
    fn drawing(&self) -> Drawing {
        Drawing::PdfPage { index: self.index }
    }
}

/// Draws a page on white: what lies in its crop box, turned as it says, with its annotations.
///
/// The same bytes give the same pixels with any number of threads. Processors with other vector instructions may
/// differ by a step of rounding.
fn draw(page: &page::Page<'_>, limits: &Limits, turn: &Turn<'_>) -> Result<Luma, Reject> {
    let (width, height, to_pixels) = frame(page)?;
    let pixels = limits.check_sides(width.into(), height.into())?;
    // Four bytes a pixel in the drawer and as many in a copy, then luma.
    let page_bytes = pixels.saturating_mul(9);
    limits.check_memory(page_bytes)?;

    let bounds = Rect::new(0.0, 0.0, width.into(), height.into());
    let interpreter = InterpreterSettings::default();
    let cache = InterpreterCache::new();
    let mut context = Context::new(to_pixels, bounds, &cache, page.xref(), interpreter.clone());
    interpret_page(page, &mut context, &mut Survey::new(limits, page_bytes, turn));

    // Glyphs keep their shape, as in print; images that are enlarged are smooth, as in a viewer.
    let settings =
        RenderSettings { hinting: false, force_image_interpolation: true, ..RenderSettings::default() };
    let mut canvas = RenderContext::new(width, height);
    render_into(page, &RenderCache::new(), &interpreter, &settings, &mut canvas, to_pixels);
    canvas.flush();
    let mut drawn = Pixmap::new(width, height);
    let on_white =
        RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
    canvas.render_with(&mut drawn, &mut Resources::default(), on_white);
    let samples = Zeroizing::new(drawn.data_as_u8_slice().to_vec());
    drawn.data_as_u8_slice_mut().zeroize();

    let luma = to_luma(samples, ColorType::Rgba8)
        .ok_or_else(|| Refusal::unsupported(NAME, "its layout of colours"))?;
    Luma::new(width.into(), height.into(), luma)
        .map_err(|error| Unreadable::malformed(NAME, &error.to_string()).into())
}

/// Sides of the drawn page in pixels, and the way from the page's coordinates to them.
fn frame(page: &page::Page<'_>) -> Result<(u16, u16, Affine), Reject> {
    let (width, height) = page.render_dimensions();
    let longer = width.max(height);
    if !(width > 0.0 && height > 0.0 && longer.is_finite()) {
        return Err(damaged("a page of it has no size"));
    }
    let scale = LONGER_SIDE / longer;
    let (columns, rows) = (side(width * scale), side(height * scale));
    // Stretched by less than a pixel, so that the page fills the last ones.
    let stretch =
        Affine::scale_non_uniform(f64::from(columns) / f64::from(width), f64::from(rows) / f64::from(height));
    Ok((columns, rows, stretch * page.initial_transform(true).to_kurbo()))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the longer side")]
fn side(pixels: f32) -> u16 {
    pixels.round().clamp(1.0, LONGER_SIDE) as u16
}
