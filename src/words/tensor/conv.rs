//! Convolutions with given kernels, pooling, resampling and table look-up. The layers of the same names hold their kernels.

use super::{fails, opt, param, tensor, value, whole, wrap};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Opt, Options, Param, Ty, shape};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Geometry, Tensor, Window, shown};

pub static ENTRIES: &[&Entry] =
    &[&CONV2D, &CONV_TRANSPOSE2D, &CONV1D, &AVG_POOL2D, &MAX_POOL2D, &UPSAMPLE, &RESIZE, &PIXEL_SHUFFLE, &EMBEDDING];

const GROUP: &str = "convolution";
/// One number for both directions, or [height, width].
const PAIR: Ty = Ty::OneOf(&[Ty::Int, Ty::Shape]);

const IMAGES: Param = param("x", Ty::Tensor, "images [n, c, h, w]");
const BIAS: Opt = opt("bias", Ty::Tensor, "none", "[out], added to each channel");
const STRIDE: Opt = opt("stride", PAIR, "1", "how far the kernel moves: a number, or [height, width]");
const PADDING: Opt = opt("padding", PAIR, "0", "zeros around the image: a number, or [height, width]");
const DILATION: Opt = opt("dilation", PAIR, "1", "the distance of the kernel's points: a number, or [height, width]");
const GROUPS: Opt = opt("groups", Ty::Int, "1", "channels are split into so many groups, each with its own kernels");

const ERRORS: &[&str] = &[
    "ranks that do not fit",
    "channels that do not fit the kernels and groups",
    "a kernel larger than the padded input",
    "a stride, dilation or number of groups of 0",
];

/// A pair of sizes: from one number or from two.
fn read_pair(value: &Dynamic) -> Option<[usize; 2]> {
    match value.as_int() {
        Ok(n) => Some([usize::try_from(n).ok()?; 2]),
        Err(_) => shape(value)?.try_into().ok(),
    }
}

/// The option `key` as a pair.
fn pair(options: &Options, key: &str, default: usize) -> Result<[usize; 2]> {
    let Some(value) = options.any(key) else {
        return Ok([default; 2]);
    };
    read_pair(value)
        .filter(|p| p.iter().all(|&n| n <= 1 << 24))
        .ok_or_else(|| options.wrong(key, value).hint("a whole number ≥ 0, or two: [height, width]"))
}

fn geometry(options: &Options) -> Result<Geometry> {
    Ok(Geometry {
        stride: pair(options, "stride", 1)?,
        padding: pair(options, "padding", 0)?,
        dilation: pair(options, "dilation", 1)?,
        groups: options.size("groups", 1)?,
    })
}

/// Adds the option `bias` to the channels of `y [n, out, ..]`.
fn with_bias(call: &Call, y: Tensor) -> Result<Dynamic> {
    let Some(bias) = call.options.get::<Tensor>("bias")? else {
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

static CONV2D: Entry = Entry {
    name: "conv2d",
    group: GROUP,
    summary: "images convolved with kernels (cross-correlation, as everywhere in deep learning)",
    params: &[IMAGES, param("w", Ty::Tensor, "kernels [out, c / groups, kh, kw]")],
    options: &[BIAS, STRIDE, PADDING, DILATION, GROUPS],
    returns: Ty::Tensor,
    shapes: "[n, c, h, w], [out, c/groups, kh, kw] → [n, out, ⌊(h + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1, …]",
    errors: ERRORS,
    source: "Dumoulin and Visin 2016",
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
        let y = tensor(call, 0)?.conv2d(&tensor(call, 1)?, &geometry(&call.options)?)?;
        with_bias(call, y)
    },
};

static CONV_TRANSPOSE2D: Entry = Entry {
    name: "conv_transpose2d",
    group: GROUP,
    summary: "the transposed convolution: the gradient of `conv2d` with respect to its images",
    params: &[IMAGES, param("w", Ty::Tensor, "kernels [c, out / groups, kh, kw]")],
    options: &[
        BIAS,
        STRIDE,
        PADDING,
        DILATION,
        GROUPS,
        opt("output_padding", PAIR, "0", "added to the size at one end; smaller than the stride or the dilation"),
    ],
    returns: Ty::Tensor,
    shapes: "[n, c, h, w], [c, out/groups, kh, kw] → [n, out, (h − 1)·stride − 2·padding + dilation·(kh − 1) + output_padding + 1, …]",
    errors: ERRORS,
    source: "Dumoulin and Visin 2016",
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
        let padding = pair(&call.options, "output_padding", 0)?;
        let y = tensor(call, 0)?.conv_transpose2d(&tensor(call, 1)?, &geometry(&call.options)?, padding)?;
        with_bias(call, y)
    },
};

