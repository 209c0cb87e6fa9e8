//! How alike two pictures look: the structural similarity (SSIM) of Wang, Bovik, Sheikh and Simoncelli, "Image quality
//! assessment: from error visibility to structural similarity", IEEE Transactions on Image Processing 13 (2004), with
//! the weights and constants of the paper.

/// Standard deviation of the Gaussian window, in pixels.
const SIGMA: f64 = 1.5;
/// The window reaches this many pixels to each side: 11 × 11 pixels in all.
const RADIUS: usize = 5;
/// (K₁ L)² and (K₂ L)² with K₁ = 0.01, K₂ = 0.03 and the range L = 255.
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
/// A picture is judged in parts of about this many pixels a side, so that a change of one label is not lost in the
/// mean.
const PART: usize = 32;

/// One channel of a picture, or any other value for each of its pixels, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f64>,
}

/// A rectangle of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Plane {
    fn with(&self, values: Vec<f64>) -> Self {
        Self { values, ..*self }
    }

    fn product(&self, other: &Self) -> Self {
        let pairs = self.values.iter().zip(&other.values);
        self.with(pairs.map(|(a, b)| a * b).collect())
    }

    /// Adds `other`, pixel by pixel.
    pub fn add(&mut self, other: &Self) {
        for (sum, value) in self.values.iter_mut().zip(&other.values) {
            *sum += value;
        }
    }

    /// Takes over from `other` what is less, pixel by pixel.
    pub fn lower_to(&mut self, other: &Self) {
        for (value, bound) in self.values.iter_mut().zip(&other.values) {
            *value = value.min(*bound);
        }
    }

    /// The mean over a rectangle.
    pub fn mean_of(&self, part: Part) -> f64 {
        let rows = (part.y..part.y + part.height).map(|row| row * self.width + part.x);
        let sum: f64 = rows.map(|start| self.values[start..start + part.width].iter().sum::<f64>()).sum();
        sum / (part.width * part.height) as f64
    }

    /// The standard deviation over a rectangle.
    pub fn std_of(&self, part: Part) -> f64 {
        let squares = self.with(self.values.iter().map(|value| value * value).collect());
        (squares.mean_of(part) - self.mean_of(part).powi(2)).max(0.0).sqrt()
    }

    /// The mean over the pixels whose whole window lies in the picture; over all of them where there is no such pixel.
    pub fn mean_inside(&self) -> f64 {
        let (width, height) = (self.width, self.height);
        let all = Part { x: 0, y: 0, width, height };
        let inside = Part {
            x: RADIUS,
            y: RADIUS,
            width: width.saturating_sub(2 * RADIUS),
            height: height.saturating_sub(2 * RADIUS),
        };
        self.mean_of(if inside.width * inside.height > 0 { inside } else { all })
    }

    /// The plane cut into parts of about [`PART`] pixels a side, all of nearly the same size.
    pub fn parts(&self) -> Vec<Part> {
        self.cut((self.width / PART).max(1), (self.height / PART).max(1))
    }

    /// The plane cut into quarters, into halves or not at all where it is one pixel wide or high.
    pub fn quarters(&self) -> Vec<Part> {
        self.cut(self.width.min(2), self.height.min(2))
    }

    fn cut(&self, columns: usize, rows: usize) -> Vec<Part> {
        let cut = |length: usize, count: usize, i: usize| i * length / count;
        let mut parts = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let x = cut(self.width, columns, column);
                let y = cut(self.height, rows, row);
                parts.push(Part {
                    x,
                    y,
                    width: cut(self.width, columns, column + 1) - x,
                    height: cut(self.height, rows, row + 1) - y,
                });
            }
        }
        parts
    }
}

/// The structural similarity about each pixel: 1 where the pictures are alike, 0 where they have nothing in common,
/// below it where one is the other's negative.
///
/// # Shapes
/// Both planes have the same width and height, at least 1; values from 0 to 255.
pub fn map(a: &Plane, b: &Plane) -> Plane {
    let (mean_a, mean_b) = (blur(a), blur(b));
    let (aa, bb, ab) = (blur(&a.product(a)), blur(&b.product(b)), blur(&a.product(b)));
    let values = (0..a.values.len())
        .map(|i| {
            let (ma, mb) = (mean_a.values[i], mean_b.values[i]);
            let (var_a, var_b) = (aa.values[i] - ma * ma, bb.values[i] - mb * mb);
            let covariance = ab.values[i] - ma * mb;
            luminance(ma, mb) * (2.0 * covariance + C2) / (var_a + var_b + C2)
        })
        .collect();
    a.with(values)
}

/// The paper's term for two means: 1 where they are equal.
pub fn luminance(a: f64, b: f64) -> f64 {
    (2.0 * a * b + C1) / (a * a + b * b + C1)
}

/// The paper's term for two standard deviations: 1 where they are equal.
pub fn contrast(a: f64, b: f64) -> f64 {
    (2.0 * a * b + C2) / (a * a + b * b + C2)
}

