//! The any-order tape.
//!
//! Every operation on floats that records itself leaves a node: its parents, what its backward rule needs, and the
//! rule. Rules are written in the same recorded operations, so a gradient can be differentiated again: second order and
//! higher need no code of their own. [`grad`] walks only the nodes that lie between the output and what it
//! differentiates with respect to; a discriminator's step never runs the generator's backward.
//!
//! A graph lives as long as something refers to it. Dropping one is iterative: its depth does not use the stack.

use super::{Raw, Tensor};
use saddle_cpu::Binary;
use saddle_fault::{Fault, Kind, Result};
use smallvec::SmallVec;
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

/// The gradients that a rule gives, one for each parent; `None` where the parent does not need one.
pub(super) type Grads = SmallVec<[Option<Tensor>; 2]>;

/// How an operation sends a gradient back to its parents.
pub(super) type Vjp = Box<dyn Fn(&Back) -> Result<Grads>>;

/// What a rule works with.
pub(super) struct Back<'a> {
    /// The gradient of the result with respect to this operation's output.
    pub grad: &'a Tensor,
    /// What the operation saved, in its own order.
    pub saved: &'a [Tensor],
    /// The operation's output, if it asked to keep it.
    pub out: Option<Tensor>,
    /// Which parents need a gradient.
    pub needs: &'a [bool],
}

impl Back<'_> {
    /// The output that the operation kept.
    pub fn output(&self) -> Result<&Tensor> {
        self.out.as_ref().ok_or_else(|| Fault::new(Kind::Internal, "an operation did not keep its output"))
    }
}

/// A place in the graph. A leaf has no recorded operation; its identity is the node itself.
pub(super) struct Node {
    id: u64,
    /// What the last search that came by left here, see [`between`].
    mark: Cell<u64>,
    recorded: Option<Box<Recorded>>,
}

struct Recorded {
    op: &'static str,
    parents: SmallVec<[Rc<Node>; 2]>,
    saved: SmallVec<[Tensor; 2]>,
    out: Option<Raw>,
    gate: Option<Gate>,
    part: Option<Ranges>,
    rule: Vjp,
}

/// The part of its only parent that an operation took: the gradients of all parts are added up in one tensor, each where it belongs,
/// instead of as many tensors of the parent's shape.
pub(super) type Ranges = Rc<[Range<usize>]>;

/// What a gradient that arrives passes before the rule gets it: the derivative of a function of straight pieces, which
/// is told by the sign of `mask`. Where nobody else holds the gradient it is changed in place.
pub(super) struct Gate {
    pub op: Binary,
    pub mask: Raw,
}

thread_local! {
    static NEXT_ID: Cell<u64> = const { Cell::new(0) };
    static RECORDING: Cell<bool> = const { Cell::new(true) };
    static LIVE_NODES: Cell<usize> = const { Cell::new(0) };
}

fn next_id() -> u64 {
    NEXT_ID.with(|n| {
        let id = n.get();
        n.set(id + 1);
        id
    })
}

/// How many recorded operations are held in memory (`%memory`).
pub fn live_nodes() -> usize {
    LIVE_NODES.with(Cell::get)
}

/// Whether operations are being recorded.
pub fn is_recording() -> bool {
    RECORDING.with(Cell::get)
}

/// Runs `f` with recording on or off, and puts back what was before, also when `f` panics.
pub fn with_recording<T>(on: bool, f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RECORDING.with(|r| r.set(self.0));
        }
    }
    let _restore = Restore(RECORDING.with(|r| r.replace(on)));
    f()
}

/// Runs `f` without recording: what it computes is constant for every gradient.
pub fn no_grad<T>(f: impl FnOnce() -> T) -> T {
    with_recording(false, f)
}

impl Node {
    #[inline]
    pub(super) fn leaf() -> Rc<Self> {
        Rc::new(Self::new(None))
    }

    #[inline]
    fn new(recorded: Option<Box<Recorded>>) -> Self {
        Self { id: next_id(), mark: Cell::new(u64::MAX), recorded }
    }

