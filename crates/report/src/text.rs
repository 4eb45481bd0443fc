//! Words and numbers as the page says them.

use std::borrow::Cow;
use std::fmt::Write as _;

use maud::{Markup, html};
use saltprint::Share;
use saltprint_index::Month;

/// Between a number and its unit, where no line may break.
const NBSP: char = '\u{a0}';

/// Text from outside with characters that hide, break or reorder their neighbours written out, such as `\u{202e}`.
///
/// The template escapes what means something in HTML; this is about what means something to a reader's eye.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters, line and paragraph separators, and the format characters of Unicode that have no shape: joiners,
/// bidi marks, embeddings, overrides and isolates, soft hyphens, tags, variation selectors, noncharacters, private use.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// A sentence in which `` `quoted` `` words are set as code, each a bidi island of its own.
pub(crate) fn prose(sentence: &str) -> Markup {
    let sentence = shown(sentence);
    let parts: Vec<&str> = sentence.split('`').collect();
    // An odd quotation mark quotes nothing.
    let paired = parts.len() % 2 == 1;
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if paired && at % 2 == 1 { code { (part) } } @else {
                @if at > 0 && !paired { "`" }
                (part)
            }
        }
    }
}

/// A name from outside within a sentence, a bidi island of its own.
pub(crate) fn name(text: &str) -> Markup {
    html! { code { (shown(text)) } }
}

/// The name of a source or kind; what stands for none is set as words.
pub(crate) fn name_or(text: Option<&str>, none: &str) -> Markup {
    html! { @if let Some(text) = text { (shown(text)) } @else { i { (none) } } }
}

/// `1,234,567`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 image`, `2 images`.
pub(crate) fn count(value: u64, one: &str, many: &str) -> String {
    format!("{}{NBSP}{}", number(value), if value == 1 { one } else { many })
}

/// The form of a verb or pronoun that goes with a number.
pub(crate) fn verb<'a>(value: u64, one: &'a str, many: &'a str) -> &'a str {
    if value == 1 { one } else { many }
}

/// `usize` counts as the number they are.
pub(crate) fn len(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// A share of 0 to 1 in percent. What is not quite none or all never reads as `0 %` or `100 %`.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    let digits = if !value.is_finite() {
        return "unknown".to_owned();
    } else if value <= 0.0 {
        "0".to_owned()
    } else if value >= 100.0 {
        "100".to_owned()
    } else if value < 0.1 {
        "under 0.1".to_owned()
    } else if value > 99.9 {
        "over 99.9".to_owned()
    } else {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    format!("{digits}{NBSP}%")
}

/// `count` of `of` in percent; a dash where there are none.
pub(crate) fn part(count: u64, of: u64) -> String {
    if of == 0 { "–".to_owned() } else { percent(count as f64 / of as f64) }
}

/// The interval of a share.
pub(crate) fn interval(share: &Share) -> String {
    format!("{} to {}", percent(share.low), percent(share.high))
}

/// A probability in words that hold for any size: `12 %`, `1 in 2,300`, `1 in 10¹²`.
pub(crate) fn chance(probability: f64) -> String {
    if !probability.is_finite() {
        "unknown".to_owned()
    } else if probability >= 0.01 {
        percent(probability)
    } else if probability <= 0.0 {
        "0 as far as numbers here go".to_owned()
    } else {
        format!("1{NBSP}in{NBSP}{}", times(-probability.ln()))
    }
}

/// A factor given as its natural logarithm, in two digits: `3.4`, `2,300`, `10¹²`.
pub(crate) fn times(log: f64) -> String {
    let decades = log / std::f64::consts::LN_10;
    if !decades.is_finite() {
        return "a number too large to state".to_owned();
    }
    if decades < 1.0 {
        return format!("{:.1}", 10_f64.powf(decades));
    }
    // Past ten million only the order of size says anything. A hair more, so that 10¹² does not fall short of 12.
    if decades >= 7.0 {
        return format!("10{}", superscript(&format!("{:.0}", (decades + 1e-9).floor())));
    }
    let unit = 10_f64.powf(decades.floor() - 1.0);
    let rounded = (10_f64.powf(decades) / unit).round() * unit;
    grouped(rounded)
}

