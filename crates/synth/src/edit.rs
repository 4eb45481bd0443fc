//! What happens to images before they are published.

mod occlusion;
mod raster;
mod scene;
mod tone;

use std::fmt;

use image::RgbImage;

pub use scene::collage;

use crate::document::{Document, Layout};
use crate::jpeg;
use crate::plane::Rect;
use crate::rng::{self, Rng};
use crate::template::Template;

/// What an edit leaves intact, for tables by difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Family {
    /// Every pixel stays in its place: recompression, sharpness, noise, brightness, colour, size.
    Tone,
    /// Parts are covered: stamps, boxes, pixelation, black bars.
    Occlusion,
    /// Parts are cut away.
    Crop,
    /// Something is added around the image.
    Frame,
    /// Quarter turns and mirroring, exact to the pixel.
    Orientation,
    /// Tilt and perspective.
    Warp,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 6] =
        [Self::Tone, Self::Occlusion, Self::Crop, Self::Frame, Self::Orientation, Self::Warp];

    /// A name for tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tone => "tone",
            Self::Occlusion => "occlusion",
            Self::Crop => "crop",
            Self::Frame => "frame",
            Self::Orientation => "orientation",
            Self::Warp => "warp",
        }
    }
}

/// One edit with its strength. Prints as its name, such as `jpeg-30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Edit {
    /// JPEG again at this quality, 1..=100.
    Jpeg {
        /// 1..=100.
        quality: u8,
    },
    /// Scaled to this share of both sides.
    Resize {
        /// Percent of the side lengths, 1..=400.
        percent: u16,
    },
    /// Gaussian blur.
    Blur {
        /// Deviation in tenths of a pixel.
        tenths: u8,
    },
    /// Gaussian noise.
    Noise {
        /// Deviation in levels of 255.
        sigma: u8,
    },
    /// Levels raised to a power; below 100 brightens.
    Gamma {
        /// The exponent in hundredths.
        hundredths: u16,
    },
    /// Levels stretched about the middle grey.
    Contrast {
        /// The factor in hundredths.
        hundredths: u16,
    },
    /// Colours removed.
    Grey,
    /// A translucent line of text across the image, at a random slant.
    Stamp,
    /// An opaque box at a random place.
    Box {
        /// Percent of the image's area.
        percent: u8,
    },
    /// The portrait in coarse blocks; of documents of which it is a part.
    PixelatedPortrait,
    /// All fields black; of documents that have a portrait as well.
    BlackedFields,
    /// The text block in coarse blocks: of a document without a portrait hardly anything personal is left.
    PixelatedText,
    /// All fields black on a document without a portrait: little but the template is left.
    BlackedPage,
    /// A black bar over the eyes of the portrait.
    EyeBar,
    /// Cut to this share of both sides, at a random place.
    Crop {
        /// Percent of the side lengths that stays, 1..=100.
        keep: u8,
    },
    /// Cut to the portrait.
    PortraitOnly,
    /// Cut to the box around all fields.
    TextOnly,
    /// A white border all around.
    Border {
        /// Width in percent of the image's longer side.
        percent: u8,
    },
    /// Shown by a phone's picture viewer, with status bar, title and buttons.
    Screenshot,
    /// One cell of a sheet of invented documents.
    Collage {
        /// Cells a side, 2..=4.
        side: u8,
    },
    /// Small in a photograph of a table on which other people's documents lie as well.
    OnTable {
        /// Percent of the photograph's longer side that the document's longer side takes, 5..=45.
        percent: u8,
    },
    /// Turned by a small angle, corners filled with white or black.
    Tilt {
        /// Degrees; the direction is random.
        degrees: u8,
    },
    /// Turned by right angles, clockwise.
    Turn {
        /// Number of quarters, 1..=3.
        quarters: u8,
    },
    /// Left and right exchanged.
    Mirror,
    /// Photographed at an angle on a textured table.
    Perspective,
    /// Photographed from a screen: moiré, glare, perspective, cold light.
    Screen,
}

