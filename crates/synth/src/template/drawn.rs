//! Card designs that are drawn by number: as many as wanted, of which a vault may hold few documents each.
//!
//! The other designs are made with care, and each is often in a vault. Real vaults have a long tail besides: cards of countries and
//! years of which they hold a handful. There nobody can tell from the records what of a document is print.

use std::borrow::Cow;

use super::card::{Design, Field, Value as V};
use super::security::Emblem;
use crate::mrz;
use crate::person::COUNTRIES;
use crate::rng::{self, Rng};
use crate::text::Font;

const TITLES: [&str; 8] = [
    "IDENTITY CARD",
    "RESIDENT CARD",
    "HEALTH CARD",
    "VOTER CARD",
    "SERVICE CARD",
    "SEAFARER'S CARD",
    "WORK PERMIT",
    "TRAVEL CARD",
];

/// What a field may be labelled, the value that it prints, and how much of a line that takes, 1 or 2 halves.
const FIELDS: [([&str; 3], V, i32); 12] = [
    (["Surname / Nom", "NAME", "1. Familienname"], V::Surname, 1),
    (["Given names / Prénoms", "FORENAMES", "2. Vornamen"], V::Given, 1),
    (["Date of birth", "BORN", "3. Geburtstag"], V::Birth, 1),
    (["Place of birth", "BORN AT", "4. Geburtsort"], V::BirthPlace, 1),
    (["Sex / Sexe", "SEX", "5. Geschlecht"], V::Sex, 1),
    (["Nationality", "CITIZEN OF", "6. Staat"], V::Nationality, 1),
    (["Card no.", "DOCUMENT", "7. Nummer"], V::Number, 1),
    (["Personal number", "PERSONAL CODE", "8. Kennzahl"], V::Personal, 1),
    (["Expires / Expire", "VALID UNTIL", "9. gültig bis"], V::Expires, 1),
    (["Issued / Délivrée", "ISSUED ON", "10. ausgestellt"], V::Issued, 1),
    (["Address / Adresse", "LIVES AT", "11. Anschrift"], V::Street, 2),
    (["Authority / Autorité", "OFFICE", "12. Behörde"], V::Office, 2),
];

/// Width and height of all of them.
const SIZE: (usize, usize) = (1000, 630);
/// Upper end of what is below the title.
const TOP: i32 = 140;

/// The design with a number: the same for everybody.
pub(super) fn design(number: u16) -> Design {
    let mut rng = Rng::new(number.into(), 0x6472_6177);
    let font = |rng: &mut Rng| {
        *rng.pick(&[
            Font::Sans,
            Font::Bold,
            Font::Condensed,
            Font::CondensedBold,
            Font::Mono,
            Font::Serif,
            Font::SerifBold,
        ])
    };
    let pale = |rng: &mut Rng| [0; 3].map(|_: u8| rng.int(206, 246) as u8);
    let strong = |rng: &mut Rng| [0; 3].map(|_: u8| rng.int(40, 200) as u8);
    let dark = |rng: &mut Rng| [0; 3].map(|_: u8| rng.int(16, 70) as u8);
    let issuer = rng.below(COUNTRIES.len());
    let mrz = rng.chance(0.3).then_some((mrz::Format::Td2, "ID", 40.0, 548.0, 42));
    let bottom = if mrz.is_some() { 480 } else { 600 };

    let (width, height) = (rng.int(210, 280), rng.int(250, bottom - TOP - 20).min(340));
    let on_the_left = rng.chance(0.6);
    let left = if on_the_left { rng.int(36, 60) } else { 1000 - width - rng.int(36, 60) };
    let top = rng.int(TOP, bottom - height - 10);
    let portrait = [left, top, left + width, top + height];
    let (from, to) = if on_the_left { (left + width + 34, 970) } else { (44, left - 30) };

    // In one or two columns, in any order.
    let mut places = Vec::new();
    let columns = rng.int(1, 2);
    // In two columns the longest given names leave little of theirs.
    let size = rng.int(19, if columns == 1 { 28 } else { 22 });
    let pitch = size * 2 + rng.int(6, 14);
    let mut rows = (0..).map(|row| TOP + 34 + row * pitch).take_while(|y| *y < bottom - 70);
    let mut fields: Vec<usize> = (0..FIELDS.len()).collect();
    for at in (1..fields.len()).rev() {
        fields.swap(at, rng.below(at + 1));
    }
    let words = rng.below(3);
    let mut column = columns;
    let mut y = 0;
    for (labels, value, halves) in fields.into_iter().map(|field| FIELDS[field]) {
        if column + halves > columns {
            let Some(next) = rows.next() else { break };
            (y, column) = (next, 0);
        }
        let x = from + column * (to - from) / columns;
        places.push(Field(labels[words], value, x, y, size as u16));
        column += halves;
    }

    let signature = rng.chance(0.6).then(|| [from, bottom - 56, (from + 260).min(to), bottom - 6]);
    let emblem = *rng.pick(&[
        Emblem::Star,
        Emblem::Shield,
        Emblem::Sun,
        Emblem::Peaks,
        Emblem::Wheel,
        Emblem::Drop,
        Emblem::Columns,
    ]);
    let at = if rng.chance(0.5) { rng.range(860.0, 930.0) } else { rng.range(64.0, 96.0) };
    Design {
        size: SIZE,
        seed: rng::mix(0x6472_6177 ^ u64::from(number)),
        issuer,
        title: TITLES[rng.below(TITLES.len())],
        subtitle: COUNTRIES[issuer].name,
        colors: [pale(&mut rng), pale(&mut rng), pale(&mut rng)],
        ink: dark(&mut rng),
        accents: [strong(&mut rng), strong(&mut rng)],
        label: font(&mut rng),
        value: font(&mut rng),
        portrait: Some(portrait),
        grey: rng.chance(0.4),
        ghost: None,
        signature,
        chip: None,
        emblem: (emblem, at, rng.range(60.0, 82.0), rng.range(36.0, 54.0)),
        flag: None,
        band: rng.chance(0.4).then(|| strong(&mut rng)),
        fields: Cow::Owned(places),
        mrz,
        barcode: None,
        table: false,
    }
}
