//! Normalisation layers, and layers with normalised weights.

use super::super::world;
use super::init::of_vector;
use super::layers::positive;
use super::value::{NET, made};
use crate::cite;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, fails, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_nn::layers::{
    BatchNorm, ConditionalBatchNorm, GroupNorm, InstanceNorm, LayerNorm, ReferenceNorm, spectral_norm, weight_norm,
};
use saddle_nn::{Init, Network};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[
    &BATCH_NORM,
    &CONDITIONAL_BATCH_NORM,
    &REFERENCE_BATCH_NORM,
    &VIRTUAL_BATCH_NORM,
    &WITH_REFERENCE,
    &LAYER_NORM,
    &INSTANCE_NORM,
    &GROUP_NORM,
    &SPECTRAL_NORM,
    &WEIGHT_NORM,
];

const CHANNELS: Param<usize> = param("channels", types::SIZE, "size of dim 1");
const EPS: Param<f64> = param("eps", types::NUMBER, "added to the variance").or(1e-5);
const MOMENTUM: Param<f64> =
    param("momentum", types::NUMBER, "weight of the newest batch in the running statistics").or(0.1);
const SYNC: Param<bool> = param("sync", types::BOOL, "under `mpirun`: statistics over the batches of all ranks, at two exchanges forward and two backward; else each rank's own batch").or(false);
const GAIN: Maybe<Init> =
    param("init", types::INITIALIZER, "how the gain starts; DCGAN: normal(1, 0.02)").maybe("constant(1)");
const AFFINE: Param<bool> =
    param("affine", types::BOOL, "whether a gain and a shift are trained; false: no parameters").or(true);

/// The initializer of the gain.
fn gain(call: &Call) -> Result<Init> {
    Ok(of_vector(call, GAIN)?.unwrap_or(Init::Constant(1.0)))
}

fn eps(call: &Call) -> Result<f32> {
    Ok(EPS.of(call)? as f32)
}

fn batch_norm(call: &Call, affine: bool) -> Result<BatchNorm> {
    Ok(BatchNorm {
        channels: positive(call, CHANNELS)?,
        eps: eps(call)?,
        momentum: MOMENTUM.of(call)? as f32,
        gain: gain(call)?,
        affine,
        across: SYNC.of(call)?.then_some(world::ACROSS),
    })
}

static BATCH_NORM: Entry = Entry {
    name: "batch_norm",
    group: "layer",
    summary: "each channel with mean 0 and variance 1 over the batch, then a trained gain and shift",
    params: &[CHANNELS.param()],
    options: &[EPS.opt(), MOMENTUM.opt(), GAIN.opt(), AFFINE.opt(), SYNC.opt()],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: &[
        "init for the gain beside affine: false",
        "when called: another number of channels",
        "in train mode: a single value a channel",
    ],
    source: &[cite::IOFFE_2015, "; slide 42"],
    examples: &[
        value(
            "a batch of two",
            "batch_norm(1)(tensor([[1], [3]])).to_array()",
            "[[-0.9999949932098389], [0.9999949932098389]]",
        ),
        value("without gain and shift", "batch_norm(8, #{ affine: false }).params().len()", "0"),
        fails(
            "a start for a gain that is not there",
            "batch_norm(8, #{ affine: false, init: normal(1, 0.02) })",
            "there is no gain that init could start",
        ),
    ],
    call: |call| {
        let affine = AFFINE.of(call)?;
        if !affine && GAIN.is_given(call) {
            return Err(Fault::value("batch_norm: with affine: false there is no gain that init could start")
                .hint("leave out one of the two"));
        }
        made(Network::of(batch_norm(call, affine)?))
    },
};

const SHAPE: Param<Vec<usize>> = param("shape", types::SIZES, "the last dims: a size, or an array of sizes");
static LAYER_NORM: Entry = Entry {
    name: "layer_norm",
    group: "layer",
    summary: "each sample with mean 0 and variance 1 over its last dims, then a trained gain and shift",
    params: &[SHAPE.param()],
    options: &[EPS.opt(), AFFINE.opt()],
    returns: NET,
    shapes: "[.., shape..], unchanged",
    errors: &["when called: an input that does not end with the shape"],
    source: &[cite::BA_2016],
    examples: &[
        value("shapes", "layer_norm(4)(ones([2, 4])).shape", "[2, 4]"),
        value(
            "the normalised input alone",
            "layer_norm(2, #{ eps: 0, affine: false })(tensor([[1, 3]])).to_array()",
            "[[-1.0, 1.0]]",
        ),
    ],
    call: |call| {
        let shape = SHAPE.of(call)?;
        if SHAPE.value(call).is_int() && shape[0] == 0 {
            return Err(Fault::value("layer_norm: shape must be at least 1"));
        }
        saddle_tensor::check_shape("layer_norm", &shape)?;
        made(Network::of(LayerNorm { shape, eps: eps(call)?, affine: AFFINE.of(call)? }))
    },
};

