//! `psnr` and `ssim`.

use super::GROUP;
use crate::cite;
use crate::convert::wrap;
use crate::types;
use saddle_catalog::{ENTRY, Entry, Param, Ty, fails, param, runs, value};
use saddle_gan::similarity;
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&PSNR, &SSIM];

const OF: Param<Tensor> = param("x", types::TENSOR, "images");
const AND: Param<Tensor> = param("y", types::TENSOR, "images of the same shape");
const RANGE: Param<f64> =
    param("range", types::NUMBER, "from the faintest to the strongest pixel; 255 for bytes").or(1.0);
static PSNR: Entry = Entry {
    name: "psnr",
    group: GROUP,
    summary: "the peak signal-to-noise ratio in decibels, mean over the images: how near in squared error, not how sharp",
    params: &[OF.param(), AND.param()],
    options: &[RANGE.opt()],
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
        let (x, y) = (OF.of(call)?, AND.of(call)?);
        similarity::psnr(&x, &y, RANGE.of(call)?).map(wrap)
    },
    ..ENTRY
};

const WINDOW: Param<usize> =
    param("window", types::SIZE, "side of the Gaussian window (σ 1.5), odd, within the image").or(11);
static SSIM: Entry = Entry {
    name: "ssim",
    group: GROUP,
    summary: "the structural similarity, 1 for equal images, mean over images and places; differentiable, so also a loss",
    params: &[OF.param(), AND.param()],
    options: &[RANGE.opt(), WINDOW.opt()],
    returns: Ty::Tensor,
    shapes: "[n, h, w] or [n, c, h, w], twice → []",
    errors: &["shapes that differ", "a range that is not above 0", "a window that is even or does not fit"],
    source: &[cite::WANG_2004],
    examples: &[
        value("the same image", "let x = rand([2, 1, 16, 16]);\nround(ssim(x, x) * 1000).item()", "1000.0"),
        runs("small images", "ssim(rand([4, 8, 8]), rand([4, 8, 8]), #{ window: 7 })"),
        fails("too small", "ssim(zeros([1, 8, 8]), zeros([1, 8, 8]))", "a window of 11 pixels on images of 8 × 8"),
    ],
    call: |call| {
        let (x, y) = (OF.of(call)?, AND.of(call)?);
        similarity::ssim(&x, &y, RANGE.of(call)?, WINDOW.of(call)?).map(wrap)
    },
};
