//! Plots as inline SVG: bars of recall, histograms of nearness, curves.
//!
//! Colours are the page's variables, so that plots turn dark with it. All numbers come from counts, all words from this
//! program, so that nothing needs escaping.

use std::fmt::Write as _;

use super::{EvalReport, MethodReport, Row};
use crate::report::text::{heading, percent};
use saltprint::Share;

/// Width of a plot across the page, in the units of its view box.
const WIDE: f64 = 1100.0;
/// Width of one of two plots beside each other.
const HALF: f64 = 540.0;

/// One series of bars or one curve.
struct Series {
    name: String,
    color: &'static str,
}

/// Colours of the baselines in turn.
const HASH_COLORS: [&str; 2] = ["var(--hash-a)", "var(--hash-b)"];

/// The line that says which colour is what.
fn keys(series: &[Series]) -> String {
    series.iter().fold(String::new(), |mut text, Series { name, color }| {
        let _ = write!(text, "<span class=\"key\"><i style=\"background:{color}\"></i>{name}</span>");
        text
    })
}

fn line(out: &mut String, class: &str, [x0, y0, x1, y1]: [f64; 4]) {
    let _ =
        write!(out, "<line class=\"{class}\" x1=\"{x0:.1}\" y1=\"{y0:.1}\" x2=\"{x1:.1}\" y2=\"{y1:.1}\"/>");
}

fn label(out: &mut String, class: &str, (x, y): (f64, f64), text: &str) {
    let _ = write!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}

fn open(width: f64, height: f64, what: &str) -> String {
    format!("<svg viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{what}\">")
}

/// Recall of every edit: ours in the strong band with its interval, the possible band lighter behind it, and each
/// baseline at both thresholds.
pub(super) fn recall(report: &EvalReport) -> String {
    const TOP: f64 = 18.0;
    const LEFT: f64 = 150.0;
    const BAR: f64 = 8.0;
    let columns: Vec<(String, &str)> = report
        .hash_columns()
        .enumerate()
        .filter(|(_, (_, threshold))| threshold.name == "customary")
        .map(|(at, (method, threshold))| {
            (heading(method, threshold.bits), HASH_COLORS[at / 2 % HASH_COLORS.len()])
        })
        .collect();
    let row_height = BAR * (1 + columns.len()) as f64 + 8.0;
    let height = TOP + row_height * report.edits.len() as f64 + 6.0;
    let x = |share: f64| LEFT + share * (WIDE - LEFT - 70.0);
    let mut svg = open(WIDE, height, "recall of every edit");
    for tenth in [0.0, 0.25, 0.5, 0.75, 1.0] {
        line(&mut svg, "grid", [x(tenth), TOP - 4.0, x(tenth), height]);
        label(&mut svg, "mid soft", (x(tenth), TOP - 7.0), &format!("{} %", percent(tenth)));
    }
    for (number, row) in report.edits.iter().enumerate() {
        let y = TOP + row_height * number as f64 + 4.0;
        label(&mut svg, "end", (LEFT - 8.0, y + row_height / 2.0), &row.edit);
        let mut bar = |at: usize, share: f64, color: &str, title: &str| {
            let _ = write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{color}\"><title>{title}</title></rect>",
                x(0.0),
                y + BAR * at as f64,
                (x(share) - x(0.0)).max(0.6),
                BAR - 1.0
            );
        };
        let (found, recall) = (row.found.value.unwrap_or(0.0), row.recall.value.unwrap_or(0.0));
        bar(0, found, "var(--ours2)", &format!("{}: any band {} %", row.edit, percent(found)));
        bar(0, recall, "var(--ours)", &format!("{}: strong band {} %", row.edit, percent(recall)));
        for (at, (name, color)) in columns.iter().enumerate() {
            let cell = &row.hashes[at * 2];
            let share = Share::new(cell.right, row.counts.images).value.unwrap_or(0.0);
            bar(at + 1, share, color, &format!("{}: {name} {} %", row.edit, percent(share)));
        }
        let middle = y + (BAR - 1.0) / 2.0;
        line(&mut svg, "axis", [x(row.recall.low), middle, x(row.recall.high), middle]);
        label(&mut svg, "", (x(1.0) + 10.0, y + BAR), &format!("{} %", percent(recall)));
    }
    svg.push_str("</svg>");
    let mut series = vec![
        Series { name: "ours, strong band, with 95 % interval".to_owned(), color: "var(--ours)" },
        Series { name: "ours, possible band".to_owned(), color: "var(--ours2)" },
    ];
    series.extend(columns.into_iter().map(|(name, color)| Series { name, color }));
    format!("<figure><figcaption><b>Found, by edit.</b> {}</figcaption>{svg}</figure>", keys(&series))
}

