//! Mouth, nose, eyes, brows and glasses.

use super::easel::{Easel, Relief, scaled, smooth, tone, toward};
use super::{Face, Sitting};

pub(super) fn mouth(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let (cx, cy, half) = (sitting.turn * 1.1, face.mouth_y, face.mouth_width);
    let lip = tone(face.lip_color);
    let noise = easel.noise;
    let (upper, lower) = (face.lips * 0.8, face.lips * 1.15);
    let area = [cx - half - 0.05, cy - upper - 0.12, cx + half + 0.05, cy + lower + 0.12];
    easel.layer(area, 0.92, |x, y| {
        let u = (x - cx) / half;
        let line = cy - face.smile * (u * u - 0.3) + 0.008 * (u * 9.0).cos();
        let d = y - line;
        let room = (1.0 - u * u).max(0.0);
        let bow = 1.0 - 0.28 * (-(u * u) * 40.0).exp();
        let crease = 0.1 * (noise.at(x * 60.0, 1.0) - 0.5);
        let (depth, level) = if d < 0.0 {
            (upper * room.sqrt() * bow + d, 0.78 + crease - 1.5 * d)
        } else {
            let gloss = 0.3
                * (-((u - sitting.light[0] * 0.3) * 3.0).powi(2) - ((d / lower - 0.4) * 3.0).powi(2)).exp();
            (lower * room.powf(0.7) - d, 0.98 + crease + gloss)
        };
        let seam = smooth(0.016, 0.004, d.abs());
        (
            toward(scaled(lip, level), [58.0, 26.0, 26.0], 0.8 * seam),
            depth.max(if u.abs() < 1.0 { 0.008 - d.abs() } else { -1.0 }),
        )
    });
}

pub(super) fn nose(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let skin = tone(face.skin);
    let cx = sitting.turn * 1.35;
    for side in [-1.0_f32, 1.0] {
        let (nx, ny) = (cx + side * face.nose_width * 0.45, face.nose_y + 0.03);
        let (rx, ry) = (face.nose_width * 0.26, 0.024);
        easel.blend([nx - 0.1, ny - 0.1, nx + 0.1, ny + 0.1], |x, y, _| {
            let (u, v) = ((x - nx) / rx, (y - ny + 0.012 * side * (x - nx) / rx) / ry);
            (scaled(skin, 0.24), 0.85 * smooth(1.3, 0.7, (u * u + v * v).sqrt()))
        });
        // The wing of the nose: a curved crease.
        let wx = cx + side * face.nose_width * 0.78;
        easel.blend([wx - 0.12, ny - 0.16, wx + 0.12, ny + 0.06], |x, y, _| {
            let (u, v) = ((x - wx + side * 0.05) / 0.07, (y - ny + 0.04) / 0.075);
            let ring = ((u * u + v * v).sqrt() - 1.0).abs();
            let outer = smooth(-0.2, 0.5, u * side);
            (scaled(skin, 0.48), 0.55 * outer * smooth(0.28, 0.05, ring))
        });
    }
}

pub(super) fn eyes(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let (skin, iris) = (tone(face.skin), tone(face.iris));
    let noise = easel.noise;
    let gaze = sitting.turn * 0.25;
    for side in [-1.0_f32, 1.0] {
        let (cx, cy) = (sitting.turn + side * face.eye_x, face.eye_y);
        let (half, open) =
            (face.eye_width * (1.0 - 0.3 * side * sitting.turn), face.eye_width * face.eye_open);
        let area = [cx - half * 1.5, cy - open - 0.14, cx + half * 1.5, cy + open + 0.12];
        let local = |x: f32, y: f32| {
            let u = (x - cx) / half;
            let v = y - cy + face.eye_tilt * side * (x - cx) * 0.8;
            (u, v)
        };
        easel.layer(area, 1.0, |x, y| {
            let (u, v) = local(x, y);
            let room = (1.0 - u * u).max(0.0);
            let (lid, low) = (open * room.powf(0.75), open * 0.62 * room.powf(0.6));
            let depth = (v + lid).min(low - v);
            let radius = open * 0.92 + 0.012;
            let (ix, iy) = (u * half - gaze, v + open * 0.14);
            let r = (ix * ix + iy * iy).sqrt() / radius;
            let shadow = 0.72 + 0.28 * smooth(0.0, open * 0.7, v + lid);
            let white = scaled([228.0, 222.0, 216.0], shadow * (1.0 - 0.25 * u * u));
            let fibre = 0.75 + 0.5 * noise.at(ix * 90.0, iy * 90.0);
            let ring = scaled(iris, fibre * (1.25 - 0.75 * smooth(0.6, 1.0, r)) * shadow);
            let mut color = toward(ring, white, smooth(0.92, 1.06, r));
            color = toward([14.0, 12.0, 14.0], color, smooth(0.38, 0.5, r));
            let (gx, gy) = (ix - sitting.light[0] * radius * 0.4, iy + radius * 0.35);
            let glint = smooth(0.3, 0.18, (gx * gx + gy * gy).sqrt() / radius);
            (toward(color, [250.0; 3], glint), depth)
        });
        // Upper lashes, the fold of the lid, the lower rim.
        easel.blend(area, |x, y, _| {
            let (u, v) = local(x, y);
            let room = (1.0 - u * u).max(0.0);
            let lid = -open * room.powf(0.75);
            let reach = smooth(1.18, 0.98, u.abs());
            let lash = reach * smooth(0.026, 0.008, (v - lid + 0.004).abs());
            let fold = 0.5 * smooth(1.25, 0.9, u.abs()) * smooth(0.02, 0.004, (v - lid * 0.9 + 0.055).abs());
            let rim = 0.4
                * smooth(1.05, 0.9, u.abs())
                * smooth(0.016, 0.004, (v - open * 0.62 * room.powf(0.6)).abs());
            if lash >= fold.max(rim) {
                ([26.0, 18.0, 18.0], lash)
            } else {
                (scaled(skin, 0.45), fold.max(rim))
            }
        });
    }
}

