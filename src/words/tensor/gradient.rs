//! Words about gradients: `grad`, what stops or replaces one, and the watch for NaN.

use super::X;
use crate::cite;
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic, FnPtr};
use saddle_catalog::{
    Call, ENTRY, Entry, Example, Gives, KIND, Kind, Maybe, Opt, Param, Ty, call_back, fails, param, type_of, value,
};
use saddle_fault::{Fault, Result};
use saddle_session::output::{Bundle, Output, Stream};
use saddle_tensor::{Dtype, GradOptions, Tensor, anomaly, shown, tape};
use std::any::TypeId;

pub static ENTRIES: &[&Entry] =
    &[&GRAD, &DETACH, &STOP_GRADIENT, &NO_GRAD, &STRAIGHT_THROUGH, &CUSTOM_OP, &DETECT_ANOMALY];
pub static KINDS: &[&Kind] = &[&OPERATION];

const GROUP: &str = "gradient";

/// The parameters and options that every form of `grad` shares.
pub const Y: Param<Tensor> =
    param("y", types::TENSOR, "what is differentiated: a single number, or any shape with a `seed`");
const CREATE_GRAPH: Param<bool> =
    param("create_graph", types::BOOL, "record the gradient itself, so that it can be differentiated again").or(false);
const SEED: Maybe<Tensor> = param("seed", types::TENSOR, "the gradient that arrives at y, shaped as y").maybe("1");
const UNUSED: Param<String> =
    param("unused", types::TEXT, "for what y does not depend on: \"zeros\" gives zeros and a note, \"error\" an error")
        .or("zeros");
pub const OPTIONS: &[Opt] = &[CREATE_GRAPH.opt(), SEED.opt(), UNUSED.opt()];

const WRT: Param<Dynamic> =
    param("wrt", types::any(Ty::OneOf(&[Ty::Tensor, Ty::Array])), "a tensor, or an array of tensors");
