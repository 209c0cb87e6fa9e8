//! Functions of one and two numbers over slices of equal length.

use std::mem::MaybeUninit;

use super::buffer::filled;
use super::math;
use super::parallel::{BLOCK, over_parts};
use super::simd::{Arith, Kernel, dispatch};

/// A function of one number. NaN gives NaN. Errors of the transcendental ones are at most 2 ulp (2.5 on a processor
/// without fused multiply-add).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// −x
    Neg,
    /// e to the power x
    Exp,
    /// natural logarithm
    Log,
    /// ln(1 + x), accurate near 0
    Log1p,
    /// exp(x) − 1, accurate near 0
    Expm1,
    /// square root
    Sqrt,
    /// 1 / √x
    Rsqrt,
    /// 1 / x
    Recip,
    /// x²
    Square,
    /// |x|
    Abs,
    /// −1, 0 or 1
    Sign,
    /// sine
    Sin,
    /// cosine
    Cos,
    /// hyperbolic tangent
    Tanh,
    /// 1 / (1 + exp(−x))
    Sigmoid,
    /// ln(1 + exp(x))
    Softplus,
    /// ln(sigmoid(x))
    LogSigmoid,
    /// max(x, 0)
    Relu,
    /// x where x > 0, else s x
    LeakyRelu(f32),
    /// 1 where x > 0, else 0 (NaN gives 0): the derivative of ReLU
    Step,
    /// 1 where x > 0, else s (NaN gives s): the derivative of leaky ReLU
    LeakyStep(f32),
    /// x where x > 0, else s (exp(x) − 1)
    Elu(f32),
    /// x Φ(x) with the normal distribution function, exact (by erf)
    Gelu,
    /// x sigmoid(x)
    Silu,
    /// the error function
    Erf,
    /// the largest integer that is not above x
    Floor,
    /// the smallest integer that is not below x
    Ceil,
    /// the nearest integer; halves go to the even one
    Round,
    /// x + s
    AddScalar(f32),
    /// x · s
    MulScalar(f32),
    /// s − x
    RsubScalar(f32),
    /// s / x
    RdivScalar(f32),
    /// x to the power s
    PowScalar(f32),
    /// min(max(x, low), high)
    Clamp(f32, f32),
    /// 1 where low < x < high, else 0 (NaN gives 0): the derivative of `Clamp`
    ClampMask(f32, f32),
}

/// A function of two numbers. Comparisons give 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binary {
    /// a + b
    Add,
    /// a − b
    Sub,
    /// a · b
    Mul,
    /// a / b
    Div,
    /// a to the power b
    Pow,
    /// the larger; NaN if either is NaN
    Max,
    /// the smaller; NaN if either is NaN
    Min,
    /// a < b
    Lt,
    /// a ≤ b
    Le,
    /// a > b
    Gt,
    /// a ≥ b
    Ge,
    /// a = b
    Eq,
    /// a ≠ b
    Ne,
    /// g y (1 − y) with g = a and y = b: backward of sigmoid, from its result
    SigmoidGrad,
    /// g (1 − y²) with g = a and y = b: backward of tanh, from its result
    TanhGrad,
    /// g where x > 0, else 0, with g = a and x = b: backward of ReLU
    ReluGrad,
    /// g where x > 0, else s g, with g = a and x = b: backward of leaky ReLU
    LeakyReluGrad(f32),
    /// g where x > 0, else g s eˣ, with g = a and x = b: backward of ELU
    EluGrad(f32),
    /// g (Φ(x) + x φ(x)) with g = a, x = b and the normal distribution's Φ and density φ: backward of GELU
    GeluGrad,
    /// g (σ + x σ (1 − σ)) with g = a, x = b and σ the sigmoid of x: backward of SiLU
    SiluGrad,
}

/// `op` of every element.
pub fn unary(op: Unary, x: &[f32]) -> Vec<f32> {
    let op = op.simplified();
    // SAFETY: `over_parts` covers the whole slice, and `Into` writes all that it is given.
    let mut y =
        unsafe { filled(x.len(), |y| over_parts(y, op.grain(), |range, y| apply_unary(op, Into { x: &x[range], y }))) };
    if op.reduces_angles() {
        for (y, &x) in y.iter_mut().zip(x) {
            op.repair(x, y);
        }
    }
    y
}

