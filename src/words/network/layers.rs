//! Layers with parameters whose heart is a matrix product.

use super::super::tensor::{fails, opt, optional, param, runs, value};
use super::init::option as init;
use super::value::made;
use saddle_catalog::{Call, ENTRY, Entry, Opt, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_nn::layers::{Embedding, Linear, Maxout, MinibatchDiscrimination, SelfAttention, masked};
use saddle_nn::{Init, Network};
use saddle_tensor::{Dtype, Tensor, check_shape, shown};

pub static ENTRIES: &[&Entry] =
    &[&LINEAR, &MAXOUT, &EMBEDDING, &MINIBATCH_DISCRIMINATION, &MASKED_LINEAR, &SELF_ATTENTION];

pub(super) const NET: Ty = Ty::Of("network");
pub(super) const INIT: Opt =
    opt("init", Ty::Of("initializer"), "uniform in ±1/√inputs", "how weights start: normal(0, 0.02), xavier(), …");
pub(super) const BIAS: Opt = opt("bias", Ty::Bool, "true", "whether a bias is added");
const INPUTS: Param = param("inputs", Ty::Int, "size of the last dim of the input");

/// A size that must be at least 1; all sizes together must be those of a tensor that fits in memory.
pub(super) fn positive(call: &Call, i: usize) -> Result<usize> {
    let sizes = call.args.rest(0).filter_map(|v| v.as_int().ok());
    let sizes: Vec<usize> = sizes.filter_map(|n| usize::try_from(n).ok()).collect();
    check_shape(call.entry.name, &sizes)?;
    match call.args.size(i)? {
        0 => Err(Fault::value(format!("{}: {} must be at least 1", call.entry.name, call.entry.params[i].name))),
        n => Ok(n),
    }
}

static LINEAR: Entry = Entry {
    name: "linear",
    group: "layer",
    summary: "a linear layer: y = x·Wᵀ + b",
    params: &[INPUTS, param("outputs", Ty::Int, "size of the last dim of the output")],
    options: &[
        BIAS,
        INIT,
        opt("bias_init", Ty::Of("initializer"), "as init, or 0 where init is given", "how the bias starts"),
    ],
    returns: NET,
    shapes: "[.., inputs] → [.., outputs]; weight [outputs, inputs], bias [outputs]",
    errors: &["a size below 1", "when called: a last dim other than inputs"],
    examples: &[
        value("shapes", "linear(3, 2)(ones([5, 3])).shape", "[5, 2]"),
        fails("an option that does not exist", "linear(3, 2, #{ biass: false })", "unknown option `biass`"),
    ],
    call: |call| {
        let given = call.options.has("init");
        let bias_init = call.options.has("bias_init").then(|| bias_init(call)).transpose()?;
        made(Network::of(Linear {
            inputs: positive(call, 0)?,
            outputs: positive(call, 1)?,
            bias: call.options.bool("bias", true)?,
            init: init(&call.options)?,
            bias_init: bias_init.or(given.then_some(Init::Constant(0.0))),
        }))
    },
    ..ENTRY
};

fn bias_init(call: &Call) -> Result<Init> {
    super::init::named(&call.options, "bias_init")
}

static MAXOUT: Entry = Entry {
    name: "maxout",
    group: "layer",
    summary: "for each unit the largest of several linear maps",
    params: &[
        INPUTS,
        param("units", Ty::Int, "size of the output"),
        param("pieces", Ty::Int, "linear maps for each unit"),
    ],
    options: &[INIT],
    returns: NET,
    shapes: "[n, inputs] → [n, units]",
    errors: &["a size below 1", "when called: an input of another shape"],
    source: "Goodfellow et al. 2013; D of the 2014 paper: 240 units of 5 pieces",
    examples: &[value("shapes", "maxout(784, 240, 5)(ones([2, 784])).shape", "[2, 240]")],
    call: |call| {
        made(Network::of(Maxout {
            inputs: positive(call, 0)?,
            units: positive(call, 1)?,
            pieces: positive(call, 2)?,
            init: init(&call.options)?,
        }))
    },
};

static EMBEDDING: Entry = Entry {
    name: "embedding",
    group: "layer",
    summary: "a row of a table for each label",
    params: &[param("count", Ty::Int, "number of labels"), param("size", Ty::Int, "length of a row")],
    options: &[opt("init", Ty::Of("initializer"), "normal(0, 1)", "how the table starts")],
    returns: NET,
    shapes: "[..] of ints → [.., size]",
    errors: &["when called: labels that are not whole numbers in 0..count"],
    examples: &[value("three labels", "embedding(10, 4)(int(tensor([1, 5, 1]))).shape", "[3, 4]")],
    call: |call| {
        let init = if call.options.has("init") { init(&call.options)? } else { Init::Normal(0.0, 1.0) };
        made(Network::of(Embedding { count: positive(call, 0)?, size: positive(call, 1)?, init }))
    },
    ..ENTRY
};

static MINIBATCH_DISCRIMINATION: Entry = Entry {
    name: "minibatch_discrimination",
    group: "layer",
    summary: "appends features that tell how close each sample is to the others of its batch",
    params: &[
        INPUTS,
        optional("kernels", Ty::Int, "100", "number of features appended"),
        optional("dims", Ty::Int, "5", "dimensions in which closeness is measured"),
    ],
    options: &[INIT],
    returns: NET,
    shapes: "[n, inputs] → [n, inputs + kernels]",
    errors: &["when called: an input of another shape"],
    source: "Salimans et al. 2016, section 3.2; slide 57",
    examples: &[
        runs(
            "in a discriminator",
            "let D = sequential([linear(2, 32), relu(), minibatch_discrimination(32, 10, 5), linear(42, 1)]);\nlet y = D(randn([8, 2]));",
        ),
        value(
            "two samples alike, one far from both",
            "minibatch_discrimination(1, 1, 2, #{ init: constant(1) })(tensor([[0], [0], [99]])).to_array()",
            "[[0.0, 1.0], [0.0, 1.0], [99.0, 0.0]]",
        ),
    ],
    call: |call| {
        let or = |i: usize, n: usize| {
            if call.args.has(i) { positive(call, i) } else { Ok(n) }
        };
        made(Network::of(MinibatchDiscrimination {
            inputs: positive(call, 0)?,
            kernels: or(1, 100)?,
            dims: or(2, 5)?,
            init: init(&call.options)?,
        }))
    },
};

static MASKED_LINEAR: Entry = Entry {
    name: "masked_linear",
    group: "layer",
    summary: "a linear layer whose weights are multiplied by a fixed mask",
    params: &[
        INPUTS,
        param("outputs", Ty::Int, "size of the last dim of the output"),
        param("mask", Ty::Tensor, "[outputs, inputs]: 1 where an output may see an input, else 0"),
    ],
    options: &[BIAS, INIT],
    returns: NET,
    shapes: "[.., inputs] → [.., outputs]",
    errors: &["a mask of another shape, or with something else than 0 and 1", "a size below 1"],
    source: "Germain et al. 2015 (MADE)",
    examples: &[
        value(
            "each output sees the inputs before it: the last input reaches none",
            "let mask = float(arange(3).unsqueeze(1) > arange(3).unsqueeze(0));\nlet f = masked_linear(3, 3, mask);\nlet x = ones([1, 3]);\nabs(grad(sum(f(x)), x)).to_array()[0][2]",
            "0.0",
        ),
        fails("a mask of the wrong way round", "masked_linear(3, 2, ones([3, 2]))", "mask must be [2, 3], got [3, 2]"),
        fails("half a connection", "masked_linear(2, 1, tensor([[1, 0.5]]))", "element [0, 1] of the mask is 0.5"),
    ],
    call: |call| {
        let (inputs, outputs) = (positive(call, 0)?, positive(call, 1)?);
        let mask: Tensor = call.args.get(2)?;
        if mask.shape()[..] != [outputs, inputs] {
            return Err(Fault::shape(format!(
                "masked_linear: mask must be [{outputs}, {inputs}], got {}",
                shown(&mask.shape())
            )));
        }
        let mask = mask.cast(Dtype::F32);
        if let Some((i, v)) = mask.to_floats()?.into_iter().enumerate().find(|&(_, v)| v != 0.0 && v != 1.0) {
            let (row, column) = (i / inputs, i % inputs);
            return Err(Fault::value(format!("masked_linear: element [{row}, {column}] of the mask is {v}"))
                .hint("each element is 1 (the output sees the input) or 0 (it does not)"));
        }
        let layer = Linear {
            inputs,
            outputs,
            bias: call.options.bool("bias", true)?,
            init: init(&call.options)?,
            bias_init: None,
        };
        made(masked(layer, &mask))
    },
};

static SELF_ATTENTION: Entry = Entry {
    name: "self_attention",
    group: "layer",
    summary: "adds to every pixel what it takes from all others, times a trained factor that starts at 0",
    params: &[param("channels", Ty::Int, "channels of the images")],
    options: &[opt("inner", Ty::Int, "channels / 8, at least 1", "channels of queries and keys"), INIT],
    returns: NET,
    shapes: "[n, channels, h, w], unchanged; memory grows with (h·w)²",
    errors: &["a size below 1", "when called: another number of channels"],
    source: "Zhang et al. 2019 (SAGAN)",
    examples: &[value(
        "it starts as the identity",
        "let x = randn([2, 8, 4, 4]);\nsum(abs(self_attention(8)(x) - x)).item()",
        "0.0",
    )],
    call: |call| {
        let channels = positive(call, 0)?;
        let inner = call.options.size("inner", (channels / 8).max(1))?;
        if inner == 0 {
            return Err(Fault::value("self_attention: inner must be at least 1"));
        }
        made(Network::of(SelfAttention { channels, inner, init: init(&call.options)? }))
    },
};
