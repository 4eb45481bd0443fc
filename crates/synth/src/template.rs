//! Document designs and how a person is printed onto one.

mod card;
mod designs;
mod drawn;
mod page;
mod security;

use std::sync::OnceLock;

use crate::canvas::Canvas;
use crate::face::{self, Sitting};
use crate::person::Person;
use crate::rng::{self, Rng};
use crate::text::{self, Style};

/// A document design. All documents of a template share background, labels and positions; that is what
/// makes them hard to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Template {
    /// Front of the Valmoran identity card.
    IdentityCard,
    /// Front of the identity card of a second country, portrait on the right, with a chip.
    CitizenCard,
    /// Back of the Valmoran identity card: address, bar code and three lines of MRZ, no portrait.
    IdentityCardBack,
    /// Data page of a passport with two lines of MRZ.
    Passport,
    /// Residence permit with an engraved grey portrait.
    ResidencePermit,
    /// Driving licence with numbered fields and a table of classes.
    DrivingLicence,
    /// Page of a water bill.
    UtilityBill,
    /// Page of a bank statement.
    BankStatement,
    /// Selfie in a room.
    Selfie,
    /// A card of the design with this number, of which there are as many as numbers. For vaults that hold few documents of each of
    /// many designs.
    Drawn(u16),
}

const COUNT: usize = 9;

impl Template {
    /// All templates but the [`Template::Drawn`] ones.
    pub const ALL: [Self; COUNT] = [
        Self::IdentityCard,
        Self::CitizenCard,
        Self::IdentityCardBack,
        Self::Passport,
        Self::ResidencePermit,
        Self::DrivingLicence,
        Self::UtilityBill,
        Self::BankStatement,
        Self::Selfie,
    ];

    /// A unique name, for file names and tables; [`Template::Drawn`] ones share theirs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdentityCard => "identity-card",
            Self::CitizenCard => "citizen-card",
            Self::IdentityCardBack => "identity-card-back",
            Self::Passport => "passport",
            Self::ResidencePermit => "residence-permit",
            Self::DrivingLicence => "driving-licence",
            Self::UtilityBill => "utility-bill",
            Self::BankStatement => "bank-statement",
            Self::Selfie => "selfie",
            Self::Drawn(_) => "drawn-card",
        }
    }

    /// The kind of document as a vault would file it; several templates may share one.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::IdentityCard | Self::CitizenCard | Self::IdentityCardBack | Self::Drawn(_) => {
                "identity-card"
            }
            Self::Passport => "passport",
            Self::ResidencePermit => "permit",
            Self::DrivingLicence => "licence",
            Self::UtilityBill => "utility-bill",
            Self::BankStatement => "bank-statement",
            Self::Selfie => "selfie",
        }
    }

    /// Whether documents of this template show a face.
    pub const fn has_portrait(self) -> bool {
        match self {
            Self::IdentityCardBack | Self::UtilityBill | Self::BankStatement => false,
            Self::IdentityCard
            | Self::CitizenCard
            | Self::Passport
            | Self::ResidencePermit
            | Self::DrivingLicence
            | Self::Selfie
            | Self::Drawn(_) => true,
        }
    }

    fn design(self) -> Art {
        match self {
            Self::IdentityCard => Art::Card(&designs::IDENTITY),
            Self::CitizenCard => Art::Card(&designs::IDENTITY_SECOND),
            Self::IdentityCardBack => Art::Card(&designs::IDENTITY_BACK),
            Self::Passport => Art::Card(&designs::PASSPORT),
            Self::ResidencePermit => Art::Card(&designs::PERMIT),
            Self::DrivingLicence => Art::Card(&designs::LICENCE),
            Self::UtilityBill => Art::Page(&page::UTILITY),
            Self::BankStatement => Art::Page(&page::BANK),
            Self::Selfie => Art::Selfie,
            Self::Drawn(number) => Art::Drawn(Box::new(drawn::design(number))),
        }
    }

    /// Radius in pixels of the corners of the physical document.
    pub(crate) const fn corner(self) -> f32 {
        match self {
            Self::Passport => 14.0,
            Self::UtilityBill | Self::BankStatement | Self::Selfie => 0.0,
            Self::IdentityCard
            | Self::CitizenCard
            | Self::IdentityCardBack
            | Self::ResidencePermit
            | Self::DrivingLicence
            | Self::Drawn(_) => 32.0,
        }
    }

    /// How many image pixels the camera spends on a pixel of the sheet, and whether the picture has no border.
    pub(crate) const fn enlargement(self) -> (f32, bool) {
        match self {
            Self::Selfie => (1.5, true),
            Self::UtilityBill | Self::BankStatement => (0.79, false),
            Self::IdentityCard
            | Self::CitizenCard
            | Self::IdentityCardBack
            | Self::Passport
            | Self::ResidencePermit
            | Self::DrivingLicence
            | Self::Drawn(_) => (0.95, false),
        }
    }

    /// What all documents of this template share. That of a template in [`Template::ALL`] is printed once, and kept.
    fn background(self, print: impl FnOnce() -> Canvas) -> Canvas {
        static PRINTS: [OnceLock<Canvas>; COUNT] = [const { OnceLock::new() }; COUNT];
        match PRINTS.get(self.place()) {
            Some(kept) => kept.get_or_init(print).clone(),
            None => print(),
        }
    }

    /// Place in [`Template::ALL`]; of all [`Template::Drawn`] ones its end.
    pub fn place(self) -> usize {
        Self::ALL.iter().position(|template| *template == self).unwrap_or(COUNT)
    }

    /// A number that no other template has.
    pub(crate) fn number(self) -> u64 {
        if let Self::Drawn(number) = self { 1 << 16 | u64::from(number) } else { self.place() as u64 }
    }

    /// The document of `person` as it left the printer, before any camera saw it.
    pub(crate) fn print(self, person: &Person) -> Sheet {
        let card = |design: &card::Design| {
            let mut sheet = Sheet::new(self.background(|| design.background()));
            design.print(&mut sheet, person);
            sheet
        };
        match self.design() {
            Art::Card(design) => card(design),
            Art::Drawn(design) => card(&design),
            Art::Page(issuer) => {
                let mut sheet = Sheet::new(self.background(|| issuer.background()));
                issuer.print(&mut sheet, person);
                sheet
            }
            Art::Selfie => selfie(person, SITTING),
        }
    }
}

