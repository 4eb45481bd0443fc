//! Measuring the background of impostors: records play strangers to each other.

use saltprint_fingerprint::GlobalCode;

use crate::generation::snapshot::{Generation, IndexHit};
use crate::{Background, BackgroundSample, Hit, IndexError};

/// Queries of one scan batch.
const BATCH: usize = 512;
/// Neighbours looked at first; more are fetched for records with many of their own subject around.
const FIRST_CAPACITY: usize = 16;

impl Generation {
    /// Lets up to `sample` records, evenly spread over the refs, look for their nearest record of another subject.
    ///
    /// This is the whole-image distance that a stranger's document of the same templates reaches. It is also the
    /// check that every sampled record finds itself through the search that will serve queries.
    ///
    /// # Errors
    /// [`IndexError::Inconsistent`] where a record does not find itself; [`IndexError::DamagedPage`].
    pub fn measure_background(&self, sample: usize, mut progress: impl FnMut(u64)) -> Result<Background, IndexError> {
        let records = self.manifest().records();
        let count = (sample as u64).min(records);
        let mut background = Background { records, ..Background::default() };
        let chosen: Vec<Hit> = (0..count).filter_map(|index| self.row_at(index * records / count)).collect();
        for batch in chosen.chunks(BATCH) {
            let mut codes = Vec::with_capacity(batch.len());
            for hit in batch {
                codes.push(self.segment_of(hit)?.code(hit.row)?);
            }
            let found = self.scan(&codes, FIRST_CAPACITY, GlobalCode::BITS)?;
            for ((own, code), nearest) in batch.iter().zip(&codes).zip(&found) {
                if nearest.hits().first().is_none_or(|hit| hit.distance != 0) {
                    return Err(IndexError::inconsistent("generation", "a record does not find itself"));
                }
                if let Some(sample) = self.nearest_others(own, code, nearest.hits())? {
                    background.add(sample);
                }
            }
            progress(background.sampled);
        }
        Ok(background)
    }

    /// Nearest records of two other subjects. Fetches more neighbours until they are found or all were seen.
    fn nearest_others(
        &self,
        own: &Hit,
        code: &GlobalCode,
        hits: &[Hit],
    ) -> Result<Option<BackgroundSample>, IndexError> {
        let own = self.resolve(own)?;
        let mut capacity = FIRST_CAPACITY;
        let mut found = self.others(&own, hits)?;
        // A second other is worth one wider look, a first one as many as it takes.
        while found.is_none_or(|sample| sample.second.is_none() && capacity == FIRST_CAPACITY)
            && (capacity as u64) < self.manifest().records()
        {
            capacity *= 8;
            let nearest = self.scan(std::slice::from_ref(code), capacity, GlobalCode::BITS)?;
            found = nearest.first().map_or(Ok(None), |nearest| self.others(&own, nearest.hits()))?;
        }
        Ok(found)
    }

    fn others(&self, own: &IndexHit, hits: &[Hit]) -> Result<Option<BackgroundSample>, IndexError> {
        let mut first: Option<IndexHit> = None;
        for hit in hits {
            let other = self.resolve(hit)?;
            if !own.is_rival_of(&other) {
                continue;
            }
            match &first {
                None => first = Some(other),
                Some(first) if first.is_rival_of(&other) => {
                    return Ok(Some(BackgroundSample {
                        nearest: first.distance,
                        second: Some(other.distance),
                    }));
                }
                Some(_) => {}
            }
        }
        Ok(first.map(|first| BackgroundSample { nearest: first.distance, second: None }))
    }

    fn segment_of(&self, hit: &Hit) -> Result<&crate::Segment<crate::MappedFile>, IndexError> {
        self.segments()
            .get(hit.segment as usize)
            .ok_or(IndexError::inconsistent("generation", "a segment that does not exist was asked for"))
    }

    /// The `index`-th row, counting through the segments.
    fn row_at(&self, mut index: u64) -> Option<Hit> {
        for (number, segment) in (0..).zip(self.segments()) {
            match u32::try_from(index) {
                Ok(row) if row < segment.len() => return Some(Hit { distance: 0, segment: number, row }),
                Ok(_) | Err(_) => index -= u64::from(segment.len()),
            }
        }
        None
    }
}

impl IndexHit {
    /// Whether two records speak against each other as the origin of one image: they are not the same record, not
    /// of one subject, and not the same file stored twice.
    pub fn is_rival_of(&self, other: &Self) -> bool {
        let same_subject = self.facts.subject.is_some() && self.facts.subject == other.facts.subject;
        self.record_ref != other.record_ref && !same_subject && self.facts.content != other.facts.content
    }
}
