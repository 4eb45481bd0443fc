//! Measuring the background of impostors: records play strangers to each other.

use saltprint_fingerprint::GlobalCode;
use saltprint_keys::RecordRef;
use zeroize::Zeroizing;

use crate::generation::snapshot::{Generation, IndexHit};
use crate::{Background, Hit, IndexError};

/// Queries of one scan batch.
const BATCH: usize = 512;
/// Neighbours looked at first; more are fetched for records with many of their own subject around.
const FIRST_CAPACITY: usize = 16;

impl Generation {
    /// Lets up to `sample` of the `eligible` records, evenly spread over the refs, look for their nearest record of
    /// another subject. Records that took part in calibrating the profile should not be eligible: the profile spreads
    /// them farther apart than it will spread strangers.
    ///
    /// This is the whole-image distance that a stranger's document of the same templates reaches. It is also the
    /// check that the sampled records find themselves through the search that will serve queries.
    ///
    /// `near` is told of each of them with the distance, in bits, of its nearest record of another subject; there may be none.
    ///
    /// # Errors
    /// [`IndexError::Inconsistent`] where a record does not find itself; [`IndexError::DamagedPage`].
    pub fn measure_background(
        &self,
        sample: usize,
        eligible: impl Fn(RecordRef) -> bool,
        mut near: impl FnMut(&IndexHit, u32),
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Background, IndexError> {
        let mut background = Background { records: self.manifest().records(), ..Background::default() };
        let chosen = self.spread(sample, eligible)?;
        for (done, batch) in (0_u64..).zip(chosen.chunks(BATCH)) {
            progress(done * BATCH as u64, chosen.len() as u64);
            let mut codes = Zeroizing::new(Vec::with_capacity(batch.len()));
            for hit in batch {
                codes.push(self.segment_of(hit)?.code(hit.row)?);
            }
            let found = self.scan(&codes, FIRST_CAPACITY, GlobalCode::BITS)?;
            for ((own, code), nearest) in batch.iter().zip(codes.iter()).zip(&found) {
                if nearest.hits().first().is_none_or(|hit| hit.distance != 0) {
                    return Err(IndexError::inconsistent("generation", "a record does not find itself"));
                }
                let own = self.resolve(own)?;
                if let [first, rest @ ..] = &self.nearest_others(&own, code, nearest.hits())?[..] {
                    background.add(*first, rest.first().copied());
                    near(&own, *first);
                }
            }
        }
        Ok(background)
    }

    /// Distances of the nearest record of another subject and of that one's nearest rival. Fetches more neighbours until
    /// both are found or all records were seen.
    fn nearest_others(
        &self,
        own: &IndexHit,
        code: &GlobalCode,
        hits: &[Hit],
    ) -> Result<Vec<u32>, IndexError> {
        let mut capacity = FIRST_CAPACITY;
        let mut distances = self.others(own, hits)?;
        while distances.len() < 2 && (capacity as u64) < self.manifest().records() {
            capacity *= 8;
            if let [nearest] = &self.scan(std::slice::from_ref(code), capacity, GlobalCode::BITS)?[..] {
                distances = self.others(own, nearest.hits())?;
            }
        }
        Ok(distances)
    }

    /// As [`Generation::nearest_others`], among some hits.
    fn others(&self, own: &IndexHit, hits: &[Hit]) -> Result<Vec<u32>, IndexError> {
        let mut found: Vec<IndexHit> = Vec::new();
        for hit in hits {
            let other = self.resolve(hit)?;
            if own.is_rival_of(&other) && found.iter().all(|first| first.is_rival_of(&other)) {
                found.push(other);
            }
            if found.len() == 2 {
                break;
            }
        }
        Ok(found.iter().map(|other| other.distance).collect())
    }

    fn segment_of(&self, hit: &Hit) -> Result<&crate::Segment<crate::MappedFile>, IndexError> {
        self.segments()
            .get(hit.segment as usize)
            .ok_or(IndexError::inconsistent("generation", "a segment that does not exist was asked for"))
    }

    /// Up to `count` eligible rows at even steps.
    fn spread(&self, count: usize, eligible: impl Fn(RecordRef) -> bool) -> Result<Vec<Hit>, IndexError> {
        let mut rows = Vec::new();
        for (number, segment) in (0..).zip(self.segments()) {
            for row in 0..segment.len() {
                if eligible(segment.record_ref(row)?) {
                    rows.push(Hit { distance: 0, segment: number, row });
                }
            }
        }
        let count = count.min(rows.len());
        Ok((0..count).map(|index| rows[index * rows.len() / count]).collect())
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