static INSTANCE_NORM: Entry = Entry {
    name: "instance_norm",
    group: "layer",
    summary: "each channel of each image with mean 0 and variance 1, then a trained gain and shift",
    params: &[CHANNELS.param()],
    options: &[EPS.opt(), AFFINE.opt()],
    returns: NET,
    shapes: "[n, channels, h, w], unchanged",
    errors: &["when called: another number of channels, or no space"],
    source: &[cite::ULYANOV_2016],
    examples: &[
        value("shapes", "instance_norm(3)(ones([2, 3, 4, 4])).shape", "[2, 3, 4, 4]"),
        value(
            "without gain and shift, PyTorch's default",
            "instance_norm(1, #{ eps: 0, affine: false })(tensor([[[1, 3]]])).to_array()",
            "[[[-1.0, 1.0]]]",
        ),
    ],
    call: |call| {
        let (channels, affine) = (positive(call, CHANNELS)?, AFFINE.of(call)?);
        made(Network::of(InstanceNorm { channels, eps: eps(call)?, affine }))
    },
};

const CLASSES: Param<usize> = param("classes", types::SIZE, "number of labels");
static CONDITIONAL_BATCH_NORM: Entry = Entry {
    name: "conditional_batch_norm",
    group: "layer",
    summary: "batch norm with a gain and a shift for each class; labels are the network's second input: G(z, labels)",
    params: &[CHANNELS.param(), CLASSES.param()],
    options: &[EPS.opt(), MOMENTUM.opt(), GAIN.opt(), SYNC.opt()],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged; labels [n] ints, or weights of the classes [n, classes]",
    errors: &["when called: no labels, or another number of them", "in train mode: a single value a channel"],
    source: &[cite::DUMOULIN_2017, "; ", cite::MIYATO_KOYAMA_2018],
    examples: &[
        value(
            "in a sequence, labels reach every conditional layer",
            "let G = sequential([linear(2, 8), conditional_batch_norm(8, 10), relu(), linear(8, 1)]);\nG(randn([4, 2]), int(tensor([0, 9, 3, 3]))).shape",
            "[4, 1]",
        ),
        fails("no labels", "conditional_batch_norm(2, 10)(ones([4, 2]))", "there are no labels"),
    ],
    call: |call| {
        made(Network::of(ConditionalBatchNorm { norm: batch_norm(call, false)?, classes: positive(call, CLASSES)? }))
    },
};

const GROUPS: Param<usize> = param("groups", types::SIZE, "how many; channels is a multiple");
static GROUP_NORM: Entry = Entry {
    name: "group_norm",
    group: "layer",
    summary: "the channels of each sample in groups, each with mean 0 and variance 1, then a trained gain and shift: no batch mate matters",
    params: &[GROUPS.param(), CHANNELS.param()],
    options: &[EPS.opt(), AFFINE.opt()],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: &["channels that groups does not divide", "when called: another number of channels"],
    source: &[cite::WU_2018],
    examples: &[
        value(
            "two groups of two channels",
            "group_norm(2, 4, #{ eps: 0 })(tensor([[1, 3, 10, 30]])).to_array()",
            "[[-1.0, 1.0, -1.0, 1.0]]",
        ),
        value("without gain and shift", "group_norm(2, 4, #{ affine: false }).params().len()", "0"),
        fails("no equal groups", "group_norm(3, 4)", "4 channels cannot be put into 3 equal groups"),
    ],
    call: |call| {
        let (groups, channels) = (positive(call, GROUPS)?, positive(call, CHANNELS)?);
        if channels % groups != 0 {
            return Err(Fault::value(format!(
                "group_norm: {channels} channels cannot be put into {groups} equal groups"
            ))
            .hint("groups divides channels"));
        }
        made(Network::of(GroupNorm { groups, channels, eps: eps(call)?, affine: AFFINE.of(call)? }))
    },
};

fn reference_norm(call: &Call, with_example: bool) -> Result<Dynamic> {
    made(Network::of(ReferenceNorm {
        channels: positive(call, CHANNELS)?,
        eps: eps(call)?,
        gain: gain(call)?,
        with_example,
    }))
}

const REFERENCE_ERRORS: &[&str] = &["when called: another number of channels", "when called without a reference batch"];

static REFERENCE_BATCH_NORM: Entry = Entry {
    name: "reference_batch_norm",
    group: "layer",
    summary: "each channel normalised by the statistics of a fixed batch, which with_reference gives to the network",
    params: &[CHANNELS.param()],
    options: &[EPS.opt(), GAIN.opt()],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: REFERENCE_ERRORS,
    source: &[cite::GOODFELLOW_2016, ", slide 44"],
    examples: &[value(
        "the reference has mean 1 and variance 1",
        "let D = with_reference(reference_batch_norm(1, #{ eps: 0 }), tensor([[0], [2]]));\nD(tensor([[1], [5]])).to_array()",
        "[[0.0], [4.0]]",
    )],
    call: |call| reference_norm(call, false),
};

