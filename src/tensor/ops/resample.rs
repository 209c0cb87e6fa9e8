//! Images brought to another size, and moved by whole pixels: products with small matrices, so that gradients of any
//! order follow from those of `matmul`.

use super::floats;
use crate::{Tensor, check_shape, shown};
use saddle_fault::{Fault, Result};

impl Tensor {
    /// Images of `[.., h, w]` as `[.., height, width]`, by a triangle filter that is as wide as a pixel of the coarser
    /// side: bilinear interpolation where a side grows, antialiased where it shrinks (Pillow's `BILINEAR`, PyTorch's
    /// `interpolate(mode="bilinear", antialias=True)`).
    ///
    /// # Errors
    /// A rank below 2; a size of 0.
    pub fn resize(&self, [height, width]: [usize; 2]) -> Result<Tensor> {
        let [h, w] = sides("resize", self)?;
        if height == 0 || width == 0 || h == 0 || w == 0 {
            return Err(Fault::value(format!("resize: {h} × {w} cannot become {height} × {width}: no side may be 0")));
        }
        let mut shape = self.shape().to_vec();
        let rank = shape.len();
        shape[rank - 2..].copy_from_slice(&[height, width]);
        check_shape("resize", &shape)?;
        let rows = Tensor::from_floats(triangle(h, height), &[height, h], &self.device());
        let columns = Tensor::from_floats(triangle(w, width), &[width, w], &self.device()).t()?;
        rows.matmul(&floats(self))?.matmul(&columns)
    }

    /// Image `i` of `[n, c, h, w]` moved `down[i]` pixels down and `right[i]` to the right; what comes in is 0.
    ///
    /// # Errors
    /// A rank other than 4; another number of moves than images.
    pub fn shift(&self, down: &[i64], right: &[i64]) -> Result<Tensor> {
        let shape = self.shape();
        let &[n, _, h, w] = &shape[..] else {
            return Err(Fault::shape(format!("shift: needs [n, channels, height, width], got {}", shown(&shape))));
        };
        if down.len() != n || right.len() != n {
            return Err(Fault::shape(format!("shift: {} and {} moves for {n} images", down.len(), right.len())));
        }
        let moves = |by: &[i64], side: usize| {
            let mut data = vec![0.0; n * side * side];
            for (by, matrix) in by.iter().zip(data.chunks_exact_mut((side * side).max(1))) {
                for to in 0..side as i64 {
                    if (0..side as i64).contains(&(to - by)) {
                        matrix[(to as usize) * side + (to - by) as usize] = 1.0;
                    }
                }
            }
            Tensor::from_floats(data, &[n, 1, side, side], &self.device())
        };
        moves(down, h).matmul(&floats(self))?.matmul(&moves(right, w).transpose(2, 3)?)
    }
}

/// Height and width of `[.., h, w]`.
fn sides(name: &str, x: &Tensor) -> Result<[usize; 2]> {
    let shape = x.shape();
    match shape[..] {
        [.., h, w] => Ok([h, w]),
        _ => Err(Fault::shape(format!("{name}: needs images [.., height, width], got {}", shown(&shape)))
            .hint("reshape(x, [n, c, h, w]) first")),
    }
}

/// The matrix `[to, from]` of the triangle filter; each row sums to 1.
fn triangle(from: usize, to: usize) -> Vec<f32> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let mut data = Vec::with_capacity(from * to);
    for i in 0..to {
        let centre = (i as f64 + 0.5) * scale;
        let row: Vec<f64> = (0..from).map(|j| (1.0 - ((j as f64 + 0.5 - centre) / reach).abs()).max(0.0)).collect();
        let sum: f64 = row.iter().sum();
        data.extend(row.iter().map(|weight| (weight / sum) as f32));
    }
    data
}
