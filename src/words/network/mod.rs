//! The words about networks: layers, calling, optimizers, losses, penalties.
//!
//! | file | owns |
//! |---|---|
//! | `value` | the kind `network`: calling, `params`, `with`, `copy`, `freeze`, `train`, `eval`, `summary`; `sequential` |
//! | `custom` | networks with a forward function of the user's own; how networks are called |
//! | `layers` | layers whose heart is a matrix product |
//! | `conv` | convolution layers |
//! | `recurrent` | `lstm`, `gru` |
//! | `likelihood` | what models with a likelihood need: `made_masks`, `affine_coupling`, `ais` |
//! | `norm` | normalisation layers, spectral and weight norm |
//! | `stateless` | `dropout(p)`, `flatten()`, …: layers without parameters; activation functions are in `activation` |
//! | `init` | the kind `initializer` |
//! | `gradient` | `grad` with respect to a network |
//! | `ema` | running averages |
//! | `optimizer` | the kind `optimizer`: `sgd`, `adam`, … |
//! | `descent` | its steps: `descend`, `ascend`, `step`, `lookahead`; `set_lr` |
//! | `steps` | steps as values |
//! | `schedule` | the kind `schedule`: rates that change with the step |
//! | `game` | consensus optimisation, symplectic gradient adjustment |
//! | `loss` | losses on predictions, and those of the two players |
//! | `penalty` | gradient penalties |

pub mod conv;
pub mod custom;
pub mod descent;
pub mod ema;
pub mod game;
pub mod gradient;
pub mod init;
pub mod layers;
pub mod likelihood;
pub mod loss;
pub mod norm;
pub mod optimizer;
pub mod penalty;
pub mod recurrent;
pub mod schedule;
pub mod stateless;
pub mod steps;
pub mod value;

use saddle_catalog::Kind;

/// All kinds of this folder.
pub const KINDS: &[&Kind] = &[&value::NETWORK, &init::INITIALIZER, &optimizer::OPTIMIZER, &schedule::SCHEDULE];
