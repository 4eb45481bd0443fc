//! Exact scan of a sealed segment: decrypt a page into a scratch buffer, run all queries on it, wipe it.

use std::ops::Range;

use saltprint_fingerprint::GlobalCode;
use zeroize::Zeroizing;

use crate::format::{CODE_ROW_LEN, PAGE_LEN};
use crate::scan::Scanner;
use crate::{IndexError, Nearest, Segment};

impl<B: AsRef<[u8]>> Segment<B> {
    /// Offers every record to every query. `segment` is the number that hits carry; `nearest` runs parallel to
    /// `queries`.
    ///
    /// # Errors
    /// [`IndexError::DamagedPage`]: a scan never answers from pages that do not authenticate.
    pub fn scan(
        &self,
        segment: u32,
        queries: &[GlobalCode],
        nearest: &mut [Nearest],
    ) -> Result<(), IndexError> {
        self.scan_pages(segment, 0..self.code_pages(), queries, nearest)
    }

    /// Number of pages that hold codes, for splitting a scan over threads.
    pub fn code_pages(&self) -> u64 {
        self.codes_section().pages
    }

    /// Like [`Segment::scan`] for some of the code pages.
    ///
    /// # Errors
    /// As [`Segment::scan`].
    pub fn scan_pages(
        &self,
        segment: u32,
        pages: Range<u64>,
        queries: &[GlobalCode],
        nearest: &mut [Nearest],
    ) -> Result<(), IndexError> {
        let section = self.codes_section();
        let per_page = section.rows_per_page();
        let mut scratch = Zeroizing::new(vec![0; PAGE_LEN]);
        let mut scanner = Scanner::new(queries, per_page);
        for index in pages.start..pages.end.min(section.pages) {
            self.read_page(section, index, &mut scratch)?;
            let first = index * per_page as u64;
            // Both are below `u32::MAX`, the limit of rows that the header check enforces.
            let rows = usize::try_from(section.rows - first).unwrap_or(per_page).min(per_page);
            let first = u32::try_from(first).unwrap_or(u32::MAX);
            scanner.load(&scratch.as_chunks::<CODE_ROW_LEN>().0[..rows]);
            scanner.scan(segment, first, nearest);
        }
        Ok(())
    }
}
