//! Optimizers over a network's parameters, with PyTorch's formulas.

use super::param::Param;
use super::schedule::Schedule;
use saddle_fault::{Fault, Result};
use saddle_tensor::update::{self, Rule, State};
use saddle_tensor::{GradOptions, Tensor, grad, precision, shown};

pub use saddle_tensor::update::{Adagrad, Adam, RmsProp, Sgd};

/// Which formula.
pub type Algorithm = Rule;

/// What a checkpoint holds of an optimizer.
pub struct SavedOptimizer {
    /// The formula, with its settings.
    pub rule: Rule,
    /// Of each parameter, in their order.
    pub state: Vec<State>,
    /// Steps taken.
    pub taken: u64,
}

/// An algorithm with its state, bound to parameters.
pub struct Optimizer {
    params: Vec<Param>,
    state: Vec<State>,
    /// The formula, with its settings.
    pub rule: Rule,
    /// Steps taken, by which the schedules go.
    taken: u64,
    /// What the learning rate is at each step; `None`: what the rule says.
    lr: Option<Schedule>,
    /// The same of the momentum, or adam's first beta.
    momentum: Option<Schedule>,
    /// Gradients are scaled down to this joint norm, if given.
    pub clip_norm: Option<f32>,
    /// Each gradient element is cut to ± this, if given.
    pub clip_value: Option<f32>,
    /// Parameters are cut to ± this after each step, if given (Arjovsky et al. 2017).
    pub clip_weights: Option<f32>,
}

impl Optimizer {
    /// An optimizer that has taken no step.
    pub fn new(params: Vec<Param>, rule: Rule) -> Self {
        let state = params.iter().map(|_| State::default()).collect();
        let (lr, momentum) = (None, None);
        Self { params, state, rule, taken: 0, lr, momentum, clip_norm: None, clip_value: None, clip_weights: None }
    }

    /// The learning rate follows a schedule from now on, counted in the steps that this optimizer has taken.
    pub fn schedule_lr(&mut self, schedule: Schedule) {
        self.lr = Some(schedule);
        self.follow();
    }

    /// The momentum follows a schedule; false where the rule has none.
    pub fn schedule_momentum(&mut self, schedule: Schedule) -> bool {
        self.momentum = Some(schedule);
        self.rule.set_momentum(schedule.at(self.taken as f64) as f32)
    }

    /// The learning rate's schedule.
    pub fn lr_schedule(&self) -> Option<Schedule> {
        self.lr
    }

    /// A learning rate from the next step on, in place of a schedule.
    pub fn set_lr(&mut self, lr: f32) {
        self.lr = None;
        self.rule.set_lr(lr);
    }

    /// A momentum from the next step on, in place of a schedule; false where the rule has none.
    pub fn set_momentum(&mut self, momentum: f32) -> bool {
        self.momentum = None;
        self.rule.set_momentum(momentum)
    }

    /// Sets what the schedules say of the step that comes next.
    fn follow(&mut self) {
        let at = self.taken as f64;
        if let Some(schedule) = self.lr {
            self.rule.set_lr(schedule.at(at) as f32);
        }
        if let Some(schedule) = self.momentum {
            self.rule.set_momentum(schedule.at(at) as f32);
        }
    }

    /// The number of parameter tensors.
    pub fn len(&self) -> usize {
        self.params.len()
    }

    /// Whether it has no parameters.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// One step against the gradient of `loss` (or along it with `ascend`), a single number.
    ///
    /// # Errors
    /// A loss that is not one number, that depends on none of the parameters, or is NaN.
    pub fn minimise(&mut self, loss: &Tensor, ascend: bool) -> Result<()> {
        self.minimise_with(loss, ascend, |_| Ok(()))
    }

    /// The same with the gradients that `exchange` makes of this process's: their mean over several processes.
    ///
    /// # Errors
    /// As [`Optimizer::minimise`], and those of `exchange`.
    pub fn minimise_with(
        &mut self,
        loss: &Tensor,
        ascend: bool,
        exchange: impl FnOnce(&mut [Option<Tensor>]) -> Result<()>,
    ) -> Result<()> {
        let mut grads = self.gradients(if ascend { "ascend" } else { "descend" }, loss)?;
        exchange(&mut grads)?;
        self.apply(grads, ascend)
    }

    /// The parameters that [`Optimizer::minimise`] would give, without a step being taken: half of an extragradient
    /// step.
    ///
    /// # Errors
    /// As there.
    pub fn lookahead(&self, loss: &Tensor) -> Result<Vec<Tensor>> {
        let grads = self.gradients("lookahead", loss)?;
        self.stepped(grads, &mut self.state.clone(), false)
    }

