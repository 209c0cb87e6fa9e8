//! Layers with parameters.

use super::super::tensor::{fails, opt, optional, param, runs, value};
use super::init::option as init;
use super::value::made;
use crate::catalog::{Call, ENTRY, Entry, Opt, Param, Ty};
use crate::fault::{Fault, Result};
use crate::nn::layers::{
    BatchNorm, Conv2d, ConvTranspose2d, Embedding, InstanceNorm, LayerNorm, Linear, Maxout,
    MinibatchDiscrimination,
};
use crate::nn::{Init, Network};
use crate::tensor::{Geometry, check_shape};

pub static ENTRIES: &[&Entry] = &[
    &LINEAR,
    &MAXOUT,
    &CONV2D,
    &CONV_TRANSPOSE2D,
    &EMBEDDING,
    &BATCH_NORM,
    &LAYER_NORM,
    &INSTANCE_NORM,
    &MINIBATCH_DISCRIMINATION,
];

const NET: Ty = Ty::Of("network");
const INIT: Opt = opt(
    "init",
    Ty::Of("initializer"),
    "uniform in ±1/√inputs",
    "how weights start: normal(0, 0.02), xavier(), …",
);
const BIAS: Opt = opt("bias", Ty::Bool, "true", "whether a bias is added");
const INPUTS: Param = param("inputs", Ty::Int, "size of the last dim of the input");
const PAIR: Ty = Ty::OneOf(&[Ty::Int, Ty::Shape]);

/// A size that must be at least 1; all sizes together must be those of a tensor that fits in memory.
fn positive(call: &Call, i: usize) -> Result<usize> {
    let sizes = call.args.rest(0).filter_map(|v| v.as_int().ok());
    let sizes: Vec<usize> = sizes.filter_map(|n| usize::try_from(n).ok()).collect();
    check_shape(call.entry.name, &sizes)?;
    match call.args.size(i)? {
        0 => Err(Fault::value(format!(
            "{}: {} must be at least 1",
            call.entry.name, call.entry.params[i].name
        ))),
        n => Ok(n),
    }
}

