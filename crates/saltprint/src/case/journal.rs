//! `items.jsonl`: one line an item, appended and synced batch by batch, so that a killed triage goes on where it was.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::{Error, ItemReport};

pub(super) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal with the items that are whole in it. What a kill left of a last line is dropped, and so is a last
    /// page of a document with its images, since these are compared with each other.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Case`] where a whole line is no item.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<ItemReport>), Error> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            result => result.map_err(Error::io("read", path))?,
        };
        let mut items: Vec<(ItemReport, usize)> = Vec::new();
        let mut end = 0;
        for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.last() != Some(&b'\n') {
                break;
            }
            let item = serde_json::from_slice(line).map_err(|_| Error::Case {
                path: path.to_owned(),
                reason: format!("line {} is no item; say `--restart` to begin the case anew", number + 1),
            })?;
            items.push((item, end));
            end += line.len();
        }
        while let Some((item, start)) = items.last().filter(|(item, _)| item.input.contains("#page=")) {
            let on_page = item.input.contains("&image=");
            end = *start;
            items.pop();
            if !on_page {
                break;
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("write", path))?;
        file.set_len(end as u64).map_err(Error::io("write", path))?;
        Ok((Self { file, path: path.to_owned() }, items.into_iter().map(|(item, _)| item).collect()))
    }

    /// Appends items and makes them durable.
    ///
    /// # Errors
    /// [`Error::Io`], on a full disk for one; what was appended before stays.
    pub(super) fn append(&mut self, items: &[ItemReport]) -> Result<(), Error> {
        let mut lines = Vec::new();
        for item in items {
            serde_json::to_writer(&mut lines, item)
                .map_err(|error| Error::io("write", &self.path)(error.into()))?;
            lines.push(b'\n');
        }
        self.file
            .write_all(&lines)
            .and_then(|()| self.file.sync_data())
            .map_err(Error::io("write", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saltprint_intake::{Refusal, Reject};

    fn item(name: &str) -> ItemReport {
        ItemReport::rejected(name.to_owned(), &Reject::from(Refusal::SymbolicLink))
    }

    fn names(items: &[ItemReport]) -> Vec<&str> {
        items.iter().map(|item| item.input.as_str()).collect()
    }

    #[test]
    fn a_torn_line_is_dropped_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.jsonl");
        let (mut journal, items) = Journal::open(&path).unwrap();
        assert!(items.is_empty());
        journal.append(&[item("a"), item("b")]).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut journal, items) = Journal::open(&path).unwrap();
            assert_eq!(
                items.len(),
                whole[..cut]
                    .split_inclusive(|byte| *byte == b'\n')
                    .filter(|line| line.ends_with(b"\n"))
                    .count()
            );
            journal.append(&[item("a"), item("b")][items.len()..]).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn the_last_page_is_done_again_with_its_images() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.jsonl");
        let all = ["a", "d#page=1", "d#page=1&image=1", "d#page=2", "d#page=2&image=1", "d#page=2&image=2"];
        for (count, kept) in [(1, 1), (2, 1), (3, 1), (4, 3), (5, 3), (6, 3)] {
            let _ = std::fs::remove_file(&path);
            Journal::open(&path)
                .unwrap()
                .0
                .append(&all[..count].iter().map(|name| item(name)).collect::<Vec<_>>())
                .unwrap();
            let (_, items) = Journal::open(&path).unwrap();
            assert_eq!(names(&items), all[..kept], "{count}");
        }
    }

    #[test]
    fn a_line_that_is_no_item_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.jsonl");
        std::fs::write(&path, "{}\n").unwrap();
        let error = Journal::open(&path).err().unwrap().to_string();
        assert!(error.contains("line 1 is no item"), "{error}");
    }
}
