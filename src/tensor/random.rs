//! Seeded random numbers. One counter-based stream is current on the engine's thread; `seed` restarts it, so a notebook
//! replays bit for bit whatever the number of threads. Numbers are drawn on the CPU and are the same on every device.

use super::{Device, Tensor, device};
pub use saddle_cpu::{Between, Stream};
use std::cell::RefCell;

thread_local! {
    static STREAM: RefCell<Stream> = RefCell::new(Stream::new(entropy()));
}

fn entropy() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// Restarts the current stream from `seed`.
pub fn seed(seed: u64) {
    STREAM.with(|s| *s.borrow_mut() = Stream::new(seed));
}

/// Works on the current stream.
pub fn with_stream<T>(f: impl FnOnce(&mut Stream) -> T) -> T {
    STREAM.with(|s| f(&mut s.borrow_mut()))
}

/// Makes `stream` the current one while `f` runs, and gives it back advanced.
pub fn using<T>(stream: &mut Stream, f: impl FnOnce() -> T) -> T {
    /// Also after a panic: that is an error of one word, and the session goes on with its own stream.
    struct Restore<'a>(&'a mut Stream);
    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            swap_current(self.0);
        }
    }
    swap_current(stream);
    let _restore = Restore(stream);
    f()
}

fn swap_current(stream: &mut Stream) {
    with_stream(|current| std::mem::swap(current, stream));
}

fn draw(shape: &[usize], device: &Device, f: impl FnOnce(&mut Stream, usize) -> Vec<f32>) -> Tensor {
    let data = with_stream(|s| f(s, shape.iter().product()));
    Tensor::from_floats(data, shape, device)
}

/// Standard normal numbers.
pub fn normal(shape: &[usize]) -> Tensor {
    draw(shape, &device::current(), |s, n| s.normal(n))
}

/// Uniform numbers in [0, 1).
pub fn uniform(shape: &[usize]) -> Tensor {
    draw(shape, &device::current(), |s, n| s.uniform(n))
}

/// Exponential numbers with mean 1.
pub fn exponential(shape: &[usize]) -> Tensor {
    draw(shape, &device::current(), |s, n| s.exponential(n))
}

/// Standard Gumbel numbers.
pub fn gumbel(shape: &[usize]) -> Tensor {
    draw(shape, &device::current(), |s, n| s.gumbel(n))
}

/// Normal numbers with this mean and standard deviation, between `low` and `high`, which may be infinite.
/// `std` is above 0 and `low` below `high`.
pub fn truncated_normal(shape: &[usize], mean: f64, std: f64, low: f64, high: f64) -> Tensor {
    let ends = Between { low: (low - mean) / std, high: (high - mean) / std };
    draw(shape, &device::current(), |s, n| {
        let numbers = s.truncated_normal(n, ends).into_iter();
        // Rounding must not lead over the ends.
        numbers.map(|z| (mean + std * z).clamp(low, high) as f32).collect()
    })
}

/// `scale` with probability `keep`, else 0: a dropout mask.
pub fn mask(shape: &[usize], keep: f32, scale: f32, device: &Device) -> Tensor {
    draw(shape, device, |s, n| s.bernoulli_mask(n, keep, scale))
}

/// Whole numbers in `lo..hi`.
pub fn integers(lo: i64, hi: i64, shape: &[usize]) -> Tensor {
    let data = with_stream(|s| s.integers(shape.iter().product(), lo, hi));
    Tensor::from_ints(data, shape, &device::current())
}

/// The numbers `0..n` in random order.
pub fn permutation(n: usize) -> Tensor {
    let data = with_stream(|s| s.permutation(n));
    Tensor::from_ints(data, &[n], &device::current())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    #[test]
    fn a_panic_leaves_the_current_stream_in_its_place() {
        let draw = || with_stream(|s| s.uniform(3));
        seed(1);
        let expected = draw();
        seed(1);
        let mut own = Stream::new(2);
        let fails: fn() = || resume_unwind(Box::new(()));
        assert!(catch_unwind(AssertUnwindSafe(|| using(&mut own, fails))).is_err());
        assert_eq!(draw(), expected);
    }
}
