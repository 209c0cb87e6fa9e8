//! The kind `optimizer` and its steps.

use super::super::tensor::{fails, opt, param, runs, value, wrap_all};
use super::value::params_of;
use crate::catalog::{Call, ENTRY, Entry, Field, KIND, Kind, Opt, Param, Ty};
use crate::fault::{Fault, Result};
use crate::nn::optim::{Adagrad, Adam, Algorithm, Optimizer, RmsProp, Sgd};
use crate::output::Bundle;
use crate::tensor::Tensor;
use rhai::{Array, Dynamic};
use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[
    &SGD,
    &ADAM,
    &ADAMW,
    &RMSPROP,
    &ADAGRAD,
    &DESCEND,
    &ASCEND,
    &STEP,
    &SET_LR,
    &SET_MOMENTUM,
    &LOOKAHEAD,
];

/// A handle to an optimizer. Clones are the same optimizer.
#[derive(Clone)]
pub(in crate::words) struct Handle(pub Rc<RefCell<Optimizer>>);

pub static OPTIMIZER: Kind = Kind {
    name: "optimizer",
    summary: "changes a network's parameters along gradients",
    id: || TypeId::of::<Handle>(),
    show: |v| {
        Bundle::text(
            v.read_lock::<Handle>()
                .map(|h| describe(&h.0.borrow()))
                .unwrap_or_default(),
        )
    },
    fields: &[Field {
        name: "lr",
        ty: Ty::Number,
        doc: "the learning rate",
        get: |v| match v.read_lock::<Handle>() {
            Some(h) => Ok(tidy(h.0.borrow().rule.lr()).into()),
            None => Err(Fault::type_("this is not an optimizer")),
        },
    }],
    ..KIND
};

/// An f32 as the shortest decimal that means it, so that 2e-4 is shown as 0.0002.
fn tidy(v: f32) -> f64 {
    v.to_string().parse().unwrap_or(v as f64)
}

fn describe(o: &Optimizer) -> String {
    let settings = match o.rule {
        Algorithm::Sgd(s) => format!("sgd(lr {}, momentum {})", s.lr, s.momentum),
        Algorithm::Adam(a) => {
            let name = if a.decoupled { "adamw" } else { "adam" };
            format!(
                "{name}(lr {}, betas [{}, {}])",
                a.lr, a.betas[0], a.betas[1]
            )
        }
        Algorithm::RmsProp(r) => format!("rmsprop(lr {}, alpha {})", r.lr, r.alpha),
        Algorithm::Adagrad(a) => format!("adagrad(lr {})", a.lr),
    };
    format!("{settings} over {} parameter tensors", o.len())
}

const OPTIMIZER_TY: Ty = Ty::Of("optimizer");
const TARGET: Param = param(
    "target",
    Ty::OneOf(&[Ty::Of("network"), Ty::Array]),
    "the network whose parameters it changes, or an array of networks",
);
const DECAY: Opt = opt(
    "weight_decay",
    Ty::Number,
    "0",
    "weight of ½‖p‖² in the loss",
);
const CLIP_NORM: Opt = opt(
    "clip_norm",
    Ty::Number,
    "none",
    "gradients are scaled down to this joint norm",
);
const CLIP_VALUE: Opt = opt(
    "clip_value",
    Ty::Number,
    "none",
    "every gradient element is cut to ± this",
);
const CLIP_WEIGHTS: Opt = opt(
    "clip_weights",
    Ty::Number,
    "none",
    "every parameter is cut to ± this after a step (Arjovsky et al. 2017: 0.01)",
);

const fn lr(default: &'static str) -> Opt {
    opt("lr", Ty::Number, default, "learning rate, ≥ 0")
}

fn rate(call: &Call, key: &str, default: f64) -> Result<f32> {
    let v = call.options.number(key, default)?;
    if v < 0.0 || v.is_nan() {
        return Err(Fault::value(format!(
            "{}: {key} must not be negative, got {v}",
            call.entry.name
        )));
    }
    Ok(v as f32)
}

/// An optimizer over the target's parameters, with the options that all have.
fn bound(call: &Call, rule: Algorithm) -> Result<Dynamic> {
    let params = params_of(call.entry.name, call.args.any(0))?;
    if params.is_empty() {
        return Err(Fault::value(format!(
            "{}: the network has no parameters",
            call.entry.name
        )));
    }
    let mut optimizer = Optimizer::new(params, rule);
    let limit = |key: &str| {
        call.options
            .has(key)
            .then(|| rate(call, key, 0.0))
            .transpose()
    };
    optimizer.clip_norm = limit("clip_norm")?;
    optimizer.clip_value = limit("clip_value")?;
    optimizer.clip_weights = limit("clip_weights")?;
    Ok(Dynamic::from(Handle(Rc::new(RefCell::new(optimizer)))))
}

