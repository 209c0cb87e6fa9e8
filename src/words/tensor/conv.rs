//! Convolutions with given kernels, pooling, resampling and table look-up. The layers of the same names hold their
//! kernels.

use crate::cite;
use crate::convert::wrap;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, Ty, fails, param, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Geometry, Tensor, Window, shown};

pub static ENTRIES: &[&Entry] =
    &[&CONV2D, &CONV_TRANSPOSE2D, &CONV1D, &AVG_POOL2D, &MAX_POOL2D, &UPSAMPLE, &RESIZE, &PIXEL_SHUFFLE, &EMBEDDING];

const GROUP: &str = "convolution";
const IMAGES: Param<Tensor> = param("x", types::TENSOR, "images [n, c, h, w]");
const BIAS: Maybe<Tensor> = param("bias", types::TENSOR, "[out], added to each channel").maybe("none");
pub(crate) const STRIDE: Param<[usize; 2]> =
    param("stride", types::PAIR, "how far the kernel moves: a number, or [height, width]").or(1);
pub(crate) const PADDING: Param<[usize; 2]> =
    param("padding", types::PAIR, "zeros around the image: a number, or [height, width]").or(0);
pub(crate) const DILATION: Param<[usize; 2]> =
    param("dilation", types::PAIR, "the distance of the kernel's points: a number, or [height, width]").or(1);
pub(crate) const GROUPS: Param<usize> =
    param("groups", types::SIZE, "channels are split into so many groups, each with its own kernels").or(1);

const ERRORS: &[&str] = &[
    "ranks that do not fit",
    "channels that do not fit the kernels and groups",
    "a kernel larger than the padded input",
    "a stride, dilation or number of groups of 0",
];

/// What the options of a convolution say, those of a layer too.
pub(crate) fn geometry(call: &Call) -> Result<Geometry> {
    Ok(Geometry {
        stride: STRIDE.of(call)?,
        padding: PADDING.of(call)?,
        dilation: DILATION.of(call)?,
        groups: GROUPS.of(call)?,
        taps: None,
    })
}

/// Adds the option `bias` to the channels of `y [n, out, ..]`.
fn with_bias(call: &Call, y: Tensor) -> Result<Dynamic> {
    let Some(bias) = BIAS.of(call)? else {
        return Ok(wrap(y));
    };
    let out = y.shape()[1];
    if bias.shape()[..] != [out] {
        return Err(Fault::shape(format!(
            "{}: bias must be [{out}], one number a channel, got {}",
            call.entry.name,
            shown(&bias.shape())
        )));
    }
    let mut wide = vec![1; y.rank()];
    wide[1] = out;
    y.add(&bias.reshape(&wide)?).map(wrap)
}

const W: Param<Tensor> = param("w", types::TENSOR, "kernels [out, c / groups, kh, kw]");
static CONV2D: Entry = Entry {
    name: "conv2d",
    group: GROUP,
    summary: "images convolved with kernels (cross-correlation, as everywhere in deep learning)",
    params: &[IMAGES.param(), W.param()],
    options: &[BIAS.opt(), STRIDE.opt(), PADDING.opt(), DILATION.opt(), GROUPS.opt()],
    returns: Ty::Tensor,
    shapes: "[n, c, h, w], [out, c/groups, kh, kw] → [n, out, ⌊(h + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1, …]",
    errors: ERRORS,
    source: &[cite::DUMOULIN_2016],
    examples: &[
        value(
            "sums of neighbours",
            "conv2d(ones([1, 1, 3, 3]), ones([1, 1, 2, 2])).to_array()",
            "[[[[4.0, 4.0], [4.0, 4.0]]]]",
        ),
        value(
            "half the size",
            "conv2d(zeros([8, 3, 16, 16]), zeros([32, 3, 4, 4]), #{ stride: 2, padding: 1 }).shape",
            "[8, 32, 8, 8]",
        ),
        fails("channels", "conv2d(zeros([1, 3, 8, 8]), zeros([4, 1, 3, 3]))", "3 channels do not fit"),
    ],
    call: |call| {
        let y = IMAGES.of(call)?.conv2d(&W.of(call)?, &geometry(call)?)?;
        with_bias(call, y)
    },
};

