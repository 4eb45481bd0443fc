//! One investigation: a leak, a folder of results, a verdict that stands up.

mod summary;

pub use summary::{
    Attribution, CaseSummary, Cell, CopyCounts, CoverageReport, EditBound, Explanation, FORMAT, IndexFacts,
    Margin, NegativeStatement, Place, Plot, Plots, SourceCoverage, Statement, Verdict,
};
