//! The kind `network`: made by layers and `sequential`, called like a function.

use super::custom::{self, Script, inputs};
use crate::cite;
use crate::convert::wrap_all;
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{
    AnyParam, ENTRY, Entry, Field, KIND, Kind, Maybe, Param, Ty, fails, param, runs, shape, type_of, value,
};
use saddle_fault::{Fault, Result};
use saddle_nn::{Mode, Network};
use saddle_session::output::Bundle;
use saddle_tensor::Tensor;
use std::any::TypeId;

pub static ENTRIES: &[&Entry] =
    &[&SEQUENTIAL, &PARAMS, &WITH, &COPY, &FREEZE, &UNFREEZE, &TRAIN, &EVAL, &SUMMARY, &FEATURES, &FORWARD];

/// A network.
pub(super) const NET: Ty = Ty::Of("network");
const SELF: Param<Network> = param("network", types::NETWORK, "the network");

pub static NETWORK: Kind = Kind {
    name: "network",
    summary: "layers with their parameters; called like a function: D(x)",
    id: || TypeId::of::<Network>(),
    show: |v| {
        let text = v.read_lock::<Network>().map(|n| n.to_string());
        Bundle::text(text.unwrap_or_default())
    },
    fields: &[
        Field {
            name: "size",
            ty: Ty::Int,
            doc: "the number of single weights",
            get: |v| Ok((read(v)?.size() as i64).into()),
        },
        Field {
            name: "depth",
            ty: Ty::Int,
            doc: "the number of layers",
            get: |v| Ok((read(v)?.depth() as i64).into()),
        },
        Field {
            name: "mode",
            ty: Ty::Text,
            doc: "\"train\" or \"eval\"",
            get: |v| Ok(if read(v)?.mode() == Mode::Train { "train".into() } else { "eval".into() }),
        },
    ],
    call: Some(&CALL),
    part: Some(custom::named_part),
    index: Some(custom::index),
    bytes: Some(|v| v.read_lock::<Network>().map_or(0, |net| net.size() * size_of::<f32>())),
    ..KIND
};

pub(crate) fn read(v: &Dynamic) -> Result<Network> {
    v.read_lock::<Network>().map(|n| n.clone()).ok_or_else(|| Fault::type_("this is not a network"))
}

/// A network as a value of the language.
pub(crate) fn made(network: Network) -> Result<Dynamic> {
    Ok(Dynamic::from(network))
}

/// The parameters behind a value: those of a network, or of several networks in an array.
pub(super) fn params_of(word: &str, value: &Dynamic) -> Result<Vec<saddle_nn::Param>> {
    if let Some(net) = value.read_lock::<Network>() {
        return Ok(net.params());
    }
    let nets = value.read_lock::<Array>().map(|a| a.iter().map(read).collect::<Result<Vec<_>>>());
    match nets {
        Some(Ok(nets)) if !nets.is_empty() => Ok(nets.iter().flat_map(Network::params).collect()),
        _ => Err(Fault::type_(format!("{word}: needs a network or an array of networks, got {}", type_of(value)))),
    }
}

/// One of several inputs.
const fn input(name: &'static str, doc: &'static str) -> AnyParam {
    param(name, types::any(Ty::Any), doc).maybe("none").param()
}

static CALL: Entry = Entry {
    name: "network",
    group: "network",
    summary: "the network's output for its inputs: for one batch x, unless it has a forward function or layers that take more",
    params: &[
        SELF.param(),
        input("x", "a batch: the first dim counts the samples"),
        input("y", "a second input, such as labels"),
        input("x3", "a third input"),
        input("x4", "a fourth input"),
        input("x5", "a fifth input"),
        input("x6", "a sixth input"),
    ],
    returns: Ty::Any,
    errors: &["a shape that does not fit a layer: the error names the layer", "another number of inputs"],
    examples: &[
        value(
            "one linear unit",
            "let D = linear(2, 1, #{ init: constant(1), bias: false });\nD(tensor([[1, 2]]))",
            "tensor [1, 1] f32   mean 3  std 0  min 3  max 3\n  3",
        ),
        fails(
            "sizes that differ",
            "let D = linear(3, 1);\nD(ones([1, 2]))",
            "input [1, 2] does not fit weights of shape [1, 3]",
        ),
        fails("no tensor", "let D = linear(3, 1);\nD(2)", "a layer needs a tensor, got an int"),
    ],
    call: |call| custom::run(call, &SELF.of(call)?),
    ..ENTRY
};

