//! The kind `optimizer`, and what makes one.

use super::value::params_of;
use crate::cite;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Field, KIND, Kind, Maybe, Param, Ty, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_nn::optim::{Adagrad, Adam, Algorithm, Optimizer, RmsProp, Sgd};
use saddle_nn::schedule::Schedule;
use saddle_session::output::Bundle;
use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&SGD, &ADAM, &ADAMW, &RMSPROP, &ADAGRAD];

/// A handle to an optimizer. Clones are the same optimizer.
#[derive(Clone)]
pub(crate) struct Handle(pub Rc<RefCell<Optimizer>>);

pub static OPTIMIZER: Kind = Kind {
    name: "optimizer",
    summary: "changes a network's parameters along gradients",
    id: || TypeId::of::<Handle>(),
    show: |v| Bundle::text(v.read_lock::<Handle>().map(|h| describe(&h.0.borrow())).unwrap_or_default()),
    fields: &[Field {
        name: "lr",
        ty: Ty::Number,
        doc: "the learning rate of the next step",
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
            format!("{name}(lr {}, betas [{}, {}])", a.lr, a.betas[0], a.betas[1])
        }
        Algorithm::RmsProp(r) => format!("rmsprop(lr {}, alpha {})", r.lr, r.alpha),
        Algorithm::Adagrad(a) => format!("adagrad(lr {})", a.lr),
    };
    let falls = o.lr_schedule().map_or(String::new(), |s| format!(", lr by {}", super::schedule::describe(&s)));
    format!("{settings} over {} parameter tensors{falls}", o.len())
}

pub(super) const OPTIMIZER_TY: Ty = Ty::Of("optimizer");
const TARGET: Param<Dynamic> = param(
    "target",
    types::any(Ty::OneOf(&[Ty::Of("network"), Ty::Array])),
    "the network whose parameters it changes, or an array of networks",
);

const fn lr(default: f64) -> Param<f64> {
    param("lr", types::NUMBER, "learning rate, ≥ 0, or a schedule of it: linear_schedule(2e-4, 0, 10000)")
        .or(default)
        .accepting(SCHEDULED)
}

/// A number, or one for each step that the optimizer takes.
const SCHEDULED: Ty = Ty::OneOf(&[Ty::Number, Ty::Of("schedule")]);
/// Of sgd, rmsprop and adagrad.
const LR: Param<f64> = lr(0.01);
const ADAM_LR: Param<f64> = lr(ADAM_RATE);
/// Adam's learning rate where none is given.
pub(super) const ADAM_RATE: f64 = 0.001;
const MOMENTUM: Param<f64> = param("momentum", types::NUMBER, "how much of the last step goes on, or a schedule of it")
    .or(0.0)
    .accepting(SCHEDULED);
const DAMPENING: Param<f64> = param("dampening", types::NUMBER, "how much less of the new gradient counts").or(0.0);
const NESTEROV: Param<bool> = param("nesterov", types::BOOL, "looks ahead along the momentum").or(false);
pub(super) const BETAS: Param<Vec<f64>> =
    param("betas", types::NUMBERS, "decay of the running mean and mean square; DCGAN: [0.5, 0.999]").or(&[0.9, 0.999]);
pub(super) const EPS: Param<f64> = param("eps", types::NUMBER, "added to the root of the mean square").or(1e-8);
const ADAGRAD_EPS: Param<f64> = param("eps", types::NUMBER, "added to the root").or(1e-10);
const ALPHA: Param<f64> = param("alpha", types::NUMBER, "decay of the running mean square").or(0.99);
const DECAY: Param<f64> = param("weight_decay", types::NUMBER, "weight of ½‖p‖² in the loss").or(0.0);
const ADAMW_DECAY: Param<f64> =
    param("weight_decay", types::NUMBER, "share of each parameter taken off, times lr").or(0.01);
const CLIP_NORM: Maybe<f64> =
    param("clip_norm", types::NUMBER, "gradients are scaled down to this joint norm").maybe("none");
const CLIP_VALUE: Maybe<f64> =
    param("clip_value", types::NUMBER, "every gradient element is cut to ± this").maybe("none");
const CLIP_WEIGHTS: Maybe<f64> =
    param("clip_weights", types::NUMBER, "every parameter is cut to ± this after a step (Arjovsky et al. 2017: 0.01)")
        .maybe("none");

