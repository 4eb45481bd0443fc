//! Erasures in words.

use std::fmt::Write as _;

use saltprint::erase::{ErasureCheck, ErasureReceipt};

pub(crate) fn receipt(receipt: &ErasureReceipt) -> String {
    let mut text = String::new();
    for name in &receipt.refs {
        text += name;
        text.push('\n');
    }
    if receipt.lifted {
        text += "Taken back. The next rebuild reads the documents again, if the vault still has them.\n";
    } else {
        let rows = match receipt.rows {
            0 => "The published index holds no row of it.".to_owned(),
            1 => "The published index holds 1 row of it: no query finds it from now on, and the next rebuild removes it.".to_owned(),
            rows => format!(
                "The published index holds {rows} rows of it: no query finds them from now on, and the next rebuild removes them."
            ),
        };
        let _ = writeln!(text, "Erased. {rows}");
        text += "Delete the documents in the vault as well; until then rebuilds pass them over.\n";
        if !receipt.parts_known {
            text += "A rebuild is running, so the parts of archives and documents could not be looked up: if such a file is \
                     named here, erase it again after the rebuild.\n";
        }
    }
    if let Some(entry) = &receipt.audit {
        let _ = writeln!(text, "Audit log: entry {}, {}.", entry.sequence, entry.hash);
    }
    text
}

pub(crate) fn check(check: &ErasureCheck) -> String {
    let ErasureCheck { asked, erased, rows, other_rows, unreadable, in_catalog, generation, .. } = *check;
    let mut text = String::new();
    if check.is_gone() {
        return format!(
            "Gone: generation {generation}, the catalog, and every other file of the index folder hold nothing of it.\n"
        );
    }
    if check.is_hidden() {
        text += "Erased: no query finds it.\n";
    } else {
        let _ = writeln!(text, "Not erased: {} of {asked} named.", asked - erased);
    }
    if rows > 0 {
        let _ = writeln!(
            text,
            "Generation {generation} still holds {rows} of its rows; the next rebuild removes what is erased."
        );
    }
    if other_rows > 0 {
        let _ = writeln!(
            text,
            "Files that no generation uses hold {other_rows} rows of it; the next rebuild removes them."
        );
    }
    if unreadable > 0 {
        let _ = writeln!(
            text,
            "{unreadable} files do not open with these keys, so nobody knows what they hold; the next rebuild removes \
             those that no generation uses."
        );
    }
    match in_catalog {
        Some(true) => text += "The catalog remembers it; the next rebuild removes what is erased.\n",
        Some(false) => {}
        None => text += "A rebuild is running and has the catalog; check again after it.\n",
    }
    text
}
