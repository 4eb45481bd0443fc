//! The sealed blobs of a generation: its manifest, and the census of local features.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use saltprint_fingerprint::{GlobalCode, LocalCode, LocalFeature, LocalFingerprint, Place, Sharing};
use saltprint_index::format::{CENSUS_MAGIC, CENSUS_VERSION, MANIFEST_MAGIC, MANIFEST_VERSION};
use saltprint_index::{
    Background, Census, CensusId, Coverage, GraphQuality, Impostor, IndexDir, KindCompany, LocalBackground,
    Manifest, NegativeBank, Prints, SegmentEntry, SegmentId,
};
use saltprint_keys::{BlobFormat, EpochId, IndexKey, RecordRef, Sealing};

use crate::{patch, scratch};

const EPOCH: EpochId = EpochId::from_bytes([5; 16]);
const SALT: [u8; 32] = [4; 32];
const MANIFEST: BlobFormat = BlobFormat { magic: MANIFEST_MAGIC, version: MANIFEST_VERSION };
const CENSUS: BlobFormat = BlobFormat { magic: CENSUS_MAGIC, version: CENSUS_VERSION };
const NAME: &str = "MANIFEST";
const FEATURE: LocalFeature = LocalFeature {
    code: LocalCode::from_words([7; 2]),
    place: Place { x: 0, y: 0, size: 0, angle: 0 },
    sharing: Sharing::from_step(0),
};

static KEY: LazyLock<IndexKey> = LazyLock::new(|| IndexKey::from_secret(&[7; 32]));

/// A good manifest before sealing, and a census of two layers as small as there are.
static GOOD: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let mut census = Census::new(0);
    census.add(&[FEATURE]);
    census.make_room(1 << 13);
    census.add(&[FEATURE]);
    let census = census.seal(&KEY, EPOCH, SALT);
    let census = Sealing::CENSUS.open(&KEY, CENSUS, EPOCH.as_bytes(), census).expect("sealed just now");
    (plain_of(&manifest()), census.to_vec())
});

fn manifest() -> Manifest {
    let mut background = Background { records: 50, ..Background::default() };
    background.add(70, Some(90));
    let impostor = Impostor {
        best: 1.0,
        rival: 0.5,
        nudged: 0.75,
        likelihood: 2.0,
        straightened: Some((80, 90)),
        uncovered: Some((0.5, 1.5)),
    };
    let mut prints = Prints::default();
    let local = LocalFingerprint { width: 8192, height: 8192, features: vec![FEATURE; 9] };
    prints.add(RecordRef::from_bytes([8; 16]), &local, [9; 16], [3, 8], true);
    prints.set_looked_up(RecordRef::from_bytes([8; 16]), &local, 2);
    // One of a common template.
    let common = RecordRef::from_bytes([9; 16]);
    (0..12).for_each(|mate| prints.add(common, &local, [mate; 16], [], true));
    prints.set_looked_up(common, &local, 20);
    let local_background = LocalBackground {
        records: 50,
        impostors: vec![impostor, Impostor::default()],
        straightened: background.clone(),
        kinds: vec![KindCompany { kind: "selfie".to_owned(), asked: 60, in_company: 1 }],
        prints,
    };
    let segment = |number: u8| SegmentEntry {
        id: SegmentId::from_bytes([number; 16]),
        root: [number; 32],
        records: 25,
        counted: 40,
        graph: (number > 1).then_some(GraphQuality { queries: 100, found: 99 }),
    };
    Manifest {
        generation: 3,
        epoch: EPOCH,
        created: 1_795_000_000,
        segments: vec![segment(1), segment(2)],
        background,
        local_background,
        negative: NegativeBank::default(),
        census: CensusId::from_bytes([6; 16]),
        coverage: Coverage { indexed: 48, duplicate: 2, too_plain: 1, unreadable: 1, refused: 1, erased: 1 },
        erasures: 3,
        previous: None,
    }
}

/// What a folder holds after this manifest was published in it, opened.
fn plain_of(manifest: &Manifest) -> Vec<u8> {
    let folder = scratch::folder();
    let dir = IndexDir::new(folder.path());
    let lock = dir.lock().expect("nobody else has this folder");
    dir.publish(&lock, &KEY, manifest).expect("a scratch folder");
    let sealed = fs::read(folder.path().join(NAME)).expect("it was published");
    Sealing::MANIFEST.open(&KEY, MANIFEST, &[], sealed).expect("sealed just now").to_vec()
}

