//! Layouts of an invented vault, kept beside its files so that a later run with the same plan need not draw it again.

use std::fs;
use std::path::Path;

use saltprint_synth::{Corpus, Document, Layout, Rect, Template};
use serde::{Deserialize, Serialize};

use crate::EvalError;

/// Name of the file in the vault's folder. It is written last: where it lies, the vault is whole.
const FILE: &str = ".layouts.json";

type Area = [u32; 4];

#[derive(Serialize, Deserialize)]
struct Stored {
    /// What the vault was drawn from; another text means another vault.
    made_from: String,
    layouts: Vec<StoredLayout>,
}

#[derive(Serialize, Deserialize)]
struct StoredLayout {
    document: Area,
    portrait: Option<Area>,
    fields: Vec<Area>,
}

fn made_from(corpus: &Corpus, templates: &[Template], seed: u64) -> String {
    let name = |template: &Template| {
        let known = template.name().to_owned();
        if let Template::Drawn(number) = template { format!("{known}-{number}") } else { known }
    };
    let names: Vec<String> = templates.iter().map(name).collect();
    // A look at two documents, so that a vault of another version of the drawing is not taken for this one.
    let digest = |index: usize| {
        corpus
            .document(index)
            .map_or_else(String::new, |item| blake3::hash(&item.encoded).to_hex().to_string())
    };
    let last = corpus.len().saturating_sub(1);
    format!("{} documents, seed {seed}, {}, {} {}", corpus.len(), names.join(" "), digest(0), digest(last))
}

/// The layouts of the vault in `dir`, if it is the one that `corpus` describes.
pub(crate) fn load(dir: &Path, corpus: &Corpus, templates: &[Template], seed: u64) -> Option<Vec<Layout>> {
    let stored: Stored = serde_json::from_slice(&fs::read(dir.join(FILE)).ok()?).ok()?;
    (stored.made_from == made_from(corpus, templates, seed) && stored.layouts.len() == corpus.len())
        .then(|| stored.layouts.into_iter().map(StoredLayout::layout).collect())
}

/// Notes that the vault in `dir` is whole, and its layouts.
pub(crate) fn save(
    dir: &Path,
    corpus: &Corpus,
    templates: &[Template],
    seed: u64,
    layouts: &[Layout],
) -> Result<(), EvalError> {
    let stored = Stored {
        made_from: made_from(corpus, templates, seed),
        layouts: layouts.iter().map(StoredLayout::of).collect(),
    };
    let path = dir.join(FILE);
    let text = serde_json::to_vec(&stored).map_err(|error| EvalError::Report(error.into()))?;
    fs::write(&path, text).map_err(EvalError::io("write", path))
}

/// A guess at where an unknown document has its parts: a portrait in the left third, lines of text to its right.
pub(crate) fn neutral(width: u32, height: u32) -> Layout {
    // Shares of the sides in percent.
    let area = |[left, top, right, bottom]: Area| Rect {
        x: width * left / 100,
        y: height * top / 100,
        width: (width * (right - left) / 100).max(1),
        height: (height * (bottom - top) / 100).max(1),
    };
    let lines = [30, 42, 54, 66].map(|top| area([40, top, 92, top + 6]));
    layout(Rect { x: 0, y: 0, width, height }, Some(area([6, 25, 34, 75])), lines.to_vec())
}

impl StoredLayout {
    fn of(layout: &Layout) -> Self {
        let area = |rect: Rect| [rect.x, rect.y, rect.width, rect.height];
        Self {
            document: area(layout.document),
            portrait: layout.portrait.map(area),
            fields: layout.fields.iter().copied().map(area).collect(),
        }
    }

    fn layout(self) -> Layout {
        let rect = |[x, y, width, height]: Area| Rect { x, y, width, height };
        layout(rect(self.document), self.portrait.map(rect), self.fields.into_iter().map(rect).collect())
    }
}

fn layout(document: Rect, portrait: Option<Rect>, fields: Vec<Rect>) -> Layout {
    // A layout can only be had from a document; drawing one is slow, so one is enough.
    static ANY: std::sync::OnceLock<Layout> = std::sync::OnceLock::new();
    let mut layout = ANY.get_or_init(|| Document::new(Template::Selfie, 0).layout).clone();
    layout.document = document;
    layout.portrait = portrait;
    layout.fields = fields;
    layout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_is_known_again_and_another_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let corpus = Corpus::new(3, 5);
        let layouts: Vec<Layout> = corpus.iter().map(|item| item.document.layout).collect();
        assert!(load(dir.path(), &corpus, &[], 5).is_none());
        save(dir.path(), &corpus, &[], 5, &layouts).unwrap();
        assert_eq!(load(dir.path(), &corpus, &[], 5), Some(layouts));
        assert!(load(dir.path(), &Corpus::new(3, 6), &[], 6).is_none());
        assert!(load(dir.path(), &Corpus::new(4, 5), &[], 5).is_none());
    }

    #[test]
    fn a_neutral_layout_lies_within_any_image() {
        for (width, height) in [(1, 1), (30, 7), (1200, 800), (800, 1200)] {
            let layout = neutral(width, height);
            for rect in layout.fields.iter().chain(&layout.portrait) {
                assert!(rect.x < width && rect.y < height, "{rect:?} of {width} x {height}");
            }
        }
    }
}
