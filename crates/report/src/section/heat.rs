//! Hits of indexed records by source and time, as a table whose cells are tinted.
//!
//! A table and not a drawing: it is read cell by cell with its headings by a screen reader, copied as numbers, and its
//! tints follow the page's colours.

use std::collections::BTreeMap;

use maud::{Markup, html};
use saltprint::case::{Attribution, Place};

use super::scroll;
use crate::buckets::Buckets;
use crate::text::{name_or, number, part, shown};

/// Most columns of the map before months become years.
const COLUMNS: u16 = 48;
/// Most sources with a row of their own.
const SOURCES: usize = 14;
/// Most columns with room for the records as well.
const ROOMY: usize = 24;

/// Hits and records of a place.
type Counts = (u64, u64);

/// One source, or all that have no row of their own.
struct Row {
    name: Option<String>,
    others: usize,
    cells: Vec<Counts>,
    sum: Counts,
}

pub(super) fn heat(attribution: &Attribution) -> Markup {
    let dated = attribution.months.iter().filter_map(|cell| cell.captured);
    let Some(buckets) = Buckets::new(dated, COLUMNS) else {
        return html! { @if !attribution.months.is_empty() {
            p.soft { "No record states its month, so there is no map of source and month." }
        } };
    };
    let undated = attribution.months.iter().any(|cell| cell.captured.is_none());
    let rows = rows(attribution, buckets, undated);
    let columns = buckets.len() + usize::from(undated);
    let place = attribution.explanation.as_ref().map(|explanation| &explanation.place);
    let roomy = columns <= ROOMY;
    let total = (0..columns).map(|column| sum(rows.iter().map(|row| row.cells[column]))).collect::<Vec<_>>();
    let table = html! { table.heat {
        caption {
            "Records hit, by source and " (buckets.unit()) " of capture"
            @if roomy { ", of the records that the index holds there (after the stroke)" }
            ". A dot: records, and no hit. Empty: no records."
            @if !roomy { " How many records a cell with hits holds is in the table below." }
        }
        (head(buckets, undated))
        tbody { @for row in &rows { tr {
            th scope="row" { @if row.others > 0 { i { (row.others) " others" } } @else {
                (name_or(row.name.as_deref(), "no source stated"))
            } }
            @for (column, counts) in row.cells.iter().enumerate() {
                @let marked = place.is_some_and(|place| explains(place, row, buckets, column));
                (tinted(*counts, marked, roomy, query(row, buckets, column).as_deref()))
            }
        } } }
        tfoot { tr {
            th scope="row" { "all sources" }
            @for counts in &total { (tinted(*counts, false, roomy, None)) }
        } }
    } };
    html! {
        // On paper a wide map has a page of its own, with what belongs to it.
        div.wide[columns > ROOMY] {
            h3 { "Map of source and time" }
            (scroll("Hits by source and time", &table))
            (legend(place.is_some()))
        }
    }
}

/// Rows by hits, then by records; the smallest in one.
fn rows(attribution: &Attribution, buckets: Buckets, undated: bool) -> Vec<Row> {
    let columns = buckets.len() + usize::from(undated);
    let mut sources: BTreeMap<Option<&str>, Vec<Counts>> = BTreeMap::new();
    for cell in &attribution.months {
        let column = cell.captured.map_or(columns - 1, |month| buckets.of(month));
        let cells = sources.entry(cell.source.as_deref()).or_insert_with(|| vec![(0, 0); columns]);
        cells[column] = sum([cells[column], (cell.hits, cell.indexed)].into_iter());
    }
    let mut rows: Vec<Row> = sources
        .into_iter()
        .map(|(name, cells)| Row {
            name: name.map(str::to_owned),
            others: 0,
            sum: sum(cells.iter().copied()),
            cells,
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.sum));
    // One source alone is shown rather than called "1 others".
    if rows.len() > SOURCES + 1 {
        let rest = rows.split_off(SOURCES);
        let cells = (0..columns).map(|column| sum(rest.iter().map(|row| row.cells[column]))).collect();
        rows.push(Row { name: None, others: rest.len(), cells, sum: sum(rest.iter().map(|row| row.sum)) });
    }
    rows
}

