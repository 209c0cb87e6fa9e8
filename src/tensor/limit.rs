//! Which shapes a tensor can have. Refused here, a slip such as a zero too many is an error in the cell; refused by the
//! allocator, it would end the process.

#![expect(unsafe_code, reason = "asks the system how much memory the machine has")]

use super::{device, shown};
use saddle_fault::{Fault, Kind, Result};
use std::sync::OnceLock;

/// The most dims of a tensor.
pub const MOST_DIMS: usize = 6;

/// Refuses more than six dims, and sizes that leave no memory to compute with: above half of the machine's.
///
/// # Errors
/// Those two, with `name` in front: the word that was asked for it.
pub fn check_shape(name: &str, shape: &[usize]) -> Result<()> {
    if shape.len() > MOST_DIMS {
        return Err(Fault::shape(format!(
            "{name}: {} has {} dims, a tensor has at most {MOST_DIMS}",
            shown(shape),
            shape.len()
        )));
    }
    let bytes = shape.iter().try_fold(size_of::<f32>(), |n, &size| n.checked_mul(size));
    match bytes {
        Some(bytes) if bytes <= memory() / 2 => on_device(name, shape, bytes),
        _ => Err(Fault::value(format!(
            "{name}: {} needs {}, more than half of the {} of this machine",
            shown(shape),
            bytes.map_or("more bytes than can be counted".into(), gigabytes),
            gigabytes(memory())
        ))),
    }
}

/// Refuses what the current device cannot hold in one piece.
fn on_device(name: &str, shape: &[usize], bytes: usize) -> Result<()> {
    match device::largest() {
        Some(largest) if bytes as u64 > largest => Err(Fault::new(
            Kind::Device,
            format!(
                "{name}: {} needs {}, one tensor on {} can hold {}",
                shown(shape),
                gigabytes(bytes),
                device::current(),
                gigabytes(largest as usize)
            ),
        )
        .hint("work on it in parts, or on `device(\"cpu\")`")),
        _ => Ok(()),
    }
}

fn gigabytes(bytes: usize) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// The machine's memory in bytes.
fn memory() -> usize {
    static MEMORY: OnceLock<usize> = OnceLock::new();
    *MEMORY.get_or_init(|| physical().unwrap_or(64 << 30))
}

#[cfg(unix)]
fn physical() -> Option<usize> {
    // SAFETY: `sysconf` takes a number and gives one.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    usize::try_from(pages).ok()?.checked_mul(usize::try_from(size).ok()?).filter(|&n| n > 0)
}

#[cfg(not(unix))]
fn physical() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_size() {
        assert!(check_shape("zeros", &[64, 3, 32, 32]).is_ok());
        assert!(check_shape("zeros", &[0, usize::MAX]).is_ok());
        let fault = check_shape("zeros", &[1_000_000, 1_000_000]).expect_err("4 TB");
        assert!(fault.message.contains("4000.0 GB"), "{}", fault.message);
        assert!(check_shape("zeros", &[usize::MAX, 3]).is_err());
        assert!(check_shape("zeros", &[1; 7]).is_err());
    }
}