static SGD: Entry = Entry {
    name: "sgd",
    group: "optimizer",
    summary: "stochastic gradient descent, with momentum",
    params: &[TARGET],
    options: &[
        lr("0.01"),
        opt(
            "momentum",
            Ty::Number,
            "0",
            "how much of the last step goes on",
        ),
        opt(
            "dampening",
            Ty::Number,
            "0",
            "how much less of the new gradient counts",
        ),
        opt(
            "nesterov",
            Ty::Bool,
            "false",
            "looks ahead along the momentum",
        ),
        DECAY,
        CLIP_NORM,
        CLIP_VALUE,
        CLIP_WEIGHTS,
    ],
    returns: OPTIMIZER_TY,
    errors: &["a negative rate", "a target without parameters"],
    source: "formulas as in PyTorch; \"We used momentum in our experiments\" (Goodfellow et al. 2014, Algorithm 1)",
    examples: &[
        value(
            "one step on w²",
            "let f = linear(1, 1, #{ bias: false, init: constant(1) });\nlet opt = sgd(f, #{ lr: 0.1 });\nlet w = f(ones([1, 1]));\nopt.descend(sum(w * w));\nf.params()[0].item()",
            "0.800000011920929",
        ),
        fails(
            "a mistyped option",
            "sgd(linear(1, 1), #{ learning_rate: 0.1 })",
            "unknown option `learning_rate`",
        ),
    ],
    call: |call| {
        bound(
            call,
            Algorithm::Sgd(Sgd {
                lr: rate(call, "lr", 0.01)?,
                momentum: rate(call, "momentum", 0.0)?,
                dampening: rate(call, "dampening", 0.0)?,
                weight_decay: rate(call, "weight_decay", 0.0)?,
                nesterov: call.options.bool("nesterov", false)?,
            }),
        )
    },
    ..ENTRY
};

fn adam_rule(call: &Call, decoupled: bool, decay: f64) -> Result<Algorithm> {
    let betas = match call.options.numbers("betas")?.as_deref() {
        None => [0.9, 0.999],
        Some(&[a, b]) if (0.0..1.0).contains(&a) && (0.0..1.0).contains(&b) => [a as f32, b as f32],
        Some(other) => {
            return Err(Fault::value(format!(
                "{}: betas must be two numbers in [0, 1), got {other:?}",
                call.entry.name
            )));
        }
    };
    Ok(Algorithm::Adam(Adam {
        lr: rate(call, "lr", 1e-3)?,
        betas,
        eps: rate(call, "eps", 1e-8)?,
        weight_decay: rate(call, "weight_decay", decay)?,
        decoupled,
    }))
}

const BETAS: Opt = opt(
    "betas",
    Ty::Array,
    "[0.9, 0.999]",
    "decay of the running mean and mean square; DCGAN: [0.5, 0.999]",
);
const EPS: Opt = opt(
    "eps",
    Ty::Number,
    "1e-8",
    "added to the root of the mean square",
);

static ADAM: Entry = Entry {
    name: "adam",
    group: "optimizer",
    summary: "steps of a size that adapts to each parameter",
    params: &[TARGET],
    options: &[
        lr("0.001"),
        BETAS,
        EPS,
        DECAY,
        CLIP_NORM,
        CLIP_VALUE,
        CLIP_WEIGHTS,
    ],
    returns: OPTIMIZER_TY,
    errors: &[
        "a negative rate",
        "betas that are not two numbers in [0, 1)",
        "a target without parameters",
    ],
    source: "Kingma and Ba 2015",
    examples: &[
        value(
            "the first step has the size of the learning rate",
            "let f = linear(1, 1, #{ bias: false, init: constant(1) });\nlet opt = adam(f, #{ lr: 0.5 });\nopt.descend(sum(f(ones([1, 1]))));\nf.params()[0].item()",
            "0.5",
        ),
        fails(
            "one beta",
            "adam(linear(1, 1), #{ betas: [0.5] })",
            "betas must be two numbers",
        ),
    ],
    call: |call| bound(call, adam_rule(call, false, 0.0)?),
    ..ENTRY
};

static ADAMW: Entry = Entry {
    name: "adamw",
    group: "optimizer",
    summary: "adam with weight decay apart from the gradient",
    params: &[TARGET],
    options: &[
        lr("0.001"),
        BETAS,
        EPS,
        opt(
            "weight_decay",
            Ty::Number,
            "0.01",
            "share of each parameter taken off, times lr",
        ),
        CLIP_NORM,
        CLIP_VALUE,
        CLIP_WEIGHTS,
    ],
    returns: OPTIMIZER_TY,
    errors: ADAM.errors,
    source: "Loshchilov and Hutter 2019",
    examples: &[runs(
        "for a small network",
        "let opt = adamw(linear(2, 1), #{ lr: 1e-3 });",
    )],
    call: |call| bound(call, adam_rule(call, true, 0.01)?),
    ..ENTRY
};