/// Replaces every element by `op` of it.
pub fn unary_in_place(op: Unary, x: &mut [f32]) {
    let op = op.simplified();
    let angles = if op.reduces_angles() { x.to_vec() } else { Vec::new() };
    over_parts(x, op.grain(), |_, x| apply_unary(op, InPlace(x)));
    for (y, &x) in x.iter_mut().zip(&angles) {
        op.repair(x, y);
    }
}

/// Replaces every element by `op` of it, on the calling thread. Not for angles.
pub(super) fn unary_here(op: Unary, x: &mut [f32]) {
    debug_assert!(!op.reduces_angles());
    apply_unary(op.simplified(), InPlace(x));
}

/// As [`binary_in_place`], on the calling thread.
pub(super) fn binary_here(op: Binary, a: &mut [f32], b: &[f32]) {
    apply_binary(op, InPlace(a), b);
}

/// `op` of the elements of `a` and `b`, which have the same length.
pub fn binary(op: Binary, a: &[f32], b: &[f32]) -> Vec<f32> {
    assert_eq!(a.len(), b.len(), "binary: lengths differ");
    // SAFETY: `over_parts` covers the whole slice, and `binary_into` writes all that it is given.
    unsafe {
        filled(a.len(), |y| over_parts(y, op.grain(), |range, y| binary_into(op, &a[range.clone()], &b[range], y)))
    }
}

/// Replaces every element of `a` by `op` of it and the element of `b`, which has the same length.
pub fn binary_in_place(op: Binary, a: &mut [f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "binary_in_place: lengths differ");
    over_parts(a, op.grain(), |range, a| binary_here(op, a, &b[range]));
}

/// Writes `op` of `a` and `b` to all of `y`, on the calling thread. All three have the same length.
pub(super) fn binary_into(op: Binary, a: &[f32], b: &[f32], y: &mut [MaybeUninit<f32>]) {
    apply_binary(op, Into { x: a, y }, b);
}

impl Unary {
    /// A cheaper function that is the same one.
    fn simplified(self) -> Self {
        match self {
            Unary::PowScalar(1.0) => Unary::MulScalar(1.0),
            Unary::PowScalar(2.0) => Unary::Square,
            Unary::PowScalar(-1.0) => Unary::Recip,
            // As PyTorch does. It differs from IEEE 754's pow at −∞, where this gives NaN and not ∞, and at −0, where this
            // gives −0 and not 0.
            Unary::PowScalar(0.5) => Unary::Sqrt,
            other => other,
        }
    }

    /// Elements that one thread should have at least, for another to be worth waking.
    pub(super) fn grain(self) -> usize {
        match self {
            Unary::PowScalar(_) | Unary::Sin | Unary::Cos => 2 << 10,
            Unary::Exp
            | Unary::Log
            | Unary::Log1p
            | Unary::Expm1
            | Unary::Tanh
            | Unary::Sigmoid
            | Unary::Softplus
            | Unary::LogSigmoid
            | Unary::Elu(_)
            | Unary::Gelu
            | Unary::Silu
            | Unary::Erf => 8 << 10,
            _ => 16 << 10,
        }
    }

    /// Whether [`repair`](Self::repair) is needed.
    fn reduces_angles(self) -> bool {
        matches!(self, Unary::Sin | Unary::Cos)
    }

    /// Replaces a result whose angle was too large for the vectorised reduction.
    #[inline(always)]
    fn repair(self, x: f32, y: &mut f32) {
        if x.abs() > math::LARGEST_ANGLE {
            let x = f64::from(x);
            *y = if self == Unary::Sin { x.sin() } else { x.cos() } as f32;
        }
    }
}

impl Binary {
    /// Elements that one thread should have at least, for another to be worth waking.
    pub(super) fn grain(self) -> usize {
        match self {
            Binary::Pow => 2 << 10,
            Binary::EluGrad(_) | Binary::GeluGrad | Binary::SiluGrad => 8 << 10,
            _ => 16 << 10,
        }
    }
}

/// Where a loop's first operand comes from and where its result goes.
trait Target {
    fn len(&self) -> usize;
    /// The leading `at` elements, and the rest.
    fn split(self, at: usize) -> (Self, Self)
    where
        Self: Sized;
    fn map(self, f: impl Fn(f32) -> f32);
    fn zip(self, b: &[f32], f: impl Fn(f32, f32) -> f32);
    /// Runs `body` on a full block that holds these elements, of which there are fewer.
    fn padded(self, body: impl FnOnce(&mut [f32; BLOCK]));
}

/// From `x` to `y`, of the same length.
struct Into<'a> {
    x: &'a [f32],
    y: &'a mut [MaybeUninit<f32>],
}