/// The option as a schedule, where it is one. Within it every value has to be what the option takes.
fn schedule(call: &Call, setting: Param<f64>, most: f64) -> Result<Option<Schedule>> {
    let Some(schedule) = setting.given(call).and_then(|v| v.read_lock::<Schedule>()).map(|s| *s) else {
        return Ok(None);
    };
    let (first, last) = schedule.ends();
    match [first, last].into_iter().find(|v| !(0.0..=most).contains(v)) {
        None => Ok(Some(schedule)),
        Some(bad) => Err(Fault::value(format!("{}: {} must not reach {bad}", call.entry.name, setting.name()))
            .hint("a schedule runs from its first to its last value; exponential_schedule has the option limit")),
    }
}

/// A rate of the call, which is not negative; of a schedule the first.
fn rate(call: &Call, setting: Param<f64>) -> Result<f32> {
    match schedule(call, setting, f64::MAX)? {
        Some(schedule) => Ok(schedule.at(0.0) as f32),
        None => Ok(setting.not_negative(call)? as f32),
    }
}

/// An optimizer over the target's parameters, with the options that all have.
fn bound(call: &Call, rule: Algorithm, momentum: Option<Param<f64>>) -> Result<Dynamic> {
    let params = params_of(call.entry.name, TARGET.value(call))?;
    if params.is_empty() {
        return Err(Fault::value(format!("{}: the network has no parameters", call.entry.name)));
    }
    let mut optimizer = Optimizer::new(params, rule);
    let limit = |setting: Maybe<f64>| setting.not_negative(call).map(|limit| limit.map(|v| v as f32));
    optimizer.clip_norm = limit(CLIP_NORM)?;
    optimizer.clip_value = limit(CLIP_VALUE)?;
    optimizer.clip_weights = limit(CLIP_WEIGHTS)?;
    if let Some(schedule) = schedule(call, LR, f64::MAX)? {
        optimizer.schedule_lr(schedule);
    }
    if let Some(momentum) = momentum
        && let Some(schedule) = schedule(call, momentum, 1.0)?
    {
        optimizer.schedule_momentum(schedule);
    }
    Ok(Dynamic::from(Handle(Rc::new(RefCell::new(optimizer)))))
}

static SGD: Entry = Entry {
    name: "sgd",
    group: "optimizer",
    summary: "stochastic gradient descent, with momentum",
    params: &[TARGET.param()],
    options: &[
        LR.opt(),
        MOMENTUM.opt(),
        DAMPENING.opt(),
        NESTEROV.opt(),
        DECAY.opt(),
        CLIP_NORM.opt(),
        CLIP_VALUE.opt(),
        CLIP_WEIGHTS.opt(),
    ],
    returns: OPTIMIZER_TY,
    errors: &["a negative rate", "a target without parameters"],
    source: &[
        "formulas as in PyTorch; \"We used momentum in our experiments\" (",
        cite::GOODFELLOW_2014,
        ", Algorithm 1)",
    ],
    examples: &[
        value(
            "one step on w²",
            "let f = linear(1, 1, #{ bias: false, init: constant(1) });\nlet opt = sgd(f, #{ lr: 0.1 });\nlet w = f(ones([1, 1]));\nopt.descend(sum(w * w));\nf.params()[0].item()",
            "0.800000011920929",
        ),
        fails("a mistyped option", "sgd(linear(1, 1), #{ learning_rate: 0.1 })", "unknown option `learning_rate`"),
    ],
    call: |call| {
        let (momentum, dampening, nesterov) = (rate(call, MOMENTUM)?, rate(call, DAMPENING)?, NESTEROV.of(call)?);
        // A schedule may begin at 0.
        let without = momentum == 0.0 && schedule(call, MOMENTUM, f64::MAX)?.is_none();
        if nesterov && (without || dampening != 0.0) {
            return Err(Fault::value(
                "sgd: nesterov looks ahead along a momentum: it needs one above 0, and no dampening",
            )
            .hint("sgd(net, #{ momentum: 0.9, nesterov: true })"));
        }
        bound(
            call,
            Algorithm::Sgd(Sgd {
                lr: rate(call, LR)?,
                momentum,
                dampening,
                weight_decay: rate(call, DECAY)?,
                nesterov,
            }),
            Some(MOMENTUM),
        )
    },
    ..ENTRY
};

fn adam_rule(call: &Call, decoupled: bool, decay: Param<f64>) -> Result<Algorithm> {
    let betas = match BETAS.of(call)?[..] {
        [a, b] if (0.0..1.0).contains(&a) && (0.0..1.0).contains(&b) => [a as f32, b as f32],
        ref other => {
            return Err(Fault::value(format!(
                "{}: betas must be two numbers in [0, 1), got {other:?}",
                call.entry.name
            )));
        }
    };
    Ok(Algorithm::Adam(Adam {
        lr: rate(call, ADAM_LR)?,
        betas,
        eps: rate(call, EPS)?,
        weight_decay: rate(call, decay)?,
        decoupled,
    }))
}

