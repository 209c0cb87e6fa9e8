//! How like two images are, pixel by pixel and by structure. Both are values on the tape, so that they can be losses.

use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, shown};

/// The standard deviation of the Gaussian window of Wang et al., in pixels.
const SIGMA: f64 = 1.5;

fn same_shape(word: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    let (a, b) = (a.shape(), b.shape());
    if a == b && a.num_dims() >= 2 && a.iter().all(|side| *side > 0) {
        return Ok(());
    }
    let fault =
        Fault::shape(format!("{word}: needs two batches of images of one shape, got {} and {}", shown(&a), shown(&b)));
    Err(match (&a[..], &b[..]) {
        ([_, c, ..], [_, d, ..]) if a.num_dims() == 4 && b.num_dims() == 4 && c != d => fault.hint(format!(
            "one has {c} channels, the other {d}; mean(x, #{{ dim: 1, keepdim: true }}) makes grey of colour"
        )),
        _ => fault.hint("resize(x, [h, w]) brings images to another size"),
    })
}

fn positive(word: &str, range: f64) -> Result<()> {
    match range > 0.0 && range.is_finite() {
        true => Ok(()),
        false => Err(Fault::value(format!("{word}: range must be above 0, got {range}"))),
    }
}

/// The peak signal-to-noise ratio in decibels, 10·log₁₀(range² / mean squared error), of each image `[n, ..]`,
/// averaged; infinite where two images are equal.
///
/// # Errors
/// Shapes that differ, or of a rank below 2; a range that is not above 0.
pub fn psnr(a: &Tensor, b: &Tensor, range: f64) -> Result<Tensor> {
    same_shape("psnr", a, b)?;
    positive("psnr", range)?;
    let dims: Vec<isize> = (1..a.rank() as isize).collect();
    let error = a.sub(b)?.mul_scalar((1.0 / range) as f32)?.square()?.mean_dims(&dims, false)?;
    error.log()?.mul_scalar(-10.0 / std::f32::consts::LN_10)?.mean()
}

/// The structural similarity of images `[n, h, w]` or `[n, c, h, w]` (Wang et al. 2004: a Gaussian window of σ 1.5,
/// K₁ = .01, K₂ = .03), averaged over all places where the window of `window` × `window` pixels fits.
///
/// # Errors
/// Shapes that differ, or of another rank; a range that is not above 0; a window that is even or does not fit.
pub fn ssim(a: &Tensor, b: &Tensor, range: f64, window: usize) -> Result<Tensor> {
    same_shape("ssim", a, b)?;
    positive("ssim", range)?;
    let shape = a.shape();
    let &([_, h, w] | [_, _, h, w]) = &shape[..] else {
        return Err(Fault::shape(format!("ssim: needs images [n, h, w] or [n, c, h, w], got {}", shown(&shape)))
            .hint("reshape(x, [n, c, h, w]) first"));
    };
    if window.is_multiple_of(2) || window > h.min(w) {
        return Err(Fault::value(format!("ssim: a window of {window} pixels on images of {h} × {w}"))
            .hint("the window is odd and fits into the image: ssim(x, y, #{ window: 7 })"));
    }
    let rows = slide(h, window, a)?;
    let columns = slide(w, window, a)?.t()?;
    let average = |x: &Tensor| rows.matmul(x)?.matmul(&columns);
    let (mean_a, mean_b) = (average(a)?, average(b)?);
    let (aa, bb, ab) = (mean_a.square()?, mean_b.square()?, mean_a.mul(&mean_b)?);
    let var_a = average(&a.square()?)?.sub(&aa)?;
    let var_b = average(&b.square()?)?.sub(&bb)?;
    let covariance = average(&a.mul(b)?)?.sub(&ab)?;
    let (c1, c2) = ((0.01 * range).powi(2) as f32, (0.03 * range).powi(2) as f32);
    let above = ab.mul_scalar(2.0)?.add_scalar(c1)?.mul(&covariance.mul_scalar(2.0)?.add_scalar(c2)?)?;
    let below = aa.add(&bb)?.add_scalar(c1)?.mul(&var_a.add(&var_b)?.add_scalar(c2)?)?;
    above.div(&below)?.mean()
}

