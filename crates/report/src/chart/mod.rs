//! Charts as inline SVG.
//!
//! They are written here and not by a chart library, because those write colours as numbers into the drawing: one page could
//! not be light for one reader, dark for another and plain on paper. Here marks carry classes, which the page's style
//! colours, and every mark that means a number says it in a title.

pub(crate) mod histogram;
pub(crate) mod outline;
pub(crate) mod timeline;
pub(crate) mod totals;

use maud::{Markup, html};

/// Width of a chart, in the units of its view box.
const WIDTH: f64 = 760.0;

/// A coordinate as it is written: a tenth of a unit is finer than eyes are.
fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A drawing with its name and description for those who do not see it.
fn drawing(
    id: &str,
    class: &str,
    [width, height]: [f64; 2],
    title: &str,
    desc: &str,
    body: &Markup,
) -> Markup {
    html! {
        svg class=(class) viewBox={ "0 0 " (at(width)) " " (at(height)) } role="img"
            aria-labelledby={ "t-" (id) " d-" (id) } {
            title id={ "t-" (id) } { (title) }
            desc id={ "d-" (id) } { (desc) }
            (body)
        }
    }
}

fn line(class: &str, [x0, y0, x1, y1]: [f64; 4]) -> Markup {
    html! { line class=(class) x1=(at(x0)) y1=(at(y0)) x2=(at(x1)) y2=(at(y1)) {} }
}

fn label(class: &str, [x, y]: [f64; 2], text: &str) -> Markup {
    html! { text class=(class) x=(at(x)) y=(at(y)) { (text) } }
}

fn rect(class: &str, [x, y, width, height]: [f64; 4], title: &str) -> Markup {
    html! {
        rect class=(class) x=(at(x)) y=(at(y)) width=(at(width)) height=(at(height)) { title { (title) } }
    }
}

/// The distance of labels of an axis: 1, 2 or 5 and zeros, so that at most `most` of them fit into `span`.
fn tick(span: u32, most: u32) -> u32 {
    let mut unit = 1_u32;
    loop {
        for factor in [1, 2, 5] {
            let step = unit.saturating_mul(factor);
            if span / step <= most {
                return step;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!([0, 7, 130, 256, 5_000].map(|span| tick(span, 10)), [1, 1, 20, 50, 500]);
        assert_eq!(tick(u32::MAX, 1), u32::MAX);
    }
}
