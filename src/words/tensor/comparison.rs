//! The operators that give truth values: comparisons, and what combines them. A number may stand on either side.

use super::X;
use super::operators::{Side, operator};
use crate::convert::{nested, wrap};
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{AnyParam, Call, ENTRY, Entry, Example, Param, Ty, Type, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Compare, Dtype, Tensor, device};

pub static ENTRIES: &[&Entry] = &[
    &NOT, &AND, &OR, &LT[0], &LT[1], &LE[0], &LE[1], &GT[0], &GT[1], &GE[0], &GE[1], &EQ[0], &EQ[1], &NE[0], &NE[1],
    &ISNAN, &ISFINITE,
];

/// What stands on one side. Truth values and arrays too, and not to do them a favour: what no word takes Rhai compares
/// itself, and finds every tensor different from everything else, `mask == true` as `mask == false`.
const COMPARED: Type<Side> = Type::new(Ty::OneOf(&[Ty::TensorLike, Ty::Bool, Ty::Array]), |given| {
    match (given.value.as_bool(), given.value.is_array()) {
        (Ok(truth), _) => Ok(Side::Tensor(Tensor::from_bools(vec![truth], &[], &device::current()))),
        (_, true) => nested(given.value, None, &device::current()).map(Side::Tensor),
        _ => Side::read(given),
    }
});
const A: Param<Side> = param("a", COMPARED, "the left side").accepting(Ty::Tensor);
const B: Param<Side> =
    param("b", COMPARED, "the right side: an array counts as a tensor of it; its shape broadcasts with a's");
/// The sides where the tensor stands on the right: read as [`A`] and [`B`].
const OTHER: Param<Side> = A.accepting(Ty::OneOf(&[Ty::Number, Ty::Bool, Ty::Array]));
const TENSOR: Param<Side> = param("b", COMPARED, "the right side").accepting(Ty::Tensor);

/// The record of a comparison, and the same with something else than a tensor on the left.
const fn either_side(entry: Entry, examples: &'static [Example]) -> [Entry; 2] {
    [
        Entry { params: const { &[A.param(), B.param()] }, ..entry },
        Entry { params: const { &[OTHER.param(), TENSOR.param()] }, shapes: "as b", errors: &[], examples, ..entry },
    ]
}

/// Compares; two single numbers give `true` or `false`, so that `if loss < 0.1` can be written.
fn compare(call: &Call, op: Compare) -> Result<Dynamic> {
    let (mut a, mut b) = (A.of(call)?, B.of(call)?);
    // Only a tensor has a device of its own: what was made of a truth value or an array goes to the other's.
    if let (Side::Tensor(x), Side::Tensor(y)) = (&mut a, &mut b) {
        match (A.value(call).is::<Tensor>(), B.value(call).is::<Tensor>()) {
            (true, false) => *y = y.to_device(&x.device()),
            (false, true) => *x = x.to_device(&y.device()),
            _ => {}
        }
    }
    let out = match (&a, &b) {
        (Side::Tensor(x), Side::Float(v)) if x.dtype() != Dtype::F32 => x.compare_number(op, *v)?,
        (Side::Float(v), Side::Tensor(x)) if x.dtype() != Dtype::F32 => x.compare_number(op.swapped(), *v)?,
        _ => a.beside(&b)?.compare(op, &b.beside(&a)?)?,
    };
    match out.rank() {
        0 => super::value::item(&out),
        _ => Ok(wrap(out)),
    }
}

/// The record of a comparison.
const fn comparison(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        returns: Ty::OneOf(&[Ty::Tensor, Ty::Bool]),
        shapes: "shapes broadcast; single numbers give true or false",
        ..operator(name, summary, examples, call)
    }
}

static LT: [Entry; 2] = either_side(
    comparison(
        "<",
        "whether a is less than b, element by element",
        &[
            value("a mask", "(tensor([1, 3]) < 2).to_array()", "[true, false]"),
            value("single numbers", "if mean(ones([3])) < 2 { \"small\" } else { \"large\" }", "\"small\""),
        ],
        |call| compare(call, Compare::Lt),
    ),
    &[value("a number first", "(2 < tensor([1, 3])).to_array()", "[false, true]")],
);

static LE: [Entry; 2] = either_side(
    comparison(
        "<=",
        "whether a is at most b, element by element",
        &[value("a mask", "(tensor([1, 2, 3]) <= 2).to_array()", "[true, true, false]")],
        |call| compare(call, Compare::Le),
    ),
    &[value("a number first", "(2 <= tensor([1, 2])).to_array()", "[false, true]")],
);

static GT: [Entry; 2] = either_side(
    comparison(
        ">",
        "whether a is greater than b, element by element",
        &[value("a mask", "(tensor([1, 3]) > 2).to_array()", "[false, true]")],
        |call| compare(call, Compare::Gt),
    ),
    &[value("a number first", "(2 > tensor([1, 3])).to_array()", "[true, false]")],
);

