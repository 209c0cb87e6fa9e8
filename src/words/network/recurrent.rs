//! Recurrent layers.

use super::layers::{INIT, init, positive};
use super::value::{NET, made};
use crate::cite;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{AnyParam, Call, Entry, Maybe, Param, fails, param, value};
use saddle_fault::Result;
use saddle_nn::layers::{Cell, Recurrent};
use saddle_nn::{Init, Network};

pub static ENTRIES: &[&Entry] = &[&LSTM, &GRU];

const INPUTS: Param<usize> = param("inputs", types::SIZE, "numbers at each step of the input");
const HIDDEN: Param<usize> = param("hidden", types::SIZE, "numbers at each step of the output");
const PARAMS: &[AnyParam] = &[INPUTS.param(), HIDDEN.param()];
const REVERSE: Param<bool> =
    param("reverse", types::BOOL, "from the last step to the first; outputs stay at their places").or(false);
const STATE: Param<bool> = param(
    "state",
    types::BOOL,
    "the whole state at each step, h and then c: [n, steps, 2·hidden]; the last is the state to go on from",
)
.or(false);
const START: Maybe<Init> = INIT.or_words("uniform in ±1/√hidden");
const ERRORS: &[&str] =
    &["a size below 1", "when called: an input that is not [n, steps ≥ 1, inputs]; a state of another shape"];

fn recurrent(call: &Call, cell: Cell) -> Result<Dynamic> {
    made(Network::of(Recurrent {
        cell,
        inputs: positive(call, INPUTS)?,
        hidden: positive(call, HIDDEN)?,
        reverse: REVERSE.of(call)?,
        state: cell == Cell::Lstm && STATE.of(call)?,
        init: init(call)?,
    }))
}

static LSTM: Entry = Entry {
    name: "lstm",
    group: "layer",
    summary: "a recurrent layer with a memory cell: each step sees its input and what the steps before it left; \
              f(x, state) goes on from a state",
    params: PARAMS,
    options: &[REVERSE.opt(), STATE.opt(), START.opt()],
    returns: NET,
    shapes: "[n, steps, inputs] → [n, steps, hidden]; state [n, 2·hidden]; weight_ih [4·hidden, inputs], weight_hh [4·hidden, hidden], \
             bias_ih, bias_hh [4·hidden], the gates in PyTorch's order i, f, g, o",
    errors: ERRORS,
    source: &[cite::HOCHREITER_1997, "; the formulas of PyTorch's LSTM, batch first"],
    examples: &[
        value("shapes", "lstm(3, 5)(ones([2, 7, 3])).shape", "[2, 7, 5]"),
        value(
            "no step sees a later one",
            "let f = lstm(1, 4); let x = zeros([1, 3, 1]);\nlet y = f(x).slice(1, 0..2);\nsum(abs(grad(sum(y), x).slice(1, 2..3))).item()",
            "0.0",
        ),
        value(
            "step by step: the state goes from call to call",
            "let f = lstm(2, 3, #{ state: true });\nlet x = randn([1, 2, 2]);\nlet first = f(x.slice(1, 0..1));\nlet second = f(x.slice(1, 1..2), first.squeeze(1));\nsum(abs(second - f(x).slice(1, 1..2))).item()",
            "0.0",
        ),
        fails("no steps", "lstm(3, 5)(ones([7, 3]))", "input must be [n, steps, 3]"),
    ],
    call: |call| recurrent(call, Cell::Lstm),
};

static GRU: Entry = Entry {
    name: "gru",
    group: "layer",
    summary: "a recurrent layer with gates and no cell: cheaper than lstm; f(x, state) goes on from a state, the output at the last step",
    params: PARAMS,
    options: &[REVERSE.opt(), START.opt()],
    returns: NET,
    shapes: "[n, steps, inputs] → [n, steps, hidden]; state [n, hidden]; weight_ih [3·hidden, inputs], weight_hh [3·hidden, hidden], \
             bias_ih, bias_hh [3·hidden], the gates in PyTorch's order r, z, n",
    errors: ERRORS,
    source: &[cite::CHO_2014, "; the formulas of PyTorch's GRU, batch first"],
    examples: &[
        value("shapes", "gru(3, 5)(ones([2, 7, 3])).shape", "[2, 7, 5]"),
        value(
            "gates half open, nothing new: the state halves",
            "gru(1, 1, #{ init: constant(0) })(zeros([1, 2, 1]), tensor([[8]])).to_array()",
            "[[[4.0], [2.0]]]",
        ),
        fails(
            "a state of another size",
            "gru(3, 5)(ones([2, 7, 3]), ones([2, 4]))",
            "the state must be [2, 5], got [2, 4]",
        ),
    ],
    call: |call| recurrent(call, Cell::Gru),
};
