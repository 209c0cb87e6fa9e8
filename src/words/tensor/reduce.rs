//! Reductions: over all elements, or along the dims of the option `dim`; and what is built from them.

use super::{NO_DIM, X};
use crate::convert::wrap;
use crate::types;
use rhai::{Dynamic, Map};
use saddle_catalog::{AnyParam, Call, ENTRY, Entry, Example, Maybe, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, shown};

pub static ENTRIES: &[&Entry] = &[
    &SUM,
    &MEAN,
    &VAR,
    &STD,
    &MAX,
    &MIN,
    &ARGMAX,
    &ARGMIN,
    &LOGSUMEXP,
    &NORM,
    &SOFTMAX,
    &LOG_SOFTMAX,
    &CUMSUM,
    &CUMPROD,
    &PROD,
    &ALL,
    &ANY,
    &MOMENTS,
];

const MANY_X: Param<Tensor> = param("x", types::DATA, "a tensor, or an array of numbers");

/// Where `number` has no word of the same name for arrays of numbers.
const MANY: &[AnyParam] = &[MANY_X.param()];
const DIM: Maybe<Vec<isize>> =
    param("dim", types::DIMS, "the dim to reduce, or an array of dims; −1 is the last").maybe("all");
const ONE_DIM: Param<isize> = param("dim", types::DIM, "the dim; −1 is the last").or(-1);
const KEEPDIM: Param<bool> = param("keepdim", types::BOOL, "leave each reduced dim in place with size 1").or(false);

const SHAPES: &str = "[m, n] → []; with dim 0 → [n]; with dim 0 and keepdim → [1, n]";
const EMPTY: &str = "no elements to reduce";

/// The record of a reduction.
const fn reduction(
    name: &'static str,
    summary: &'static str,
    errors: &'static [&'static str],
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        name,
        group: "reduction",
        summary,
        params: const { &[X.param()] },
        options: const { &[DIM.opt(), KEEPDIM.opt()] },
        returns: Ty::Tensor,
        shapes: SHAPES,
        errors,
        examples,
        call,
        ..ENTRY
    }
}

/// What a reduction works on: the tensor, its dims, and whether they stay.
struct Reduction {
    x: Tensor,
    dims: Vec<isize>,
    all: bool,
    keep: bool,
}

impl Reduction {
    fn read(call: &Call) -> Result<Self> {
        let x = MANY_X.of(call)?;
        let given = DIM.of(call)?;
        let keep = KEEPDIM.of(call)?;
        let all = given.is_none();
        let dims = given.unwrap_or_else(|| x.all_dims());
        check_dims(call.entry.name, &x, &dims)?;
        Ok(Self { x, dims, all, keep })
    }

    /// Over everything to rank 0 the whole-tensor form, else along the dims.
    fn run(
        &self,
        whole: fn(&Tensor) -> Result<Tensor>,
        along: fn(&Tensor, &[isize], bool) -> Result<Tensor>,
    ) -> Result<Dynamic> {
        match self.all && !self.keep {
            true => whole(&self.x),
            false => along(&self.x, &self.dims, self.keep),
        }
        .map(wrap)
    }
}

/// Refuses dims that do not exist or come twice, before a reduction meets them one by one.
pub(super) fn check_dims(name: &str, x: &Tensor, dims: &[isize]) -> Result<()> {
    let rank = x.rank() as isize;
    let mut seen = Vec::new();
    for &d in dims {
        let at = if d < 0 { d + rank } else { d };
        if !(0..rank).contains(&at) {
            return Err(Fault::new(
                saddle_fault::Kind::Index,
                format!("{name}: there is no dim {d} in shape {}", shown(&x.shape())),
            )
            .hint("dims count from 0; −1 is the last"));
        }
        if seen.contains(&at) {
            return Err(Fault::value(format!("{name}: dim {d} is given twice")));
        }
        seen.push(at);
    }
    Ok(())
}

