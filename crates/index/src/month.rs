//! The month in which a document was captured, which is as exact as an index needs to be.

use std::{fmt, num::NonZeroU16, str::FromStr};

/// First year that a [`Month`] may have.
const FIRST_YEAR: u16 = 1900;

/// Last year that a [`Month`] may have.
const LAST_YEAR: u16 = 2199;

/// A month of the years 1900 to 2199. Text form: `YYYY-MM`.
///
/// ```
/// use saltprint_index::Month;
///
/// let month: Month = "2019-07".parse()?;
/// assert_eq!((month.year(), month.month()), (2019, 7));
/// assert_eq!(Month::from_index(month.index().get()), Some(month));
/// # Ok::<(), saltprint_index::MonthError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(NonZeroU16);

/// The text is no month of the years 1900 to 2199, or no date or time within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month (YYYY-MM), date (YYYY-MM-DD) or RFC 3339 time of the years {FIRST_YEAR} to {LAST_YEAR}")]
pub struct MonthError;

impl Month {
    /// The month `month` (1 to 12) of `year` (1900 to 2199).
    ///
    /// # Errors
    /// [`MonthError`] where either is out of its range.
    pub fn new(year: u16, month: u8) -> Result<Self, MonthError> {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&year) || !(1..=12).contains(&month) {
            return Err(MonthError);
        }
        NonZeroU16::new((year - FIRST_YEAR) * 12 + u16::from(month)).map(Self).ok_or(MonthError)
    }

    /// The month that `text` lies in: `YYYY-MM`, `YYYY-MM-DD` or an RFC 3339 time. A time's month is taken as
    /// written, in its own offset from UTC.
    ///
    /// # Errors
    /// [`MonthError`] where the text is none of these, or names a day or time that does not exist.
    pub fn from_date(text: &str) -> Result<Self, MonthError> {
        let bytes = text.as_bytes();
        let (Some(date), rest) = (bytes.get(..7), bytes.get(7..).unwrap_or_default()) else {
            return Err(MonthError);
        };
        let year = digits(date, 0, 4).ok_or(MonthError)?;
        let number = digits(date, 5, 2).and_then(|m| u8::try_from(m).ok()).ok_or(MonthError)?;
        if date[4] != b'-' {
            return Err(MonthError);
        }
        let month = Self::new(year, number)?;
        if rest.is_empty() {
            return Ok(month);
        }
        let day = digits(rest, 1, 2).ok_or(MonthError)?;
        if rest[0] != b'-' || day < 1 || day > month.days() {
            return Err(MonthError);
        }
        let time = rest.get(3..).unwrap_or_default();
        if time.is_empty() || is_time(time) { Ok(month) } else { Err(MonthError) }
    }

    /// Year, 1900 to 2199.
    #[must_use]
    pub fn year(self) -> u16 {
        FIRST_YEAR + (self.0.get() - 1) / 12
    }

    /// Month of the year, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        u8::try_from((self.0.get() - 1) % 12 + 1).unwrap_or(12)
    }

    /// Months since December 1899, 1 (January 1900) to 3600 (December 2199). A file format may thus store 0
    /// for an unknown month.
    #[must_use]
    pub fn index(self) -> NonZeroU16 {
        self.0
    }

    /// The month with this [`index`](Self::index), or `None` for 0 and for what is past December 2199.
    #[must_use]
    pub fn from_index(index: u16) -> Option<Self> {
        let month = Self(NonZeroU16::new(index)?);
        (month.year() <= LAST_YEAR).then_some(month)
    }

    fn days(self) -> u16 {
        let year = self.year();
        match self.month() {
            4 | 6 | 9 | 11 => 30,
            2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
            2 => 28,
            _ => 31,
        }
    }
}

impl FromStr for Month {
    type Err = MonthError;

