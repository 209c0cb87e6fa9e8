//! What is told while a graphics processor prepares for its first use: kernels compiled, and the fastest of several
//! found by trial.

use saddle_backend::{Op, With};
use std::sync::{Arc, Mutex, PoisonError};

/// How much has been prepared since this process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Kernels that were compiled.
    pub kernels: usize,
    /// Operations of which several kernels were tried.
    pub tuned: usize,
}

type Listener = Arc<dyn Fn(Prepared) + Send + Sync>;

static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

/// Has `listener` hear of each step from now on, on whatever thread it happens, instead of the one before.
pub fn listen(listener: impl Fn(Prepared) + Send + Sync + 'static) {
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listener));
}

/// What the library of devices calls.
extern "C" fn hear(kernels: u64, tuned: u64) {
    let listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(listener) = listener {
        let (kernels, tuned) = (kernels as usize, tuned as usize);
        // A panic must not cross into the library.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| listener(Prepared { kernels, tuned })));
    }
}

/// Has the library tell, once it is loaded.
pub(crate) fn begin() {
    let address = hear as extern "C" fn(u64, u64) as usize as i64;
    let with = With { ints: &[address], ..With::default() };
    let _ = crate::raw::library().try_ask(Op::Listen, with);
}
