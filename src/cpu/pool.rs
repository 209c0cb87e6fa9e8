//! The worker threads: they share the tasks of one job at a time with the thread that calls for it.
//!
//! A training step is a chain of loops of 5 to 500 µs, too short for a thread to be woken through the operating system
//! for each of them. So a worker that has run out of tasks watches for the next job for [`WATCH`] before it sleeps, and
//! the caller never waits for a worker that has not begun: it closes the job when no task is left, and waits only for
//! those who are in the midst of one. On a machine whose cores are busy with something else a job takes as long as the
//! calling thread alone would need.
//!
//! Each of those who take part begins with tasks of its own, the same ones in every job of the same size, and then
//! takes what others have left. What a core has written in one job is thus mostly what it reads in the next.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How long a worker watches for the next job before it sleeps. A training loop's gaps are shorter; a notebook whose
/// cell has ended costs nothing.
const WATCH: Duration = Duration::from_micros(200);

/// The most threads that take part in a job.
const MAX_THREADS: usize = 64;

/// Calls `body(0)`, …, `body(tasks - 1)`, each once, in any order, on the calling thread and at most `helpers` workers.
/// Returns when all are done. A panic in `body` is passed on.
pub(super) fn share(tasks: usize, helpers: usize, body: &(dyn Fn(usize) + Sync)) {
    let helpers = helpers.min(MAX_THREADS - 1);
    // A job within a job, or from a second thread meanwhile, is done by its caller.
    if helpers == 0 || BOARD.taken.0.swap(true, Ordering::Acquire) {
        return (0..tasks).for_each(body);
    }
    hire(helpers);
    // SAFETY: we are the owner of the board until `Posted` is dropped, which is after the last use of `body`.
    let posted = unsafe { Posted::new(tasks, helpers, body) };
    posted.job().work(0);
    drop(posted);
}

/// Where the owner of the one job posts it.
struct Board {
    /// Whether somebody owns the board.
    taken: Taken,
    post: Post,
    /// The next task of each who takes part.
    next: [Counter; MAX_THREADS],
    /// What a worker's task panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    workers: OnceLock<Mutex<usize>>,
    handles: [OnceLock<Worker>; MAX_THREADS],
}

// SAFETY: `job` is shared only as the protocol of `state` allows, and its pointer is to something `Sync`.
unsafe impl Sync for Board {}

/// On a cache line of its own, so that counting does not disturb the neighbour.
#[repr(align(64))]
struct Counter(AtomicUsize);

/// On a cache line of its own: workers watch the line of [`Post`], and would have to fetch that anew.
#[repr(align(64))]
struct Taken(AtomicBool);

/// What a worker has to read before it can begin, on one cache line.
#[repr(align(64))]
struct Post {
    /// The number of workers inside, whether the job is open, how many may help, and the job's number: see [`State`].
    state: AtomicU64,
    /// Written by the owner while the job is closed and nobody inside; read by workers inside.
    job: UnsafeCell<Option<Job>>,
}

const _: () = assert!(size_of::<Post>() == 64);

struct Worker {
    thread: Thread,
    sleeps: AtomicBool,
}

static BOARD: Board = Board {
    taken: Taken(AtomicBool::new(false)),
    post: Post { state: AtomicU64::new(0), job: UnsafeCell::new(None) },
    next: [const { Counter(AtomicUsize::new(0)) }; MAX_THREADS],
    panic: Mutex::new(None),
    workers: OnceLock::new(),
    handles: [const { OnceLock::new() }; MAX_THREADS],
};

/// The parts of [`Post::state`].
struct State;

impl State {
    const INSIDE: u64 = 0xff;
    const OPEN: u64 = 1 << 8;
    const HELPERS_AT: u32 = 16;
    const NUMBER_AT: u32 = 32;

    fn helpers(state: u64) -> usize {
        (state >> Self::HELPERS_AT) as u16 as usize
    }

    fn number(state: u64) -> u32 {
        (state >> Self::NUMBER_AT) as u32
    }
}

/// Tasks to be shared among `parties`.
#[derive(Clone, Copy)]
struct Job {
    tasks: usize,
    parties: usize,
    body: *const (dyn Fn(usize) + Sync),
}

