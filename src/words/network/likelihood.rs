//! Models whose likelihood can be computed: the masks of an autoregressive net, the coupling of a flow, the partition
//! function of a Boltzmann machine.

use crate::cite;
use crate::convert::{coerce, wrap, wrap_all};
use crate::types;
use rhai::{Array, Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, fails, param, shape, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Dtype, Tensor, check_shape, no_grad, random, shown};

pub static ENTRIES: &[&Entry] = &[&MADE_MASKS, &AFFINE_COUPLING, &AIS];

const ORDER: Param<Tensor> = param(
    "order",
    types::WHOLE,
    "the inputs in the order in which they are predicted, the first one first: a permutation of 0, 1, …",
);

const HIDDEN: Param<Array> = param("hidden", types::ARRAY, "units of each hidden layer, at least one layer");
static MADE_MASKS: Entry = Entry {
    name: "made_masks",
    group: "layer",
    summary: "masks for the layers of an autoregressive net: each output sees only the inputs before it in the order",
    params: &[ORDER.param(), HIDDEN.param()],
    returns: Ty::Array,
    shapes: "order [d], hidden [h₁, …, h_k] → masks [h₁, d], …, [h_k, h_(k−1)], [d, h_k], each for a masked_linear",
    errors: &["an order that is no permutation", "no hidden layer, or one without units"],
    source: &[
        cite::GERMAIN_2015,
        " (MADE), equations 12 and 13; a hidden unit's degree is drawn from the smallest below it to d − 1",
    ],
    examples: &[
        value("shapes", "made_masks([2, 0, 1], [5]).map(|m| m.shape)", "[[5, 3], [3, 5]]"),
        value(
            "the first in the order sees nothing, none sees itself",
            "let m = made_masks([2, 0, 1], [64, 64]); let sees = sign(m[2] @ m[1] @ m[0]); sees.to_array()",
            "[[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]",
        ),
        fails("no permutation", "made_masks([0, 2, 2], [8])", "place 1 is missing"),
        fails("no hidden layer", "made_masks([0, 1], [])", "at least one hidden layer"),
    ],
    call: |call| made_masks(call).map(wrap_all),
    ..ENTRY
};

fn made_masks(call: &Call) -> Result<Vec<Tensor>> {
    let order = ORDER.of(call)?;
    let rank = positions(&order)?;
    let hidden = shape(HIDDEN.value(call)).ok_or_else(|| {
        Fault::type_("made_masks: hidden must be an array of whole numbers, one for each hidden layer")
            .hint("such as [500] or [500, 500]")
    })?;
    if hidden.is_empty() || hidden.contains(&0) {
        return Err(Fault::value("made_masks: there must be at least one hidden layer, each with at least one unit")
            .hint("such as [500] or [500, 500]"));
    }
    for (i, &units) in hidden.iter().enumerate() {
        check_shape("made_masks", &[units, if i == 0 { rank.len() } else { hidden[i - 1] }])?;
    }
    check_shape("made_masks", &[rank.len(), hidden[hidden.len() - 1]])?;
    let at = order.device();
    let mask = |to: &[i64], from: &[i64], sees: fn(i64, i64) -> bool| {
        let all = to.iter().flat_map(|&t| from.iter().map(move |&f| if sees(t, f) { 1.0 } else { 0.0 }));
        Tensor::from_floats(all.collect(), &[to.len(), from.len()], &at)
    };
    let last = rank.len() as i64 - 1;
    let mut masks = Vec::with_capacity(hidden.len() + 1);
    let mut below = rank.clone();
    for &units in &hidden {
        let lowest = below.iter().copied().min().unwrap_or(1);
        let drawn = random::integers(lowest, last.max(lowest) + 1, &[units]).to_floats()?;
        let degrees: Vec<i64> = drawn.into_iter().map(|v| v as i64).collect();
        masks.push(mask(&degrees, &below, |to, from| to >= from));
        below = degrees;
    }
    masks.push(mask(&rank, &below, |to, from| to > from));
    Ok(masks)
}

