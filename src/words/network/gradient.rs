//! Gradients with respect to networks.

use super::super::tensor::gradient::{OPTIONS, Y, of_tensors};
use crate::types;

use saddle_catalog::{ENTRY, Entry, Param, Ty, fails, param, value};
use saddle_nn::Network;

pub static ENTRIES: &[&Entry] = &[&GRAD];

const NETWORK: Param<Network> =
    param("network", types::NETWORK, "a network that y was computed with, after its last step");
static GRAD: Entry = Entry {
    name: "grad",
    group: "gradient",
    summary: "the gradients of y with respect to a network's parameters, in the order of params()",
    params: &[Y.param(), NETWORK.param()],
    options: OPTIONS,
    returns: Ty::Array,
    shapes: "one tensor for each of network.params(), of its shape",
    errors: &[
        "y has more than one element and there is no `seed`",
        "y does not depend on one of the parameters, and `unused` is \"error\"",
    ],
    examples: &[
        value(
            "a step by hand",
            "let f = linear(1, 1, #{ bias: false, init: constant(3) });\nlet w = f(ones([1, 1]));\nf.with(sgd_step(f.params(), grad(sum(w * w), f), 0.5)).params()[0].item()",
            "0.0",
        ),
        value(
            "the norm of G's gradient",
            "let G = linear(2, 1, #{ bias: false });\nlet g = grad(sum(G(tensor([[3, 4]]))), G);\nnorm(g[0]).item()",
            "5.0",
        ),
        fails(
            "another network",
            "let G = linear(2, 1); let D = linear(2, 1);\ngrad(mean(G(ones([1, 2]))), D, #{ unused: \"error\" })",
            "y does not depend on inputs 1 and 2 of 2",
        ),
    ],
    call: |call| {
        let values: Vec<_> = NETWORK.of(call)?.params().iter().map(saddle_nn::Param::value).collect();
        Ok(of_tensors(call, &values)?.into())
    },
    ..ENTRY
};