impl Edit {
    /// The standard set, ordered by family.
    pub const ALL: [Self; 41] = [
        Self::Jpeg { quality: 50 },
        Self::Jpeg { quality: 30 },
        Self::Resize { percent: 40 },
        Self::Resize { percent: 20 },
        Self::Blur { tenths: 15 },
        Self::Blur { tenths: 25 },
        Self::Noise { sigma: 8 },
        Self::Noise { sigma: 18 },
        Self::Gamma { hundredths: 55 },
        Self::Gamma { hundredths: 160 },
        Self::Contrast { hundredths: 65 },
        Self::Contrast { hundredths: 140 },
        Self::Grey,
        Self::Stamp,
        Self::Box { percent: 10 },
        Self::Box { percent: 25 },
        Self::PixelatedPortrait,
        Self::BlackedFields,
        Self::PixelatedText,
        Self::BlackedPage,
        Self::EyeBar,
        Self::Crop { keep: 95 },
        Self::Crop { keep: 90 },
        Self::Crop { keep: 80 },
        Self::Crop { keep: 60 },
        Self::PortraitOnly,
        Self::TextOnly,
        Self::Border { percent: 10 },
        Self::Screenshot,
        Self::Collage { side: 2 },
        Self::Collage { side: 3 },
        Self::OnTable { percent: 40 },
        Self::OnTable { percent: 20 },
        Self::Turn { quarters: 1 },
        Self::Turn { quarters: 2 },
        Self::Turn { quarters: 3 },
        Self::Mirror,
        Self::Tilt { degrees: 2 },
        Self::Tilt { degrees: 7 },
        Self::Perspective,
        Self::Screen,
    ];

    /// A unique name with the strength, such as `crop-80`; the same as `to_string()`.
    pub fn name(self) -> String {
        self.to_string()
    }

    /// The edit of [`Edit::ALL`] with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edit| edit.name() == name)
    }

    /// What the edit leaves intact.
    pub const fn family(self) -> Family {
        match self {
            Self::Jpeg { .. }
            | Self::Resize { .. }
            | Self::Blur { .. }
            | Self::Noise { .. }
            | Self::Gamma { .. }
            | Self::Contrast { .. }
            | Self::Grey => Family::Tone,
            Self::Stamp
            | Self::Box { .. }
            | Self::PixelatedPortrait
            | Self::BlackedFields
            | Self::PixelatedText
            | Self::BlackedPage
            | Self::EyeBar => Family::Occlusion,
            Self::Crop { .. } | Self::PortraitOnly | Self::TextOnly => Family::Crop,
            Self::Border { .. } | Self::Screenshot | Self::Collage { .. } | Self::OnTable { .. } => {
                Family::Frame
            }
            Self::Turn { .. } | Self::Mirror => Family::Orientation,
            Self::Tilt { .. } | Self::Perspective | Self::Screen => Family::Warp,
        }
    }

    /// Whether a document of this layout has what the edit is about.
    pub fn applies_to(self, layout: &Layout) -> bool {
        let area = |rect: Rect| u64::from(rect.width) * u64::from(rect.height);
        let (portrait, fields) = (layout.portrait, !layout.fields.is_empty());
        match self {
            Self::PixelatedPortrait => {
                portrait.is_some_and(|portrait| area(portrait) * 3 <= area(layout.document))
            }
            Self::BlackedFields => portrait.is_some() && fields,
            Self::BlackedPage => portrait.is_none() && fields,
            Self::PixelatedText | Self::TextOnly => fields,
            Self::EyeBar | Self::PortraitOnly => portrait.is_some(),
            Self::Jpeg { .. }
            | Self::Resize { .. }
            | Self::Blur { .. }
            | Self::Noise { .. }
            | Self::Gamma { .. }
            | Self::Contrast { .. }
            | Self::Grey
            | Self::Stamp
            | Self::Box { .. }
            | Self::Crop { .. }
            | Self::Border { .. }
            | Self::Screenshot
            | Self::Collage { .. }
            | Self::OnTable { .. }
            | Self::Tilt { .. }
            | Self::Turn { .. }
            | Self::Mirror
            | Self::Perspective
            | Self::Screen => true,
        }
    }

    /// The edited image; the image as it is where it has nothing that the edit is about. `layout` says where portrait and
    /// fields lie; `seed` chooses places, angles and colours. The strengths are clamped to the ranges that the variants
    /// state.
    ///
    /// # Panics
    /// When a side of `image` is 0.
    #[must_use]
    pub fn apply(self, image: &RgbImage, layout: &Layout, seed: u64) -> RgbImage {
        assert!(image.width() > 0 && image.height() > 0, "an image to edit has sides of at least 1 pixel");
        if !self.applies_to(layout) {
            return image.clone();
        }
        let mut rng = Rng::new(seed, 0x6564_6974);
        match self {
            Self::Jpeg { quality } => jpeg::recompress(image, quality.clamp(1, 100)),
            Self::Resize { percent } => raster::scale(image, f32::from(percent.clamp(1, 400)) / 100.0),
            Self::Blur { tenths } => raster::blur(image, f32::from(tenths.max(1)) / 10.0),
            Self::Noise { sigma } => tone::noise(image, f32::from(sigma), seed),
            Self::Gamma { hundredths } => tone::gamma(image, f32::from(hundredths.max(1)) / 100.0),
            Self::Contrast { hundredths } => tone::contrast(image, f32::from(hundredths) / 100.0),
            Self::Grey => tone::grey(image),
            Self::Stamp => occlusion::stamp(image, &mut rng),
            Self::Box { percent } => occlusion::cover(image, f32::from(percent.min(100)) / 100.0, &mut rng),
            Self::PixelatedPortrait => occlusion::pixelate(image, layout.portrait),
            Self::PixelatedText => occlusion::pixelate(image, layout.text_block()),
            Self::BlackedFields | Self::BlackedPage => occlusion::black_out(image, layout),
            Self::EyeBar => occlusion::bar(image, layout),
            Self::Crop { keep } => scene::crop(image, f32::from(keep.clamp(1, 100)) / 100.0, &mut rng),
            Self::PortraitOnly => scene::cut(image, layout.portrait),
            Self::TextOnly => scene::cut(image, layout.text_block()),
            Self::Border { percent } => scene::border(image, f32::from(percent) / 100.0),
            Self::Screenshot => scene::screenshot(image, &mut rng),
            Self::Collage { side } => {
                let side = usize::from(side.clamp(2, 4));
                let place = rng.below(side * side);
                let strangers = strangers(side * side - 1, seed, &mut rng);
                let mut images: Vec<&RgbImage> = strangers.iter().collect();
                images.insert(place, image);
                collage(&images, side, side)
            }
            Self::OnTable { percent } => {
                let others = strangers(3, seed, &mut rng);
                scene::on_table(image, f32::from(percent.clamp(5, 45)) / 100.0, &others, &mut rng)
            }
            Self::Tilt { degrees } => scene::tilt(image, f32::from(degrees), &mut rng),
            Self::Turn { quarters } => match quarters % 4 {
                1 => image::imageops::rotate90(image),
                2 => image::imageops::rotate180(image),
                3 => image::imageops::rotate270(image),
                _ => image.clone(),
            },
            Self::Mirror => image::imageops::flip_horizontal(image),
            Self::Perspective => scene::perspective(image, &mut rng),
            Self::Screen => scene::screen(image, &mut rng),
        }
    }
}

