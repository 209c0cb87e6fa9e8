//! Magics: lines that start with `%`, cells that start with `%%`, and `name?`.

use super::engine_thread::EngineThread;
use super::parts::{CellResult, MagicCall};
use super::{inspect, memory, scripts};
use saddle_catalog::did_you_mean;
use saddle_fault::{Fault, Kind};
use saddle_session::output::Output;
use saddle_session::{Detail, Failure};
use std::time::{Duration, Instant};

/// One magic.
pub struct Magic {
    /// With its `%` or `%%`.
    pub name: &'static str,
    /// What stands after it.
    pub usage: &'static str,
    pub summary: &'static str,
    run: fn(&mut EngineThread, &MagicCall) -> CellResult,
}

pub static MAGICS: &[Magic] = &[
    Magic { name: "%time", usage: "code", summary: "how long the line takes", run: time },
    Magic { name: "%%time", usage: "", summary: "how long the cell takes", run: time },
    Magic {
        name: "%%rust",
        usage: "",
        summary: "the cell is Rust code; `export!(f(x));` makes a function of it a word of the notebook",
        run: super::rust::run,
    },
    Magic {
        name: "%timeit",
        usage: "code",
        summary: "how long the line takes on average, over many runs",
        run: timeit,
    },
    Magic { name: "%who", usage: "", summary: "the notebook's variables and functions", run: who },
    Magic { name: "%reset", usage: "", summary: "forgets all variables and functions", run: reset },
    Magic {
        name: "%memory",
        usage: "",
        summary: "the memory that the kernel uses, and the largest variables",
        run: memory,
    },
    Magic {
        name: "%save",
        usage: "file",
        summary: "writes the cells that have run so far into a script",
        run: scripts::save,
    },
    Magic { name: "%load", usage: "file", summary: "puts the text of a file into this cell", run: scripts::load },
    Magic { name: "%seed", usage: "n", summary: "the same as `seed(n)`", run: seed },
    Magic { name: "%device", usage: "name", summary: "the same as `device(\"name\")`", run: device },
    Magic {
        name: "%lines",
        usage: "n | all",
        summary: "how many printed lines of this cell a page shows; without it, the first 10,000 and the last 200",
        run: lines,
    },
    Magic {
        name: "%debug",
        usage: "",
        summary: "details of the last defect inside the kernel, for a bug report",
        run: debug,
    },
    Magic { name: "%lsmagic", usage: "", summary: "this list", run: list },
];

/// Runs a magic by its name.
pub fn run(thread: &mut EngineThread, cell: &str, name: &str, rest: &str, placed: String) -> CellResult {
    match MAGICS.iter().find(|magic| magic.name == name) {
        Some(magic) => (magic.run)(thread, &MagicCall { cell, rest, placed }),
        None if matches!(name, "%mpi" | "%%mpi") => Err(thread.fail(&no_ranks(name, rest))),
        None => {
            let meant = did_you_mean(name, MAGICS.iter().map(|m| m.name));
            let fault = Fault::new(Kind::Name, format!("there is no magic `{name}`{meant}"));
            Err(thread.fail(&fault.hint("`%lsmagic` lists them")))
        }
    }
}

/// Why a cell does not run on several ranks (ARCHITECTURE.md, "Scaling out"), and what does.
fn no_ranks(name: &str, rest: &str) -> Fault {
    let first = rest.lines().next().unwrap_or_default();
    let mut words = first.split_whitespace().skip_while(|word| !matches!(*word, "-n" | "-np")).skip(1);
    let ranks = words.next().and_then(|n| n.parse::<usize>().ok()).unwrap_or(4);
    Fault::new(Kind::Name, format!("`{name}` cannot start ranks: MPI's begin together, and this kernel runs already"))
        .hint(format!(
            "save the notebook and run all of it on them: `mpirun -n {ranks} saddle run NOTEBOOK -o out.ipynb`"
        ))
}

/// Shows what a name is.
pub fn answer(thread: &mut EngineThread, name: &str, detail: Detail) -> CellResult {
    let found = inspect::describe(thread.catalog(), &thread.view(), name, detail);
    match found {
        Some(bundle) => {
            thread.host().show(Output::Page { bundle });
            Ok(None)
        }
        None => Err(thread.fail(&Fault::new(Kind::Name, format!("`{name}` is not defined")))),
    }
}

