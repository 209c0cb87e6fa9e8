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
    /// What the rule may take over, for each parent.
    offers: &'a [Offer<'a>],
}

/// What has to be done with a gradient that a rule gives: a rule that takes it over does it in the pass that makes the gradient.
#[derive(Clone, Copy, Default)]
pub(super) struct Offered<'a> {
    /// To be added to this. Never while that would be recorded.
    pub before: Option<&'a Tensor>,
    /// Then to pass this.
    pub gate: Option<&'a Gate>,
}

struct Offer<'a> {
    offered: Offered<'a>,
    taken: Cell<bool>,
}

impl Offer<'_> {
    /// Whether the gradient has been added to what came before.
    fn is_added(&self) -> bool {
        self.taken.get() && self.offered.before.is_some()
    }

    /// Whether the gradient has passed the gate.
    fn is_behind(&self) -> bool {
        self.taken.get() && self.offered.gate.is_some()
    }
}

impl Back<'_> {
    /// The output that the operation kept.
    pub fn output(&self) -> Result<&Tensor> {
        self.out.as_ref().ok_or_else(|| Fault::new(Kind::Internal, "an operation did not keep its output"))
    }

    /// What has to be done with the gradient for this parent; the rule does it.
    pub fn take_over(&self, parent: usize) -> Offered<'_> {
        let Offer { offered, taken } = &self.offers[parent];
        taken.set(true);
        *offered
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
#[derive(Clone)]
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
    let mut walk = Walk { order, wanted, at: vec![Place::default(); order.len()] };
    let ways: Vec<Places> = order.iter().map(|(_, node)| walk.places_of(node)).collect();
    ways.iter().flatten().flatten().for_each(|&i| walk.at[i].takers += 1);
    if let Some(first) = walk.at.first_mut() {
        first.grad = Some(seed);
    }
    for (i, places) in ways.into_iter().enumerate() {
        walk.step(i, places)?;
    }
    Ok(wrt.iter().map(|t| walk.place(&t.node).and_then(|i| walk.at[i].grad.clone())).collect())
}

/// A walk from a result to what it was made of.
struct Walk<'a> {
    /// The nodes on the way, newest first.
    order: &'a [(u64, Rc<Node>)],
    /// The nodes whose gradients are asked for.
    wanted: &'a [u64],
    /// What has come to each node on the way.
    at: Vec<Place>,
}

#[derive(Clone, Default)]
struct Place {
    grad: Option<Tensor>,
    /// Operations that took the node and whose rules are still to come.
    takers: usize,
    /// Whether the gradient has passed the node's gate.
    is_behind: bool,
}

/// Elements of a gradient that rules add to: larger ones do not stay in a core's cache, and are added up faster by threads that do nothing
/// else (a step of `mlp` takes 1.4 % longer otherwise).
const IN_ONE_PASS: usize = 1 << 18;

/// Where a node's parents are on the way.
type Places = SmallVec<[Option<usize>; 3]>;

impl Walk<'_> {
    /// Where a node is on the way. A rule may search on its own, so marks do not serve here.
    fn place(&self, node: &Node) -> Option<usize> {
        self.order.binary_search_by(|(id, _)| node.id.cmp(id)).ok()
    }

    fn places_of(&self, node: &Node) -> Places {
        let parents = node.recorded.as_ref().map_or(&[][..], |r| &r.parents);
        parents.iter().map(|p| self.place(p)).collect()
    }

    fn is_wanted(&self, place: usize) -> bool {
        self.wanted.binary_search(&self.order[place].0).is_ok()
    }

    /// Sends what has arrived at a node to its parents.
    fn step(&mut self, i: usize, places: Places) -> Result<()> {
        places.iter().flatten().for_each(|&i| self.at[i].takers -= 1);
        let Some(recorded) = &self.order[i].1.recorded else { return Ok(()) };
        let arrived = match self.is_wanted(i) {
            true => self.at[i].grad.clone(),
            false => self.at[i].grad.take(),
        };
        let Some(arrived) = arrived.filter(|_| places.iter().any(Option::is_some)) else { return Ok(()) };
        let arrived = match &recorded.gate {
            Some(gate) if !self.at[i].is_behind => gate.pass(recorded.op, arrived)?,
            _ => arrived,
        };
        if let (Some(part), [Some(place)], false) = (&recorded.part, &places[..], is_recording())
            && let Some(before) = self.at[*place].grad.take()
        {
            self.at[*place].grad = Some(Tensor::constant(before.raw.onto_part(&arrived.raw, part)));
            return Ok(());
        }
        for (place, given) in places.iter().zip(self.rule(i, recorded, &arrived, &places)?) {
            if let (Some(place), Some(given)) = (place, given) {
                self.at[*place].arrive(given)?;
            }
        }
        Ok(())
    }

    /// What a node's rule gives for its parents.
    fn rule(
        &self,
        i: usize,
        recorded: &Recorded,
        arrived: &Tensor,
        places: &Places,
    ) -> Result<SmallVec<[Option<Given>; 2]>> {
        let offers: SmallVec<[Offer; 3]> = places.iter().map(|&place| self.offer(place, places)).collect();
        let needs: SmallVec<[bool; 3]> = places.iter().map(Option::is_some).collect();
        let out = recorded.out.clone().map(|raw| Tensor { raw, node: self.order[i].1.clone() });
        let back = Back { grad: arrived, saved: &recorded.saved, out, needs: &needs, offers: &offers };
        let given = (recorded.rule)(&back)?;
        debug_assert_eq!(given.len(), needs.len(), "{}: one gradient for each parent", recorded.op);
        let with_offer = given.into_iter().zip(&offers);
        Ok(with_offer
            .map(|(grad, offer)| Some(Given { grad: grad?, is_added: offer.is_added(), is_behind: offer.is_behind() }))
            .collect())
    }

    /// What has to be done with the next gradient for a node.
    fn offer(&self, place: Option<usize>, places: &Places) -> Offer<'_> {
        let mut offered = Offered::default();
        // An operation that took a node twice gives two gradients for it.
        if let Some(i) = place
            && places.iter().filter(|&&other| other == place).count() == 1
            && !(is_recording() && self.at[i].grad.is_some())
        {
            let before = self.at[i].grad.as_ref();
            offered.before = before.filter(|grad| grad.len() <= IN_ONE_PASS);
            let gate = self.order[i].1.recorded.as_ref().and_then(|r| r.gate.as_ref());
            // More may come, and who asks for the gradient asks for that before the gate.
            let is_last = self.at[i].takers == 0 && before.is_some() == offered.before.is_some();
            offered.gate = gate.filter(|_| is_last && !self.is_wanted(i));
        }
        Offer { offered, taken: Cell::new(false) }
    }
}

/// What a rule gave for a parent.
struct Given {
    grad: Tensor,
    /// Whether it has been added to what arrived before, and whether that has passed the gate.
    is_added: bool,
    is_behind: bool,
}

impl Place {
    fn arrive(&mut self, Given { grad, is_added, is_behind }: Given) -> Result<()> {
        self.is_behind = is_behind;
        self.grad = Some(match self.grad.take().filter(|_| !is_added) {
            Some(before) if is_recording() => before.add(&grad)?,
            Some(before) => Tensor::constant(before.raw.onto(Binary::Add, &grad.raw)),
            None => grad,
        });
        Ok(())
    }
}
