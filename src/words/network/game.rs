//! Gradients adjusted to the dynamics of a game.

use super::value::read;
use crate::cite;
use crate::convert::wrap_all;
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{Call, Entry, Param, Ty, fails, param, type_of, value};
use saddle_fault::{Fault, Result};
use saddle_nn::game::{Player, consensus, symplectic};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&CONSENSUS, &SYMPLECTIC];

const LOSSES: Param<Array> = param("losses", types::ARRAY, "what each player descends: single numbers");
const PLAYERS: Param<Array> =
    param("players", types::ARRAY, "each player's network, or its parameters as an array of tensors");

/// The players of a call.
fn players(call: &Call) -> Result<Vec<Player>> {
    let (losses, players) = (LOSSES.of(call)?, PLAYERS.of(call)?);
    if losses.len() != players.len() {
        return Err(Fault::value(format!(
            "{}: {} losses for {} players",
            call.entry.name,
            losses.len(),
            players.len()
        )));
    }
    let each = losses.into_iter().zip(&players);
    each.map(|(loss, player)| {
        let loss = loss
            .try_cast::<Tensor>()
            .ok_or_else(|| Fault::type_(format!("{}: losses must be tensors", call.entry.name)))?;
        let params = params(player).ok_or_else(|| {
            Fault::type_(format!(
                "{}: a player must be a network or an array of tensors, got {}",
                call.entry.name,
                type_of(player)
            ))
        })?;
        Ok(Player { loss, params })
    })
    .collect()
}

fn params(player: &Dynamic) -> Option<Vec<Tensor>> {
    if let Ok(network) = read(player) {
        return Some(network.params().iter().map(saddle_nn::Param::value).collect());
    }
    let all = player.read_lock::<Array>()?;
    let each = all.iter().map(|v| v.read_lock::<Tensor>().map(|t| t.clone()));
    each.collect()
}

/// An array of gradients for each player.
fn gradients(all: Vec<Vec<Tensor>>) -> Dynamic {
    all.into_iter().map(wrap_all).collect::<Array>().into()
}

const ERRORS: &[&str] = &["another number of losses than of players", "a loss that is not a single number"];

const GAMMA: Param<f64> = param("gamma", types::NUMBER, "weight of the pull").or(10.0);
const LAMBDA: Param<f64> = param("lambda", types::NUMBER, "weight of the adjustment").or(1.0);
const ALIGN: Param<bool> =
    param("align", types::BOOL, "flip its sign where it would push away from a stable point").or(true);
static CONSENSUS: Entry = Entry {
    name: "consensus",
    group: "optimizer",
    summary: "each player's gradient, plus γ times that of half the squared length of all: they pull towards agreement",
    params: &[LOSSES.param(), PLAYERS.param()],
    options: &[GAMMA.opt()],
    returns: Ty::Array,
    shapes: "an array of gradients for each player: opt_D.step(g[0]); opt_G.step(g[1])",
    errors: ERRORS,
    source: &[cite::MESCHEDER_2017],
    examples: &[
        value(
            "the game x·y at (1, 1): the field (1, −1) turns, the pull (1, 1) goes home",
            "let x = tensor(1.0); let y = tensor(1.0);\nconsensus([x * y, -(x * y)], [[x], [y]], #{ gamma: 1 }).map(|g| g[0].item())",
            "[2.0, 0.0]",
        ),
        fails("a loss too few", "consensus([tensor(1.0)], [])", "1 losses for 0 players"),
    ],
    call: |call| {
        let gamma = GAMMA.of(call)? as f32;
        Ok(gradients(consensus(&players(call)?, gamma)?))
    },
};

static SYMPLECTIC: Entry = Entry {
    name: "symplectic_adjustment",
    group: "optimizer",
    summary: "each player's gradient v, plus λ·Aᵀv, where A is the antisymmetric part of v's Jacobian: it undoes the turning",
    params: &[LOSSES.param(), PLAYERS.param()],
    options: &[LAMBDA.opt(), ALIGN.opt()],
    returns: Ty::Array,
    shapes: CONSENSUS.shapes,
    errors: ERRORS,
    source: &[cite::BALDUZZI_2018],
    examples: &[
        value(
            "the game x·y at (1, 1)",
            "let x = tensor(1.0); let y = tensor(1.0);\nsymplectic_adjustment([x * y, -(x * y)], [[x], [y]]).map(|g| g[0].item())",
            "[2.0, 0.0]",
        ),
        value(
            "players with a common loss do not turn: nothing is adjusted",
            "let x = tensor(1.0); let y = tensor(3.0); let V = x * y + x ** 2;\nsymplectic_adjustment([V, V], [[x], [y]]).map(|g| g[0].item())",
            "[5.0, 1.0]",
        ),
    ],
    call: |call| {
        let lambda = LAMBDA.of(call)? as f32;
        let align = ALIGN.of(call)?;
        Ok(gradients(symplectic(&players(call)?, lambda, align)?))
    },
};
