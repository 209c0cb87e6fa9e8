//! Words about gradients: `grad`, what stops or replaces one, and the watch for NaN.

use super::{X, fails, opt, optional, param, tensor, value, wrap};
use rhai::{Dynamic, FnPtr};
use saddle_catalog::{Call, ENTRY, Entry, Example, Gives, KIND, Kind, Opt, Param, Ty, call_back, type_of};
use saddle_fault::{Fault, Result};
use saddle_session::output::{Bundle, Output, Stream};
use saddle_tensor::{Dtype, GradOptions, Tensor, anomaly, shown, tape};
use std::any::TypeId;

pub static ENTRIES: &[&Entry] =
    &[&GRAD, &DETACH, &STOP_GRADIENT, &NO_GRAD, &STRAIGHT_THROUGH, &CUSTOM_OP, &DETECT_ANOMALY];
pub static KINDS: &[&Kind] = &[&OPERATION];

const GROUP: &str = "gradient";

/// The parameters and options that every form of `grad` shares.
pub const Y: Param = param("y", Ty::Tensor, "what is differentiated: a single number, or any shape with a `seed`");
pub const OPTIONS: &[Opt] = &[
    opt("create_graph", Ty::Bool, "false", "record the gradient itself, so that it can be differentiated again"),
    opt("seed", Ty::Tensor, "1", "the gradient that arrives at y, shaped as y"),
    opt(
        "unused",
        Ty::Text,
        "\"zeros\"",
        "for what y does not depend on: \"zeros\" gives zeros and a note, \"error\" an error",
    ),
];

static GRAD: Entry = Entry {
    name: "grad",
    group: GROUP,
    summary: "the gradient of y, of any order, with respect to any tensors that it was computed from",
    params: &[Y, param("wrt", Ty::OneOf(&[Ty::Tensor, Ty::Array]), "a tensor, or an array of tensors")],
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
        if let Some(x) = call.args.any(1).read_lock::<Tensor>() {
            let grads = of_tensors(call, std::slice::from_ref(&*x))?;
            return Ok(grads.into_iter().next().unwrap_or(Dynamic::UNIT));
        }
        let wrt = call.args.array(1)?;
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

/// The gradients of the call's `y` with respect to `wrt`, under the call's options: one for each. Other forms of `grad`,
/// such as with respect to a network, build on this.
pub fn of_tensors(call: &Call, wrt: &[Tensor]) -> Result<Vec<Dynamic>> {
    let y = tensor(call, 0)?;
    let seed = call.options.get::<Tensor>("seed")?;
    let options = GradOptions { create_graph: call.options.bool("create_graph", false)? };
    let zeros = match call.options.text("unused")?.as_deref() {
        None | Some("zeros") => true,
        Some("error") => false,
        Some(other) => {
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
    params: &[X],
    returns: Ty::Tensor,
    shapes: "as x",
    examples: &[value("one factor held fixed", "let x = tensor(3); grad(x * x.detach(), x).item()", "3.0")],
    call: |call| Ok(wrap(tensor(call, 0)?.detach())),
    ..ENTRY
};
static DETACH: Entry = DETACH_;

static STOP_GRADIENT: Entry = Entry {
    name: "stop_gradient",
    summary: "another name of `detach`",
    examples: &[value("one factor held fixed", "let x = tensor(3); grad(x * stop_gradient(x), x).item()", "3.0")],
    ..DETACH_
};

static NO_GRAD: Entry = Entry {
    name: "no_grad",
    group: GROUP,
    summary: "runs a function without recording: its results are constants for every gradient, and cost less memory",
    params: &[param("f", Ty::Function, "a function of no arguments: || …")],
    returns: Ty::Any,
    examples: &[value(
        "a constant factor",
        "let x = tensor(3); let y = no_grad(|| x * x); grad(x * y, x).item()",
        "9.0",
    )],
    call: |call| {
        let f = call.args.function(0)?;
        tape::no_grad(|| call.invoke(&f, Vec::new()))
    },
    ..ENTRY
};

static STRAIGHT_THROUGH: Entry = Entry {
    name: "straight_through",
    group: GROUP,
    summary: "the value of one tensor with the gradient of another: for choices that have no gradient",
    params: &[
        param("hard", Ty::Tensor, "gives the value"),
        param("soft", Ty::Tensor, "gets the gradient; the same shape"),
    ],
    returns: Ty::Tensor,
    shapes: "as both",
    errors: &["shapes that differ"],
    source: "Bengio, Léonard and Courville 2013",
    examples: &[
        value(
            "the value is rounded, the gradient passes",
            "let x = tensor([0.25, 0.75]); grad(sum(straight_through(round(x), x) * tensor([2, 3])), x).to_array()",
            "[2.0, 3.0]",
        ),
        fails("shapes", "straight_through(ones([2]), ones([3]))", "hard [2] and soft [3]"),
    ],
    call: |call| tensor(call, 0)?.straight_through(&tensor(call, 1)?).map(wrap),
    ..ENTRY
};

/// An operation with a forward and a backward function from a cell.
#[derive(Clone)]
struct Operation {
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

static CUSTOM_OP: Entry = Entry {
    name: "custom_op",
    group: GROUP,
    summary: "an operation whose gradient is the one you give; what `backward` computes can be differentiated again",
    params: &[
        param("forward", Ty::Function, "|x, …| the value, of one to four tensors; runs without recording"),
        param(
            "backward",
            Ty::Function,
            "|g, x, …| the gradient for x from the gradient g of the value; an array for several inputs, () for none",
        ),
    ],
    returns: Ty::Of("operation"),
    errors: &[
        "when called: `forward` gives something else than a tensor",
        "in grad: `backward` gives a gradient of another shape than its input, or not one for each input",
    ],
    examples: &[
        value(
            "a gradient turned around",
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
        let (forward, backward) = (call.args.function(0)?, call.args.function(1)?);
        Ok(Dynamic::from(Operation { forward, backward }))
    },
    ..ENTRY
};

const INPUT: &str = "another input";

static RUN_OPERATION: Entry = Entry {
    name: "operation",
    group: GROUP,
    summary: "the value of the operation",
    params: &[
        param("operation", Ty::Of("operation"), "made by `custom_op`"),
        X,
        optional("x2", Ty::Tensor, "none", INPUT),
        optional("x3", Ty::Tensor, "none", INPUT),
        optional("x4", Ty::Tensor, "none", INPUT),
    ],
    returns: Ty::Tensor,
    call: run_operation,
    ..ENTRY
};

fn run_operation(call: &mut Call) -> Result<Dynamic> {
    let Operation { forward, backward } = call.args.get(0)?;
    let inputs = (1..call.args.len()).map(|i| tensor(call, i)).collect::<Result<Vec<_>>>()?;
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

static DETECT_ANOMALY: Entry = Entry {
    name: "detect_anomaly",
    group: GROUP,
    summary: "warns once, naming the operation, when a result holds NaN or infinity; slow: each result is read back",
    params: &[param("on", Ty::Bool, "whether to watch; true starts afresh")],
    examples: &[Example {
        what: "a warning that names log",
        code: "detect_anomaly(true); log(tensor([0])); detect_anomaly(false)",
        gives: Gives::Runs,
    }],
    call: |call| {
        let host = std::rc::Rc::clone(call.host);
        anomaly::detect(call.args.bool(0)?, move |found| {
            let text = format!("warning: {found}\n");
            host.show(Output::Text { stream: Stream::Stderr, text });
        });
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};