static CONV1D: Entry = Entry {
    name: "conv1d",
    group: GROUP,
    summary: "sequences convolved with kernels",
    params: &[
        param("x", Ty::Tensor, "sequences [n, c, length]"),
        param("w", Ty::Tensor, "kernels [out, c / groups, k]"),
    ],
    options: &[
        BIAS,
        opt("stride", Ty::Int, "1", "how far the kernel moves"),
        opt("padding", Ty::Int, "0", "zeros at both ends"),
        opt("dilation", Ty::Int, "1", "the distance of the kernel's points"),
        GROUPS,
    ],
    returns: Ty::Tensor,
    shapes: "[n, c, l], [out, c/groups, k] → [n, out, ⌊(l + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1]",
    errors: ERRORS,
    examples: &[value(
        "differences",
        "conv1d(tensor([[[1, 4, 9]]]), tensor([[[-1, 1]]])).to_array()",
        "[[[3.0, 5.0]]]",
    )],
    call: |call| {
        let y = tensor(call, 0)?.conv1d(&tensor(call, 1)?, &geometry(&call.options)?)?;
        with_bias(call, y)
    },
    ..ENTRY
};

const SIZE: Param = param("size", PAIR, "of the window: a number, or [height, width]");
const WINDOW_STRIDE: Opt = opt("stride", PAIR, "size", "how far the window moves");
const POOLED: &str = "[n, c, h, w] → [n, c, ⌊(h + 2·padding − size) / stride⌋ + 1, …]";
const POOL_ERRORS: &[&str] =
    &["a rank other than 4", "a window or stride of 0", "a window larger than the padded image"];

fn window(call: &Call) -> Result<Window> {
    let size = read_pair(call.args.any(1)).ok_or_else(|| call.args.wrong(1))?;
    let stride = match call.options.has("stride") {
        true => pair(&call.options, "stride", 1)?,
        false => size,
    };
    Ok(Window { size, stride, padding: pair(&call.options, "padding", 0)? })
}

static AVG_POOL2D: Entry = Entry {
    name: "avg_pool2d",
    group: GROUP,
    summary: "the mean of each window",
    params: &[IMAGES, SIZE],
    options: &[WINDOW_STRIDE, PADDING],
    returns: Ty::Tensor,
    shapes: POOLED,
    errors: POOL_ERRORS,
    examples: &[value("one window", "avg_pool2d(tensor([[[[1, 2], [3, 6]]]]), 2).to_array()", "[[[[3.0]]]]")],
    call: |call| tensor(call, 0)?.avg_pool2d(&window(call)?).map(wrap),
    ..ENTRY
};

static MAX_POOL2D: Entry = Entry {
    name: "max_pool2d",
    group: GROUP,
    summary: "the largest element of each window",
    params: &[IMAGES, SIZE],
    options: &[WINDOW_STRIDE, PADDING],
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
    call: |call| tensor(call, 0)?.max_pool2d(&window(call)?).map(wrap),
    ..ENTRY
};

