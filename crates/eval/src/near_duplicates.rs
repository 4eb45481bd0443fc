//! Records that are stored again: one image under two subjects, as of a person who registered twice.

use std::fs;

use rayon::prelude::*;
use saltprint::Limits;
use saltprint_intake::{Entry, Facts};
use saltprint_synth::Edit;

use crate::EvalError;
use crate::progress::Clock;
use crate::queries::Workshop;
use crate::seeds::{self, Choice};
use crate::treatment::Treatment;
use crate::vault::{Documents, Holding};

/// How the second file differs from the first, in turn: what uploads, phones and form fields do to a picture.
const COPIES: [Edit; 5] = [
    Edit::Jpeg { quality: 60 },
    Edit::Resize { percent: 85 },
    Edit::Resize { percent: 60 },
    Edit::Crop { keep: 95 },
    Edit::Gamma { hundredths: 160 },
];

/// Name of the row for records that are stored twice.
const KIND: &str = "stored twice";

/// Stores the images of `count` kept records of an invented vault again, below its folder and at the end of its list, each under a subject
/// of its own that no other record has. Both then are of one kind, and a match with either is right.
pub(crate) fn store_again(documents: &mut Documents, count: usize, seed: u64) -> Result<(), EvalError> {
    if count == 0 {
        return Ok(());
    }
    if count > documents.kept.len() {
        return Err(EvalError::plan(format!(
            "{count} records cannot be stored again where there are {}",
            documents.kept.len()
        )));
    }
    let root = documents.root.clone();
    let folder = root.join("stored-again");
    fs::create_dir_all(&folder).map_err(EvalError::io("create", &folder))?;
    // Not the seed of the questions: a record that is asked after a crop would be asked after the very crop that is stored.
    // And not the clock of the questions: these images are a part of the vault.
    let clock = Clock::default();
    let workshop = Workshop::alone(Limits::default(), seeds::draw(Choice::StoredAgain, seed, &[]), &clock);
    let mut chosen = seeds::shuffled(Choice::StoredAgain, seed, "records", documents.kept.len());
    chosen.truncate(count);
    let kind = documents.kinds.len();
    let stored: Result<Vec<Holding>, EvalError> = chosen
        .par_iter()
        .enumerate()
        .map(|(number, of)| {
            let of = &documents.kept[*of];
            let copy = Treatment::Edited(COPIES[number % COPIES.len()]);
            let bytes = workshop
                .make(of, copy)?
                .ok_or_else(|| EvalError::plan("an invented document is too large to be stored again"))?;
            let record_id = format!("stored-again/{number}.jpg");
            let path = root.join(&record_id);
            fs::write(&path, bytes).map_err(EvalError::io("write", &path))?;
            Ok(Holding {
                entry: Entry {
                    location: path.into(),
                    facts: Facts {
                        subject: Some(format!("stored-again-{number}")),
                        ..of.entry.facts.clone()
                    },
                    record_id,
                },
                kind,
                subject: of.subject,
                digest: None,
                layout: None,
            })
        })
        .collect();
    for of in chosen {
        documents.kept[of].kind = kind;
    }
    documents.kinds.push(KIND.to_owned());
    documents.kept.extend(stored?);
    documents.stored_again = count;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;
    use crate::vault;
    use saltprint::NoProgress;

    fn documents(dir: &Path) -> Documents {
        vault::synthetic(dir, 12, 4, &[], 5, &NoProgress).unwrap()
    }

    #[test]
    fn copies_are_other_bytes_under_other_subjects() {
        let dir = tempfile::tempdir().unwrap();
        let mut documents = documents(dir.path());
        let clock = Clock::default();
        store_again(&mut documents, 7, 5).unwrap();
        assert_eq!((documents.kept.len(), documents.asked().len(), documents.stored_again), (19, 12, 7));
        let (asked, copies) = documents.kept.split_at(12);
        let mut doubled = HashSet::new();
        let read =
            |of: &Holding| Workshop::plain(Limits::default(), &clock).read(&of.entry.location).unwrap();
        for copy in copies {
            assert_eq!(documents.kinds[copy.kind], KIND);
            let of: Vec<_> =
                asked.iter().filter(|of| of.subject == copy.subject && of.kind == copy.kind).collect();
            let [of] = of[..] else { panic!("{} records", of.len()) };
            assert!(doubled.insert(of.subject));
            assert_ne!(of.entry.facts.subject, copy.entry.facts.subject);
            assert_eq!(of.entry.facts.captured, copy.entry.facts.captured);
            assert_ne!(read(of).bytes(), read(copy).bytes());
        }
    }

    #[test]
    fn no_more_are_stored_again_than_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let mut documents = documents(dir.path());
        let kinds = documents.kinds.clone();
        let error = store_again(&mut documents, 13, 5).unwrap_err();
        assert!(
            error.to_string().contains("13 records cannot be stored again where there are 12"),
            "{error}"
        );
        store_again(&mut documents, 0, 5).unwrap();
        assert_eq!((documents.kept.len(), documents.kinds), (12, kinds));
    }
}
