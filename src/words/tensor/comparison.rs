//! The operators that give truth values: comparisons, and what combines them. A number may stand on either side.

use super::operators::{Side, left, operator};
use super::{fails, param, tensor, value, wrap};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Example, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Compare, Dtype, Tensor};

pub static ENTRIES: &[&Entry] =
    &[&NOT, &AND, &OR, &LT, &LT_LEFT, &LE, &LE_LEFT, &GT, &GT_LEFT, &GE, &GE_LEFT, &EQ, &EQ_LEFT, &NE, &NE_LEFT];

/// Compares; two single numbers give `true` or `false`, so that `if loss < 0.1` can be written.
fn compare(call: &Call, op: Compare) -> Result<Dynamic> {
    let (a, b) = (Side::read(call, 0)?, Side::read(call, 1)?);
    let out = match (&a, &b) {
        (Side::Tensor(x), Side::Float(v)) if x.dtype() != Dtype::F32 => x.compare_number(op, *v)?,
        (Side::Float(v), Side::Tensor(x)) if x.dtype() != Dtype::F32 => x.compare_number(op.turned(), *v)?,
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

const LT_: Entry = comparison(
    "<",
    "whether a is less than b, element by element",
    &[
        value("a mask", "(tensor([1, 3]) < 2).to_array()", "[true, false]"),
        value("single numbers", "if mean(ones([3])) < 2 { \"small\" } else { \"large\" }", "\"small\""),
    ],
    |call| compare(call, Compare::Lt),
);
static LT: Entry = LT_;
static LT_LEFT: Entry = left(LT_, &[value("a number first", "(2 < tensor([1, 3])).to_array()", "[false, true]")]);

const LE_: Entry = comparison(
    "<=",
    "whether a is at most b, element by element",
    &[value("a mask", "(tensor([1, 2, 3]) <= 2).to_array()", "[true, true, false]")],
    |call| compare(call, Compare::Le),
);
static LE: Entry = LE_;
static LE_LEFT: Entry = left(LE_, &[value("a number first", "(2 <= tensor([1, 2])).to_array()", "[false, true]")]);

const GT_: Entry = comparison(
    ">",
    "whether a is greater than b, element by element",
    &[value("a mask", "(tensor([1, 3]) > 2).to_array()", "[false, true]")],
    |call| compare(call, Compare::Gt),
);
static GT: Entry = GT_;
static GT_LEFT: Entry = left(GT_, &[value("a number first", "(2 > tensor([1, 3])).to_array()", "[true, false]")]);

const GE_: Entry = comparison(
    ">=",
    "whether a is at least b, element by element",
    &[value("a mask", "(tensor([1, 2, 3]) >= 2).to_array()", "[false, true, true]")],
    |call| compare(call, Compare::Ge),
);
static GE: Entry = GE_;
static GE_LEFT: Entry = left(GE_, &[value("a number first", "(2 >= tensor([2, 3])).to_array()", "[true, false]")]);

const EQ_: Entry = comparison(
    "==",
    "whether a equals b, element by element",
    &[value("accuracy", "mean(int([1, 2, 3, 4]) == int([1, 2, 0, 4])).item()", "0.75")],
    |call| compare(call, Compare::Eq),
);
static EQ: Entry = EQ_;
static EQ_LEFT: Entry = left(EQ_, &[value("a number first", "(2 == tensor([2, 3])).to_array()", "[true, false]")]);

const NE_: Entry = comparison(
    "!=",
    "whether a differs from b, element by element; NaN differs from itself",
    &[value("a mask", "(tensor([1, 3]) != 3).to_array()", "[true, false]")],
    |call| compare(call, Compare::Ne),
);
static NE: Entry = NE_;
static NE_LEFT: Entry = left(NE_, &[value("a number first", "(2 != tensor([2, 3])).to_array()", "[false, true]")]);

static NOT: Entry = Entry {
    name: "!",
    group: "operator",
    summary: "the opposite of each truth value",
    params: &[param("mask", Ty::Tensor, "a bool tensor")],
    returns: Ty::Tensor,
    shapes: "as mask",
    errors: &["a tensor that is not bool"],
    examples: &[
        value("the others", "(!(tensor([1, 5]) > 2)).to_array()", "[true, false]"),
        fails("floats", "!tensor([1.0])", "a tensor of f32"),
    ],
    call: |call| Ok(wrap(mask(call, 0)?.not())),
    ..ENTRY
};

/// The bool tensor at parameter `i`.
fn mask(call: &Call, i: usize) -> Result<Tensor> {
    let t = tensor(call, i)?;
    match t.dtype() {
        Dtype::Bool => Ok(t),
        other => Err(Fault::type_(format!(
            "{}: {} must be a bool tensor, got a tensor of {}",
            call.entry.name,
            call.entry.params[i].name,
            other.name()
        ))
        .hint("a comparison such as x > 0 gives one; bool(x) makes one")),
    }
}

const MASKS: &[Param] =
    &[param("a", Ty::Tensor, "a bool tensor"), param("b", Ty::Tensor, "a bool tensor; shapes broadcast")];

static AND: Entry = Entry {
    name: "&",
    group: "operator",
    summary: "whether both hold, element by element",
    params: MASKS,
    returns: Ty::Tensor,
    shapes: "shapes broadcast",
    errors: &["a tensor that is not bool", "shapes that do not broadcast"],
    examples: &[value("between", "let x = tensor([0, 1, 2]); ((x > 0) & (x < 2)).to_array()", "[false, true, false]")],
    call: |call| mask(call, 0)?.and(&mask(call, 1)?).map(wrap),
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
    call: |call| mask(call, 0)?.or(&mask(call, 1)?).map(wrap),
    ..ENTRY
};
