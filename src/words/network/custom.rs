//! Networks with a forward function of the user's own: `network(#{ fc1: …, fc2: … }, |net, x| …)`; and how the forward
//! functions of networks are called.

use super::super::tensor::value::range;
use super::value::{NETWORK, made};
use crate::convert::wrap;
use crate::types;
use rhai::{Array, Dynamic, FnPtr, Map};
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, did_you_mean, fails, param, type_of, value};
use saddle_fault::{Fault, Kind as Wrong, Result};
use saddle_nn::{Caller, Network, Part};
use saddle_tensor::{Dtype, Tensor};
use std::any::Any;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&NETWORK_WORD];

/// Words that a network answers to: no part may take their place.
const TAKEN: &[&str] = &[
    "params", "with", "copy", "freeze", "unfreeze", "train", "eval", "summary", "features", "forward", "update",
    "save", "load",
];

const PARTS: Param<Map> = param(
    "parts",
    types::MAP,
    "its layers and networks by name, arrays of them, and tensors, which become trained parameters",
);
const FORWARD: Param<FnPtr> = param(
    "forward",
    types::FUNCTION,
    "|net, x, …| …: gets the network, whose parts are net.name, and the inputs; gives any value",
);
static NETWORK_WORD: Entry = Entry {
    name: "network",
    group: "network",
    summary: "a network with a forward function of your own: several inputs or outputs, skip connections, shared layers",
    params: &[PARTS.param(), FORWARD.param()],
    returns: Ty::Of("network"),
    errors: &[
        "a part that is no layer, network, f32 tensor or array of them",
        "a part with the name of a word of networks, such as params",
        "when called: the errors of the function",
    ],
    examples: &[
        value(
            "a skip connection",
            "let f = network(#{ fc: linear(1, 1, #{ init: constant(2) }) }, |net, x| x + net.fc(x));\nf(tensor([[3]])).item()",
            "9.0",
        ),
        value(
            "two inputs",
            "let D = network(#{ of_x: linear(2, 8), of_y: linear(3, 8), out: linear(8, 1) },\n    |net, x, y| net.out(relu(net.of_x(x) + net.of_y(y))));\nD(ones([4, 2]), ones([4, 3])).shape",
            "[4, 1]",
        ),
        value(
            "a tensor is a parameter",
            "let player = network(#{ w: tensor(2.0) }, |net| net.w * net.w);\nsgd(player, #{ lr: 0.25 }).descend(player());\nplayer.w.item()",
            "1.0",
        ),
        value(
            "features beside the output",
            "let D = network(#{ body: sequential([linear(2, 8), relu()]), out: linear(8, 1) },\n    |net, x| { let h = net.body(x); #{ y: net.out(h), features: h } });\nD(ones([4, 2])).features.shape",
            "[4, 8]",
        ),
        fails("a part that is none", "network(#{ fc: 3 }, |net, x| x)", "part `fc` is an int"),
    ],
    call: |call| {
        let parts = PARTS.of(call)?;
        let parts = parts
            .into_iter()
            .map(|(name, v)| {
                if TAKEN.contains(&name.as_str()) || NETWORK.fields.iter().any(|f| f.name == name) {
                    return Err(Fault::value(format!(
                        "network: a part cannot be called `{name}`: networks have a word or field of that name"
                    ))
                    .hint("choose another name"));
                }
                Ok((name.to_string(), part(&name, &v.flatten())?))
            })
            .collect::<Result<Vec<_>>>()?;
        made(Network::custom(parts, Rc::new(FORWARD.of(call)?)))
    },
    ..ENTRY
};

/// A value as part of a network.
fn part(name: &str, value: &Dynamic) -> Result<Part> {
    if let Some(network) = value.read_lock::<Network>() {
        return Ok(Part::Network(network.clone()));
    }
    if let Some(t) = value.read_lock::<Tensor>()
        && t.dtype() == Dtype::F32
    {
        return Ok(Part::Param(saddle_nn::Param::new(name, t.detach())));
    }
    if let Some(items) = value.read_lock::<Array>() {
        let parts = items.iter().enumerate();
        let parts = parts.map(|(i, v)| part(&format!("{name}[{i}]"), v));
        return parts.collect::<Result<_>>().map(Part::List);
    }
    Err(Fault::type_(format!(
        "network: part `{name}` is {}, not a layer, a network, an f32 tensor or an array of them",
        type_of(value)
    )))
}

