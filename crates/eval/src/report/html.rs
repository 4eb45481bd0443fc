//! The report as one page.
//!
//! Every word on it comes from this program: names of edits, templates and methods, and numbers.

use std::fmt::Write as _;

use super::plots::{self, bad, good};
use super::style::STYLE;
use super::text::{heading, interval, of, percent, small};
use super::{EvalReport, HashCell, Row, Setup, StrangerRow};
use saltprint::{Looks, Share};

pub(super) fn page(report: &EvalReport) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>Saltprint evaluation</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n"
    );
    head(&mut page, report);
    edits(&mut page, report);
    page.push_str(&plots::recall(report));
    strangers(&mut page, report);
    kinds(&mut page, report);
    thresholds(&mut page, report);
    nearness(&mut page, report);
    times(&mut page, report);
    if !report.notes.is_empty() {
        page.push_str("<section><h2>Notes</h2><ul>");
        for note in &report.notes {
            let _ = write!(page, "<li>{note}</li>");
        }
        page.push_str("</ul></section>\n");
    }
    page.push_str(
        "<footer>Intervals are exact (Clopper-Pearson) at 95 %. They hold for images drawn as these were; they do not \
         cover documents of another kind. This page holds numbers only: no name, pseudonym or image of a record.\
         </footer>\n</body>\n</html>\n",
    );
    page
}

fn head(page: &mut String, report: &EvalReport) {
    let Setup { seed, records, strangers, queries_per_edit, .. } = report.setup;
    let total = &report.total;
    let all = &report.strangers[0];
    let _ = write!(
        page,
        "<h1>Saltprint evaluation</h1>\n<p class=\"soft\">Altered copies of documents of {}, looked up by the \
         shipped pipeline, version {}.</p>\n<div class=\"cards\">\n",
        report.setup.vault_words(),
        report.version
    );
    let mut card = |value: String, words: String| {
        let _ = writeln!(page, "<div class=\"card\"><b>{value}</b><span>{words}</span></div>");
    };
    card(
        format!("{} %", of(total.counts.strong, total.counts.images)),
        format!("of {} altered copies matched to the right record, strong band", total.counts.images),
    );
    card(
        format!("{} %", of(total.counts.possible, total.counts.images)),
        "more in the possible band".to_owned(),
    );
    card(
        total.counts.wrong_strong.to_string(),
        format!(
            "matched to a wrong record in the strong band (at most {} %)",
            small(total.wrong.high * 100.0)
        ),
    );
    card(
        all.counts.strong.to_string(),
        if all.counts.images == 0 {
            "strangers matched; none were asked".to_owned()
        } else {
            format!(
                "of {} images of strangers matched in the strong band (at most {} %)",
                all.counts.images,
                small(all.strong.high * 100.0)
            )
        },
    );
    page.push_str("</div>\n<dl>\n");
    let pipeline = &report.pipeline;
    let mut index = format!("{records} records, {} of them indexed", pipeline.indexed);
    if report.setup.invented > 0 {
        let _ = write!(index, ", and {} invented ones", report.setup.invented);
    }
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{value}</dd>");
    };
    fact("Index", index);
    fact(
        "Strangers",
        format!(
            "{strangers} documents held out, asked unedited and under {}",
            if report.setup.full_strangers { "every edit" } else { "one edit each, in turn" }
        ),
    );
    fact("Queries", format!("{queries_per_edit} records an edit, drawn anew for each; seed {seed}"));
    if report.setup.looks == Looks::Quick {
        fact("Looks", "quick: no finer look where nothing hints at a record".to_owned());
    }
    fact(
        "Profile",
        if pipeline.builtin_profile {
            "built in".to_owned()
        } else {
            format!("{} axes, learned from {} records", pipeline.axes, pipeline.calibrated_on)
        },
    );
    fact(
        "Bands",
        format!(
            "strong and possible stand for chances of {:e} and {:e} that a stranger's image matches anybody",
            pipeline.strong_chance, pipeline.possible_chance
        ),
    );
    if report.setup.unusable + report.setup.same_bytes + report.setup.uneditable > 0 {
        fact(
            "Left out",
            format!(
                "{} items without a readable image, {} strangers with the bytes of a record, {} images that could not be edited",
                report.setup.unusable, report.setup.same_bytes, report.setup.uneditable
            ),
        );
    }
    page.push_str("</dl>\n");
}

