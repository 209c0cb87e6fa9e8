//! Words about several processes of one run, which `mpirun -n 4 saddle run train.ipynb` starts: each has a part of
//! every batch, and optimizers average the gradients. With one process they change nothing, so that the same notebook
//! runs on a laptop.

use crate::cite;
use crate::convert::wrap;
use crate::types;
use rhai::Dynamic;
use saddle_catalog::{Call, ENTRY, Entry, Param, Ty, fails, number, param, runs, value};
use saddle_fault::{Fault, Result};
use saddle_mpi::{Reduce, World, world};
use saddle_nn::Network;
use saddle_nn::layers::Across;
use saddle_nn::optim::Optimizer;
use saddle_tensor::Tensor;
use std::cell::RefMut;

pub static ENTRIES: &[&Entry] = &[&RANK, &WORLD, &SHARD, &ALL_REDUCE, &BROADCAST, &AVERAGE_EVERY, &LEAVE_WORLD];

const GROUP: &str = "world";
const NO_MPI: &str = "under `mpirun`: MPI's library cannot be loaded, or a rank runs other code";

/// The rows of a tensor that are this process's.
///
/// # Errors
/// They cannot be shared out evenly.
pub(crate) fn own_rows(word: &str, t: Tensor) -> Result<Tensor> {
    match world()? {
        Some(world) => t.narrow(0, world.part(word, t.shape().first().copied().unwrap_or(1))?),
        None => Ok(t),
    }
}

/// Those of the places drawn that are this process's.
///
/// # Errors
/// As [`own_rows`].
pub(crate) fn own_places(word: &str, places: Vec<usize>) -> Result<Vec<usize>> {
    match world()? {
        Some(world) => Ok(places[world.part(word, places.len())?].to_vec()),
        None => Ok(places),
    }
}

/// After how many steps the processes agree again: 1, or what `average_every` has said.
struct Every(u64);

impl Default for Every {
    fn default() -> Self {
        Self(1)
    }
}

/// One step of an optimizer, in agreement with all processes: along the mean of their gradients, one exchange of one
/// buffer a step; or after [`AVERAGE_EVERY`] along this one's own, with the parameters averaged now and then.
///
/// # Errors
/// Those of the step; the exchange failed.
pub(crate) fn minimise(call: &Call, optimizer: &mut Optimizer, loss: &Tensor, ascend: bool) -> Result<()> {
    let Some(world) = world()? else { return optimizer.minimise(loss, ascend) };
    let mean = |numbers: &mut [f32]| world.reduce(numbers, Reduce::Mean);
    let every = call.host.with_slot(|every: RefMut<Every>| every.0);
    if every == 1 {
        return optimizer
            .minimise_with(loss, ascend, |grads| exchange(&mut grads.iter_mut().flatten().collect::<Vec<_>>(), mean));
    }
    optimizer.minimise(loss, ascend)?;
    if optimizer.taken().is_multiple_of(every) {
        replace(optimizer.params(), mean)?;
    }
    Ok(())
}

/// Replaces the values of parameters by what `change` makes of all their numbers.
fn replace(params: &[saddle_nn::Param], change: impl FnOnce(&mut [f32]) -> Result<()>) -> Result<()> {
    let mut values: Vec<Tensor> = params.iter().map(saddle_nn::Param::value).collect();
    exchange(&mut values.iter_mut().collect::<Vec<_>>(), change)?;
    params.iter().zip(values).for_each(|(param, value)| param.set(value));
    Ok(())
}

/// What layers do over all processes.
pub(crate) const ACROSS: Across = Across {
    size: saddle_mpi::size,
    mean: |numbers| match world()? {
        Some(world) => world.reduce(numbers, Reduce::Mean),
        None => Ok(()),
    },
};

/// Replaces tensors by what `change` makes of all their numbers, one after the other in one buffer.
fn exchange(tensors: &mut [&mut Tensor], change: impl FnOnce(&mut [f32]) -> Result<()>) -> Result<()> {
    let mut numbers = Vec::new();
    for t in tensors.iter() {
        numbers.extend(t.to_floats()?);
    }
    change(&mut numbers)?;
    let mut start = 0;
    for t in tensors.iter_mut() {
        let part = numbers[start..start + t.len()].to_vec();
        start += t.len();
        **t = Tensor::from_floats(part, &t.shape(), &t.device());
    }
    Ok(())
}

static RANK: Entry = Entry {
    name: "rank",
    group: GROUP,
    summary: "which of the processes that `mpirun` has started this is, from 0; 0 without it",
    returns: Ty::Int,
    errors: &[NO_MPI],
    examples: &[value("alone", "rank()", "0")],
    call: |_| Ok((saddle_mpi::rank()? as i64).into()),
    ..ENTRY
};

static WORLD: Entry = Entry {
    name: "world",
    group: GROUP,
    summary: "how many processes `mpirun` has started; 1 without it",
    returns: Ty::Int,
    errors: &[NO_MPI],
    source: &[
        "data-parallel training: each rank has a part of the batch, `ascend` and `descend` average the gradients, `data.sample` draws each rank's part",
    ],
    examples: &[value("alone", "world()", "1")],
    call: |_| Ok((saddle_mpi::size()? as i64).into()),
    ..ENTRY
};

