//! A network: a layer, networks in order, or named parts with a forward function of the user's own. A value: clones
//! share parameters and mode, `copy` does not.

use super::layers::{Layer, Mode, Pass, Start};
use super::param::Param;
use saddle_fault::{Fault, Kind, Result};
use saddle_tensor::{Tensor, shown};
use std::any::Any;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Layers with their parameters, called like a function.
#[derive(Clone)]
pub struct Network(Rc<Inner>);

struct Inner {
    body: Body,
    mode: Cell<Mode>,
    /// In a view inside a pass with a reference batch: how many of the first rows are the reference.
    reference: usize,
    /// What [`Network::update`] follows, if this is a running average.
    average: Option<(Network, f32)>,
}

#[derive(Clone)]
pub(super) enum Body {
    Layer(Slot),
    Sequence(Rc<[Network]>),
    Custom(Custom),
    /// A network whose passes run together with a fixed batch.
    Referenced(Network, Param),
}

/// A layer with its parameters and running statistics.
#[derive(Clone)]
pub(super) struct Slot {
    pub layer: Rc<dyn Layer>,
    pub params: Vec<Param>,
    pub buffers: Vec<Param>,
}

/// Named parts, and the function that joins them: a value of the language in which the user wrote it.
#[derive(Clone)]
pub(super) struct Custom {
    pub parts: Rc<[(String, Part)]>,
    forward: Rc<dyn Any>,
}

/// What a network with a forward function of its own is made of.
#[derive(Clone)]
pub enum Part {
    /// One network.
    Network(Network),
    /// A tensor that is trained.
    Param(Param),
    /// Several parts, in order.
    List(Vec<Part>),
}

/// Calls the forward functions that users wrote. A network knows nothing of their language, nor of values other than
/// tensors that pass between them.
pub trait Caller {
    /// What the function is given and gives.
    type Value: Clone;

    /// A tensor as a value of the language.
    fn value(&self, tensor: Tensor) -> Self::Value;

    /// The tensor in a value.
    ///
    /// # Errors
    /// The value is no tensor.
    fn tensor(&self, value: &Self::Value) -> Result<Tensor>;

    /// Calls `forward`, the function given to [`Network::custom`], with the network and its inputs.
    ///
    /// # Errors
    /// Those of the function.
    fn call(&self, forward: &dyn Any, network: &Network, inputs: Vec<Self::Value>) -> Result<Self::Value>;
}

/// For networks that are made of layers alone.
struct LayersOnly;

impl Caller for LayersOnly {
    type Value = Tensor;

    fn value(&self, tensor: Tensor) -> Tensor {
        tensor
    }

    fn tensor(&self, value: &Tensor) -> Result<Tensor> {
        Ok(value.clone())
    }

    fn call(&self, _: &dyn Any, _: &Network, _: Vec<Tensor>) -> Result<Tensor> {
        Err(Fault::new(
            Kind::Internal,
            "a network with a forward function was called without the language it is written in",
        ))
    }
}

impl Network {
    /// A network of one layer with fresh parameters.
    pub fn of(layer: impl Layer + 'static) -> Self {
        let start = layer.start();
        Self::with_start(Rc::new(layer), start)
    }

    /// A network of one layer with given parameters.
    pub(super) fn with_start(layer: Rc<dyn Layer>, start: Start) -> Self {
        let Start { params, buffers } = start;
        Self::new(Body::Layer(Slot { layer, params, buffers }), Mode::Train)
    }

    /// The layers of all parts in order. Parameters are shared with the parts.
    pub fn sequential(parts: &[Network]) -> Self {
        let mut all = Vec::new();
        for part in parts {
            match &part.0.body {
                Body::Sequence(parts) => all.extend(parts.iter().cloned()),
                _ => all.push(part.clone()),
            }
        }
        Self::new(Body::Sequence(all.into()), Mode::Train)
    }

    /// Named parts with a forward function, which a [`Caller`] will call. Parameters are shared with the parts.
    pub fn custom(parts: Vec<(String, Part)>, forward: Rc<dyn Any>) -> Self {
        let parts = parts.into();
        Self::new(Body::Custom(Custom { parts, forward }), Mode::Train)
    }