fn hash_headings(page: &mut String, report: &EvalReport) {
    for (method, threshold) in report.hash_columns() {
        let _ = write!(
            page,
            "<th class=\"theirs\">{}<br>{}</th>",
            heading(method, threshold.bits),
            threshold.name
        );
    }
}

fn edits(page: &mut String, report: &EvalReport) {
    page.push_str(
        "<section><h2>Altered copies by edit</h2>\n<p class=\"soft\">Percent of the images of each edit. Right: the record \
         itself, and nobody else in the strong band. Baselines: the nearest record within the threshold is the right one; \
         images whose nearest one is wrong are added in red.</p>\n<div class=\"wide\"><table><thead><tr><th>edit</th><th>images</th>\
         <th>right,<br>strong</th><th>95 %<br>interval</th><th>right,<br>possible</th><th>same<br>subject</th>\
         <th>wrong,<br>strong</th><th>wrong,<br>possible</th><th>missed</th><th>not<br>compared</th>",
    );
    hash_headings(page, report);
    page.push_str("</tr></thead><tbody>\n");
    let columns = 10 + report.total.hashes.len();
    for (family, rows) in plots::families(&report.edits) {
        let _ = writeln!(page, "<tr><td class=\"family\" colspan=\"{columns}\">{family}</td></tr>");
        for row in rows {
            edit_row(page, row, &row.edit, "");
        }
    }
    edit_row(page, &report.total, "all edits", " class=\"sum\"");
    page.push_str("</tbody></table></div></section>\n");
}

fn edit_row(page: &mut String, row: &Row, name: &str, class: &str) {
    let counts = row.counts;
    let cell = |count: u64| if count == 0 { "·".to_owned() } else { of(count, counts.images) };
    let share = row.recall.value.unwrap_or(0.0);
    let _ = write!(
        page,
        "<tr{class}><td>{name}</td><td>{}</td><td style=\"{}\">{}</td><td><small>{}–{}</small></td><td>{}</td><td>{}</td>\
         <td style=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td>",
        counts.images,
        good(share),
        percent(share),
        percent(row.recall.low),
        percent(row.recall.high),
        cell(counts.possible),
        cell(counts.same_subject),
        bad(counts.wrong_strong),
        cell(counts.wrong_strong),
        cell(counts.wrong_possible),
        cell(counts.missed),
        cell(counts.rejected),
    );
    for HashCell { right, wrong, .. } in &row.hashes {
        let share = Share::new(*right, counts.images).value.unwrap_or(0.0);
        let _ = write!(page, "<td class=\"theirs\" style=\"{}\">{}", good(share), percent(share));
        if *wrong > 0 {
            let _ = write!(
                page,
                " <small style=\"color:var(--stranger)\">+{}</small>",
                of(*wrong, counts.images)
            );
        }
        page.push_str("</td>");
    }
    page.push_str("</tr>\n");
}

fn strangers(page: &mut String, report: &EvalReport) {
    if report.strangers[0].counts.images == 0 {
        return;
    }
    page.push_str(
        "<section><h2>Strangers</h2>\n<p class=\"soft\">Documents of the same kinds that the index does not hold. Every match \
         is a false one; counts, with the upper end of the 95 % interval.</p>\n<div class=\"wide\"><table><thead><tr>\
         <th>images</th><th>asked</th><th>strong</th><th>at most</th><th>possible</th><th>at most</th><th>no match</th>\
         <th>rejected</th>",
    );
    hash_headings(page, report);
    page.push_str("</tr></thead><tbody>\n");
    for row in &report.strangers {
        stranger_row(page, row, &row.images);
    }
    for row in report.stranger_edits.iter().filter(|row| row.counts.strong + row.counts.possible > 0) {
        stranger_row(page, row, &row.images);
    }
    for row in report.stranger_kinds.iter().filter(|_| report.stranger_kinds.len() > 1) {
        stranger_row(page, row, &row.kind);
    }
    page.push_str("</tbody></table></div></section>\n");
}

fn stranger_row(page: &mut String, row: &StrangerRow, name: &str) {
    let counts = row.counts;
    let _ = write!(
        page,
        "<tr><td>{name}</td><td>{}</td><td style=\"{}\">{}</td><td><small>{} %</small></td><td>{}</td><td><small>{} %</small></td>\
         <td>{}</td><td>{}</td>",
        counts.images,
        bad(counts.strong),
        counts.strong,
        small(row.strong.high * 100.0),
        counts.possible,
        small(row.possible.high * 100.0),
        counts.no_match,
        counts.rejected
    );
    for cell in &row.hashes {
        let _ = write!(page, "<td class=\"theirs\" style=\"{}\">{}</td>", bad(cell.wrong), cell.wrong);
    }
    page.push_str("</tr>\n");
}

