//! The processes below one: cargo, the compilers that it starts, and the linker.

use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;

/// Ends every process below `root`, but for `spared` and those below it.
pub fn kill_below(root: u32, spared: Option<u32>) {
    let parents = parents();
    let is_below = |process: u32| {
        let mut process = process;
        // A chain of parents is short; a number that was given anew could make a ring.
        for _ in 0..100 {
            match parents.get(&process) {
                _ if Some(process) == spared => return false,
                Some(&parent) if parent == root => return true,
                Some(&parent) => process = parent,
                None => return false,
            }
        }
        false
    };
    for &process in parents.keys().filter(|&&process| process != root && is_below(process)) {
        if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
            // It was below this one a moment ago; it may have ended since.
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// The parent of each process.
#[cfg(target_os = "linux")]
fn parents() -> HashMap<u32, u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let parent = |entry: std::fs::DirEntry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        let about = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name, in brackets, may hold anything.
        let after = &about[about.rfind(')')? + 1..];
        Some((process, after.split_whitespace().nth(1)?.parse().ok()?))
    };
    processes.filter_map(parent).collect()
}

#[cfg(not(target_os = "linux"))]
fn parents() -> HashMap<u32, u32> {
    let listed = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    let text = listed.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    let pair = |line: &str| {
        let mut numbers = line.split_whitespace().map(|n| n.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    text.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    /// A shell with two children, and the numbers of these.
    #[test]
    fn what_is_below_ends_and_what_is_spared_lives() {
        let script = "sleep 100 & echo $!; sleep 100 & echo $!; wait";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        let mut number = || lines.next().unwrap().unwrap().parse::<u32>().unwrap();
        let (spared, ended) = (number(), number());
        kill_below(shell.id(), Some(spared));
        while parents().get(&ended) == Some(&shell.id()) {
            std::thread::yield_now();
        }
        assert_eq!(parents().get(&spared), Some(&shell.id()));
        kill_below(shell.id(), None);
        // Nothing is left to wait for.
        assert!(shell.wait().unwrap().success());
    }
}
