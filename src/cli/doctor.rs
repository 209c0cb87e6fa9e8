//! `saddle doctor`: what is there, what is missing, and how to mend it.

use super::python::Python;
use super::{CommandStatus, folders, print_all, private, session};
use rustix::fs::Access;
use saddle_component::RUST_HOST;
use saddle_fault::Result;
use saddle_serve::kernelspec;
use saddle_tensor::device;
use std::fmt::Write as _;
use std::path::Path;

/// The packages that this was built with and their versions, from the build script.
const BUILT_WITH: &str = env!("SADDLE_BUILT_WITH");

/// The report as it grows.
#[derive(Default)]
struct Report {
    text: String,
    wrong: usize,
}

impl Report {
    fn heading(&mut self, title: &str) {
        let _ = writeln!(self.text, "\n{title}");
    }

    fn fact(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.text, "  ✓ {name:<12} {value}");
    }

    /// Something that is missing and not needed for everything.
    fn note(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.text, "  – {name:<12} {value}");
    }

    /// Something that is wrong, and how to mend it.
    fn wrong(&mut self, name: &str, value: impl std::fmt::Display, remedy: &str) {
        self.wrong += 1;
        let _ = writeln!(self.text, "  ✗ {name:<12} {value}\n    {:<12} → {remedy}", "");
    }
}

pub fn doctor() -> Result<CommandStatus> {
    let mut report = Report::default();
    let _ = writeln!(report.text, "saddle {}", env!("CARGO_PKG_VERSION"));
    versions(&mut report);
    machine(&mut report);
    jupyter(&mut report);
    places(&mut report);
    let _ = match report.wrong {
        0 => writeln!(report.text, "\nNothing is wrong."),
        1 => writeln!(report.text, "\n1 thing is wrong."),
        n => writeln!(report.text, "\n{n} things are wrong."),
    };
    print_all(&report.text);
    Ok(if report.wrong == 0 { CommandStatus::Done } else { CommandStatus::Failed })
}

fn versions(report: &mut Report) {
    report.heading("Built with");
    for (package, version) in BUILT_WITH.split(',').filter_map(|one| one.split_once(' ')) {
        report.fact(package, version);
    }
}

/// What `%%rust` cells are compiled with.
fn rust_cells(report: &mut Report) {
    match saddle_rust::Toolchain::find() {
        Ok(tools) if tools.has_source => report.fact("%%rust", tools.version),
        Ok(tools) => report.fact(
            "%%rust",
            format!(
                "{}; without the source of the standard library, whose types are then written out \
                 (`rustup component add rust-src`)",
                tools.version
            ),
        ),
        Err(fault) => {
            let hint = fault.hint.unwrap_or_default();
            report.note("%%rust", format!("{}: {hint}", fault.message));
        }
    }
    match saddle_rust::host() {
        Some(program) => report.fact("%%rust host", program.display()),
        None => report.note(
            "%%rust host",
            format!(
                "not built yet; the first such cell does that in {}, `{}` beforehand",
                RUST_HOST.minutes,
                RUST_HOST.command()
            ),
        ),
    }
}

fn machine(report: &mut Report) {
    report.heading("Machine");
    match std::thread::available_parallelism() {
        Ok(cores) => report.fact("cores", cores),
        Err(error) => report.note("cores", error),
    }
    threads(report);
    report.fact("SIMD", simd());
    rust_cells(report);
    if let Err(fault) = session::open() {
        report.wrong("session", fault.message, "end other processes: the system gives no more threads");
    }
    devices(report);
}

/// How many threads compute, and what the environment says of it.
fn threads(report: &mut Report) {
    let count = saddle_cpu::threads();
    match std::env::var_os("SADDLE_THREADS") {
        None => report.fact("threads", format!("{count}, one for each physical core")),
        Some(asked) => match asked.to_str().and_then(|text| text.trim().parse::<usize>().ok()) {
            Some(asked) if asked > 0 => report.fact("threads", format!("{count} (SADDLE_THREADS)")),
            _ => report.wrong(
                "threads",
                format!("SADDLE_THREADS is \"{}\", which is no number of threads; {count} compute", asked.display()),
                "set it to a whole number from 1, or not at all",
            ),
        },
    }
    if let Some(other) = std::env::var_os("RAYON_NUM_THREADS") {
        report.note(
            "threads",
            format!("RAYON_NUM_THREADS is {}, which has no effect here: SADDLE_THREADS has", other.display()),
        );
    }
}

