//! The pictures of a sheet, each looked up as a whole image.

use rayon::prelude::*;
use saltprint_fingerprint::Orientation;
use saltprint_index::IndexError;

use crate::geometry::is_alike;
use crate::global::{Asked, GlobalStage};
use crate::local::{Images, Sighting};
use crate::{DecisionRule, Judgement};

/// Share of the smaller of two outlines in common from which on they show one document...
const SAME_PLACE: f64 = 0.3;
/// ...if the smaller is not much smaller: a sheet is no rival of the pictures on it.
const SAME_AREA: f64 = 0.5;

/// What the exact scan says of one picture on a sheet.
pub(crate) struct PanelAnswer {
    /// Corners of the panel, clockwise from its upper left.
    pub(crate) corners: [(f64, f64); 4],
    /// Share of the sheet that it takes.
    pub(crate) share: f64,
    pub(crate) judgement: Judgement,
    /// What it was judged by.
    pub(crate) rule: DecisionRule,
}

impl PanelAnswer {
    /// Corners of a record that fills the panel, clockwise from its own upper left.
    pub(crate) fn outline(&self, orientation: Orientation) -> [(f64, f64); 4] {
        let [left, top, right, bottom] = self.area();
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
            .map(|corner| orientation.place(corner))
            .map(|(x, y)| (left + x * (right - left), top + y * (bottom - top)))
    }

    /// Left, top, right and bottom in shares of the sheet.
    pub(crate) fn area(&self) -> [f64; 4] {
        let [(left, top), _, (right, bottom), _] = self.corners;
        [left, top, right, bottom]
    }

    /// What was seen in the panel, by its place on the sheet.
    pub(crate) fn on_sheet(&self, mut sighting: Sighting) -> Sighting {
        let [left, top, right, bottom] = self.area();
        for (x, y) in sighting.quad.iter_mut().flatten() {
            (*x, *y) = (left + *x * (right - left), top + *y * (bottom - top));
        }
        sighting
    }

    /// Whether a sighting is in the same place of the sheet.
    pub(crate) fn is_place_of(&self, sighting: &Sighting) -> bool {
        let is_here = |quad: &[(f64, f64); 4]| is_alike(quad, &self.corners, SAME_PLACE, SAME_AREA);
        sighting.quad.as_ref().is_some_and(is_here)
    }
}

/// For each of `images` images the panels that match something.
///
/// # Errors
/// [`IndexError`] where the index is damaged.
pub(crate) fn look(
    stage: &GlobalStage<'_>,
    rule: &DecisionRule,
    images: &dyn Images,
    count: usize,
) -> Result<Vec<Vec<PanelAnswer>>, IndexError> {
    let panels: Vec<_> = (0..count).into_par_iter().map(|number| images.panels(number)).collect();
    let asked = panels.iter().flatten().map(|panel| Asked::whole(&panel.codes)).collect();
    let mut found = stage.scan(asked)?.into_iter();
    let mut answers = Vec::with_capacity(count);
    for panels in panels {
        let rule = rule.with_tries(Orientation::ALL.len() * panels.len());
        let mut matching = Vec::new();
        for panel in panels {
            let judgement = found.next().map(|scanned| scanned.judge(&rule)).unwrap_or_default();
            let [left, top, right, bottom] = panel.area;
            if judgement.band().is_some() {
                matching.push(PanelAnswer {
                    corners: [(left, top), (right, top), (right, bottom), (left, bottom)],
                    share: (right - left) * (bottom - top),
                    judgement,
                    rule,
                });
            }
        }
        answers.push(matching);
    }
    Ok(answers)
}