impl Target for Into<'_> {
    fn len(&self) -> usize {
        self.x.len()
    }

    fn split(self, at: usize) -> (Self, Self) {
        let (x, x_rest) = self.x.split_at(at);
        let (y, y_rest) = self.y.split_at_mut(at);
        (Into { x, y }, Into { x: x_rest, y: y_rest })
    }

    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            y.write(f(x));
        }
    }

    #[inline(always)]
    fn zip(self, b: &[f32], f: impl Fn(f32, f32) -> f32) {
        for ((y, &x), &b) in self.y.iter_mut().zip(self.x).zip(b) {
            y.write(f(x, b));
        }
    }

    fn padded(self, body: impl FnOnce(&mut [f32; BLOCK])) {
        let mut block = [0.0; BLOCK];
        block[..self.x.len()].copy_from_slice(self.x);
        body(&mut block);
        self.y.write_copy_of_slice(&block[..self.x.len()]);
    }
}

/// Over the elements themselves.
struct InPlace<'a>(&'a mut [f32]);

impl Target for InPlace<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn split(self, at: usize) -> (Self, Self) {
        let (x, rest) = self.0.split_at_mut(at);
        (InPlace(x), InPlace(rest))
    }

    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) {
        for x in self.0 {
            *x = f(*x);
        }
    }

    #[inline(always)]
    fn zip(self, b: &[f32], f: impl Fn(f32, f32) -> f32) {
        for (x, &b) in self.0.iter_mut().zip(b) {
            *x = f(*x, b);
        }
    }

    fn padded(self, body: impl FnOnce(&mut [f32; BLOCK])) {
        let mut block = [0.0; BLOCK];
        block[..self.0.len()].copy_from_slice(self.0);
        body(&mut block);
        self.0.copy_from_slice(&block[..self.0.len()]);
    }
}

/// Whole blocks go through the vectorised loop directly; the rest is padded to a block, so that it never goes through
/// a scalar loop, and every element is computed by the same instructions wherever it stands.
fn apply_unary(op: Unary, target: impl Target) {
    let (blocks, rest) = {
        let whole = target.len() / BLOCK * BLOCK;
        target.split(whole)
    };
    if blocks.len() > 0 {
        dispatch(UnaryLoop(op, blocks));
    }
    if rest.len() > 0 {
        rest.padded(|block| dispatch(UnaryLoop(op, InPlace(block))));
    }
}

/// As [`apply_unary`].
fn apply_binary(op: Binary, target: impl Target, b: &[f32]) {
    debug_assert_eq!(target.len(), b.len());
    let whole = b.len() / BLOCK * BLOCK;
    let (blocks, rest) = target.split(whole);
    if whole > 0 {
        dispatch(BinaryLoop(op, blocks, &b[..whole]));
    }
    if rest.len() > 0 {
        let mut b_block = [0.0; BLOCK];
        b_block[..rest.len()].copy_from_slice(&b[whole..]);
        rest.padded(|block| dispatch(BinaryLoop(op, InPlace(block), &b_block)));
    }
}

/// A loop whose body is inlined for certain, on which its vectorisation depends.
macro_rules! map {
    ($target:expr, |$x:ident| $f:expr) => {
        $target.map(
            #[inline(always)]
            |$x| $f,
        )
    };
}

/// As `map!`, of two operands.
macro_rules! zip {
    ($target:expr, $b:expr, |$x:ident, $y:ident| $f:expr) => {
        $target.zip(
            $b,
            #[inline(always)]
            |$x, $y| $f,
        )
    };
}

struct UnaryLoop<T>(Unary, T);

impl<T: Target> Kernel for UnaryLoop<T> {
    type Out = ();