static SUM: Entry = reduction(
    "sum",
    "the sum of the elements",
    &[NO_DIM],
    &[
        value("of all", "sum(tensor([[1, 2], [3, 4]])).item()", "10.0"),
        value("of each column", "sum(tensor([[1, 2], [3, 4]]), #{ dim: 0 }).to_array()", "[4.0, 6.0]"),
        value("rows kept", "sum(ones([2, 3]), #{ dim: 1, keepdim: true }).shape", "[2, 1]"),
        fails("no such dim", "sum(ones([2]), #{ dim: 1 })", "there is no dim 1 in shape [2]"),
    ],
    |call| Reduction::read(call)?.run(Tensor::sum, Tensor::sum_dims),
);

static MEAN: Entry = reduction(
    "mean",
    "the mean of the elements",
    &[NO_DIM, EMPTY],
    &[value("of all", "mean(tensor([1, 2, 3])).item()", "2.0"), fails("of nothing", "mean(zeros([0]))", "no elements")],
    |call| Reduction::read(call)?.run(Tensor::mean, Tensor::mean_dims),
);

const CORRECTION: Param<usize> =
    param("correction", types::SIZE, "divided by n − correction: 1 unbiased, 0 of the population").or(1);
static VAR: Entry = Entry {
    params: MANY,
    options: &[DIM.opt(), KEEPDIM.opt(), CORRECTION.opt()],
    ..reduction(
        "var",
        "the variance of the elements, unbiased unless told otherwise",
        &[NO_DIM, "no more elements than `correction`"],
        &[
            value("unbiased", "var(tensor([1, 2, 3])).item()", "1.0"),
            value("of the population", "var(tensor([1, 3]), #{ correction: 0 }).item()", "1.0"),
            fails("of one element", "var(tensor([1]))", "too few"),
        ],
        |call| {
            let r = Reduction::read(call)?;
            let correction = CORRECTION.of(call)?;
            r.x.var_dims(&r.dims, r.keep, correction).map(wrap)
        },
    )
};

static STD: Entry = Entry {
    params: MANY,
    options: &[DIM.opt(), KEEPDIM.opt(), CORRECTION.opt()],
    ..reduction(
        "std",
        "the standard deviation of the elements: the root of `var`",
        &[NO_DIM, "no more elements than `correction`"],
        &[value("unbiased", "std(tensor([1, 3, 5])).item()", "2.0")],
        |call| {
            let r = Reduction::read(call)?;
            let correction = CORRECTION.of(call)?;
            r.x.std_dims(&r.dims, r.keep, correction).map(wrap)
        },
    )
};

/// The largest or smallest along the dims, one after the other.
fn extreme(call: &Call, largest: bool) -> Result<Dynamic> {
    let r = Reduction::read(call)?;
    let whole_numbers = r.x.dtype() != Dtype::F32;
    let mut out = match r.all && !r.keep {
        true => r.x.extreme(largest)?,
        false => {
            let rank = r.x.rank() as isize;
            let mut dims: Vec<isize> = r.dims.iter().map(|&d| if d < 0 { d + rank } else { d }).collect();
            // From the last, so that the earlier dims keep their places.
            dims.sort_unstable_by(|a, b| b.cmp(a));
            dims.iter().try_fold(r.x.clone(), |x, &d| Ok::<_, Fault>(x.extreme_dim(d, r.keep, largest)?.values))?
        }
    };
    if whole_numbers {
        out = out.cast(r.x.dtype());
    }
    Ok(wrap(out))
}

static MAX: Entry = reduction(
    "max",
    "the largest element; of equals the first gets the gradient along a dim, and all share it over everything (`argmax` gives its place, `maximum` compares two tensors)",
    &[NO_DIM, EMPTY],
    &[
        value("of all", "max(tensor([1, 9, 3])).item()", "9.0"),
        value("of each row", "max(tensor([[1, 9], [4, 2]]), #{ dim: 1 }).to_array()", "[9.0, 4.0]"),
    ],
    |call| extreme(call, true),
);

static MIN: Entry = reduction(
    "min",
    "the smallest element; of equals the first gets the gradient along a dim, and all share it over everything (`argmin` gives its place, `minimum` compares two tensors)",
    &[NO_DIM, EMPTY],
    &[value("of all", "min(tensor([4, -9, 3])).item()", "-9.0")],
    |call| extreme(call, false),
);

