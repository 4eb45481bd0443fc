//! Printed text: `DejaVu` glyphs, rasterised once a size and kept per thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

use ab_glyph::{Font as _, FontRef, ScaleFont as _};

use crate::canvas::{Canvas, Color, pack, weight};

/// The faces that documents are set in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Font {
    Sans,
    Bold,
    Condensed,
    CondensedBold,
    Mono,
    Serif,
    SerifBold,
}

const FONTS: usize = 7;

fn face(font: Font) -> &'static FontRef<'static> {
    static FACES: [OnceLock<FontRef<'static>>; FONTS] = [const { OnceLock::new() }; FONTS];
    FACES[font as usize].get_or_init(|| {
        let bytes = match font {
            Font::Sans => dejavu::sans::regular(),
            Font::Bold => dejavu::sans::bold(),
            Font::Condensed => dejavu::sans_condensed::regular(),
            Font::CondensedBold => dejavu::sans_condensed::bold(),
            Font::Mono => dejavu::sans_mono::regular(),
            Font::Serif => dejavu::serif::regular(),
            Font::SerifBold => dejavu::serif::bold(),
        };
        FontRef::try_from_slice(bytes).expect("the embedded fonts are well-formed")
    })
}

#[derive(Debug)]
struct Glyph {
    left: i32,
    top: i32,
    width: usize,
    /// Coverage, 0..=255, row by row.
    cover: Vec<u8>,
    advance: f32,
}

type Key = (Font, u16, char);

thread_local! {
    static GLYPHS: RefCell<HashMap<Key, Rc<Glyph>>> = RefCell::new(HashMap::new());
}

fn glyph(font: Font, size: u16, letter: char) -> Rc<Glyph> {
    GLYPHS.with_borrow_mut(|glyphs| {
        Rc::clone(
            glyphs.entry((font, size, letter)).or_insert_with(|| Rc::new(rasterise(font, size, letter))),
        )
    })
}

fn rasterise(font: Font, size: u16, letter: char) -> Glyph {
    let face = face(font);
    let em = face.units_per_em().unwrap_or(2048.0);
    // ab_glyph scales by line height; documents are specified by em.
    let scaled = face.as_scaled(f32::from(size) * face.height_unscaled() / em);
    let mut drawn = scaled.scaled_glyph(letter);
    drawn.position = ab_glyph::point(0.0, 0.0);
    let advance = scaled.h_advance(drawn.id);
    let Some(outline) = face.outline_glyph(drawn) else {
        return Glyph { left: 0, top: 0, width: 0, cover: Vec::new(), advance };
    };
    let bounds = outline.px_bounds();
    let (width, height) = (bounds.width() as usize, bounds.height() as usize);
    let mut cover = vec![0; width * height];
    outline.draw(|x, y, c| {
        if let Some(slot) = cover.get_mut(y as usize * width + x as usize) {
            *slot = (c.clamp(0.0, 1.0) * 255.0) as u8;
        }
    });
    Glyph { left: bounds.min.x as i32, top: bounds.min.y as i32, width, cover, advance }
}

/// Width in pixels of `text` at `size` pixels an em.
pub(crate) fn width(font: Font, size: u16, text: &str) -> f32 {
    text.chars().map(|c| glyph(font, size, c).advance).sum()
}

/// How text is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) font: Font,
    /// Pixels an em.
    pub(crate) size: u16,
    pub(crate) color: Color,
    pub(crate) alpha: f32,
    /// Extra pixels after each letter.
    pub(crate) tracking: f32,
}

impl Style {
    pub(crate) const fn new(font: Font, size: u16, color: Color) -> Self {
        Self { font, size, color, alpha: 1.0, tracking: 0.0 }
    }

    pub(crate) const fn tracked(mut self, tracking: f32) -> Self {
        self.tracking = tracking;
        self
    }

    pub(crate) const fn faint(mut self, alpha: f32) -> Self {
        self.alpha = alpha;
        self
    }
}

/// Draws `text` with its baseline starting at `(x, y)`; returns the covered box `[x0, y0, x1, y1]`.
pub(crate) fn draw(canvas: &mut Canvas, style: Style, at: (f32, f32), text: &str) -> [f32; 4] {
    let color = pack(style.color);
    let mut pen = at.0;
    for letter in text.chars() {
        let glyph = glyph(style.font, style.size, letter);
        let (x0, y0) = (pen.round() as i32 + glyph.left, at.1.round() as i32 + glyph.top);
        if glyph.width > 0 {
            for (row, line) in glyph.cover.chunks_exact(glyph.width).enumerate() {
                for (column, &cover) in line.iter().enumerate() {
                    if cover > 0 {
                        let alpha = weight(f32::from(cover) / 255.0 * style.alpha);
                        canvas.blend(x0 + column as i32, y0 + row as i32, color, alpha);
                    }
                }
            }
        }
        pen += glyph.advance + style.tracking;
    }
    let size = f32::from(style.size);
    [at.0, at.1 - size * 0.78, pen, at.1 + size * 0.22]
}

/// Draws `text` so that it ends at `right`.
pub(crate) fn draw_right(canvas: &mut Canvas, style: Style, right: f32, y: f32, text: &str) -> [f32; 4] {
    let length = width(style.font, style.size, text) + style.tracking * text.chars().count() as f32;
    draw(canvas, style, (right - length, y), text)
}

/// Draws `text` centred on `middle`.
pub(crate) fn draw_centered(canvas: &mut Canvas, style: Style, middle: f32, y: f32, text: &str) -> [f32; 4] {
    let length = width(style.font, style.size, text) + style.tracking * text.chars().count() as f32;
    draw(canvas, style, (middle - length / 2.0, y), text)
}
