//! Strangers and matches on one scale, in panels above each other.

use std::fmt::Write as _;

use maud::{Markup, html};
use saltprint::case::Plot;

use super::{WIDTH, drawing, label, line, rect, tick};
use crate::text::{count, number};

const LEFT: f64 = 64.0;
const TOP: f64 = 40.0;
const PANEL: f64 = 62.0;
const GAP: f64 = 30.0;
/// Most bars of a panel; finer bins are drawn together.
const BARS: u32 = 128;

/// What a plot is about.
pub(crate) struct Scale {
    /// Its anchor.
    pub(crate) id: &'static str,
    /// Its title.
    pub(crate) title: &'static str,
    /// What the axis counts.
    pub(crate) unit: &'static str,
    /// Whether small numbers mean a match.
    pub(crate) near_is_small: bool,
}

/// Whether there is anything to draw.
pub(crate) fn is_empty(plot: &Plot) -> bool {
    plot.strangers.is_empty() && plot.matches.is_empty() && plot.possible.is_empty()
}

/// Three panels with a common axis: strangers, matches, possible matches. Each has a scale of its own.
pub(crate) fn histogram(scale: &Scale, plot: &Plot) -> Markup {
    let series = [
        ("f-stranger", "strangers", &plot.strangers),
        ("f-match", "matches", &plot.matches),
        ("f-possible", "possible matches", &plot.possible),
    ];
    let line_at = plot.strong_line.filter(|line| line.is_finite() && *line >= 0.0);
    let last = series.iter().flat_map(|(_, _, bins)| bins.iter().map(|(bin, _)| *bin)).max().unwrap_or(0);
    let end = f64::from(last).max(line_at.unwrap_or(0.0)) + 1.0;
    let x = |value: f64| LEFT + (WIDTH - LEFT - 12.0) * (value / end).clamp(0.0, 1.0);
    let step = last / BARS + 1;
    let bottom = TOP + (PANEL + GAP) * 3.0 - GAP + 8.0;
    let body = html! {
        @for (number_of, (class, _, bins)) in series.into_iter().enumerate() {
            @let base = TOP + PANEL + (PANEL + GAP) * number_of as f64;
            (panel(class, (&together(bins, step), step), base, &x))
        }
        @let every = tick(last.saturating_add(1), 12);
        @for value in (0..=last.saturating_add(1)).step_by(every as usize) {
            (line("axis", [x(f64::from(value)), bottom - 6.0, x(f64::from(value)), bottom - 1.0]))
            (label("mid dim", [x(f64::from(value)), bottom + 12.0], &value.to_string()))
        }
        (label("mid dim", [f64::midpoint(LEFT, WIDTH), bottom + 30.0], scale.unit))
        @if let Some(value) = line_at {
            (line("line", [x(value), 18.0, x(value), bottom - 6.0]))
            @let left_half = x(value) < WIDTH / 2.0;
            @let side = if left_half { 6.0 } else { -6.0 };
            @let words = if scale.near_is_small { "strong up to here" } else { "strong from here on" };
            (label(if left_half { "on" } else { "on end" }, [x(value) + side, 14.0], words))
        }
        // After the line, which would cross them.
        @for (number_of, (_, name, bins)) in series.into_iter().enumerate() {
            @let sum = bins.iter().map(|bin| bin.1).sum::<u64>();
            @let words = if sum == 0 { format!("{name}: none") } else { format!("{name}: {}", number(sum)) };
            (label("halo dim", [LEFT, TOP - 5.0 + (PANEL + GAP) * number_of as f64], &words))
        }
    };
    drawing(scale.id, "chart", [WIDTH, bottom + 36.0], scale.title, &description(plot, line_at), &body)
}

