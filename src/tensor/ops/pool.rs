//! Pooling, resampling and table look-up, composed of recorded operations: every order differentiates.

use super::{floats, whole};
use crate::{Geometry, Tensor, check_shape, shown};
use saddle_fault::{Fault, Result};

/// How a window walks over an image, pairs as (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its size.
    pub size: [usize; 2],
    /// Steps between two places of it.
    pub stride: [usize; 2],
    /// Rows and columns added at each side.
    pub padding: [usize; 2],
}

impl Tensor {
    /// `x [n, c, l]` with kernels `w [out, c/groups, k]` → `[n, out, l']`; the geometry's second numbers count.
    ///
    /// # Errors
    /// Ranks other than 3; else as for `conv2d`.
    pub fn conv1d(&self, w: &Tensor, g: &Geometry) -> Result<Tensor> {
        if self.rank() != 3 || w.rank() != 3 {
            return Err(Fault::shape(format!(
                "conv1d: needs [n, channels, length] and three-dimensional kernels, got input {} and kernels {}",
                shown(&self.shape()),
                shown(&w.shape())
            )));
        }
        let flat = Geometry {
            stride: [1, g.stride[1]],
            padding: [0, g.padding[1]],
            dilation: [1, g.dilation[1]],
            groups: g.groups,
            taps: None,
        };
        self.unsqueeze(2)?.conv2d(&w.unsqueeze(2)?, &flat)?.squeeze(Some(2))
    }

    /// The mean of each window: `[n, c, h, w] → [n, c, h', w']`. Padding counts as zeros.
    ///
    /// # Errors
    /// A rank other than 4; a window or stride of 0; a window larger than the padded image.
    pub fn avg_pool2d(&self, window: &Window) -> Result<Tensor> {
        if let Some(tiles) = self.tiles(window)? {
            return tiles.mean_dims(&[3, 5], false);
        }
        self.windows("avg_pool2d", window, 0.0)?.mean_dims(&[-1], false)
    }

    /// The largest element of each window: `[n, c, h, w] → [n, c, h', w']`. Padding never wins.
    ///
    /// # Errors
    /// As for [`Tensor::avg_pool2d`]; a padding of more than half the window.
    pub fn max_pool2d(&self, window: &Window) -> Result<Tensor> {
        for i in 0..2 {
            if 2 * window.padding[i] > window.size[i] {
                return Err(Fault::value(format!(
                    "max_pool2d: padding {} is more than half the window of {}",
                    window.padding[i], window.size[i]
                )));
            }
        }
        let windows = self.windows("max_pool2d", window, f32::MIN)?;
        Ok(windows.extreme_dim(-1, false, true)?.values)
    }

    /// `[n, c, h, w] → [n, c, h', height, w', width]`, where windows lie side by side and cover the image.
    fn tiles(&self, window: &Window) -> Result<Option<Tensor>> {
        let (shape, Window { size: [height, width], stride, padding }) = (self.shape(), *window);
        match shape[..] {
            [n, c, h, w] if stride == [height, width] && padding == [0, 0] && height > 0 && width > 0 => {
                let whole = h > 0 && w > 0 && h % height == 0 && w % width == 0;
                let tiles = || floats(self).reshape(&[n, c, h / height, height, w / width, width]);
                whole.then(tiles).transpose()
            }
            _ => Ok(None),
        }
    }

