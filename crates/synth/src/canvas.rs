//! Drawing surface of packed pixels with the few antialiased shapes that documents need.

use crate::noise;

/// An RGB colour.
pub(crate) type Color = [u8; 3];

/// Red, green, blue and a spare byte, so that pixels lie on word boundaries.
pub(crate) type Pixel = [u8; 4];

/// A drawing surface.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<Pixel>,
}

#[inline]
pub(crate) fn pack([r, g, b]: Color) -> Pixel {
    [r, g, b, 0]
}

#[inline]
pub(crate) fn unpack([r, g, b, _]: Pixel) -> Color {
    [r, g, b]
}

/// `a` at weight 0, `b` at weight 256. Two channels share a multiplication: the weights add up to 256, so that
/// nothing carries from one to the other.
#[inline]
pub(crate) fn lerp(a: Pixel, b: Pixel, weight: u32) -> Pixel {
    const EVEN: u32 = 0x00ff_00ff;
    let (a, b, keep) = (u32::from_le_bytes(a), u32::from_le_bytes(b), 256_u32.wrapping_sub(weight));
    let mixed = |a: u32, b: u32| (a & EVEN).wrapping_mul(keep).wrapping_add((b & EVEN).wrapping_mul(weight));
    (((mixed(a, b) >> 8) & EVEN) | (mixed(a >> 8, b >> 8) & !EVEN)).to_le_bytes()
}

/// Mixes two colours; `t` 0 gives `a`.
pub(crate) fn mix(a: Color, b: Color, t: f32) -> Color {
    let channel = |i: usize| (f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * t) as u8;
    [channel(0), channel(1), channel(2)]
}