/// The matrix `[n − window + 1, n]` that slides a Gaussian window over n pixels.
fn slide(n: usize, window: usize, like: &Tensor) -> Result<Tensor> {
    let middle = (window / 2) as f64;
    let weights: Vec<f64> = (0..window).map(|i| (-0.5 * ((i as f64 - middle) / SIGMA).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let rows = n - window + 1;
    let mut data = vec![0.0; rows * n];
    for (i, row) in data.chunks_exact_mut(n).enumerate() {
        for (to, weight) in row[i..i + window].iter_mut().zip(&weights) {
            *to = (weight / sum) as f32;
        }
    }
    Ok(Tensor::from_floats(data, &[rows, n], &like.device()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use saddle_tensor::{Device, GradOptions, grad};

    /// ((7·a·i + 11·b·j + 3·i·j) mod 17)/16.
    fn pattern(a: usize, b: usize) -> Vec<f32> {
        (0..16 * 14)
            .map(|at| (at / 14, at % 14))
            .map(|(i, j)| ((i * a * 7 + j * b * 11 + i * j * 3) % 17) as f32 / 16.0)
            .collect()
    }

    fn image(data: Vec<f32>) -> Tensor {
        Tensor::from_floats(data, &[1, 1, 16, 14], &Device::Cpu)
    }

    fn pair() -> (Tensor, Tensor) {
        let (a, other) = (pattern(3, 5), pattern(2, 3));
        let b = a.iter().zip(&other).map(|(a, o)| 0.8 * a + 0.2 * o).collect();
        (image(a), image(b))
    }

    fn number(t: &Tensor) -> f64 {
        f64::from(t.to_floats().unwrap()[0])
    }

    /// scikit-image 0.26: `structural_similarity(a, b, data_range=1, gaussian_weights=True, sigma=1.5,
    /// use_sample_covariance=False)` and `peak_signal_noise_ratio(a, b, data_range=1)`.
    #[test]
    fn both_are_those_of_scikit_image() {
        let (a, b) = pair();
        assert!((number(&ssim(&a, &b, 1.0, 11).unwrap()) - 0.9354885886981151).abs() < 1e-5);
        assert!((number(&psnr(&a, &b, 1.0).unwrap()) - 21.31532032210565).abs() < 1e-4);
        // Pixels of 0 to 255 and a range of 255 are the same images.
        let times = |x: &Tensor| x.mul_scalar(255.0).unwrap();
        assert!((number(&ssim(&times(&a), &times(&b), 255.0, 11).unwrap()) - 0.9354885886981151).abs() < 1e-5);
        assert!((number(&psnr(&times(&a), &times(&b), 255.0).unwrap()) - 21.31532032210565).abs() < 1e-4);
        assert!((number(&ssim(&a, &a, 1.0, 11).unwrap()) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_slope_of_ssim_is_that_of_finite_differences() {
        let (a, b) = pair();
        let y = ssim(&a, &b, 1.0, 11).unwrap();
        let g = grad(&y, &[&b], None, GradOptions::default()).unwrap()[0].as_ref().unwrap().to_floats().unwrap();
        let data = b.to_floats().unwrap();
        for at in [75, 100, 120] {
            let moved = |by: f32| {
                let mut data = data.clone();
                data[at] += by;
                number(&ssim(&a, &image(data), 1.0, 11).unwrap())
            };
            let slope = (moved(0.02) - moved(-0.02)) / 0.04;
            assert!((f64::from(g[at]) - slope).abs() < 2e-3 * slope.abs().max(0.01), "{at}: {} not {slope}", g[at]);
        }
    }

    #[test]
    fn another_colour_depth_size_or_window_is_refused() {
        let of = |shape: &[usize]| Tensor::full(0.5, shape, &Device::Cpu);
        let said = ssim(&of(&[1, 3, 16, 16]), &of(&[1, 1, 16, 16]), 1.0, 11).err().unwrap().to_string();
        assert!(said.contains("[1, 3, 16, 16] and [1, 1, 16, 16]"), "{said}");
        assert!(psnr(&of(&[1, 3, 16, 16]), &of(&[1, 3, 16, 15]), 1.0).is_err());
        assert!(psnr(&of(&[1, 3, 16, 16]), &of(&[1, 3, 16, 16]), 0.0).is_err());
        assert!(ssim(&of(&[1, 8, 8]), &of(&[1, 8, 8]), 1.0, 11).is_err());
        assert!(ssim(&of(&[1, 8, 8]), &of(&[1, 8, 8]), 1.0, 6).is_err());
    }
}
