//! Quantiles: `median` and `quantile`, of tensors and of arrays of numbers.

use super::X;
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{
    AnyParam, Call, ENTRY, Entry, Example, Maybe, Param, Ty, Type, fails, number, numbers, param, value,
};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, shown};

pub static ENTRIES: &[&Entry] = &[&MEDIAN, &QUANTILE, &MEDIAN_OF, &QUANTILE_OF];

const DIM: Maybe<isize> = param("dim", types::DIM, "the dim to reduce; −1 is the last").maybe("all");
const KEEPDIM: Param<bool> = param("keepdim", types::BOOL, "leave the reduced dim in place with size 1").or(false);
const XS: Param<Array> = param("xs", types::ARRAY, "an array of numbers, not empty");
const Q: Param<Shares> = param("q", SHARES, "the share below it, in [0, 1], or an array of them");
const INTERPOLATION: &str = "linear between neighbours, as NumPy's and PyTorch's `quantile`";
const ERRORS: &[&str] = &["no elements", "q outside [0, 1]"];

/// The record of a reduction along one dim.
const fn along(
    name: &'static str,
    summary: &'static str,
    params: &'static [AnyParam],
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        name,
        group: "reduction",
        summary,
        params,
        options: const { &[DIM.opt(), KEEPDIM.opt()] },
        returns: Ty::Tensor,
        shapes: "[m, n] → []; with dim 0 → [n]; several q stand in a new first dim",
        errors: &["no elements", "q outside [0, 1]", "a dim that the shape does not have"],
        source: &[INTERPOLATION],
        examples,
        call,
    }
}

static MEDIAN: Entry = along(
    "median",
    "the middle of the elements; of an even number the mean of the two in the middle, as NumPy has it",
    &[X.param()],
    &[
        value("of all", "median(tensor([5, 1, 100])).item()", "5.0"),
        value("of each column", "median(tensor([[1, 2], [3, 8]]), #{ dim: 0 }).to_array()", "[2.0, 5.0]"),
        fails("of nothing", "median(zeros([0]))", "no elements"),
    ],
    |call| Laid::read(call)?.at(0.5).map(wrap),
);

static QUANTILE: Entry = along(
    "quantile",
    "the number below which a share q of the elements lies",
    &[X.param(), Q.param()],
    &[
        value("between two elements", "quantile(tensor([0, 10]), 0.25).item()", "2.5"),
        value("the ends and the middle", "quantile(tensor([3, 1, 2]), [0, 0.5, 1]).to_array()", "[1.0, 2.0, 3.0]"),
        fails("not a share", "quantile(tensor([1]), 50)", "q must lie in [0, 1], got 50"),
    ],
    |call| {
        let laid = Laid::read(call)?;
        match Q.of(call)? {
            Shares::One(q) => laid.at(q).map(wrap),
            Shares::Several(all) => {
                let all = all.into_iter().map(|q| laid.at(q)).collect::<Result<Vec<_>>>()?;
                Tensor::stack(&all, 0).map(wrap)
            }
        }
    },
);

/// One share in [0, 1], or several.
enum Shares {
    One(f64),
    Several(Vec<f64>),
}

const SHARES: Type<Shares> = Type::new(Ty::OneOf(&[Ty::Number, Ty::Array]), |given| {
    let share = |q: &Dynamic| {
        let q = number(q).ok_or_else(|| given.wrong())?;
        match (0.0..=1.0).contains(&q) {
            true => Ok(q),
            false => Err(Fault::value(format!("{}: q must lie in [0, 1], got {q}", given.word()))
                .hint("a percentage is divided by 100")),
        }
    };
    match given.value.read_lock::<Array>() {
        None => share(given.value).map(Shares::One),
        Some(all) => all.iter().map(share).collect::<Result<_>>().map(Shares::Several),
    }
});

/// Where a quantile lies among `n` ordered elements: a place, and how far on the way to the next.
fn place(q: f64, n: usize) -> (usize, f64) {
    let at = q * (n - 1) as f64;
    (at.floor() as usize, at.fract())
}

/// A tensor in order along a dim.
struct Laid {
    sorted: Tensor,
    /// NaN where a NaN was among the elements, else 0; nothing where there is none at all.
    spoiled: Option<Tensor>,
    dim: isize,
    /// The shape of a quantile where the dims that were reduced stay.
    kept: Option<Vec<usize>>,
}