    /// The elements of each window in a last dim: `[n, c, h, w] → [n, c, h', w', size]`.
    fn windows(&self, name: &str, window: &Window, fill: f32) -> Result<Tensor> {
        let [n, c, h, w] = image(name, self)?;
        let Window { size, stride, padding } = *window;
        if size.contains(&0) || stride.contains(&0) {
            return Err(Fault::value(format!("{name}: the window and its stride must be at least 1")));
        }
        let padded = [h + 2 * padding[0], w + 2 * padding[1]];
        if size[0] > padded[0] || size[1] > padded[1] {
            return Err(Fault::shape(format!(
                "{name}: a window of {} is larger than the padded image of {}",
                shown(&size),
                shown(&padded)
            )));
        }
        let x = match padding {
            [0, 0] => floats(self),
            [a, b] => self.pad(&[(a, a), (b, b)], fill)?,
        };
        let out = [0, 1].map(|i| (padded[i] - size[i]) / stride[i] + 1);
        if let Some(tiles) = x.tiles(&Window { padding: [0, 0], ..*window })? {
            return tiles.permute(&[0, 1, 2, 4, 3, 5])?.reshape(&[n, c, out[0], out[1], size[0] * size[1]]);
        }
        let mut places = Vec::with_capacity(out[0] * out[1] * size[0] * size[1]);
        for (y, x) in (0..out[0]).flat_map(|y| (0..out[1]).map(move |x| (y * stride[0], x * stride[1]))) {
            for dy in 0..size[0] {
                places.extend((0..size[1]).map(|dx| ((y + dy) * padded[1] + x + dx) as i32));
            }
        }
        let places = Tensor::from_ints(places.clone(), &[places.len()], &self.device());
        x.reshape(&[n * c, padded[0] * padded[1]])?.index_select(1, &places)?.reshape(&[
            n,
            c,
            out[0],
            out[1],
            size[0] * size[1],
        ])
    }

    /// Linear interpolation between pixel centres (PyTorch's `align_corners=False`):
    /// `[n, c, h, w] → [n, c, scale·h, scale·w]`.
    ///
    /// # Errors
    /// A rank other than 4; a scale of 0.
    pub fn upsample_bilinear(&self, scale: usize) -> Result<Tensor> {
        let [n, c, h, w] = image("upsample", self)?;
        positive("upsample", "scale", scale)?;
        let side = |n: usize| n.saturating_mul(scale);
        check_shape("upsample", &[n, c, side(h), side(w)])?;
        self.resize([side(h), side(w)])
    }

    /// Blocks of channels spread over space: `[n, c·r², h, w] → [n, c, r·h, r·w]`.
    ///
    /// # Errors
    /// A rank other than 4; channels that r² does not divide.
    pub fn pixel_shuffle(&self, r: usize) -> Result<Tensor> {
        let [n, c, h, w] = image("pixel_shuffle", self)?;
        positive("pixel_shuffle", "r", r)?;
        let block = r.saturating_mul(r);
        if c % block != 0 {
            return Err(Fault::shape(format!(
                "pixel_shuffle: {c} channels of {} are not a multiple of r² = {block}",
                shown(&self.shape())
            )));
        }
        let c = c / block;
        self.reshape(&[n, c, r, r, h, w])?.permute(&[0, 1, 4, 2, 5, 3])?.reshape(&[n, c, h * r, w * r])
    }

    /// The rows of this table `[classes, d]` named by `ids` (ints of any shape): `[..] → [.., d]`.
    ///
    /// # Errors
    /// A table that is not a matrix; ids that are not whole numbers, or outside.
    pub fn embedding(&self, ids: &Tensor) -> Result<Tensor> {
        whole("embedding", "ids", ids)?;
        let &[_, d] = &self.shape()[..] else {
            return Err(Fault::shape(format!(
                "embedding: the table must be [classes, d], got {}",
                shown(&self.shape())
            )));
        };
        self.index_select(0, &ids.reshape(&[ids.len()])?)?.reshape(&[&ids.shape()[..], &[d]].concat())
    }
}

/// The sizes of `[n, c, h, w]`.
fn image(name: &str, x: &Tensor) -> Result<[usize; 4]> {
    let shape = x.shape();
    <[usize; 4]>::try_from(&shape[..]).map_err(|_| {
        Fault::shape(format!("{name}: needs [n, channels, height, width], got {}", shown(&shape)))
            .hint("reshape(x, [n, c, h, w]) first")
    })
}

fn positive(name: &str, what: &str, n: usize) -> Result<()> {
    match n {
        0 => Err(Fault::value(format!("{name}: {what} must be at least 1"))),
        _ => Ok(()),
    }
}
