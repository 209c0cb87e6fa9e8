//! The operators of arithmetic and the matrix product. A number may stand on either side.
//!
//! Shapes broadcast: aligned at the last dim, sizes must be equal or one of them 1.

use super::X;
use crate::convert::wrap;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Example, Given, Param, Ty, Type, fails, param, value};
use saddle_fault::Result;
use saddle_tensor::{Dtype, Tensor};

pub static ENTRIES: &[&Entry] = &[
    &ADD[0],
    &ADD[1],
    &SUB[0],
    &SUB[1],
    &MUL[0],
    &MUL[1],
    &DIV[0],
    &DIV[1],
    &REM[0],
    &REM[1],
    &POW[0],
    &POW[1],
    &POW_CALLED[0],
    &POW_CALLED[1],
    &FLOOR_DIV[0],
    &FLOOR_DIV[1],
    &NEG,
    &MATMUL,
];

/// One side of an operator.
pub(crate) enum Side {
    Tensor(Tensor),
    Int(i64),
    Float(f64),
}

impl Side {
    pub fn read(given: &Given) -> Result<Self> {
        let v = given.value;
        if let Some(t) = v.read_lock::<Tensor>() {
            return Ok(Side::Tensor(t.clone()));
        }
        match v.as_int() {
            Ok(n) => Ok(Side::Int(n)),
            Err(_) => types::NUMBER.read(given).map(Side::Float),
        }
    }

    /// A tensor to stand beside `other`: a whole number beside whole numbers stays whole.
    pub fn beside(&self, other: &Side) -> Result<Tensor> {
        let Side::Tensor(mate) = other else {
            return self.alone();
        };
        match self {
            Side::Int(n) if mate.dtype() != Dtype::F32 => Ok(Tensor::from_ints(vec![*n], &[], &mate.device())),
            Side::Tensor(t) => Ok(t.clone()),
            Side::Int(_) | Side::Float(_) => Ok(Tensor::full(self.number() as f32, &[], &mate.device())),
        }
    }

    fn alone(&self) -> Result<Tensor> {
        match self {
            Side::Tensor(t) => Ok(t.clone()),
            _ => Ok(Tensor::scalar(self.number() as f32)),
        }
    }

    pub fn is_number(&self) -> bool {
        !matches!(self, Side::Tensor(_))
    }

    pub fn number(&self) -> f64 {
        match self {
            Side::Int(n) => *n as f64,
            Side::Float(v) => *v,
            Side::Tensor(_) => f64::NAN,
        }
    }
}

/// How an operator works: on two tensors, and in one pass where one side is a number.
struct Arithmetic {
    both: fn(&Tensor, &Tensor) -> Result<Tensor>,
    number_right: fn(&Tensor, f32) -> Result<Tensor>,
    number_left: fn(&Tensor, f32) -> Result<Tensor>,
}

impl Arithmetic {
    fn run(&self, call: &Call) -> Result<Dynamic> {
        let (a, b) = (A.of(call)?, B.of(call)?);
        let out = match (&a, &b) {
            (Side::Tensor(x), Side::Int(_)) if x.dtype() != Dtype::F32 => (self.both)(x, &b.beside(&a)?),
            (Side::Int(_), Side::Tensor(x)) if x.dtype() != Dtype::F32 => (self.both)(&a.beside(&b)?, x),
            (Side::Tensor(x), Side::Int(_) | Side::Float(_)) => (self.number_right)(x, b.number() as f32),
            (Side::Int(_) | Side::Float(_), Side::Tensor(x)) => (self.number_left)(x, a.number() as f32),
            _ => (self.both)(&a.alone()?, &b.alone()?),
        };
        out.map(wrap)
    }
}

/// What stands on one side of an operator.
pub(crate) const SIDE: Type<Side> = Type::new(Ty::TensorLike, Side::read);
const A: Param<Side> = param("a", SIDE, "the left side").accepting(Ty::Tensor);
const B: Param<Side> = param("b", SIDE, "the right side; its shape broadcasts with a's");
/// The sides where a number stands on the left: read as [`A`] and [`B`].
const NUMBER: Param<Side> = A.accepting(Ty::Number);
const TENSOR: Param<Side> = param("b", SIDE, "the right side").accepting(Ty::Tensor);

/// The record of an operator with a tensor on the left.
pub(super) const fn operator(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        name,
        group: "operator",
        summary,
        params: const { &[A.param(), B.param()] },
        returns: Ty::Tensor,
        shapes: "shapes broadcast: [64, 1] with [10] → [64, 10]",
        errors: &["shapes that do not broadcast", "tensors of two devices"],
        examples,
        call,
        ..ENTRY
    }
}