impl Laid {
    fn read(call: &Call) -> Result<Self> {
        let (x, keep) = (X.of(call)?.cast(Dtype::F32), KEEPDIM.of(call)?);
        let mut kept = x.shape().to_vec();
        let (x, dim) = match DIM.of(call)? {
            Some(dim) => (x, dim),
            None => {
                kept.fill(1);
                (x.reshape(&[x.len()])?, 0)
            }
        };
        super::reduce::check_dims(call.entry.name, &x, &[dim])?;
        let at = if dim < 0 { dim + x.rank() as isize } else { dim };
        if x.shape()[at as usize] == 0 {
            return Err(Fault::value(format!("{}: no elements in shape {}", call.entry.name, shown(&x.shape()))));
        }
        if let Some(size) = kept.get_mut(at as usize) {
            *size = 1;
        }
        let odd = x.ne(&x)?;
        let spoiled = match odd.truth(false).to_ints()?[0] {
            0 => None,
            _ => {
                let any = odd.cast(Dtype::F32).sum_dims(&[dim], true)?.gt(&Tensor::full(0.0, &[], &x.device()))?;
                let nan = Tensor::full(f32::NAN, &[], &x.device());
                Some(any.choose(&nan, &Tensor::full(0.0, &[], &x.device()))?)
            }
        };
        Ok(Self { sorted: x.sort(dim, false)?.0, spoiled, dim, kept: keep.then_some(kept) })
    }

    fn at(&self, q: f64) -> Result<Tensor> {
        let rank = self.sorted.rank() as isize;
        let n = self.sorted.shape()[((self.dim + rank) % rank) as usize];
        let (at, part) = place(q, n);
        let low = self.sorted.narrow(self.dim, at..at + 1)?;
        let mut out = match part > 0.0 {
            false => low,
            true => {
                let high = self.sorted.narrow(self.dim, at + 1..at + 2)?;
                low.mul_scalar((1.0 - part) as f32)?.add(&high.mul_scalar(part as f32)?)?
            }
        };
        if let Some(spoiled) = &self.spoiled {
            out = out.add(spoiled)?;
        }
        match &self.kept {
            Some(shape) => out.reshape(shape),
            None => out.squeeze(Some(self.dim)),
        }
    }
}

/// The record of the same word for an array of numbers.
const fn of_numbers(
    name: &'static str,
    summary: &'static str,
    params: &'static [AnyParam],
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        name,
        group: "number",
        summary,
        params,
        returns: Ty::Any,
        errors: ERRORS,
        source: &[INTERPOLATION],
        examples,
        call,
        ..ENTRY
    }
}

static MEDIAN_OF: Entry = of_numbers(
    "median",
    "the middle of an array of numbers",
    &[XS.param()],
    &[value("four numbers", "median([4, 1, 3, 2])", "2.5"), fails("of nothing", "median([])", "the array is empty")],
    |call| Ok(quantile(&ordered(call)?, 0.5).into()),
);

static QUANTILE_OF: Entry = of_numbers(
    "quantile",
    "the number below which a share q of an array lies",
    &[XS.param(), Q.param()],
    &[value("the quartiles", "quantile([1, 2, 3, 4, 5], [0.25, 0.75])", "[2.0, 4.0]")],
    |call| {
        let xs = ordered(call)?;
        Ok(match Q.of(call)? {
            Shares::One(q) => quantile(&xs, q).into(),
            Shares::Several(all) => all.into_iter().map(|q| Dynamic::from(quantile(&xs, q))).collect::<Array>().into(),
        })
    },
);

/// The numbers of the array, in order.
fn ordered(call: &Call) -> Result<Vec<f64>> {
    let word = call.entry.name;
    let mut xs =
        numbers(XS.value(call)).ok_or_else(|| Fault::type_(format!("{word}: the array must hold numbers only")))?;
    if xs.is_empty() {
        return Err(Fault::value(format!("{word}: the array is empty")));
    }
    xs.sort_by(f64::total_cmp);
    Ok(xs)
}

/// The quantile of numbers in order; NaN where one of them is.
pub fn quantile(xs: &[f64], q: f64) -> f64 {
    if xs.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let (at, part) = place(q, xs.len());
    if part > 0.0 { (1.0 - part) * xs[at] + part * xs[at + 1] } else { xs[at] }
}