    /// A network that runs `batch` through its layers together with each input, as the reference of virtual batch norm.
    pub fn referenced(&self, batch: Tensor) -> Self {
        let batch = Param::new("reference", batch.detach());
        Self::new(Body::Referenced(self.clone(), batch), self.mode())
    }

    /// A running average of this network: a copy that [`Network::update`] moves towards it.
    pub fn average(&self, decay: f32) -> Self {
        Self(Rc::new(Inner { average: Some((self.clone(), decay)), ..self.copy().inner() }))
    }

    fn new(body: Body, mode: Mode) -> Self {
        Self(Rc::new(Inner { body, mode: Cell::new(mode), reference: 0, average: None }))
    }

    /// This network's place and mode, with nothing to follow.
    fn inner(&self) -> Inner {
        Inner { body: self.0.body.clone(), mode: Cell::new(self.mode()), reference: self.0.reference, average: None }
    }

    /// The same network for the length of a pass: in the pass's mode, with its reference rows.
    pub(super) fn view(&self, mode: Mode, reference: usize) -> Self {
        Self(Rc::new(Inner { mode: Cell::new(mode), reference, ..self.inner() }))
    }

    /// The same mode over other parts.
    pub(super) fn with_body(&self, body: Body) -> Self {
        Self(Rc::new(Inner { body, ..self.inner() }))
    }

    pub(super) fn body(&self) -> &Body {
        &self.0.body
    }

