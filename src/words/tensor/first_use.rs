//! What the first use of a graphics processor takes, and what is shown meanwhile, as the cell would seem to hang: the
//! library of devices is compiled where it has not been, and the processor's kernels are.

use saddle_catalog::Host;
use saddle_component::{BURN, build_telling};
use saddle_fault::Result;
use saddle_session::Frontend;
use saddle_session::output::{Bundle, Output};
use saddle_tensor::device;
use saddle_tensor::tuning::{self, Prepared};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What takes less is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time between two changes of the line.
const PACE: Duration = Duration::from_millis(300);

/// What the running cell has been told.
struct Told {
    frontend: Arc<dyn Frontend>,
    since: Instant,
    before: Prepared,
    /// The display and when it last changed.
    line: Option<(String, Instant)>,
}

impl Told {
    fn hear(&mut self, now: Prepared) {
        if self.since.elapsed() < PATIENCE {
            return;
        }
        let bundle = Bundle::text(text(&self.before, &now));
        match &mut self.line {
            Some((_, changed)) if changed.elapsed() < PACE => {}
            Some((id, changed)) => {
                *changed = Instant::now();
                let id = id.clone();
                self.frontend.show(Output::Update { bundle, id });
            }
            None => {
                let id = format!("first-use-{}", uuid::Uuid::new_v4());
                self.line = Some((id.clone(), Instant::now()));
                let id = Some(id);
                self.frontend.show(Output::Display { bundle, id });
            }
        }
    }
}

fn text(before: &Prepared, now: &Prepared) -> String {
    let kernels = now.kernels - before.kernels;
    let tuned = match now.tuned - before.tuned {
        0 => String::new(),
        n => format!(", for {n} operations the fastest of several was found"),
    };
    format!("the device prepares for its first use: {kernels} kernels compiled{tuned}; kept for later")
}

/// Compiles the library of devices, where a device of that name needs it and there is none of this build.
///
/// # Errors
/// What keeps it from being compiled; an interrupt.
pub fn compile(host: &Host, device: &str) -> Result<()> {
    if !device::needs_library(device) || saddle_backend::find()?.is_some() {
        return Ok(());
    }
    let id = format!("compiling-{}", uuid::Uuid::new_v4());
    let mut is_new = true;
    let needs = format!("device(\"{device}\")");
    build_telling(&BURN, &needs, &mut |line| {
        if let Some(line) = line {
            let (bundle, id) = (Bundle::text(line), id.clone());
            host.show(match std::mem::take(&mut is_new) {
                true => Output::Display { bundle, id: Some(id) },
                false => Output::Update { bundle, id },
            });
        }
        host.check_interrupt().is_ok()
    })?;
    Ok(())
}

/// From now on cells of this session show what its kernels need.
pub fn watch(host: &Host) {
    let attached = host.attached();
    let told: Mutex<Option<Told>> = Mutex::new(None);
    tuning::listen(move |now| {
        let frontend = attached.lock().ok().and_then(|a| a.clone());
        let (Some(frontend), Ok(mut told)) = (frontend, told.lock()) else {
            return;
        };
        match told.as_mut().filter(|t| Arc::ptr_eq(&t.frontend, &frontend)) {
            Some(told) => told.hear(now),
            None => {
                let (since, before, line) = (Instant::now(), now, None);
                *told = Some(Told { frontend, since, before, line });
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Page(Mutex<Vec<Output>>);

    impl Frontend for Page {
        fn show(&self, output: Output) {
            self.0.lock().unwrap().push(output);
        }

        fn ask(&self, _: &str, _: bool) -> Option<String> {
            None
        }
    }

    #[test]
    fn a_long_first_use_is_one_line_that_changes_and_a_short_one_none() {
        let page = Arc::new(Page::default());
        let told =
            |since| Told { frontend: page.clone(), since, before: Prepared { kernels: 2, tuned: 1 }, line: None };
        let now = |kernels, tuned| Prepared { kernels, tuned };
        told(Instant::now()).hear(now(3, 1));
        assert!(page.0.lock().unwrap().is_empty());

        let long_ago = Instant::now() - 2 * PATIENCE;
        let mut told = told(long_ago);
        told.hear(now(12, 1));
        told.hear(now(13, 1));
        told.line.as_mut().unwrap().1 = long_ago;
        told.hear(now(14, 3));
        let shown = page.0.lock().unwrap();
        let texts: Vec<(&str, bool)> = shown
            .iter()
            .map(|output| match output {
                Output::Display { bundle, .. } => (bundle.plain(), false),
                Output::Update { bundle, .. } => (bundle.plain(), true),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            texts,
            [
                ("the device prepares for its first use: 10 kernels compiled; kept for later", false),
                (
                    "the device prepares for its first use: 12 kernels compiled, for 2 operations the fastest of several was \
                     found; kept for later",
                    true
                ),
            ]
        );
    }
}