/// The record of an operator, and the same with a number on the left.
const fn either_side(entry: Entry, examples: &'static [Example]) -> [Entry; 2] {
    [
        entry,
        Entry { params: const { &[NUMBER.param(), TENSOR.param()] }, shapes: "as b", errors: &[], examples, ..entry },
    ]
}

static ADD: [Entry; 2] = either_side(
    operator(
        "+",
        "the sum, element by element",
        &[
            value("a number for each element", "(tensor([1, 2]) + 0.5).to_array()", "[1.5, 2.5]"),
            value("a row to each row", "(ones([2, 2]) + tensor([1, 2])).to_array()", "[[2.0, 3.0], [2.0, 3.0]]"),
            value("whole numbers stay whole", "(int([1, 2]) + 1).to_array()", "[2, 3]"),
            fails("shapes", "ones([2, 3]) + ones([4])", "[2, 3] and [4] do not fit together: 3 against 4"),
        ],
        |call| {
            const ADD: Arithmetic =
                Arithmetic { both: Tensor::add, number_right: Tensor::add_scalar, number_left: Tensor::add_scalar };
            ADD.run(call)
        },
    ),
    &[value("a number first", "(1 + tensor([1, 2])).to_array()", "[2.0, 3.0]")],
);

static SUB: [Entry; 2] = either_side(
    operator(
        "-",
        "the difference, element by element",
        &[value("a number", "(tensor([1, 2]) - 1).to_array()", "[0.0, 1.0]")],
        |call| {
            const SUB: Arithmetic = Arithmetic {
                both: Tensor::sub,
                number_right: |x, v| x.add_scalar(-v),
                number_left: Tensor::rsub_scalar,
            };
            SUB.run(call)
        },
    ),
    &[value("the complement", "(1 - tensor([0.25, 1])).to_array()", "[0.75, 0.0]")],
);

static MUL: [Entry; 2] = either_side(
    operator(
        "*",
        "the product, element by element (`@` is the matrix product)",
        &[value("scaled", "(tensor([1, 2]) * 3).to_array()", "[3.0, 6.0]")],
        |call| {
            const MUL: Arithmetic =
                Arithmetic { both: Tensor::mul, number_right: Tensor::mul_scalar, number_left: Tensor::mul_scalar };
            MUL.run(call)
        },
    ),
    &[value("a number first", "(2 * tensor([1, 2])).to_array()", "[2.0, 4.0]")],
);

static DIV: [Entry; 2] = either_side(
    operator(
        "/",
        "the quotient, element by element, always of floats; x / 0 is infinite, 0 / 0 is NaN",
        &[
            value("by a number", "(tensor([6, 9]) / 3).to_array()", "[2.0, 3.0]"),
            value("by zero", "(tensor([1]) / 0).to_array()", "[inf]"),
        ],
        |call| {
            const DIV: Arithmetic =
                Arithmetic { both: Tensor::div, number_right: divided, number_left: Tensor::rdiv_scalar };
            DIV.run(call)
        },
    ),
    &[value("a number first", "(1 / tensor([2, 4])).to_array()", "[0.5, 0.25]")],
);

/// x / v: as a product where 1 / v is exact, so that every quotient is correctly rounded.
fn divided(x: &Tensor, v: f32) -> Result<Tensor> {
    let power_of_two = v.is_normal() && v.to_bits().trailing_zeros() >= f32::MANTISSA_DIGITS - 1;
    match power_of_two && v.recip().is_normal() {
        true => x.mul_scalar(v.recip()),
        false => x.div(&Tensor::full(v, &[], &x.device())),
    }
}

static REM: [Entry; 2] = either_side(
    operator(
        "%",
        "the remainder, with the sign of the divisor: a − b · ⌊a / b⌋",
        &[value("below zero", "(tensor([-1, 5]) % 3).to_array()", "[2.0, 2.0]")],
        |call| {
            const REM: Arithmetic = Arithmetic {
                both: Tensor::rem,
                number_right: |x, v| x.rem(&Tensor::full(v, &[], &x.device())),
                number_left: |x, v| Tensor::full(v, &[], &x.device()).rem(x),
            };
            REM.run(call)
        },
    ),
    &[value("a number first", "(7 % tensor([4, 5])).to_array()", "[3.0, 2.0]")],
);

static POW: [Entry; 2] = either_side(
    operator(
        "**",
        "the power, element by element; NaN for a negative base and an exponent that is not whole",
        &[
            value("whole numbers stay whole", "(int([2, -3]) ** 3).to_array()", "[8, -27]"),
            value("but for exponents below 0", "(int([2]) ** -1).to_array()", "[0.5]"),
            value("squares", "(tensor([1, 2, 3]) ** 2).to_array()", "[1.0, 4.0, 9.0]"),
            value("a sign before it is the power's", "(-tensor([1, 2, 3]) ** 2).to_array()", "[-1.0, -4.0, -9.0]"),
        ],
        power,
    ),
    &[value("powers of two", "(2 ** tensor([1, 2, 3])).to_array()", "[2.0, 4.0, 8.0]")],
);