const CONV_TRANSPOSE2D_W: Param<Tensor> = param("w", types::TENSOR, "kernels [c, out / groups, kh, kw]");
pub(crate) const OUTPUT_PADDING: Param<[usize; 2]> =
    param("output_padding", types::PAIR, "added to the size at one end; smaller than the stride or the dilation").or(0);
static CONV_TRANSPOSE2D: Entry = Entry {
    name: "conv_transpose2d",
    group: GROUP,
    summary: "the transposed convolution: the gradient of `conv2d` with respect to its images",
    params: &[IMAGES.param(), CONV_TRANSPOSE2D_W.param()],
    options: &[BIAS.opt(), STRIDE.opt(), PADDING.opt(), DILATION.opt(), GROUPS.opt(), OUTPUT_PADDING.opt()],
    returns: Ty::Tensor,
    shapes: "[n, c, h, w], [c, out/groups, kh, kw] → [n, out, (h − 1)·stride − 2·padding + dilation·(kh − 1) + output_padding + 1, …]",
    errors: ERRORS,
    source: &[cite::DUMOULIN_2016],
    examples: &[
        value(
            "one pixel as a kernel",
            "conv_transpose2d(ones([1, 1, 1, 1]), tensor([[[[1, 2], [3, 4]]]])).to_array()",
            "[[[[1.0, 2.0], [3.0, 4.0]]]]",
        ),
        value(
            "twice the size",
            "conv_transpose2d(zeros([8, 32, 8, 8]), zeros([32, 3, 4, 4]), #{ stride: 2, padding: 1 }).shape",
            "[8, 3, 16, 16]",
        ),
    ],
    call: |call| {
        let padding = OUTPUT_PADDING.of(call)?;
        let y = IMAGES.of(call)?.conv_transpose2d(&CONV_TRANSPOSE2D_W.of(call)?, &geometry(call)?, padding)?;
        with_bias(call, y)
    },
};

const X: Param<Tensor> = param("x", types::TENSOR, "sequences [n, c, length]");
const CONV1D_W: Param<Tensor> = param("w", types::TENSOR, "kernels [out, c / groups, k]");
const CONV1D_STRIDE: Param<[usize; 2]> =
    param("stride", types::PAIR.accepting(Ty::Int), "how far the kernel moves").or(1);
const CONV1D_PADDING: Param<[usize; 2]> = param("padding", types::PAIR.accepting(Ty::Int), "zeros at both ends").or(0);
const CONV1D_DILATION: Param<[usize; 2]> =
    param("dilation", types::PAIR.accepting(Ty::Int), "the distance of the kernel's points").or(1);
static CONV1D: Entry = Entry {
    name: "conv1d",
    group: GROUP,
    summary: "sequences convolved with kernels",
    params: &[X.param(), CONV1D_W.param()],
    options: &[BIAS.opt(), CONV1D_STRIDE.opt(), CONV1D_PADDING.opt(), CONV1D_DILATION.opt(), GROUPS.opt()],
    returns: Ty::Tensor,
    shapes: "[n, c, l], [out, c/groups, k] → [n, out, ⌊(l + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1]",
    errors: ERRORS,
    examples: &[value(
        "differences",
        "conv1d(tensor([[[1, 4, 9]]]), tensor([[[-1, 1]]])).to_array()",
        "[[[3.0, 5.0]]]",
    )],
    call: |call| {
        let y = X.of(call)?.conv1d(&CONV1D_W.of(call)?, &geometry(call)?)?;
        with_bias(call, y)
    },
    ..ENTRY
};