/// Recall by edit and kind, as a map of colours.
fn kinds(page: &mut String, report: &EvalReport) {
    if report.kinds.len() < 2 {
        return;
    }
    page.push_str(
        "<section><h2>By kind of document</h2>\n<p class=\"soft\">Right record in the strong band, percent; few images a cell, so \
         read rows and columns, not single cells.</p>\n<div class=\"wide\"><table class=\"heat\"><thead><tr><th>edit</th>",
    );
    for kind in &report.kinds {
        let _ = write!(page, "<th>{}</th>", kind.kind.replace('-', "-<wbr>"));
    }
    page.push_str("</tr></thead><tbody>\n");
    for edit in &report.edits {
        let _ = write!(page, "<tr><td>{}</td>", edit.edit);
        for kind in &report.kinds {
            match report.cells.iter().find(|cell| cell.edit == edit.edit && cell.kind == kind.kind) {
                Some(cell) => heat(page, cell),
                None => page.push_str("<td></td>"),
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("<tr class=\"sum\"><td>all edits</td>");
    for kind in &report.kinds {
        heat(page, kind);
    }
    page.push_str("</tr>\n</tbody></table></div></section>\n");
}

fn heat(page: &mut String, row: &Row) {
    let share = row.recall.value.unwrap_or(0.0);
    let counts = row.counts;
    let _ = write!(
        page,
        "<td style=\"{}\" title=\"{} of {}; {} possible, {} wrong\">{}</td>",
        if counts.wrong_strong > 0 { bad(counts.wrong_strong).to_owned() } else { good(share) },
        counts.strong,
        counts.images,
        counts.possible,
        counts.wrong_strong,
        percent(share)
    );
}

fn thresholds(page: &mut String, report: &EvalReport) {
    if report.hash_columns().next().is_none() {
        return;
    }
    page.push_str(
        "<section><h2>Beside public hashes</h2>\n<div class=\"wide\"><table><thead><tr><th>method</th><th>threshold</th>\
         <th>right record</th><th>wrong record</th><th>strangers accepted</th></tr></thead><tbody>\n",
    );
    let mut row = |name: &str, threshold: &str, right: &Share, wrong: &Share, strangers: &Share| {
        let _ = writeln!(
            page,
            "<tr><td>{name}</td><td>{threshold}</td><td style=\"{}\">{} %</td><td style=\"{}\">{} %</td><td style=\"{}\">{} %</td></tr>",
            good(right.value.unwrap_or(0.0)),
            interval(right),
            bad(wrong.count),
            interval(wrong),
            bad(strangers.count),
            interval(strangers)
        );
    };
    let (total, all) = (&report.total, &report.strangers[0]);
    row("<b>Saltprint</b>", "strong band", &total.recall, &total.wrong, &all.strong);
    for (method, threshold) in report.hash_columns() {
        let bits = threshold.bits.map_or_else(|| "none is safe".to_owned(), |bits| format!("{bits} bits"));
        let name = format!("{} ({bits})", threshold.name);
        row(method, &name, &threshold.right, &threshold.wrong, &threshold.strangers);
    }
    page.push_str("</tbody></table></div></section>\n");
}

fn nearness(page: &mut String, report: &EvalReport) {
    page.push_str(
        "<section><h2>How near they come</h2>\n<p class=\"soft\">Each series in shares of its own sum; dashed lines are the \
         baseline's thresholds. Our numbers are known where a match was reported.</p>\n<div class=\"pair\">",
    );
    for method in &report.methods {
        page.push_str(&plots::histogram(method));
    }
    page.push_str("</div>\n");
    page.push_str(&plots::roc(report));
    page.push_str("</section>\n");
}

fn times(page: &mut String, report: &EvalReport) {
    page.push_str(
        "<section><h2>Time</h2>\n<div class=\"wide\"><table><thead><tr><th>stage</th><th>images</th><th>seconds</th>\
         <th>ms an image</th><th></th></tr></thead><tbody>\n",
    );
    for stage in &report.stages {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{:.1}</td><td>{:.1}</td><td class=\"soft\">{}</td></tr>",
            stage.stage,
            stage.units,
            stage.seconds,
            stage.milliseconds(),
            if stage.summed { "summed over threads" } else { "on the clock" }
        );
    }
    page.push_str("</tbody></table></div></section>\n");
}
