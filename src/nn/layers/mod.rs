//! What each layer computes. A layer is a description: its parameters and running statistics are given to it.
//!
//! | file | owns |
//! |---|---|
//! | [`linear`], [`maxout`] | layers whose heart is one matrix product; the largest of several |
//! | [`conv`], [`conv1d`] | convolutions of images; of sequences, plain and causal |
//! | [`recurrent`] | LSTM and GRU |
//! | [`attention`] | self-attention of images |
//! | [`activation`], [`prelu`] | element-wise activation functions, softmax; the one that has parameters |
//! | [`norm`], [`conditional`], [`reference`] | normalisations; with gain and shift by a label; by a fixed reference batch |
//! | [`weight`] | masks, spectral norm, weight norm: weights that are computed at each pass |
//! | [`noise`] | dropout, Gaussian noise |
//! | [`reshape`] | layers that only rearrange |

pub mod activation;
pub mod attention;
pub mod conditional;
pub mod conv;
pub mod conv1d;
pub mod linear;
pub mod maxout;
pub mod noise;
pub mod norm;
pub mod prelu;
pub mod recurrent;
pub mod reference;
pub mod reshape;
pub mod weight;

pub use activation::{Activate, Activation};
pub use attention::SelfAttention;
pub use conditional::ConditionalBatchNorm;
pub use conv::{Conv2d, ConvTranspose2d, autoregressive};
pub use conv1d::{Conv1d, Sight};
pub use linear::{Embedding, Linear, MinibatchDiscrimination};
pub use maxout::Maxout;
pub use noise::{Dropout, GaussianNoise};
pub use norm::{Across, BatchNorm, GroupNorm, InstanceNorm, LayerNorm};
pub use prelu::Prelu;
pub use recurrent::{Cell, Recurrent};
pub use reference::ReferenceNorm;
pub use reshape::{Flatten, PixelShuffle, Reshape, Upsample};
pub use weight::{masked, spectral_norm, weight_norm};

use super::onnx::{Axis, Edge, Graph};
use super::param::Param;
use saddle_fault::Result;
use saddle_tensor::Tensor;

/// Whether a network is being trained or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Dropout drops, batch norm uses the batch.
    Train,
    /// Dropout passes, batch norm uses its running statistics.
    Eval,
}

/// What a pass through a network brings to each layer besides its input.
#[derive(Clone)]
pub struct Pass {
    /// Whether the network is being trained.
    pub mode: Mode,
    /// So many rows at the start of every batch are the reference batch of virtual batch norm.
    pub reference: usize,
    /// The network's second input: labels, for conditional layers.
    pub condition: Option<Tensor>,
}

impl Pass {
    /// A pass without reference batch and second input.
    pub fn of(mode: Mode) -> Self {
        Self { mode, reference: 0, condition: None }
    }
}

/// A layer's parameters and running statistics, made when the network is built.
#[derive(Default)]
pub struct Start {
    /// Trained, in the order in which `forward` gets them.
    pub params: Vec<Param>,
    /// Not trained: running statistics.
    pub buffers: Vec<Param>,
}

/// One layer.
pub trait Layer {
    /// As the summary shows it: `linear(64 → 128)`.
    fn describe(&self) -> String;

    /// Fresh parameters, drawn from the current random stream.
    fn start(&self) -> Start {
        Start::default()
    }

    /// The layer's output for the given values of its parameters.
    ///
    /// # Errors
    /// An input whose shape does not fit.
    fn forward(&self, params: &[Tensor], buffers: &[Param], x: &Tensor, pass: &Pass) -> Result<Tensor>;

    /// The slope below 0, if the layer is x where x > 0 and `slope` · x elsewhere.
    fn rectifier(&self) -> Option<f32> {
        None
    }

    /// [`Layer::forward`] and then a rectifier, where both can be done in one pass.
    fn forward_rectified(&self, _params: &[Tensor], _x: &Tensor, _slope: f32) -> Option<Result<Tensor>> {
        None
    }

    /// Whether it takes a second input, such as labels: [`Pass::condition`].
    fn is_conditional(&self) -> bool {
        false
    }

    /// Which dim of its weight counts the outputs.
    fn output_dim(&self) -> isize {
        0
    }

    /// The axes of its input where it says so: as the first layer it makes an exported network's input known.
    fn onnx_input(&self) -> Option<Vec<Axis>> {
        None
    }

    /// Whether its input are whole numbers.
    fn takes_ints(&self) -> bool {
        false
    }

    /// What it computes after `eval()`, in ONNX's operators.
    ///
    /// # Errors
    /// There are none for it.
    fn onnx(&self, _: &mut Graph, _: &[Tensor], _: &[Param], _: &Edge) -> Result<Edge> {
        Err(Graph::no_operator(&self.describe()))
    }
}
