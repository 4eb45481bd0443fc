//! Cards and passport pages: what a design states, and the one routine that fills them all.

use std::borrow::Cow;

use super::Sheet;
use super::designs::PERMIT;
use super::security::{self, Emblem, Waves};
use crate::canvas::{Canvas, Color, Pixel, mix, pack, unpack};
use crate::face::{self, Sitting};
use crate::mrz;
use crate::person::{COUNTRIES, Person};
use crate::rng::{self, Rng};
use crate::text::{self, Font, Style};
use Value as V;

/// What a field prints.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Surname,
    Given,
    Birth,
    BirthAndPlace,
    BirthPlace,
    Sex,
    Nationality,
    Number,
    Personal,
    Issued,
    Expires,
    Street,
    Town,
    Height,
    Office,
    Classes,
    PermitType,
}

/// A printed field: label, value, position of the value's baseline, size of the value in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field(
    pub(super) &'static str,
    pub(super) Value,
    pub(super) i32,
    pub(super) i32,
    pub(super) u16,
);

/// Everything that distinguishes one card design from another.
#[derive(Clone, Debug)]
pub(super) struct Design {
    pub(super) size: (usize, usize),
    pub(super) seed: u64,
    pub(super) issuer: usize,
    pub(super) title: &'static str,
    pub(super) subtitle: &'static str,
    pub(super) colors: [Color; 3],
    pub(super) ink: Color,
    pub(super) accents: [Color; 2],
    pub(super) label: Font,
    pub(super) value: Font,
    /// Left, top, right, bottom.
    pub(super) portrait: Option<[i32; 4]>,
    pub(super) grey: bool,
    pub(super) ghost: Option<[i32; 4]>,
    pub(super) signature: Option<[i32; 4]>,
    pub(super) chip: Option<(f32, f32)>,
    pub(super) emblem: (Emblem, f32, f32, f32),
    pub(super) flag: Option<([f32; 4], bool)>,
    pub(super) band: Option<Color>,
    pub(super) fields: Cow<'static, [Field]>,
    pub(super) mrz: Option<(mrz::Format, &'static str, f32, f32, u16)>,
    pub(super) barcode: Option<[i32; 4]>,
    pub(super) table: bool,
}

const OFFICES: [&str; 6] = [
    "MINISTRY OF INTERIOR",
    "PREFECTURE 04",
    "CITY OFFICE BELONA",
    "REGISTRY 117",
    "DISTRICT WEST",
    "CONSULATE",
];
const CLASSES: [&str; 6] = ["AM/B", "A1/A/B", "B", "B/BE", "AM/B/C1", "A/B/C/CE"];
const PERMITS: [&str; 4] = ["EMPLOYMENT", "STUDENT", "FAMILY MEMBER", "PERMANENT RESIDENT"];

impl Design {
    fn value(&self, value: Value, person: &Person) -> String {
        let pick = |items: &'static [&'static str], salt: u64| {
            items[(rng::mix(person.seed ^ salt ^ self.seed) % items.len() as u64) as usize].to_owned()
        };
        match value {
            V::Surname => person.surname.to_uppercase(),
            V::Given => person.given.to_uppercase(),
            V::Birth => person.birth.to_string(),
            V::BirthAndPlace => format!("{}  {}", person.birth, person.birth_place),
            V::BirthPlace => person.birth_place.to_uppercase(),
            V::Sex => person.sex.letter().to_owned(),
            V::Nationality => person.nationality.people.to_owned(),
            V::Number => person.document_number.clone(),
            V::Personal => person.personal_number.clone(),
            V::Issued => {
                format!("{:02} {} {}", person.issued.day, person.issued.month_name(), person.issued.year)
            }
            V::Expires => person.expires.to_string(),
            V::Street => person.street.clone(),
            V::Town => person.town.clone(),
            V::Height => format!("{} cm", person.height),
            V::Office => pick(&OFFICES, 1),
            V::Classes => pick(&CLASSES, 2),
            V::PermitType => pick(&PERMITS, 3),
        }
    }

