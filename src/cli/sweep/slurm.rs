//! Runs as array jobs of Slurm, by its own `sbatch` and `squeue`. The sweep's folder and this program have to be at the
//! same path on the nodes, as on a cluster's shared file system.

use super::super::print_all;
use super::{EngineSettings, Tell, last_words};
use saddle_fault::{Fault, Kind, Result};
use saddle_sweep::plan::Folder;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// Slurm's default for the largest array is 1,001 tasks, from 0.
const MOST_TASKS: usize = 1000;
/// How often the queue is asked, at first and at most.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const LAST_LOOK: Duration = Duration::from_secs(10);
/// How many looks in a row the controller may not answer before it is given up.
const MOST_SILENT: usize = 30;

const JOBS: &str = "slurm.jobs";

/// Runs these runs as array jobs, and waits for them.
///
/// # Errors
/// Slurm's commands are missing, its controller does not answer, it refuses the job.
pub fn run(settings: &EngineSettings<'_>, runs: &[usize], options: &[String], tell: &mut Tell<'_>) -> Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let mut jobs = Vec::new();
    for (part, runs) in runs.chunks(MOST_TASKS).enumerate() {
        jobs.push(submit(settings, part, runs, options)?);
        // What is queued is known to the next `saddle sweep`, should this one end.
        saddle_sweep::write(&settings.folder.path.join(JOBS), &jobs.join("\n"))?;
    }
    print_all(&format!("Slurm has {} runs as job {}\n", runs.len(), jobs.join(", ")));
    wait(settings.folder, &jobs, runs, tell)?;
    let _ = std::fs::remove_file(settings.folder.path.join(JOBS));
    Ok(())
}

/// Waits for the jobs that an earlier `saddle sweep` in this folder has queued and not waited for.
///
/// # Errors
/// The controller does not answer.
pub fn wait_for_earlier(folder: &Folder) -> Result<()> {
    let file = folder.path.join(JOBS);
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(()) };
    let jobs: Vec<String> = text.lines().map(String::from).collect();
    print_all(&format!("waiting for job {} of before\n", jobs.join(", ")));
    wait(folder, &jobs, &[], &mut |_, _| true)?;
    let _ = std::fs::remove_file(file);
    Ok(())
}

/// Queues one array job; its id.
fn submit(settings: &EngineSettings<'_>, part: usize, runs: &[usize], options: &[String]) -> Result<String> {
    let folder = &settings.folder.path;
    let program = std::env::current_exe()
        .map_err(|error| Fault::file(format!("the path of this program is not known: {error}")))?;
    let list = folder.join(format!("slurm-{part}.runs"));
    let lines: Vec<String> = runs.iter().map(usize::to_string).collect();
    saddle_sweep::write(&list, &(lines.join("\n") + "\n"))?;
    let threads = settings.threads.unwrap_or(1);
    let script = folder.join(format!("slurm-{part}.sh"));
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    let text = format!(
        "#!/bin/sh\n\
         # One run of the sweep: line SLURM_ARRAY_TASK_ID of the list.\n\
         run=$(sed -n \"${{SLURM_ARRAY_TASK_ID}}p\" {list})\n\
         export SADDLE_THREADS={threads}\n\
         exec {program} sweep-run {folder} \"$run\" 2>{folder}/runs/\"$(printf %04d \"$run\")\"/log\n",
        list = quoted(&list),
        program = quoted(&program),
        folder = quoted(folder),
    );
    saddle_sweep::write(&script, &text)?;
    let throttle = settings.jobs.map_or(String::new(), |jobs| format!("%{jobs}"));
    let mut sbatch = Command::new("sbatch");
    sbatch.args(["--parsable", "--job-name=saddle-sweep", "--output=/dev/null", "--no-requeue"]);
    sbatch.arg(format!("--array=1-{}{throttle}", runs.len())).arg(format!("--cpus-per-task={threads}"));
    sbatch.args(options).arg(&script);
    let output = asked(sbatch, "sbatch")?;
    let said = String::from_utf8_lossy(&output.stdout);
    // `--parsable`: the id, and behind a semicolon the cluster.
    let id = said.trim().split(';').next().unwrap_or_default();
    match output.status.success() && id.bytes().all(|byte| byte.is_ascii_digit()) && !id.is_empty() {
        true => Ok(id.to_string()),
        false => Err(refused("sbatch", &output)),
    }
}

/// Waits until none of the jobs is in the queue, and tells each run as soon as its result is there.
fn wait(folder: &Folder, jobs: &[String], runs: &[usize], tell: &mut Tell<'_>) -> Result<()> {
    let mut open: BTreeSet<usize> = runs.iter().copied().collect();
    let mut pause = FIRST_LOOK;
    let mut silent = 0;
    loop {
        std::thread::sleep(pause);
        pause = (pause * 5 / 4).min(LAST_LOOK);
        let mut squeue = Command::new("squeue");
        squeue.args([
            "--noheader",
            "--array",
            "--format=%T",
            "--states=PENDING,RUNNING,COMPLETING,CONFIGURING,SUSPENDED",
        ]);
        squeue.arg(format!("--jobs={}", jobs.join(",")));
        let output = asked(squeue, "squeue")?;
        // A job that Slurm has forgotten is over.
        let forgotten = String::from_utf8_lossy(&output.stderr).contains("Invalid job id");
        let is_over = match output.status.success() || forgotten {
            true => {
                silent = 0;
                forgotten || output.stdout.trim_ascii().is_empty()
            }
            false if silent < MOST_SILENT => {
                silent += 1;
                false
            }
            false => return Err(refused("squeue", &output)),
        };
        let arrived: Vec<usize> =
            open.iter().copied().filter(|&run| matches!(folder.outcome(run), Ok(Some(_)))).collect();
        for run in arrived {
            open.remove(&run);
            tell(run, None);
        }
        if is_over {
            break;
        }
    }
    for run in open {
        let log = folder.run(run).join("log");
        let said = last_words(&log).map_or(String::new(), |line| format!(" ({line})"));
        tell(run, Some(format!("its job ended without a result{said}")));
    }
    Ok(())
}

/// Runs one of Slurm's commands.
fn asked(mut command: Command, name: &str) -> Result<Output> {
    command.output().map_err(|error| {
        let message = format!("Slurm's `{name}` cannot be run: {error}");
        Fault::new(Kind::Device, message).hint(
            "run this on a login node of the cluster; on Debian and Ubuntu `apt install slurm-client` brings the commands. \
             `--on local` needs nothing",
        )
    })
}

fn refused(name: &str, output: &Output) -> Fault {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing").to_string();
    let down = ["Unable to contact", "Connection refused", "Socket timed out"].iter().any(|text| said.contains(text));
    match down {
        true => Fault::new(Kind::Device, format!("Slurm's controller does not answer: {said}"))
            .hint("`scontrol ping` asks it; the same command goes on once it is up"),
        false => Fault::new(Kind::Device, format!("Slurm's `{name}` refused: {said}"))
            .hint("options for it are given as --sbatch=--partition=NAME"),
    }
}