static ADAM: Entry = Entry {
    name: "adam",
    group: "optimizer",
    summary: "steps of a size that adapts to each parameter",
    params: &[TARGET.param()],
    options: &[
        ADAM_LR.opt(),
        BETAS.opt(),
        EPS.opt(),
        DECAY.opt(),
        CLIP_NORM.opt(),
        CLIP_VALUE.opt(),
        CLIP_WEIGHTS.opt(),
    ],
    returns: OPTIMIZER_TY,
    errors: &["a negative rate", "betas that are not two numbers in [0, 1)", "a target without parameters"],
    source: &[cite::KINGMA_2015],
    examples: &[
        value(
            "the first step has the size of the learning rate",
            "let f = linear(1, 1, #{ bias: false, init: constant(1) });\nlet opt = adam(f, #{ lr: 0.5 });\nopt.descend(sum(f(ones([1, 1]))));\nf.params()[0].item()",
            "0.5",
        ),
        value(
            "a learning rate that falls to 0, and that a checkpoint goes on with",
            "let f = linear(1, 1);\nlet opt = adam(f, #{ lr: linear_schedule(0.5, 0, 4) });\nfor _ in 0..2 { opt.descend(sum(f(ones([1, 1])))); }\nopt.lr",
            "0.25",
        ),
        fails("one beta", "adam(linear(1, 1), #{ betas: [0.5] })", "betas must be two numbers"),
    ],
    call: |call| bound(call, adam_rule(call, false, DECAY)?, None),
    ..ENTRY
};

static ADAMW: Entry = Entry {
    name: "adamw",
    group: "optimizer",
    summary: "adam with weight decay apart from the gradient",
    params: &[TARGET.param()],
    options: &[
        ADAM_LR.opt(),
        BETAS.opt(),
        EPS.opt(),
        ADAMW_DECAY.opt(),
        CLIP_NORM.opt(),
        CLIP_VALUE.opt(),
        CLIP_WEIGHTS.opt(),
    ],
    returns: OPTIMIZER_TY,
    errors: ADAM.errors,
    source: &[cite::LOSHCHILOV_2019],
    examples: &[runs("for a small network", "let opt = adamw(linear(2, 1), #{ lr: 1e-3 });")],
    call: |call| bound(call, adam_rule(call, true, ADAMW_DECAY)?, None),
    ..ENTRY
};

static RMSPROP: Entry = Entry {
    name: "rmsprop",
    group: "optimizer",
    summary: "gradients divided by a running root mean square",
    params: &[TARGET.param()],
    options: &[
        LR.opt(),
        ALPHA.opt(),
        EPS.opt(),
        MOMENTUM.opt(),
        DECAY.opt(),
        CLIP_NORM.opt(),
        CLIP_VALUE.opt(),
        CLIP_WEIGHTS.opt(),
    ],
    returns: OPTIMIZER_TY,
    errors: SGD.errors,
    source: &[cite::TIELEMAN_2012, "; the WGAN paper's choice"],
    examples: &[runs("for a critic", "let opt = rmsprop(linear(2, 1), #{ lr: 5e-5, clip_weights: 0.01 });")],
    call: |call| {
        let alpha = rate(call, ALPHA)?;
        if alpha >= 1.0 {
            return Err(Fault::value(format!("rmsprop: alpha must be in [0, 1), got {alpha}")));
        }
        bound(
            call,
            Algorithm::RmsProp(RmsProp {
                lr: rate(call, LR)?,
                alpha,
                eps: rate(call, EPS)?,
                momentum: rate(call, MOMENTUM)?,
                weight_decay: rate(call, DECAY)?,
            }),
            Some(MOMENTUM),
        )
    },
    ..ENTRY
};

static ADAGRAD: Entry = Entry {
    name: "adagrad",
    group: "optimizer",
    summary: "gradients divided by the root of the sum of their squares so far",
    params: &[TARGET.param()],
    options: &[LR.opt(), ADAGRAD_EPS.opt(), DECAY.opt(), CLIP_NORM.opt(), CLIP_VALUE.opt(), CLIP_WEIGHTS.opt()],
    returns: OPTIMIZER_TY,
    errors: SGD.errors,
    source: &[cite::DUCHI_2011],
    examples: &[runs("for a small network", "let opt = adagrad(linear(2, 1));")],
    call: |call| {
        bound(
            call,
            Algorithm::Adagrad(Adagrad {
                lr: rate(call, LR)?,
                eps: rate(call, ADAGRAD_EPS)?,
                weight_decay: rate(call, DECAY)?,
            }),
            None,
        )
    },
    ..ENTRY
};