/// How near right records, others and strangers come by one method. Each series is drawn as shares of its own sum.
pub(super) fn histogram(method: &MethodReport) -> String {
    const TOP: f64 = 12.0;
    const PANEL: f64 = 62.0;
    const LEFT: f64 = 48.0;
    let histogram = &method.histogram;
    let series = [
        ("right record", "var(--right)", &histogram.right),
        ("nearest other record, edited records", "var(--other)", &histogram.other),
        ("nearest record, strangers", "var(--stranger)", &histogram.strangers),
    ];
    let bars = histogram.right.len();
    let title = format!("<b>{}</b>, {}", method.name, method.unit);
    if bars == 0 {
        return format!(
            "<figure><figcaption>{title}: nothing was near enough to be reported.</figcaption></figure>"
        );
    }
    let height = TOP + (PANEL + 16.0) * 3.0 + 22.0;
    let width = (HALF - LEFT - 10.0) / bars as f64;
    let x = |bar: usize| LEFT + width * bar as f64;
    let mut svg = open(HALF, height, &format!("histogram of {}", method.name));
    for (number, (name, color, counts)) in series.into_iter().enumerate() {
        let base = TOP + (PANEL + 16.0) * (number + 1) as f64 - 6.0;
        let sum: u64 = counts.iter().sum();
        let peak = counts.iter().copied().max().unwrap_or(0).max(1);
        label(&mut svg, "end soft", (HALF - 12.0, base - PANEL), &format!("{name} ({sum})"));
        line(&mut svg, "axis", [LEFT, base, HALF - 10.0, base]);
        if sum > 0 {
            let top = format!("{} %", super::text::of(peak, sum));
            label(&mut svg, "end soft", (LEFT - 4.0, base - PANEL + 14.0), &top);
        }
        for (bar, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            // A single image among thousands must still be seen: that is where accusations begin.
            let tall = ((PANEL - 8.0) * *count as f64 / peak as f64).max(1.5);
            let from = histogram.start + histogram.width * bar as f32;
            let _ = write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" fill=\"{color}\"><title>from {from}: {count}</title></rect>",
                x(bar),
                base - tall,
                (width - 0.7).max(0.7)
            );
        }
    }
    let step = (bars / 8).max(1);
    for bar in (0..=bars).step_by(step) {
        let value = histogram.start + histogram.width * bar as f32;
        label(&mut svg, "mid soft", (x(bar), height - 8.0), &format!("{value}"));
    }
    for threshold in &method.thresholds {
        let Some(bits) = threshold.bits else { continue };
        let at = LEFT + width * f64::from((bits as f32 + 1.0 - histogram.start) / histogram.width);
        if (LEFT..=HALF - 10.0).contains(&at) {
            let _ = write!(
                svg,
                "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{:.1}\" stroke=\"var(--ink)\" stroke-dasharray=\"3 3\"><title>{} threshold {bits}</title></line>",
                height - 22.0,
                threshold.name
            );
        }
    }
    svg.push_str("</svg>");
    format!("<figure><figcaption>{title}</figcaption>{svg}</figure>")
}