    /// The gradient for each parameter that is not frozen.
    fn gradients(&self, word: &str, loss: &Tensor) -> Result<Vec<Option<Tensor>>> {
        if loss.len() != 1 {
            return Err(Fault::shape(format!("{word}: needs a single number, got shape {}", shown(&loss.shape())))
                .hint("reduce it first, for example with mean(loss)"));
        }
        let values: Vec<Tensor> = self.params.iter().map(Param::value).collect();
        let wrt: Vec<&Tensor> =
            values.iter().zip(&self.params).filter(|(_, p)| !p.is_frozen()).map(|(v, _)| v).collect();
        if wrt.is_empty() {
            return Err(Fault::value(format!("{word}: every parameter is frozen")).hint("unfreeze the network first"));
        }
        let scale = precision::loss_scale(loss);
        let seed = scale.map(|scale| Tensor::full(scale, &loss.shape(), &loss.device()));
        let mut found = grad(loss, &wrt, seed.as_ref(), GradOptions::default())?;
        if let Some(scale) = scale {
            for gradient in found.iter_mut().flatten() {
                *gradient = precision::unscaled(gradient, scale)?;
            }
        }
        let mut found = found.into_iter();
        let grads: Vec<Option<Tensor>> =
            self.params.iter().map(|p| if p.is_frozen() { None } else { found.next().flatten() }).collect();
        if grads.iter().all(Option::is_none) {
            return Err(Fault::value(format!("{word}: the loss does not depend on this optimizer's parameters"))
                .hint("was it computed by this network, after its last step, and without detach or no_grad?"));
        }
        super::loss::finite(word, loss)?;
        Ok(grads)
    }

    /// One step with given gradients, one for each parameter, in their order.
    ///
    /// # Errors
    /// Another number of gradients, or another shape.
    pub fn step(&mut self, grads: Vec<Tensor>) -> Result<()> {
        if grads.len() != self.params.len() {
            return Err(Fault::value(format!("step: {} parameters, but {} gradients", self.params.len(), grads.len())));
        }
        for (p, g) in self.params.iter().zip(&grads) {
            let (want, have) = (p.value().shape(), g.shape());
            if want != have {
                return Err(Fault::shape(format!(
                    "step: {} is {}, its gradient {}",
                    p.name(),
                    shown(&want),
                    shown(&have)
                )));
            }
        }
        let of_free = |(p, g): (&Param, Tensor)| (!p.is_frozen()).then_some(g);
        self.apply(self.params.iter().zip(grads).map(of_free).collect(), false)
    }

    fn apply(&mut self, grads: Vec<Option<Tensor>>, ascend: bool) -> Result<()> {
        let mut state = std::mem::take(&mut self.state);
        let values = self.stepped(grads, &mut state, ascend);
        self.state = state;
        for (param, value) in self.params.iter().zip(values?) {
            param.set(value);
        }
        self.taken += 1;
        self.follow();
        Ok(())
    }

    /// The parameters after a step. Frozen ones stay; of those without a gradient only the bound on weights is kept.
    fn stepped(&self, mut grads: Vec<Option<Tensor>>, state: &mut [State], ascend: bool) -> Result<Vec<Tensor>> {
        self.clip(&mut grads)?;
        let each = self.params.iter().zip(state).zip(grads);
        each.map(|((param, state), grad)| {
            let value = match grad {
                Some(grad) => update::step(&self.rule, state, &param.value(), &grad, ascend)?,
                None if param.is_frozen() => return Ok(param.value()),
                None => param.value(),
            };
            match self.clip_weights {
                Some(limit) => Ok(value.clamp(-limit, limit)?.detach()),
                None => Ok(value),
            }
        })
        .collect()
    }

    fn clip(&self, grads: &mut [Option<Tensor>]) -> Result<()> {
        saddle_tensor::no_grad(|| {
            if let Some(limit) = self.clip_value {
                for g in grads.iter_mut().flatten() {
                    *g = g.clamp(-limit, limit)?;
                }
            }
            let Some(limit) = self.clip_norm else {
                return Ok(());
            };
            let mut total: Option<Tensor> = None;
            for g in grads.iter().flatten() {
                let part = g.square()?.sum()?;
                total = Some(match total {
                    Some(total) => total.add(&part)?,
                    None => part,
                });
            }
            let Some(total) = total else {
                return Ok(());
            };
            // min(1, limit / norm), without reading the norm back from the device.
            let scale = total.sqrt()?.add_scalar(1e-6)?.rdiv_scalar(limit)?.clamp(0.0, 1.0)?;
            for g in grads.iter_mut().flatten() {
                *g = g.mul(&scale)?;
            }
            Ok(())
        })
    }

    /// The parameters that it changes.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The state of every parameter, for checkpoints.
    pub fn state(&self) -> &[State] {
        &self.state
    }

    /// How many steps it has taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Puts back what was kept of it. A schedule stays its own and goes on from the step that was reached.
    pub fn restore(&mut self, kept: SavedOptimizer) {
        self.rule = kept.rule;
        self.state = kept.state;
        self.taken = kept.taken;
        self.follow();
    }
}
