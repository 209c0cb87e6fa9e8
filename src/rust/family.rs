//! The processes below one: cargo, the compilers that it starts, and the linker.

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
    for &process in parents
        .keys()
        .filter(|&&process| process != root && is_below(process))
    {
        if let Ok(process) = libc::pid_t::try_from(process) {
            // SAFETY: takes no memory. The process was below this one a moment ago.
            unsafe { libc::kill(process, libc::SIGKILL) };
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
    let listed = std::process::Command::new("ps")
        .args(["-A", "-o", "pid=,ppid="])
        .output();
    let text = listed
        .map(|out| String::from_utf8_lossy(&out.stdout).into_owned())
        .unwrap_or_default();
    let pair = |line: &str| {
        let mut numbers = line.split_whitespace().map(|n| n.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    text.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn children_and_grandchildren_end_and_what_is_spared_lives() {
        let start = || {
            Command::new("sh")
                .args(["-c", "sleep 100 & wait"])
                .spawn()
                .unwrap()
        };
        let (mut ended, mut spared) = (start(), start());
        while parents()
            .values()
            .filter(|&&parent| parent == ended.id())
            .count()
            == 0
        {
            std::thread::yield_now();
        }
        kill_below(ended.id(), None);
        // Its only child is gone, so the shell's `wait` returns.
        assert!(ended.wait().unwrap().success());
        kill_below(std::process::id(), Some(spared.id()));
        assert!(spared.try_wait().unwrap().is_none());
        kill_below(spared.id(), None);
        spared.wait().unwrap();
    }
}