    /// The output for `x`, for networks without forward functions of users.
    ///
    /// # Errors
    /// A layer's error, with the layer's place and description.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.run(vec![x.clone()], &LayersOnly)
    }

    /// The output for any inputs. A network of layers takes one, and a second one if a layer is conditional.
    ///
    /// # Errors
    /// Another number of inputs, inputs that are no tensors, a layer's own error with its place.
    pub fn run<C: Caller>(&self, inputs: Vec<C::Value>, caller: &C) -> Result<C::Value> {
        self.pass(inputs, self.own_pass(), caller)
    }

    fn own_pass(&self) -> Pass {
        Pass { reference: self.0.reference, ..Pass::of(self.mode()) }
    }

    fn pass<C: Caller>(&self, mut inputs: Vec<C::Value>, mut pass: Pass, caller: &C) -> Result<C::Value> {
        match &self.0.body {
            Body::Custom(custom) => {
                let view = self.view(pass.mode, pass.reference);
                caller.call(&*custom.forward, &view, inputs)
            }
            Body::Referenced(network, batch) => {
                let x = caller.tensor(only(&inputs)?)?;
                let (n, both) = joined(&batch.value(), &x)?;
                pass.reference = n;
                let y = network.pass(vec![caller.value(both)], pass, caller)?;
                let y = caller.tensor(&y)?;
                let rows = y.shape().first().copied().unwrap_or(0);
                Ok(caller.value(y.narrow(0, n.min(rows)..rows)?))
            }
            Body::Layer(slot) => {
                if inputs.len() == 2 && slot.layer.is_conditional() {
                    pass.condition = inputs.pop().map(|c| caller.tensor(&c)).transpose()?;
                }
                let x = caller.tensor(only(&inputs)?)?;
                slot.forward(&x, &pass).map(|y| caller.value(y))
            }
            Body::Sequence(parts) => {
                let mut last = None;
                self.each_output(parts, inputs, pass, caller, true, |y| last = Some(y.clone()))?;
                last.map_or_else(|| Err(Fault::value("a network without layers has no output")), Ok)
            }
        }
    }

    /// Runs parts in order and hands on each output; with `fuse`, two layers that can run in one pass have one output.
    fn each_output<C: Caller>(
        &self,
        parts: &[Network],
        mut inputs: Vec<C::Value>,
        mut pass: Pass,
        caller: &C,
        fuse: bool,
        mut each: impl FnMut(&C::Value),
    ) -> Result<()> {
        let first_is_custom = parts.first().is_some_and(|p| p.custom_body().is_some());
        if inputs.len() == 2 && !first_is_custom && self.is_conditional() {
            pass.condition = inputs.pop().map(|c| caller.tensor(&c)).transpose()?;
        }
        let mut i = 0;
        while let Some(part) = parts.get(i) {
            let next = parts.get(i + 1).filter(|_| fuse);
            let (y, done) = match next.and_then(|next| part.rectified(next, &inputs, caller)) {
                Some(y) => (y.map(|y| caller.value(y)), 2),
                None => (part.pass(inputs, pass.clone(), caller), 1),
            };
            let y = y.map_err(|fault| part.located(fault, i, parts.len()))?;
            each(&y);
            inputs = vec![y];
            i += done;
        }
        Ok(())
    }

    /// The output of this layer and the next, if that is a rectifier and both can run in one pass.
    fn rectified<C: Caller>(&self, next: &Network, inputs: &[C::Value], caller: &C) -> Option<Result<Tensor>> {
        let (Body::Layer(slot), Body::Layer(rectifier)) = (&self.0.body, &next.0.body) else {
            return None;
        };
        let slope = rectifier.layer.rectifier()?;
        let x = only(inputs).and_then(|x| caller.tensor(x)).ok()?;
        slot.layer.forward_rectified(&slot.values(), &x, slope)
    }

    /// The outputs after each layer, the last being the network's own.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn features<C: Caller>(&self, inputs: Vec<C::Value>, caller: &C) -> Result<Vec<C::Value>> {
        let Body::Sequence(parts) = &self.0.body else {
            return Ok(vec![self.run(inputs, caller)?]);
        };
        let mut outputs = Vec::with_capacity(parts.len());
        self.each_output(parts, inputs, self.own_pass(), caller, false, |y| outputs.push(y.clone()))?;
        Ok(outputs)
    }

    fn located(&self, mut fault: Fault, i: usize, of: usize) -> Fault {
        if let (Body::Layer(slot), Kind::Shape, true) = (&self.0.body, fault.kind, of > 1) {
            fault.message += &format!(" (in layer {i} of {of}: {})", slot.layer.describe());
        }
        fault
    }

    pub(super) fn is_conditional(&self) -> bool {
        match &self.0.body {
            Body::Layer(slot) => slot.layer.is_conditional(),
            Body::Sequence(parts) => parts.iter().any(Self::is_conditional),
            Body::Custom(_) | Body::Referenced(..) => false,
        }
    }

    pub(super) fn custom_body(&self) -> Option<&Custom> {
        match &self.0.body {
            Body::Custom(custom) => Some(custom),
            _ => None,
        }
    }

    /// The part of that name, in the network's mode.
    pub fn part(&self, name: &str) -> Option<Part> {
        let parts = &self.custom_body()?.parts;
        let (_, part) = parts.iter().find(|(n, _)| n == name)?;
        Some(part.view(self.mode(), self.0.reference))
    }

    /// The names of the parts.
    pub fn part_names(&self) -> Vec<&str> {
        let parts = self.custom_body().map_or(&[][..], |c| &c.parts[..]);
        parts.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The layers in order, in the network's mode; one that is not a sequence is its own only layer.
    pub fn layers(&self) -> Vec<Network> {
        match &self.0.body {
            Body::Sequence(parts) => parts.iter().map(|p| p.view(self.mode(), self.0.reference)).collect(),
            _ => vec![self.clone()],
        }
    }

    /// All parameters, in the order of the layers; one that is used twice is listed once.
    pub fn params(&self) -> Vec<Param> {
        let mut params = Vec::new();
        self.unique(&mut |_, p, trained| params.extend(trained.then(|| p.clone())));
        params
    }

    /// Parameters and running statistics with their names in files: `0.weight`, `3.running_mean`, `fc1.weight`.
    pub fn named(&self) -> Vec<(String, Param)> {
        let mut named = Vec::new();
        self.unique(&mut |name, p, _| named.push((name, p.clone())));
        named
    }

    /// Visits each parameter and running statistic once.
    fn unique(&self, f: &mut dyn FnMut(String, &Param, bool)) {
        let mut seen = HashSet::new();
        self.visit("", &mut |name, p, trained| {
            if seen.insert(p.id()) {
                f(name, p, trained);
            }
        });
    }

    /// The same layers with other values for their parameters: a functional call. Gradients pass to the given tensors.
    ///
    /// # Errors
    /// Another number of tensors, or another shape.
    pub fn with(&self, values: &[Tensor]) -> Result<Self> {
        let params = self.params();
        if params.len() != values.len() {
            return Err(Fault::value(format!(
                "with: the network has {} parameters, got {}",
                params.len(),
                values.len()
            )));
        }
        for (param, value) in params.iter().zip(values) {
            let (have, want) = (value.shape(), param.value().shape());
            if have != want {
                return Err(Fault::shape(format!(
                    "with: parameter {} has shape {}, got {}",
                    param.name(),
                    shown(&want),
                    shown(&have)
                )));
            }
        }
        let renewed = params.iter().zip(values);
        let renewed: HashMap<usize, Param> = renewed.map(|(p, v)| (p.id(), Param::new(p.name(), v.clone()))).collect();
        Ok(self.rebind(&mut |p| renewed.get(&p.id()).unwrap_or(p).clone()))
    }

    /// A network of its own with the same values.
    pub fn copy(&self) -> Self {
        let mut copies: HashMap<usize, Param> = HashMap::new();
        self.rebind(&mut |p| {
            let copy = || Param::new(p.name(), p.value().detach());
            copies.entry(p.id()).or_insert_with(copy).clone()
        })
    }

    /// Moves a running average towards the network it follows: a ← decay·a + (1 − decay)·p. Running statistics are
    /// taken over as they are.
    ///
    /// # Errors
    /// The network is no running average.
    pub fn update(&self) -> Result<()> {
        let Some((source, decay)) = &self.0.average else {
            return Err(Fault::value("update: this network follows no other").hint("ema(G, 0.999) makes one that does"));
        };
        saddle_tensor::no_grad(|| {
            let mut trained = HashSet::new();
            for (mine, theirs) in self.params().iter().zip(source.params()) {
                let kept = mine.value().mul_scalar(*decay)?;
                let new = theirs.value().mul_scalar(1.0 - decay)?;
                mine.set(kept.add(&new)?.detach());
                trained.insert(mine.id());
            }
            for ((_, mine), (_, theirs)) in self.named().iter().zip(source.named()) {
                if !trained.contains(&mine.id()) {
                    mine.set(theirs.value().detach());
                }
            }
            Ok(())
        })
    }

    /// Whether it is being trained.
    pub fn mode(&self) -> Mode {
        self.0.mode.get()
    }

    /// Train or eval, for this network and its clones.
    pub fn set_mode(&self, mode: Mode) {
        self.0.mode.set(mode);
    }

    /// Optimizers leave the parameters alone (or no longer).
    pub fn freeze(&self, frozen: bool) {
        self.params().iter().for_each(|p| p.freeze(frozen));
    }

    /// The number of single weights.
    pub fn size(&self) -> usize {
        self.params().iter().map(|p| p.value().len()).sum()
    }

    /// The number of layers; of a network with a forward function, of its parts.
    pub fn depth(&self) -> usize {
        match &self.0.body {
            Body::Layer(_) => 1,
            Body::Sequence(parts) => parts.len(),
            Body::Custom(custom) => custom.parts.len(),
            Body::Referenced(network, _) => network.depth(),
        }
    }
}

