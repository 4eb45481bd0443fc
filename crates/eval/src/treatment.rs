//! What is done to an image before it is looked up, by name.

use std::fmt;

use saltprint_synth::{Edit, Family, Layout};

use crate::layouts;

/// What is done to a record's image, or a stranger's, before it is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Treatment {
    /// Nothing: the bytes as the vault holds them. Named `none`.
    Stored,
    /// Decoded and saved again as JPEG of quality 90, and nothing else. Named `recoded`.
    Recoded,
    /// An edit, then saved as JPEG of quality 90; an edit that is itself a JPEG quality is saved at that one.
    Edited(Edit),
}

impl Treatment {
    /// The standard set: the bytes as they are, saved again, and [`Edit::ALL`].
    #[must_use]
    pub fn standard() -> Vec<Self> {
        let edits = Edit::ALL.into_iter().map(Self::Edited);
        [Self::Stored, Self::Recoded].into_iter().chain(edits).collect()
    }

    /// The treatment with this name: `none`, `recoded`, or an edit as [`Edit::name`] writes it, at any strength within
    /// its range, such as `crop-85` or `tilt-4`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::Stored),
            "recoded" => Some(Self::Recoded),
            _ => edit_by_name(name).map(Self::Edited),
        }
    }

    /// The family of the edit, for tables; `copy` for both kinds of unedited copy.
    #[must_use]
    pub fn family(self) -> &'static str {
        match self {
            Self::Stored | Self::Recoded => "copy",
            Self::Edited(edit) => Family::name(edit.family()),
        }
    }

    /// The edit, where there is one.
    pub(crate) fn edit(self) -> Option<Edit> {
        match self {
            Self::Stored | Self::Recoded => None,
            Self::Edited(edit) => Some(edit),
        }
    }

    /// Whether the edit asks where portrait and fields lie.
    pub(crate) fn needs_layout(self) -> bool {
        matches!(
            self.edit(),
            Some(
                Edit::PixelatedPortrait
                    | Edit::BlackedFields
                    | Edit::PixelatedText
                    | Edit::BlackedPage
                    | Edit::EyeBar
                    | Edit::PortraitOnly
                    | Edit::TextOnly
            )
        )
    }

    /// Whether a document has what is to be treated; of one whose layout is not known, that of [`layouts::neutral`] is assumed.
    pub(crate) fn applies_to(self, layout: Option<&Layout>) -> bool {
        let Some(edit) = self.edit() else { return true };
        layout.map_or_else(|| edit.applies_to(&layouts::neutral(100, 100)), |layout| edit.applies_to(layout))
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("none"),
            Self::Recoded => f.write_str("recoded"),
            Self::Edited(edit) => edit.fmt(f),
        }
    }
}

/// An edit of the standard set, or one of its kinds at another strength.
fn edit_by_name(name: &str) -> Option<Edit> {
    if let Some(edit) = Edit::by_name(name) {
        return Some(edit);
    }
    let (kind, strength) = name.rsplit_once('-')?;
    // Strengths with decimals are stored in tenths or hundredths; a collage names its side twice.
    let strength = if kind == "collage" { strength.split_once('x')?.0 } else { strength };
    let digits: String = strength.chars().filter(|letter| *letter != '.').collect();
    let number: u16 = digits.parse().ok()?;
    let byte = u8::try_from(number).ok();
    let edit = match kind {
        "jpeg" => Edit::Jpeg { quality: byte.filter(|quality| (1..=100).contains(quality))? },
        "resize" => Edit::Resize { percent: Some(number).filter(|percent| (1..=400).contains(percent))? },
        "blur" => Edit::Blur { tenths: byte.filter(|tenths| *tenths > 0)? },
        "noise" => Edit::Noise { sigma: byte? },
        "gamma" => Edit::Gamma { hundredths: Some(number).filter(|hundredths| *hundredths > 0)? },
        "contrast" => Edit::Contrast { hundredths: number },
        "box" => Edit::Box { percent: byte.filter(|percent| *percent <= 100)? },
        "crop" => Edit::Crop { keep: byte.filter(|keep| (1..=100).contains(keep))? },
        "border" => Edit::Border { percent: byte.filter(|percent| *percent <= 100)? },
        "on-table" => Edit::OnTable { percent: byte.filter(|percent| (5..=45).contains(percent))? },
        "tilt" => Edit::Tilt { degrees: byte.filter(|degrees| *degrees <= 90)? },
        "collage" => Edit::Collage { side: byte.filter(|side| (2..=4).contains(side))? },
        _ => return None,
    };
    // The name must be the one that tables will show.
    (edit.name() == name).then_some(edit)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        let standard = Treatment::standard();
        assert_eq!(standard.len(), Edit::ALL.len() + 2);
        let names: HashSet<String> = standard.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), standard.len());
        for treatment in standard {
            assert_eq!(Treatment::by_name(&treatment.to_string()), Some(treatment));
        }
    }

    #[test]
    fn other_strengths_are_understood() {
        for (name, edit) in [
            ("crop-85", Edit::Crop { keep: 85 }),
            ("jpeg-20", Edit::Jpeg { quality: 20 }),
            ("blur-3.5", Edit::Blur { tenths: 35 }),
            ("gamma-0.40", Edit::Gamma { hundredths: 40 }),
            ("resize-150", Edit::Resize { percent: 150 }),
            ("tilt-12", Edit::Tilt { degrees: 12 }),
            ("collage-4x4", Edit::Collage { side: 4 }),
            ("on-table-30", Edit::OnTable { percent: 30 }),
        ] {
            assert_eq!(Treatment::by_name(name), Some(Treatment::Edited(edit)), "{name}");
        }
        for name in [
            "",
            "crop",
            "crop-0",
            "crop-101",
            "crop-08",
            "gamma-0.4",
            "collage-9x9",
            "melt-3",
            "box-300",
            "on-table-4",
            "on-table-46",
        ] {
            assert_eq!(Treatment::by_name(name), None, "{name}");
        }
    }
}
