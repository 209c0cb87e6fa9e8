//! Building a component with a line that says how far it is, for a page.

use super::{Component, Progress, build};
use saddle_fault::Result;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The time between two changes of the line.
const PACE: Duration = Duration::from_millis(500);

/// Builds a component, where it lies then. `say` is given a line whenever there is something new to say, for what
/// `needs` it, and told so that it can be shown in place of the one before; it is asked about ten times a second, also
/// with nothing to say (`None`), whether to go on.
///
/// # Errors
/// Those of [`build`].
pub fn build_telling(component: &Component, needs: &str, say: &mut dyn FnMut(Option<&str>) -> bool) -> Result<PathBuf> {
    let mut shown: Option<(Progress, Instant)> = None;
    let (name, minutes) = (component.name, component.minutes);
    build(component, &mut |progress| {
        let is_due = match &shown {
            None => true,
            Some((last, at)) => last != progress && at.elapsed() >= PACE,
        };
        if !is_due {
            return say(None);
        }
        shown = Some((progress.clone(), Instant::now()));
        say(Some(&format!("{needs}: compiling {name}, once: {minutes} ({progress})")))
    })
}
