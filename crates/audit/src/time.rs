//! Points in time as entries hold them: UTC to the millisecond.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

const DAY_MS: i64 = 86_400_000;
/// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what four digits of a year can say.
const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_300_799_999;

/// A point in time, in whole milliseconds of UTC within the years 0000 to 9999.
///
/// The text form is `2026-11-05T12:34:56.789Z`, always 24 characters (RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no time of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a time; write it as `2026-11-05T12:34:56.789Z`")]
pub struct ParseTimeError;

impl Timestamp {
    /// Milliseconds since 1970-01-01 00:00 UTC; times out of range become the nearest one that is not.
    pub(crate) const fn from_millis(millis: i64) -> Self {
        if millis < FIRST_MS {
            Self(FIRST_MS)
        } else if millis > LAST_MS {
            Self(LAST_MS)
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since 1970-01-01 00:00 UTC, negative before.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// How much later than `earlier` this is; nothing where it is not later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

/// Never fails: a clock that is wrong is for the log to record, not a reason to lose an entry.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => millis(after),
            Err(before) => -millis(before.duration()),
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0.div_euclid(DAY_MS), self.0.rem_euclid(DAY_MS));
        let (year, month, day) = date(days);
        let (hour, minute, second, milli) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        let bytes: &[u8; 24] = text.as_bytes().try_into().map_err(|_| ParseTimeError)?;
        let number = |from: usize, len: usize| {
            let digits = bytes.get(from..from + len)?;
            digits.iter().try_fold(0_i64, |sum, digit| {
                digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
            })
        };
        let parse = || {
            let days = days(number(0, 4)?, number(5, 2)?, number(8, 2)?);
            let seconds = number(11, 2)? * 3600 + number(14, 2)? * 60 + number(17, 2)?;
            Some(Self::from_millis(days * DAY_MS + seconds * 1000 + number(20, 3)?))
        };
        // Writing it again is the check of separators and ranges: only the one right text comes back as it was.
        parse().filter(|time| time.to_string() == text).ok_or(ParseTimeError)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

// The proleptic Gregorian calendar, counted in eras of 400 years that begin on the 1st of March, so that the leap day is
// the last of its year: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2021.

/// Year, month (1 to 12) and day (1 to 31) of a day counted from 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`date`]; days that the month does not have count into the next.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_793_882_096_789, "2026-11-05T12:34:56.789Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (FIRST_MS, "0000-01-01T00:00:00.000Z"),
            (LAST_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(millis)));
        }
    }

    #[test]
    fn no_clock_is_an_error() {
        assert_eq!(Timestamp::from_millis(i64::MIN), Timestamp(FIRST_MS));
        assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp(LAST_MS));
        let before = UNIX_EPOCH - Duration::from_millis(1500);
        assert_eq!(Timestamp::from(before).to_string(), "1969-12-31T23:59:58.500Z");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2026-11-05T12:34:56Z",
            "2026-11-05 12:34:56.789Z",
            "2026-13-05T12:34:56.789Z",
            "2026-02-29T12:34:56.789Z",
            "2026-11-05T24:00:00.000Z",
            "2026-11-05T12:34:60.000Z",
            "2026-11-05T12:34:56.789z",
            "+026-11-05T12:34:56.789Z",
            "2026-00-00T00:00:00.000Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(ParseTimeError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn texts_come_back(millis in FIRST_MS..=LAST_MS) {
            prop_assert_eq!(Timestamp(millis).to_string().parse(), Ok(Timestamp(millis)));
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:.+-]{24}|.*") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