/// For each place its rank in the order, from 1.
fn positions(order: &Tensor) -> Result<Vec<i64>> {
    let wrong = |why: String| {
        Fault::value(format!("made_masks: the order must be a permutation of 0, 1, …: {why}"))
            .hint("arange(d) is reading order, permutation(d) a random one; any other would let a place see itself")
    };
    if order.rank() != 1 || order.is_empty() {
        return Err(wrong(format!("its shape is {}", shown(&order.shape()))));
    }
    let places = order.to_floats()?;
    let mut ranks = vec![0; places.len()];
    for (rank, &place) in places.iter().enumerate() {
        match ranks.get_mut(place as usize) {
            Some(slot) if place >= 0.0 => *slot = rank as i64 + 1,
            _ => return Err(wrong(format!("{place} is no place of {}", places.len()))),
        }
    }
    match ranks.iter().position(|&rank| rank == 0) {
        Some(place) => Err(wrong(format!("place {place} is missing"))),
        None => Ok(ranks),
    }
}

const X: Param<Tensor> = param("x", types::TENSOR, "[n, d]");
const MASK: Param<Dynamic> = param(
    "mask",
    types::any(Ty::OneOf(&[Ty::Tensor, Ty::Array])),
    "[d]: 1 where x is kept and seen by f, 0 where it is changed",
);
const F: Param<Dynamic> = param(
    "f",
    types::any(Ty::OneOf(&[Ty::Function, Ty::Of("network")])),
    "from [n, d], zero where x is changed, to [n, 2·d]: the logarithms of the scales s, then the shifts t",
);
const INVERSE: Param<bool> = param("inverse", types::BOOL, "undoes the step: (y − t)·exp(−s)").or(false);
const BOUND: Param<f64> =
    param("bound", types::NUMBER, "log-scales are kept within ± this by tanh, so that the way back stays accurate")
        .or(2.0);
static AFFINE_COUPLING: Entry = Entry {
    name: "affine_coupling",
    group: "layer",
    summary: "a step of a flow that can be undone: what the mask keeps decides by f how the rest is scaled and shifted",
    params: &[X.param(), MASK.param(), F.param()],
    options: &[INVERSE.opt(), BOUND.opt()],
    returns: Ty::Map,
    shapes: "[n, d] → y: [n, d], log_det: [n], log |det dy/dx| = Σ s",
    errors: &[
        "a mask of another length, or with something else than 0 and 1, or that keeps everything: not invertible, or no change",
        "f giving another shape",
        "a bound that is not above 0",
    ],
    source: &[cite::DINH_2017, " (Real NVP), equations 4 to 9"],
    examples: &[
        value(
            "there and back",
            "let f = linear(2, 4); let x = randn([5, 2]);\nlet y = affine_coupling(x, [1, 0], f).y;\nlet back = affine_coupling(y, [1, 0], f, #{ inverse: true }).y;\nmax(abs(back - x)).item() < 1e-5",
            "true",
        ),
        value(
            "shifted by what is kept",
            "affine_coupling(tensor([[3, 1]]), [1, 0], |x| cat([x * 0, x.flip(1)], #{ dim: 1 })).y.to_array()",
            "[[3.0, 4.0]]",
        ),
        fails("half kept", "affine_coupling(ones([1, 2]), [1, 0.5], linear(2, 4))", "it cannot be undone"),
        fails("nothing changed", "affine_coupling(ones([1, 2]), [1, 1], linear(2, 4))", "keeps everything"),
        fails("no shifts", "affine_coupling(ones([3, 2]), [1, 0], linear(2, 2))", "f must give [3, 4]"),
    ],
    call: |call| affine_coupling(call),
};

