//! Colours that mean something, for terminals that show them.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};

/// What a line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It is ours: what nobody hoped for.
    Ours,
    /// Somebody has to look.
    Open,
    /// No sign that it is ours.
    Calm,
    /// A heading.
    Heading,
    /// Nothing special.
    Plain,
}

impl Tone {
    /// The text with the signs of its colour around it; [`say`] takes them out where nobody wants to see them.
    pub(crate) fn paint(self, text: &str) -> String {
        let style = match self {
            Self::Ours => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            Self::Open => Style::new().bold().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Calm => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Self::Heading => Style::new().bold(),
            Self::Plain => return text.to_owned(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// Prints on stdout, without colours where it is no terminal or `NO_COLOR` is set.
pub(crate) fn say(text: &str) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
