//! Normalisation layers, and layers with normalised weights.

use super::super::tensor::{fails, opt, param, runs, value};
use super::super::world;
use super::init::option as init;
use super::layers::{NET, positive};
use super::value::{made, network};
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Opt, Param, Ty};
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

const CHANNELS: Param = param("channels", Ty::Int, "size of dim 1");
const EPS: Opt = opt("eps", Ty::Number, "1e-5", "added to the variance");
const MOMENTUM: Opt = opt("momentum", Ty::Number, "0.1", "weight of the newest batch in the running statistics");
const SYNC: Opt = opt(
    "sync",
    Ty::Bool,
    "false",
    "under `mpirun`: statistics over the batches of all ranks, at two exchanges forward and two backward; else each rank's own batch",
);
const GAIN: Opt = opt("init", Ty::Of("initializer"), "constant(1)", "how the gain starts; DCGAN: normal(1, 0.02)");

/// The initializer of the gain.
fn gain(call: &Call) -> Result<Init> {
    match call.options.has("init") {
        true => init(&call.options),
        false => Ok(Init::Constant(1.0)),
    }
}

fn eps(call: &Call) -> Result<f32> {
    Ok(call.options.number("eps", 1e-5)? as f32)
}

fn batch_norm(call: &Call) -> Result<BatchNorm> {
    Ok(BatchNorm {
        channels: positive(call, 0)?,
        eps: eps(call)?,
        momentum: call.options.number("momentum", 0.1)? as f32,
        gain: gain(call)?,
        across: call.options.bool("sync", false)?.then_some(world::ACROSS),
    })
}

static BATCH_NORM: Entry = Entry {
    name: "batch_norm",
    group: "layer",
    summary: "each channel with mean 0 and variance 1 over the batch, then a trained gain and shift",
    params: &[CHANNELS],
    options: &[EPS, MOMENTUM, GAIN, SYNC],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: &["when called: another number of channels", "in train mode: a single value a channel"],
    source: "Ioffe and Szegedy 2015; slide 42",
    examples: &[value(
        "a batch of two",
        "batch_norm(1)(tensor([[1], [3]])).to_array()",
        "[[-0.9999949932098389], [0.9999949932098389]]",
    )],
    call: |call| made(Network::of(batch_norm(call)?)),
};

static LAYER_NORM: Entry = Entry {
    name: "layer_norm",
    group: "layer",
    summary: "each sample with mean 0 and variance 1 over its last dims, then a trained gain and shift",
    params: &[param("shape", Ty::OneOf(&[Ty::Int, Ty::Shape]), "the last dims: a size, or an array of sizes")],
    options: &[EPS],
    returns: NET,
    shapes: "[.., shape..], unchanged",
    errors: &["when called: an input that does not end with the shape"],
    source: "Ba et al. 2016",
    examples: &[value("shapes", "layer_norm(4)(ones([2, 4])).shape", "[2, 4]")],
    call: |call| {
        let shape = if call.args.any(0).is_int() { vec![positive(call, 0)?] } else { call.args.shape(0)? };
        saddle_tensor::check_shape("layer_norm", &shape)?;
        made(Network::of(LayerNorm { shape, eps: eps(call)? }))
    },
};

static INSTANCE_NORM: Entry = Entry {
    name: "instance_norm",
    group: "layer",
    summary: "each channel of each image with mean 0 and variance 1, then a trained gain and shift",
    params: &[CHANNELS],
    options: &[EPS],
    returns: NET,
    shapes: "[n, channels, h, w], unchanged",
    errors: &["when called: another number of channels, or no space"],
    source: "Ulyanov et al. 2016",
    examples: &[value("shapes", "instance_norm(3)(ones([2, 3, 4, 4])).shape", "[2, 3, 4, 4]")],
    call: |call| made(Network::of(InstanceNorm { channels: positive(call, 0)?, eps: eps(call)? })),
};

static CONDITIONAL_BATCH_NORM: Entry = Entry {
    name: "conditional_batch_norm",
    group: "layer",
    summary: "batch norm with a gain and a shift for each class; labels are the network's second input: G(z, labels)",
    params: &[CHANNELS, param("classes", Ty::Int, "number of labels")],
    options: &[EPS, MOMENTUM, GAIN, SYNC],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged; labels [n] ints, or weights of the classes [n, classes]",
    errors: &["when called: no labels, or another number of them", "in train mode: a single value a channel"],
    source: "Dumoulin et al. 2017; Miyato and Koyama 2018",
    examples: &[
        value(
            "in a sequence, labels reach every conditional layer",
            "let G = sequential([linear(2, 8), conditional_batch_norm(8, 10), relu(), linear(8, 1)]);\nG(randn([4, 2]), int(tensor([0, 9, 3, 3]))).shape",
            "[4, 1]",
        ),
        fails("no labels", "conditional_batch_norm(2, 10)(ones([4, 2]))", "there are no labels"),
    ],
    call: |call| made(Network::of(ConditionalBatchNorm { norm: batch_norm(call)?, classes: positive(call, 1)? })),
};