fn affine_coupling(call: &Call) -> Result<Dynamic> {
    let x = X.of(call)?;
    let &[n, d] = &x.shape()[..] else {
        return Err(Fault::shape(format!("affine_coupling: x must be [n, d], got {}", shown(&x.shape())))
            .hint("x.flatten(1) makes rows of images"));
    };
    let mask = coerce(MASK.value(call), &x.device())?.ok_or_else(|| MASK.wrong(call))?.cast(Dtype::F32);
    kept(&mask, d)?;
    let bound = BOUND.of(call)? as f32;
    if bound.is_nan() || bound <= 0.0 {
        return Err(Fault::value(format!("affine_coupling: bound must be above 0, got {bound}")));
    }
    let given = call.apply(F.value(call), vec![wrap(x.mul(&mask)?)])?;
    let given = given.read_lock::<Tensor>().map(|t| t.clone());
    let given = given.ok_or_else(|| Fault::type_("affine_coupling: f must give a tensor"))?;
    if given.shape()[..] != [n, 2 * d] {
        return Err(Fault::shape(format!(
            "affine_coupling: f must give [{n}, {}], the log-scales and then the shifts; it gave {}",
            2 * d,
            shown(&given.shape())
        )));
    }
    let changed = mask.neg()?.add_scalar(1.0)?;
    let s = given.narrow(1, 0..d)?.mul_scalar(1.0 / bound)?.tanh()?.mul_scalar(bound)?.mul(&changed)?;
    let t = given.narrow(1, d..2 * d)?.mul(&changed)?;
    let log_det = s.sum_dims(&[1], false)?;
    let (y, log_det) = match INVERSE.of(call)? {
        false => (x.mul(&s.exp()?)?.add(&t)?, log_det),
        true => (x.sub(&t)?.mul(&s.neg()?.exp()?)?, log_det.neg()?),
    };
    let mut map = Map::new();
    map.insert("y".into(), wrap(y));
    map.insert("log_det".into(), wrap(log_det));
    Ok(map.into())
}

/// A mask under which a coupling can be undone.
fn kept(mask: &Tensor, d: usize) -> Result<()> {
    if mask.shape()[..] != [d] {
        return Err(Fault::shape(format!("affine_coupling: the mask must be [{d}], got {}", shown(&mask.shape()))));
    }
    let values = mask.to_floats()?;
    if let Some(i) = values.iter().position(|&v| v != 0.0 && v != 1.0) {
        return Err(Fault::value(format!(
            "affine_coupling: element {i} of the mask is {}: what is both seen by f and changed makes a step of which it cannot be \
             known how it is to be undone, so it cannot be undone",
            values[i]
        ))
        .hint("each element is 1 (kept) or 0 (changed)"));
    }
    match values.contains(&0.0) {
        true => Ok(()),
        false => Err(Fault::value("affine_coupling: the mask keeps everything, so nothing is changed")
            .hint("masks of a flow take turns: [1, 0], then [0, 1]")),
    }
}

const W: Param<Tensor> = param("W", types::TENSOR, "[hidden, visible]");
const B: Param<Tensor> =
    param("b", types::TENSOR, "[visible]: biases of the visible units, which the chains start from");
const C: Param<Tensor> = param("c", types::TENSOR, "[hidden]: biases of the hidden units");
const STEPS: Param<usize> =
    param("steps", types::SIZE, "steps of Gibbs sampling, each at a little lower temperature: at least 1").or(1000);
