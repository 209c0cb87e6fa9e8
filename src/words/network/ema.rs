//! Running averages of networks.

use super::value::made;
use crate::cite;
use crate::types;
use saddle_catalog::{ENTRY, Entry, Param, Ty, fails, param, value};
use saddle_fault::Fault;
use saddle_nn::Network;

pub static ENTRIES: &[&Entry] = &[&EMA, &UPDATE];

const NETWORK: Param<Network> = param("network", types::NETWORK, "the network that it follows");
const DECAY: Param<f64> =
    param("decay", types::NUMBER, "how much of the average is kept at each update, in [0, 1)").or(0.999);
static EMA: Entry = Entry {
    name: "ema",
    group: "optimizer",
    summary: "a network whose parameters are a running average of another's: call update() after each step",
    params: &[NETWORK.param(), DECAY.param()],
    returns: Ty::Of("network"),
    errors: &["a decay outside [0, 1)"],
    source: &[cite::YAZICI_2019, ": samples of the averaged G are better"],
    examples: &[
        value(
            "half way at each update",
            "let G = linear(1, 1, #{ bias: false, init: constant(1) });\nlet G_avg = ema(G, 0.5);\nsgd(G, #{ lr: 2 }).descend(sum(G(ones([1, 1]))));\nG_avg.update();\n[G.params()[0].item(), G_avg.params()[0].item()]",
            "[-1.0, 0.0]",
        ),
        fails("a decay of 1", "ema(linear(1, 1), 1)", "decay must be in [0, 1)"),
    ],
    call: |call| {
        let decay = DECAY.of(call)?;
        if !(0.0..1.0).contains(&decay) {
            return Err(Fault::value(format!("ema: decay must be in [0, 1), got {decay}")));
        }
        made(NETWORK.of(call)?.average(decay as f32))
    },
    ..ENTRY
};

const UPDATE_NETWORK: Param<Network> = param("network", types::NETWORK, "made by ema");
static UPDATE: Entry = Entry {
    name: "update",
    group: "optimizer",
    summary: "moves a running average towards the network it follows; running statistics are taken over as they are",
    params: &[UPDATE_NETWORK.param()],
    returns: Ty::Of("network"),
    errors: &["a network that follows no other"],
    examples: &[fails("an ordinary network", "linear(1, 1).update()", "this network follows no other")],
    call: |call| {
        let average = UPDATE_NETWORK.of(call)?;
        average.update()?;
        made(average)
    },
    ..ENTRY
};
