//! The report of the privacy measurements: text that is Markdown, JSON, CSV and one page.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::findings::{Finding, Measurement, PrivacyTable, PrivacyVerdict};
use super::material::Material;
use super::plan::PrivacyPlan;
use crate::EvalError;
use crate::plan::Source;
use crate::report::STYLE;

/// Version of the JSON form of [`PrivacyReport`]. It rises with every change that a reader could notice.
pub const PRIVACY_FORMAT: u32 = 1;

/// What was measured.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PrivacySetup {
    /// `invented` or `own`.
    pub vault: &'static str,
    /// The seed.
    pub seed: u64,
    /// Whether fewer keys, pairs and documents were taken.
    pub quick: bool,
    /// Documents of the vault.
    pub records: u64,
    /// Documents of the attackers.
    pub crowd: u64,
    /// Axes of the profile.
    pub axes: u64,
}

/// All measurements.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PrivacyReport {
    /// [`PRIVACY_FORMAT`].
    pub format: u32,
    /// Version of this crate, which is the program's.
    pub version: &'static str,
    /// What was measured.
    pub setup: PrivacySetup,
    /// By letter.
    pub measurements: Vec<Measurement>,
}

impl PrivacyReport {
    pub(super) fn new(plan: &PrivacyPlan, material: &Material, measurements: Vec<Measurement>) -> Self {
        Self {
            format: PRIVACY_FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            setup: PrivacySetup {
                vault: if matches!(plan.source, Source::Vault(_)) { "own" } else { "invented" },
                seed: plan.seed,
                quick: plan.quick,
                records: material.vault.len() as u64,
                crowd: material.crowd.len() as u64,
                axes: material.profile.dims() as u64,
            },
            measurements,
        }
    }

    /// The findings with this verdict.
    pub fn with_verdict(&self, verdict: PrivacyVerdict) -> impl Iterator<Item = &Finding> {
        let all = self.measurements.iter().flat_map(|measurement| &measurement.findings);
        all.filter(move |finding| finding.verdict == verdict)
    }

    /// The report as text; its tables are Markdown.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.headline());
        for measured in &self.measurements {
            let _ = write!(text, "\n## ({}) {}\n\n{}\n\n", measured.letter, measured.title, measured.method);
            if !measured.findings.is_empty() {
                markdown(
                    &mut text,
                    &FINDING_COLUMNS.map(str::to_owned),
                    measured.findings.iter().map(finding_cells),
                );
            }
            for table in &measured.tables {
                let _ = write!(text, "\n{}:\n\n", table.title);
                markdown(&mut text, &table.columns, table_cells(table));
            }
        }
        text
    }

    fn headline(&self) -> String {
        let PrivacySetup { vault, seed, quick, records, crowd, axes } = &self.setup;
        let [holds, leaks] =
            [PrivacyVerdict::Holds, PrivacyVerdict::Leaks].map(|verdict| self.with_verdict(verdict).count());
        format!(
            "{records} documents of an {vault} vault, {crowd} of the attackers, profile of {axes} axes, seed {seed}{}. \
             {holds} findings hold, {leaks} leak.",
            if *quick { ", quick" } else { "" }
        )
    }

    /// Writes `privacy.html`, `privacy.json` and `privacy.csv` into `dir`, which is made if need be.
    ///
    /// # Errors
    /// [`EvalError::Io`] where a file cannot be written.
    pub fn write_to(&self, dir: &Path) -> Result<(), EvalError> {
        fs::create_dir_all(dir).map_err(EvalError::io("create", dir))?;
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.join(name);
            fs::write(&path, bytes).map_err(EvalError::io("write", path))
        };
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| EvalError::Report(error.into()))?;
        json.push(b'\n');
        write("privacy.json", &json)?;
        write("privacy.csv", &self.csv()?)?;
        write("privacy.html", self.page().as_bytes())
    }

    /// One row a finding and one a cell of a table, told apart by the first column.
    fn csv(&self) -> Result<Vec<u8>, EvalError> {
        let failed = |error: csv::Error| EvalError::Report(error.into());
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(["sort", "measurement", "name", "row", "column", "value", "bound", "verdict"])
            .map_err(failed)?;
        for measured in &self.measurements {
            let letter = measured.letter.to_string();
            for finding in &measured.findings {
                let bound = finding.bound.map_or_else(String::new, |bound| bound.to_string());
                let value = finding.value.to_string();
                out.write_record([
                    "finding",
                    &letter,
                    &finding.what,
                    "",
                    "",
                    &value,
                    &bound,
                    finding.verdict.name(),
                ])
                .map_err(failed)?;
            }
            for table in &measured.tables {
                for row in &table.rows {
                    let name = row.first().map_or_else(String::new, ToString::to_string);
                    for (column, cell) in table.columns.iter().zip(row).skip(1) {
                        let value =
                            serde_json::to_string(cell).map_err(|error| EvalError::Report(error.into()))?;
                        let value = value.trim_matches('"');
                        out.write_record(["cell", &letter, &table.title, &name, column, value, "", ""])
                            .map_err(failed)?;
                    }
                }
            }
        }
        out.into_inner().map_err(|error| EvalError::Report(error.into_error().into()))
    }

    /// One page that needs nothing but itself. Every word on it comes from this program; pictures are of invented documents.
    fn page(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>Saltprint privacy measurements</title>\n\
             <style>{STYLE}td.words {{ white-space: normal; text-align: left; }} .leaks {{ background: rgba(var(--bad),.25); }} \
             .holds {{ background: rgba(var(--good),.2); }} .pictures {{ display: flex; flex-wrap: wrap; gap: 1rem; }}</style>\n\
             </head>\n<body>\n<h1>Saltprint privacy measurements</h1>\n<p class=\"soft\">{}</p>\n",
            self.headline()
        );
        for measured in &self.measurements {
            let _ = write!(
                page,
                "<section><h2>({}) {}</h2>\n<p class=\"soft\">{}</p>\n",
                measured.letter, measured.title, measured.method
            );
            if !measured.findings.is_empty() {
                heading(&mut page, &FINDING_COLUMNS);
                for finding in &measured.findings {
                    let [what, value, bound, verdict, basis] = finding_cells(finding);
                    let _ = writeln!(
                        page,
                        "<tr><td class=\"words\">{what}</td><td>{value}</td><td>{bound}</td><td class=\"{}\">{verdict}</td><td class=\"words\">{basis}</td></tr>",
                        finding.verdict.name()
                    );
                }
                page.push_str("</tbody></table></div>\n");
            }
            for table in &measured.tables {
                let _ = writeln!(page, "<h3>{}</h3>", table.title);
                heading(&mut page, &table.columns);
                for row in table_cells(table) {
                    let _ = writeln!(page, "<tr><td>{}</td></tr>", row.join("</td><td>"));
                }
                page.push_str("</tbody></table></div>\n");
            }
            for row in &measured.pictures {
                page.push_str("<div class=\"pictures\">");
                for picture in row {
                    let _ = write!(
                        page,
                        "<figure><figcaption>{}</figcaption><img alt=\"{}\" src=\"data:image/png;base64,{}\"></figure>",
                        picture.caption,
                        picture.caption,
                        STANDARD.encode(&picture.png)
                    );
                }
                page.push_str("</div>\n");
            }
            page.push_str("</section>\n");
        }
        page.push_str("<footer>Numbers only, and pictures of documents that were invented.</footer>\n</body>\n</html>\n");
        page
    }
}

