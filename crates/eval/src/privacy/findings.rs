//! What a measurement found: numbers against bounds, and tables. Pictures of invented documents besides.

use serde::{Serialize, Serializer};

/// Whether a number is where the claim says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivacyVerdict {
    /// Within its bound.
    Holds,
    /// Beyond its bound: something leaks, and the number says how much.
    Leaks,
    /// No claim was made: a number to know.
    Stated,
}

impl PrivacyVerdict {
    /// The verdict as a word for tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Leaks => "leaks",
            Self::Stated => "stated",
        }
    }
}

/// One number.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was measured.
    pub what: String,
    /// How it came out.
    pub value: f64,
    /// What it was to stay at or below; none where nothing was claimed.
    pub bound: Option<f64>,
    /// What the bound stands for, or what the number means.
    pub basis: String,
    /// Whether it did.
    pub verdict: PrivacyVerdict,
}

impl Finding {
    /// A number that is to stay at or below `bound`.
    pub(super) fn at_most(what: impl Into<String>, value: f64, bound: f64, basis: impl Into<String>) -> Self {
        // Also where it is no number.
        let verdict = if value <= bound { PrivacyVerdict::Holds } else { PrivacyVerdict::Leaks };
        Self { what: what.into(), value, bound: Some(bound), basis: basis.into(), verdict }
    }

    /// A number about which nothing is claimed.
    pub(super) fn stated(what: impl Into<String>, value: f64, basis: impl Into<String>) -> Self {
        Self { what: what.into(), value, bound: None, basis: basis.into(), verdict: PrivacyVerdict::Stated }
    }
}

/// What a cell of a table holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// Words of this program.
    Text(String),
    /// A count.
    Count(u64),
    /// A number, shown with as many decimals.
    Number(f64, usize),
    /// A share, 0 to 1, shown in percent.
    Share(f64),
}

impl Cell {
    pub(super) fn text(words: impl Into<String>) -> Self {
        Self::Text(words.into())
    }

    pub(super) fn count(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(words) => f.write_str(words),
            Self::Count(count) => count.fmt(f),
            Self::Number(value, decimals) => write!(f, "{value:.decimals$}"),
            Self::Share(share) => write!(f, "{:.1} %", share * 100.0),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(words) => serializer.serialize_str(words),
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Number(value, _) | Self::Share(value) => serializer.serialize_f64(*value),
        }
    }
}

/// Numbers that belong together.
#[derive(Debug, Clone, Serialize)]
pub struct PrivacyTable {
    /// What it shows.
    pub title: String,
    /// Headings; the first is that of the rows' names.
    pub columns: Vec<String>,
    /// As many cells a row as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl PrivacyTable {
    pub(super) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.into(), columns, rows: Vec::new() }
    }
}

/// A picture of an invented document, as a PNG file.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) caption: String,
    pub(super) png: Vec<u8>,
}

/// One measurement.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Measurement {
    /// Its letter, as in PRIVACY.md.
    pub letter: char,
    /// What it is about.
    pub title: &'static str,
    /// How it was done, in a few sentences.
    pub method: String,
    /// Numbers with verdicts.
    pub findings: Vec<Finding>,
    /// Numbers in tables.
    pub tables: Vec<PrivacyTable>,
    /// Rows of pictures; of invented documents only.
    #[serde(skip)]
    pub(super) pictures: Vec<Vec<Picture>>,
}

impl Measurement {
    pub(super) fn new(letter: char, title: &'static str, method: impl Into<String>) -> Self {
        let method = method.into();
        Self { letter, title, method, findings: Vec::new(), tables: Vec::new(), pictures: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_decides_and_no_number_leaks() {
        assert_eq!(Finding::at_most("", 1.0, 1.0, "").verdict, PrivacyVerdict::Holds);
        assert_eq!(Finding::at_most("", 1.1, 1.0, "").verdict, PrivacyVerdict::Leaks);
        assert_eq!(Finding::at_most("", f64::NAN, 1.0, "").verdict, PrivacyVerdict::Leaks);
        assert_eq!(Finding::stated("", 9.0, "").verdict, PrivacyVerdict::Stated);
    }

    #[test]
    fn cells_are_numbers_for_machines_and_words_for_people() {
        let cells = [Cell::text("linear"), Cell::count(7), Cell::Number(1.25, 1), Cell::Share(0.125)];
        assert_eq!(cells.each_ref().map(ToString::to_string), ["linear", "7", "1.2", "12.5 %"]);
        assert_eq!(serde_json::to_string(&cells).unwrap(), r#"["linear",7,1.25,0.125]"#);
    }
}