    #[inline(always)]
    fn run<A: Arith>(self) {
        let UnaryLoop(op, target) = self;
        match op {
            Unary::Neg => map!(target, |x| -x),
            Unary::Exp => map!(target, |x| math::exp::<A>(x)),
            Unary::Log => map!(target, |x| math::log::<A>(x)),
            Unary::Log1p => map!(target, |x| math::log1p::<A>(x)),
            Unary::Expm1 => map!(target, |x| math::expm1::<A>(x)),
            Unary::Sqrt => map!(target, |x| x.sqrt()),
            Unary::Rsqrt => map!(target, |x| 1.0 / x.sqrt()),
            Unary::Recip => map!(target, |x| 1.0 / x),
            Unary::Square => map!(target, |x| x * x),
            Unary::Abs => map!(target, |x| x.abs()),
            Unary::Sign => map!(target, |x| math::sign(x)),
            Unary::Sin => map!(target, |x| math::sin::<A>(x)),
            Unary::Cos => map!(target, |x| math::cos::<A>(x)),
            Unary::Tanh => map!(target, |x| math::tanh::<A>(x)),
            Unary::Sigmoid => map!(target, |x| math::sigmoid::<A>(x)),
            Unary::Softplus => map!(target, |x| math::softplus::<A>(x)),
            Unary::LogSigmoid => map!(target, |x| math::log_sigmoid::<A>(x)),
            Unary::Relu => map!(target, |x| if x <= 0.0 { 0.0 } else { x }),
            Unary::LeakyRelu(s) => map!(target, |x| if x > 0.0 { x } else { x * s }),
            Unary::Step => map!(target, |x| if x > 0.0 { 1.0 } else { 0.0 }),
            Unary::LeakyStep(s) => map!(target, |x| if x > 0.0 { 1.0 } else { s }),
            Unary::Elu(s) => map!(target, |x| if x > 0.0 { x } else { s * math::expm1::<A>(x) }),
            Unary::Gelu => map!(target, |x| math::gelu::<A>(x)),
            Unary::Silu => map!(target, |x| x * math::sigmoid::<A>(x)),
            Unary::Erf => map!(target, |x| math::erf::<A>(x)),
            Unary::Floor => map!(target, |x| math::floor(x)),
            Unary::Ceil => map!(target, |x| math::ceil(x)),
            Unary::Round => map!(target, |x| math::round(x)),
            Unary::AddScalar(s) => map!(target, |x| x + s),
            Unary::MulScalar(s) => map!(target, |x| x * s),
            Unary::RsubScalar(s) => map!(target, |x| s - x),
            Unary::RdivScalar(s) => map!(target, |x| s / x),
            Unary::PowScalar(3.0) => map!(target, |x| math::cube(x)),
            Unary::PowScalar(s) => map!(target, |x| math::pow::<A>(x, s)),
            Unary::Clamp(low, high) => map!(target, |x| math::clamp(x, low, high)),
            Unary::ClampMask(low, high) => map!(target, |x| mask((low < x) & (x < high))),
        }
    }
}

struct BinaryLoop<'a, T>(Binary, T, &'a [f32]);

impl<T: Target> Kernel for BinaryLoop<'_, T> {
    type Out = ();

    #[inline(always)]
    fn run<A: Arith>(self) {
        let BinaryLoop(op, target, b) = self;
        match op {
            Binary::Add => zip!(target, b, |a, b| a + b),
            Binary::Sub => zip!(target, b, |a, b| a - b),
            Binary::Mul => zip!(target, b, |a, b| a * b),
            Binary::Div => zip!(target, b, |a, b| a / b),
            Binary::Pow => zip!(target, b, |a, b| math::pow::<A>(a, b)),
            Binary::Max => zip!(target, b, |a, b| if (a > b) | a.is_nan() { a } else { b }),
            Binary::Min => zip!(target, b, |a, b| if (a < b) | a.is_nan() { a } else { b }),
            Binary::Lt => zip!(target, b, |a, b| mask(a < b)),
            Binary::Le => zip!(target, b, |a, b| mask(a <= b)),
            Binary::Gt => zip!(target, b, |a, b| mask(a > b)),
            Binary::Ge => zip!(target, b, |a, b| mask(a >= b)),
            Binary::Eq => zip!(target, b, |a, b| mask(a == b)),
            Binary::Ne => zip!(target, b, |a, b| mask(a != b)),
            Binary::SigmoidGrad => zip!(target, b, |g, y| g * y * (1.0 - y)),
            Binary::TanhGrad => zip!(target, b, |g, y| g * (1.0 - y * y)),
            Binary::ReluGrad => zip!(target, b, |g, x| if x > 0.0 { g } else { 0.0 }),
            Binary::LeakyReluGrad(s) => zip!(target, b, |g, x| if x > 0.0 { g } else { g * s }),
            Binary::EluGrad(s) => zip!(target, b, |g, x| g * math::elu_slope::<A>(x, s)),
            Binary::GeluGrad => zip!(target, b, |g, x| g * math::gelu_slope::<A>(x)),
            Binary::SiluGrad => zip!(target, b, |g, x| g * math::silu_slope::<A>(x)),
        }
    }
}

#[inline(always)]
fn mask(holds: bool) -> f32 {
    if holds { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests;
