//! How many, in coarse steps.

use serde::{Deserialize, Serialize};

/// A count as an entry tells it.
///
/// An overseer needs the size of an answer, not the number. Exact numbers would let a reader of the log subtract: two
/// triages that differ in one image tell by their totals what became of that image, and totals are as good as a name
/// for a known leak. The step of a single image (0 and 1) stays, because it *is* the answer of a lookup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Band {
    /// None.
    #[default]
    #[serde(rename = "0")]
    Zero,
    /// One.
    #[serde(rename = "1")]
    One,
    /// 2 to 9.
    #[serde(rename = "2-9")]
    Few,
    /// 10 to 99.
    #[serde(rename = "10-99")]
    Tens,
    /// 100 to 999.
    #[serde(rename = "100-999")]
    Hundreds,
    /// 1000 and more.
    #[serde(rename = "1000+")]
    Thousands,
}

impl Band {
    /// The band that a count falls into.
    pub const fn of(count: u64) -> Self {
        match count {
            0 => Self::Zero,
            1 => Self::One,
            2..=9 => Self::Few,
            10..=99 => Self::Tens,
            100..=999 => Self::Hundreds,
            1000.. => Self::Thousands,
        }
    }

    /// The band as the log writes it, such as `10-99`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "0",
            Self::One => "1",
            Self::Few => "2-9",
            Self::Tens => "10-99",
            Self::Hundreds => "100-999",
            Self::Thousands => "1000+",
        }
    }
}

/// How an answer came out: for a lookup over the records it named, for a triage over its items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// Strong matches.
    pub strong: Band,
    /// Possible matches.
    pub possible: Band,
    /// Inputs without a match.
    pub none: Band,
}

impl Results {
    /// The bands of three exact counts, which are kept nowhere.
    pub const fn of(strong: u64, possible: u64, none: u64) -> Self {
        Self { strong: Band::of(strong), possible: Band::of(possible), none: Band::of(none) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_meet_without_gap() {
        let edges =
            [(0, "0"), (1, "1"), (2, "2-9"), (9, "2-9"), (10, "10-99"), (99, "10-99"), (100, "100-999")];
        for (count, text) in edges.into_iter().chain([(999, "100-999"), (1000, "1000+"), (u64::MAX, "1000+")])
        {
            assert_eq!(Band::of(count).as_str(), text);
            assert_eq!(serde_json::to_string(&Band::of(count)).unwrap(), format!("\"{text}\""));
        }
    }

    #[test]
    fn no_other_band_is_read() {
        assert!(serde_json::from_str::<Results>(r#"{"strong":"1","possible":"0","none":"0"}"#).is_ok());
        assert!(serde_json::from_str::<Results>(r#"{"strong":"3","possible":"0","none":"0"}"#).is_err());
        assert!(serde_json::from_str::<Results>(r#"{"strong":3,"possible":"0","none":"0"}"#).is_err());
    }
}
