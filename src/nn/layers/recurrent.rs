//! Recurrent layers: a state is carried along a sequence, and every step's output is read off it.

use super::{Layer, Pass, Start};
use crate::{Init, Param};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Lstm, Tensor, shown};

/// Which cell takes the state from one step to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Hochreiter and Schmidhuber 1997 with a forget gate, as in PyTorch: the gates i, f, g, o;
    /// `c' = σ(f)·c + σ(i)·tanh(g)`, `h' = σ(o)·tanh(c')`.
    Lstm,
    /// Cho et al. 2014, as in PyTorch: `r`, `z`, `n = tanh(W_n x + b_n + r·(U_n h + d_n))`, `h' = (1 − z)·n + z·h`.
    Gru,
}

/// A recurrent layer: `[n, steps, inputs] → [n, steps, hidden]`. The parameters are PyTorch's:
/// `weight_ih [k·hidden, inputs]`, `weight_hh [k·hidden, hidden]`, `bias_ih` and `bias_hh [k·hidden]`, with k = 4
/// (LSTM) or 3 (GRU). The second input, where there is one, is the state before the first step: `[n, hidden]`, of an
/// LSTM `[n, 2·hidden]`: h, then c.
pub struct Recurrent {
    /// LSTM or GRU.
    pub cell: Cell,
    /// Numbers a step of the input.
    pub inputs: usize,
    /// Numbers of the state.
    pub hidden: usize,
    /// From the last step to the first; outputs stay at the places of their inputs.
    pub reverse: bool,
    /// The whole state at every step instead of h alone: `[n, steps, 2·hidden]`. Of an LSTM only; a GRU's state is its
    /// output.
    pub state: bool,
    /// How the weights start; [`Init::FanIn`] is uniform in ±1/√hidden here, as in PyTorch.
    pub init: Init,
}

impl Recurrent {
    fn name(&self) -> &'static str {
        match self.cell {
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
        }
    }

    /// Numbers that a step hands on, in units of `hidden`.
    fn width(&self) -> usize {
        match self.cell {
            Cell::Lstm => 2 * self.hidden,
            Cell::Gru => self.hidden,
        }
    }

    fn gates(&self) -> usize {
        match self.cell {
            Cell::Lstm => 4 * self.hidden,
            Cell::Gru => 3 * self.hidden,
        }
    }

    /// The state before the first step: the second input, or zeros.
    fn first(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let want = [x.shape()[0], self.width()];
        match &pass.condition {
            None => Ok(Tensor::full(0.0, &want, &x.device())),
            Some(state) if state.shape()[..] == want => Ok(state.clone()),
            Some(state) => {
                let parts = if self.cell == Cell::Lstm { ": h, then c" } else { "" };
                Err(Fault::shape(format!(
                    "{}: the state must be {}{parts}, got {}",
                    self.name(),
                    shown(&want),
                    shown(&state.shape())
                )))
            }
        }
    }

    /// The steps of a GRU, one after the other: from what the inputs give to the gates, and the first state.
    fn gru(&self, params: &[Tensor], given: &Tensor, first: Tensor) -> Result<Tensor> {
        let n = self.hidden;
        let (rows, steps) = (given.shape()[0], given.shape()[1]);
        let part = |t: &Tensor, i: usize| t.narrow(1, i * n..(i + 1) * n);
        let mut h = first;
        let mut outputs = Vec::with_capacity(steps);
        for i in 0..steps {
            let t = if self.reverse { steps - 1 - i } else { i };
            let given = given.narrow(1, t..t + 1)?.reshape(&[rows, self.gates()])?;
            let own = h.linear(&params[1], Some(&params[3]))?;
            let open = |i: usize| part(&given, i)?.add(&part(&own, i)?)?.sigmoid();
            let (r, z) = (open(0)?, open(1)?);
            let new = part(&given, 2)?.add(&r.mul(&part(&own, 2)?)?)?.tanh()?;
            // (1 − z)·new + z·h
            h = new.add(&z.mul(&h.sub(&new)?)?)?;
            outputs.push(h.clone());
        }
        if self.reverse {
            outputs.reverse();
        }
        Tensor::stack(&outputs, 1)
    }
}

impl Layer for Recurrent {
    fn describe(&self) -> String {
        let reverse = if self.reverse { ", reverse" } else { "" };
        format!("{}({} → {}{reverse})", self.name(), self.inputs, self.hidden)
    }

    fn start(&self) -> Start {
        let (k, n) = (self.gates(), self.hidden);
        let bias = self.init.of_bias();
        let params = vec![
            Param::new("weight_ih", self.init.draw(&[k, self.inputs], n, n)),
            Param::new("weight_hh", self.init.draw(&[k, n], n, n)),
            Param::new("bias_ih", bias.draw(&[k], n, n)),
            Param::new("bias_hh", bias.draw(&[k], n, n)),
        ];
        Start { params, buffers: vec![] }
    }