static RMSPROP: Entry = Entry {
    name: "rmsprop",
    group: "optimizer",
    summary: "gradients divided by a running root mean square",
    params: &[TARGET],
    options: &[
        lr("0.01"),
        opt(
            "alpha",
            Ty::Number,
            "0.99",
            "decay of the running mean square",
        ),
        EPS,
        opt(
            "momentum",
            Ty::Number,
            "0",
            "how much of the last step goes on",
        ),
        DECAY,
        CLIP_NORM,
        CLIP_VALUE,
        CLIP_WEIGHTS,
    ],
    returns: OPTIMIZER_TY,
    errors: SGD.errors,
    source: "Tieleman and Hinton 2012; the WGAN paper's choice",
    examples: &[runs(
        "for a critic",
        "let opt = rmsprop(linear(2, 1), #{ lr: 5e-5, clip_weights: 0.01 });",
    )],
    call: |call| {
        bound(
            call,
            Algorithm::RmsProp(RmsProp {
                lr: rate(call, "lr", 0.01)?,
                alpha: rate(call, "alpha", 0.99)?,
                eps: rate(call, "eps", 1e-8)?,
                momentum: rate(call, "momentum", 0.0)?,
                weight_decay: rate(call, "weight_decay", 0.0)?,
            }),
        )
    },
    ..ENTRY
};

static ADAGRAD: Entry = Entry {
    name: "adagrad",
    group: "optimizer",
    summary: "gradients divided by the root of the sum of their squares so far",
    params: &[TARGET],
    options: &[
        lr("0.01"),
        opt("eps", Ty::Number, "1e-10", "added to the root"),
        DECAY,
        CLIP_NORM,
        CLIP_VALUE,
        CLIP_WEIGHTS,
    ],
    returns: OPTIMIZER_TY,
    errors: SGD.errors,
    source: "Duchi et al. 2011",
    examples: &[runs(
        "for a small network",
        "let opt = adagrad(linear(2, 1));",
    )],
    call: |call| {
        bound(
            call,
            Algorithm::Adagrad(Adagrad {
                lr: rate(call, "lr", 0.01)?,
                eps: rate(call, "eps", 1e-10)?,
                weight_decay: rate(call, "weight_decay", 0.0)?,
            }),
        )
    },
    ..ENTRY
};

const SELF: Param = param("optimizer", OPTIMIZER_TY, "the optimizer");
const STEP_ERRORS: &[&str] = &[
    "a loss that is not a single number",
    "a loss that does not depend on the parameters",
    "a loss that is NaN",
];

fn minimise(call: &Call, ascend: bool) -> Result<Dynamic> {
    let handle: Handle = call.args.get(0)?;
    let loss: Tensor = call.args.get(1)?;
    handle.0.borrow_mut().minimise(&loss, ascend)?;
    Ok(Dynamic::UNIT)
}

static DESCEND: Entry = Entry {
    name: "descend",
    group: "optimizer",
    summary: "one step that makes the loss smaller",
    params: &[
        SELF,
        param(
            "loss",
            Ty::Tensor,
            "a single number that depends on the parameters",
        ),
    ],
    errors: STEP_ERRORS,
    source: "Algorithm 1: \"update the generator by descending its stochastic gradient\"",
    examples: &[
        runs(
            "G's step",
            "let G = linear(2, 1);\nlet opt_G = adam(G);\nopt_G.descend(mean(G(randn([8, 2]))));",
        ),
        fails(
            "a batch of losses",
            "let G = linear(2, 1);\nadam(G).descend(G(randn([8, 2])))",
            "needs a single number",
        ),
        fails(
            "NaN",
            "let G = linear(1, 1);\nadam(G).descend(log(-1 - mean(G(ones([1, 1])) ** 2)))",
            "the loss is NaN",
        ),
    ],
    call: |call| minimise(call, false),
    ..ENTRY
};

static ASCEND: Entry = Entry {
    name: "ascend",
    group: "optimizer",
    summary: "one step that makes the value larger",
    params: &[
        SELF,
        param(
            "value",
            Ty::Tensor,
            "a single number that depends on the parameters",
        ),
    ],
    errors: STEP_ERRORS,
    source: "Algorithm 1: \"update the discriminator by ascending its stochastic gradient\"",
    examples: &[value(
        "up along w",
        "let f = linear(1, 1, #{ bias: false, init: constant(1) });\nsgd(f, #{ lr: 0.5 }).ascend(sum(f(ones([1, 1]))));\nf.params()[0].item()",
        "1.5",
    )],
    call: |call| minimise(call, true),
    ..ENTRY
};

