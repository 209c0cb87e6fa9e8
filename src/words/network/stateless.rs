//! Layers without parameters: dropout, noise, rearrangement. Activation functions are in `activation`.

use super::value::{NET, made};
use crate::cite;
use crate::types;
use saddle_catalog::{ENTRY, Entry, Maybe, Param, fails, param, runs, value};
use saddle_fault::Fault;
use saddle_nn::Network;
use saddle_nn::layers::{Dropout, Flatten, GaussianNoise, PixelShuffle, Reshape, Upsample};

pub static ENTRIES: &[&Entry] = &[&DROPOUT, &GAUSSIAN_NOISE, &FLATTEN, &RESHAPE, &UPSAMPLE, &PIXEL_SHUFFLE];

const P: Param<f64> = param("p", types::NUMBER, "probability of 0, in [0, 1)");
const SCALE: Maybe<f64> = param("scale", types::NUMBER, "factor of the elements that stay").maybe("1 / (1 − p)");
static DROPOUT: Entry = Entry {
    name: "dropout",
    group: "layer",
    summary: "in train mode sets each element to 0 with probability p and scales the others up",
    params: &[P.param()],
    options: &[SCALE.opt()],
    returns: NET,
    shapes: "unchanged",
    errors: &["p outside [0, 1)"],
    source: &[cite::SRIVASTAVA_2014, "; D of the 2014 paper keeps .8 of the input and .5 of hidden units"],
    examples: &[
        value("eval mode passes everything", "dropout(0.5).eval()(ones([3])).to_array()", "[1.0, 1.0, 1.0]"),
        fails("a probability above 1", "dropout(20)", "p must be in [0, 1)"),
    ],
    call: |call| {
        let p = P.of(call)?;
        if !(0.0..1.0).contains(&p) {
            return Err(Fault::value(format!("dropout: p must be in [0, 1), got {p}"))
                .hint("p is the probability with which an element becomes 0, as in PyTorch"));
        }
        let scale = SCALE.of(call)?.unwrap_or(1.0 / (1.0 - p));
        made(Network::of(Dropout { p: p as f32, scale: scale as f32 }))
    },
};

const STD: Param<f64> = param("std", types::NUMBER, "its standard deviation, ≥ 0");
static GAUSSIAN_NOISE: Entry = Entry {
    name: "gaussian_noise",
    group: "layer",
    summary: "in train mode adds normal noise",
    params: &[STD.param()],
    returns: NET,
    shapes: "unchanged",
    errors: &["a negative standard deviation"],
    source: &[cite::SALIMANS_2016, ": .3 on the input of D, .5 on hidden units"],
    examples: &[value("eval mode passes everything", "gaussian_noise(0.3).eval()(ones([2])).to_array()", "[1.0, 1.0]")],
    call: |call| made(Network::of(GaussianNoise { std: STD.not_negative(call)? as f32 })),
    ..ENTRY
};

static FLATTEN: Entry = Entry {
    name: "flatten",
    group: "layer",
    summary: "the layer that puts all dims but the first in one",
    returns: NET,
    shapes: "[n, ..] → [n, size]",
    examples: &[value("images to rows", "flatten()(ones([2, 1, 8, 8])).shape", "[2, 64]")],
    call: |_| made(Network::of(Flatten)),
    ..ENTRY
};

const SHAPE: Param<Vec<usize>> = param("shape", types::SHAPE, "the shape of one sample, without the batch");
static RESHAPE: Entry = Entry {
    name: "reshape",
    group: "layer",
    summary: "the layer that gives each sample another shape",
    params: &[SHAPE.param()],
    returns: NET,
    shapes: "[n, ..] → [n, shape..]",
    errors: &["when called: sizes that differ"],
    examples: &[value("rows to images", "reshape([1, 8, 8])(ones([2, 64])).shape", "[2, 1, 8, 8]")],
    call: |call| made(Network::of(Reshape(SHAPE.of(call)?))),
    ..ENTRY
};

const FACTOR: Param<usize> = param("factor", types::SIZE, "how many times larger, ≥ 1");
static UPSAMPLE: Entry = Entry {
    name: "upsample",
    group: "layer",
    summary: "the layer that repeats every pixel factor × factor times",
    params: &[FACTOR.param()],
    returns: NET,
    shapes: "[n, c, h, w] → [n, c, h·factor, w·factor]",
    errors: &["when called: an input that is not [n, c, h, w]"],
    examples: &[value("shapes", "upsample(2)(ones([1, 3, 4, 4])).shape", "[1, 3, 8, 8]")],
    call: |call| made(Network::of(Upsample(FACTOR.of(call)?))),
    ..ENTRY
};

static PIXEL_SHUFFLE: Entry = Entry {
    name: "pixel_shuffle",
    group: "layer",
    summary: "the layer that turns channels into pixels",
    params: &[FACTOR.param()],
    returns: NET,
    shapes: "[n, c·factor², h, w] → [n, c, h·factor, w·factor]",
    errors: &["when called: channels that are not a multiple of factor²"],
    source: &[cite::SHI_2016],
    examples: &[
        value("shapes", "pixel_shuffle(2)(ones([1, 12, 4, 4])).shape", "[1, 3, 8, 8]"),
        runs(
            "at the end of a generator",
            "let up = sequential([conv2d(8, 12, 3, #{ padding: 1 }), pixel_shuffle(2)]);",
        ),
    ],
    call: |call| made(Network::of(PixelShuffle(FACTOR.of(call)?))),
    ..ENTRY
};
