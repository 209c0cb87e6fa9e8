//! What has to be kept of networks and optimizers so that training goes on as if it had never stopped: tensors by name,
//! and a line of text for what is not a tensor. How files hold them is the business of others.
//!
//! To put something back takes two steps: everything is checked first, then everything is set. A file that does not fit
//! changes nothing.

use super::network::Network;
use super::optim::{Adagrad, Adam, Algorithm, Optimizer, RmsProp, SavedOptimizer, Sgd};
use super::param::Param;
use saddle_fault::{Fault, Result};
use saddle_tensor::update::{Moment, State};
use saddle_tensor::{Device, Dtype, Tensor, shown};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// Tensors by name.
pub type Tensors = HashMap<String, Tensor>;

/// New values for a network's parameters and statistics, checked and ready to be set.
pub struct NetworkValues(Vec<(Param, Tensor)>);

impl NetworkValues {
    /// Puts the values in their places.
    pub fn set(self) {
        for (param, value) in self.0 {
            param.set(value);
        }
    }
}

impl Network {
    /// Its parameters and running statistics by name.
    pub fn values(&self) -> Vec<(String, Tensor)> {
        let named = self.named().into_iter();
        named.map(|(name, p)| (name, p.value())).collect()
    }

    /// Checks that `tensors` are exactly this network's, by name and shape. `what` names their source in errors.
    ///
    /// # Errors
    /// Names that are missing or that the network does not have; other shapes or types: all of them are listed.
    pub fn fit(&self, what: &str, tensors: &Tensors) -> Result<NetworkValues> {
        let named = self.named();
        let mut values = Vec::with_capacity(named.len());
        let (mut missing, mut differing) = (Vec::new(), Vec::new());
        for (name, param) in &named {
            let Some(value) = tensors.get(name) else {
                missing.push(format!("`{name}`"));
                continue;
            };
            let (want, have) = (param.value().shape(), value.shape());
            if want != have || value.dtype() != Dtype::F32 {
                let (have, want) = (shown(&have), shown(&want));
                let dtype = value.dtype().name();
                differing.push(format!("`{name}` is {dtype} of shape {have}, the network's of shape {want}"));
                continue;
            }
            values.push((param.clone(), value.to_device(&param.value().device()).detach()));
        }
        let ours: HashSet<&String> = named.iter().map(|(name, _)| name).collect();
        let mut unknown: Vec<String> =
            tensors.keys().filter(|name| !ours.contains(name)).map(|name| format!("`{name}`")).collect();
        unknown.sort_unstable();
        let mut problems = Vec::new();
        if !missing.is_empty() {
            problems.push(format!("has no {}", listed(&missing)));
        }
        if !unknown.is_empty() {
            problems.push(format!("holds {}, which the network does not have", listed(&unknown)));
        }
        if !differing.is_empty() {
            problems.push(listed(&differing));
        }
        match problems.is_empty() {
            true => Ok(NetworkValues(values)),
            false => Err(Fault::file(format!("{what}: {}", problems.join("; "))).hint(
                "was it saved from a network of the same layers? summary(network) and load(path).keys() list both",
            )),
        }
    }
}

