//! Faces: what makes one person look unlike another, and how a photo of them was taken.

mod backdrop;
mod easel;
mod features;
mod hair;
mod portrait;

pub(crate) use portrait::render;

use crate::canvas::{Color, hsv, mix};
use crate::rng::Rng;

/// How the hair is worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Bald,
    Buzz,
    Receding,
    SidePart,
    Swept,
    Fringe,
    Bob,
    Long,
    Wavy,
    Curly,
    Bun,
    Crest,
    Scarf,
}

/// Facial hair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beard {
    None,
    Stubble,
    Moustache,
    Goatee,
    Full,
    Long,
}

/// Spectacle frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Glasses {
    pub(crate) half_width: f32,
    pub(crate) half_height: f32,
    /// 1 is round, 0 is square.
    pub(crate) roundness: f32,
    pub(crate) thick: f32,
    pub(crate) color: Color,
}

/// Everything a portrait is drawn from. Lengths are in half head heights: the crown lies at -1, the chin at 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    pub(crate) skin: Color,
    pub(crate) width: f32,
    pub(crate) jaw: f32,
    pub(crate) squareness: f32,
    pub(crate) cut: Cut,
    pub(crate) hair: Color,
    pub(crate) hairline: f32,
    pub(crate) volume: f32,
    pub(crate) parting: f32,
    pub(crate) eye_x: f32,
    pub(crate) eye_y: f32,
    pub(crate) eye_width: f32,
    pub(crate) eye_open: f32,
    pub(crate) eye_tilt: f32,
    pub(crate) iris: Color,
    pub(crate) brow_gap: f32,
    pub(crate) brow_thick: f32,
    pub(crate) brow_arch: f32,
    pub(crate) brow_tilt: f32,
    pub(crate) nose_y: f32,
    pub(crate) nose_width: f32,
    pub(crate) ridge: f32,
    pub(crate) mouth_y: f32,
    pub(crate) mouth_width: f32,
    pub(crate) lips: f32,
    pub(crate) smile: f32,
    pub(crate) lip_color: Color,
    pub(crate) ear: f32,
    pub(crate) neck: f32,
    pub(crate) shoulders: f32,
    pub(crate) glasses: Option<Glasses>,
    pub(crate) beard: Beard,
    pub(crate) age: f32,
    pub(crate) freckles: f32,
    pub(crate) moles: Vec<(f32, f32)>,
    /// Offset into the noise, so that no two faces share textures.
    pub(crate) phase: f32,
}

const SKINS: [Color; 9] = [
    [247, 222, 202],
    [240, 205, 180],
    [231, 190, 158],
    [222, 176, 138],
    [205, 153, 112],
    [178, 124, 86],
    [148, 98, 66],
    [116, 74, 50],
    [86, 56, 42],
];

const HAIRS: [Color; 9] = [
    [24, 20, 20],
    [44, 32, 26],
    [74, 48, 32],
    [108, 70, 42],
    [150, 104, 60],
    [196, 156, 96],
    [222, 196, 146],
    [140, 62, 34],
    [92, 36, 26],
];