static VIRTUAL_BATCH_NORM: Entry = Entry {
    name: "virtual_batch_norm",
    group: "layer",
    summary: "each example normalised by the statistics of a fixed batch and itself: no example sees the others of its batch",
    params: &[CHANNELS.param()],
    options: &[EPS.opt(), GAIN.opt()],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: REFERENCE_ERRORS,
    source: &[cite::SALIMANS_2016, ", section 3.4; slide 45"],
    examples: &[
        value(
            "3 with the reference 0, 0: mean 1, variance 2",
            "let D = with_reference(virtual_batch_norm(1, #{ eps: 0 }), zeros([2, 1]) + 0);\nD(tensor([[3]])) ** 2",
            "tensor [1, 1] f32   mean 2  std 0  min 2  max 2\n  2",
        ),
        fails("no reference batch", "virtual_batch_norm(1)(ones([2, 1]))", "there is no reference batch"),
    ],
    call: |call| reference_norm(call, true),
};

const NETWORK: Param<Network> = param("network", types::NETWORK, "its parameters are shared, not copied");
const BATCH: Param<Tensor> =
    param("batch", types::TENSOR, "chosen once, before training: real samples for D, noise for G");
static WITH_REFERENCE: Entry = Entry {
    name: "with_reference",
    group: "network",
    summary: "the network with a fixed batch that passes through its layers beside every input: the reference of virtual batch norm",
    params: &[NETWORK.param(), BATCH.param()],
    returns: NET,
    shapes: "an input's shape but for its first size",
    errors: &["an empty batch", "when called: an input of another shape than the batch"],
    source: &[cite::SALIMANS_2016, ", section 3.4"],
    examples: &[
        runs(
            "G with virtual batch norm",
            "let G = with_reference(sequential([linear(2, 8), virtual_batch_norm(8), relu(), linear(8, 1)]), randn([64, 2]));\nlet x = G(randn([16, 2]));",
        ),
        fails(
            "an input of another size",
            "with_reference(linear(2, 1), ones([4, 2]))(ones([4, 3]))",
            "the reference batch is [4, 2], the input [4, 3]",
        ),
    ],
    call: |call| {
        let batch = BATCH.of(call)?;
        if batch.is_empty() || batch.rank() == 0 {
            return Err(Fault::value("with_reference: the batch is empty"));
        }
        made(NETWORK.of(call)?.referenced(batch))
    },
    ..ENTRY
};

const LAYER: Param<Network> =
    param("layer", types::NETWORK, "a layer or a network; its parameters are shared, not copied");
const ITERATIONS: Param<usize> = param("iterations", types::SIZE, "power iterations at each pass in train mode").or(1);
static SPECTRAL_NORM: Entry = Entry {
    name: "spectral_norm",
    group: "layer",
    summary: "the layer, or every layer of a network, with its weight divided by its largest singular value",
    params: &[LAYER.param()],
    options: &[ITERATIONS.opt()],
    returns: NET,
    shapes: "unchanged",
    errors: &["no layer has a weight matrix"],
    source: &[cite::MIYATO_2018, "; details as in PyTorch"],
    examples: &[
        value(
            "the weight 3 becomes 1",
            "spectral_norm(linear(1, 1, #{ init: constant(3) }))(tensor([[2]])).item()",
            "2.0",
        ),
        runs(
            "a whole discriminator",
            "let D = spectral_norm(sequential([linear(2, 64), leaky_relu(0.1), linear(64, 1)]));",
        ),
        fails("no weight", "spectral_norm(relu())", "no layer here has a weight matrix"),
    ],
    call: |call| {
        let iterations = ITERATIONS.of(call)?;
        made(spectral_norm(&LAYER.of(call)?, iterations)?)
    },
};

const WEIGHT_NORM_LAYER: Param<Network> =
    param("layer", types::NETWORK, "a layer or a network; its weights are copied");
static WEIGHT_NORM: Entry = Entry {
    name: "weight_norm",
    group: "layer",
    summary: "the layer, or every layer of a network, with its weight written as g·v/‖v‖: length and direction are trained apart",
    params: &[WEIGHT_NORM_LAYER.param()],
    returns: NET,
    shapes: "unchanged; parameters weight_g and weight_v in the place of weight",
    errors: &["no layer has a weight matrix"],
    source: &[cite::SALIMANS_KINGMA_2016],
    examples: &[value(
        "it computes what it computed before",
        "let f = linear(3, 2); let x = randn([4, 3]);\nmax(abs(weight_norm(f)(x) - f(x))).item() < 1e-6",
        "true",
    )],
    call: |call| made(weight_norm(&WEIGHT_NORM_LAYER.of(call)?)?),
    ..ENTRY
};