/// The same as a word, which numbers have, too.
static POW_CALLED: [Entry; 2] = either_side(
    Entry {
        group: "math",
        ..operator(
            "pow",
            "a to the power of b, element by element, as `a ** b`",
            &[
                value("squares", "pow(tensor([1, 2, 3]), 2).to_array()", "[1.0, 4.0, 9.0]"),
                value("of each pair", "pow(tensor([2, 3]), tensor([3, 2])).to_array()", "[8.0, 9.0]"),
                value("whole numbers stay whole", "pow(int([2, -3]), 3).to_array()", "[8, -27]"),
                fails("shapes", "pow(ones([2, 3]), ones([4]))", "[2, 3] and [4] do not fit together: 3 against 4"),
            ],
            power,
        )
    },
    &[value("powers of two", "pow(2, tensor([1, 2, 3])).to_array()", "[2.0, 4.0, 8.0]")],
);

/// The quotient rounded down, a word that numbers have, too: `//` begins a comment.
static FLOOR_DIV: [Entry; 2] = either_side(
    Entry {
        group: "math",
        ..operator(
            "div",
            "how often b fits into a, element by element and rounded down, so that a is b · div(a, b) + a % b: of whole numbers exact",
            &[
                value("rows and columns of places", "div(int([0, 5, 7]), 3).to_array()", "[0, 1, 2]"),
                value("below zero", "div(int([-7, 7]), int([2, -2])).to_array()", "[-4, -4]"),
                value("of floats", "div(tensor([7, -7]), 2).to_array()", "[3.0, -4.0]"),
                fails("whole numbers by 0", "div(int([1]), 0)", "cannot be divided by 0"),
            ],
            |call| {
                const FLOOR_DIV: Arithmetic = Arithmetic {
                    both: Tensor::floor_div,
                    number_right: |x, v| x.floor_div(&Tensor::full(v, &[], &x.device())),
                    number_left: |x, v| Tensor::full(v, &[], &x.device()).floor_div(x),
                };
                FLOOR_DIV.run(call)
            },
        )
    },
    &[value("a number first", "div(7, int([2, 3])).to_array()", "[3, 2]")],
);

fn power(call: &mut Call) -> Result<Dynamic> {
    const POW: Arithmetic = Arithmetic { both: Tensor::pow, number_right: Tensor::pow_scalar, number_left: power_of };
    POW.run(call)
}

/// vˣ: by the general rule, which is exact for whole exponents.
fn power_of(x: &Tensor, v: f32) -> Result<Tensor> {
    Tensor::full(v, &[], &x.device()).pow(x)
}

static NEG: Entry = Entry {
    name: "-",
    group: "operator",
    summary: "the negative of each element",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[value("signs changed", "(-tensor([1, -2])).to_array()", "[-1.0, 2.0]")],
    call: |call| {
        let x = X.of(call)?;
        match x.dtype() {
            Dtype::Int => Tensor::from_ints(vec![0], &[], &x.device()).sub(&x).map(wrap),
            _ => x.neg().map(wrap),
        }
    },
    ..ENTRY
};

const MATMUL_A: Param<Tensor> = param("a", types::TENSOR, "a matrix, a vector (a row), or matrices along leading dims");
const MATMUL_B: Param<Tensor> =
    param("b", types::TENSOR, "a matrix, a vector (a column), or matrices along leading dims");
static MATMUL: Entry = Entry {
    name: "@",
    group: "operator",
    summary: "the matrix product",
    params: &[MATMUL_A.param(), MATMUL_B.param()],
    returns: Ty::Tensor,
    shapes: "[.., m, k] @ [.., k, n] → [.., m, n]; leading dims broadcast; [k] @ [k] → a number",
    errors: &["inner sizes that differ", "a single number on either side", "tensors of two devices"],
    examples: &[
        value(
            "two by two",
            "(tensor([[1, 2], [3, 4]]) @ tensor([[0, 1], [1, 0]])).to_array()",
            "[[2.0, 1.0], [4.0, 3.0]]",
        ),
        fails("inner sizes", "zeros([64, 100]) @ zeros([128, 784])", "inner sizes 100 and 128 differ"),
    ],
    call: |call| MATMUL_A.of(call)?.matmul(&MATMUL_B.of(call)?).map(wrap),
    ..ENTRY
};
