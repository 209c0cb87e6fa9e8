//! The instruction set: found once at run time, and the means to compile one loop for each.
//!
//! A [`Kernel`] is a loop over plain scalar code. [`dispatch`] instantiates it inside a function that has the
//! instruction set's features enabled, where LLVM vectorises it with the widest registers there are. This holds as
//! long as everything in the kernel is inlined: hence `#[inline(always)]` on all that a kernel calls.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Level {
    /// What the target guarantees: SSE2 on x86-64, NEON on aarch64.
    Baseline = 1,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2 = 2,
    /// AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512 = 3,
}

/// The arithmetic in which instruction sets differ.
pub(super) trait Arith: Copy {
    /// `a * b + c`, with one rounding where the hardware can.
    fn mul_add(a: f32, b: f32, c: f32) -> f32;
    /// `a * b + c` in double precision, with one rounding where the hardware can.
    fn mul_add64(a: f64, b: f64, c: f64) -> f64;
}

/// A fused multiply-add in hardware.
#[derive(Clone, Copy)]
pub(super) struct Fused;

impl Arith for Fused {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn mul_add64(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }
}

/// A multiplication and an addition. Without FMA in hardware `f32::mul_add` would be a call of the C library.
#[derive(Clone, Copy)]
#[cfg_attr(target_arch = "aarch64", allow(dead_code))]
pub(super) struct Separate;

impl Arith for Separate {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
    #[inline(always)]
    fn mul_add64(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
}

/// The arithmetic that the target guarantees.
#[cfg(target_arch = "aarch64")]
pub(super) type Baseline = Fused;
#[cfg(not(target_arch = "aarch64"))]
pub(super) type Baseline = Separate;

/// A loop to be compiled for every instruction set. `run` must be `#[inline(always)]`.
pub(super) trait Kernel {
    type Out;
    fn run<A: Arith>(self) -> Self::Out;
}

/// Runs the kernel as compiled for the best instruction set of this machine.
#[inline]
pub(super) fn dispatch<K: Kernel>(kernel: K) -> K::Out {
    match level() {
        // SAFETY: `level` gives this only where the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { run_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { run_avx2(kernel) },
        Level::Baseline => run_baseline(kernel),
    }
}

/// # Safety
/// The processor has all the features named here.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Out {
    kernel.run::<Fused>()
}

/// # Safety
/// The processor has all the features named here.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Out {
    kernel.run::<Fused>()
}

fn run_baseline<K: Kernel>(kernel: K) -> K::Out {
    kernel.run::<Baseline>()
}

/// The level in use; zero until it has been looked for.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The level in use.
#[inline]
pub(super) fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = testing::forced() {
        return level;
    }
    match LEVEL.load(Ordering::Relaxed) {
        1 => Level::Baseline,
        #[cfg(target_arch = "x86_64")]
        2 => Level::Avx2,
        #[cfg(target_arch = "x86_64")]
        3 => Level::Avx512,
        _ => {
            let found = detect();
            LEVEL.store(found as u8, Ordering::Relaxed);
            found
        }
    }
}

/// Whether a lower level than this machine's is in use: then the gemm crate, which chooses by itself, is not asked.
pub(super) fn is_lowered() -> bool {
    static LOWERED: OnceLock<bool> = OnceLock::new();
    *LOWERED.get_or_init(|| detect() != of_machine())
}

/// The machine's level, or a lower one that the environment variable `SADDLE_SIMD` asks for: `avx2` or `baseline`.
#[cold]
fn detect() -> Level {
    let found = of_machine();
    match std::env::var("SADDLE_SIMD").as_deref() {
        Ok("baseline") => Level::Baseline,
        #[cfg(target_arch = "x86_64")]
        Ok("avx2") if found == Level::Avx512 => Level::Avx2,
        _ => found,
    }
}

fn of_machine() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        let common = has!("avx2") && has!("fma") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt");
        let wide = has!("avx512f") && has!("avx512bw") && has!("avx512cd") && has!("avx512dq") && has!("avx512vl");
        if common && wide {
            return Level::Avx512;
        }
        if common {
            return Level::Avx2;
        }
    }
    Level::Baseline
}

/// The instruction set that the kernels run on: `"avx512"`, `"avx2"`, `"sse2"`, `"neon"` or `"scalar"`.
pub fn simd_level() -> &'static str {
    match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => "avx512",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => "avx2",
        Level::Baseline if cfg!(target_arch = "x86_64") => "sse2",
        Level::Baseline if cfg!(target_arch = "aarch64") => "neon",
        Level::Baseline => "scalar",
    }
}

/// For tests: every level that this machine has, and a way to run at each.
#[cfg(test)]
pub(super) mod testing {
    use super::{Level, detect};
    use std::cell::Cell;

    thread_local!(static FORCED: Cell<Option<Level>> = const { Cell::new(None) });

    pub(super) fn forced() -> Option<Level> {
        FORCED.get()
    }

    /// Runs `body` once at each level that this machine has. Only this thread is affected: keep the work small
    /// enough not to be shared with other threads.
    pub fn at_each_level(mut body: impl FnMut(Level)) {
        #[cfg(target_arch = "x86_64")]
        let all = [Level::Baseline, Level::Avx2, Level::Avx512];
        #[cfg(not(target_arch = "x86_64"))]
        let all = [Level::Baseline];
        for level in all.into_iter().filter(|&level| level as u8 <= detect() as u8) {
            FORCED.set(Some(level));
            body(level);
            FORCED.set(None);
        }
    }
}