    fn forward(&self, params: &[Tensor], _: &[Param], x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let shape = x.shape();
        let &[_, steps, inputs] = &shape[..] else {
            return Err(self.wrong(&shape));
        };
        if inputs != self.inputs {
            return Err(self.wrong(&shape));
        }
        if steps == 0 {
            return Err(Fault::shape(format!("{}: a sequence without steps: {}", self.name(), shown(&shape))));
        }
        let first = self.first(x, pass)?;
        match self.cell {
            Cell::Lstm => {
                let bias = params[2].add(&params[3])?;
                x.lstm([&params[0], &params[1], &bias], &first, Lstm { reverse: self.reverse, cells: self.state })
            }
            // What the inputs give to the gates, for all steps in one product.
            Cell::Gru => self.gru(params, &x.linear(&params[0], Some(&params[2]))?, first),
        }
    }

    fn is_conditional(&self) -> bool {
        true
    }
}

impl Recurrent {
    fn wrong(&self, shape: &[usize]) -> Fault {
        let fault =
            Fault::shape(format!("{}: input must be [n, steps, {}], got {}", self.name(), self.inputs, shown(shape)));
        match shape.len() {
            2 => fault.hint("one sequence is a batch of one: x.unsqueeze(0); one number a step: x.unsqueeze(2)"),
            _ => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mode;
    use super::*;
    use saddle_tensor::{GradOptions, device, grad};

    const INPUTS: usize = 3;
    const HIDDEN: usize = 2;
    const STEPS: usize = 4;
    const ROWS: usize = 2;

    /// Numbers without a pattern, in ±1.
    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut s = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Kept to what an f32 holds, so that both sides start from the same numbers.
            f64::from(((s >> 40) as f32 / (1u64 << 24) as f32) * 2.0 - 1.0)
        };
        (0..n).map(|_| next()).collect()
    }

    fn sigmoid(v: f64) -> f64 {
        1.0 / (1.0 + (-v).exp())
    }

    /// PyTorch's formulas for one row, number by number in float64: the state after every step.
    fn by_hand(cell: Cell, p: &[Vec<f64>], x: &[f64], first: &[f64]) -> Vec<Vec<f64>> {
        let (mut h, mut c) = (first[..HIDDEN].to_vec(), first[HIDDEN..].to_vec());
        let mut states = Vec::new();
        for t in 0..STEPS {
            let of_x = |k: usize| p[2][k] + (0..INPUTS).map(|j| p[0][k * INPUTS + j] * x[t * INPUTS + j]).sum::<f64>();
            let of_h = |k: usize, h: &[f64]| p[3][k] + (0..HIDDEN).map(|j| p[1][k * HIDDEN + j] * h[j]).sum::<f64>();
            let before = h.clone();
            for u in 0..HIDDEN {
                let both = |gate: usize| of_x(gate * HIDDEN + u) + of_h(gate * HIDDEN + u, &before);
                match cell {
                    Cell::Lstm => {
                        c[u] = sigmoid(both(1)) * c[u] + sigmoid(both(0)) * both(2).tanh();
                        h[u] = sigmoid(both(3)) * c[u].tanh();
                    }
                    Cell::Gru => {
                        let (r, z) = (sigmoid(both(0)), sigmoid(both(1)));
                        let k = 2 * HIDDEN + u;
                        let n = (of_x(k) + r * of_h(k, &before)).tanh();
                        h[u] = (1.0 - z) * n + z * before[u];
                    }
                }
            }
            states.push([h.clone(), c.clone()].concat());
        }
        states
    }

    struct Case {
        layer: Recurrent,
        /// weight_ih, weight_hh, bias_ih, bias_hh, x, the first state.
        values: Vec<Vec<f64>>,
        shapes: Vec<Vec<usize>>,
        weights: Vec<f64>,
    }

    fn case(cell: Cell, state: bool) -> Case {
        let layer = Recurrent { cell, inputs: INPUTS, hidden: HIDDEN, reverse: false, state, init: Init::FanIn };
        let (k, width) = (layer.gates(), layer.width());
        let shapes =
            vec![vec![k, INPUTS], vec![k, HIDDEN], vec![k], vec![k], vec![ROWS, STEPS, INPUTS], vec![ROWS, width]];
        let values = shapes.iter().zip(1..).map(|(s, seed)| noise(s.iter().product(), seed)).collect();
        let out = if state { width } else { HIDDEN };
        Case { layer, values, shapes, weights: noise(ROWS * STEPS * out, 99) }
    }

    /// Σ w·y of the formulas by hand.
    fn loss_by_hand(case: &Case, values: &[Vec<f64>]) -> (f64, Vec<f64>) {
        let width = case.layer.width();
        let out = if case.layer.state { width } else { HIDDEN };
        let mut y = Vec::new();
        for row in 0..ROWS {
            let x = &values[4][row * STEPS * INPUTS..(row + 1) * STEPS * INPUTS];
            let mut first = values[5][row * width..(row + 1) * width].to_vec();
            first.resize(2 * HIDDEN, 0.0);
            for state in by_hand(case.layer.cell, &values[..4], x, &first) {
                y.extend_from_slice(&state[..out]);
            }
        }
        (y.iter().zip(&case.weights).map(|(y, w)| y * w).sum(), y)
    }

