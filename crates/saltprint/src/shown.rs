//! Leaked images at hand, for the closer looks of the local tier.

use saltprint_fingerprint::{Coder, Corners, GlobalCode, LocalQuery, Luma, Panel};
use saltprint_matching::{Fine, Images, Read};

/// Images by their numbers in a batch; `None` for what needs no look.
pub(crate) struct Shown<'a> {
    pub(crate) coder: &'a Coder,
    pub(crate) images: Vec<Option<&'a Luma>>,
}

impl Images for Shown<'_> {
    fn fine(&self, number: usize) -> Fine<'_> {
        let image = self.images.get(number).copied().flatten();
        let fine = image.map(|image| self.coder.fine(image));
        fine.map_or_else(Fine::default, |(query, reader)| Fine { query, reader: Some(Box::new(reader)) })
    }

    fn reader(&self, number: usize) -> Option<Box<dyn Read + '_>> {
        let image = self.images.get(number).copied().flatten()?;
        Some(Box::new(self.coder.reader(image)))
    }

    fn straightened(&self, number: usize, corners: &Corners) -> Option<GlobalCode> {
        self.coder.straightened(self.images.get(number).copied().flatten()?, corners)
    }

    fn panels(&self, number: usize) -> Vec<Panel> {
        let image = self.images.get(number).copied().flatten();
        image.map_or_else(Vec::new, |image| self.coder.panels(image))
    }

    fn panel_query(&self, number: usize, area: &[f64; 4]) -> LocalQuery {
        let image = self.images.get(number).copied().flatten();
        image.map_or_else(LocalQuery::default, |image| self.coder.panel_query(image, area))
    }

    fn panel_reader(&self, number: usize, area: &[f64; 4]) -> Option<Box<dyn Read + '_>> {
        let image = self.images.get(number).copied().flatten()?;
        Some(Box::new(self.coder.panel_reader(image, area)?))
    }
}
