//! The operators that give truth values: comparisons, and what combines them. A number may stand on either side.

use super::operators::{A, B, Side, either_side, operator};
use crate::convert::wrap;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{AnyParam, Call, ENTRY, Entry, Example, Param, Ty, Type, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Compare, Dtype, Tensor};

pub static ENTRIES: &[&Entry] =
    &[&NOT, &AND, &OR, &LT[0], &LT[1], &LE[0], &LE[1], &GT[0], &GT[1], &GE[0], &GE[1], &EQ[0], &EQ[1], &NE[0], &NE[1]];

/// Compares; two single numbers give `true` or `false`, so that `if loss < 0.1` can be written.
fn compare(call: &Call, op: Compare) -> Result<Dynamic> {
    let (a, b) = (A.of(call)?, B.of(call)?);
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
        &[value("accuracy", "mean(int([1, 2, 3, 4]) == int([1, 2, 0, 4])).item()", "0.75")],
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