static GE: [Entry; 2] = either_side(
    comparison(
        ">=",
        "whether a is at least b, element by element",
        &[value("a mask", "(tensor([1, 2, 3]) >= 2).to_array()", "[false, true, true]")],
        |call| compare(call, Compare::Ge),
    ),
    &[value("a number first", "(2 >= tensor([2, 3])).to_array()", "[true, false]")],
);

static EQ: [Entry; 2] = either_side(
    comparison(
        "==",
        "whether a equals b, element by element",
        &[
            value("accuracy", "mean(int([1, 2, 3, 4]) == int([1, 2, 0, 4])).item()", "0.75"),
            value("a truth value", "((tensor([-1, 2]) > 0) == false).to_array()", "[true, false]"),
            value("an array", "(int([1, 2, 3]) == [1, 2, 0]).to_array()", "[true, true, false]"),
        ],
        |call| compare(call, Compare::Eq),
    ),
    &[value("a number first", "(2 == tensor([2, 3])).to_array()", "[true, false]")],
);

static NE: [Entry; 2] = either_side(
    comparison(
        "!=",
        "whether a differs from b, element by element; NaN differs from itself",
        &[value("a mask", "(tensor([1, 3]) != 3).to_array()", "[true, false]")],
        |call| compare(call, Compare::Ne),
    ),
    &[value("a number first", "(2 != tensor([2, 3])).to_array()", "[false, true]")],
);

const MASK: Param<Tensor> = param("mask", BOOLS, "a bool tensor");
static NOT: Entry = Entry {
    name: "!",
    group: "operator",
    summary: "the opposite of each truth value",
    params: &[MASK.param()],
    returns: Ty::Tensor,
    shapes: "as mask",
    errors: &["a tensor that is not bool"],
    examples: &[
        value("the others", "(!(tensor([1, 5]) > 2)).to_array()", "[true, false]"),
        fails("floats", "!tensor([1.0])", "a tensor of f32"),
    ],
    call: |call| Ok(wrap(MASK.of(call)?.not())),
    ..ENTRY
};

static ISNAN: Entry = Entry {
    name: "isnan",
    group: "math",
    summary: "where x is no number",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[value("0 / 0", "isnan(tensor([0, 1]) / 0).to_array()", "[true, false]")],
    call: |call| {
        let x = X.of(call)?;
        x.ne(&x).map(wrap)
    },
    ..ENTRY
};

static ISFINITE: Entry = Entry {
    name: "isfinite",
    group: "math",
    summary: "where x is a number, and not infinite",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[value(
        "0 / 0, 1 / 0, a number",
        "isfinite(tensor([0, 1, 2]) / tensor([0, 0, 1])).to_array()",
        "[false, false, true]",
    )],
    call: |call| {
        let x = X.of(call)?.detach();
        // ∞ − ∞ and NaN − NaN are NaN, which equals nothing.
        let zero = x.sub(&x)?;
        zero.eq(&zero).map(wrap)
    },
    ..ENTRY
};

/// A bool tensor.
const BOOLS: Type<Tensor> = Type::new(Ty::Tensor, |given| {
    let t = types::TENSOR.read(given)?;
    match t.dtype() {
        Dtype::Bool => Ok(t),
        other => Err(Fault::type_(format!(
            "{}: {} must be a bool tensor, got a tensor of {}",
            given.word(),
            given.name(),
            other.name()
        ))
        .hint("a comparison such as x > 0 gives one; bool(x) makes one")),
    }
});
const FIRST: Param<Tensor> = param("a", BOOLS, "a bool tensor");
const SECOND: Param<Tensor> = param("b", BOOLS, "a bool tensor; shapes broadcast");
const MASKS: &[AnyParam] = &[FIRST.param(), SECOND.param()];

static AND: Entry = Entry {
    name: "&",
    group: "operator",
    summary: "whether both hold, element by element",
    params: MASKS,
    returns: Ty::Tensor,
    shapes: "shapes broadcast",
    errors: &["a tensor that is not bool", "shapes that do not broadcast"],
    examples: &[value("between", "let x = tensor([0, 1, 2]); ((x > 0) & (x < 2)).to_array()", "[false, true, false]")],
    call: |call| FIRST.of(call)?.and(&SECOND.of(call)?).map(wrap),
    ..ENTRY
};

static OR: Entry = Entry {
    name: "|",
    group: "operator",
    summary: "whether one of them holds, element by element",
    params: MASKS,
    returns: Ty::Tensor,
    shapes: "shapes broadcast",
    errors: &["a tensor that is not bool", "shapes that do not broadcast"],
    examples: &[value("outside", "let x = tensor([0, 1, 2]); ((x < 1) | (x > 1)).to_array()", "[true, false, true]")],
    call: |call| FIRST.of(call)?.or(&SECOND.of(call)?).map(wrap),
    ..ENTRY
};
