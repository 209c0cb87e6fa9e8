//! Steps of optimizers, and their settings while they run.

use super::super::world;
use super::optimizer::Handle;
use crate::cite;
use crate::convert::wrap_all;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&DESCEND, &ASCEND, &STEP, &LOOKAHEAD, &SET_LR, &SET_MOMENTUM];

const SELF: Param<Handle> = param("optimizer", types::OPTIMIZER, "the optimizer");
const STEP_ERRORS: &[&str] = &[
    "a loss that is not a single number",
    "a loss that does not depend on the parameters",
    "a loss that is NaN, on the processor; a graphics processor is not made to wait for the question",
];

fn minimise(call: &Call, loss: Param<Tensor>, ascend: bool) -> Result<Dynamic> {
    let loss = loss.of(call)?;
    world::minimise(call, &mut SELF.of(call)?.0.borrow_mut(), &loss, ascend)?;
    Ok(Dynamic::UNIT)
}

const LOSS: Param<Tensor> = param("loss", types::TENSOR, "a single number that depends on the parameters");
static DESCEND: Entry = Entry {
    name: "descend",
    group: "optimizer",
    summary: "one step that makes the loss smaller; under `mpirun` along the mean of all ranks' gradients. A parameter that \
              the loss does not depend on stays, with its momentum and without decay: for R1 that is every bias with \
              nothing curved behind it; PyTorch has zeros for some of these and moves them",
    params: &[SELF.param(), LOSS.param()],
    errors: STEP_ERRORS,
    source: &["Algorithm 1: \"update the generator by descending its stochastic gradient\""],
    examples: &[
        runs("G's step", "let G = linear(2, 1);\nlet opt_G = adam(G);\nopt_G.descend(mean(G(randn([8, 2]))));"),
        fails("a batch of losses", "let G = linear(2, 1);\nadam(G).descend(G(randn([8, 2])))", "needs a single number"),
        fails("NaN", "let G = linear(1, 1);\nadam(G).descend(log(-1 - mean(G(ones([1, 1])) ** 2)))", "the loss is NaN"),
    ],
    call: |call| minimise(call, LOSS, false),
    ..ENTRY
};

const VALUE: Param<Tensor> = param("value", types::TENSOR, "a single number that depends on the parameters");
static ASCEND: Entry = Entry {
    name: "ascend",
    group: "optimizer",
    summary: "one step that makes the value larger; under `mpirun` along the mean of all ranks' gradients",
    params: &[SELF.param(), VALUE.param()],
    errors: STEP_ERRORS,
    source: &["Algorithm 1: \"update the discriminator by ascending its stochastic gradient\""],
    examples: &[value(
        "up along w",
        "let f = linear(1, 1, #{ bias: false, init: constant(1) });\nsgd(f, #{ lr: 0.5 }).ascend(sum(f(ones([1, 1]))));\nf.params()[0].item()",
        "1.5",
    )],
    call: |call| minimise(call, VALUE, true),
    ..ENTRY
};

const GRADS: Param<Vec<Tensor>> =
    param("grads", types::TENSORS, "one tensor for each parameter, in the order of params()");
static STEP: Entry = Entry {
    name: "step",
    group: "optimizer",
    summary: "one step against given gradients",
    params: &[SELF.param(), GRADS.param()],
    errors: &["another number of gradients", "a gradient of another shape"],
    examples: &[value(
        "a gradient by hand",
        "let f = linear(1, 1, #{ bias: false, init: constant(1) });\nsgd(f, #{ lr: 0.5 }).step([tensor([[1]])]);\nf.params()[0].item()",
        "0.5",
    )],
    call: |call| {
        let handle = SELF.of(call)?;
        handle.0.borrow_mut().step(GRADS.of(call)?)?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const LR: Param<f64> = param("lr", types::NUMBER, "the learning rate, ≥ 0");
static SET_LR: Entry = Entry {
    name: "set_lr",
    group: "optimizer",
    summary: "sets the learning rate from the next step on, in place of a schedule",
    params: &[SELF.param(), LR.param()],
    errors: &["a negative rate"],
    examples: &[value(
        "halved",
        "let opt = adam(linear(1, 1), #{ lr: 0.5 });\nopt.set_lr(opt.lr / 2);\nopt.lr",
        "0.25",
    )],
    call: |call| {
        let lr = LR.not_negative(call)?;
        let handle = SELF.of(call)?;
        handle.0.borrow_mut().set_lr(lr as f32);
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const MOMENTUM: Param<f64> = param("momentum", types::NUMBER, "in [0, 1)");
static SET_MOMENTUM: Entry = Entry {
    name: "set_momentum",
    group: "optimizer",
    summary: "sets the momentum (of adam: the first beta) from the next step on, in place of a schedule",
    params: &[SELF.param(), MOMENTUM.param()],
    errors: &["a value outside [0, 1)", "an optimizer without momentum"],
    source: &["the 2014 recipe raises it from .5 to .7"],
    examples: &[runs(
        "a ramp",
        "let opt = sgd(linear(1, 1), #{ momentum: 0.5 });\nfor epoch in 1..=3 { opt.set_momentum(0.5 + 0.2 * epoch / 3); }",
    )],
    call: |call| {
        let momentum = MOMENTUM.of(call)?;
        if !(0.0..1.0).contains(&momentum) {
            return Err(Fault::value(format!("set_momentum: momentum must be in [0, 1), got {momentum}")));
        }
        let handle = SELF.of(call)?;
        if !handle.0.borrow_mut().set_momentum(momentum as f32) {
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
    params: &[SELF.param(), LOSS.param()],
    returns: Ty::Array,
    errors: STEP_ERRORS,
    source: &[cite::KORPELEVICH_1976, "; ", cite::GIDEL_2019],
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
        let handle = SELF.of(call)?;
        let loss = LOSS.of(call)?;
        let values = handle.0.borrow().lookahead(&loss)?;
        Ok(wrap_all(values))
    },
    ..ENTRY
};