    /// Reads `YYYY-MM` and nothing else; see [`Month::from_date`] for dates.
    fn from_str(text: &str) -> Result<Self, MonthError> {
        if text.len() == 7 { Self::from_date(text) } else { Err(MonthError) }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl serde::Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Month {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Month({self})")
    }
}

/// The number that `count` decimal digits at `start` make; at most 4 digits.
fn digits(text: &[u8], start: usize, count: usize) -> Option<u16> {
    text.get(start..start + count)?.iter().try_fold(0_u16, |number, &digit| {
        digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0'))
    })
}

/// Whether `text` is the part of an RFC 3339 time after its date: `THH:MM:SS[.fraction](Z|+HH:MM|-HH:MM)`.
fn is_time(text: &[u8]) -> bool {
    let clock = |start: usize| {
        digits(text, start, 2).is_some_and(|hour| hour < 24)
            && text.get(start + 2) == Some(&b':')
            && digits(text, start + 3, 2).is_some_and(|minute| minute < 60)
    };
    let separated = matches!(text.first(), Some(b'T' | b't' | b' ')) && text.get(6) == Some(&b':');
    // 60 is a leap second.
    if !separated || !clock(1) || digits(text, 7, 2).is_none_or(|second| second > 60) {
        return false;
    }
    let mut end = 9;
    if text.get(end) == Some(&b'.') {
        let fraction = text[end + 1..].iter().take_while(|digit| digit.is_ascii_digit()).count();
        if fraction == 0 {
            return false;
        }
        end += 1 + fraction;
    }
    match text.get(end) {
        Some(b'Z' | b'z') => text.len() == end + 1,
        Some(b'+' | b'-') => text.len() == end + 6 && clock(end + 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn first_and_last() {
        assert_eq!(Month::new(1900, 1).unwrap().index().get(), 1);
        assert_eq!(Month::new(2199, 12).unwrap().index().get(), 3600);
        assert_eq!(Month::from_index(0), None);
        assert_eq!(Month::from_index(3601), None);
        assert_eq!(Month::new(1899, 12), Err(MonthError));
        assert_eq!(Month::new(2200, 1), Err(MonthError));
        assert_eq!(Month::new(2000, 0), Err(MonthError));
        assert_eq!(Month::new(2000, 13), Err(MonthError));
    }

    #[test]
    fn every_index_round_trips() {
        for index in 1..=3600 {
            let month = Month::from_index(index).unwrap();
            assert_eq!(month.index().get(), index);
            assert_eq!(month.to_string().parse(), Ok(month));
            assert_eq!(Month::new(month.year(), month.month()), Ok(month));
        }
    }

    #[test]
    fn dates_and_times() {
        let july = Month::new(2019, 7).unwrap();
        for text in [
            "2019-07",
            "2019-07-31",
            "2019-07-01T00:00:00Z",
            "2019-07-01t23:59:60.123456789z",
            "2019-07-01 12:00:00+02:00",
            "2019-07-31T12:00:00.5-11:30",
        ] {
            assert_eq!(Month::from_date(text), Ok(july), "{text}");
        }
        assert!(Month::from_date("2020-02-29").is_ok());
        assert!(Month::from_date("2000-02-29").is_ok());
        for text in [
            "",
            "2019",
            "2019-7",
            "2019/07",
            "2019-13",
            "2019-00-01",
            "2019-07-",
            "2019-07-00",
            "2019-07-32",
            "2019-02-29",
            "2100-02-29",
            "2019-07-1",
            "+019-07",
            "2019-07-01T",
            "2019-07-01T24:00:00Z",
            "2019-07-01T12:60:00Z",
            "2019-07-01T12:00:61Z",
            "2019-07-01T12:00:00",
            "2019-07-01T12:00:00.Z",
            "2019-07-01T12:00:00+2:00",
            "2019-07-01T12:00:00Z ",
            "２０１９-07",
        ] {
            assert_eq!(Month::from_date(text), Err(MonthError), "{text}");
        }
        assert_eq!("2019-07-01".parse::<Month>(), Err(MonthError));
    }

    proptest! {
        #[test]
        fn any_text_is_a_month_or_an_error(text in "\\PC{0,40}") {
            let _ = Month::from_date(&text);
        }

        #[test]
        fn nearly_a_time(text in "2019-0[0-9]-[0-3][0-9][Tt ][0-9:.Z+-]{0,24}") {
            let _ = Month::from_date(&text);
        }
    }
}
