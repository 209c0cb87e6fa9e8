//! What a graphics processor needs at its first use: kernels compiled, and the fastest of several found by trial
//! (autotune). What was found is kept in the user's cache folder for later runs, and how far it has come can be
//! watched.

use cubecl::config::autotune::AutotuneLevel;
use cubecl::config::cache::CacheConfig;
use cubecl::config::compilation::CompilationLogLevel;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig as _};
use log::{LevelFilter, Log, Metadata, Record};
use saddle_fault::lock;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};

/// How much has been prepared since this process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Kernels that were compiled.
    pub kernels: usize,
    /// Operations of which several kernels were tried.
    pub tuned: usize,
}

type Listener = Arc<dyn Fn(Prepared) + Send + Sync>;

static PREPARED: Mutex<Prepared> = Mutex::new(Prepared { kernels: 0, tuned: 0 });
static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);
/// What has gone wrong since it was last asked for, the newest last.
static WARNINGS: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());
const MOST_WARNINGS: usize = 16;

/// Has `listener` hear of each step from now on, on whatever thread it happens, instead of the one before.
pub fn listen(listener: impl Fn(Prepared) + Send + Sync + 'static) {
    *lock(&LISTENER) = Some(Arc::new(listener));
}

/// What went wrong on devices, in their own words, the newest last; said once.
pub fn warnings() -> Vec<String> {
    lock(&WARNINGS).drain(..).collect()
}

/// Burn tells of its kernels through the `log` crate.
struct Ear;

impl Log for Ear {
    fn enabled(&self, about: &Metadata) -> bool {
        about.target().starts_with("cubecl")
    }

    fn log(&self, record: &Record) {
        if record.level() <= log::Level::Warn && self.enabled(record.metadata()) {
            let mut warnings = lock(&WARNINGS);
            warnings.push_back(record.args().to_string());
            if warnings.len() > MOST_WARNINGS {
                warnings.pop_front();
            }
            return;
        }
        let now = {
            let mut all = lock(&PREPARED);
            match record.target() {
                "cubecl::compilation" => all.kernels += 1,
                "cubecl::autotune" => all.tuned += 1,
                _ => return,
            }
            *all
        };
        let listener = lock(&LISTENER).clone();
        if let Some(listener) = listener {
            listener(now);
        }
    }

    fn flush(&self) {}
}

/// Where what was found is kept; `None` where the user has no such folder.
fn folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.cache_dir().join("saddlepoint").join("kernels"))
}

/// Must come before the first device is opened. What is found is kept under the name of that device, `about`: what is
/// fast on one is not on another. On a processor that plays a graphics processor each trial takes longer than it could
/// ever save. What `CUBECL_…` environment variables say goes first.
pub fn prepare(about: &str, software: bool) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if log::set_logger(&Ear).is_ok() {
            log::set_max_level(LevelFilter::Info);
        }
        let mut config = CubeClRuntimeConfig::default();
        if software {
            config.autotune.level = AutotuneLevel::Minimal;
        }
        config.environment.name = about.to_string();
        // An account of every kernel that is compiled, of no use here.
        if let Ok(off) = serde_json::from_str("\"off\"") {
            config.environment.records.level = off;
        }
        config.autotune.logger.log = Some(Default::default());
        config.compilation.logger.log = Some(Default::default());
        config.compilation.logger.level = CompilationLogLevel::Basic;
        match folder() {
            Some(folder) => config.environment.path = CacheConfig::Directory(folder),
            None => config.autotune.disable_cache = true,
        }
        CubeClRuntimeConfig::try_set(config.override_from_env());
    });
}