fn devices(report: &mut Report) {
    if let Some(name) = std::env::var_os("SADDLE_DEVICE") {
        match device::trouble() {
            None => report.fact("SADDLE_DEVICE", format!("{}: the first tensors live there", device::current())),
            Some(fault) => report.wrong(
                "SADDLE_DEVICE",
                format!(
                    "\"{}\": {}; tensors live on the cpu",
                    name.display(),
                    fault.message.trim_start_matches("SADDLE_DEVICE: ")
                ),
                fault.hint.as_deref().unwrap_or("unset it"),
            ),
        }
    }
    let all = device::list();
    for device in &all {
        report.fact(&device.name, &device.detail);
    }
    if !all.iter().any(|device| device.name == "wgpu") {
        let fault = device::Device::parse("wgpu").err();
        let hint = fault.and_then(|fault| fault.hint).unwrap_or_default();
        report.note("wgpu", format!("no graphics adapter: {hint}"));
    }
}

/// The widest vector instructions of this processor that the kernels can use.
fn simd() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return "AVX-512";
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return "AVX2 with FMA";
        }
        if is_x86_feature_detected!("avx") {
            return "AVX";
        }
        "SSE2"
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "none known"
    }
}

fn jupyter(report: &mut Report) {
    report.heading("Jupyter");
    let python = Python::find();
    match &python {
        Ok(python) => {
            let place = python.prefix.display();
            report.fact("python", format!("{} in {place}", python.version_text()));
        }
        Err(fault) => report.note("python", format!("{}. {}", fault.message, fault.hint.as_deref().unwrap_or(""))),
    }
    let active = python.ok().filter(|python| python.lab.is_some());
    let private = private::folder().ok().and_then(|folder| private::installed(&folder));
    if active.is_none() && private.is_none() {
        report.note("JupyterLab", "none yet; `saddle lab` installs one, which takes a minute");
    }
    for (name, python) in [("JupyterLab", &active), ("private lab", &private)] {
        if let Some(python) = python {
            let version = python.lab.as_deref().unwrap_or_default();
            report.fact(name, format!("{version} in {}", python.prefix.display()));
        }
    }
    let specs = kernelspec::installed();
    if specs.is_empty() {
        report
            .note("kernelspec", "not installed; `saddle lab` does that, or `saddle install` for a Jupyter of your own");
    }
    for spec in specs {
        let (place, program) = (spec.folder.display(), spec.program.display());
        if spec.program.is_file() {
            report.fact("kernelspec", format!("{place}, starts {program}"));
        } else {
            let remedy = "`saddle install` writes it anew (with the same --name, --user, --sys-prefix or --prefix)";
            report.wrong("kernelspec", format!("{place} starts {program}, which does not exist"), remedy);
        }
    }
}

fn places(report: &mut Report) {
    report.heading("Folders");
    match folders::notebooks() {
        Some(folder) => {
            report.fact("notebooks", folder.display());
            if let Some(own) = folders::own_notebooks().ok().filter(|own| own.is_dir()) {
                report.fact("your copy", own.display());
            }
        }
        None => report.note("notebooks", "not found; `saddle lab` opens the current folder"),
    }
    match folders::data() {
        Ok(folder) => match writable(&folder) {
            Ok(()) => report.fact("data", folder.display()),
            Err(error) => report.wrong(
                "data",
                format!("{} cannot be written: {error}", folder.display()),
                "give yourself the right to write there, or set XDG_DATA_HOME to another folder",
            ),
        },
        Err(fault) => report.wrong("data", fault.message, fault.hint.as_deref().unwrap_or_default()),
    }
}

/// Whether files can be made in a folder, or the folder itself where it is not there yet.
fn writable(folder: &Path) -> std::io::Result<()> {
    let existing = folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(folder);
    Ok(rustix::fs::access(existing, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_build_script_found_the_versions() {
        let built_with: Vec<_> = super::BUILT_WITH.split(',').collect();
        assert_eq!(built_with.len(), 3, "{built_with:?}");
        assert!(built_with.iter().any(|one| one.starts_with("burn-backend 0.22.")), "{built_with:?}");
    }
}
