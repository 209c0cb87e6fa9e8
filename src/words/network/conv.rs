//! Convolution layers.

use super::layers::{BIAS, INIT, init, positive};
use super::value::{NET, made};
use crate::cite;
use crate::tensor::conv::{DILATION, GROUPS, OUTPUT_PADDING, PADDING, STRIDE, geometry};
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Param, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_nn::Network;
use saddle_nn::layers::{Conv1d, Conv2d, ConvTranspose2d, Sight, autoregressive};
use saddle_tensor::Geometry;

pub static ENTRIES: &[&Entry] = &[&CONV2D, &CONV_TRANSPOSE2D, &CONV1D, &CAUSAL_CONV1D, &MASKED_CONV2D];

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
    Ok([positive(call, KERNEL)?; 2])
}

const CHANNELS_IN: Param<usize> = param("inputs", types::SIZE, "input channels");
const CHANNELS_OUT: Param<usize> = param("outputs", types::SIZE, "output channels");
const KERNEL: Param<usize> = param("kernel", types::SIZE, "height and width of the kernels");
static CONV2D: Entry = Entry {
    name: "conv2d",
    group: "layer",
    summary: "a two-dimensional convolution layer",
    params: &[CHANNELS_IN.param(), CHANNELS_OUT.param(), KERNEL.param()],
    options: &[STRIDE.opt(), PADDING.opt(), DILATION.opt(), GROUPS.opt(), BIAS.opt(), INIT.opt()],
    returns: NET,
    shapes: "[n, inputs, h, w] → [n, outputs, (h + 2·padding − dilation·(kernel − 1) − 1) / stride + 1, …]",
    errors: &[
        "a size below 1",
        "groups that do not divide the channels",
        "when called: channels that differ, a kernel larger than the input",
    ],
    source: &[cite::RADFORD_2016, ": kernel 4, stride 2, padding 1 halves an image"],
    examples: &[value(
        "halves an image",
        "conv2d(1, 16, 4, #{ stride: 2, padding: 1 })(ones([2, 1, 28, 28])).shape",
        "[2, 16, 14, 14]",
    )],
    call: |call| {
        let (inputs, outputs, geometry) =
            (positive(call, CHANNELS_IN)?, positive(call, CHANNELS_OUT)?, geometry(call)?);
        grouped(call, &geometry, inputs, outputs)?;
        made(Network::of(Conv2d {
            inputs,
            outputs,
            kernel: kernel(call)?,
            geometry,
            bias: BIAS.of(call)?,
            init: init(call)?,
        }))
    },
};

static CONV_TRANSPOSE2D: Entry = Entry {
    name: "conv_transpose2d",
    group: "layer",
    summary: "a transposed two-dimensional convolution layer: it enlarges",
    params: &[CHANNELS_IN.param(), CHANNELS_OUT.param(), KERNEL.param()],
    options: &[STRIDE.opt(), PADDING.opt(), OUTPUT_PADDING.opt(), DILATION.opt(), GROUPS.opt(), BIAS.opt(), INIT.opt()],
    returns: NET,
    shapes: "[n, inputs, h, w] → [n, outputs, (h − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1, …]",
    errors: &["a size below 1", "groups that do not divide the channels", "when called: channels that differ"],
    source: &[cite::RADFORD_2016, ": kernel 4, stride 2, padding 1 doubles an image"],
    examples: &[value(
        "doubles an image",
        "conv_transpose2d(8, 1, 4, #{ stride: 2, padding: 1 })(ones([2, 8, 14, 14])).shape",
        "[2, 1, 28, 28]",
    )],
    call: |call| {
        let (inputs, outputs, geometry) =
            (positive(call, CHANNELS_IN)?, positive(call, CHANNELS_OUT)?, geometry(call)?);
        grouped(call, &geometry, inputs, outputs)?;
        made(Network::of(ConvTranspose2d {
            inputs,
            outputs,
            kernel: kernel(call)?,
            geometry,
            output_padding: OUTPUT_PADDING.of(call)?,
            bias: BIAS.of(call)?,
            init: init(call)?,
        }))
    },
};

/// A convolution layer of sequences.
fn sequence(call: &Call, sight: Sight, stride: usize, padding: usize) -> Result<Dynamic> {
    let (inputs, outputs) = (positive(call, CHANNELS_IN)?, positive(call, CHANNELS_OUT)?);
    let kernel = positive(call, WIDTH)?;
    let geometry = Geometry {
        stride: [1, stride],
        padding: [0, padding],
        dilation: [1, DILATION_1D.of(call)?],
        groups: GROUPS.of(call)?,
        taps: None,
    };
    grouped(call, &geometry, inputs, outputs)?;
    if geometry.stride[1] == 0 || geometry.dilation[1] == 0 {
        return Err(Fault::value(format!("{}: stride and dilation must be at least 1", call.entry.name)));
    }
    made(Network::of(Conv1d { inputs, outputs, kernel, geometry, sight, bias: BIAS.of(call)?, init: init(call)? }))
}