const SIZE: Param<[usize; 2]> = param("size", types::PAIR, "of the window: a number, or [height, width]");
const WINDOW_STRIDE: Maybe<[usize; 2]> = param("stride", types::PAIR, "how far the window moves").maybe("size");
const POOLED: &str = "[n, c, h, w] → [n, c, ⌊(h + 2·padding − size) / stride⌋ + 1, …]";
const POOL_ERRORS: &[&str] =
    &["a rank other than 4", "a window or stride of 0", "a window larger than the padded image"];

fn window(call: &Call) -> Result<Window> {
    let size = SIZE.of(call)?;
    let stride = WINDOW_STRIDE.of(call)?.unwrap_or(size);
    Ok(Window { size, stride, padding: PADDING.of(call)? })
}

static AVG_POOL2D: Entry = Entry {
    name: "avg_pool2d",
    group: GROUP,
    summary: "the mean of each window",
    params: &[IMAGES.param(), SIZE.param()],
    options: &[WINDOW_STRIDE.opt(), PADDING.opt()],
    returns: Ty::Tensor,
    shapes: POOLED,
    errors: POOL_ERRORS,
    examples: &[value("one window", "avg_pool2d(tensor([[[[1, 2], [3, 6]]]]), 2).to_array()", "[[[[3.0]]]]")],
    call: |call| IMAGES.of(call)?.avg_pool2d(&window(call)?).map(wrap),
    ..ENTRY
};

static MAX_POOL2D: Entry = Entry {
    name: "max_pool2d",
    group: GROUP,
    summary: "the largest element of each window",
    params: &[IMAGES.param(), SIZE.param()],
    options: &[WINDOW_STRIDE.opt(), PADDING.opt()],
    returns: Ty::Tensor,
    shapes: POOLED,
    errors: &[
        "a rank other than 4",
        "a window or stride of 0",
        "a window larger than the padded image",
        "a padding of more than half the window",
    ],
    examples: &[
        value("one window", "max_pool2d(tensor([[[[1, 2], [3, 6]]]]), 2).to_array()", "[[[[6.0]]]]"),
        fails("too large", "max_pool2d(zeros([1, 1, 2, 2]), 3)", "larger than the padded image"),
    ],
    call: |call| IMAGES.of(call)?.max_pool2d(&window(call)?).map(wrap),
    ..ENTRY
};

const SCALE: Param<usize> = param("scale", types::SIZE, "the factor, ≥ 1");
const MODE: Param<String> =
    param("mode", types::TEXT, "`nearest`: each pixel a block; `bilinear`: between pixel centres").or("nearest");
static UPSAMPLE: Entry = Entry {
    name: "upsample",
    group: GROUP,
    summary: "images enlarged by a whole factor",
    params: &[IMAGES.param(), SCALE.param()],
    options: &[MODE.opt()],
    returns: Ty::Tensor,
    shapes: "[n, c, h, w] → [n, c, scale·h, scale·w]",
    errors: &["a rank other than 4", "a scale of 0", "a mode that does not exist"],
    examples: &[
        value("a pixel as a block", "upsample(tensor([[[[7]]]]), 2).to_array()", "[[[[7.0, 7.0], [7.0, 7.0]]]]"),
        value(
            "between centres",
            "upsample(tensor([[[[0, 4]]]]), 2, #{ mode: \"bilinear\" })[0][0][0].to_array()",
            "[0.0, 1.0, 3.0, 4.0]",
        ),
        fails("no such mode", "upsample(zeros([1, 1, 2, 2]), 2, #{ mode: \"cubic\" })", "no mode \"cubic\""),
    ],
    call: |call| {
        let (x, scale) = (IMAGES.of(call)?, SCALE.of(call)?);
        match MODE.of(call)?.as_str() {
            "nearest" => x.upsample(scale).map(wrap),
            "bilinear" => x.upsample_bilinear(scale).map(wrap),
            mode => Err(Fault::value(format!("upsample: there is no mode \"{mode}\"")).hint("nearest or bilinear")),
        }
    },
    ..ENTRY
};