    fn op(&self) -> &'static str {
        self.recorded.as_ref().map_or("leaf", |r| r.op)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let Some(first) = self.recorded.take() else {
            return;
        };
        let mut pending = vec![first];
        while let Some(mut recorded) = pending.pop() {
            LIVE_NODES.with(|n| n.set(n.get() - 1));
            let saved = recorded.saved.drain(..).map(|t| t.node);
            for node in recorded.parents.drain(..).chain(saved) {
                // The last holder takes the node apart here instead of letting its own drop recurse.
                if let Some(mut node) = Rc::into_inner(node) {
                    pending.extend(node.recorded.take());
                }
            }
        }
    }
}

/// Builds the result of an operation, recorded if recording is on.
pub(super) struct Op<'a> {
    pub name: &'static str,
    pub parents: &'a [&'a Tensor],
    pub saved: &'a [&'a Tensor],
    pub keep_output: bool,
}

impl Op<'_> {
    #[inline]
    pub fn done(self, raw: Raw, rule: impl Fn(&Back) -> Result<Grads> + 'static) -> Tensor {
        self.done_behind(None, raw, rule)
    }

    /// As [`Op::done`], where gradients pass a gate before the rule gets them.
    #[inline]
    pub fn done_behind(self, gate: Option<Gate>, raw: Raw, rule: impl Fn(&Back) -> Result<Grads> + 'static) -> Tensor {
        self.recorded(gate, None, raw, rule)
    }

    /// As [`Op::done`], of an operation that takes a part of its only parent.
    #[inline]
    pub fn done_from(self, part: Ranges, raw: Raw, rule: impl Fn(&Back) -> Result<Grads> + 'static) -> Tensor {
        self.recorded(None, Some(part), raw, rule)
    }

    #[inline]
    fn recorded(
        self,
        gate: Option<Gate>,
        part: Option<Ranges>,
        raw: Raw,
        rule: impl Fn(&Back) -> Result<Grads> + 'static,
    ) -> Tensor {
        match is_recording() {
            true => self.on_the_tape(gate, part, raw, Box::new(rule)),
            false => Tensor::constant(raw),
        }
    }

    /// The part of [`recorded`](Self::recorded) that is compiled once for all rules.
    fn on_the_tape(self, gate: Option<Gate>, part: Option<Ranges>, raw: Raw, rule: Vjp) -> Tensor {
        LIVE_NODES.with(|n| n.set(n.get() + 1));
        let recorded = Recorded {
            op: self.name,
            parents: self.parents.iter().map(|t| t.node.clone()).collect(),
            saved: self.saved.iter().map(|t| (*t).clone()).collect(),
            out: self.keep_output.then(|| raw.clone()),
            gate,
            part,
            rule,
        };
        super::anomaly::inspect(self.name, &raw);
        Tensor { raw, node: Rc::new(Node::new(Some(Box::new(recorded)))) }
    }
}

impl Gate {
    /// The gradient behind the gate.
    fn pass(&self, name: &'static str, gradient: Tensor) -> Result<Tensor> {
        if is_recording() {
            return gradient.gated(name, self.op, &Tensor::constant(self.mask.clone()));
        }
        let Tensor { raw, .. } = gradient;
        Ok(Tensor::constant(raw.onto(self.op, &self.mask)))
    }
}

/// How [`grad`] behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct GradOptions {
    /// Record the backward pass itself, so that the gradients can be differentiated again.
    pub create_graph: bool,
}

/// The gradients of `y` with respect to each of `wrt`; `None` where `y` does not depend on it.
///
/// `seed` is the gradient that arrives at `y`; without one `y` must have one element, and it is 1.
///
/// # Errors
/// `y` has more than one element and no seed is given; `y` is not a float tensor; the seed's shape is not that of `y`.
pub fn grad(y: &Tensor, wrt: &[&Tensor], seed: Option<&Tensor>, options: GradOptions) -> Result<Vec<Option<Tensor>>> {
    if y.dtype() != super::Dtype::F32 {
        return Err(Fault::type_(format!("grad: only floats have gradients, got a tensor of {}", y.dtype().name())));
    }
    let seed = match seed {
        Some(s) if s.shape() == y.shape() => s.clone(),
        Some(s) => {
            return Err(Fault::shape(format!("grad: the seed's shape {} is not that of y, {}", s.shape(), y.shape())));
        }
        None if y.len() == 1 => Tensor::full(1.0, &y.shape(), &y.device()),
        None => {
            return Err(Fault::shape(format!("grad: y must be a single number, got shape {}", y.shape()))
                .hint("reduce it first, for example with mean(y) or sum(y)"));
        }
    };
    let mut wanted: Vec<u64> = wrt.iter().map(|t| t.node.id).collect();
    wanted.sort_unstable();
    let order = between(&y.node, &wanted);
    with_recording(options.create_graph, || walk(seed, wrt, &wanted, &order))
}

