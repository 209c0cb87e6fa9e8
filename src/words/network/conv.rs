//! Convolution layers.

use super::super::tensor::{fails, opt, param, value};
use super::init::option as init;
use super::layers::{BIAS, INIT, NET, positive};
use super::value::made;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Opt, Param, Ty};
use saddle_fault::{Fault, Result};
use saddle_nn::Network;
use saddle_nn::layers::{Conv1d, Conv2d, ConvTranspose2d, Sight, autoregressive_mask, masked};
use saddle_tensor::Geometry;

pub static ENTRIES: &[&Entry] = &[&CONV2D, &CONV_TRANSPOSE2D, &CONV1D, &CAUSAL_CONV1D, &MASKED_CONV2D];

const PAIR: Ty = Ty::OneOf(&[Ty::Int, Ty::Shape]);

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
    if g.groups == 0 || !inputs.is_multiple_of(g.groups) || !outputs.is_multiple_of(g.groups) {
        return Err(Fault::value(format!(
            "{}: groups {} must divide {inputs} input and {outputs} output channels",
            call.entry.name, g.groups
        )));
    }
    Ok(())
}

fn kernel(call: &Call) -> Result<[usize; 2]> {
    Ok([positive(call, 2)?; 2])
}

const STRIDE: Opt = opt("stride", PAIR, "1", "steps between places: a number, or [height, width]");
const PADDING: Opt = opt("padding", PAIR, "0", "zeros added on each side");
const DILATION: Opt = opt("dilation", PAIR, "1", "distance between the kernel's elements");
const GROUPS: Opt = opt("groups", Ty::Int, "1", "channels are split into this many independent groups");
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
};

static CONV_TRANSPOSE2D: Entry = Entry {
    name: "conv_transpose2d",
    group: "layer",
    summary: "a transposed two-dimensional convolution layer: it enlarges",
    params: &[CHANNELS_IN, CHANNELS_OUT, KERNEL],
    options: &[
        STRIDE,
        PADDING,
        opt("output_padding", PAIR, "0", "rows and columns added at the end, smaller than the stride"),
        DILATION,
        GROUPS,
        BIAS,
        INIT,
    ],
    returns: NET,
    shapes: "[n, inputs, h, w] → [n, outputs, (h − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1, …]",
    errors: &["a size below 1", "groups that do not divide the channels", "when called: channels that differ"],
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
};

/// A convolution layer of sequences.
fn sequence(call: &Call, sight: Sight) -> Result<Dynamic> {
    let (inputs, outputs, kernel) = (positive(call, 0)?, positive(call, 1)?, positive(call, 2)?);
    // Options that this word does not have stay at their defaults.
    let has = |key: &str| call.entry.options.iter().any(|o| o.key == key);
    let size = |key: &str, default: usize| match has(key) {
        true => call.options.size(key, default),
        false => Ok(default),
    };
    let geometry = Geometry {
        stride: [1, size("stride", 1)?],
        padding: [0, size("padding", 0)?],
        dilation: [1, size("dilation", 1)?],
        groups: size("groups", 1)?,
    };
    grouped(call, &geometry, inputs, outputs)?;
    if geometry.stride[1] == 0 || geometry.dilation[1] == 0 {
        return Err(Fault::value(format!("{}: stride and dilation must be at least 1", call.entry.name)));
    }
    made(Network::of(Conv1d {
        inputs,
        outputs,
        kernel,
        geometry,
        sight,
        bias: call.options.bool("bias", true)?,
        init: init(&call.options)?,
    }))
}

const WIDTH: Param = param("kernel", Ty::Int, "length of the kernels");
const DILATION_1D: Opt = opt("dilation", Ty::Int, "1", "distance between the kernel's elements");

static CONV1D: Entry = Entry {
    name: "conv1d",
    group: "layer",
    summary: "a convolution layer of sequences",
    params: &[CHANNELS_IN, CHANNELS_OUT, WIDTH],
    options: &[
        opt("stride", Ty::Int, "1", "steps between places"),
        opt("padding", Ty::Int, "0", "zeros at both ends"),
        DILATION_1D,
        GROUPS,
        BIAS,
        INIT,
    ],
    returns: NET,
    shapes: "[n, inputs, length] → [n, outputs, (length + 2·padding − dilation·(kernel − 1) − 1) / stride + 1]",
    errors: CONV2D.errors,
    examples: &[value("the length stays", "conv1d(2, 4, 3, #{ padding: 1 })(ones([5, 2, 10])).shape", "[5, 4, 10]")],
    call: |call| sequence(call, Sight::Around),
    ..ENTRY
};

