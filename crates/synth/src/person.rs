//! Invented people.

use std::fmt;

use crate::face::Face;
use crate::names;
use crate::rng::Rng;

/// A calendar day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Date {
    /// Year, four digits.
    pub year: u16,
    /// Month, 1..=12.
    pub month: u8,
    /// Day, 1..=28: the invented never have their birthday on the 29th.
    pub day: u8,
}

impl Date {
    fn invent(rng: &mut Rng, first: u16, last: u16) -> Self {
        Self {
            year: rng.int(i32::from(first), i32::from(last)) as u16,
            month: rng.int(1, 12) as u8,
            day: rng.int(1, 28) as u8,
        }
    }

    /// Month as three capital letters.
    pub fn month_name(self) -> &'static str {
        const NAMES: [&str; 12] =
            ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
        NAMES[(usize::from(self.month) + 11) % 12]
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}.{:02}.{:04}", self.day, self.month, self.year)
    }
}

/// As a document states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// F
    Female,
    /// M
    Male,
    /// X
    Unstated,
}

impl Sex {
    /// The letter that the visual zone prints.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Female => "F",
            Self::Male => "M",
            Self::Unstated => "X",
        }
    }
}

/// An invented country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Country {
    /// Name in capitals.
    pub name: &'static str,
    /// Adjective for the nationality field, in capitals.
    pub people: &'static str,
    /// Three-letter code, assigned to no real state.
    pub code: &'static str,
}

/// The countries that people come from; templates are issued by the first few.
pub(crate) const COUNTRIES: [Country; 8] = [
    Country { name: "VALMORA", people: "VALMORAN", code: "VMO" },
    Country { name: "KESTRELAND", people: "KESTRISH", code: "KSR" },
    Country { name: "NORDHAVEN", people: "NORDHAVIAN", code: "NHV" },
    Country { name: "TARQUINIA", people: "TARQUINIAN", code: "TQN" },
    Country { name: "OSTRAVELLE", people: "OSTRAVELLOISE", code: "OVL" },
    Country { name: "ZEMBALA", people: "ZEMBALAN", code: "ZBL" },
    Country { name: "ILMARISK", people: "ILMARISKI", code: "IMK" },
    Country { name: "SAINT ORLO", people: "ORLOAN", code: "XOR" },
];

/// A person who does not exist: everything that a document prints, and a face.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Person {
    /// The seed that gave this person.
    pub seed: u64,
    /// One or two given names.
    pub given: String,
    /// Family name.
    pub surname: String,
    /// Stated sex.
    pub sex: Sex,
    /// Day of birth; everybody is of age.
    pub birth: Date,
    /// Town of birth.
    pub birth_place: String,
    /// Citizenship.
    pub nationality: Country,
    /// Nine letters and digits.
    pub document_number: String,
    /// Eleven digits.
    pub personal_number: String,
    /// Day of issue.
    pub issued: Date,
    /// Day of expiry, five or ten years later.
    pub expires: Date,
    /// Street and house number.
    pub street: String,
    /// Postcode and town.
    pub town: String,
    /// Body height in centimetres.
    pub height: u16,
    /// What the portrait is drawn from.
    pub face: Face,
}

impl Person {
    /// The person of a seed: the same seed always gives the same person.
    pub fn invent(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0x7065_7273);
        let female = rng.chance(0.5);
        let (given, surname) = names::person(&mut rng, female);
        let sex = match (rng.chance(0.02), female) {
            (true, _) => Sex::Unstated,
            (false, true) => Sex::Female,
            (false, false) => Sex::Male,
        };
        let birth = Date::invent(&mut rng, 1944, 2000);
        let issued = Date::invent(&mut rng, 2012, 2022);
        let term = if rng.chance(0.6) { 10 } else { 5 };
        let (prefix, middle) = (rng.letters(2), rng.digits(6));
        Self {
            seed,
            given,
            surname,
            sex,
            birth,
            birth_place: names::city(&mut rng),
            nationality: *rng.pick(&COUNTRIES),
            document_number: format!("{prefix}{middle}{}", rng.letters(1)),
            personal_number: rng.digits(11),
            issued,
            expires: Date { year: issued.year + term, ..issued },
            street: names::street(&mut rng),
            town: format!("{} {}", rng.digits(5), names::city(&mut rng)),
            height: rng.int(if female { 150 } else { 160 }, if female { 184 } else { 200 }) as u16,
            face: Face::invent(seed, female, 2020 - i32::from(birth.year)),
        }
    }
}