    #[test]
    fn outputs_and_gradients_are_those_of_the_formulas_in_float64() -> Result<()> {
        for case in [case(Cell::Lstm, false), case(Cell::Lstm, true), case(Cell::Gru, false)] {
            let at = device::current();
            let floats =
                |v: &[f64], shape: &[usize]| Tensor::from_floats(v.iter().map(|&v| v as f32).collect(), shape, &at);
            let t: Vec<Tensor> = case.values.iter().zip(&case.shapes).map(|(v, s)| floats(v, s)).collect();
            let pass = Pass { condition: Some(t[5].clone()), ..Pass::of(Mode::Eval) };
            let y = case.layer.forward(&t[..4], &[], &t[4], &pass)?;
            let (_, want) = loss_by_hand(&case, &case.values);
            for (a, b) in y.to_floats()?.iter().zip(&want) {
                assert!((f64::from(*a) - b).abs() < 1e-6, "{:?}: {a} for {b}", case.layer.cell);
            }
            let loss = y.mul(&floats(&case.weights, &y.shape()))?.sum()?;
            let wrt: Vec<&Tensor> = t.iter().collect();
            let grads = grad(&loss, &wrt, None, GradOptions::default())?;
            for (i, g) in grads.iter().enumerate() {
                let g = g.as_ref().expect("each operand has a gradient").to_floats()?;
                for (j, &g) in g.iter().enumerate() {
                    let moved = |by: f64| {
                        let mut values = case.values.clone();
                        values[i][j] += by;
                        loss_by_hand(&case, &values).0
                    };
                    let want = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((f64::from(g) - want).abs() < 1e-5, "{:?} {i} {j}: {g} for {want}", case.layer.cell);
                }
            }
        }
        Ok(())
    }

    /// From the last step on, the reversed layer is the layer on the reversed sequence.
    #[test]
    fn reverse_is_the_sequence_turned_around() -> Result<()> {
        let forward = case(Cell::Lstm, false).layer;
        let backward = Recurrent { reverse: true, ..case(Cell::Lstm, false).layer };
        let params: Vec<Tensor> = forward.start().params.iter().map(Param::value).collect();
        let x = Init::Normal(0.0, 1.0).draw(&[ROWS, STEPS, INPUTS], 1, 1);
        let pass = Pass::of(Mode::Eval);
        let a = forward.forward(&params, &[], &x.flip(&[1])?, &pass)?.flip(&[1])?;
        let b = backward.forward(&params, &[], &x, &pass)?;
        assert_eq!(a.to_floats()?, b.to_floats()?);
        Ok(())
    }

    /// Two halves of a sequence, the second from the state in which the first ended, are the whole.
    #[test]
    fn a_sequence_may_be_cut_in_two() -> Result<()> {
        for case in [case(Cell::Lstm, true), case(Cell::Gru, false)] {
            let params: Vec<Tensor> = case.layer.start().params.iter().map(Param::value).collect();
            let x = Init::Normal(0.0, 1.0).draw(&[ROWS, STEPS, INPUTS], 1, 1);
            let whole = case.layer.forward(&params, &[], &x, &Pass::of(Mode::Eval))?;
            let first = case.layer.forward(&params, &[], &x.narrow(1, 0..2)?, &Pass::of(Mode::Eval))?;
            let state = first.narrow(1, 1..2)?.reshape(&[ROWS, case.layer.width()])?;
            let pass = Pass { condition: Some(state), ..Pass::of(Mode::Eval) };
            let second = case.layer.forward(&params, &[], &x.narrow(1, 2..STEPS)?, &pass)?;
            assert_eq!(whole.to_floats()?, Tensor::cat(&[first, second], 1)?.to_floats()?);
        }
        Ok(())
    }

    #[test]
    fn errors_name_the_shapes() {
        let layer = case(Cell::Lstm, false).layer;
        let params: Vec<Tensor> = layer.start().params.iter().map(Param::value).collect();
        let error = |x: &[usize], state: Option<&[usize]>| {
            let zeros = |s: &[usize]| Tensor::full(0.0, s, &device::current());
            let pass = Pass { condition: state.map(zeros), ..Pass::of(Mode::Eval) };
            layer.forward(&params, &[], &zeros(x), &pass).err().map(|f| f.message)
        };
        assert_eq!(error(&[4, 3], None).as_deref(), Some("lstm: input must be [n, steps, 3], got [4, 3]"));
        assert_eq!(error(&[2, 0, 3], None).as_deref(), Some("lstm: a sequence without steps: [2, 0, 3]"));
        let wrong = "lstm: the state must be [2, 4]: h, then c, got [2, 2]";
        assert_eq!(error(&[2, 5, 3], Some(&[2, 2])).as_deref(), Some(wrong));
    }
}
