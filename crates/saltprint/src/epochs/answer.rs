//! Judging images in the present epoch and, where it says too little, in the one before.

use rayon::prelude::*;
use saltprint_fingerprint::QueryFingerprint;
use saltprint_keys::EpochId;
use saltprint_matching::{Band, CascadeCounts, Found, Judgement};

use crate::handle::Snapshot;
use crate::{
    Error, Saltprint,
    shown::{Image, Shown},
};

/// A record that an image matches, and the epoch in which it does.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) found: Found,
    pub(crate) epoch: EpochId,
}

/// The matches of one image in all epochs, by falling band.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) hits: Vec<Hit>,
}

impl Answer {
    fn new(judgement: Judgement, epoch: EpochId) -> Self {
        Self { hits: judgement.matches.into_iter().map(|found| Hit { found, epoch }).collect() }
    }

    /// Band of the best match.
    pub(crate) fn band(&self) -> Option<Band> {
        self.hits.first().map(|hit| hit.found.band)
    }

    /// Adds what another epoch found. A record counts once, by its better band; in the present epoch where both are equal.
    fn add(&mut self, other: Self) {
        for hit in other.hits {
            let same = |known: &&mut Hit| known.found.record.record_ref == hit.found.record.record_ref;
            match self.hits.iter_mut().find(same) {
                Some(known) if known.found.band < hit.found.band => *known = hit,
                Some(_) => {}
                None => self.hits.push(hit),
            }
        }
        // Stable: the present epoch before the one before.
        self.hits.sort_by_key(|hit| std::cmp::Reverse(hit.found.band));
    }
}

impl Saltprint {
    /// Judges a batch of images, which `queries` are fingerprints of in the present epoch. Those of which this leaves a part
    /// unexplained are fingerprinted anew for the epoch before, where that answers.
    ///
    /// # Errors
    /// [`Error::Index`] where the index is damaged.
    pub(crate) fn judge(
        &self,
        snapshot: &Snapshot,
        queries: &[QueryFingerprint],
        images: &[Image<'_>],
        counts: &mut CascadeCounts,
    ) -> Result<Vec<Answer>, Error> {
        let shown = Shown { coder: &snapshot.coder, images: images.iter().copied().map(Some).collect() };
        let judgements = self.matcher(snapshot).judge(queries, &shown, counts)?;
        let open: Vec<usize> = if snapshot.previous().is_some() {
            let unfilled = judgements.iter().enumerate().filter(|(_, judgement)| !judgement.fills_image());
            unfilled.map(|(number, _)| number).collect()
        } else {
            Vec::new()
        };
        let epoch = snapshot.generation.manifest().epoch;
        let mut answers: Vec<Answer> =
            judgements.into_iter().map(|judgement| Answer::new(judgement, epoch)).collect();
        let Some(previous) = snapshot.previous().filter(|_| !open.is_empty()) else {
            return Ok(answers);
        };
        let again: Vec<(usize, QueryFingerprint)> = open
            .into_par_iter()
            .filter_map(|number| Some((number, previous.coder.query(images.get(number)?.luma).ok()?)))
            .collect();
        let (numbers, queries): (Vec<usize>, Vec<QueryFingerprint>) = again.into_iter().unzip();
        // What was prepared is of pixels only, and so of any epoch.
        let images = numbers.iter().map(|number| images.get(*number).copied()).collect();
        let shown = Shown { coder: &previous.coder, images };
        // Each image was counted above; what it took is counted here too.
        let mut there = CascadeCounts::default();
        let judgements = self.matcher(previous).judge(&queries, &shown, &mut there)?;
        counts.seconds.graph += there.seconds.graph;
        counts.seconds.exact += there.seconds.exact;
        counts.seconds.local += there.seconds.local;
        let epoch = previous.generation.manifest().epoch;
        for (number, judgement) in numbers.into_iter().zip(judgements) {
            if let Some(answer) = answers.get_mut(number) {
                answer.add(Answer::new(judgement, epoch));
            }
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use saltprint_fingerprint::Orientation;
    use saltprint_index::{Hit as Place, IndexHit, RecordFacts};
    use saltprint_keys::{ContentDigest, RecordRef};
    use saltprint_matching::Tier;

    use super::*;

    fn answer(epoch: u8, records: &[(u8, Band)]) -> Answer {
        let matches = records.iter().map(|(record, band)| Found {
            record: IndexHit {
                record_ref: RecordRef::from_bytes([*record; 16]),
                distance: 0,
                facts: RecordFacts::new(ContentDigest::from_bytes([*record; 16])),
                near_duplicate_of: None,
            },
            place: Place { distance: 0, segment: 0, row: 0 },
            orientation: Orientation::Upright,
            band: *band,
            tier: Tier::Global,
            runner_up: None,
            sighting: None,
        });
        Answer::new(Judgement { matches: matches.collect() }, EpochId::from_bytes([epoch; 16]))
    }

    fn told(answer: &Answer) -> Vec<(u8, u8, Band)> {
        let told = |hit: &Hit| {
            let record = hit.found.record.record_ref.as_bytes()[0];
            (hit.epoch.as_bytes()[0], record, hit.found.band)
        };
        answer.hits.iter().map(told).collect()
    }

    #[test]
    fn a_record_counts_once_by_its_better_band() {
        let mut both = answer(2, &[(7, Band::Possible), (8, Band::Possible)]);
        both.add(answer(1, &[(7, Band::Strong), (8, Band::Possible), (9, Band::Possible)]));
        assert_eq!(
            told(&both),
            [(1, 7, Band::Strong), (2, 8, Band::Possible), (1, 9, Band::Possible)],
            "epoch, record, band"
        );
        assert_eq!(both.band(), Some(Band::Strong));
    }

    #[test]
    fn equal_bands_stay_with_the_present_epoch() {
        let mut both = answer(2, &[(7, Band::Strong)]);
        both.add(answer(1, &[(7, Band::Strong), (9, Band::Strong)]));
        assert_eq!(told(&both), [(2, 7, Band::Strong), (1, 9, Band::Strong)]);
        let mut none = Answer::default();
        none.add(answer(1, &[]));
        assert_eq!(none.band(), None);
    }
}