fn time(thread: &mut EngineThread, call: &MagicCall) -> CellResult {
    let start = Instant::now();
    let outcome = thread.run_code(call.cell, &call.placed);
    thread.host().print(&format!("Wall time: {}\n", duration(start.elapsed())));
    outcome
}

/// Seven runs of as many loops as fit into a fifth of a second, as IPython does it.
fn timeit(thread: &mut EngineThread, call: &MagicCall) -> CellResult {
    const RUNS: usize = 7;
    let once = |thread: &mut EngineThread| -> Result<Duration, Failure> {
        let start = Instant::now();
        thread.run_code(call.cell, &call.placed)?;
        Ok(start.elapsed())
    };
    let first = once(thread)?;
    let loops = (0.2 / first.as_secs_f64().max(1e-7)).clamp(1.0, 100_000.0) as u32;
    let mut means = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        for _ in 0..loops {
            once(thread)?;
        }
        means.push(start.elapsed().as_secs_f64() / f64::from(loops));
    }
    let mean = means.iter().sum::<f64>() / RUNS as f64;
    let deviation = (means.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / RUNS as f64).sqrt();
    let (mean, deviation) = (Duration::from_secs_f64(mean), Duration::from_secs_f64(deviation));
    thread.host().print(&format!(
        "{} ± {} per loop (mean ± std. dev. of {RUNS} runs, {loops} loops each)\n",
        duration(mean),
        duration(deviation)
    ));
    Ok(None)
}

fn who(thread: &mut EngineThread, _: &MagicCall) -> CellResult {
    let view = thread.view();
    let mut rows: Vec<[String; 3]> =
        view.variables.iter().map(|(name, v)| [name.clone(), v.kind.clone(), v.value.clone()]).collect();
    rows.extend(
        view.functions.values().flat_map(|f| &f.signatures).map(|s| [s.clone(), "function".into(), String::new()]),
    );
    if rows.is_empty() {
        thread.host().print("no variables and no functions yet\n");
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    for [name, kind, value] in &rows {
        thread.host().print(format!("{name:first$}  {kind:second$}  {value}").trim_end());
        thread.host().print("\n");
    }
    Ok(None)
}

fn reset(thread: &mut EngineThread, _: &MagicCall) -> CellResult {
    thread.reset();
    Ok(None)
}

fn memory(thread: &mut EngineThread, _: &MagicCall) -> CellResult {
    let text = memory::report(&thread.variables(), thread.catalog());
    thread.host().print(&text);
    Ok(None)
}

fn seed(thread: &mut EngineThread, call: &MagicCall) -> CellResult {
    thread.run_code(call.cell, &format!("seed({});", call.rest))
}

fn device(thread: &mut EngineThread, call: &MagicCall) -> CellResult {
    thread.run_code(call.cell, &format!("device({:?});", call.rest))
}

fn lines(thread: &mut EngineThread, call: &MagicCall) -> CellResult {
    let most = match call.rest.trim() {
        "all" => None,
        number => match number.replace([',', '_'], "").parse() {
            Ok(n) => Some(n),
            Err(_) => {
                let fault = Fault::value(format!("%lines: needs a number or `all`, got `{number}`"));
                return Err(thread.fail(&fault.hint("`%lines 100000` or `%lines all`")));
            }
        },
    };
    thread.host().show(Output::Lines { most });
    Ok(None)
}

fn debug(thread: &mut EngineThread, _: &MagicCall) -> CellResult {
    let text = super::defects::last().unwrap_or_else(|| "no defect inside the kernel so far".to_string());
    thread.host().print(&format!("{text}\n"));
    Ok(None)
}

fn list(thread: &mut EngineThread, _: &MagicCall) -> CellResult {
    for magic in MAGICS {
        let usage = format!("{} {}", magic.name, magic.usage);
        thread.host().print(&format!("{usage:14} {}\n", magic.summary));
    }
    thread.host().print("name?          what the name is; `name??` says everything\n");
    Ok(None)
}

/// A duration with three digits: `1.23 ms`.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 60.0 => return format!("{} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s >= 1e-6 => (s * 1e6, "µs"),
        s => (s * 1e9, "ns"),
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}