fn panel(class: &str, (bins, step): (&[(u32, u64)], u32), base: f64, x: &impl Fn(f64) -> f64) -> Markup {
    let peak = bins.iter().map(|bin| bin.1).max().unwrap_or(0);
    html! {
        (line("axis", [LEFT, base, WIDTH - 12.0, base]))
        @if peak > 0 { (label("end dim", [LEFT - 6.0, base - PANEL + 10.0], &number(peak))) }
        @for (bin, value) in bins {
            // A single image among thousands must still be seen: that is where accusations begin.
            @let up = (PANEL * *value as f64 / peak as f64).max(2.0);
            @let (from, to) = (x(f64::from(*bin)), x(f64::from(bin.saturating_add(step))));
            @let range = if step == 1 { bin.to_string() } else { format!("{bin} to {}", bin.saturating_add(step - 1)) };
            (rect(class, [from, base - up, (to - from - 0.6).max(0.8), up], &format!("{range}: {}", number(*value))))
        }
    }
}

/// Bins in steps of `step`.
fn together(bins: &[(u32, u64)], step: u32) -> Vec<(u32, u64)> {
    let mut out: Vec<(u32, u64)> = Vec::new();
    for (bin, value) in bins {
        let from = bin / step * step;
        match out.last_mut() {
            Some((last, sum)) if *last == from => *sum += value,
            _ => out.push((from, *value)),
        }
    }
    out
}

/// The ranges in words.
fn description(plot: &Plot, line: Option<f64>) -> String {
    let range = |name: &str, bins: &[(u32, u64)]| match (bins.first(), bins.last()) {
        (Some((first, _)), Some((last, _))) => {
            let sum = bins.iter().map(|bin| bin.1).sum();
            format!("{} {name} from {first} to {last}", number(sum))
        }
        _ => format!("no {name}"),
    };
    let mut words = format!(
        "{}; {}; {}.",
        range("strangers", &plot.strangers),
        range("matches", &plot.matches),
        range("possible matches", &plot.possible)
    );
    if let Some(line) = line {
        let _ = write!(words, " The strong band begins at {line}.");
    }
    words
}

/// How matches lie to the strangers, in a sentence; `None` where either is missing.
pub(crate) fn comparison(scale: &Scale, plot: &Plot) -> Option<String> {
    let nearest = |bins: &[(u32, u64)]| if scale.near_is_small { bins.first() } else { bins.last() }.copied();
    let stranger = nearest(&plot.strangers)?.0;
    if plot.matches.is_empty() {
        return None;
    }
    let clear = plot
        .matches
        .iter()
        .filter(|(bin, _)| if scale.near_is_small { *bin < stranger } else { *bin > stranger })
        .map(|bin| bin.1)
        .sum::<u64>();
    let all = plot.matches.iter().map(|bin| bin.1).sum::<u64>();
    let (best, beyond) = if scale.near_is_small { ("nearest", "nearer than") } else { ("highest", "above") };
    Some(format!(
        "The {best} of all strangers came to {stranger}; {} of {} {beyond} that.",
        number(clear),
        count(all, "match lies", "matches lie")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTANCE: Scale = Scale { id: "x", title: "", unit: "", near_is_small: true };

    #[test]
    fn wide_ranges_are_drawn_together_and_lose_nothing() {
        let plot = Plot { strangers: (0..1000).map(|bin| (bin, 1)).collect(), ..Plot::default() };
        let bars = together(&plot.strangers, 999 / BARS + 1);
        assert_eq!((bars.len(), bars.iter().map(|bin| bin.1).sum::<u64>()), (125, 1000));
    }

    #[test]
    fn matches_are_told_from_the_nearest_stranger() {
        let plot = Plot {
            strangers: vec![(60, 1), (90, 7)],
            matches: vec![(4, 2), (61, 1)],
            possible: vec![],
            strong_line: Some(50.0),
        };
        let words = comparison(&DISTANCE, &plot).unwrap();
        assert!(words.contains("came to 60; 2 of 3\u{a0}matches lie nearer"), "{words}");
        assert_eq!(comparison(&DISTANCE, &Plot::default()), None);
    }
}