/// The mean of each pixel's surroundings under the Gaussian window; beyond the border the picture is its own mirror
/// image.
fn blur(plane: &Plane) -> Plane {
    let (width, height) = (plane.width, plane.height);
    let weights = weights();
    let mut rows = vec![0.0; width * height];
    let mut padded = vec![0.0; width + 2 * RADIUS];
    for (row, out) in plane.values.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        for (i, value) in padded.iter_mut().enumerate() {
            *value = row[mirrored(i as isize - RADIUS as isize, width)];
        }
        for (i, &weight) in weights.iter().enumerate() {
            add_times(out, weight, &padded[i..]);
        }
    }
    let mut values = vec![0.0; width * height];
    for (y, out) in values.chunks_exact_mut(width).enumerate() {
        for (i, &weight) in weights.iter().enumerate() {
            let from = mirrored((y + i) as isize - RADIUS as isize, height) * width;
            add_times(out, weight, &rows[from..]);
        }
    }
    plane.with(values)
}

/// Adds `weight` times the first numbers of `from`: for a whole row at a time, that the compiler takes several of them at
/// once.
fn add_times(sums: &mut [f64], weight: f64, from: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(from) {
        *sum += weight * value;
    }
}

fn weights() -> [f64; 2 * RADIUS + 1] {
    let mut weights = [0.0; 2 * RADIUS + 1];
    for (i, weight) in weights.iter_mut().enumerate() {
        let distance = i as f64 - RADIUS as f64;
        *weight = (-distance * distance / (2.0 * SIGMA * SIGMA)).exp();
    }
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// The place inside `0..length` that stands for `at`: … 1 0 | 0 1 2 … n−1 | n−1 n−2 ….
fn mirrored(at: isize, length: usize) -> usize {
    let period = 2 * length as isize;
    let at = at.rem_euclid(period);
    (if at < length as isize { at } else { period - 1 - at }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// The pictures of `tests/similarity/make.py`, by the same formulas.
    fn picture(name: &str, width: usize, height: usize) -> Plane {
        let value = |x: usize, y: usize| match name {
            "slope" => (3 * x + 2 * y) % 256,
            "texture" => (x * x * 7 + y * y * 13 + x * y * 5) % 256,
            "texture, a little lighter" => ((x * x * 7 + y * y * 13 + x * y * 5) % 256).min(235) + 20,
            "negative" => 255 - (x * x * 7 + y * y * 13 + x * y * 5) % 256,
            "stripes" => 255 * ((x / 3) % 2),
            "stripes, one pixel on" => 255 * (((x + 1) / 3) % 2),
            "grey" => 100,
            "light" => 180,
            "slope with a spot" if (8..14).contains(&x) && (6..11).contains(&y) => 255,
            "slope with a spot" => (3 * x + 2 * y) % 256,
            other => panic!("no picture {other}"),
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Plane { width, height, values: pixels.map(|(x, y)| value(x, y) as f64).collect() }
    }

    #[test]
    fn agrees_with_scikit_image() {
        let text = include_str!("../../../tests/similarity/scikit_image.json");
        let cases: Vec<Value> = serde_json::from_str(text).expect("the cases");
        assert!(cases.len() >= 7);
        for case in cases {
            let size = |key: &str| case[key].as_u64().expect("a size") as usize;
            let name = |key: &str| case[key].as_str().expect("a name");
            let (width, height) = (size("width"), size("height"));
            let found = map(&picture(name("a"), width, height), &picture(name("b"), width, height));
            let mean = case["mean"].as_f64().expect("a mean");
            assert!((found.mean_inside() - mean).abs() < 1e-9, "{case}: {}", found.mean_inside());
            for at in case["at"].as_array().expect("points") {
                let [x, y, value] = [0, 1, 2].map(|i| at[i].as_f64().expect("a number"));
                let ours = found.values[y as usize * width + x as usize];
                assert!((ours - value).abs() < 1e-9, "{case} at {x}, {y}: {ours}");
            }
        }
    }

    #[test]
    fn two_flat_pictures_differ_by_the_closed_form() {
        let flat = |value: f64| Plane { width: 4, height: 3, values: vec![value; 12] };
        let expected = (2.0 * 100.0 * 180.0 + C1) / (100.0 * 100.0 + 180.0 * 180.0 + C1);
        let found = map(&flat(100.0), &flat(180.0));
        assert!((found.mean_inside() - expected).abs() < 1e-12);
        assert!((map(&flat(7.0), &flat(7.0)).mean_inside() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_parts_cover_the_picture_once() {
        for (width, height) in [(1, 1), (31, 33), (100, 64), (640, 401)] {
            let plane = Plane { width, height, values: vec![1.0; width * height] };
            let mut covered = vec![0; width * height];
            for part in plane.parts() {
                for y in part.y..part.y + part.height {
                    for x in part.x..part.x + part.width {
                        covered[y * width + x] += 1;
                    }
                }
            }
            assert!(covered.iter().all(|&n| n == 1), "{width}×{height}");
        }
    }
}