const X: Param<Tensor> = param("x", types::TENSOR, "[m, …], the same on every rank");
static SHARD: Entry = Entry {
    name: "shard",
    group: GROUP,
    summary: "this rank's rows of a tensor that all ranks have: of one that was drawn after the same `seed`, for example",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "[m / world(), …]",
    errors: &["m is no multiple of world()", NO_MPI],
    examples: &[value("alone it is all of them", "shard(randn([8, 2])).shape", "[8, 2]")],
    call: |call| Ok(wrap(own_rows("shard", X.of(call)?)?)),
    ..ENTRY
};

const ALL_REDUCE_X: Param<Dynamic> =
    param("x", types::any(Ty::TensorLike), "a tensor of one shape on all ranks, or a number");
const OP: Param<String> = param("op", types::TEXT, "\"sum\", \"mean\", \"min\" or \"max\"").or("sum");
static ALL_REDUCE: Entry = Entry {
    name: "all_reduce",
    group: GROUP,
    summary: "the sum over all ranks, element by element; every rank has to call it",
    params: &[ALL_REDUCE_X.param()],
    options: &[OP.opt()],
    returns: Ty::TensorLike,
    shapes: "as x; no gradient flows through it",
    errors: &["an unknown `op`", NO_MPI],
    source: &["MPI_Allreduce"],
    examples: &[
        value("alone it is x itself", "all_reduce(2.5)", "2.5"),
        fails("no such sum", "all_reduce(1, #{ op: \"product\" })", "op must be"),
    ],
    call: |call| {
        let how = match OP.of(call)?.as_str() {
            "sum" => Reduce::Sum,
            "mean" => Reduce::Mean,
            "min" => Reduce::Min,
            "max" => Reduce::Max,
            other => {
                return Err(Fault::value(format!("all_reduce: op must be sum, mean, min or max, got \"{other}\"")));
            }
        };
        let x = ALL_REDUCE_X.value(call).clone();
        let Some(world) = world()? else { return Ok(x) };
        match number(&x) {
            Some(x) => reduced_number(world, x, how),
            None => {
                let mut t = x.try_cast::<Tensor>().ok_or_else(|| ALL_REDUCE_X.wrong(call))?;
                exchange(&mut [&mut t], |numbers| world.reduce(numbers, how))?;
                Ok(wrap(t))
            }
        }
    },
    ..ENTRY
};

/// A number of this rank, reduced in single precision as tensors are.
fn reduced_number(world: &World, x: f64, how: Reduce) -> Result<Dynamic> {
    let mut one = [x as f32];
    world.reduce(&mut one, how)?;
    Ok(f64::from(one[0]).into())
}

const NETWORK: Param<Network> = param("network", types::NETWORK, "the network; its values are replaced");
static BROADCAST: Entry = Entry {
    name: "broadcast",
    group: GROUP,
    summary: "gives a network the parameters that it has on rank 0; every rank has to call it. After the same `seed` they are the same anyway",
    params: &[NETWORK.param()],
    errors: &[NO_MPI],
    source: &["MPI_Bcast"],
    examples: &[runs("alone it changes nothing", "let D = linear(2, 1); broadcast(D);")],
    call: |call| {
        let net = NETWORK.of(call)?;
        if let Some(world) = world()? {
            replace(&net.params(), |numbers| world.broadcast(numbers))?;
        }
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const STEPS: Param<i64> = param("n", types::INT, "steps from one exchange to the next, ≥ 1, the same on every rank");
static AVERAGE_EVERY: Entry = Entry {
    name: "average_every",
    group: GROUP,
    summary: "for slow networks: from now on `ascend` and `descend` follow each rank's own gradient, and after every n steps of an \
              optimizer its parameters become their mean over all ranks. 1, as at first, averages the gradients of each step",
    params: &[STEPS.param()],
    errors: &["n is below 1"],
    source: &[
        "local SGD: ",
        cite::STICH_2019,
        ". Momenta and running statistics stay each rank's own; it is another algorithm than one process's",
    ],
    examples: &[
        runs("a hundredth of the exchanges", "average_every(100)"),
        fails("never", "average_every(0)", "n must be at least 1, got 0"),
    ],
    call: |call| {
        let n = STEPS.of(call)?;
        let every = u64::try_from(n).ok().filter(|n| *n > 0).ok_or_else(|| {
            Fault::value(format!("average_every: n must be at least 1, got {n}"))
                .hint("1 averages the gradients of each step")
        })?;
        call.host.with_slot(|mut slot: RefMut<Every>| *slot = Every(every));
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static LEAVE_WORLD: Entry = Entry {
    name: "leave_world",
    group: GROUP,
    summary: "waits for all ranks and ends what they have in common: no exchange after it. `saddle run` does it at the end of a notebook",
    errors: &[NO_MPI],
    source: &["MPI_Finalize"],
    examples: &[runs("alone it does nothing", "leave_world()")],
    call: |_| {
        if let Some(world) = world()? {
            world.leave()?;
        }
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};