/// A number of 10 to 10 million without digits behind the point.
fn grouped(value: f64) -> String {
    number(format!("{value:.0}").parse().unwrap_or(0))
}

fn superscript(digits: &str) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raise = |c: char| c.to_digit(10).and_then(|digit| RAISED.get(digit as usize)).copied().unwrap_or('⁻');
    digits.chars().map(raise).collect()
}

/// A number of images to be expected, which is often far below one.
pub(crate) fn expected(value: f64) -> String {
    if value >= 100.0 {
        grouped(value)
    } else if value >= 1.0 {
        format!("{value:.1}")
    } else if value >= 0.01 {
        format!("{value:.2}")
    } else if value <= 0.0 {
        "0".to_owned()
    } else {
        format!("under {}", if value < 0.001 { "0.001" } else { "0.01" })
    }
}

/// `2018-11 to 2019-02`, or one month; a dash where neither is known.
pub(crate) fn period(first: Option<Month>, last: Option<Month>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        (Some(first), None) => format!("from {first}"),
        (None, Some(last)) => format!("to {last}"),
        (None, None) => "–".to_owned(),
    }
}

/// `3.4 MB`, in units of 1,000.
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if value < 1000 {
        return count(value, "byte", "bytes");
    }
    let mut scaled = value as f64 / 1000.0;
    let mut unit = 0;
    while scaled >= 999.95 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    format!("{scaled:.1}{NBSP}{}", UNITS[unit])
}

/// Seconds since 1970 as `2026-11-25 02:10 UTC`.
pub(crate) fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years from March on, so that the leap day is the last of its year; eras of 400 years all have 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carry;
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_is_written_out() {
        assert_eq!(shown("Lea\u{202e}gpj.exe"), "Lea\\u{202e}gpj.exe");
        assert_eq!(
            shown("a\nb\u{0}c\u{feff}\u{e0041}\u{fffe}"),
            "a\\u{a}b\\u{0}c\\u{feff}\\u{e0041}\\u{fffe}"
        );
        assert_eq!(shown("Ångström, שלום, 写真 👍.jpg"), "Ångström, שלום, 写真 👍.jpg");
    }

    #[test]
    fn quotations_become_code_only_in_pairs() {
        assert_eq!(prose("`a<b`, 2018").into_string(), "<code>a&lt;b</code>, 2018");
        assert_eq!(prose("one ` alone").into_string(), "one ` alone");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2].map(|n| count(n, "file", "files")), ["1\u{a0}file", "2\u{a0}files"]);
        let shares = [0.0, 0.00001, 0.1234, 0.5, 0.99999, 1.0].map(percent);
        assert_eq!(
            shares.map(|s| s.replace('\u{a0}', " ")),
            ["0 %", "under 0.1 %", "12.3 %", "50 %", "over 99.9 %", "100 %"]
        );
        let chances = [0.25, 0.001, 1e-6, 4.3e-4, 1e-12].map(chance);
        assert_eq!(
            chances.map(|s| s.replace('\u{a0}', " ")),
            ["25 %", "1 in 1,000", "1 in 1,000,000", "1 in 2,300", "1 in 10¹²"]
        );
        assert_eq!(
            [0.0, 1e-5, 0.02, 3.25, 1234.0].map(expected),
            ["0", "under 0.001", "0.02", "3.2", "1,234"]
        );
        assert_eq!(
            [12, 1_500, 999_999, 3_400_000].map(bytes).map(|s| s.replace('\u{a0}', " ")),
            ["12 bytes", "1.5 kB", "1.0 MB", "3.4 MB"]
        );
    }

    #[test]
    fn days_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(utc(951_868_799), "2000-02-29 23:59 UTC");
        assert_eq!(utc(1_795_572_600), "2026-11-25 02:10 UTC");
        assert_eq!(utc(4_107_542_400), "2100-03-01 00:00 UTC");
    }
}