impl Custom {
    /// The same function over other parts.
    pub(super) fn with_parts(&self, parts: Rc<[(String, Part)]>) -> Self {
        let forward = self.forward.clone();
        Self { parts, forward }
    }
}

impl Slot {
    fn values(&self) -> smallvec::SmallVec<[Tensor; 2]> {
        self.params.iter().map(Param::value).collect()
    }

    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.layer.forward(&self.values(), &self.buffers, x, pass)
    }
}

/// A reference batch with an input after it, and the number of its rows.
fn joined(batch: &Tensor, x: &Tensor) -> Result<(usize, Tensor)> {
    let (reference, input) = (batch.shape(), x.shape());
    if reference.get(1..) != input.get(1..) || input.is_empty() {
        return Err(Fault::shape(format!(
            "the reference batch is {}, the input {}: only the first sizes may differ",
            shown(&reference),
            shown(&input)
        )));
    }
    Ok((reference[0], Tensor::cat(&[batch.clone(), x.clone()], 0)?))
}

/// The one input that a layer takes.
fn only<V>(inputs: &[V]) -> Result<&V> {
    match inputs {
        [x] => Ok(x),
        _ => Err(Fault::type_(format!(
            "this network takes 1 input, got {}",
            inputs.len()
        ))
        .hint("network(#{ … }, |net, x, y| …) makes one that takes several; a second input reaches conditional layers only")),
    }
}
