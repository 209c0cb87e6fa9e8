//! What crosses the border. Everything here is laid out as C would.

#![allow(missing_docs, reason = "operations are named as Burn names them; what each takes stands at the group")]

use std::ffi::c_void;
use std::marker::PhantomData;

/// The most axes of a tensor that crosses.
pub const MOST_AXES: usize = 8;

/// What the elements of a tensor are: 32-bit floats, whole numbers (of 32 or 64 bits), truth values (one byte when
/// they cross).
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    Int,
    Bool,
}

/// Where a tensor lives.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId {
    pub api: Api,
    /// Its place among the adapters of this machine, or its number.
    pub place: u32,
}

/// How a device is reached.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Ndarray,
    Wgpu,
    Cuda,
}

/// What is asked. In brackets: what the call holds beside its tensors. Operations are those of Burn's backends; of
/// which dtype is seen from the tensors.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    // One float tensor, element by element.
    Neg,
    Exp,
    Log,
    Log1p,
    Sqrt,
    Recip,
    Abs,
    Sign,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    Relu,
    Gelu,
    Erf,
    Floor,
    Ceil,
    Round,
    // One float tensor [a number].
    AddScalar,
    SubScalar,
    MulScalar,
    PowScalar,
    LeakyRelu,
    ClampMax,
    /// `[the least, the most]`
    Clamp,
    // Two tensors of one shape; `Add`, `Sub`, `Mul` of floats or ints.
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    // Comparisons of two tensors of one shape and dtype; `Eq` and `Ne` of truth values, too.
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    // Comparisons of a float tensor [with a number].
    GtScalar,
    GeScalar,
    LeScalar,
    /// Whether each element of floats or ints is not 0.
    NotZero,
    // Truth values.
    And,
    Or,
    Not,
    All,
    Any,
    // Other dtypes.
    IntoFloat,
    IntoInt,
    /// Half precision and back.
    IntoF16,
    IntoF32,
    // Any dtype: [sizes], [order], [sizes], [start and end of each axis].
    Reshape,
    Permute,
    Expand,
    Slice,
    /// A float tensor, and one to write into it `[start and end of each axis]`.
    SliceAssign,
    /// Any dtype, and int indices `[axis]`.
    Select,
    Gather,
    /// A float tensor, int indices, and a float tensor to add there `[axis]`.
    SelectAdd,
    ScatterAdd,
    /// Tensors of one dtype `[axis]`.
    Cat,
    /// `[axes]`
    Flip,
    /// Of floats or ints [axis, 1 for descending].
    Argsort,
    /// Truth values; the tensor where they do not hold; the tensor where they do.
    MaskWhere,
    // Reductions of floats; `Sum` of ints, too. [axis]; the last two give values and indices.
    Sum,
    SumDim,
    CumSum,
    MaxDim,
    MinDim,
    // Products. Convolutions [stride, padding, dilation: two each, groups], transposed ones
    // [and two of output padding].
    Matmul,
    Conv2d,
    ConvTranspose2d,
    /// The input, the kernels (for their shape), the gradient of the output.
    Conv2dWeightGrad,
    // Made on a device [api, place, sizes]: from `data` of `kind`; full of [a number].
    Upload,
    Full,
    /// Writes the elements of a tensor into `data`: f32, i64 or one byte each.
    Read,
    // About devices. Texts come in `data`, and go in the bytes of the answer.
    /// The adapters of this machine: a line each, `name`, tab, description.
    Adapters,
    /// Opens `[api, number]` on the interface that `data` names, if it names one: gives its place.
    Open,
    /// Its name.
    Name,
    /// 1 if it is this machine's processor; the most bytes of one tensor, 0 where nothing is known.
    About,
    /// Takes it away, as when a card is unplugged.
    Destroy,
    /// It does not work any more: the next `Open` makes a new one.
    Lost,
    /// The device that was lost last, if any was: 1, place.
    LastLost,
    /// The devices that are open: the place of each, a line each.
    Opened,
    /// Waits until everything is computed.
    Sync,
    /// Bytes in use, bytes reserved.
    Memory,
    /// Gives back what no tensor uses.
    Cleanup,
    /// Whether it has half precision.
    HasF16,
    /// What has gone wrong since this was last asked, each with a zero at its end.
    Warnings,
    /// From now on the function at `[address]` hears how many kernels were compiled and operations tuned.
    Listen,
}

impl Op {
    /// The operation of that number.
    pub fn of(number: u32) -> Option<Self> {
        // SAFETY: the numbers from 0 to that of the last are those of the operations.
        (number <= Op::Listen as u32).then(|| unsafe { std::mem::transmute::<u32, Op>(number) })
    }

    /// Whether it gives tensors and no answer that anyone waits for.
    pub fn computes(self) -> bool {
        (self as u32) < Op::Read as u32
    }
}

/// Some values that lie one after the other, lent for the time of a call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Span<'a, T> {
    start: *const T,
    len: usize,
    lent: PhantomData<&'a [T]>,
}

impl<'a, T> Span<'a, T> {
    pub fn get(&self) -> &'a [T] {
        // SAFETY: made of a slice that lives for 'a.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl<'a, T> From<&'a [T]> for Span<'a, T> {
    fn from(slice: &'a [T]) -> Self {
        let (start, len, lent) = (slice.as_ptr(), slice.len(), PhantomData);
        Self { start, len, lent }
    }
}

/// A question.
#[repr(C)]
pub struct Call<'a> {
    pub op: Op,
    pub kind: Kind,
    /// The library's handles.
    pub tensors: Span<'a, *const c_void>,
    pub ints: Span<'a, i64>,
    pub floats: Span<'a, f32>,
    /// Text, or elements to be uploaded.
    pub data: Span<'a, u8>,
}

/// A tensor that the library has made. Who gets it owes a call of the library's `release`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Made {
    pub handle: *const c_void,
    pub rank: u32,
    pub sizes: [u64; MOST_AXES],
}

impl Made {
    /// None.
    pub const NOTHING: Made = Made { handle: std::ptr::null(), rank: 0, sizes: [0; MOST_AXES] };
}

/// An answer, filled in by the library.
#[repr(C)]
pub struct Reply {
    pub made: [Made; 2],
    pub ints: [i64; 4],
    /// Where text or elements go, as often as there are some.
    pub write: extern "C" fn(to: *mut c_void, bytes: *const u8, len: usize),
    pub to: *mut c_void,
}

/// How a call ended. In all cases but the first the text says more.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Done,
    /// An error of the user's: a message, and after a zero byte a hint.
    Refused,
    /// The device's reason for not computing.
    Failed,
    /// The same, and it will not compute again.
    Lost,
    /// A panic.
    Panicked,
}

/// The one function by which the library is called, and those beside it.
#[repr(C)]
pub struct Entry {
    /// Who it was built with: the identity of `saddle-component`, as bytes.
    pub identity: extern "C" fn(len: *mut usize) -> *const u8,
    pub call: unsafe extern "C" fn(call: *const Call, reply: *mut Reply) -> Status,
    pub release: unsafe extern "C" fn(handle: *const c_void),
}

/// The name of the library's symbol of type [`Entry`].
pub const ENTRY: &[u8] = b"saddle_burn\0";