/// The first byte says what the rest is: a manifest as it is, one to be sealed, changes to a sealed or a plain one, and the
/// same for a census.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    let (manifest, census) = &*GOOD;
    match mode % 7 {
        0 => drop(open(rest)),
        1 => check_plain(rest),
        2 => {
            let mut plain = manifest.clone();
            patch::apply(&mut plain, rest);
            check_plain(&plain);
        }
        3 => {
            let good = Sealing::MANIFEST.seal(&KEY, MANIFEST, &[], manifest, SALT);
            let mut changed = good.clone();
            patch::apply(&mut changed, rest);
            assert_eq!(open(&changed).is_some(), changed == good, "a changed byte of a sealed manifest");
        }
        4 => drop(Census::open(&KEY, EPOCH, rest)),
        5 => {
            let mut plain = census.clone();
            patch::apply(&mut plain, rest);
            check_census(&plain);
        }
        _ => {
            let good = Sealing::CENSUS.seal(&KEY, CENSUS, EPOCH.as_bytes(), census, SALT);
            let mut changed = good.clone();
            patch::apply(&mut changed, rest);
            let opened = Census::open(&KEY, EPOCH, changed.as_slice()).is_ok();
            assert_eq!(opened, changed == good, "a changed byte of a sealed census");
        }
    }
}

fn open(bytes: &[u8]) -> Option<Manifest> {
    let folder = scratch::folder();
    fs::write(folder.path().join(NAME), bytes).expect("a scratch folder");
    open_in(folder.path())
}

fn open_in(folder: &Path) -> Option<Manifest> {
    IndexDir::new(folder)
        .manifest(&KEY)
        .inspect_err(|error| assert!(!error.to_string().is_empty()))
        .ok()
        .flatten()
}

fn check_plain(plain: &[u8]) {
    let sealed = Sealing::MANIFEST.seal(&KEY, MANIFEST, &[], plain, SALT);
    let Some(manifest) = open(&sealed) else { return };
    assert_eq!(plain_of(&manifest), plain, "a manifest that was read is written otherwise");
    assert_eq!(manifest.root(), manifest.clone().root());
    // Numbers may be any, and what is made of them must not overflow.
    let coverage = manifest.coverage;
    assert!(coverage.total() >= coverage.rejected(), "{coverage:?}");
    let _ = manifest.records();
    let _ = manifest.local_background.kinds_without_template();
    for background in [&manifest.background, &manifest.local_background.straightened] {
        for histogram in [&background.nearest, &background.gap, &background.ratio] {
            let total = histogram.total();
            assert_eq!(histogram.quantile(0.5).is_some(), total > 0);
        }
    }
    for segment in &manifest.segments {
        assert!(segment.graph.is_none_or(|graph| graph.recall() >= 0.0));
    }
    let _ = manifest.negative.nearest(&[GlobalCode::from_bytes(&[1; 32])]);
}

fn check_census(plain: &[u8]) {
    let sealed = Sealing::CENSUS.seal(&KEY, CENSUS, EPOCH.as_bytes(), plain, SALT);
    let Ok(census) = Census::open(&KEY, EPOCH, sealed.as_slice()) else { return };
    assert!(census.seal(&KEY, EPOCH, SALT) == sealed, "a census that was read is written otherwise");
    let shared = census.sharing(LocalCode::from_bytes(&[3; 16])).records();
    assert!(shared.is_finite() && shared >= 0.0, "{shared} records share a feature");
    let counted = census.sharing_at_least(LocalCode::from_bytes(&[3; 16])).records();
    assert!(counted.is_finite() && counted >= 0.0, "{counted} other records share a feature");
    let mut census = census;
    census.make_room(1 << 13);
    let records = census.records();
    census.add(&[FEATURE]);
    assert_eq!(census.records(), records.saturating_add(1));
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mode = |mode: u8, script: &[u8]| [&[mode], script].concat();
    let (manifest, _) = &*GOOD;
    let mut seeds: Vec<_> = (0..7).map(|number| mode(number, &[])).collect();
    seeds.push(mode(1, manifest));
    // Places of numbers: generation, epoch, date, counts, and those of the end.
    let end = manifest.len();
    for at in [0, 8, 24, 32, 40, 56, 88, 92, 93, 200, 201, end - 8, end - 16, end - 24, end - 40, end - 60] {
        seeds.push(mode(2, &patch::write(at, &[0xff; 8])));
        seeds.push(mode(3, &patch::flip(at, 0x80)));
    }
    for at in [0, 4, 8, 16, 24, 4096] {
        seeds.push(mode(5, &patch::write(at, &[0xff; 4])));
        seeds.push(mode(6, &patch::flip(at, 1)));
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_is_good_before() {
        let (manifest, census) = &*GOOD;
        assert!(open(&Sealing::MANIFEST.seal(&KEY, MANIFEST, &[], manifest, SALT)).is_some());
        let census = Sealing::CENSUS.seal(&KEY, CENSUS, EPOCH.as_bytes(), census, SALT);
        assert!(Census::open(&KEY, EPOCH, census.as_slice()).is_ok());
    }

    #[test]
    fn counts_may_be_any() {
        let coverage = Coverage {
            indexed: u64::MAX,
            duplicate: 1,
            too_plain: 2,
            unreadable: u64::MAX,
            refused: 1,
            erased: 1,
        };
        assert_eq!((coverage.total(), coverage.rejected()), (u64::MAX, u64::MAX));
    }
}