const FINDING_COLUMNS: [&str; 5] = ["finding", "value", "bound", "verdict", "the bound"];

fn finding_cells(finding: &Finding) -> [String; 5] {
    let bound = finding.bound.map_or_else(String::new, short);
    [
        finding.what.clone(),
        short(finding.value),
        bound,
        finding.verdict.name().to_owned(),
        finding.basis.clone(),
    ]
}

fn table_cells(table: &PrivacyTable) -> impl Iterator<Item = Vec<String>> {
    table.rows.iter().map(|row| row.iter().map(ToString::to_string).collect())
}

/// A number with four significant digits, or a whole one.
fn short(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e9 {
        format!("{value:.0}")
    } else if size >= 1000.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.3}")
    } else if size >= 0.001 {
        format!("{value:.4}")
    } else {
        format!("{value:.2e}")
    }
}

/// A Markdown table, its columns aligned for those who read it as it is.
fn markdown<R: AsRef<[String]>>(text: &mut String, columns: &[String], rows: impl Iterator<Item = R>) {
    let rows: Vec<R> = rows.collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, heading)| {
            let cells = rows.iter().filter_map(|row| row.as_ref().get(at)).map(|cell| cell.chars().count());
            cells.chain([heading.chars().count(), 3]).max().unwrap_or(3)
        })
        .collect();
    let mut line = |cells: &[String]| {
        text.push('|');
        for (cell, &width) in cells.iter().zip(&widths) {
            let _ = write!(text, " {cell:<width$} |");
        }
        text.push('\n');
    };
    line(columns);
    line(&widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>());
    for row in &rows {
        line(row.as_ref());
    }
}

fn heading<S: AsRef<str>>(page: &mut String, columns: &[S]) {
    page.push_str("<div class=\"wide\"><table><thead><tr>");
    for column in columns {
        let _ = write!(page, "<th>{}</th>", column.as_ref());
    }
    page.push_str("</tr></thead><tbody>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [3.0, 0.123_456, 12.345_67, 1234.56, 0.000_012, -2.0].map(short);
        assert_eq!(shown, ["3", "0.1235", "12.346", "1234.6", "1.20e-5", "-2"]);
    }

    #[test]
    fn tables_are_aligned() {
        let mut text = String::new();
        let rows = [["linear".to_owned(), "7".to_owned()], ["tables of 4".to_owned(), "12.5 %".to_owned()]];
        markdown(&mut text, &["read-out", "bits"].map(str::to_owned), rows.iter());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "| read-out    | bits   |");
        assert_eq!(lines[1], "| ----------- | ------ |");
        assert_eq!(lines[3], "| tables of 4 | 12.5 % |");
    }
}