static FORWARD: Entry = Entry {
    name: "forward",
    group: "network",
    summary: "the network's output for its inputs: the same as calling it",
    params: CALL.params,
    returns: Ty::Any,
    examples: &[runs("as a method", "let y = linear(2, 1).forward(ones([3, 2]));")],
    call: CALL.call,
    ..ENTRY
};

const LAYERS: Param<Array> =
    param("layers", types::ARRAY, "layers and networks; their parameters are shared, not copied");
static SEQUENTIAL: Entry = Entry {
    name: "sequential",
    group: "network",
    summary: "a network that calls its layers in order",
    params: &[LAYERS.param()],
    returns: NET,
    errors: &["something in the array that is not a layer or a network"],
    examples: &[
        value(
            "a discriminator",
            "let D = sequential([linear(2, 8), relu(), linear(8, 1), sigmoid()]);\nD(zeros([5, 2])).shape",
            "[5, 1]",
        ),
        fails("a number among the layers", "sequential([linear(2, 8), 3])", "entry 1 is an int"),
    ],
    call: |call| {
        let parts: Vec<Network> = LAYERS
            .of(call)?
            .iter()
            .enumerate()
            .map(|(i, part)| {
                read(part).map_err(|_| {
                    Fault::type_(format!("sequential: entry {i} is {}, not a layer or a network", type_of(part)))
                        .hint("functions such as relu need parentheses to become a layer: relu()")
                })
            })
            .collect::<Result<_>>()?;
        made(Network::sequential(&parts))
    },
    ..ENTRY
};

static PARAMS: Entry = Entry {
    name: "params",
    group: "network",
    summary: "the present values of all parameters, in the order of the layers",
    params: &[SELF.param()],
    returns: Ty::Array,
    examples: &[
        value("weights and bias", "linear(3, 2).params().len()", "2"),
        value("one by PyTorch's name", "linear(3, 2).weight.shape", "[2, 3]"),
        value("of a layer in a sequence", "sequential([linear(3, 2), tanh()])[\"0.bias\"].shape", "[2]"),
    ],
    call: |call| Ok(wrap_all(SELF.of(call)?.params().iter().map(saddle_nn::Param::value))),
    ..ENTRY
};

const WITH_PARAMS: Param<Array> =
    param("params", types::ARRAY, "one tensor for each parameter, in the order of params()");
static WITH: Entry = Entry {
    name: "with",
    group: "network",
    summary: "the same layers with other values for their parameters: a functional call, through which gradients pass",
    params: &[SELF.param(), WITH_PARAMS.param()],
    returns: NET,
    errors: &["another number of tensors", "a tensor of another shape"],
    source: &[cite::METZ_2017, ": unrolled GANs differentiate through D's own steps"],
    examples: &[value(
        "a linear unit with given weights",
        "let f = linear(1, 1, #{ bias: false });\nf.with([tensor([[3]])])(tensor([[2]])).item()",
        "6.0",
    )],
    call: |call| {
        let values: Vec<Tensor> = WITH_PARAMS
            .of(call)?
            .into_iter()
            .map(|v| v.try_cast::<Tensor>().ok_or_else(|| Fault::type_("with: params must be an array of tensors")))
            .collect::<Result<_>>()?;
        made(SELF.of(call)?.with(&values)?)
    },
    ..ENTRY
};

static COPY: Entry = Entry {
    name: "copy",
    group: "network",
    summary: "a network of its own with the same values",
    params: &[SELF.param()],
    returns: NET,
    examples: &[runs("a frozen teacher", "let D = linear(2, 1);\nlet teacher = D.copy();\nfreeze(teacher);")],
    call: |call| made(SELF.of(call)?.copy()),
    ..ENTRY
};

static FREEZE: Entry = Entry {
    name: "freeze",
    group: "network",
    summary: "optimizers leave the parameters alone; gradients still pass through",
    params: &[SELF.param()],
    returns: NET,
    examples: &[runs("a fixed generator", "let G = linear(2, 1);\nfreeze(G);")],
    call: |call| {
        let net = SELF.of(call)?;
        net.freeze(true);
        made(net)
    },
    ..ENTRY
};