const WIDTH: Param<usize> = param("kernel", types::SIZE, "length of the kernels");
const DILATION_1D: Param<usize> = param("dilation", types::SIZE, "distance between the kernel's elements").or(1);

const CONV1D_STRIDE: Param<usize> = param("stride", types::SIZE, "steps between places").or(1);
const CONV1D_PADDING: Param<usize> = param("padding", types::SIZE, "zeros at both ends").or(0);
static CONV1D: Entry = Entry {
    name: "conv1d",
    group: "layer",
    summary: "a convolution layer of sequences",
    params: &[CHANNELS_IN.param(), CHANNELS_OUT.param(), WIDTH.param()],
    options: &[CONV1D_STRIDE.opt(), CONV1D_PADDING.opt(), DILATION_1D.opt(), GROUPS.opt(), BIAS.opt(), INIT.opt()],
    returns: NET,
    shapes: "[n, inputs, length] → [n, outputs, (length + 2·padding − dilation·(kernel − 1) − 1) / stride + 1]",
    errors: CONV2D.errors,
    examples: &[value("the length stays", "conv1d(2, 4, 3, #{ padding: 1 })(ones([5, 2, 10])).shape", "[5, 4, 10]")],
    call: |call| sequence(call, Sight::Around, CONV1D_STRIDE.of(call)?, CONV1D_PADDING.of(call)?),
    ..ENTRY
};

const STRICT: Param<bool> = param(
    "strict",
    types::BOOL,
    "an output does not see its own place either: for the first layer of an autoregressive model",
)
.or(false);
static CAUSAL_CONV1D: Entry = Entry {
    name: "causal_conv1d",
    group: "layer",
    summary: "a convolution layer of sequences in which no output sees what comes after it",
    params: &[CHANNELS_IN.param(), CHANNELS_OUT.param(), WIDTH.param()],
    options: &[DILATION_1D.opt(), STRICT.opt(), GROUPS.opt(), BIAS.opt(), INIT.opt()],
    returns: NET,
    shapes: "[n, inputs, length] → [n, outputs, length]",
    errors: &["a size below 1", "groups that do not divide the channels", "when called: channels that differ"],
    source: &[cite::VAN_DEN_OORD_2016, " (WaveNet): dilation 1, 2, 4, 8, …"],
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
    call: |call| match STRICT.of(call)? {
        true => sequence(call, Sight::Before, 1, 0),
        false => sequence(call, Sight::Causal, 1, 0),
    },
};

const MASKED_CONV2D_KERNEL: Param<usize> = param("kernel", types::SIZE, "height and width of the kernels: odd");
const MASK: Param<String> = param(
    "mask",
    types::TEXT,
    "\"A\": the pixel itself is not seen either (the first layer); \"B\": it is (all others)",
)
.or("B");
const COLOURS: Param<usize> = param(
    "colours",
    types::SIZE,
    "colours of a pixel, to which its channels belong in equal parts: of its own pixel each sees also those before it",
)
.or(1);
static MASKED_CONV2D: Entry = Entry {
    name: "masked_conv2d",
    group: "layer",
    summary: "a convolution layer in which each pixel sees only those before it, in reading order",
    params: &[CHANNELS_IN.param(), CHANNELS_OUT.param(), MASKED_CONV2D_KERNEL.param()],
    options: &[MASK.opt(), COLOURS.opt(), BIAS.opt(), INIT.opt()],
    returns: NET,
    shapes: "[n, inputs, h, w] → [n, outputs, h, w]",
    errors: &[
        "an even kernel",
        "a mask other than A and B",
        "channels that cannot be shared equally among the colours",
        "when called: channels that differ",
    ],
    source: &[cite::VAN_DEN_OORD_2016, " (PixelRNN and PixelCNN)"],
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
        let (inputs, outputs, size) =
            (positive(call, CHANNELS_IN)?, positive(call, CHANNELS_OUT)?, positive(call, MASKED_CONV2D_KERNEL)?);
        if size % 2 == 0 {
            return Err(Fault::value(format!("masked_conv2d: kernel must be odd, got {size}")));
        }
        let colours = COLOURS.of(call)?;
        if colours == 0 {
            return Err(Fault::value("masked_conv2d: colours must be at least 1, got 0"));
        }
        if let Some(channels) = [inputs, outputs].iter().find(|&n| n % colours != 0) {
            return Err(Fault::value(format!(
                "masked_conv2d: {channels} channels cannot be shared equally among {colours} colours"
            ))
            .hint("make inputs and outputs multiples of the colours"));
        }
        let with_own = match MASK.of(call)?.as_str() {
            "A" => false,
            "B" => true,
            other => {
                return Err(Fault::value(format!("masked_conv2d: mask must be \"A\" or \"B\", got \"{other}\"")));
            }
        };
        let layer = Conv2d {
            inputs,
            outputs,
            kernel: [size; 2],
            geometry: Geometry { padding: [size / 2; 2], ..Geometry::default() },
            bias: BIAS.of(call)?,
            init: init(call)?,
        };
        made(autoregressive(layer, colours, with_own))
    },
};