const PLACES_DIM: Maybe<isize> = param("dim", types::DIM, "the dim to look along").maybe("all, in row-major order");

/// The record of a word that gives places along one dim.
const fn places(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        params: MANY,
        options: const { &[PLACES_DIM.opt(), KEEPDIM.opt()] },
        ..reduction(name, summary, &[NO_DIM, EMPTY], examples, call)
    }
}

fn place(call: &Call, largest: bool) -> Result<Dynamic> {
    let x = MANY_X.of(call)?;
    let keep = KEEPDIM.of(call)?;
    let given = PLACES_DIM.of(call)?;
    let rank = x.rank();
    let (x, dim) = match given {
        Some(dim) => (x, dim),
        None => (x.reshape(&[x.len()])?, 0),
    };
    let found = x.extreme_dim(dim, keep, largest).map_err(|mut fault| {
        let own = if largest { "max:" } else { "min:" };
        fault.message = fault.message.replacen(own, &format!("{}:", call.entry.name), 1);
        fault
    })?;
    match (given, keep) {
        (Some(_), _) => Ok(wrap(found.indices)),
        (None, true) => found.indices.reshape(&vec![1; rank]).map(wrap),
        (None, false) => found.indices.reshape(&[]).map(wrap),
    }
}

static ARGMAX: Entry = places(
    "argmax",
    "the place of the largest element, the first of equals: an int tensor",
    &[
        value("of all", "argmax(tensor([1, 9, 3])).item()", "1"),
        value("the class of each row", "argmax(tensor([[1, 9], [4, 2]]), #{ dim: 1 }).to_array()", "[1, 0]"),
    ],
    |call| place(call, true),
);

static ARGMIN: Entry = places(
    "argmin",
    "the place of the smallest element, the first of equals: an int tensor",
    &[value("of all", "argmin(tensor([4, 9, 3])).item()", "2")],
    |call| place(call, false),
);

static LOGSUMEXP: Entry = Entry {
    params: MANY,
    ..reduction(
        "logsumexp",
        "log Σ eˣ, without overflow",
        &[NO_DIM, EMPTY],
        &[value("large numbers", "logsumexp(tensor([1000, -1000])).item()", "1000.0")],
        |call| {
            let r = Reduction::read(call)?;
            r.x.logsumexp(&r.dims, r.keep).map(wrap)
        },
    )
};

static NORM: Entry = Entry {
    params: MANY,
    ..reduction(
        "norm",
        "the Euclidean norm; its gradient at 0 is 0, so that penalties on norms stay finite",
        &[NO_DIM],
        &[
            value("3, 4, 5", "norm(tensor([3, 4])).item()", "5.0"),
            value("of each row", "norm(tensor([[3, 4], [0, 2]]), #{ dim: 1 }).to_array()", "[5.0, 2.0]"),
        ],
        |call| {
            let r = Reduction::read(call)?;
            r.x.norm(&r.dims, r.keep).map(wrap)
        },
    )
};

/// The record of a function along one dim that leaves the shape.
const fn along(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry {
        params: const { &[X.param()] },
        options: const { &[ONE_DIM.opt()] },
        shapes: "as x",
        ..reduction(name, summary, &[NO_DIM], examples, call)
    }
}

fn run_along(call: &Call, f: fn(&Tensor, isize) -> Result<Tensor>) -> Result<Dynamic> {
    let (x, dim) = (X.of(call)?, ONE_DIM.of(call)?);
    check_dims(call.entry.name, &x, &[dim])?;
    f(&x, dim).map(wrap)
}

static SOFTMAX: Entry = along(
    "softmax",
    "eˣ / Σ eˣ along a dim: logits as probabilities, without overflow",
    &[value("equal logits", "softmax(tensor([5, 5])).to_array()", "[0.5, 0.5]")],
    |call| run_along(call, Tensor::softmax),
);