static STEP: Entry = Entry {
    name: "step",
    group: "optimizer",
    summary: "one step against given gradients",
    params: &[
        SELF,
        param(
            "grads",
            Ty::Array,
            "one tensor for each parameter, in the order of params()",
        ),
    ],
    errors: &["another number of gradients", "a gradient of another shape"],
    examples: &[value(
        "a gradient by hand",
        "let f = linear(1, 1, #{ bias: false, init: constant(1) });\nsgd(f, #{ lr: 0.5 }).step([tensor([[1]])]);\nf.params()[0].item()",
        "0.5",
    )],
    call: |call| {
        let handle: Handle = call.args.get(0)?;
        handle.0.borrow_mut().step(tensors(call, 1)?)?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

pub(super) fn tensors(call: &Call, i: usize) -> Result<Vec<Tensor>> {
    let array: Array = call.args.array(i)?;
    let wrong = || {
        Fault::type_(format!(
            "{}: {} must be an array of tensors",
            call.entry.name, call.entry.params[i].name
        ))
    };
    array
        .into_iter()
        .map(|v| v.try_cast::<Tensor>().ok_or_else(wrong))
        .collect()
}

static SET_LR: Entry = Entry {
    name: "set_lr",
    group: "optimizer",
    summary: "sets the learning rate from the next step on",
    params: &[SELF, param("lr", Ty::Number, "the learning rate, ≥ 0")],
    errors: &["a negative rate"],
    examples: &[value(
        "halved",
        "let opt = adam(linear(1, 1), #{ lr: 0.5 });\nopt.set_lr(opt.lr / 2);\nopt.lr",
        "0.25",
    )],
    call: |call| {
        let lr = call.args.number(1)?;
        if lr < 0.0 || lr.is_nan() {
            return Err(Fault::value(format!(
                "set_lr: lr must not be negative, got {lr}"
            )));
        }
        let handle: Handle = call.args.get(0)?;
        handle.0.borrow_mut().rule.set_lr(lr as f32);
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static SET_MOMENTUM: Entry = Entry {
    name: "set_momentum",
    group: "optimizer",
    summary: "sets the momentum (of adam: the first beta) from the next step on",
    params: &[SELF, param("momentum", Ty::Number, "in [0, 1)")],
    errors: &["a value outside [0, 1)", "an optimizer without momentum"],
    source: "the 2014 recipe raises it from .5 to .7",
    examples: &[runs(
        "a ramp",
        "let opt = sgd(linear(1, 1), #{ momentum: 0.5 });\nfor epoch in 1..=3 { opt.set_momentum(0.5 + 0.2 * epoch / 3); }",
    )],
    call: |call| {
        let momentum = call.args.number(1)?;
        if !(0.0..1.0).contains(&momentum) {
            return Err(Fault::value(format!(
                "set_momentum: momentum must be in [0, 1), got {momentum}"
            )));
        }
        let handle: Handle = call.args.get(0)?;
        if !handle.0.borrow_mut().rule.set_momentum(momentum as f32) {
            return Err(Fault::value("set_momentum: adagrad has no momentum"));
        }
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static LOOKAHEAD: Entry = Entry {
    name: "lookahead",
    group: "optimizer",
    summary: "the parameters that descend(loss) would give, without a step being taken: the first half of an extragradient step",
    params: &[
        SELF,
        param(
            "loss",
            Ty::Tensor,
            "a single number that depends on the parameters",
        ),
    ],
    returns: Ty::Array,
    errors: STEP_ERRORS,
    source: "Korpelevich 1976; Gidel et al. 2019",
    examples: &[value(
        "an extragradient step in the game x·y, from (1, 1): nearer to (0, 0), where plain descent goes away",
        "let x = network(#{ v: tensor(1.0) }, |net| net.v); let y = x.copy();
let opt_x = sgd(x, #{ lr: 0.5 }); let opt_y = sgd(y, #{ lr: 0.5 });
let V = x() * y();
let x2 = x.with(opt_x.lookahead(V)); let y2 = y.with(opt_y.lookahead(-V));
let V2 = x2() * y2();
opt_x.step(grad(V2, x2)); opt_y.step(grad(-V2, y2));
[x.v.item(), y.v.item()]",
        "[0.25, 1.25]",
    )],
    call: |call| {
        let handle: Handle = call.args.get(0)?;
        let loss: Tensor = call.args.get(1)?;
        let values = handle.0.borrow().lookahead(&loss)?;
        Ok(wrap_all(values))
    },
    ..ENTRY
};