/// The first twelve, and how many more there are.
fn listed(all: &[String]) -> String {
    let more = all.len().saturating_sub(12);
    let shown = all[..all.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Names of an optimizer's running tensors.
const MOMENTS: [&str; 2] = ["first", "second"];

impl Optimizer {
    /// Its running tensors by name, and its rule and counts of steps as text.
    ///
    /// # Errors
    /// A device's own.
    pub fn values(&self) -> Result<(Vec<(String, Tensor)>, String)> {
        let mut tensors = Vec::new();
        for (i, (state, param)) in self.state().iter().zip(self.params()).enumerate() {
            let shape = param.value().shape();
            for (name, moment) in MOMENTS.iter().zip(&state.moments) {
                if let Some(moment) = moment {
                    let value = Tensor::from_floats(moment.to_floats()?, &shape, &Device::Cpu);
                    tensors.push((format!("{i}.{name}"), value));
                }
            }
        }
        let (rule, settings) = settings(&self.rule);
        // As text: every f32 comes back exactly.
        let settings: Vec<String> = settings.iter().map(f32::to_string).collect();
        let steps: Vec<u64> = self.state().iter().map(|s| s.steps).collect();
        let note = json!({ "rule": rule, "settings": settings, "steps": steps, "taken": self.taken() });
        Ok((tensors, note.to_string()))
    }

    /// Checks that what [`Optimizer::values`] gave is this optimizer's: its rule, state and count of steps.
    ///
    /// # Errors
    /// Another rule; another number of parameters; other shapes; a damaged note.
    pub fn fit(&self, what: &str, tensors: &Tensors, note: &str) -> Result<SavedOptimizer> {
        let damaged = || Fault::file(format!("{what}: its settings are damaged"));
        let note: Value = serde_json::from_str(note).map_err(|_| damaged())?;
        let rule = rule(&note).ok_or_else(damaged)?;
        let (mine, saved) = (settings(&self.rule).0, settings(&rule).0);
        if mine != saved {
            return Err(Fault::file(format!("{what}: was saved from {saved}, but this optimizer is {mine}")));
        }
        let steps: Vec<u64> = serde_json::from_value(note["steps"].clone()).map_err(|_| damaged())?;
        if steps.len() != self.len() {
            return Err(Fault::file(format!(
                "{what}: was saved over {} parameter tensors, but this optimizer has {}",
                steps.len(),
                self.len()
            )));
        }
        // Files of before schedules do not tell it: then the counts of the rule, which some rules do not keep.
        let taken = note["taken"].as_u64().or(steps.iter().max().copied()).unwrap_or(0);
        let mut states = Vec::with_capacity(steps.len());
        for (i, (steps, param)) in steps.into_iter().zip(self.params()).enumerate() {
            let mut moments = [None, None];
            for (name, moment) in MOMENTS.iter().zip(&mut moments) {
                if let Some(value) = tensors.get(&format!("{i}.{name}")) {
                    *moment = Some(self::moment(what, value, &param.value())?);
                }
            }
            states.push(State { steps, moments });
        }
        Ok(SavedOptimizer { rule, state: states, taken })
    }
}

/// A running tensor of a parameter, where the parameter lives.
fn moment(what: &str, value: &Tensor, param: &Tensor) -> Result<Moment> {
    let (want, have) = (param.shape(), value.shape());
    if want != have || value.dtype() != Dtype::F32 {
        return Err(Fault::file(format!(
            "{what}: its state for a parameter of shape {} has shape {}",
            shown(&want),
            shown(&have)
        )));
    }
    match param.device() {
        Device::Cpu => Ok(Moment::Cpu(value.to_floats()?)),
        #[allow(unreachable_patterns)]
        device => Ok(Moment::Device(value.to_device(&device).raw().clone())),
    }
}

/// The name and the settings of a rule.
fn settings(rule: &Algorithm) -> (&'static str, Vec<f32>) {
    let flag = |on: bool| f32::from(u8::from(on));
    match *rule {
        Algorithm::Sgd(o) => {
            let all = vec![o.lr, o.momentum, o.dampening, o.weight_decay, flag(o.nesterov)];
            ("sgd", all)
        }
        Algorithm::Adam(o) => {
            let name = if o.decoupled { "adamw" } else { "adam" };
            (name, vec![o.lr, o.betas[0], o.betas[1], o.eps, o.weight_decay])
        }
        Algorithm::RmsProp(o) => {
            let all = vec![o.lr, o.alpha, o.eps, o.momentum, o.weight_decay];
            ("rmsprop", all)
        }
        Algorithm::Adagrad(o) => ("adagrad", vec![o.lr, o.eps, o.weight_decay]),
    }
}

/// The rule that a note tells of.
fn rule(note: &Value) -> Option<Algorithm> {
    let texts = note["settings"].as_array()?.iter();
    let numbers: Option<Vec<f32>> = texts.map(|v| v.as_str()?.parse().ok()).collect();
    let name = note["rule"].as_str()?;
    Some(match (name, &numbers?[..]) {
        ("sgd", &[lr, momentum, dampening, weight_decay, nesterov]) => {
            Algorithm::Sgd(Sgd { lr, momentum, dampening, weight_decay, nesterov: nesterov != 0.0 })
        }
        ("adam" | "adamw", &[lr, b1, b2, eps, weight_decay]) => {
            Algorithm::Adam(Adam { lr, betas: [b1, b2], eps, weight_decay, decoupled: name == "adamw" })
        }
        ("rmsprop", &[lr, alpha, eps, momentum, weight_decay]) => {
            Algorithm::RmsProp(RmsProp { lr, alpha, eps, momentum, weight_decay })
        }
        ("adagrad", &[lr, eps, weight_decay]) => Algorithm::Adagrad(Adagrad { lr, eps, weight_decay }),
        _ => return None,
    })
}
