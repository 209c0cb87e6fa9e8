//! How parameters start.

use saddle_tensor::{Tensor, device, random};

/// A distribution for starting values. `fan_in` and `fan_out` count a unit's inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// PyTorch's default for linear and convolution layers: uniform in ±1/√fan_in, weights and bias alike.
    FanIn,
    /// Normal with mean and standard deviation.
    Normal(f32, f32),
    /// Uniform between two bounds.
    Uniform(f32, f32),
    /// Every element this.
    Constant(f32),
    /// Glorot and Bengio 2010: uniform in ±√(6 / (fan_in + fan_out)).
    Xavier,
    /// He et al. 2015: normal with standard deviation √(2 / fan_in).
    Kaiming,
    /// Saxe, McClelland and Ganguli 2014: orthonormal rows, or columns if they are fewer, times this. A weight of more
    /// dims is the matrix `[first dim, all others]`, a vector one row.
    Orthogonal(f32),
}

impl Init {
    /// How the bias starts beside weights that start so: PyTorch's default draws both, every other leaves the bias
    /// at 0.
    pub fn of_bias(self) -> Self {
        match self {
            Init::FanIn => Init::FanIn,
            _ => Init::Constant(0.0),
        }
    }

    /// A tensor of `shape` drawn from the current random stream, on the current device.
    pub fn draw(self, shape: &[usize], fan_in: usize, fan_out: usize) -> Tensor {
        let uniform = |lo: f32, hi: f32| scaled(random::uniform(shape), hi - lo, lo);
        let normal = |mean: f32, std: f32| scaled(random::normal(shape), std, mean);
        match self {
            Init::FanIn => {
                let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
                uniform(-bound, bound)
            }
            Init::Normal(mean, std) => normal(mean, std),
            Init::Uniform(lo, hi) => uniform(lo, hi),
            Init::Constant(value) => Tensor::full(value, shape, &device::current()),
            Init::Xavier => {
                let bound = (6.0 / (fan_in + fan_out).max(1) as f32).sqrt();
                uniform(-bound, bound)
            }
            Init::Kaiming => normal(0.0, (2.0 / fan_in.max(1) as f32).sqrt()),
            Init::Orthogonal(gain) => orthogonal(shape, gain),
        }
    }
}

/// As PyTorch's `orthogonal_`: the Q of the QR decomposition of normal numbers.
fn orthogonal(shape: &[usize], gain: f32) -> Tensor {
    let numbers = random::with_stream(|stream| stream.normal(shape.iter().product()));
    let rows = if shape.len() < 2 { 1 } else { shape[0] };
    let q = orthonormal(&numbers, rows).into_iter().map(|v| (v * f64::from(gain)) as f32).collect();
    Tensor::from_floats(q, shape, &device::current())
}

/// The rows of a row-major matrix, or its columns if they are fewer, made orthonormal one after the other (modified
/// Gram-Schmidt). No sign has to be mended: R's diagonal are the lengths here, which are positive, and with that Q is
/// uniform over all orthogonal matrices.
fn orthonormal(matrix: &[f32], rows: usize) -> Vec<f64> {
    let columns = matrix.len() / rows.max(1);
    let (count, length) = (rows.min(columns), rows.max(columns));
    let place = |vector: usize, i: usize| if rows <= columns { vector * columns + i } else { i * columns + vector };
    // The vectors one after the other, whichever way they lie in the matrix.
    let mut vectors = vec![0.0; matrix.len()];
    for (at, v) in vectors.iter_mut().enumerate() {
        *v = f64::from(matrix[place(at / length, at % length)]);
    }
    for vector in 0..count {
        let (done, later) = vectors.split_at_mut((vector + 1) * length);
        let own = &mut done[vector * length..];
        let size = dot(own, own).sqrt();
        own.iter_mut().for_each(|v| *v /= size);
        for other in later.chunks_exact_mut(length) {
            let along = dot(own, other);
            other.iter_mut().zip(own.iter()).for_each(|(v, u)| *v -= along * u);
        }
    }
    let mut q = vec![0.0; matrix.len()];
    for (at, v) in vectors.into_iter().enumerate() {
        q[place(at / length, at % length)] = v;
    }
    q
}

/// The sum of products, in eight sums that vector registers hold.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (long, other) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = long.remainder().iter().zip(other.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0_f64; 8];
    for (x, y) in long.zip(other) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    rest + sums.iter().sum::<f64>()
}

/// `x · scale + shift` as a new leaf.
fn scaled(x: Tensor, scale: f32, shift: f32) -> Tensor {
    use saddle_tensor::affine;
    affine(&x, scale, shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W·Wᵀ (or Wᵀ·W, where there are more rows than columns) is gain² on the diagonal and 0 elsewhere.
    #[test]
    fn rows_or_columns_are_orthonormal() {
        const GAIN: f64 = 1.5;
        for shape in [&[3, 5][..], &[5, 3], &[16, 16], &[64, 128], &[8, 3, 4, 4], &[200, 2, 3], &[1, 1], &[7]] {
            random::seed(3);
            let w = Init::Orthogonal(GAIN as f32).draw(shape, 1, 1);
            assert_eq!(w.shape()[..], *shape);
            let w: Vec<f64> = w.to_floats().unwrap().into_iter().map(f64::from).collect();
            let rows = if shape.len() < 2 { 1 } else { shape[0] };
            let columns = w.len() / rows;
            let (count, length) = (rows.min(columns), rows.max(columns));
            let at = |k: usize, i: usize| if rows <= columns { w[k * columns + i] } else { w[i * columns + k] };
            for (k, l) in (0..count).flat_map(|k| (0..=k).map(move |l| (k, l))) {
                let product: f64 = (0..length).map(|i| at(k, i) * at(l, i)).sum();
                let exact = if k == l { GAIN * GAIN } else { 0.0 };
                assert!((product - exact).abs() < 1e-5, "{shape:?}: rows {k} and {l}: {product}");
            }
        }
    }

    /// What `torch.nn.init.orthogonal_` makes of the same numbers (PyTorch 2.15, float64).
    #[test]
    fn the_signs_are_those_of_pytorch() {
        for (rows, exact) in [(2, WIDE), (3, TALL)] {
            for (ours, exact) in orthonormal(&[0.5, -1.0, 2.0, 1.5, 0.25, -0.75], rows).into_iter().zip(exact) {
                assert!((ours - exact).abs() < 1e-12, "{rows} rows: {ours} not {exact}");
            }
        }
    }

    const WIDE: [f64; 6] = [
        0.21821789023599236,
        -0.4364357804719847,
        0.8728715609439694,
        0.9736253707563852,
        0.03632930487896974,
        -0.2252416902496116,
    ];
    const TALL: [f64; 6] = [
        0.24077170617153842,
        -0.7906500977401709,
        0.9630868246861536,
        0.26656203295240044,
        0.1203858530857692,
        -0.551196068138862,
    ];
}