static GROUP_NORM: Entry = Entry {
    name: "group_norm",
    group: "layer",
    summary: "the channels of each sample in groups, each with mean 0 and variance 1, then a trained gain and shift: no batch mate matters",
    params: &[param("groups", Ty::Int, "how many; channels is a multiple"), CHANNELS],
    options: &[EPS],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: &["channels that groups does not divide", "when called: another number of channels"],
    source: "Wu and He 2018",
    examples: &[
        value(
            "two groups of two channels",
            "group_norm(2, 4, #{ eps: 0 })(tensor([[1, 3, 10, 30]])).to_array()",
            "[[-1.0, 1.0, -1.0, 1.0]]",
        ),
        fails("no equal groups", "group_norm(3, 4)", "4 channels cannot be put into 3 equal groups"),
    ],
    call: |call| {
        let (groups, channels) = (positive(call, 0)?, positive(call, 1)?);
        if channels % groups != 0 {
            return Err(Fault::value(format!(
                "group_norm: {channels} channels cannot be put into {groups} equal groups"
            ))
            .hint("groups divides channels"));
        }
        made(Network::of(GroupNorm { groups, channels, eps: eps(call)? }))
    },
};

fn reference_norm(call: &Call, with_example: bool) -> Result<Dynamic> {
    made(Network::of(ReferenceNorm { channels: positive(call, 0)?, eps: eps(call)?, gain: gain(call)?, with_example }))
}

const REFERENCE_ERRORS: &[&str] = &["when called: another number of channels", "when called without a reference batch"];

static REFERENCE_BATCH_NORM: Entry = Entry {
    name: "reference_batch_norm",
    group: "layer",
    summary: "each channel normalised by the statistics of a fixed batch, which with_reference gives to the network",
    params: &[CHANNELS],
    options: &[EPS, GAIN],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: REFERENCE_ERRORS,
    source: "Goodfellow 2016, slide 44",
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
    params: &[CHANNELS],
    options: &[EPS, GAIN],
    returns: NET,
    shapes: "[n, channels] or [n, channels, h, w], unchanged",
    errors: REFERENCE_ERRORS,
    source: "Salimans et al. 2016, section 3.4; slide 45",
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

static WITH_REFERENCE: Entry = Entry {
    name: "with_reference",
    group: "network",
    summary: "the network with a fixed batch that passes through its layers beside every input: the reference of virtual batch norm",
    params: &[
        param("network", NET, "its parameters are shared, not copied"),
        param("batch", Ty::Tensor, "chosen once, before training: real samples for D, noise for G"),
    ],
    returns: NET,
    shapes: "an input's shape but for its first size",
    errors: &["an empty batch", "when called: an input of another shape than the batch"],
    source: "Salimans et al. 2016, section 3.4",
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
        let batch: Tensor = call.args.get(1)?;
        if batch.is_empty() || batch.rank() == 0 {
            return Err(Fault::value("with_reference: the batch is empty"));
        }
        made(network(call, 0)?.referenced(batch))
    },
    ..ENTRY
};

static SPECTRAL_NORM: Entry = Entry {
    name: "spectral_norm",
    group: "layer",
    summary: "the layer, or every layer of a network, with its weight divided by its largest singular value",
    params: &[param("layer", NET, "a layer or a network; its parameters are shared, not copied")],
    options: &[opt("iterations", Ty::Int, "1", "power iterations at each pass in train mode")],
    returns: NET,
    shapes: "unchanged",
    errors: &["no layer has a weight matrix"],
    source: "Miyato et al. 2018; details as in PyTorch",
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
        let iterations = call.options.size("iterations", 1)?;
        made(spectral_norm(&network(call, 0)?, iterations)?)
    },
};

static WEIGHT_NORM: Entry = Entry {
    name: "weight_norm",
    group: "layer",
    summary: "the layer, or every layer of a network, with its weight written as g·v/‖v‖: length and direction are trained apart",
    params: &[param("layer", NET, "a layer or a network; its weights are copied")],
    returns: NET,
    shapes: "unchanged; parameters weight_g and weight_v in the place of weight",
    errors: &["no layer has a weight matrix"],
    source: "Salimans and Kingma 2016",
    examples: &[value(
        "it computes what it computed before",
        "let f = linear(3, 2); let x = randn([4, 3]);\nmax(abs(weight_norm(f)(x) - f(x))).item() < 1e-6",
        "true",
    )],
    call: |call| made(weight_norm(&network(call, 0)?)?),
    ..ENTRY
};