    /// The shared print: everything but the person.
    pub(super) fn background(&self) -> Canvas {
        let (w, h) = self.size;
        let mut canvas = Canvas::new(w, h, [255; 3]);
        security::wash(&mut canvas, self.colors, self.seed);
        let mut rng = Rng::new(self.seed, 5);
        for (i, &accent) in self.accents.iter().enumerate() {
            let style = Waves {
                color: accent,
                alpha: 0.42,
                spacing: rng.range(7.0, 13.0),
                thick: 1.0,
                amplitude: rng.range(14.0, 40.0),
                vertical: i == 1 && rng.chance(0.5),
            };
            security::waves(&mut canvas, style, self.seed + i as u64);
        }
        for _ in 0..3 {
            let center = (rng.range(0.25, 0.95) * w as f32, rng.range(0.2, 0.9) * h as f32);
            let accent = self.accents[rng.below(2)];
            security::rosette(
                &mut canvas,
                center,
                rng.range(60.0, 150.0),
                rng.int(5, 14) as f32,
                accent,
                0.5,
            );
        }
        for line in 0..3 {
            let y = h as f32 * [0.24, 0.62, 0.9][line];
            security::microtext(&mut canvas, COUNTRIES[self.issuer].name, y, self.accents[line % 2], 0.7);
        }
        let (kind, x, y, r) = self.emblem;
        let big = mix(self.accents[0], [255; 3], 0.3);
        security::emblem(&mut canvas, kind, (w as f32 * 0.62, h as f32 * 0.52), h as f32 * 0.3, big, 0.16);
        if let Some(band) = self.band {
            canvas.rect([0, 24, w as i32, 118], band, 0.82);
        }
        let head = if self.band.is_some() { [250, 250, 246] } else { self.ink };
        security::emblem(
            &mut canvas,
            kind,
            (x, y),
            r,
            if self.band.is_some() && y < 120.0 { [250, 246, 232] } else { self.accents[0] },
            0.95,
        );
        if let Some((area, upright)) = self.flag {
            security::flag(&mut canvas, area, [self.accents[0], [248, 246, 240], self.accents[1]], upright);
        }
        let left = if self.flag.is_some() || (x < 200.0 && y < 120.0) { 160.0 } else { 50.0 };
        text::draw(&mut canvas, Style::new(Font::Bold, 37, head).tracked(3.0), (left, 68.0), self.title);
        text::draw(&mut canvas, Style::new(self.label, 19, head).tracked(1.0), (left, 100.0), self.subtitle);
        let small = Style::new(self.label, 14, mix(self.ink, self.accents[0], 0.4));
        for &Field(label, _, x, y, size) in &*self.fields {
            if self.table {
                text::draw(
                    &mut canvas,
                    Style::new(self.label, 20, self.accents[0]),
                    (x as f32 - 46.0, y as f32),
                    label,
                );
            } else {
                text::draw(&mut canvas, small, (x as f32, y as f32 - f32::from(size) * 0.95), label);
            }
        }
        if let Some((x, y)) = self.chip {
            security::chip(&mut canvas, x, y);
        }
        if let Some([x0, _, x1, y1]) = self.signature {
            canvas.rect([x0, y1 - 2, x1, y1], self.ink, 0.6);
        }
        if self.table {
            for row in 0..9 {
                let y = 430 + row * 19;
                canvas.rect([640, y, 950, y + 1], self.ink, 0.5);
                if row < 8 {
                    let class = ["AM", "A1", "A", "B", "BE", "C1", "C", "CE"][row as usize];
                    text::draw(
                        &mut canvas,
                        Style::new(Font::Bold, 14, self.ink),
                        (648.0, y as f32 + 15.0),
                        class,
                    );
                }
            }
            for x in [640, 700, 825, 949] {
                canvas.rect([x, 430, x + 1, 582], self.ink, 0.5);
            }
        }
        if let Some((_, _, _, y, size)) = self.mrz {
            canvas.rect([0, y as i32 - i32::from(size) - 6, w as i32, h as i32], [250, 250, 248], 0.72);
        }
        canvas.grain(3.0, self.seed as u32);
        canvas
    }

