//! Saddlepoint: a Jupyter kernel whose cells are Rhai and whose values are tensors, made for generative adversarial
//! networks.
//!
//! The rooms and the only arrows between them (each room is a crate, an arrow a
//! line of its `Cargo.toml`; `tests/rooms.rs` holds the picture against them):
//!
//! ```text
//!    saddle ─► backend, cell, component, cpu, data, mpi, notebook, remote, rust, serve, sweep, tensor, worker
//!     serve ─► wire
//!      cell ─► catalog, rust, tensor, words
//!      rust ─► component, worker
//! rust-host ─► component, rust, worker
//!     words ─► backend, catalog, component, data, gan, mpi, nn, picture, sweep, tensor
//!       gan ─► cpu, tensor
//!        nn ─► tensor
//!    tensor ─► backend, cpu, remote
//!    remote ─► backend, component
//!   backend ─► component
//!      burn ─► backend, component
//! every room may use: session, fault
//! ```
//!
//! | room | owns |
//! |---|---|
//! | `wire` | the connection file, five sockets, framing, signing, typed messages |
//! | `serve` | what a Jupyter client is answered, and when: busy, reply, idle; counts, history, the queue, interrupts, shutdown |
//! | `notebook` | notebook files: read, run, compare, write as notebook or as page |
//! | `mpi` | several processes of one run, over an MPI library that is loaded when `mpirun` has started them |
//! | `sweep` | runs of one notebook with different parameters: their plan, what each has left, tables of it |
//! | `worker` | the session in a process of its own: starting it, driving it, and what is said when it dies |
//! | `rust` | cells of Rust code: running and calling them, with tensors shared both ways |
//! | `rust-host` | the program that compiles them (`src/rust/host`) |
//! | `cell` | the engine thread: runs cells, keeps variables and functions, shows errors with cell, line and caret |
//! | `words` | the words of the language, one file per family: thin adapters over the rooms below |
//! | `catalog` | one record for each word: registration, checking, help and completion come from it |
//! | `gan` | penalties and metrics of adversarial networks |
//! | `nn` | layers, networks, initialisers, losses (those of the two players too), optimizers, schedules, games of several players |
//! | `tensor` | the tensor, devices, seeded random numbers, the tape for gradients of any order |
//! | `backend` | the border between tensors and the library of devices that Burn computes on |
//! | `remote` | the same border over a socket: devices of another machine |
//! | `burn` | that library: graphics processors, and Burn's other backend on the processor |
//! | `component` | what is not in the first build and is compiled when it is first needed: that library, the host of Rust cells |
//! | `cpu` | the fast kernels of the CPU device |
//! | `data` | data sets: the digits, MNIST and CIFAR-10 with their downloads, pictures in folders, archives and Parquet, tables, synthetic distributions; files of NumPy, safetensors and PyTorch |
//! | `picture` | numbers as pictures: grids of images, curves, heat maps, fields |
//! | `session` | what a notebook session is to whoever drives it: the trait that `cell` implements and `serve` and `notebook` drive; the one list of things that a cell can show |
//! | `fault` | the one error type: kind, message, hint |

mod cli;

/// Tensors come and go in every training step: see [`saddle_cpu::Reuse`].
#[global_allocator]
static ALLOCATOR: saddle_cpu::Reuse = saddle_cpu::Reuse;

fn main() -> std::process::ExitCode {
    saddle_cpu::prepare_memory();
    cli::main()
}
