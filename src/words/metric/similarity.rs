//! `psnr` and `ssim`.

use super::super::tensor::{fails, opt, param, runs, value, wrap};
use super::GROUP;
use saddle_catalog::{ENTRY, Entry, Opt, Param, Ty};
use saddle_gan::similarity;
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&PSNR, &SSIM];

const OF: Param = param("x", Ty::Tensor, "images");
const AND: Param = param("y", Ty::Tensor, "images of the same shape");
const RANGE: Opt = opt("range", Ty::Number, "1", "from the faintest to the strongest pixel; 255 for bytes");

static PSNR: Entry = Entry {
    name: "psnr",
    group: GROUP,
    summary: "the peak signal-to-noise ratio in decibels, mean over the images: how near in squared error, not how sharp",
    params: &[OF, AND],
    options: &[RANGE],
    returns: Ty::Tensor,
    shapes: "[n, ..], [n, ..] → []",
    errors: &["shapes that differ", "a range that is not above 0"],
    examples: &[
        value("a tenth off everywhere is 20 dB", "round(psnr(zeros([2, 8, 8]), full([2, 8, 8], 0.1))).item()", "20.0"),
        fails(
            "another colour depth",
            "psnr(zeros([1, 3, 8, 8]), zeros([1, 1, 8, 8]))",
            "[1, 3, 8, 8] and [1, 1, 8, 8]",
        ),
    ],
    call: |call| {
        let (x, y): (Tensor, Tensor) = (call.args.get(0)?, call.args.get(1)?);
        similarity::psnr(&x, &y, call.options.number("range", 1.0)?).map(wrap)
    },
    ..ENTRY
};

static SSIM: Entry = Entry {
    name: "ssim",
    group: GROUP,
    summary: "the structural similarity, 1 for equal images, mean over images and places; differentiable, so also a loss",
    params: &[OF, AND],
    options: &[RANGE, opt("window", Ty::Int, "11", "side of the Gaussian window (σ 1.5), odd, within the image")],
    returns: Ty::Tensor,
    shapes: "[n, h, w] or [n, c, h, w], twice → []",
    errors: &["shapes that differ", "a range that is not above 0", "a window that is even or does not fit"],
    source: "Wang et al. 2004",
    examples: &[
        value("the same image", "let x = rand([2, 1, 16, 16]);\nround(ssim(x, x) * 1000).item()", "1000.0"),
        runs("small images", "ssim(rand([4, 8, 8]), rand([4, 8, 8]), #{ window: 7 })"),
        fails("too small", "ssim(zeros([1, 8, 8]), zeros([1, 8, 8]))", "a window of 11 pixels on images of 8 × 8"),
    ],
    call: |call| {
        let (x, y): (Tensor, Tensor) = (call.args.get(0)?, call.args.get(1)?);
        similarity::ssim(&x, &y, call.options.number("range", 1.0)?, call.options.size("window", 11)?).map(wrap)
    },
};
