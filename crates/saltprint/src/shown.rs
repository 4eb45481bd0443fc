//! Leaked images at hand, for the closer looks of the local tier.

use saltprint_fingerprint::{Coder, Corners, GlobalCode, LocalQuery, Luma, Panel, Scales, Threads};
use saltprint_matching::{Fine, Images, Read};

/// An image, and what it was prepared to for being read, if that was kept: 9 MB, too much for each of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Image<'a> {
    pub(crate) luma: &'a Luma,
    pub(crate) scales: Option<&'a Scales>,
}

impl<'a> From<&'a Luma> for Image<'a> {
    fn from(luma: &'a Luma) -> Self {
        Self { luma, scales: None }
    }
}

/// Images by their numbers in a batch; `None` for what needs no look.
pub(crate) struct Shown<'a> {
    pub(crate) coder: &'a Coder,
    pub(crate) images: Vec<Option<Image<'a>>>,
}

impl<'a> Shown<'a> {
    /// Many images have a thread each.
    fn threads(&self) -> Threads {
        if self.images.len() > 1 { Threads::Own } else { Threads::Pool }
    }

    fn luma(&self, number: usize) -> Option<&'a Luma> {
        Some(self.images.get(number).copied().flatten()?.luma)
    }
}

impl Images for Shown<'_> {
    fn fine(&self, number: usize) -> Fine<'_> {
        let fine = self.luma(number).map(|image| self.coder.fine(image, self.threads()));
        fine.map_or_else(Fine::default, |(query, reader)| Fine { query, reader: Some(Box::new(reader)) })
    }

    fn reader(&self, number: usize) -> Option<Box<dyn Read + '_>> {
        let Image { luma, scales } = self.images.get(number).copied().flatten()?;
        Some(Box::new(match scales {
            Some(scales) => self.coder.reader_of(scales.clone()),
            None => self.coder.reader(luma),
        }))
    }

    fn straightened(&self, number: usize, corners: &Corners) -> Option<GlobalCode> {
        self.coder.straightened(self.luma(number)?, corners)
    }

    fn panels(&self, number: usize) -> Vec<Panel> {
        self.luma(number).map_or_else(Vec::new, |image| self.coder.panels(image))
    }

    fn panel_query(&self, number: usize, area: &[f64; 4]) -> LocalQuery {
        self.luma(number).map_or_else(LocalQuery::default, |image| self.coder.panel_query(image, area))
    }

    fn panel_reader(&self, number: usize, area: &[f64; 4]) -> Option<Box<dyn Read + '_>> {
        Some(Box::new(self.coder.panel_reader(self.luma(number)?, area)?))
    }
}