static UNFREEZE: Entry = Entry {
    name: "unfreeze",
    group: "network",
    summary: "optimizers may change the parameters again",
    params: &[SELF.param()],
    returns: NET,
    examples: &[runs("train on", "let G = freeze(linear(2, 1));\nunfreeze(G);")],
    call: |call| {
        let net = SELF.of(call)?;
        net.freeze(false);
        made(net)
    },
    ..ENTRY
};

static TRAIN: Entry = Entry {
    name: "train",
    group: "network",
    summary: "sets the network to train mode: dropout drops, batch norm uses the batch",
    params: &[SELF.param()],
    returns: NET,
    examples: &[value("the mode is visible", "linear(2, 1).train().mode", "\"train\"")],
    call: |call| {
        let net = SELF.of(call)?;
        net.set_mode(Mode::Train);
        made(net)
    },
    ..ENTRY
};

static EVAL: Entry = Entry {
    name: "eval",
    group: "network",
    summary: "sets the network to eval mode: dropout passes, batch norm uses its running statistics",
    params: &[SELF.param()],
    returns: NET,
    examples: &[value("the mode is visible", "linear(2, 1).eval().mode", "\"eval\"")],
    call: |call| {
        let net = SELF.of(call)?;
        net.set_mode(Mode::Eval);
        made(net)
    },
    ..ENTRY
};

const INPUT: Maybe<Array> = param(
    "input",
    types::ARRAY,
    "the shape of an input, or an array of shapes for several; adds the shapes of the outputs",
)
.maybe("none");
static SUMMARY: Entry = Entry {
    name: "summary",
    group: "network",
    summary: "prints a table of the layers: weights, output shapes, number of parameters",
    params: &[SELF.param(), INPUT.param()],
    errors: &["an input that does not fit"],
    examples: &[
        runs("with shapes", "summary(sequential([linear(2, 8), relu(), linear(8, 1)]), [64, 2])"),
        fails("an input that does not fit", "summary(sequential([linear(2, 8), relu()]), [64, 3])", "in layer 0 of 2"),
    ],
    call: |call| {
        let several = |v: &Dynamic| {
            let shapes = v.read_lock::<Array>()?;
            shapes.iter().map(shape).collect::<Option<Vec<_>>>()
        };
        let shapes = match INPUT.given(call) {
            None => vec![],
            Some(given) => {
                let shapes = shape(given).map(|s| vec![s]).or_else(|| several(given));
                shapes.ok_or_else(|| INPUT.wrong(call))?
            }
        };
        let text = SELF.of(call)?.summary(&shapes, &Script(call))?;
        call.host.print(&(text + "\n"));
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const X: Param<Dynamic> = param("x", types::any(Ty::Any), "a batch");
const LAYER: Maybe<i64> =
    param("layer", types::INT, "only the output after this layer (0 is the first, −1 the last)").maybe("all");
static FEATURES: Entry = Entry {
    name: "features",
    group: "network",
    summary: "the outputs after every layer, or after one of them",
    params: &[SELF.param(), X.param()],
    options: &[LAYER.opt()],
    returns: Ty::OneOf(&[Ty::Array, Ty::Tensor]),
    errors: &["a layer that the network does not have"],
    source: &[cite::SALIMANS_2016, ": feature matching"],
    examples: &[value(
        "hidden units",
        "let D = sequential([linear(2, 8), relu(), linear(8, 1)]);\nD.features(ones([4, 2]), #{ layer: 1 }).shape",
        "[4, 8]",
    )],
    call: |call| {
        let net = SELF.of(call)?;
        let mut all = net.features(inputs(call), &Script(call))?;
        if !LAYER.is_given(call) {
            return Ok(all.into());
        }
        let layer = LAYER.of(call)?.unwrap_or(0);
        let at = if layer < 0 { layer + all.len() as i64 } else { layer };
        match usize::try_from(at).ok().filter(|&i| i < all.len()) {
            Some(i) => Ok(all.swap_remove(i)),
            None => Err(Fault::value(format!("features: there is no layer {layer} among {}", all.len()))),
        }
    },
    ..ENTRY
};