    /// Prints a person onto a copy of the background.
    pub(super) fn print(&self, sheet: &mut Sheet, person: &Person) {
        let mut person = person.clone();
        if self.seed != PERMIT.seed && !rng::mix(person.seed).is_multiple_of(10) {
            // Only residents with a permit are foreigners as a rule.
            person.nationality = COUNTRIES[self.issuer];
        }
        if let Some(area) = self.portrait {
            self.portrait(sheet, &person, area);
        }
        for &Field(_, value, x, y, size) in &*self.fields {
            let printed = self.value(value, &person);
            let style = Style::new(self.value, size, self.ink).faint(0.93);
            sheet.field(style, (x as f32, y as f32), &printed);
        }
        if self.table {
            for row in 0..8 {
                if rng::mix(person.seed ^ row).is_multiple_of(3) || row == 3 {
                    let y = 445.0 + row as f32 * 19.0;
                    let style = Style::new(Font::Sans, 13, self.ink);
                    sheet.field(style, (712.0, y), &person.issued.to_string());
                    sheet.field(style, (837.0, y), &person.expires.to_string());
                }
            }
        }
        if let Some(area) = self.signature {
            sheet.signature(&person, area);
        }
        if let Some((format, code, x, y, size)) = self.mrz {
            for (i, line) in mrz::lines(format, code, COUNTRIES[self.issuer].code, &person).iter().enumerate()
            {
                let style = Style::new(Font::Mono, size, [24; 3]).tracked(f32::from(size) * 0.03);
                sheet.field(style, (x, y + i as f32 * f32::from(size) * 1.32), line);
            }
        }
        if let Some([x0, y0, x1, y1]) = self.barcode {
            let mut rng = Rng::new(person.seed, 6);
            sheet.canvas.rect([x0 - 8, y0 - 6, x1 + 8, y1 + 6], [255; 3], 0.9);
            let mut x = x0;
            while x < x1 - 8 {
                let bar = rng.int(2, 6);
                sheet.canvas.rect([x, y0, x + bar, y1], [20; 3], 0.95);
                x += bar + rng.int(2, 6);
            }
            sheet.layout.fields.push([x0 as f32, y0 as f32, x1 as f32, y1 as f32]);
        }
    }

    fn portrait(&self, sheet: &mut Sheet, person: &Person, area: [i32; 4]) {
        let [x0, y0, x1, y1] = area;
        let sitting = Sitting::studio(rng::mix(person.seed) ^ self.seed);
        let tile = face::render(&person.face, &sitting, (x1 - x0) as usize, (y1 - y0) as usize);
        let ink = self.ink;
        let grey = |pixel: Pixel| {
            let [r, g, b] = unpack(pixel).map(u32::from);
            ((r * 77 + g * 150 + b * 29) >> 8) as u8
        };
        if self.grey {
            // Engraved by a laser: grey, and the background print shows through the light parts.
            sheet.canvas.paste(&tile, (x0, y0), |_, _, p| {
                let level = grey(p);
                (pack([level; 3]), 250 - u32::from(level.saturating_sub(128)) / 2)
            });
        } else {
            sheet.canvas.paste(&tile, (x0, y0), |_, _, p| (p, 256));
            sheet.canvas.frame([x0 - 2, y0 - 2, x1 + 2, y1 + 2], 2, mix(ink, [255; 3], 0.5), 0.8);
        }
        sheet.layout.portrait = Some(area.map(|v| v as f32));
        if let Some([gx0, gy0, gx1, gy1]) = self.ghost {
            let (w, h) = ((gx1 - gx0) as usize, (gy1 - gy0) as usize);
            let small = tile.shrunk(w, h);
            sheet.canvas.paste(&small, (gx0, gy0), |tx, ty, p| {
                let (u, v) = (tx as f32 / w as f32 - 0.5, ty as f32 / h as f32 - 0.5);
                let fade = (1.5 - 2.8 * (u * u + v * v).sqrt()).clamp(0.0, 1.0);
                let dark = 255 - u32::from(grey(p));
                (pack(ink), (dark as f32 * 0.62 * fade) as u32)
            });
        }
    }
}