/// Invented documents of other people.
fn strangers(count: usize, seed: u64, rng: &mut Rng) -> Vec<RgbImage> {
    (1..=count).map(|i| Document::new(*rng.pick(&Template::ALL), rng::mix(seed ^ i as u64)).image).collect()
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Jpeg { quality } => write!(f, "jpeg-{quality}"),
            Self::Resize { percent } => write!(f, "resize-{percent}"),
            Self::Blur { tenths } => write!(f, "blur-{}.{}", tenths / 10, tenths % 10),
            Self::Noise { sigma } => write!(f, "noise-{sigma}"),
            Self::Gamma { hundredths } => write!(f, "gamma-{}.{:02}", hundredths / 100, hundredths % 100),
            Self::Contrast { hundredths } => {
                write!(f, "contrast-{}.{:02}", hundredths / 100, hundredths % 100)
            }
            Self::Grey => f.write_str("grey"),
            Self::Stamp => f.write_str("stamp"),
            Self::Box { percent } => write!(f, "box-{percent}"),
            Self::PixelatedPortrait => f.write_str("pixelated-portrait"),
            Self::BlackedFields => f.write_str("blacked-fields"),
            Self::PixelatedText => f.write_str("pixelated-text"),
            Self::BlackedPage => f.write_str("blacked-page"),
            Self::EyeBar => f.write_str("eye-bar"),
            Self::Crop { keep } => write!(f, "crop-{keep}"),
            Self::PortraitOnly => f.write_str("portrait-only"),
            Self::TextOnly => f.write_str("text-only"),
            Self::Border { percent } => write!(f, "border-{percent}"),
            Self::Screenshot => f.write_str("screenshot"),
            Self::OnTable { percent } => write!(f, "on-table-{percent}"),
            Self::Collage { side } => write!(f, "collage-{side}x{side}"),
            Self::Tilt { degrees } => write!(f, "tilt-{degrees}"),
            Self::Turn { quarters } => write!(f, "turn-{}", u16::from(quarters) * 90),
            Self::Mirror => f.write_str("mirror"),
            Self::Perspective => f.write_str("perspective"),
            Self::Screen => f.write_str("photo-of-screen"),
        }
    }
}