const CHAINS: Param<usize> = param("chains", types::SIZE, "independent chains: at least 2").or(100);
static AIS: Entry = Entry {
    name: "ais",
    group: "metric",
    summary: "the logarithm of the partition function of a restricted Boltzmann machine by annealed importance sampling, with its \
              standard error",
    params: &[W.param(), B.param(), C.param()],
    options: &[STEPS.opt(), CHAINS.opt()],
    returns: Ty::Map,
    shapes: "W [h, v], b [v], c [h] → log_z: number, se: number; p(v) = exp(b·v + Σ softplus(W v + c)) / Z",
    errors: &[
        "no step: a chain of length 0",
        "fewer than 2 chains",
        "shapes that do not fit, or values that are not finite",
    ],
    source: &[cite::NEAL_2001, "; ", cite::SALAKHUTDINOV_2008, ", whose base rate model has the visible biases alone"],
    examples: &[
        value(
            "units that do not see each other: Z = 2^(2 + 3)",
            "let z = ais(zeros([3, 2]), zeros([2]), zeros([3]), #{ steps: 1 });\nabs(z.log_z - 5 * log(2)) < 1e-6",
            "true",
        ),
        fails(
            "a chain of length 0",
            "ais(zeros([3, 2]), zeros([2]), zeros([3]), #{ steps: 0 })",
            "a chain of length 0",
        ),
        fails("shapes", "ais(zeros([2, 3]), zeros([2]), zeros([3]))", "W must be [3, 2], got [2, 3]"),
    ],
    call: |call| no_grad(|| ais(call)),
};

fn ais(call: &Call) -> Result<Dynamic> {
    let (w, b, c) = (W.of(call)?, B.of(call)?, C.of(call)?);
    let (steps, chains) = (STEPS.of(call)?, CHAINS.of(call)?);
    if steps == 0 {
        return Err(Fault::value("ais: steps is 0: a chain of length 0 estimates nothing").hint("steps: 1000 is usual"));
    }
    if chains < 2 {
        return Err(Fault::value(format!("ais: a standard error needs at least 2 chains, got {chains}")));
    }
    if b.rank() != 1 || c.rank() != 1 || w.shape()[..] != [c.len(), b.len()] {
        return Err(Fault::shape(format!("ais: W must be [{}, {}], got {}", c.len(), b.len(), shown(&w.shape())))
            .hint("W is [hidden, visible], b [visible], c [hidden], as weight, and bias of linear(visible, hidden)"));
    }
    check_shape("ais", &[chains, b.len().max(c.len())])?;
    for (name, t) in [("W", &w), ("b", &b), ("c", &c)] {
        if t.to_floats()?.iter().any(|v| !v.is_finite()) {
            return Err(Fault::value(format!("ais: {name} holds a value that is not finite")));
        }
    }
    let toss = |p: &Tensor| random::uniform(&p.shape()).to_device(&p.device()).lt(p).map(|t| t.cast(Dtype::F32));
    let start = b.sigmoid()?.broadcast_to(&[chains, b.len()])?;
    let mut v = toss(&start)?;
    let mut log_weights = vec![0.0f64; chains];
    for k in 0..steps {
        call.host.check_interrupt()?;
        let (now, next) = (k as f32 / steps as f32, (k + 1) as f32 / steps as f32);
        let field = v.linear(&w, Some(&c))?;
        let free = |beta: f32| field.mul_scalar(beta)?.softplus()?.sum_dims(&[1], false)?.to_floats();
        for ((log, after), before) in log_weights.iter_mut().zip(free(next)?).zip(free(now)?) {
            *log += f64::from(after) - f64::from(before);
        }
        let h = toss(&field.mul_scalar(next)?.sigmoid()?)?;
        v = toss(&h.matmul(&w)?.mul_scalar(next)?.add(&b)?.sigmoid()?)?;
    }
    let base: f32 = b.softplus()?.to_floats()?.iter().sum();
    let base = f64::from(base) + c.len() as f64 * std::f64::consts::LN_2;
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ratios: Vec<f64> = log_weights.iter().map(|log| (log - top).exp()).collect();
    let n = chains as f64;
    let mean = ratios.iter().sum::<f64>() / n;
    let variance = ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let mut map = Map::new();
    map.insert("log_z".into(), (base + top + mean.ln()).into());
    // Of the logarithm of a mean, to first order.
    map.insert("se".into(), (variance.sqrt() / mean / n.sqrt()).into());
    Ok(map.into())
}