static UPSAMPLE: Entry = Entry {
    name: "upsample",
    group: GROUP,
    summary: "images enlarged by a whole factor",
    params: &[IMAGES, param("scale", Ty::Int, "the factor, ≥ 1")],
    options: &[opt(
        "mode",
        Ty::Text,
        "\"nearest\"",
        "`nearest`: each pixel a block; `bilinear`: between pixel centres",
    )],
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
        let (x, scale) = (tensor(call, 0)?, call.args.size(1)?);
        match call.options.text("mode")?.as_deref() {
            None | Some("nearest") => x.upsample(scale).map(wrap),
            Some("bilinear") => x.upsample_bilinear(scale).map(wrap),
            Some(mode) => {
                Err(Fault::value(format!("upsample: there is no mode \"{mode}\"")).hint("nearest or bilinear"))
            }
        }
    },
    ..ENTRY
};

static RESIZE: Entry = Entry {
    name: "resize",
    group: GROUP,
    summary: "images of any size: bilinear where a side grows, antialiased where it shrinks",
    params: &[
        param("x", Ty::Tensor, "images [.., h, w]"),
        param("size", Ty::OneOf(&[Ty::Int, Ty::Shape]), "[height, width], or one number for both"),
    ],
    returns: Ty::Tensor,
    shapes: "[.., h, w] → [.., height, width]",
    errors: &["a rank below 2", "a side of 0", "a size that is not one or two numbers"],
    source: "the triangle filter of Pillow's BILINEAR",
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
        let size = match call.args.any(1).is_int() {
            true => vec![call.args.size(1)?; 2],
            false => call.args.shape(1)?,
        };
        match size[..] {
            [height, width] => tensor(call, 0)?.resize([height, width]).map(wrap),
            _ => Err(Fault::value(format!("resize: size must be [height, width], got {} numbers", size.len()))),
        }
    },
    ..ENTRY
};

static PIXEL_SHUFFLE: Entry = Entry {
    name: "pixel_shuffle",
    group: GROUP,
    summary: "blocks of channels spread over space",
    params: &[IMAGES, param("r", Ty::Int, "the factor, ≥ 1")],
    returns: Ty::Tensor,
    shapes: "[n, c·r², h, w] → [n, c, r·h, r·w]",
    errors: &["a rank other than 4", "channels that r² does not divide"],
    source: "Shi et al. 2016",
    examples: &[
        value(
            "four channels as a block",
            "pixel_shuffle(arange(4).reshape([1, 4, 1, 1]), 2).to_array()",
            "[[[[0, 1], [2, 3]]]]",
        ),
        fails("channels", "pixel_shuffle(zeros([1, 3, 2, 2]), 2)", "not a multiple of r² = 4"),
    ],
    call: |call| {
        let r = call.args.size(1)?;
        tensor(call, 0)?.pixel_shuffle(r).map(wrap)
    },
    ..ENTRY
};

static EMBEDDING: Entry = Entry {
    name: "embedding",
    group: GROUP,
    summary: "the rows of a table named by whole numbers",
    params: &[
        param("ids", Ty::OneOf(&[Ty::Tensor, Ty::Array]), "whole numbers of any shape: an int tensor or an array"),
        param("table", Ty::Tensor, "[classes, d]"),
    ],
    returns: Ty::Tensor,
    shapes: "[..], [classes, d] → [.., d]",
    errors: &["ids that are not whole numbers, or outside the table", "a table that is not a matrix"],
    examples: &[
        value("two rows", "embedding([1, 0], tensor([[1, 2], [3, 4]])).to_array()", "[[3.0, 4.0], [1.0, 2.0]]"),
        fails("outside", "embedding([2], tensor([[1, 2], [3, 4]]))", "index 2 is outside"),
    ],
    call: |call| {
        let table = tensor(call, 1)?;
        let ids = whole(call, 0)?.to_device(&table.device());
        table.embedding(&ids).map(wrap)
    },
    ..ENTRY
};
