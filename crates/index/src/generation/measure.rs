//! Measuring the background of impostors: records play strangers to each other.

use saltprint_fingerprint::GlobalCode;
use saltprint_keys::{ContentDigest, RecordRef};
use zeroize::Zeroizing;

use crate::generation::snapshot::{Generation, IndexHit};
use crate::{Background, Hit, IndexError};

/// Queries of one scan batch.
const BATCH: usize = 512;
/// Neighbours looked at first; more are fetched for records with many of their own subject around.
const FIRST_CAPACITY: usize = 16;
/// Records of other subjects that may hold one image; of one that more hold, as of a placeholder, it is not asked who else comes near.
const MOST_SAME: usize = 16;

/// What lets records play strangers to each other.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MeasuredBackground {
    /// How near strangers come.
    pub background: Background,
    /// Sampled records whose image a record of another subject holds as well, in other bytes.
    pub near_duplicates: u64,
}

/// Whether two places of the index hold one image.
type AreSame<'s> = dyn Fn(&Hit, &Hit) -> Result<bool, IndexError> + 's;

impl Generation {
    /// Lets up to `sample` of the `eligible` records, evenly spread over the refs, look for their nearest record of
    /// another subject that holds another image. Records that took part in calibrating the profile should not be eligible: the
    /// profile spreads them farther apart than it will spread strangers.
    ///
    /// This is the whole-image distance that a stranger's document of the same templates reaches. It is also the
    /// check that the sampled records find themselves through the search that will serve queries.
    ///
    /// `are_near_duplicates` says whether the records at two places, of two subjects and near to each other, hold one image, and so are no strangers.
    ///
    /// `near` is told of each of them with the distance, in bits, of its nearest record of another subject; there may be none.
    ///
    /// # Errors
    /// [`IndexError::Inconsistent`] where a record does not find itself; [`IndexError::DamagedPage`].
    pub fn measure_background(
        &self,
        sample: usize,
        eligible: impl Fn(RecordRef) -> bool,
        are_near_duplicates: impl Fn(&Hit, &Hit) -> Result<bool, IndexError>,
        mut near: impl FnMut(&IndexHit, u32),
        mut progress: impl FnMut(u64, u64),
    ) -> Result<MeasuredBackground, IndexError> {
        let mut background = Background { records: self.manifest().records(), ..Background::default() };
        let mut near_duplicates = 0;
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
                let mut stranger =
                    Stranger { place: *own, record: self.resolve(own)?, same: Vec::new(), other: Vec::new() };
                self.nearest_others(&mut stranger, code, nearest.hits(), &are_near_duplicates)?;
                near_duplicates += u64::from(!stranger.same.is_empty());
                let others = if stranger.is_everywhere() { &[] } else { &stranger.other[..] };
                if let [first, rest @ ..] = others {
                    background.add(first.distance, rest.first().map(|rival| rival.distance));
                    near(&stranger.record, first.distance);
                }
            }
        }
        Ok(MeasuredBackground { background, near_duplicates })
    }

    /// Finds the nearest record of another subject and image, and that one's nearest rival. Fetches more neighbours until
    /// both are found or all records were seen.
    fn nearest_others(
        &self,
        stranger: &mut Stranger,
        code: &GlobalCode,
        hits: &[Hit],
        are_same: &AreSame<'_>,
    ) -> Result<(), IndexError> {
        let mut capacity = FIRST_CAPACITY;
        self.look_among(stranger, hits, are_same)?;
        while stranger.is_open() && (capacity as u64) < self.manifest().records() {
            capacity *= 8;
            if let [nearest] = &self.scan(std::slice::from_ref(code), capacity, GlobalCode::BITS)?[..] {
                self.look_among(stranger, nearest.hits(), are_same)?;
            }
        }
        Ok(())
    }

    /// As [`Generation::nearest_others`], among some hits, nearest first; they begin with those that were seen before.
    fn look_among(
        &self,
        stranger: &mut Stranger,
        hits: &[Hit],
        are_same: &AreSame<'_>,
    ) -> Result<(), IndexError> {
        for hit in hits {
            if !stranger.is_open() {
                break;
            }
            let other = self.resolve(hit)?;
            if !stranger.is_to(&other) {
                continue;
            }
            let may_be_same = hit.distance <= IndexHit::MAY_BE_SAME;
            if may_be_same && are_same(&stranger.place, hit)? {
                // Another picture of that subject may have come nearer.
                stranger.other.retain(|known| known.is_rival_of(&other));
                stranger.same.push(other);
            } else if stranger.other.iter().all(|known| known.is_rival_of(&other)) {
                stranger.other.push(other);
            }
        }
        Ok(())
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

/// A record that plays the stranger.
struct Stranger {
    place: Hit,
    record: IndexHit,
    /// Records of other subjects that hold its image.
    same: Vec<IndexHit>,
    /// The nearest others, which are rivals of each other.
    other: Vec<IndexHit>,
}

impl Stranger {
    /// Whether it may be a stranger to a record: not one of its own subject, nor one of those who hold its image as well, and who may be
    /// one person.
    fn is_to(&self, record: &IndexHit) -> bool {
        std::iter::once(&self.record).chain(&self.same).all(|known| known.is_rival_of(record))
    }

    fn is_everywhere(&self) -> bool {
        self.same.len() > MOST_SAME
    }

    /// Whether not all is known yet.
    fn is_open(&self) -> bool {
        self.other.len() < 2 && !self.is_everywhere()
    }
}

impl IndexHit {
    /// Distance in bits of whole images up to which records of two subjects may hold one image, so that their details are worth comparing. A tenth of
    /// the records of an invented vault of 600 has strangers within 58.
    pub const MAY_BE_SAME: u32 = 48;

    /// Stands for the image: one file that is stored twice has one, and so have near-duplicates, as far as they are known to be some.
    pub fn image(&self) -> ContentDigest {
        self.near_duplicate_of.unwrap_or(self.facts.content)
    }

    /// Whether two records speak against each other as the origin of one image: they are not the same record, not
    /// of one subject, and do not hold the same image.
    pub fn is_rival_of(&self, other: &Self) -> bool {
        let same_subject = self.facts.subject.is_some() && self.facts.subject == other.facts.subject;
        let same_image = self.facts.content == other.facts.content || self.image() == other.image();
        self.record_ref != other.record_ref && !same_subject && !same_image
    }
}
