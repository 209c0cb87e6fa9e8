//! `finite_difference`: the slope of a function measured by evaluating it, to hold gradients against.

use crate::convert::wrap;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, Ty, fails, number, param, type_of, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, shown};

pub static ENTRIES: &[&Entry] = &[&FINITE_DIFFERENCE];

/// The step as a share of max(1, |x|), a power of two, so that x ± h and x ± 2h are exact in single precision. The
/// rounding of f(x) ~ 1 costs about 1e-7 / h, the formula h⁴/30 of the fifth derivative: together some 1e-5.
const STEP: f64 = 1.0 / 32.0;

const F: Param<Dynamic> =
    param("f", types::any(Ty::OneOf(&[Ty::Function, Ty::Of("network")])), "a function that gives a single number");
const X: Param<Tensor> = param(
    "x",
    types::DATA.accepting(Ty::OneOf(&[Ty::Number, Ty::Tensor, Ty::Array])),
    "where: a number, or a tensor, whose elements are moved one by one",
);
const H: Maybe<f64> = param("h", types::NUMBER, "the step").maybe("max(1, |x|) / 32");
static FINITE_DIFFERENCE: Entry = Entry {
    name: "finite_difference",
    group: "gradient",
    summary: "the gradient of f at x measured without any: (8(f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))) / 12h for each element",
    params: &[F.param(), X.param()],
    options: &[H.opt()],
    returns: Ty::OneOf(&[Ty::Number, Ty::Tensor]),
    shapes: "as x; f is called four times for each element",
    errors: &["f gives something else than a single number", "h is not above 0"],
    source: &["the five-point stencil, Abramowitz and Stegun 25.3.6; its error is of order h⁴"],
    examples: &[
        value("of a number", "abs(finite_difference(|x| exp(x), 1) - exp(1)) < 1e-6", "true"),
        value(
            "against grad",
            "let f = |x| sum(tanh(x) ** 2); let x = tensor([0.3, -1]);\nmax(abs(finite_difference(f, x) - grad(f(x), x))) < 1e-4",
            "true",
        ),
        fails(
            "not a number",
            "finite_difference(|x| x, tensor([1, 2]))",
            "f must give a single number, got a tensor of shape [2]",
        ),
    ],
    call: |call| {
        if H.of(call)?.is_some_and(|h| h.is_nan() || h <= 0.0) {
            return Err(Fault::value("finite_difference: h must be above 0"));
        }
        if let Some(x) = number(X.value(call)) {
            return Ok(slope(call, x, &|x| x.into())?.into());
        }
        let x = X.of(call)?.cast(Dtype::F32);
        let (values, shape) = (x.to_floats()?, x.shape());
        let mut slopes = Vec::with_capacity(values.len());
        for i in 0..values.len() {
            call.host.check_interrupt()?;
            let moved = |v: f64| {
                let mut moved = values.clone();
                moved[i] = v as f32;
                wrap(Tensor::from_floats(moved, &shape, &x.device()))
            };
            slopes.push(slope(call, f64::from(values[i]), &moved)? as f32);
        }
        Ok(wrap(Tensor::from_floats(slopes, &shape, &x.device())))
    },
    ..ENTRY
};

/// The slope along one number at `x`; `at` makes the argument of f in which that number is another.
fn slope(call: &Call, x: f64, at: &dyn Fn(f64) -> Dynamic) -> Result<f64> {
    // The power of two at or below |x|.
    let size = 2f64.powf(x.abs().max(1.0).log2().floor());
    let h = H.of(call)?.unwrap_or(STEP * size);
    let f = |x: f64| single(&call.apply(F.value(call), vec![at(x)])?);
    let (near, far) = (f(x + h)? - f(x - h)?, f(x + 2.0 * h)? - f(x - 2.0 * h)?);
    Ok((8.0 * near - far) / (12.0 * h))
}

/// The number that f gave.
fn single(y: &Dynamic) -> Result<f64> {
    if let Some(y) = number(y) {
        return Ok(y);
    }
    let got = match y.read_lock::<Tensor>() {
        Some(t) if t.len() == 1 => return Ok(f64::from(t.cast(Dtype::F32).to_floats()?[0])),
        Some(t) => format!("a tensor of shape {}", shown(&t.shape())),
        None => type_of(y),
    };
    Err(Fault::type_(format!("finite_difference: f must give a single number, got {got}"))
        .hint("mean(…) or sum(…) makes one of many"))
}