const RESIZE_X: Param<Tensor> = param("x", types::TENSOR, "images [.., h, w]");
const RESIZE_SIZE: Param<Vec<usize>> = param("size", types::SIZES, "[height, width], or one number for both");
static RESIZE: Entry = Entry {
    name: "resize",
    group: GROUP,
    summary: "images of any size: bilinear where a side grows, antialiased where it shrinks",
    params: &[RESIZE_X.param(), RESIZE_SIZE.param()],
    returns: Ty::Tensor,
    shapes: "[.., h, w] → [.., height, width]",
    errors: &["a rank below 2", "a side of 0", "a size that is not one or two numbers"],
    source: &["the triangle filter of Pillow's BILINEAR"],
    examples: &[
        value(
            "half the size: three pixels weigh in, as a triangle falls",
            "resize(tensor([[[[0, 7, 14, 21]]]]), [1, 2])[0][0][0].to_array()",
            "[5.0, 16.0]",
        ),
        value("between centres", "resize(tensor([[[[0, 4]]]]), [1, 4])[0][0][0].to_array()", "[0.0, 1.0, 3.0, 4.0]"),
        value("a square", "resize(rand([5, 3, 25, 25]), 32).shape", "[5, 3, 32, 32]"),
        fails("no size", "resize(zeros([1, 1, 2, 2]), 0)", "no side may be 0"),
    ],
    call: |call| {
        let mut size = RESIZE_SIZE.of(call)?;
        if RESIZE_SIZE.value(call).is_int() {
            size.push(size[0]);
        }
        match size[..] {
            [height, width] => RESIZE_X.of(call)?.resize([height, width]).map(wrap),
            _ => Err(Fault::value(format!("resize: size must be [height, width], got {} numbers", size.len()))),
        }
    },
    ..ENTRY
};

const R: Param<usize> = param("r", types::SIZE, "the factor, ≥ 1");
static PIXEL_SHUFFLE: Entry = Entry {
    name: "pixel_shuffle",
    group: GROUP,
    summary: "blocks of channels spread over space",
    params: &[IMAGES.param(), R.param()],
    returns: Ty::Tensor,
    shapes: "[n, c·r², h, w] → [n, c, r·h, r·w]",
    errors: &["a rank other than 4", "channels that r² does not divide"],
    source: &[cite::SHI_2016],
    examples: &[
        value(
            "four channels as a block",
            "pixel_shuffle(arange(4).reshape([1, 4, 1, 1]), 2).to_array()",
            "[[[[0, 1], [2, 3]]]]",
        ),
        fails("channels", "pixel_shuffle(zeros([1, 3, 2, 2]), 2)", "not a multiple of r² = 4"),
    ],
    call: |call| {
        let r = R.of(call)?;
        IMAGES.of(call)?.pixel_shuffle(r).map(wrap)
    },
    ..ENTRY
};

const IDS: Param<Tensor> = param("ids", types::WHOLE, "whole numbers of any shape: an int tensor or an array");
const TABLE: Param<Tensor> = param("table", types::TENSOR, "[classes, d]");
static EMBEDDING: Entry = Entry {
    name: "embedding",
    group: GROUP,
    summary: "the rows of a table named by whole numbers",
    params: &[IDS.param(), TABLE.param()],
    returns: Ty::Tensor,
    shapes: "[..], [classes, d] → [.., d]",
    errors: &["ids that are not whole numbers, or outside the table", "a table that is not a matrix"],
    examples: &[
        value("two rows", "embedding([1, 0], tensor([[1, 2], [3, 4]])).to_array()", "[[3.0, 4.0], [1.0, 2.0]]"),
        fails("outside", "embedding([2], tensor([[1, 2], [3, 4]]))", "index 2 is outside"),
    ],
    call: |call| {
        let table = TABLE.of(call)?;
        let ids = IDS.of(call)?.to_device(&table.device());
        table.embedding(&ids).map(wrap)
    },
    ..ENTRY
};