/// A saturated colour: hue in turns, saturation and value in 0..=1.
pub(crate) fn hsv(hue: f32, saturation: f32, value: f32) -> Color {
    let channel = |offset: f32| {
        let k = (offset + hue.rem_euclid(1.0) * 6.0) % 6.0;
        let fall = k.min(4.0 - k).clamp(0.0, 1.0);
        (255.0 * value * (1.0 - saturation * fall)) as u8
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize, color: Color) -> Self {
        Self { width, height, pixels: vec![pack(color); width * height] }
    }

    #[inline]
    pub(crate) fn blend(&mut self, x: i32, y: i32, color: Pixel, weight: u32) {
        if x < 0 || y < 0 || x as usize >= self.width || y as usize >= self.height {
            return;
        }
        let slot = &mut self.pixels[y as usize * self.width + x as usize];
        *slot = lerp(*slot, color, weight);
    }

    /// Fills the pixel rectangle `[x0, x1) x [y0, y1)`.
    pub(crate) fn rect(&mut self, area: [i32; 4], color: Color, alpha: f32) {
        let [x0, y0, x1, y1] = area;
        let (x0, y0) = (x0.clamp(0, self.width as i32), y0.clamp(0, self.height as i32));
        let (x1, y1) = (x1.clamp(x0, self.width as i32), y1.clamp(y0, self.height as i32));
        let (color, weight) = (pack(color), weight(alpha));
        for y in y0..y1 {
            let start = y as usize * self.width;
            for slot in &mut self.pixels[start + x0 as usize..start + x1 as usize] {
                *slot = lerp(*slot, color, weight);
            }
        }
    }

    /// Draws the outline of a pixel rectangle, `thick` pixels inwards.
    pub(crate) fn frame(&mut self, area: [i32; 4], thick: i32, color: Color, alpha: f32) {
        let [x0, y0, x1, y1] = area;
        self.rect([x0, y0, x1, y0 + thick], color, alpha);
        self.rect([x0, y1 - thick, x1, y1], color, alpha);
        self.rect([x0, y0 + thick, x0 + thick, y1 - thick], color, alpha);
        self.rect([x1 - thick, y0 + thick, x1, y1 - thick], color, alpha);
    }

    /// A rectangle with rounded corners.
    pub(crate) fn rounded(&mut self, area: [f32; 4], radius: f32, color: Color, alpha: f32) {
        let [x0, y0, x1, y1] = area;
        let (cx, cy) = (f32::midpoint(x0, x1), f32::midpoint(y0, y1));
        let (hx, hy) = ((x1 - x0) / 2.0 - radius, (y1 - y0) / 2.0 - radius);
        self.shade([x0, y0, x1, y1], color, |x, y| {
            let (dx, dy) = (((x - cx).abs() - hx).max(0.0), ((y - cy).abs() - hy).max(0.0));
            (radius + 0.5 - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0) * alpha
        });
    }

    pub(crate) fn ellipse(&mut self, center: (f32, f32), radii: (f32, f32), color: Color, alpha: f32) {
        let ((cx, cy), (rx, ry)) = (center, radii);
        self.shade([cx - rx, cy - ry, cx + rx, cy + ry], color, |x, y| {
            let (u, v) = ((x - cx) / rx, (y - cy) / ry);
            ((1.0 - (u * u + v * v).sqrt()) * rx.min(ry) + 0.5).clamp(0.0, 1.0) * alpha
        });
    }

    /// Blends one colour with the alpha that `coverage` gives for each pixel of an area.
    pub(crate) fn shade(&mut self, area: [f32; 4], color: Color, coverage: impl Fn(f32, f32) -> f32) {
        let color = pack(color);
        let x0 = (area[0].floor() as i32 - 1).max(0);
        let y0 = (area[1].floor() as i32 - 1).max(0);
        let x1 = (area[2].ceil() as i32 + 1).min(self.width as i32);
        let y1 = (area[3].ceil() as i32 + 1).min(self.height as i32);
        for y in y0..y1 {
            for x in x0..x1 {
                let alpha = coverage(x as f32, y as f32);
                if alpha > 0.0 {
                    self.blend(x, y, color, weight(alpha));
                }
            }
        }
    }

    /// An antialiased line through `points`, stepping along the longer axis so that joints are not
    /// painted twice.
    pub(crate) fn stroke(&mut self, points: &[(f32, f32)], thick: f32, color: Color, alpha: f32) {
        let color = pack(color);
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let steep = (y1 - y0).abs() > (x1 - x0).abs();
            let (a0, b0, a1, b1) = if steep { (y0, x0, y1, x1) } else { (x0, y0, x1, y1) };
            let (a0, b0, a1, b1) = if a0 <= a1 { (a0, b0, a1, b1) } else { (a1, b1, a0, b0) };
            if a1 - a0 < 1e-3 {
                continue;
            }
            let slope = (b1 - b0) / (a1 - a0);
            let half = thick / 2.0 * (1.0 + slope * slope).sqrt();
            for a in a0.ceil() as i32..a1.ceil() as i32 {
                let center = b0 + slope * (a as f32 - a0);
                for b in (center - half).floor() as i32..=(center + half).ceil() as i32 {
                    let cover = (half + 0.5 - (b as f32 - center).abs()).clamp(0.0, 1.0).min(thick);
                    let (x, y) = if steep { (b, a) } else { (a, b) };
                    self.blend(x, y, color, weight(cover * alpha));
                }
            }
        }
    }

    /// Fills a polygon (even-odd rule), four sub-rows a pixel.
    pub(crate) fn polygon(&mut self, points: &[(f32, f32)], color: Color, alpha: f32) {
        let low = points.iter().map(|p| p.1).fold(f32::MAX, f32::min).max(0.0) as usize;
        let high = points.iter().map(|p| p.1).fold(0.0, f32::max).min(self.height as f32 - 1.0) as usize;
        let color = pack(color);
        let mut cover = vec![0.0_f32; self.width + 2];
        let mut cuts = Vec::new();
        for row in low..=high {
            cover.fill(0.0);
            for sub in 0..4 {
                let y = row as f32 - 0.375 + sub as f32 * 0.25;
                cuts.clear();
                for (i, &(x0, y0)) in points.iter().enumerate() {
                    let (x1, y1) = points[(i + 1) % points.len()];
                    if (y0 <= y) != (y1 <= y) {
                        cuts.push(x0 + (y - y0) / (y1 - y0) * (x1 - x0));
                    }
                }
                cuts.sort_by(f32::total_cmp);
                for span in cuts.chunks_exact(2) {
                    let left = (span[0] + 0.5).clamp(0.0, self.width as f32);
                    let right = (span[1] + 0.5).clamp(left, self.width as f32);
                    let (first, last) = (left as usize, right as usize);
                    if first == last {
                        cover[first] += (right - left) / 4.0;
                        continue;
                    }
                    cover[first] += (first as f32 + 1.0 - left) / 4.0;
                    cover[first + 1..last].iter_mut().for_each(|c| *c += 0.25);
                    cover[last] += (right - last as f32) / 4.0;
                }
            }
            for (x, &c) in cover.iter().enumerate().take(self.width) {
                if c > 0.0 {
                    self.blend(x as i32, row as i32, color, weight(c * alpha));
                }
            }
        }
    }

    /// Copies `tile` at `(x, y)`, each pixel through `map`, with an alpha that `map` returns in 0..=256.
    pub(crate) fn paste(
        &mut self,
        tile: &Self,
        at: (i32, i32),
        map: impl Fn(i32, i32, Pixel) -> (Pixel, u32),
    ) {
        for ty in 0..tile.height as i32 {
            for tx in 0..tile.width as i32 {
                let (color, weight) = map(tx, ty, tile.pixels[ty as usize * tile.width + tx as usize]);
                self.blend(at.0 + tx, at.1 + ty, color, weight);
            }
        }
    }

    /// A smaller copy by averaging whole blocks of source pixels.
    pub(crate) fn shrunk(&self, width: usize, height: usize) -> Self {
        let mut out = Self::new(width, height, [0; 3]);
        let cuts = |from: usize, to: usize| -> Vec<usize> { (0..=to).map(|i| i * from / to).collect() };
        let (columns, rows) = (cuts(self.width, width), cuts(self.height, height));
        for (line, y) in out.pixels.chunks_exact_mut(width).zip(rows.windows(2)) {
            for (slot, x) in line.iter_mut().zip(columns.windows(2)) {
                let mut sum = [0_u32; 4];
                for row in y[0]..y[1] {
                    for pixel in &self.pixels[row * self.width + x[0]..row * self.width + x[1]] {
                        sum.iter_mut().zip(pixel).for_each(|(sum, &v)| *sum += u32::from(v));
                    }
                }
                let share = 65536 / ((x[1] - x[0]) * (y[1] - y[0])).max(1) as u32;
                *slot = sum.map(|v| ((v * share) >> 16) as u8);
            }
        }
        out
    }

    /// Light grain, as paper and card stock have.
    pub(crate) fn grain(&mut self, strength: f32, seed: u32) {
        let width = self.width.max(1);
        for (i, slot) in self.pixels.iter_mut().enumerate() {
            let (x, y) = ((i % width) as u32, (i / width) as u32);
            let n = (noise::hash(x, y, seed) - 0.5) * 2.0 * strength;
            let c = unpack(*slot);
            *slot = pack(c.map(|v| (f32::from(v) + n).clamp(0.0, 255.0) as u8));
        }
    }

    /// Blurs with the three-tap kernel of the given deviation in pixels (0.2..=0.9), in place.
    pub(crate) fn soften(&mut self, sigma: f32) {
        let side_ratio = (-0.5 / (sigma * sigma)).exp();
        let side = (256.0 * side_ratio / (1.0 + 2.0 * side_ratio)) as u16;
        // The rows above, at and below the current one, blurred along the row already.
        let mut lines = [0, 0, 1].map(|y| {
            let mut line = vec![0; self.width * 4];
            self.soften_row(y.min(self.height - 1), side, &mut line);
            line
        });
        for y in 0..self.height {
            let [above, here, below] = &lines;
            let row = &mut self.pixels[y * self.width..(y + 1) * self.width];
            mix_three(row.as_flattened_mut(), above, here, below, side);
            lines.rotate_left(1);
            self.soften_row((y + 2).min(self.height - 1), side, &mut lines[2]);
        }
    }

    fn soften_row(&self, y: usize, side: u16, out: &mut [u8]) {
        let row = self.pixels[y * self.width..(y + 1) * self.width].as_flattened();
        let end = row.len() - 4;
        mix_three(&mut out[4.min(end)..end], row, &row[4.min(end)..], &row[8.min(end)..], side);
        let next = 4.min(end);
        mix_three(&mut out[..4], &row[..4], &row[..4], &row[next..], side);
        mix_three(&mut out[end..], &row[end - next..], &row[end..], &row[end..], side);
    }
}

/// `out` becomes `b` with the share `side` of 256 of each neighbour `a` and `c`.
fn mix_three(out: &mut [u8], a: &[u8], b: &[u8], c: &[u8], side: u16) {
    let middle = 256 - 2 * side;
    for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
        // Wrapping, so that debug builds vectorise too; the weights add up to 256.
        let sum = (u16::from(a) + u16::from(c)).wrapping_mul(side);
        *out = (sum.wrapping_add(u16::from(b).wrapping_mul(middle)).wrapping_add(128) >> 8) as u8;
    }
}

#[inline]
pub(crate) fn weight(alpha: f32) -> u32 {
    (alpha.clamp(0.0, 1.0) * 256.0) as u32
}
