//! stub
pub enum Unary {
    Neg,
    Exp,
    Log,
    Log1p,
    Expm1,
    Sqrt,
    Rsqrt,
    Recip,
    Square,
    Abs,
    Sign,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    Softplus,
    LogSigmoid,
    Relu,
    LeakyRelu(f32),
    Step,
    LeakyStep(f32),
    Elu(f32),
    Gelu,
    Silu,
    Erf,
    Floor,
    Ceil,
    Round,
    AddScalar(f32),
    MulScalar(f32),
    RsubScalar(f32),
    RdivScalar(f32),
    PowScalar(f32),
    Clamp(f32, f32),
    ClampMask(f32, f32),
}
pub fn unary(_op: Unary, _x: &[f32]) -> Vec<f32> {
    todo!()
}
#[derive(Clone, Copy)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Max,
    Min,
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    SigmoidGrad,
    TanhGrad,
    ReluGrad,
}
pub fn binary(_op: Binary, _a: &[f32], _b: &[f32]) -> Vec<f32> {
    todo!()
}
pub fn binary_broadcast(
    _op: Binary,
    _a: &[f32],
    _sa: &[usize],
    _b: &[f32],
    _sb: &[usize],
    _shape: &[usize],
) -> Vec<f32> {
    todo!()
}
pub fn contiguous(_x: &[f32], _strides: &[usize], _shape: &[usize]) -> Vec<f32> {
    todo!()
}
pub fn sum_all(_x: &[f32]) -> f32 {
    todo!()
}
pub fn sum_axis(_x: &[f32], _outer: usize, _axis: usize, _inner: usize) -> Vec<f32> {
    todo!()
}
pub fn max_axis(_x: &[f32], _outer: usize, _axis: usize, _inner: usize) -> (Vec<f32>, Vec<i64>) {
    todo!()
}
pub fn min_axis(_x: &[f32], _outer: usize, _axis: usize, _inner: usize) -> (Vec<f32>, Vec<i64>) {
    todo!()
}
pub struct Mat<'a> {
    pub data: &'a [f32],
    pub row_stride: usize,
    pub col_stride: usize,
}
pub fn gemm(_m: usize, _k: usize, _n: usize, _a: Mat, _b: Mat, _beta: f32, _c: &mut [f32]) {
    todo!()
}
pub fn linear(
    _m: usize,
    _k: usize,
    _n: usize,
    _x: Mat,
    _w: Mat,
    _bias: Option<&[f32]>,
) -> Vec<f32> {
    todo!()
}
pub struct Stream;
impl Stream {
    pub fn new(_seed: u64) -> Self {
        Stream
    }
    pub fn uniform(&mut self, _n: usize) -> Vec<f32> {
        todo!()
    }
    pub fn normal(&mut self, _n: usize) -> Vec<f32> {
        todo!()
    }
    pub fn bernoulli_mask(&mut self, _n: usize, _keep: f32, _scale: f32) -> Vec<f32> {
        todo!()
    }
    pub fn integers(&mut self, _n: usize, _lo: i64, _hi: i64) -> Vec<i64> {
        todo!()
    }
    pub fn permutation(&mut self, _n: usize) -> Vec<i64> {
        todo!()
    }
}
pub fn simd_level() -> &'static str {
    ""
}
pub fn threads() -> usize {
    1
}
pub struct Sgd {
    pub lr: f32,
    pub momentum: f32,
    pub dampening: f32,
    pub weight_decay: f32,
    pub nesterov: bool,
    pub maximize: bool,
    pub first: bool,
}
pub fn sgd_step(_c: &Sgd, _p: &mut [f32], _g: &[f32], _v: Option<&mut [f32]>) {
    todo!()
}
pub struct Adam {
    pub lr: f32,
    pub beta1: f32,
    pub beta2: f32,
    pub eps: f32,
    pub weight_decay: f32,
    pub decoupled: bool,
    pub step: u64,
    pub maximize: bool,
}
pub fn adam_step(_c: &Adam, _p: &mut [f32], _g: &[f32], _m: &mut [f32], _v: &mut [f32]) {
    todo!()
}
pub struct RmsProp {
    pub lr: f32,
    pub alpha: f32,
    pub eps: f32,
    pub momentum: f32,
    pub weight_decay: f32,
    pub maximize: bool,
}
pub fn rmsprop_step(
    _c: &RmsProp,
    _p: &mut [f32],
    _g: &[f32],
    _s: &mut [f32],
    _v: Option<&mut [f32]>,
) {
    todo!()
}
pub struct Adagrad {
    pub lr: f32,
    pub eps: f32,
    pub weight_decay: f32,
    pub maximize: bool,
}
pub fn adagrad_step(_c: &Adagrad, _p: &mut [f32], _g: &[f32], _s: &mut [f32]) {
    todo!()
}
