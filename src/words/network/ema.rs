//! Running averages of networks.

use super::super::tensor::{fails, optional, param, value};
use super::value::{made, network};
use saddle_catalog::{ENTRY, Entry, Ty};
use saddle_fault::Fault;

pub static ENTRIES: &[&Entry] = &[&EMA, &UPDATE];

static EMA: Entry = Entry {
    name: "ema",
    group: "optimizer",
    summary: "a network whose parameters are a running average of another's: call update() after each step",
    params: &[
        param("network", Ty::Of("network"), "the network that it follows"),
        optional("decay", Ty::Number, "0.999", "how much of the average is kept at each update, in [0, 1)"),
    ],
    returns: Ty::Of("network"),
    errors: &["a decay outside [0, 1)"],
    source: "Yazıcı et al. 2019: samples of the averaged G are better",
    examples: &[
        value(
            "half way at each update",
            "let G = linear(1, 1, #{ bias: false, init: constant(1) });\nlet G_avg = ema(G, 0.5);\nsgd(G, #{ lr: 2 }).descend(sum(G(ones([1, 1]))));\nG_avg.update();\n[G.params()[0].item(), G_avg.params()[0].item()]",
            "[-1.0, 0.0]",
        ),
        fails("a decay of 1", "ema(linear(1, 1), 1)", "decay must be in [0, 1)"),
    ],
    call: |call| {
        let decay = match call.args.has(1) {
            true => call.args.number(1)?,
            false => 0.999,
        };
        if !(0.0..1.0).contains(&decay) {
            return Err(Fault::value(format!("ema: decay must be in [0, 1), got {decay}")));
        }
        made(network(call, 0)?.average(decay as f32))
    },
    ..ENTRY
};

static UPDATE: Entry = Entry {
    name: "update",
    group: "optimizer",
    summary: "moves a running average towards the network it follows; running statistics are taken over as they are",
    params: &[param("network", Ty::Of("network"), "made by ema")],
    returns: Ty::Of("network"),
    errors: &["a network that follows no other"],
    examples: &[fails("an ordinary network", "linear(1, 1).update()", "this network follows no other")],
    call: |call| {
        let average = network(call, 0)?;
        average.update()?;
        made(average)
    },
    ..ENTRY
};
