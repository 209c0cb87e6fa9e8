//! Layers with parameters whose heart is a matrix product.

use super::init::of_vector;
use super::value::{NET, made};
use crate::cite;
use crate::types;
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_nn::layers::{Embedding, Linear, Maxout, MinibatchDiscrimination, SelfAttention, masked};
use saddle_nn::{Init, Network};
use saddle_tensor::{Dtype, Tensor, check_shape, shown};

pub static ENTRIES: &[&Entry] =
    &[&LINEAR, &MAXOUT, &EMBEDDING, &MINIBATCH_DISCRIMINATION, &MASKED_LINEAR, &SELF_ATTENTION];

pub(super) const INIT: Maybe<Init> =
    param("init", types::INITIALIZER, "how weights start: normal(0, 0.02), xavier(), …").maybe("uniform in ±1/√inputs");
pub(super) const BIAS: Param<bool> = param("bias", types::BOOL, "whether a bias is added").or(true);
const INPUTS: Param<usize> = param("inputs", types::SIZE, "size of the last dim of the input");

/// How weights start in a call.
pub(super) fn init(call: &Call) -> Result<Init> {
    Ok(INIT.of(call)?.unwrap_or(Init::FanIn))
}

/// A size that must be at least 1; all sizes together must be those of a tensor that fits in memory.
pub(super) fn positive(call: &Call, size: Param<usize>) -> Result<usize> {
    let sizes = call.args().filter_map(|v| v.as_int().ok());
    let sizes: Vec<usize> = sizes.filter_map(|n| usize::try_from(n).ok()).collect();
    check_shape(call.entry.name, &sizes)?;
    match size.of(call)? {
        0 => Err(Fault::value(format!("{}: {} must be at least 1", call.entry.name, size.name()))),
        n => Ok(n),
    }
}

const OUTPUTS: Param<usize> = param("outputs", types::SIZE, "size of the last dim of the output");
const BIAS_INIT: Maybe<Init> =
    param("bias_init", types::INITIALIZER, "how the bias starts").maybe("as init, or 0 where init is given");
static LINEAR: Entry = Entry {
    name: "linear",
    group: "layer",
    summary: "a linear layer: y = x·Wᵀ + b",
    params: &[INPUTS.param(), OUTPUTS.param()],
    options: &[BIAS.opt(), INIT.opt(), BIAS_INIT.opt()],
    returns: NET,
    shapes: "[.., inputs] → [.., outputs]; weight [outputs, inputs], bias [outputs]",
    errors: &["a size below 1", "when called: a last dim other than inputs"],
    examples: &[
        value("shapes", "linear(3, 2)(ones([5, 3])).shape", "[5, 2]"),
        fails("an option that does not exist", "linear(3, 2, #{ biass: false })", "unknown option `biass`"),
    ],
    call: |call| {
        made(Network::of(Linear {
            inputs: positive(call, INPUTS)?,
            outputs: positive(call, OUTPUTS)?,
            bias: BIAS.of(call)?,
            init: init(call)?,
            bias_init: of_vector(call, BIAS_INIT)?.or(INIT.is_given(call).then_some(Init::Constant(0.0))),
        }))
    },
    ..ENTRY
};

const UNITS: Param<usize> = param("units", types::SIZE, "size of the output");
const PIECES: Param<usize> = param("pieces", types::SIZE, "linear maps for each unit");
static MAXOUT: Entry = Entry {
    name: "maxout",
    group: "layer",
    summary: "for each unit the largest of several linear maps",
    params: &[INPUTS.param(), UNITS.param(), PIECES.param()],
    options: &[INIT.opt()],
    returns: NET,
    shapes: "[n, inputs] → [n, units]",
    errors: &["a size below 1", "when called: an input of another shape"],
    source: &[cite::GOODFELLOW_2013, "; D of the 2014 paper: 240 units of 5 pieces"],
    examples: &[value("shapes", "maxout(784, 240, 5)(ones([2, 784])).shape", "[2, 240]")],
    call: |call| {
        made(Network::of(Maxout {
            inputs: positive(call, INPUTS)?,
            units: positive(call, UNITS)?,
            pieces: positive(call, PIECES)?,
            init: init(call)?,
        }))
    },
};