pub(super) fn brows(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting) {
    let noise = easel.noise;
    let color = toward(scaled(tone(face.hair), 0.75), [50.0, 38.0, 32.0], 0.35);
    for side in [-1.0_f32, 1.0] {
        let (cx, cy) = (sitting.turn + side * face.eye_x * 1.03, face.eye_y - face.brow_gap);
        let half = face.eye_width * 1.45;
        easel.blend([cx - half, cy - 0.22, cx + half, cy + 0.2], |x, y, scale| {
            let u = (x - cx) / half * side;
            let curve = cy - face.brow_arch * (1.0 - (u - 0.2) * (u - 0.2)) + face.brow_tilt * u * 0.25;
            let thick =
                face.brow_thick * (1.0 - 0.55 * (u + 0.3).max(0.0)) * (1.0 - u.abs().powi(6)).max(0.0);
            let strand = noise.at(x * 70.0 + y * 60.0 * side, y * 18.0);
            let depth = thick - (y - curve).abs();
            let soft = (depth * scale * 0.5 + 0.5).clamp(0.0, 1.0);
            (scaled(color, 0.8 + 0.4 * strand), soft * (0.55 + 0.5 * strand))
        });
    }
}

pub(super) fn glasses(easel: &mut Easel<'_>, face: &Face, sitting: &Sitting, relief: &Relief) {
    let Some(frame) = face.glasses else { return };
    let rim = tone(frame.color);
    let (w, h) = (frame.half_width, frame.half_height);
    let radius = w.min(h) * (0.25 + 0.75 * frame.roundness);
    let cy = face.eye_y + 0.03;
    for side in [-1.0_f32, 1.0] {
        let cx = sitting.turn + side * face.eye_x * 1.02;
        easel.blend([cx - w - 0.06, cy - h - 0.06, cx + w + 0.06, cy + h + 0.06], |x, y, scale| {
            let (dx, dy) = (((x - cx).abs() - w + radius).max(0.0), ((y - cy).abs() - h + radius).max(0.0));
            let d = (dx * dx + dy * dy).sqrt() - radius;
            let line = ((frame.thick / 2.0 - d.abs()) * scale + 0.5).clamp(0.0, 1.0);
            let glare = (1.0 - ((x - cx) * 1.2 + (y - cy) - 0.04).abs() * 12.0).max(0.0) * 0.32;
            if line > 0.05 {
                (scaled(rim, 1.0 + 0.8 * (cy - y)), line)
            } else if d < 0.0 {
                ([240.0, 246.0, 250.0], 0.06 + glare)
            } else {
                (rim, 0.0)
            }
        });
        let (inner, outer) = (cx + side * w, side * relief.half(face.eye_y));
        let (x0, x1) = (inner.min(outer), inner.max(outer));
        easel.layer([x0, cy - 0.1, x1, cy + 0.06], 0.9, |_, y| {
            (rim, frame.thick * 0.5 - (y - cy + h * 0.3).abs())
        });
    }
    let gap = (face.eye_x * 1.02 - w).max(0.0);
    easel.layer([sitting.turn - gap, cy - 0.12, sitting.turn + gap, cy + 0.1], 1.0, |x, y| {
        let arch = cy - 0.03 - 0.6 * (gap * gap - (x - sitting.turn).powi(2)).max(0.0);
        (rim, frame.thick * 0.55 - (y - arch).abs())
    });
}
