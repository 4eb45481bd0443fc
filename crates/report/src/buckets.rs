//! A run of months cut into columns of a map or chart: months, or longer steps where those would be too many.

use saltprint_index::Month;

/// Months of the steps that columns may have.
const STEPS: [u16; 4] = [1, 12, 60, 120];
/// The year in which [`Month::index`] begins.
const EPOCH: u16 = 1900;

/// Columns from the first month to the last, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buckets {
    step: u16,
    first: u16,
    last: u16,
}

impl Buckets {
    /// The finest columns of which there are at most `limit`, or decades; `None` without a month.
    pub(crate) fn new(months: impl Iterator<Item = Month> + Clone, limit: u16) -> Option<Self> {
        let (first, last) = (months.clone().min()?, months.max()?);
        let of = |step| Self { step, first: at(first) / step, last: at(last) / step };
        let fits = STEPS.into_iter().map(of).find(|buckets| buckets.last - buckets.first < limit);
        Some(fits.unwrap_or_else(|| of(STEPS[STEPS.len() - 1])))
    }

    /// Number of columns, 1 or more.
    pub(crate) fn len(self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    /// Column of a month of the run; months beyond it count to its ends.
    pub(crate) fn of(self, month: Month) -> usize {
        usize::from((at(month) / self.step).clamp(self.first, self.last) - self.first)
    }

    /// Whether columns are single months.
    pub(crate) fn are_months(self) -> bool {
        self.step == 1
    }

    /// What a column is, such as "month" or "year".
    pub(crate) fn unit(self) -> &'static str {
        match self.step {
            1 => "month",
            12 => "year",
            60 => "five years",
            _ => "decade",
        }
    }

    /// First year of a column.
    pub(crate) fn year(self, column: usize) -> u16 {
        EPOCH + self.start(column) / 12
    }

    /// `2019-07`, `2019` or `2015–2019`.
    pub(crate) fn label(self, column: usize) -> String {
        let year = self.year(column);
        match self.step {
            1 => format!("{year}-{:02}", self.start(column) % 12 + 1),
            12 => year.to_string(),
            step => format!("{year}–{}", year + step / 12 - 1),
        }
    }

    /// Whether a column and the period from `first` to `last` have a month in common.
    pub(crate) fn meets(self, column: usize, first: Month, last: Month) -> bool {
        let start = self.start(column);
        at(first) < start + self.step && start <= at(last)
    }

    /// First month of a column, from January 1900 on.
    fn start(self, column: usize) -> u16 {
        let column = u16::try_from(column).unwrap_or(0);
        (self.first + column.min(self.last - self.first)) * self.step
    }
}

/// A month's number from January 1900 on, from 0.
fn at(month: Month) -> u16 {
    month.index().get() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(texts: &[&str]) -> Vec<Month> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_few_years_stay_months() {
        let months = months(&["2019-11", "2018-01", "2021-12"]);
        let buckets = Buckets::new(months.iter().copied(), 48).unwrap();
        assert_eq!((buckets.len(), buckets.unit()), (48, "month"));
        assert_eq!(months.iter().map(|month| buckets.of(*month)).collect::<Vec<_>>(), [22, 0, 47]);
        assert_eq!([0, 22].map(|column| buckets.label(column)), ["2018-01", "2019-11"]);
    }

    #[test]
    fn more_become_years_and_more_of_those_longer_steps() {
        let long = months(&["2018-01", "2022-01"]);
        let buckets = Buckets::new(long.iter().copied(), 48).unwrap();
        assert_eq!((buckets.len(), buckets.label(4)), (5, "2022".to_owned()));
        assert!(buckets.meets(1, "2018-06".parse().unwrap(), "2019-01".parse().unwrap()));
        assert!(!buckets.meets(2, "2018-06".parse().unwrap(), "2019-12".parse().unwrap()));
        let ages = months(&["1900-01", "2199-12"]);
        let buckets = Buckets::new(ages.iter().copied(), 48).unwrap();
        assert_eq!((buckets.len(), buckets.label(0)), (30, "1900–1909".to_owned()));
        assert_eq!(Buckets::new([].into_iter(), 48), None);
    }
}