static CAUSAL_CONV1D: Entry = Entry {
    name: "causal_conv1d",
    group: "layer",
    summary: "a convolution layer of sequences in which no output sees what comes after it",
    params: &[CHANNELS_IN, CHANNELS_OUT, WIDTH],
    options: &[
        DILATION_1D,
        opt(
            "strict",
            Ty::Bool,
            "false",
            "an output does not see its own place either: for the first layer of an autoregressive model",
        ),
        GROUPS,
        BIAS,
        INIT,
    ],
    returns: NET,
    shapes: "[n, inputs, length] → [n, outputs, length]",
    errors: &["a size below 1", "groups that do not divide the channels", "when called: channels that differ"],
    source: "van den Oord et al. 2016 (WaveNet): dilation 1, 2, 4, 8, …",
    examples: &[
        value(
            "running sums of two",
            "causal_conv1d(1, 1, 2, #{ bias: false, init: constant(1) })(tensor([[[1, 2, 4]]])).to_array()[0][0]",
            "[1.0, 3.0, 6.0]",
        ),
        value(
            "strict: the sums of what came before",
            "causal_conv1d(1, 1, 2, #{ strict: true, bias: false, init: constant(1) })(tensor([[[1, 2, 4]]])).to_array()[0][0]",
            "[0.0, 1.0, 3.0]",
        ),
    ],
    call: |call| match call.options.bool("strict", false)? {
        true => sequence(call, Sight::Before),
        false => sequence(call, Sight::Causal),
    },
};

static MASKED_CONV2D: Entry = Entry {
    name: "masked_conv2d",
    group: "layer",
    summary: "a convolution layer in which each pixel sees only those before it, in reading order",
    params: &[CHANNELS_IN, CHANNELS_OUT, param("kernel", Ty::Int, "height and width of the kernels: odd")],
    options: &[
        opt(
            "mask",
            Ty::Text,
            "\"B\"",
            "\"A\": the pixel itself is not seen either (the first layer); \"B\": it is (all others)",
        ),
        opt(
            "colours",
            Ty::Int,
            "1",
            "colours of a pixel, to which its channels belong in equal parts: of its own pixel each sees also those before it",
        ),
        BIAS,
        INIT,
    ],
    returns: NET,
    shapes: "[n, inputs, h, w] → [n, outputs, h, w]",
    errors: &[
        "an even kernel",
        "a mask other than A and B",
        "channels that cannot be shared equally among the colours",
        "when called: channels that differ",
    ],
    source: "van den Oord et al. 2016 (PixelRNN and PixelCNN)",
    examples: &[
        value(
            "how many ones each pixel sees",
            "masked_conv2d(1, 1, 3, #{ mask: \"A\", bias: false, init: constant(1) })(ones([1, 1, 2, 3])).to_array()[0][0]",
            "[[0.0, 1.0, 1.0], [2.0, 4.0, 3.0]]",
        ),
        value(
            "green sees red",
            "masked_conv2d(3, 3, 1, #{ mask: \"A\", colours: 3, bias: false, init: constant(1) })(ones([1, 3, 1, 1])).flatten().to_array()",
            "[0.0, 1.0, 2.0]",
        ),
        fails(
            "channels of no colour",
            "masked_conv2d(3, 16, 3, #{ colours: 3 })",
            "16 channels cannot be shared equally among 3 colours",
        ),
        fails("an even kernel", "masked_conv2d(1, 1, 4)", "kernel must be odd"),
    ],
    call: |call| {
        let (inputs, outputs, size) = (positive(call, 0)?, positive(call, 1)?, positive(call, 2)?);
        if size % 2 == 0 {
            return Err(Fault::value(format!("masked_conv2d: kernel must be odd, got {size}")));
        }
        let colours = call.options.size("colours", 1)?;
        if colours == 0 {
            return Err(Fault::value("masked_conv2d: colours must be at least 1, got 0"));
        }
        if let Some(channels) = [inputs, outputs].iter().find(|&n| n % colours != 0) {
            return Err(Fault::value(format!(
                "masked_conv2d: {channels} channels cannot be shared equally among {colours} colours"
            ))
            .hint("make inputs and outputs multiples of the colours"));
        }
        let with_own = match call.options.text("mask")?.as_deref() {
            Some("A") => false,
            Some("B") | None => true,
            Some(other) => {
                return Err(Fault::value(format!("masked_conv2d: mask must be \"A\" or \"B\", got \"{other}\"")));
            }
        };
        let mask = autoregressive_mask([outputs, inputs, size, size], colours, with_own);
        let layer = Conv2d {
            inputs,
            outputs,
            kernel: [size; 2],
            geometry: Geometry { padding: [size / 2; 2], ..Geometry::default() },
            bias: call.options.bool("bias", true)?,
            init: init(&call.options)?,
        };
        made(masked(layer, &mask))
    },
};