static GRAD: Entry = Entry {
    name: "grad",
    group: GROUP,
    summary: "the gradient of y, of any order, with respect to any tensors that it was computed from",
    params: &[Y.param(), WRT.param()],
    options: OPTIONS,
    returns: Ty::OneOf(&[Ty::Tensor, Ty::Array]),
    shapes: "as wrt: a tensor for a tensor, an array for an array",
    errors: &[
        "y has more than one element and there is no `seed`",
        "a `seed` of another shape than y",
        "y does not depend on something in `wrt`, and `unused` is \"error\"",
        "something in `wrt` that is not an f32 tensor",
    ],
    examples: &[
        value("d x²/dx = 2x", "let x = tensor([1, 3]); grad(sum(x ** 2), x).to_array()", "[2.0, 6.0]"),
        value(
            "the second derivative of x³ is 6x",
            "let x = tensor(2); let g = grad(x ** 3, x, #{ create_graph: true }); grad(g, x).item()",
            "12.0",
        ),
        value(
            "with respect to several",
            "let a = tensor(2); let b = tensor(5); grad(a * b, [a, b]).map(|g| g.item())",
            "[5.0, 2.0]",
        ),
        fails("more than one element", "let x = ones([2]); grad(x * 2, x)", "y must be a single number, got shape [2]"),
        value(
            "no way from x to y: zeros, and a note that says so",
            "let x = ones([2]); grad(tensor(2) * 3, x).to_array()",
            "[0.0, 0.0]",
        ),
        fails(
            "the same as an error",
            "let x = ones([2]); grad(tensor(2) * 3, x, #{ unused: \"error\" })",
            "y does not depend on input 1 of 1",
        ),
    ],
    call: |call| {
        if let Some(x) = WRT.value(call).read_lock::<Tensor>() {
            let grads = of_tensors(call, std::slice::from_ref(&*x))?;
            return Ok(grads.into_iter().next().unwrap_or(Dynamic::UNIT));
        }
        let wrt = WRT.value(call).read_lock::<Array>().ok_or_else(|| WRT.wrong(call))?;
        let tensors = wrt
            .iter()
            .map(|v| {
                v.read_lock::<Tensor>()
                    .map(|t| t.clone())
                    .ok_or_else(|| Fault::type_(format!("grad: wrt must hold tensors, got {}", type_of(v))))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(of_tensors(call, &tensors)?.into())
    },
    ..ENTRY
};

/// The gradients of the call's `y` with respect to `wrt`, under the call's options: one for each. Other forms of
/// `grad`, such as with respect to a network, build on this.
pub fn of_tensors(call: &Call, wrt: &[Tensor]) -> Result<Vec<Dynamic>> {
    let y = Y.of(call)?;
    let seed = SEED.of(call)?;
    let options = GradOptions { create_graph: CREATE_GRAPH.of(call)? };
    let zeros = match UNUSED.of(call)?.as_str() {
        "zeros" => true,
        "error" => false,
        other => {
            return Err(
                Fault::value(format!("grad: there is no unused \"{other}\"")).hint("unused is \"zeros\" or \"error\"")
            );
        }
    };
    if let Some(bad) = wrt.iter().find(|t| t.dtype() != Dtype::F32) {
        return Err(Fault::type_(format!(
            "grad: wrt must be f32, got a tensor of {} of shape {}",
            bad.dtype().name(),
            shown(&bad.shape())
        ))
        .hint("float(t) makes floats of whole numbers; compute y from the result"));
    }
    let grads = tape::grad(&y, &wrt.iter().collect::<Vec<_>>(), seed.as_ref(), options)?;
    if let Some(which) = unused(&grads) {
        let found = format!("grad: y does not depend on {which}");
        if !zeros {
            return Err(Fault::value(found).hint("was y computed from it, outside of no_grad and detach?"));
        }
        let verb = if which.starts_with("inputs") { "their gradients are" } else { "its gradient is" };
        call.host.eprint(&format!("{found}; {verb} zeros\n"));
    }
    let or_zeros = |(g, x): (Option<Tensor>, &Tensor)| wrap(g.unwrap_or_else(|| x.zeros_like()));
    Ok(grads.into_iter().zip(wrt).map(or_zeros).collect())
}

/// Which inputs have no gradient, as a person counts them: `input 2 of 3`; `None` where all have one.
fn unused(grads: &[Option<Tensor>]) -> Option<String> {
    let places: Vec<String> =
        (1..).zip(grads).filter(|(_, g)| g.is_none()).map(|(place, _)| place.to_string()).collect();
    let (last, before) = places.split_last()?;
    let n = grads.len();
    Some(match before {
        [] => format!("input {last} of {n}"),
        _ => format!("inputs {} and {last} of {n}", before.join(", ")),
    })
}

const DETACH_: Entry = Entry {
    name: "detach",
    group: GROUP,
    summary: "the same values with no past: gradients stop here",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[value("one factor held fixed", "let x = tensor(3); grad(x * x.detach(), x).item()", "3.0")],
    call: |call| Ok(wrap(X.of(call)?.detach())),
    ..ENTRY
};
static DETACH: Entry = DETACH_;

static STOP_GRADIENT: Entry = Entry {
    name: "stop_gradient",
    summary: "another name of `detach`",
    examples: &[value("one factor held fixed", "let x = tensor(3); grad(x * stop_gradient(x), x).item()", "3.0")],
    ..DETACH_
};

const F: Param<FnPtr> = param("f", types::FUNCTION, "a function of no arguments: || …");
static NO_GRAD: Entry = Entry {
    name: "no_grad",
    group: GROUP,
    summary: "runs a function without recording: its results are constants for every gradient, and cost less memory",
    params: &[F.param()],
    returns: Ty::Any,
    examples: &[value(
        "a constant factor",
        "let x = tensor(3); let y = no_grad(|| x * x); grad(x * y, x).item()",
        "9.0",
    )],
    call: |call| {
        let f = F.of(call)?;
        tape::no_grad(|| call.invoke(&f, Vec::new()))
    },
    ..ENTRY
};

const HARD: Param<Tensor> = param("hard", types::TENSOR, "gives the value");
const SOFT: Param<Tensor> = param("soft", types::TENSOR, "gets the gradient; the same shape");
static STRAIGHT_THROUGH: Entry = Entry {
    name: "straight_through",
    group: GROUP,
    summary: "the value of one tensor with the gradient of another: for choices that have no gradient",
    params: &[HARD.param(), SOFT.param()],
    returns: Ty::Tensor,
    shapes: "as both",
    errors: &["shapes that differ"],
    source: &[cite::BENGIO_2013],
    examples: &[
        value(
            "the value is rounded, the gradient passes",
            "let x = tensor([0.25, 0.75]); grad(sum(straight_through(round(x), x) * tensor([2, 3])), x).to_array()",
            "[2.0, 3.0]",
        ),
        fails("shapes", "straight_through(ones([2]), ones([3]))", "hard [2] and soft [3]"),
    ],
    call: |call| HARD.of(call)?.straight_through(&SOFT.of(call)?).map(wrap),
    ..ENTRY
};

/// An operation with a forward and a backward function from a cell.
#[derive(Clone)]
pub(crate) struct Operation {
    forward: FnPtr,
    backward: FnPtr,
}

static OPERATION: Kind = Kind {
    name: "operation",
    summary: "an operation with a gradient of its own, made by `custom_op`; called like a function",
    id: TypeId::of::<Operation>,
    show: |_| Bundle::text("operation"),
    call: Some(&RUN_OPERATION),
    ..KIND
};

const FORWARD: Param<FnPtr> =
    param("forward", types::FUNCTION, "|x, …| the value, of one to four tensors; runs without recording");
const BACKWARD: Param<FnPtr> = param(
    "backward",
    types::FUNCTION,
    "|g, x, …| the gradient for x from the gradient g of the value; an array for several inputs, () for none",
);
static CUSTOM_OP: Entry = Entry {
    name: "custom_op",
    group: GROUP,
    summary: "an operation whose gradient is the one you give; what `backward` computes can be differentiated again",
    params: &[FORWARD.param(), BACKWARD.param()],
    returns: Ty::Of("operation"),
    errors: &[
        "when called: `forward` gives something else than a tensor",
        "in grad: `backward` gives a gradient of another shape than its input, or not one for each input",
    ],
    examples: &[
        value(
            "a gradient reversed",
            "let reverse = custom_op(|x| x, |g, x| -g); let x = tensor(3); grad(reverse(x) * 2, x).item()",
            "-2.0",
        ),
        value(
            "of any order: the second derivative of x³ is 6x",
            "let cube = custom_op(|x| x * x * x, |g, x| g * 3 * x * x); let x = tensor(2); \
             grad(grad(cube(x), x, #{ create_graph: true }), x).item()",
            "12.0",
        ),
        value(
            "two inputs",
            "let times = custom_op(|a, b| a * b, |g, a, b| [g * b, g * a]); let a = tensor(2); \
             grad(times(a, tensor(5)), a).item()",
            "5.0",
        ),
        fails(
            "another shape",
            "let f = custom_op(|x| x, |g, x| ones([3])); let x = tensor([1, 2]); grad(sum(f(x)), x)",
            "backward gave shape [3] for input 0 of shape [2]",
        ),
    ],
    call: |call| {
        let (forward, backward) = (FORWARD.of(call)?, BACKWARD.of(call)?);
        Ok(Dynamic::from(Operation { forward, backward }))
    },
    ..ENTRY
};

const INPUT: &str = "another input";

const MADE: Param<Operation> = param("operation", types::OPERATION, "made by `custom_op`");
const X2: Maybe<Tensor> = param("x2", types::TENSOR, INPUT).maybe("none");
const X3: Maybe<Tensor> = param("x3", types::TENSOR, INPUT).maybe("none");
const X4: Maybe<Tensor> = param("x4", types::TENSOR, INPUT).maybe("none");
static RUN_OPERATION: Entry = Entry {
    name: "operation",
    group: GROUP,
    summary: "the value of the operation",
    params: &[MADE.param(), X.param(), X2.param(), X3.param(), X4.param()],
    returns: Ty::Tensor,
    call: run_operation,
    ..ENTRY
};

fn run_operation(call: &mut Call) -> Result<Dynamic> {
    let Operation { forward, backward } = MADE.of(call)?;
    let mut inputs = vec![X.of(call)?];
    for more in [X2, X3, X4] {
        inputs.extend(more.of(call)?);
    }
    let values = inputs.iter().map(|x| wrap(x.detach())).collect();
    let output = tape::no_grad(|| call.invoke(&forward, values))?;
    let Some(output) = output.read_lock::<Tensor>().map(|t| t.clone()) else {
        return Err(Fault::type_(format!("custom_op: forward must give a tensor, got {}", type_of(&output))));
    };
    let host = std::rc::Rc::clone(call.host);
    let inputs: Vec<&Tensor> = inputs.iter().collect();
    let recorded = Tensor::custom(&inputs, &output, move |inputs, _, g| {
        let args = std::iter::once(g).chain(inputs).cloned().map(wrap);
        gradients(&call_back(&host, &backward, args.collect())?, inputs.len())
    });
    Ok(wrap(recorded))
}

/// What a backward function gave, as one gradient for each of `n` inputs.
fn gradients(given: &Dynamic, n: usize) -> Result<Vec<Option<Tensor>>> {
    let one = |v: &Dynamic| match v.read_lock::<Tensor>() {
        Some(t) => Ok(Some(t.clone())),
        None if v.is_unit() => Ok(None),
        None => Err(Fault::type_(format!("custom_op: backward must give tensors or (), got {}", type_of(v)))),
    };
    match given.read_lock::<rhai::Array>() {
        Some(all) => all.iter().map(one).collect(),
        None if n == 1 => Ok(vec![one(given)?]),
        None => Err(Fault::type_(format!(
            "custom_op: backward must give an array of {n} gradients, got {}",
            type_of(given)
        ))),
    }
}

const ON: Param<bool> = param("on", types::BOOL, "whether to watch; true starts afresh");
static DETECT_ANOMALY: Entry = Entry {
    name: "detect_anomaly",
    group: GROUP,
    summary: "warns once, naming the operation, when a result holds NaN or infinity; slow: each result is read back",
    params: &[ON.param()],
    examples: &[Example {
        what: "a warning that names log",
        code: "detect_anomaly(true); log(tensor([0])); detect_anomaly(false)",
        gives: Gives::Runs,
    }],
    call: |call| {
        let host = std::rc::Rc::clone(call.host);
        anomaly::detect(ON.of(call)?, move |found| {
            let text = format!("warning: {found}\n");
            host.show(Output::Text { stream: Stream::Stderr, text });
        });
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};