static LINEAR: Entry = Entry {
    name: "linear",
    group: "layer",
    summary: "a linear layer: y = x·Wᵀ + b",
    params: &[
        INPUTS,
        param("outputs", Ty::Int, "size of the last dim of the output"),
    ],
    options: &[
        BIAS,
        INIT,
        opt(
            "bias_init",
            Ty::Of("initializer"),
            "as init, or 0 where init is given",
            "how the bias starts",
        ),
    ],
    returns: NET,
    shapes: "[.., inputs] → [.., outputs]; weight [outputs, inputs], bias [outputs]",
    errors: &[
        "a size below 1",
        "when called: a last dim other than inputs",
    ],
    examples: &[
        value("shapes", "linear(3, 2)(ones([5, 3])).shape", "[5, 2]"),
        fails(
            "an option that does not exist",
            "linear(3, 2, #{ biass: false })",
            "unknown option `biass`",
        ),
    ],
    call: |call| {
        let given = call.options.has("init");
        let bias_init = call
            .options
            .has("bias_init")
            .then(|| bias_init(call))
            .transpose()?;
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
    examples: &[value(
        "shapes",
        "maxout(784, 240, 5)(ones([2, 784])).shape",
        "[2, 240]",
    )],
    call: |call| {
        made(Network::of(Maxout {
            inputs: positive(call, 0)?,
            units: positive(call, 1)?,
            pieces: positive(call, 2)?,
            init: init(&call.options)?,
        }))
    },
    ..ENTRY
};

/// A number for both axes, or [height, width].
fn pair(call: &Call, key: &str, default: usize) -> Result<[usize; 2]> {
    match call.options.any(key) {
        None => Ok([default; 2]),
        Some(v) if v.is_int() => Ok([call.options.size(key, default)?; 2]),
        Some(v) => match call.options.shape(key)?.as_deref() {
            Some(&[h, w]) => Ok([h, w]),
            _ => Err(call.options.wrong(key, v)),
        },
    }
}

fn geometry(call: &Call) -> Result<Geometry> {
    Ok(Geometry {
        stride: pair(call, "stride", 1)?,
        padding: pair(call, "padding", 0)?,
        dilation: pair(call, "dilation", 1)?,
        groups: call.options.size("groups", 1)?,
    })
}

/// Checks that groups divide both numbers of channels.
fn grouped(call: &Call, g: &Geometry, inputs: usize, outputs: usize) -> Result<()> {
    if g.groups == 0 || inputs % g.groups != 0 || outputs % g.groups != 0 {
        return Err(Fault::value(format!(
            "{}: groups {} must divide {inputs} input and {outputs} output channels",
            call.entry.name, g.groups
        )));
    }
    Ok(())
}

fn kernel(call: &Call) -> Result<[usize; 2]> {
    let k = positive(call, 2)?;
    check_shape(
        call.entry.name,
        &[call.args.size(0)?, call.args.size(1)?, k, k],
    )?;
    Ok([k; 2])
}

const STRIDE: Opt = opt(
    "stride",
    PAIR,
    "1",
    "steps between places: a number, or [height, width]",
);
const PADDING: Opt = opt("padding", PAIR, "0", "zeros added on each side");
const DILATION: Opt = opt(
    "dilation",
    PAIR,
    "1",
    "distance between the kernel's elements",
);
const GROUPS: Opt = opt(
    "groups",
    Ty::Int,
    "1",
    "channels are split into this many independent groups",
);
const CHANNELS_IN: Param = param("inputs", Ty::Int, "input channels");
const CHANNELS_OUT: Param = param("outputs", Ty::Int, "output channels");
const KERNEL: Param = param("kernel", Ty::Int, "height and width of the kernels");

static CONV2D: Entry = Entry {
    name: "conv2d",
    group: "layer",
    summary: "a two-dimensional convolution layer",
    params: &[CHANNELS_IN, CHANNELS_OUT, KERNEL],
    options: &[STRIDE, PADDING, DILATION, GROUPS, BIAS, INIT],
    returns: NET,
    shapes: "[n, inputs, h, w] → [n, outputs, (h + 2·padding − dilation·(kernel − 1) − 1) / stride + 1, …]",
    errors: &[
        "a size below 1",
        "groups that do not divide the channels",
        "when called: channels that differ, a kernel larger than the input",
    ],
    source: "Radford et al. 2016: kernel 4, stride 2, padding 1 halves an image",
    examples: &[value(
        "halves an image",
        "conv2d(1, 16, 4, #{ stride: 2, padding: 1 })(ones([2, 1, 28, 28])).shape",
        "[2, 16, 14, 14]",
    )],
    call: |call| {
        let (inputs, outputs, geometry) = (positive(call, 0)?, positive(call, 1)?, geometry(call)?);
        grouped(call, &geometry, inputs, outputs)?;
        made(Network::of(Conv2d {
            inputs,
            outputs,
            kernel: kernel(call)?,
            geometry,
            bias: call.options.bool("bias", true)?,
            init: init(&call.options)?,
        }))
    },
    ..ENTRY
};

static CONV_TRANSPOSE2D: Entry = Entry {
    name: "conv_transpose2d",
    group: "layer",
    summary: "a transposed two-dimensional convolution layer: it enlarges",
    params: &[CHANNELS_IN, CHANNELS_OUT, KERNEL],
    options: &[
        STRIDE,
        PADDING,
        opt(
            "output_padding",
            PAIR,
            "0",
            "rows and columns added at the end, smaller than the stride",
        ),
        DILATION,
        GROUPS,
        BIAS,
        INIT,
    ],
    returns: NET,
    shapes: "[n, inputs, h, w] → [n, outputs, (h − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1, …]",
    errors: &[
        "a size below 1",
        "groups that do not divide the channels",
        "when called: channels that differ",
    ],
    source: "Radford et al. 2016: kernel 4, stride 2, padding 1 doubles an image",
    examples: &[value(
        "doubles an image",
        "conv_transpose2d(8, 1, 4, #{ stride: 2, padding: 1 })(ones([2, 8, 14, 14])).shape",
        "[2, 1, 28, 28]",
    )],
    call: |call| {
        let (inputs, outputs, geometry) = (positive(call, 0)?, positive(call, 1)?, geometry(call)?);
        grouped(call, &geometry, inputs, outputs)?;
        made(Network::of(ConvTranspose2d {
            inputs,
            outputs,
            kernel: kernel(call)?,
            geometry,
            output_padding: pair(call, "output_padding", 0)?,
            bias: call.options.bool("bias", true)?,
            init: init(&call.options)?,
        }))
    },
    ..ENTRY
};

static EMBEDDING: Entry = Entry {
    name: "embedding",
    group: "layer",
    summary: "a row of a table for each label",
    params: &[
        param("count", Ty::Int, "number of labels"),
        param("size", Ty::Int, "length of a row"),
    ],
    options: &[opt(
        "init",
        Ty::Of("initializer"),
        "normal(0, 1)",
        "how the table starts",
    )],
    returns: NET,
    shapes: "[..] of ints → [.., size]",
    errors: &["when called: labels that are not whole numbers in 0..count"],
    examples: &[value(
        "three labels",
        "embedding(10, 4)(int(tensor([1, 5, 1]))).shape",
        "[3, 4]",
    )],
    call: |call| {
        let init = if call.options.has("init") {
            init(&call.options)?
        } else {
            Init::Normal(0.0, 1.0)
        };
        made(Network::of(Embedding {
            count: positive(call, 0)?,
            size: positive(call, 1)?,
            init,
        }))
    },
    ..ENTRY
};

static BATCH_NORM: Entry = Entry {
    name: "batch_norm",
    group: "layer",
    summary: "each channel with mean 0 and variance 1 over the batch, then a trained gain and shift",
    params: &[param("channels", Ty::Int, "size of dim 1")],
    options: &[
        opt("eps", Ty::Number, "1e-5", "added to the variance"),
        opt(
            "momentum",
            Ty::Number,
            "0.1",
            "weight of the newest batch in the running statistics",
        ),
        opt(
            "init",
            Ty::Of("initializer"),
            "constant(1)",
            "how the gain starts; DCGAN: normal(1, 0.02)",
        ),
    ],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: &[
        "when called: another number of channels",
        "in train mode: a single value a channel",
    ],
    source: "Ioffe and Szegedy 2015; slide 42",
    examples: &[value(
        "a batch of two",
        "batch_norm(1)(tensor([[1], [3]])).to_array()",
        "[[-0.9999949932098389], [0.9999949932098389]]",
    )],
    call: |call| {
        let gain = if call.options.has("init") {
            init(&call.options)?
        } else {
            Init::Constant(1.0)
        };
        made(Network::of(BatchNorm {
            channels: positive(call, 0)?,
            eps: call.options.number("eps", 1e-5)? as f32,
            momentum: call.options.number("momentum", 0.1)? as f32,
            gain,
        }))
    },
    ..ENTRY
};

static LAYER_NORM: Entry = Entry {
    name: "layer_norm",
    group: "layer",
    summary: "each sample with mean 0 and variance 1 over its last dims, then a trained gain and shift",
    params: &[param(
        "shape",
        Ty::OneOf(&[Ty::Int, Ty::Shape]),
        "the last dims: a size, or an array of sizes",
    )],
    options: &[opt("eps", Ty::Number, "1e-5", "added to the variance")],
    returns: NET,
    shapes: "[.., shape..], unchanged",
    errors: &["when called: an input that does not end with the shape"],
    source: "Ba et al. 2016",
    examples: &[value(
        "shapes",
        "layer_norm(4)(ones([2, 4])).shape",
        "[2, 4]",
    )],
    call: |call| {
        let shape = if call.args.any(0).is_int() {
            vec![positive(call, 0)?]
        } else {
            call.args.shape(0)?
        };
        check_shape("layer_norm", &shape)?;
        made(Network::of(LayerNorm {
            shape,
            eps: call.options.number("eps", 1e-5)? as f32,
        }))
    },
    ..ENTRY
};

static INSTANCE_NORM: Entry = Entry {
    name: "instance_norm",
    group: "layer",
    summary: "each channel of each image with mean 0 and variance 1, then a trained gain and shift",
    params: &[param("channels", Ty::Int, "size of dim 1")],
    options: &[opt("eps", Ty::Number, "1e-5", "added to the variance")],
    returns: NET,
    shapes: "[n, channels, h, w], unchanged",
    errors: &["when called: another number of channels, or no space"],
    source: "Ulyanov et al. 2016",
    examples: &[value(
        "shapes",
        "instance_norm(3)(ones([2, 3, 4, 4])).shape",
        "[2, 3, 4, 4]",
    )],
    call: |call| {
        made(Network::of(InstanceNorm {
            channels: positive(call, 0)?,
            eps: call.options.number("eps", 1e-5)? as f32,
        }))
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
        optional(
            "dims",
            Ty::Int,
            "5",
            "dimensions in which closeness is measured",
        ),
    ],
    options: &[INIT],
    returns: NET,
    shapes: "[n, inputs] → [n, inputs + kernels]",
    errors: &["when called: an input of another shape"],
    source: "Salimans et al. 2016, section 3.2; slide 57",
    examples: &[runs(
        "in a discriminator",
        "let D = sequential([linear(2, 32), relu(), minibatch_discrimination(32, 10, 5), linear(42, 1)]);\nlet y = D(randn([8, 2]));",
    )],
    call: |call| {
        let or = |i: usize, n: usize| {
            if call.args.has(i) {
                positive(call, i)
            } else {
                Ok(n)
            }
        };
        made(Network::of(MinibatchDiscrimination {
            inputs: positive(call, 0)?,
            kernels: or(1, 100)?,
            dims: or(2, 5)?,
            init: init(&call.options)?,
        }))
    },
    ..ENTRY
};
