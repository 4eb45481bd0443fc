//! When the records that were hit were captured.

use maud::{Markup, html};
use saltprint::case::Attribution;

use super::scroll;
use crate::buckets::Buckets;
use crate::chart;
use crate::text::{count, verb};

/// Most columns of the chart before months become years.
const COLUMNS: u16 = 120;

pub(super) fn timeline(attribution: &Attribution) -> Markup {
    if attribution.hits == 0 {
        return html! { p { "No record was hit in the strong band, so there is nothing to draw over time." } };
    }
    let Some(buckets) = Buckets::new(attribution.months.iter().filter_map(|cell| cell.captured), COLUMNS)
    else {
        return html! { p { "No record states the month in which it was captured, so there is no timeline." } };
    };
    let mut counts = vec![(0, 0); buckets.len()];
    let mut undated = 0;
    for cell in &attribution.months {
        if let Some(month) = cell.captured {
            let at = &mut counts[buckets.of(month)];
            *at = (at.0 + cell.hits, at.1 + cell.indexed);
        } else {
            undated += cell.hits;
        }
    }
    html! {
        figure {
            figcaption {
                "Records that were hit, by " (buckets.unit()) " of capture, above what the index holds of it. Two scales: a \
                 " (buckets.unit()) " with many hits may just be one with many records. Apart from matches by chance, \
                 the copies cannot have been taken before the last month that was hit."
            }
            (scroll("Timeline of hits", &chart::timeline::timeline(buckets, &counts)))
        }
        @if undated > 0 {
            p.soft {
                (count(undated, "record that was hit states", "records that were hit state")) " no month and "
                (verb(undated, "is", "are")) " not in this chart."
            }
        }
    }
}
