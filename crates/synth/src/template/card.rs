//! Cards and passport pages: one table of positions for each template, one routine that fills it.

use super::Sheet;
use super::security::{self, Emblem, Waves};
use crate::canvas::{Canvas, Color, mix, pack, unpack};
use crate::face::{self, Sitting};
use crate::mrz;
use crate::person::{COUNTRIES, Person};
use crate::rng::{self, Rng};
use crate::text::{self, Font, Style};

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
pub(super) struct Field(&'static str, Value, i32, i32, u16);

/// Everything that distinguishes one card design from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Design {
    pub(super) size: (usize, usize),
    pub(super) seed: u64,
    issuer: usize,
    title: &'static str,
    subtitle: &'static str,
    colors: [Color; 3],
    ink: Color,
    accents: [Color; 2],
    label: Font,
    value: Font,
    /// Left, top, right, bottom.
    portrait: Option<[i32; 4]>,
    grey: bool,
    ghost: Option<[i32; 4]>,
    signature: Option<[i32; 4]>,
    chip: Option<(f32, f32)>,
    emblem: (Emblem, f32, f32, f32),
    flag: Option<([f32; 4], bool)>,
    band: Option<Color>,
    fields: &'static [Field],
    mrz: Option<(mrz::Format, &'static str, f32, f32, u16)>,
    barcode: Option<[i32; 4]>,
    table: bool,
}

use Value as V;

pub(super) const IDENTITY: Design = Design {
    size: (1000, 630),
    seed: 101,
    issuer: 0,
    title: "VALMORA",
    subtitle: "IDENTITY CARD / TARJETTA D'IDENTITÀ",
    colors: [[222, 234, 240], [236, 238, 222], [240, 226, 224]],
    ink: [26, 44, 88],
    accents: [[70, 120, 170], [176, 96, 120]],
    label: Font::Sans,
    value: Font::Bold,
    portrait: Some([48, 150, 318, 500]),
    grey: false,
    ghost: Some([806, 372, 926, 528]),
    signature: Some([350, 520, 640, 600]),
    chip: None,
    emblem: (Emblem::Star, 900.0, 78.0, 52.0),
    flag: Some(([46.0, 36.0, 136.0, 96.0], true)),
    band: None,
    fields: &[
        Field("Surname / Apellats", V::Surname, 350, 190, 27),
        Field("Given names / Noms", V::Given, 350, 255, 27),
        Field("Sex", V::Sex, 350, 320, 25),
        Field("Nationality", V::Nationality, 450, 320, 25),
        Field("Date of birth", V::Birth, 690, 320, 25),
        Field("Place of birth", V::BirthPlace, 350, 385, 25),
        Field("Card no.", V::Number, 350, 450, 29),
        Field("Date of issue", V::Issued, 350, 505, 21),
        Field("Date of expiry", V::Expires, 560, 505, 21),
    ],
    mrz: None,
    barcode: None,
    table: false,
};

pub(super) const IDENTITY_SECOND: Design = Design {
    size: (1000, 630),
    seed: 202,
    issuer: 1,
    title: "REPUBLIC OF KESTRELAND",
    subtitle: "Citizen Card · Carte de citoyen",
    colors: [[244, 232, 210], [238, 240, 214], [214, 232, 216]],
    ink: [40, 34, 30],
    accents: [[60, 130, 86], [190, 140, 60]],
    label: Font::Condensed,
    value: Font::Mono,
    portrait: Some([690, 168, 950, 508]),
    grey: false,
    ghost: Some([560, 410, 652, 530]),
    signature: Some([690, 524, 950, 604]),
    chip: Some((54.0, 190.0)),
    emblem: (Emblem::Shield, 82.0, 72.0, 50.0),
    flag: None,
    band: Some([44, 104, 74]),
    fields: &[
        Field("1  NAME", V::Surname, 176, 200, 26),
        Field("2  FORENAMES", V::Given, 176, 262, 26),
        Field("3  BORN", V::BirthAndPlace, 176, 324, 23),
        Field("4  CITIZENSHIP", V::Nationality, 54, 386, 23),
        Field("5  SEX", V::Sex, 360, 386, 23),
        Field("6  HEIGHT", V::Height, 440, 386, 23),
        Field("7  PERSONAL CODE", V::Personal, 54, 448, 28),
        Field("8  DOCUMENT", V::Number, 54, 512, 26),
        Field("9  VALID UNTIL", V::Expires, 54, 574, 24),
        Field("10  AUTHORITY", V::Office, 290, 574, 22),
    ],
    mrz: None,
    barcode: None,
    table: false,
};

pub(super) const IDENTITY_BACK: Design = Design {
    size: (1000, 630),
    seed: 303,
    issuer: 0,
    title: "VALMORA",
    subtitle: "RESIDENCE AND REGISTRATION",
    colors: [[232, 226, 240], [224, 236, 240], [236, 238, 222]],
    ink: [26, 44, 88],
    accents: [[96, 90, 160], [90, 140, 150]],
    label: Font::Sans,
    value: Font::Sans,
    portrait: None,
    grey: false,
    ghost: None,
    signature: None,
    chip: Some((840.0, 120.0)),
    emblem: (Emblem::Star, 720.0, 150.0, 70.0),
    flag: None,
    band: None,
    fields: &[
        Field("Address / Adreça", V::Street, 50, 150, 26),
        Field("", V::Town, 50, 184, 26),
        Field("Personal number", V::Personal, 50, 250, 26),
        Field("Height", V::Height, 350, 250, 26),
        Field("Issuing office", V::Office, 50, 316, 24),
        Field("Place of birth", V::BirthPlace, 480, 316, 24),
    ],
    mrz: Some((mrz::Format::Td1, "I", 54.0, 470.0, 48)),
    barcode: Some([560, 340, 940, 402]),
    table: false,
};

pub(super) const PASSPORT: Design = Design {
    size: (1000, 704),
    seed: 404,
    issuer: 2,
    title: "NORDHAVEN",
    subtitle: "PASSPORT · PASS · PASSEPORT",
    colors: [[238, 228, 232], [226, 230, 242], [232, 240, 230]],
    ink: [30, 30, 36],
    accents: [[150, 70, 90], [70, 100, 160]],
    label: Font::Serif,
    value: Font::Condensed,
    portrait: Some([44, 140, 324, 500]),
    grey: false,
    ghost: Some([800, 330, 940, 510]),
    signature: Some([352, 468, 640, 540]),
    chip: None,
    emblem: (Emblem::Peaks, 90.0, 72.0, 48.0),
    flag: None,
    band: None,
    fields: &[
        Field("Sex", V::Sex, 352, 142, 23),
        Field("Passport No.", V::Number, 690, 142, 30),
        Field("Surname", V::Surname, 352, 196, 26),
        Field("Given names", V::Given, 352, 250, 26),
        Field("Nationality", V::Nationality, 352, 304, 24),
        Field("Date of birth", V::Birth, 352, 358, 24),
        Field("Personal No.", V::Personal, 600, 358, 24),
        Field("Place of birth", V::BirthPlace, 352, 412, 24),
        Field("Date of issue", V::Issued, 352, 464, 24),
        Field("Authority", V::Office, 600, 412, 22),
        Field("Date of expiry", V::Expires, 600, 464, 24),
    ],
    mrz: Some((mrz::Format::Td3, "P", 34.0, 610.0, 35)),
    barcode: None,
    table: false,
};

pub(super) const PERMIT: Design = Design {
    size: (1000, 630),
    seed: 505,
    issuer: 3,
    title: "RESIDENCE PERMIT",
    subtitle: "TARQUINIA  ·  TITOLO DI SOGGIORNO",
    colors: [[214, 230, 236], [238, 224, 230], [224, 238, 228]],
    ink: [20, 24, 30],
    accents: [[180, 80, 130], [60, 140, 160]],
    label: Font::Condensed,
    value: Font::CondensedBold,
    portrait: Some([40, 128, 290, 448]),
    grey: true,
    ghost: Some([836, 280, 936, 410]),
    signature: Some([316, 408, 560, 470]),
    chip: Some((852.0, 130.0)),
    emblem: (Emblem::Sun, 918.0, 62.0, 46.0),
    flag: Some(([42.0, 34.0, 128.0, 92.0], false)),
    band: None,
    fields: &[
        Field("NAME", V::Surname, 316, 170, 27),
        Field("FORENAMES", V::Given, 316, 222, 25),
        Field("VALID UNTIL", V::Expires, 316, 274, 24),
        Field("PLACE AND DATE OF ISSUE", V::Office, 520, 274, 22),
        Field("TYPE OF PERMIT", V::PermitType, 316, 326, 24),
        Field("NATIONALITY", V::Nationality, 316, 378, 23),
        Field("BORN", V::Birth, 600, 378, 23),
        Field("NO.", V::Number, 690, 110, 30),
    ],
    mrz: Some((mrz::Format::Td2, "IR", 40.0, 548.0, 42)),
    barcode: None,
    table: false,
};

pub(super) const LICENCE: Design = Design {
    size: (1000, 630),
    seed: 606,
    issuer: 4,
    title: "DRIVING LICENCE",
    subtitle: "OSTRAVELLE    PERMIS DE CONDUIRE    FÜHRERSCHEIN",
    colors: [[244, 220, 226], [240, 232, 226], [232, 226, 240]],
    ink: [30, 24, 40],
    accents: [[200, 90, 120], [120, 110, 180]],
    label: Font::Sans,
    value: Font::Sans,
    portrait: Some([50, 200, 290, 510]),
    grey: true,
    ghost: None,
    signature: Some([330, 450, 600, 524]),
    chip: None,
    emblem: (Emblem::Wheel, 100.0, 106.0, 56.0),
    flag: None,
    band: Some([196, 120, 150]),
    fields: &[
        Field("1.", V::Surname, 370, 196, 28),
        Field("2.", V::Given, 370, 236, 28),
        Field("3.", V::BirthAndPlace, 370, 276, 23),
        Field("4a.", V::Issued, 370, 316, 23),
        Field("4c.", V::Office, 610, 316, 21),
        Field("4b.", V::Expires, 370, 352, 26),
        Field("4d.", V::Personal, 610, 352, 23),
        Field("5.", V::Number, 370, 392, 28),
        Field("8.", V::Street, 370, 432, 22),
        Field("9.", V::Classes, 370, 574, 30),
    ],
    mrz: None,
    barcode: None,
    table: true,
};

const OFFICES: [&str; 6] =
    ["MINISTRY OF INTERIOR", "PREFECTURE 04", "CITY OFFICE BELONA", "REGISTRY 117", "DISTRICT WEST", "CONSULATE"];
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
            V::Issued => format!("{:02} {} {}", person.issued.day, person.issued.month_name(), person.issued.year),
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
            security::rosette(&mut canvas, center, rng.range(60.0, 150.0), rng.int(5, 14) as f32, accent, 0.5);
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
        security::emblem(&mut canvas, kind, (x, y), r, if self.band.is_some() && y < 120.0 { [250, 246, 232] } else { self.accents[0] }, 0.95);
        if let Some((area, upright)) = self.flag {
            security::flag(&mut canvas, area, [self.accents[0], [248, 246, 240], self.accents[1]], upright);
        }
        let left = if self.flag.is_some() || (x < 200.0 && y < 120.0) { 160.0 } else { 50.0 };
        text::draw(&mut canvas, Style::new(Font::Bold, 37, head).tracked(3.0), (left, 68.0), self.title);
        text::draw(&mut canvas, Style::new(self.label, 19, head).tracked(1.0), (left, 100.0), self.subtitle);
        let small = Style::new(self.label, 14, mix(self.ink, self.accents[0], 0.4));
        for &Field(label, _, x, y, size) in self.fields {
            if self.table {
                text::draw(&mut canvas, Style::new(self.label, 20, self.accents[0]), (x as f32 - 46.0, y as f32), label);
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
                    text::draw(&mut canvas, Style::new(Font::Bold, 14, self.ink), (648.0, y as f32 + 15.0), class);
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
        if self.seed != PERMIT.seed && rng::mix(person.seed) % 10 != 0 {
            // Only residents with a permit are foreigners as a rule.
            person.nationality = COUNTRIES[self.issuer];
        }
        if let Some(area) = self.portrait {
            self.portrait(sheet, &person, area);
        }
        for &Field(_, value, x, y, size) in self.fields {
            let printed = self.value(value, &person);
            let style = Style::new(self.value, size, self.ink).faint(0.93);
            sheet.field(style, (x as f32, y as f32), &printed);
        }
        if self.table {
            for row in 0..8 {
                if rng::mix(person.seed ^ row) % 3 == 0 || row == 3 {
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
            for (i, line) in mrz::lines(format, code, COUNTRIES[self.issuer].code, &person).iter().enumerate() {
                let style = Style::new(Font::Mono, size, [24; 3]).tracked(f32::from(size) * 0.04);
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
        let grey = |pixel: u32| {
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