impl Face {
    pub(crate) fn invent(seed: u64, female: bool, age: i32) -> Self {
        let mut rng = Rng::new(seed, 0x6661_6365);
        let tone = rng.range(0.0, 7.99);
        let skin = mix(SKINS[tone as usize], SKINS[tone as usize + 1], tone.fract());
        let dark = if tone > 4.5 { 3 } else { HAIRS.len() };
        let mut hair = *rng.pick(&HAIRS[..dark]);
        if age > 45 && rng.chance((age - 40) as f32 / 40.0) {
            hair = mix(hair, [205, 204, 200], rng.range(0.3, 1.0));
        } else if rng.chance(0.04) {
            hair = hsv(rng.unit(), 0.6, 0.6);
        }
        let cut = if female {
            *rng.pick(&[
                Cut::Bob,
                Cut::Long,
                Cut::Wavy,
                Cut::Curly,
                Cut::Bun,
                Cut::Fringe,
                Cut::Long,
                Cut::Scarf,
                Cut::Swept,
                Cut::Wavy,
            ])
        } else {
            *rng.pick(&[
                Cut::Bald,
                Cut::Buzz,
                Cut::Receding,
                Cut::SidePart,
                Cut::Swept,
                Cut::Curly,
                Cut::SidePart,
                Cut::Crest,
                Cut::Fringe,
                Cut::Wavy,
                Cut::Buzz,
            ])
        };
        let beard = if female || rng.chance(0.45) {
            Beard::None
        } else {
            *rng.pick(&[
                Beard::Stubble,
                Beard::Moustache,
                Beard::Goatee,
                Beard::Full,
                Beard::Full,
                Beard::Long,
            ])
        };
        let glasses = rng.chance(0.3).then(|| Glasses {
            half_width: rng.range(0.2, 0.27),
            half_height: rng.range(0.12, 0.21),
            roundness: rng.unit(),
            thick: rng.range(0.012, 0.045),
            color: *rng.pick(&[
                [30, 28, 30],
                [92, 56, 34],
                [170, 150, 110],
                [120, 30, 36],
                [40, 52, 92],
                [120; 3],
            ]),
        });
        let eye_y = rng.range(-0.12, 0.04);
        let nose_y = eye_y + rng.range(0.36, 0.52);
        let spots = if rng.chance(0.4) { rng.int(1, 3) } else { 0 };
        Self {
            skin,
            width: rng.range(0.66, 0.86) - if female { 0.02 } else { 0.0 },
            jaw: rng.range(0.6, 0.82) + if female { 0.0 } else { 0.12 },
            squareness: rng.range(2.6, 6.5),
            cut,
            hair,
            hairline: rng.range(-0.72, -0.48),
            volume: rng.range(0.6, 1.6),
            parting: rng.range(-0.45, 0.45),
            eye_x: rng.range(0.27, 0.37),
            eye_y,
            eye_width: rng.range(0.115, 0.165),
            eye_open: rng.range(0.35, 0.68),
            eye_tilt: rng.range(-0.16, 0.2),
            iris: *rng.pick(&[
                [62, 40, 26],
                [44, 30, 24],
                [88, 60, 34],
                [70, 104, 130],
                [96, 128, 150],
                [84, 106, 72],
                [98, 96, 60],
            ]),
            brow_gap: rng.range(0.14, 0.25),
            brow_thick: if female { rng.range(0.018, 0.042) } else { rng.range(0.03, 0.072) },
            brow_arch: rng.range(0.0, 0.09),
            brow_tilt: rng.range(-0.2, 0.16),
            nose_y,
            nose_width: rng.range(0.11, 0.22),
            ridge: rng.range(0.4, 1.4),
            mouth_y: nose_y + rng.range(0.17, 0.27),
            mouth_width: rng.range(0.2, 0.34),
            lips: rng.range(0.035, 0.105),
            smile: rng.range(-0.03, 0.075),
            lip_color: if female && rng.chance(0.5) {
                hsv(rng.range(0.93, 1.02), rng.range(0.5, 0.8), rng.range(0.5, 0.8))
            } else {
                mix(skin, [150, 62, 60], rng.range(0.3, 0.55))
            },
            ear: rng.range(0.75, 1.3),
            neck: if female { rng.range(0.36, 0.46) } else { rng.range(0.45, 0.62) },
            shoulders: if female { rng.range(1.15, 1.4) } else { rng.range(1.35, 1.75) },
            glasses,
            beard,
            age: ((age - 25) as f32 / 50.0).clamp(0.0, 1.0),
            freckles: if rng.chance(0.2) { rng.range(0.4, 1.0) } else { 0.0 },
            moles: (0..spots).map(|_| (rng.range(-0.5, 0.5), rng.range(-0.3, 0.8))).collect(),
            phase: rng.range(0.0, 97.0),
        }
    }
}

/// What stands behind the sitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backdrop {
    /// A plain studio wall of this colour.
    Studio(Color),
    /// A furnished room, different for each seed.
    Room,
}

/// One sitting: light, pose, clothes and framing. Drawn from its own seed, so that a person may sit twice.
#[derive(Clone, Debug)]
pub(crate) struct Sitting {
    pub(crate) backdrop: Backdrop,
    /// Towards the light, x to the right and y downwards.
    pub(crate) light: [f32; 3],
    pub(crate) exposure: f32,
    pub(crate) warmth: f32,
    pub(crate) roll: f32,
    /// How far the features move sideways when the head turns.
    pub(crate) turn: f32,
    /// Head centre and half height as shares of the picture's width and height.
    pub(crate) center: (f32, f32),
    pub(crate) size: f32,
    pub(crate) cloth: Color,
    pub(crate) collar: usize,
    pub(crate) seed: u32,
}

impl Sitting {
    /// The photo on a document: frontal, plain background, even light.
    pub(crate) fn studio(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0x7374_7564);
        let wall =
            *rng.pick(&[[226, 230, 234], [205, 214, 224], [236, 232, 224], [196, 204, 206], [214, 222, 236]]);
        Self {
            backdrop: Backdrop::Studio(wall),
            light: [rng.range(-0.75, 0.75), rng.range(-0.55, -0.1), 0.75],
            exposure: rng.range(0.88, 1.1),
            warmth: rng.range(-0.05, 0.06),
            roll: rng.normal() * 0.03,
            turn: rng.normal() * 0.05,
            center: (rng.range(0.47, 0.53), rng.range(0.43, 0.48)),
            size: rng.range(0.285, 0.335),
            cloth: cloth(&mut rng),
            collar: rng.below(5),
            seed: rng.next_u64() as u32,
        }
    }

    /// A selfie: any room, any light, closer or farther, head at an angle.
    pub(crate) fn selfie(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0x7365_6c66);
        Self {
            backdrop: Backdrop::Room,
            light: [rng.range(-1.0, 1.0), rng.range(-0.9, 0.2), rng.range(0.4, 0.8)],
            exposure: rng.range(0.75, 1.15),
            warmth: rng.range(-0.1, 0.16),
            roll: rng.normal() * 0.1,
            turn: rng.normal() * 0.1,
            center: (rng.range(0.4, 0.6), rng.range(0.38, 0.52)),
            size: rng.range(0.22, 0.34),
            cloth: cloth(&mut rng),
            collar: rng.below(5),
            seed: rng.next_u64() as u32,
        }
    }
}

fn cloth(rng: &mut Rng) -> Color {
    match rng.below(3) {
        0 => hsv(rng.unit(), rng.range(0.3, 0.8), rng.range(0.25, 0.8)),
        1 => [[28, 30, 36], [56, 58, 64], [236, 236, 232], [40, 48, 76]][rng.below(4)],
        _ => hsv(rng.range(0.52, 0.7), rng.range(0.15, 0.6), rng.range(0.2, 0.6)),
    }
}