static LOG_SOFTMAX: Entry = along(
    "log_softmax",
    "x − log Σ eˣ along a dim: the logarithm of `softmax`, without overflow",
    &[value("far apart", "log_softmax(tensor([0, -1000])).to_array()", "[0.0, -1000.0]")],
    |call| run_along(call, Tensor::log_softmax),
);

static CUMSUM: Entry = along(
    "cumsum",
    "running sums along a dim",
    &[value("a row", "cumsum(tensor([1, 2, 3])).to_array()", "[1.0, 3.0, 6.0]")],
    |call| run_along(call, Tensor::cumsum),
);

static CUMPROD: Entry = along(
    "cumprod",
    "running products along a dim; their gradients are right at zeros, too",
    &[
        value("factorials", "cumprod(tensor([1, 2, 3, 4])).to_array()", "[1.0, 2.0, 6.0, 24.0]"),
        value(
            "whole numbers stay whole",
            "cumprod(int([[2, 3], [4, 5]]), #{ dim: 0 }).to_array()",
            "[[2, 3], [8, 15]]",
        ),
        value(
            "the gradient at a zero",
            "let x = tensor([2, 0, 3]); grad(sum(cumprod(x)), x).to_array()",
            "[1.0, 8.0, 0.0]",
        ),
        fails("no such dim", "cumprod(ones([2]), #{ dim: 1 })", "there is no dim 1 in shape [2]"),
    ],
    |call| run_along(call, Tensor::cumprod),
);

static PROD: Entry = Entry {
    params: MANY,
    ..reduction(
        "prod",
        "the product of the elements",
        &[NO_DIM],
        &[
            value("four factorial", "prod(tensor([1, 2, 3, 4])).item()", "24.0"),
            value("of each column", "prod(tensor([[2, 3], [4, 5]]), #{ dim: 0 }).to_array()", "[8.0, 15.0]"),
        ],
        |call| {
            let r = Reduction::read(call)?;
            r.x.prod_dims(&r.dims, r.keep).map(wrap)
        },
    )
};

/// The record of a test of all elements.
const fn test(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    call: fn(&mut Call) -> Result<Dynamic>,
) -> Entry {
    Entry { options: &[], returns: Ty::Bool, shapes: "", ..reduction(name, summary, &[], examples, call) }
}

static ALL: Entry = test(
    "all",
    "whether every element is true (not 0)",
    &[value("a bound", "all(tensor([1, 2]) > 0)", "true")],
    |call| super::value::item(&MANY_X.of(call)?.truth(true)),
);

static ANY: Entry = test(
    "any",
    "whether some element is true (not 0)",
    &[value("a NaN among them", "let x = log(tensor([-1, 1])); any(x != x)", "true")],
    |call| super::value::item(&MANY_X.of(call)?.truth(false)),
);

const MOMENTS_DIMS: Maybe<Vec<isize>> = param("dims", types::DIMS, "a dim, or an array of dims").maybe("all");
static MOMENTS: Entry = Entry {
    name: "moments",
    group: "reduction",
    summary: "mean and population variance along dims, as differentiable values",
    params: &[X.param(), MOMENTS_DIMS.param()],
    options: &[KEEPDIM.opt()],
    returns: Ty::Map,
    shapes: "#{ mean, var }, each shaped as `mean(x, #{ dim: dims })`",
    errors: &[NO_DIM, EMPTY],
    examples: &[
        value("the mean", "moments(tensor([1, 3])).mean.item()", "2.0"),
        value("the variance", "moments(tensor([1, 3])).var.item()", "1.0"),
        value("of each channel", "moments(ones([8, 3, 4, 4]), [0, 2, 3]).mean.shape", "[3]"),
    ],
    call: |call| {
        let x = X.of(call)?;
        let dims = MOMENTS_DIMS.of(call)?.unwrap_or_else(|| x.all_dims());
        check_dims("moments", &x, &dims)?;
        let keep = KEEPDIM.of(call)?;
        let mut out = Map::new();
        out.insert("mean".into(), wrap(x.mean_dims(&dims, keep)?));
        out.insert("var".into(), wrap(x.var_dims(&dims, keep, 0)?));
        Ok(out.into())
    },
    ..ENTRY
};