/// A part as a value of the language.
fn unpart(part: &Part) -> Dynamic {
    match part {
        Part::Network(network) => Dynamic::from(network.clone()),
        Part::Param(p) => wrap(p.value()),
        Part::List(parts) => parts.iter().map(unpart).collect::<Array>().into(),
    }
}

/// The part `net.fc1`.
pub(super) fn named_part(value: &Dynamic, name: &str) -> Option<Dynamic> {
    value.read_lock::<Network>()?.part(name).as_ref().map(unpart)
}

/// `net.fc1` and `net["fc1"]`: a part, or a parameter by PyTorch's name, `linear(3, 2).weight`; `net[0]`, `net[-1]`, `net[0..2]`: layers of a sequence. All share their
/// parameters with the network.
pub(super) fn index(value: &Dynamic, at: &Dynamic) -> Result<Dynamic> {
    let network = super::value::read(value)?;
    if let Ok(name) = at.as_immutable_string_ref() {
        if let Some(part) = network.part(&name) {
            return Ok(unpart(&part));
        }
        let named = network.named();
        if let Some((_, param)) = named.iter().find(|(own, _)| *own == *name) {
            return Ok(wrap(param.value()));
        }
        return Err(no_part(&name, &network.part_names(), &named));
    }
    let layers = network.layers();
    let n = layers.len() as i64;
    if let Some(range) = range(at, n) {
        return match layers.get(range) {
            Some(chosen) => made(Network::sequential(chosen)),
            // What has no end has the largest of all.
            None => Err(no_layer(at.to_string().trim_end_matches(&i64::MAX.to_string()), n)),
        };
    }
    let Ok(i) = at.as_int() else {
        return Err(Fault::new(
            Wrong::Index,
            format!("a network is indexed by a whole number, a range or a name, not by {}", type_of(at)),
        ));
    };
    let place = if i < 0 { i + n } else { i };
    match usize::try_from(place).ok().and_then(|i| layers.get(i)) {
        Some(layer) => made(layer.clone()),
        None => Err(no_layer(&i.to_string(), n)),
    }
}

fn no_part(name: &str, parts: &[&str], named: &[(String, saddle_nn::Param)]) -> Fault {
    let fields: Vec<&str> = NETWORK.fields.iter().map(|f| f.name).collect();
    let own = match parts {
        [] => named.iter().map(|(name, _)| name.as_str()).collect(),
        parts => parts.to_vec(),
    };
    let meant = did_you_mean(name, own.iter().chain(&fields).copied());
    let fault = Fault::new(Wrong::Name, format!("a network has no field `{name}`{meant}"));
    let of = if parts.is_empty() { "parameters" } else { "parts" };
    match own.is_empty() {
        true => fault.hint(format!("its fields: {}", fields.join(", "))),
        false => fault.hint(format!("its {of}: {}; its fields: {}", own.join(", "), fields.join(", "))),
    }
}

fn no_layer(at: &str, n: i64) -> Fault {
    Fault::new(Wrong::Index, format!("there is no layer {at} among {n}"))
}

/// A call in a cell, as the networks below need it.
pub(super) struct Script<'a>(pub &'a Call<'a>);

impl Caller for Script<'_> {
    type Value = Dynamic;

    fn value(&self, tensor: Tensor) -> Dynamic {
        wrap(tensor)
    }

    fn tensor(&self, value: &Dynamic) -> Result<Tensor> {
        let tensor = value.read_lock::<Tensor>().map(|t| t.clone());
        tensor.ok_or_else(|| Fault::type_(format!("a layer needs a tensor, got {}", self.0.catalog.type_of(value))))
    }

    fn call(&self, forward: &dyn Any, network: &Network, inputs: Vec<Dynamic>) -> Result<Dynamic> {
        let Some(f) = forward.downcast_ref::<FnPtr>() else {
            return Err(Fault::new(Wrong::Internal, "a forward function of another language"));
        };
        let mut args = vec![Dynamic::from(network.clone())];
        args.extend(inputs);
        self.0.invoke(f, args)
    }
}

/// The inputs of a call of a network: all arguments but the first.
pub(super) fn inputs(call: &Call) -> Vec<Dynamic> {
    call.args().skip(1).cloned().collect()
}

/// The network's output for its inputs, for whatever word calls a network.
pub(super) fn run(call: &Call, network: &Network) -> Result<Dynamic> {
    network.run(inputs(call), &Script(call))
}
