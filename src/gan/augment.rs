//! DiffAugment (Zhao et al. 2020): random changes of colour, place and a hole, which D sees on real and generated
//! images alike and through which G's gradient passes.

use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, random, shown};

/// What is changed, and how much.
pub struct Policy {
    /// Brightness + U(−½, ½), saturation × U(0, 2), contrast × U(½, 1½).
    pub color: bool,
    /// Moved by up to this share of a side, zeros coming in.
    pub translation: f64,
    /// A rectangle with this share of each side is 0.
    pub cutout: f64,
}

/// Each image of `[n, c, h, w]` changed by draws of its own.
///
/// # Errors
/// Another rank; shares outside [0, 1].
pub fn augment(x: &Tensor, policy: &Policy) -> Result<Tensor> {
    let shape = x.shape();
    let &[n, _, h, w] = &shape[..] else {
        return Err(Fault::shape(format!("augment: needs images [n, channels, height, width], got {}", shown(&shape)))
            .hint("reshape(x, [n, c, h, w]) first"));
    };
    for (name, share) in [("translation", policy.translation), ("cutout", policy.cutout)] {
        if !(0.0..=1.0).contains(&share) {
            return Err(Fault::value(format!("augment: {name} is a share of a side, from 0 to 1, got {share}")));
        }
    }
    let mut x = x.clone();
    if policy.color {
        x = color(&x, n)?;
    }
    let share = |side: usize, of: f64| (side as f64 * of + 0.5).floor() as i64;
    if policy.translation > 0.0 {
        let moves = |side| {
            let most = share(side, policy.translation);
            random::integers(-most, most + 1, &[n]).to_ints()
        };
        x = x.shift(&moves(h)?, &moves(w)?)?;
    }
    if policy.cutout > 0.0 {
        let mut keep = vec![1.0; n * h * w];
        let starts = |side| {
            let size = share(side, policy.cutout);
            // The centre is anywhere in the image, so that the hole may reach beyond its edge.
            Ok((size, random::integers(0, side as i64 + 1 - size % 2, &[n]).to_ints()?))
        };
        let ((high, top), (wide, left)) = (starts(h)?, starts(w)?);
        for (image, (top, left)) in keep.chunks_exact_mut((h * w).max(1)).zip(top.iter().zip(left)) {
            for i in (top - high / 2).max(0)..(top - high / 2 + high).min(h as i64) {
                for j in (left - wide / 2).max(0)..(left - wide / 2 + wide).min(w as i64) {
                    image[i as usize * w + j as usize] = 0.0;
                }
            }
        }
        x = x.mul(&Tensor::from_floats(keep, &[n, 1, h, w], &x.device()))?;
    }
    Ok(x)
}

fn color(x: &Tensor, n: usize) -> Result<Tensor> {
    let draw = || random::uniform(&[n, 1, 1, 1]).to_device(&x.device());
    let x = x.add(&draw().add_scalar(-0.5)?)?;
    let grey = x.mean_dims(&[1], true)?;
    let x = x.sub(&grey)?.mul(&draw().mul_scalar(2.0)?)?.add(&grey)?;
    let middle = x.mean_dims(&[1, 2, 3], true)?;
    x.sub(&middle)?.mul(&draw().add_scalar(0.5)?)?.add(&middle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use saddle_tensor::{Device, GradOptions, grad};

    fn ones(n: usize) -> Tensor {
        Tensor::full(1.0, &[n, 3, 16, 16], &Device::Cpu)
    }

    #[test]
    fn a_hole_has_its_size_and_a_move_its_bounds() {
        random::seed(0);
        let only = |translation, cutout| Policy { color: false, translation, cutout };
        let y = augment(&ones(200), &only(0.0, 0.5)).unwrap().to_floats().unwrap();
        // A hole of 8 × 8 around any point: at least a quarter of it is inside, and never more than all.
        let holes: Vec<usize> =
            y.chunks_exact(256).step_by(3).map(|image| image.iter().filter(|v| **v == 0.0).count()).collect();
        assert!(holes.iter().all(|n| (16..=64).contains(n)), "{holes:?}");
        assert_eq!(holes.iter().max(), Some(&64));
        assert_eq!(holes.iter().min(), Some(&16));
        let y = augment(&ones(200), &only(0.125, 0.0)).unwrap().to_floats().unwrap();
        // At most two rows and two columns come in.
        let kept: Vec<f32> = y.chunks_exact(256).step_by(3).map(|image| image.iter().sum()).collect();
        assert!(kept.iter().all(|n| (196.0..=256.0).contains(n)), "{kept:?}");
        assert!(kept.contains(&196.0) && kept.contains(&256.0));
    }

    #[test]
    fn colours_change_brightness_by_up_to_a_half_and_pass_gradients() {
        random::seed(1);
        let x = ones(400);
        let y = augment(&x, &Policy { color: true, translation: 0.0, cutout: 0.0 }).unwrap();
        let y_of = y.to_floats().unwrap();
        let (low, high) = y_of.iter().fold((9f32, -9f32), |(low, high), v| (low.min(*v), high.max(*v)));
        assert!((0.5..0.52).contains(&low) && (1.48..1.5).contains(&high), "{low} {high}");
        // A grey image has neither saturation nor contrast: its mean passes unchanged, whatever was drawn.
        let g = grad(&y.sum().unwrap(), &[&x], None, GradOptions::default()).unwrap();
        let g: f32 = g[0].as_ref().unwrap().to_floats().unwrap().iter().sum();
        assert!((g / y_of.len() as f32 - 1.0).abs() < 1e-4, "{g}");
    }

    #[test]
    fn what_are_no_images_or_shares_is_refused() {
        let policy = Policy { color: true, translation: 0.125, cutout: 0.5 };
        assert!(augment(&Tensor::full(1.0, &[4, 64], &Device::Cpu), &policy).is_err());
        assert!(augment(&ones(1), &Policy { cutout: 1.5, ..policy }).is_err());
    }
}