fn sum(counts: impl Iterator<Item = Counts>) -> Counts {
    counts.fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1))
}

fn explains(place: &Place, row: &Row, buckets: Buckets, column: usize) -> bool {
    if place.one_source && (row.others > 0 || row.name != place.source) {
        return false;
    }
    match (place.first, place.last) {
        (Some(first), Some(last)) => column < buckets.len() && buckets.meets(column, first, last),
        _ => true,
    }
}

fn head(buckets: Buckets, undated: bool) -> Markup {
    if !buckets.are_months() {
        return html! { thead { tr {
            th scope="col" { "Source" }
            @for column in 0..buckets.len() { th scope="col" { (buckets.label(column)) } }
            @if undated { th scope="col" { "no month" } }
        } } };
    }
    let mut years: Vec<(u16, usize)> = Vec::new();
    for column in 0..buckets.len() {
        match years.last_mut() {
            Some((year, months)) if *year == buckets.year(column) => *months += 1,
            _ => years.push((buckets.year(column), 1)),
        }
    }
    html! { thead {
        tr {
            th scope="col" rowspan="2" { "Source" }
            @for (year, months) in years { th scope="colgroup" colspan=(months) { (year) } }
            @if undated { th scope="col" rowspan="2" { "no month" } }
        }
        tr { @for column in 0..buckets.len() {
            @let label = buckets.label(column);
            th scope="col" { span.vh { (label[..5]) } (label[5..]) }
        } }
    } }
}

/// Words that find the items of a cell.
fn query(row: &Row, buckets: Buckets, column: usize) -> Option<String> {
    let source = row.name.as_deref().filter(|_| row.others == 0)?;
    if column >= buckets.len() {
        return None;
    }
    let label = buckets.label(column);
    match label.len() {
        7 => Some(format!("{} {label}", shown(source))),
        4 => Some(format!("{} {label}-", shown(source))),
        _ => None,
    }
}

fn tinted((hits, indexed): Counts, marked: bool, roomy: bool, query: Option<&str>) -> Markup {
    let class = [level(hits, indexed), if marked { " place" } else { "" }].concat();
    html! {
        td class=(class) title=[(indexed > 0).then(|| format!("{} of {} ({})", number(hits), number(indexed), part(hits, indexed)))]
            data-q=[query.filter(|_| hits > 0)] {
            @if hits > 0 { (number(hits)) } @else if indexed > 0 { "·" }
            @if roomy && indexed > 0 { small { "/" (number(indexed)) } }
        }
    }
}

/// Tint of the share that was hit; the legend names the same steps.
fn level(hits: u64, indexed: u64) -> &'static str {
    if indexed == 0 {
        return "gap";
    }
    let share = hits as f64 / indexed as f64;
    match share {
        share if share <= 0.0 => "h0",
        share if share < 0.01 => "h1",
        share if share < 0.05 => "h2",
        share if share < 0.2 => "h3",
        share if share < 0.5 => "h4",
        _ => "h5",
    }
}

fn legend(place: bool) -> Markup {
    let steps = [
        ("h1", "under 1 %"),
        ("h2", "1 to 5 %"),
        ("h3", "5 to 20 %"),
        ("h4", "20 to 50 %"),
        ("h5", "half and more"),
    ];
    html! { p.soft {
        "Tint: share of the records that was hit. "
        @for (class, words) in steps { span.key { b class=(class) { "n" } " " (words) } " " }
        @if place { span.key { b.place { "n" } " in the place that explains the hits" } }
        span { "Small cells tint deeply by one hit: read the numbers." }
    } }
}
