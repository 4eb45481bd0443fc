//! What the index knows about a record besides its fingerprint.

use std::fmt;
use std::str::FromStr;

use saltprint_keys::{ContentDigest, SubjectRef};

const FIRST_YEAR: u16 = 1900;
const LAST_YEAR: u16 = 2199;

/// A calendar month, 1900-01 to 2199-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u16);

/// Not a month between 1900-01 and 2199-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month between 1900-01 and 2199-12; write it as YYYY-MM")]
pub struct MonthError;

impl Month {
    /// `year` 1900 to 2199, `month` 1 to 12.
    ///
    /// # Errors
    /// [`MonthError`] outside these ranges.
    pub fn new(year: u16, month: u8) -> Result<Self, MonthError> {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&year) || !(1..=12).contains(&month) {
            return Err(MonthError);
        }
        Ok(Self((year - FIRST_YEAR) * 12 + u16::from(month) - 1))
    }

    /// The year, 1900 to 2199.
    pub fn year(self) -> u16 {
        FIRST_YEAR + self.0 / 12
    }

    /// The month of the year, 1 to 12.
    pub fn month(self) -> u16 {
        self.0 % 12 + 1
    }

    /// Number on disk: months since 1900-01 plus 1, and 0 for "not stated".
    pub(crate) fn to_code(month: Option<Self>) -> u16 {
        month.map_or(0, |month| month.0 + 1)
    }

    pub(crate) fn from_code(code: u16) -> Result<Option<Self>, MonthError> {
        match code.checked_sub(1) {
            None => Ok(None),
            Some(index) if index / 12 <= LAST_YEAR - FIRST_YEAR => Ok(Some(Self(index))),
            Some(_) => Err(MonthError),
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl FromStr for Month {
    type Err = MonthError;

    /// Parses `YYYY-MM`.
    fn from_str(text: &str) -> Result<Self, MonthError> {
        let (year, month) = text.split_once('-').ok_or(MonthError)?;
        let digits = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(MonthError);
        }
        Self::new(year.parse().map_err(|_| MonthError)?, month.parse().map_err(|_| MonthError)?)
    }
}

impl serde::Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Facts of one record: where it came from, when, what it is, whose.
///
/// `Debug` leaves the subject and the content digest out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordFacts {
    /// The system or vendor that held the record.
    pub source: Option<String>,
    /// The month in which it was captured.
    pub captured: Option<Month>,
    /// The kind of document.
    pub kind: Option<String>,
    /// Pseudonym of the customer; two records of one subject are not rivals.
    pub subject: Option<SubjectRef>,
    /// Keyed digest of the record's bytes: equal for records that are the same file.
    pub content: ContentDigest,
}

impl RecordFacts {
    /// Facts with nothing stated but the content digest.
    pub fn new(content: ContentDigest) -> Self {
        Self { source: None, captured: None, kind: None, subject: None, content }
    }
}

impl fmt::Debug for RecordFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordFacts")
            .field("source", &self.source)
            .field("captured", &self.captured)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn months_round_trip(year in 1900_u16..=2199, month in 1_u8..=12) {
            let value = Month::new(year, month).unwrap();
            prop_assert_eq!(value.to_string().parse::<Month>().unwrap(), value);
            prop_assert_eq!(Month::from_code(Month::to_code(Some(value))), Ok(Some(value)));
        }
    }

    #[test]
    fn what_is_not_a_month_is_refused() {
        for text in ["", "2019", "2019-1", "2019-13", "2019-00", "1899-12", "2200-01", "+019-01", "2019-01-01"] {
            assert_eq!(text.parse::<Month>(), Err(MonthError), "{text}");
        }
        assert_eq!(Month::from_code(0), Ok(None));
        assert_eq!(Month::from_code(300 * 12), Ok(Some(Month::new(2199, 12).unwrap())));
        assert_eq!(Month::from_code(300 * 12 + 1), Err(MonthError));
    }
}