impl Job {
    /// The tasks that a party begins with.
    fn own(&self, party: usize) -> (usize, usize) {
        let cut = |i: usize| self.tasks * i / self.parties;
        (cut(party), cut(party + 1))
    }

    /// Takes tasks until none is left: first one's own, then the others'.
    fn work(&self, party: usize) {
        // SAFETY: the owner keeps `body` alive as long as anybody is inside.
        let body = unsafe { &*self.body };
        for turn in 0..self.parties {
            let of = (party + turn) % self.parties;
            let (start, end) = self.own(of);
            loop {
                let task = start + BOARD.next[of].0.fetch_add(1, Ordering::Relaxed);
                if task >= end {
                    break;
                }
                body(task);
            }
        }
    }
}

/// The owner's hold on the board, with a job posted.
struct Posted;

impl Posted {
    /// Posts a job and wakes those workers that sleep and may help.
    ///
    /// # Safety
    /// The caller has taken the board, and `body` lives until this is dropped.
    unsafe fn new(tasks: usize, helpers: usize, body: &(dyn Fn(usize) + Sync)) -> Self {
        let parties = helpers + 1;
        for counter in &BOARD.next[..parties] {
            counter.0.store(0, Ordering::Relaxed);
        }
        // SAFETY: the lifetime is taken off; `Posted` waits for all who use it before it ends.
        let body: *const (dyn Fn(usize) + Sync + 'static) = unsafe { std::mem::transmute(body) };
        let job = Job { tasks, parties, body };
        // SAFETY: the job is closed and nobody inside, so nobody reads it.
        unsafe { *BOARD.post.job.get() = Some(job) };
        let number = State::number(BOARD.post.state.load(Ordering::Relaxed)).wrapping_add(1);
        let state = u64::from(number) << State::NUMBER_AT | (helpers as u64) << State::HELPERS_AT | State::OPEN;
        // In one order with the workers' notes that they sleep: either they see the job, or we see the note.
        BOARD.post.state.store(state, Ordering::SeqCst);
        for worker in BOARD.handles[..helpers].iter().filter_map(OnceLock::get) {
            if worker.sleeps.load(Ordering::SeqCst) && worker.sleeps.swap(false, Ordering::SeqCst) {
                worker.thread.unpark();
            }
        }
        Posted
    }

    fn job(&self) -> Job {
        // SAFETY: only the owner writes it, and that is us.
        unsafe { (*BOARD.post.job.get()).expect("posted") }
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        BOARD.post.state.fetch_and(!State::OPEN, Ordering::Relaxed);
        let mut rounds = 0u32;
        while BOARD.post.state.load(Ordering::Acquire) & State::INSIDE != 0 {
            // A worker that has lost its core to somebody else gets ours.
            rounds += 1;
            match rounds.is_multiple_of(1 << 12) {
                true => std::thread::yield_now(),
                false => std::hint::spin_loop(),
            }
        }
        let panic = BOARD.panic.lock().ok().and_then(|mut p| p.take());
        BOARD.taken.0.store(false, Ordering::Release);
        if let Some(panic) = panic
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

/// Sees to it that there are `helpers` workers, as far as the system allows.
fn hire(helpers: usize) {
    let hired = BOARD.workers.get_or_init(Mutex::default);
    if BOARD.handles[helpers - 1].get().is_some() {
        return;
    }
    let Ok(mut hired) = hired.lock() else { return };
    while *hired < helpers {
        let index = *hired;
        let started = std::thread::Builder::new().name(format!("saddle-cpu-{}", index + 1)).spawn(move || serve(index));
        // Without it the caller does more itself.
        let Ok(handle) = started else { return };
        let _ = BOARD.handles[index].set(Worker { thread: handle.thread().clone(), sleeps: AtomicBool::new(false) });
        *hired += 1;
    }
}

/// A worker's life.
fn serve(index: usize) {
    let worker = loop {
        match BOARD.handles[index].get() {
            Some(worker) => break worker,
            None => std::thread::yield_now(),
        }
    };
    let mut last = 0;
    loop {
        let state = wait(worker, index, last);
        last = State::number(state);
        let entered = BOARD.post.state.compare_exchange(state, state + 1, Ordering::Acquire, Ordering::Relaxed);
        if entered.is_err() {
            // Others come and go: look again, unless it is another job by now.
            last = last.wrapping_sub(1);
            continue;
        }
        // SAFETY: the job does not change while we are inside.
        let job = unsafe { *BOARD.post.job.get() };
        if let Some(job) = job
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| job.work(index + 1)))
            && let Ok(mut first) = BOARD.panic.lock()
        {
            first.get_or_insert(panic);
        }
        BOARD.post.state.fetch_sub(1, Ordering::Release);
    }
}

/// Waits for an open job after number `last` in which this worker may help: first awake, then asleep.
fn wait(worker: &Worker, index: usize, last: u32) -> u64 {
    let fits = |state: u64| state & State::OPEN != 0 && State::number(state) != last && index < State::helpers(state);
    loop {
        let since = Instant::now();
        let mut rounds = 0;
        while !rounds_over(&mut rounds, since) {
            let state = BOARD.post.state.load(Ordering::Relaxed);
            if fits(state) {
                return state;
            }
        }
        worker.sleeps.store(true, Ordering::SeqCst);
        let state = BOARD.post.state.load(Ordering::SeqCst);
        if fits(state) {
            worker.sleeps.store(false, Ordering::SeqCst);
            return state;
        }
        while worker.sleeps.load(Ordering::SeqCst) {
            std::thread::park();
        }
    }
}

/// Whether a worker has watched long enough; looks at the clock only now and then.
fn rounds_over(rounds: &mut u32, since: Instant) -> bool {
    std::hint::spin_loop();
    *rounds += 1;
    rounds.is_multiple_of(64) && since.elapsed() > WATCH
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    /// How often what depends on chance is done: Miri, which sees every race at once, is slow.
    const ROUNDS: usize = if cfg!(miri) { 2 } else { 50 };

    /// Every task once, whatever the numbers of tasks and of helpers.
    #[test]
    fn every_task_is_done_once() {
        for tasks in [0, 1, 2, 3, 7, 64, 20 * ROUNDS] {
            for helpers in [0, 1, 2, 5] {
                for _ in 0..ROUNDS {
                    let done: Vec<AtomicU32> = (0..tasks).map(|_| AtomicU32::new(0)).collect();
                    share(tasks, helpers, &|task| {
                        done[task].fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(done.iter().all(|n| n.load(Ordering::Relaxed) == 1));
                }
            }
        }
    }

    #[test]
    fn jobs_of_several_threads_and_within_jobs_all_end() {
        let sum = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..4 * ROUNDS {
                        share(5, 2, &|_| {
                            share(3, 2, &|task| {
                                sum.fetch_add(task, Ordering::Relaxed);
                            });
                        });
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), 4 * 4 * ROUNDS * 5 * 3);
    }

    #[test]
    fn a_panic_in_any_task_reaches_the_caller_and_the_next_job_runs() {
        for bad in [0, 99] {
            let caught = catch_unwind(|| {
                share(100, 3, &|task| assert!(task != bad, "task {task}"));
            });
            let panic = caught.expect_err("the panic is passed on");
            let text = panic.downcast_ref::<String>().map_or("", |s| s);
            assert!(text.contains(&format!("task {bad}")), "{text}");
            let done = AtomicUsize::new(0);
            share(10, 3, &|_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), 10);
        }
    }

    /// Processor time of the threads of this process that are ours, in clock ticks.
    #[cfg(target_os = "linux")]
    fn ticks_of_workers() -> u64 {
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
            panic!("no /proc");
        };
        let mut ticks = 0;
        for task in tasks.flatten() {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let Some((head, rest)) = stat.rsplit_once(')') else {
                continue;
            };
            if head.contains("(saddle-cpu-") {
                let fields: Vec<&str> = rest.split_whitespace().collect();
                ticks += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
            }
        }
        ticks
    }

    /// Other tests of this process may use the workers meanwhile: then a quiet second is looked for again.
    #[cfg(target_os = "linux")]
    #[test]
    fn workers_without_a_job_use_no_processor() {
        share(8, 2, &|_| std::thread::sleep(Duration::from_millis(1)));
        let quiet = (0..20).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let before = ticks_of_workers();
            std::thread::sleep(Duration::from_secs(1));
            ticks_of_workers() == before
        });
        assert!(quiet, "workers never rest");
    }
}