enum Art {
    Card(&'static card::Design),
    Drawn(Box<card::Design>),
    Page(&'static page::Issuer),
    Selfie,
}

/// Selfies are drawn at this size and enlarged by the camera: skin has no detail that would need more.
const SELFIE: (usize, usize) = (460, 577);

/// The sitting of the selfies of a vault.
const SITTING: u64 = 0x5e1f;

pub(crate) fn selfie(person: &Person, sitting: u64) -> Sheet {
    let sitting = Sitting::selfie(rng::mix(person.seed) ^ sitting);
    let canvas = face::render(&person.face, &sitting, SELFIE.0, SELFIE.1);
    let mut sheet = Sheet::new(canvas);
    let (cx, cy) = (sitting.center.0 * SELFIE.0 as f32, sitting.center.1 * SELFIE.1 as f32);
    let half = sitting.size * SELFIE.1 as f32 * 1.2;
    sheet.layout.portrait = Some([cx - half * 0.85, cy - half, cx + half * 0.85, cy + half]);
    sheet
}

/// Positions on a sheet, `[left, top, right, bottom]` in pixels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) portrait: Option<[f32; 4]>,
    pub(crate) fields: Vec<[f32; 4]>,
}

/// A printed document and where its parts lie.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) canvas: Canvas,
    pub(crate) layout: Marks,
}

impl Sheet {
    fn new(canvas: Canvas) -> Self {
        Self { canvas, layout: Marks::default() }
    }

    fn field(&mut self, style: Style, at: (f32, f32), value: &str) {
        let area = text::draw(&mut self.canvas, style, at, value);
        self.layout.fields.push(area);
    }

    /// A signature: a run of loops with the writer's own slant, pitch and flourish.
    fn signature(&mut self, person: &Person, area: [i32; 4]) {
        let [x0, y0, x1, y1] = area.map(|v| v as f32);
        let mut rng = Rng::new(person.seed, 0x7369_676e);
        let (slant, ink) = (rng.range(-0.1, 0.5), [[26, 34, 92], [24, 24, 28], [40, 48, 110]][rng.below(3)]);
        let middle = y0 + (y1 - y0) * 0.55;
        let height = (y1 - y0) * rng.range(0.26, 0.42);
        let letters = rng.int(5, 10);
        let pitch = (x1 - x0) * rng.range(0.55, 0.85) / letters as f32;
        let mut points = Vec::new();
        let mut x = x0 + 12.0;
        for letter in 0..letters {
            let tall = if letter == 0 {
                1.0
            } else {
                rng.range(0.25, 0.8) * if rng.chance(0.2) { 1.8 } else { 1.0 }
            };
            let (loops, lean) = (rng.range(0.2, 0.9), rng.range(0.0, 6.3));
            for step in 0..12 {
                let t = step as f32 / 12.0;
                let a = t * std::f32::consts::TAU + lean * 0.2;
                let dy = -a.sin() * height * tall;
                let dx = pitch * t + (1.0 - a.cos()) * pitch * loops * 0.5 - dy * slant;
                points.push((x + dx, (middle + dy).clamp(y0, y1 + 8.0)));
            }
            x += pitch;
        }
        if rng.chance(0.6) {
            points.push((x0 + rng.range(0.1, 0.4) * (x1 - x0), middle + height * 1.1));
            points.push((x1 - 8.0, middle + height * rng.range(0.5, 1.0)));
        }
        self.canvas.stroke(&points, rng.range(1.8, 3.2), ink, 0.88);
        self.layout.fields.push([x0, y0, x1, y1]);
    }
}
