//! Runs on Dask and Ray, through their own Python clients: a small script of ours (`kernel/saddlepoint_sweep/`) hands
//! out the runs and says when one has ended. The sweep's folder and this program have to be at the same path on the
//! workers.

use super::super::python::follow;
use super::{EngineSettings, Tell};
use saddle_fault::{Fault, Kind, Result};
use std::process::Command;

const SCRIPT: &str = include_str!("../../../kernel/saddlepoint_sweep/__main__.py");

/// Runs these runs on a cluster of `engine` at `address`.
///
/// # Errors
/// There is no Python with that package; no scheduler answers at the address.
pub fn run(
    engine: &str,
    address: &str,
    settings: &EngineSettings<'_>,
    runs: &[usize],
    tell: &mut Tell<'_>,
) -> Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let program = std::env::current_exe()
        .map_err(|error| Fault::file(format!("the path of this program is not known: {error}")))?;
    let runs: Vec<String> = runs.iter().map(usize::to_string).collect();
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT, engine, address]).arg(program).arg(&settings.folder.path);
    python.arg(settings.jobs.unwrap_or(0).to_string()).arg(settings.threads.unwrap_or(1).to_string()).args(runs);
    // A line for each run that has ended: `run 3`, or `run 3 of what it died`.
    let ended = follow(python, |line| {
        let Some((number, death)) = line.strip_prefix("run ").map(|rest| rest.split_once(' ').unwrap_or((rest, "")))
        else {
            return;
        };
        if let Ok(number) = number.parse() {
            tell(number, (!death.is_empty()).then(|| death.to_string()));
        }
    });
    ended.map_err(|said| trouble(engine, address, &said))
}

/// What Python said, in the user's terms.
fn trouble(engine: &str, address: &str, said: &str) -> Fault {
    let package = if engine == "dask" { "dask[distributed]" } else { "ray" };
    let name = if engine == "dask" { "Dask" } else { "Ray" };
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    if said.contains("No such file or directory") && !said.contains("Traceback") {
        return Fault::new(Kind::Device, format!("{name} needs Python, and there is no python3 on the path"));
    }
    if last.starts_with("ModuleNotFoundError") {
        return Fault::new(Kind::Device, format!("{name} is not installed in the Python on the path: {last}"))
            .hint(format!("pip install '{package}', in the environment that is active here"));
    }
    if let Some(why) = last.strip_prefix("no cluster: ") {
        return Fault::new(Kind::Device, format!("no {name} scheduler answers at {address}: {why}"))
            .hint("is it running, and is its port open? The same command goes on once it is up");
    }
    Fault::new(Kind::Device, format!("{name} failed: {last}")).hint("the same command goes on with what is not done")
}