/// The nodes on a way from `y` to something wanted, newest first, with their ids: `y` itself, if there are any. `wanted`
/// is in order.
fn between(y: &Rc<Node>, wanted: &[u64]) -> Vec<(u64, Rc<Node>)> {
    let Some(&oldest) = wanted.first() else {
        return Vec::new();
    };
    // Marks that no other search has used.
    let (reached, leads) = (next_id(), next_id());
    let mut nodes = Vec::new();
    let mut stack = vec![y];
    while let Some(node) = stack.pop() {
        // A node can only depend on older ones.
        if node.id < oldest || node.mark.replace(reached) == reached {
            continue;
        }
        if let Some(recorded) = &node.recorded {
            stack.extend(&recorded.parents);
        }
        nodes.push((node.id, node.clone()));
    }
    nodes.sort_unstable_by_key(|&(id, _)| id);
    nodes.retain(|(id, node)| {
        let parents = node.recorded.as_ref().map_or(&[][..], |r| &r.parents);
        let on_the_way = wanted.binary_search(id).is_ok() || parents.iter().any(|p| p.mark.get() == leads);
        if on_the_way {
            node.mark.set(leads);
        }
        on_the_way
    });
    nodes.reverse();
    nodes
}

/// Sends `seed` from the first node of `order` to the others, and gives what arrives at each of `wrt`.
fn walk(seed: Tensor, wrt: &[&Tensor], wanted: &[u64], order: &[(u64, Rc<Node>)]) -> Result<Vec<Option<Tensor>>> {
    // Newest first. A rule may search on its own, so marks do not serve here.
    let place = |node: &Node| order.binary_search_by(|(id, _)| node.id.cmp(id)).ok();
    let mut grads: Vec<Option<Tensor>> = vec![None; order.len()];
    if let Some(first) = grads.first_mut() {
        *first = Some(seed);
    }
    for (i, (_, node)) in order.iter().enumerate() {
        let Some(recorded) = &node.recorded else {
            continue;
        };
        let arrived = match wanted.binary_search(&node.id) {
            Ok(_) => grads[i].clone(),
            Err(_) => grads[i].take(),
        };
        let Some(arrived) = arrived else { continue };
        let places: SmallVec<[Option<usize>; 3]> = recorded.parents.iter().map(|p| place(p)).collect();
        let needs: SmallVec<[bool; 3]> = places.iter().map(Option::is_some).collect();
        if !needs.contains(&true) {
            continue;
        }
        let arrived = match &recorded.gate {
            Some(gate) => gate.pass(recorded.op, arrived)?,
            None => arrived,
        };
        if let (Some(part), [Some(place)], false) = (&recorded.part, &places[..], is_recording())
            && let Some(before) = grads[*place].take()
        {
            grads[*place] = Some(Tensor::constant(before.raw.onto_part(&arrived.raw, part)));
            continue;
        }
        let out = recorded.out.clone().map(|raw| Tensor { raw, node: node.clone() });
        let back = Back { grad: &arrived, saved: &recorded.saved, out, needs: &needs };
        let given = (recorded.rule)(&back)?;
        debug_assert_eq!(given.len(), needs.len(), "{}: one gradient for each parent", node.op());
        for (gradient, place) in given.into_iter().zip(places) {
            let (Some(gradient), Some(place)) = (gradient, place) else {
                continue;
            };
            grads[place] = Some(match grads[place].take() {
                Some(before) if is_recording() => before.add(&gradient)?,
                Some(before) => Tensor::constant(before.raw.onto(Binary::Add, &gradient.raw)),
                None => gradient,
            });
        }
    }
    Ok(wrt.iter().map(|t| place(&t.node).and_then(|i| grads[i].clone())).collect())
}