const COUNT: Param<usize> = param("count", types::SIZE, "number of labels");
const SIZE: Param<usize> = param("size", types::SIZE, "length of a row");
const EMBEDDING_INIT: Maybe<Init> = param("init", types::INITIALIZER, "how the table starts").maybe("normal(0, 1)");
static EMBEDDING: Entry = Entry {
    name: "embedding",
    group: "layer",
    summary: "a row of a table for each label",
    params: &[COUNT.param(), SIZE.param()],
    options: &[EMBEDDING_INIT.opt()],
    returns: NET,
    shapes: "[..] of ints → [.., size]",
    errors: &["when called: labels that are not whole numbers in 0..count"],
    examples: &[value("three labels", "embedding(10, 4)(int(tensor([1, 5, 1]))).shape", "[3, 4]")],
    call: |call| {
        let init = EMBEDDING_INIT.of(call)?.unwrap_or(Init::Normal(0.0, 1.0));
        made(Network::of(Embedding { count: positive(call, COUNT)?, size: positive(call, SIZE)?, init }))
    },
    ..ENTRY
};

const KERNELS: Param<usize> = param("kernels", types::SIZE, "number of features appended").or(100);
const DIMS: Param<usize> = param("dims", types::SIZE, "dimensions in which closeness is measured").or(5);
static MINIBATCH_DISCRIMINATION: Entry = Entry {
    name: "minibatch_discrimination",
    group: "layer",
    summary: "appends features that tell how close each sample is to the others of its batch",
    params: &[INPUTS.param(), KERNELS.param(), DIMS.param()],
    options: &[INIT.opt()],
    returns: NET,
    shapes: "[n, inputs] → [n, inputs + kernels]",
    errors: &["when called: an input of another shape"],
    source: &[cite::SALIMANS_2016, ", section 3.2; slide 57"],
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
        made(Network::of(MinibatchDiscrimination {
            inputs: positive(call, INPUTS)?,
            kernels: positive(call, KERNELS)?,
            dims: positive(call, DIMS)?,
            init: init(call)?,
        }))
    },
};

const MASK: Param<Tensor> =
    param("mask", types::TENSOR, "[outputs, inputs]: 1 where an output may see an input, else 0");
static MASKED_LINEAR: Entry = Entry {
    name: "masked_linear",
    group: "layer",
    summary: "a linear layer whose weights are multiplied by a fixed mask",
    params: &[INPUTS.param(), OUTPUTS.param(), MASK.param()],
    options: &[BIAS.opt(), INIT.opt()],
    returns: NET,
    shapes: "[.., inputs] → [.., outputs]",
    errors: &["a mask of another shape, or with something else than 0 and 1", "a size below 1"],
    source: &[cite::GERMAIN_2015, " (MADE)"],
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
        let (inputs, outputs) = (positive(call, INPUTS)?, positive(call, OUTPUTS)?);
        let mask = MASK.of(call)?;
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
        let layer = Linear { inputs, outputs, bias: BIAS.of(call)?, init: init(call)?, bias_init: None };
        made(masked(layer, &mask))
    },
};

const CHANNELS: Param<usize> = param("channels", types::SIZE, "channels of the images");
const INNER: Maybe<usize> =
    param("inner", types::SIZE, "channels of queries and keys").maybe("channels / 8, at least 1");
static SELF_ATTENTION: Entry = Entry {
    name: "self_attention",
    group: "layer",
    summary: "adds to every pixel what it takes from all others, times a trained factor that starts at 0",
    params: &[CHANNELS.param()],
    options: &[INNER.opt(), INIT.opt()],
    returns: NET,
    shapes: "[n, channels, h, w], unchanged; memory grows with (h·w)²",
    errors: &["a size below 1", "when called: another number of channels"],
    source: &[cite::ZHANG_2019, " (SAGAN)"],
    examples: &[value(
        "it starts as the identity",
        "let x = randn([2, 8, 4, 4]);\nsum(abs(self_attention(8)(x) - x)).item()",
        "0.0",
    )],
    call: |call| {
        let channels = positive(call, CHANNELS)?;
        let inner = INNER.of(call)?.unwrap_or((channels / 8).max(1));
        if inner == 0 {
            return Err(Fault::value("self_attention: inner must be at least 1"));
        }
        made(Network::of(SelfAttention { channels, inner, init: init(call)? }))
    },
};