/// Accepted records against accepted strangers for every threshold of every method, and where our two bands stand.
pub(super) fn roc(report: &EvalReport) -> String {
    const LEFT: f64 = 52.0;
    const TOP: f64 = 14.0;
    const HEIGHT: f64 = 420.0;
    const BOTTOM: f64 = HEIGHT - 44.0;
    let strangers = &report.strangers[0];
    let images = strangers.counts.images.max(1) as f64;
    // No stranger at all stands half a decade left of one stranger.
    let least = (1.0 / images).log10();
    let x = |share: f64| {
        let log = if share > 0.0 { share.log10() } else { least - 0.5 };
        LEFT + (log - (least - 0.6)) / (0.6 - least) * (WIDE - LEFT - 20.0)
    };
    let y = |share: f64| BOTTOM - share * (BOTTOM - TOP);
    let mut svg = open(WIDE, HEIGHT, "accepted records against accepted strangers");
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        line(&mut svg, "grid", [LEFT, y(share), WIDE - 20.0, y(share)]);
        label(&mut svg, "end soft", (LEFT - 6.0, y(share) + 4.0), &format!("{} %", percent(share)));
    }
    for decade in 0..8 {
        let share = 0.1_f64.powi(decade);
        if share >= 1.0 / images {
            line(&mut svg, "grid", [x(share), TOP, x(share), BOTTOM]);
            let name = format!("{} %", super::text::small(share * 100.0));
            label(&mut svg, "mid soft", (x(share), BOTTOM + 16.0), &name);
        }
    }
    label(&mut svg, "mid soft", (x(0.0), BOTTOM + 16.0), "none");
    let middle = f64::midpoint(LEFT, WIDE);
    label(&mut svg, "mid soft", (middle, HEIGHT - 6.0), "strangers accepted (logarithmic)");
    let mut series = Vec::new();
    let (mut ours, mut theirs) = (0, 0);
    for method in &report.methods {
        let (color, name) = if method.thresholds.is_empty() {
            ours += 1;
            (
                ["var(--ours)", "var(--other)", "var(--ours2)"][(ours - 1) % 3],
                format!("ours: {}, as far as reported", method.name),
            )
        } else {
            theirs += 1;
            (HASH_COLORS[(theirs - 1) % HASH_COLORS.len()], method.name.to_owned())
        };
        let mut path = String::new();
        for (number, point) in method.roc.iter().enumerate() {
            let _ = write!(
                path,
                "{}{:.1} {:.1}",
                if number == 0 { 'M' } else { 'L' },
                x(point.strangers),
                y(point.right)
            );
        }
        if !path.is_empty() {
            let _ = write!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
        }
        for threshold in method.thresholds.iter().filter(|threshold| threshold.bits.is_some()) {
            let at = (threshold.strangers.value.unwrap_or(0.0), threshold.right.value.unwrap_or(0.0));
            let name = heading(method.name, threshold.bits);
            dot(&mut svg, (x(at.0), y(at.1)), color, &format!("{name}, {}", threshold.name));
        }
        series.push(Series { name, color });
    }
    for (band, accepted, found) in [
        ("strong band", strangers.strong.value.unwrap_or(0.0), &report.total.recall),
        (
            "strong and possible band",
            Share::new(strangers.counts.strong + strangers.counts.possible, strangers.counts.images)
                .value
                .unwrap_or(0.0),
            &report.total.found,
        ),
    ] {
        let at = (x(accepted), y(found.value.unwrap_or(0.0)));
        let _ = write!(
            svg,
            "<path d=\"M{:.1} {:.1}l7 7l-7 7l-7 -7z\" fill=\"var(--ours)\" stroke=\"var(--panel)\"><title>ours, {band}</title></path>",
            at.0,
            at.1 - 7.0
        );
        label(&mut svg, "", (at.0 + 11.0, at.1 + 4.0), &format!("ours, {band}"));
    }
    svg.push_str("</svg>");
    format!(
        "<figure><figcaption><b>Records found against strangers accepted</b>, all edits together. Dots are thresholds, \
         diamonds are our bands. {}</figcaption>{svg}</figure>",
        keys(&series)
    )
}

fn dot(svg: &mut String, (x, y): (f64, f64), color: &str, title: &str) {
    let _ = write!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{color}\" stroke=\"var(--panel)\"><title>{title}</title></circle>"
    );
}

/// The background of a cell whose share should be high.
pub(super) fn good(share: f64) -> String {
    // 98 % is good, half is bad; between them the tint fades over.
    let (color, strength) = if share >= 0.98 {
        ("--good", 0.32)
    } else if share >= 0.9 {
        ("--good", 0.16)
    } else if share >= 0.7 {
        ("--fair", 0.22)
    } else {
        ("--bad", 0.18 + 0.17 * (0.7 - share))
    };
    format!("background:rgba(var({color}),{strength:.2})")
}

/// The background of a cell that should be zero.
pub(super) fn bad(count: u64) -> &'static str {
    if count == 0 { "" } else { "background:rgba(var(--bad),.45);font-weight:600" }
}

/// Rows of one family stand together.
pub(super) fn families(rows: &[Row]) -> Vec<(&'static str, Vec<&Row>)> {
    let mut families: Vec<(&'static str, Vec<&Row>)> = Vec::new();
    for row in rows {
        match families.iter_mut().find(|(family, _)| *family == row.family) {
            Some((_, of)) => of.push(row),
            None => families.push((row.family, vec![row])),
        }
    }
    families
}
