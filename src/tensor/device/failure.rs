//! What went wrong on a device, in the user's terms: which device was lost or out of memory, and what to do.

use super::{Device, current, opened};
use saddle_backend::{Library, Op, With};
use saddle_fault::{Fault, Kind};
use saddle_remote as remote;

impl Device {
    /// What went wrong on it, in the user's terms. A lost device is taken off the list of those that are open.
    ///
    /// A loss is noticed at some time after it, by a thread of the driver's: before that its operations fail for
    /// reasons of all kinds. Where nothing is `lost` yet, one more operation tells.
    pub(crate) fn failed(&self, reason: &str, lost: bool) -> Fault {
        if let (Device::Elsewhere(there), remote::STALE) = (self, reason) {
            // It is open again.
            let _ = remote::trouble();
            return lost_before(there.server, reason);
        }
        // The cause may have been told elsewhere: what fails later only knows that a value is missing.
        let told = warnings(self.library());
        let all = || told.iter().map(String::as_str).chain([reason]);
        let first = cause(reason);
        let scarce = all().any(speaks_of_memory);
        if lost || !scarce && !self.answers() {
            let fault = Fault::new(Kind::Device, format!("the device {self} was lost: {first}")).hint(reopen(self));
            self.forget();
            return fault;
        }
        if scarce {
            return Fault::new(Kind::Device, format!("{self} is out of memory")).hint(
                "smaller batches or networks need less; `%memory` shows what holds how much, `%reset` frees all",
            );
        }
        after_a_loss().unwrap_or_else(|| {
            Fault::new(Kind::Device, format!("an operation on {self} failed: {first}"))
                .hint("what it computed is lost, everything else is not; `device(\"cpu\")` can do all operations")
        })
    }
}

fn reopen(lost: &Device) -> String {
    format!("`device(\"{lost}\")` opens it again; `resume` brings a checkpoint back to networks made anew")
}

/// The line of a device's report that says what happened: around it stands how it came to be known.
fn cause(report: &str) -> &str {
    const AROUND: [&str; 8] = [
        "Caused by:",
        "Asked at:",
        "No backtrace",
        "Several failures at once",
        "The bytes were never written",
        "The device is poisoned",
        "A launch error happened",
        "An IO error happened",
    ];
    let says = |line: &&str| !line.is_empty() && !AROUND.iter().any(|a| line.starts_with(a));
    let mut lines = report.lines().map(str::trim);
    let line = lines.find(says).unwrap_or("it does not say why");
    line.trim_end_matches(':')
}

fn speaks_of_memory(report: &str) -> bool {
    let report = report.to_lowercase();
    let words = ["out of memory", "out of device memory", "can't allocate"];
    words.iter().any(|w| report.contains(w))
}

/// Why a graphics processor made an operation break off, if one did: asked for after a panic under the words.
pub fn failure() -> Option<Fault> {
    if let Some((server, why)) = remote::trouble() {
        let here = |device: &Device| matches!(device, Device::Elsewhere(there) if there.server == server);
        let device = opened().into_iter().find(here);
        return Some(device.map_or_else(|| lost_before(server, &why), |device| device.failed(&why, true)));
    }
    for device in opened() {
        match device.ask(Op::Sync) {
            Ok(_) if device.answers() => {}
            Ok(_) => return Some(device.failed("it does not answer", false)),
            Err(e) => return Some(device.failed(&e.reason, e.lost)),
        }
    }
    let mut told = saddle_backend::loaded().map_or_else(Vec::new, warnings);
    told.reverse();
    if !told.is_empty() {
        return Some(current().failed(&told.join("\n"), false));
    }
    after_a_loss()
}

/// A server was lost before, and what was there is used again.
fn lost_before(server: usize, why: &str) -> Fault {
    let name = format!("{}{}", remote::SCHEME, remote::address(server));
    Fault::new(Kind::Device, format!("the device {name} was lost: {why}"))
        .hint(format!("`device(\"{name}\")` opens it again; `resume` brings a checkpoint back to networks made anew"))
}

/// What is to blame for a failure after a device was lost: tensors from before.
fn after_a_loss() -> Option<Fault> {
    let answer = saddle_backend::loaded()?.try_ask(Op::LastLost, With::default()).ok()?;
    let [1, place, ..] = answer.ints else {
        return None;
    };
    let device = Device::Wgpu(place as usize);
    let message = format!("the device {device} was lost, and tensors that were on it with it");
    Some(Fault::new(Kind::Device, message).hint(reopen(&device)))
}

/// What went wrong on the devices of a library, in their own words, the newest last; said once.
fn warnings(library: &Library) -> Vec<String> {
    let text = library.try_ask(Op::Warnings, With::default()).map_or_else(|_| String::new(), |answer| answer.text());
    text.split_terminator('\0').map(str::to_string).collect()
}
