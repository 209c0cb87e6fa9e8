//! What a network gave for its last inputs, for as long as a graph holds it.
//!
//! A loss with R1 calls D at the same samples twice: for the loss, and inside of the penalty. The second pass would compute and
//! record again what the graph of the first one holds; so it is given that. Neither values nor gradients change.

use saddle_tensor::tape::is_recording;
use saddle_tensor::{Device, Faint, Identity, Tensor};
use std::cell::{Cell, RefCell};

/// The last outputs of a network whose layers are pure.
#[derive(Default)]
pub(super) struct Recall {
    /// As many as a step has batches: real and generated ones.
    last: RefCell<[Option<Pass>; 2]>,
    next: Cell<usize>,
}

struct Pass {
    /// The input and the parameters.
    of: Vec<Identity>,
    output: Faint,
}

impl Recall {
    /// The output for `x` with the present parameters, if it has been recorded and is still held.
    pub fn output(&self, x: &Tensor, params: &[Tensor]) -> Option<Tensor> {
        let matches = |pass: &&Pass| {
            let mut given = std::iter::once(x).chain(params);
            pass.of.len() == 1 + params.len() && pass.of.iter().all(|id| given.next().is_some_and(|t| id.is(t)))
        };
        let last = self.last.borrow();
        let found = last.iter().flatten().find(matches).filter(|_| is_recording())?;
        found.output.tensor()
    }

    /// Remembers an output that has just been recorded.
    pub fn keep(&self, x: &Tensor, params: &[Tensor], output: &Tensor) {
        if !is_recording() || x.device() != Device::Cpu {
            return;
        }
        let of = std::iter::once(x).chain(params).map(Tensor::identity).collect();
        let at = self.next.replace(1 - self.next.get());
        self.last.borrow_mut()[at] = Some(Pass { of, output: output.faint() });
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{Activate, Activation, Conv2d, Dropout, Flatten, Linear};
    use crate::{Init, Network};
    use saddle_tensor::{Geometry, GradOptions, Tensor, grad, random};

    fn critic(dropout: bool) -> Network {
        random::seed(1);
        let geometry = Geometry { stride: [2, 2], padding: [1, 1], ..Geometry::default() };
        let conv = Conv2d { inputs: 1, outputs: 3, kernel: [4, 4], geometry, bias: true, init: Init::FanIn };
        let linear = Linear { inputs: 12, outputs: 1, bias: true, init: Init::FanIn, bias_init: None };
        let activate = || Network::of(Activate(Activation::Tanh));
        let last = if dropout { Network::of(Dropout { p: 0.5, scale: 2.0 }) } else { activate() };
        Network::sequential(&[Network::of(conv), activate(), Network::of(Flatten), Network::of(linear), last])
    }

    /// The loss's gradient is that of a network that computes everything anew.
    #[test]
    fn a_second_pass_is_the_first_one_and_gradients_do_not_change() {
        let gradients = |with_copy: bool| {
            let d = critic(false);
            let x = random::normal(&[2, 1, 4, 4]);
            let again = if with_copy {
                d.with(&d.params().iter().map(|p| p.value()).collect::<Vec<_>>())
            } else {
                Ok(d.clone())
            };
            let (first, second) = (d.forward(&x).unwrap(), again.unwrap().forward(&x).unwrap());
            assert_eq!(first.same(&second), !with_copy);
            let options = GradOptions { create_graph: true };
            let inner = grad(&second.sum().unwrap(), &[&x], None, options).unwrap().remove(0).unwrap();
            let loss = first.square().unwrap().sum().unwrap().add(&inner.square().unwrap().sum().unwrap()).unwrap();
            let params: Vec<Tensor> = d.params().iter().map(|p| p.value()).collect();
            let wrt: Vec<&Tensor> = params.iter().collect();
            let all = grad(&loss, &wrt, None, GradOptions::default()).unwrap();
            all.into_iter().flat_map(|g| g.unwrap().to_floats().unwrap()).collect::<Vec<f32>>()
        };
        let (shared, apart) = (gradients(false), gradients(true));
        assert!(shared.iter().any(|g| g.abs() > 1e-3));
        for (a, b) in shared.iter().zip(&apart) {
            assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{a} instead of {b}");
        }
    }

    #[test]
    fn what_has_changed_or_is_random_or_gone_is_computed_anew() {
        let d = critic(false);
        let (x, other) = (random::normal(&[2, 1, 4, 4]), random::normal(&[2, 1, 4, 4]));
        let first = d.forward(&x).unwrap();
        assert!(!first.same(&d.forward(&other).unwrap()));
        assert!(first.same(&d.forward(&x).unwrap()));
        assert!(!first.same(&d.forward(&x.detach()).unwrap()));
        let weight = d.params().remove(0);
        weight.set(weight.value().mul_scalar(2.0).unwrap().detach());
        let second = d.forward(&x).unwrap();
        assert!(!second.same(&first) && second.to_floats().unwrap() != first.to_floats().unwrap());
        let unrecorded = saddle_tensor::no_grad(|| d.forward(&x)).unwrap();
        assert!(unrecorded.is_leaf());
        let noisy = critic(true);
        assert!(!noisy.forward(&x).unwrap().same(&noisy.forward(&x).unwrap()));
    }
}
