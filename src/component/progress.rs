//! What cargo says of how far it is.

use std::fmt;

/// How far a build is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Crates that are compiled.
    pub done: usize,
    /// All that are to be compiled; 0 where that is not known yet.
    pub total: usize,
    /// The crate that is being compiled, or what else is done: `downloading serde`.
    pub what: String,
}

impl Progress {
    /// What one line of cargo's says, if it says how far it is.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (word, rest) = line.trim_start().split_once(' ')?;
        match word {
            "Building" => Self::bar(rest),
            // `waiting for file lock on build directory`
            "Blocking" => Some(Self::other("waiting for another build to end")),
            "Updating" => Some(Self::other("asking which crates there are")),
            "Downloading" => Some(Self::other("downloading crates")),
            "Downloaded" => {
                let name = rest.split_whitespace().next()?;
                Some(Self::other(&format!("downloading {name}")))
            }
            _ => None,
        }
    }

    /// `[====>    ] 4/21: proc-macro2(build), serde_c…`
    fn bar(text: &str) -> Option<Self> {
        let (_, counts) = text.split_once(']')?;
        let (counts, names) = counts.split_once(':').unwrap_or((counts, ""));
        let (done, total) = counts.trim().split_once('/')?;
        let name = names.split([',', '(']).next().unwrap_or("");
        Some(Self {
            done: done.parse().ok()?,
            total: total.parse().ok()?,
            what: name.trim().trim_end_matches('…').to_string(),
        })
    }

    fn other(what: &str) -> Self {
        Self { what: what.to_string(), ..Self::default() }
    }
}

/// `112 of 263 crates: ra_ap_hir_ty`
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, total, what } = self;
        match (total, what.as_str()) {
            (0, "") => f.write_str("cargo starts"),
            (0, what) => f.write_str(what),
            (_, "") => write!(f, "{done} of {total} crates"),
            (_, what) => write!(f, "{done} of {total} crates: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as cargo 1.95 writes them.
    #[test]
    fn cargos_lines_are_understood() {
        for (line, text) in [
            (
                "    Building [                            ] 0/21: proc-macro2(build.rs)       ",
                "0 of 21 crates: proc-macro2",
            ),
            (
                "    Building [===>                        ] 3/21: proc-macro2(build), quote(b…",
                "3 of 21 crates: proc-macro2",
            ),
            ("    Building [===========>               ] 110/263: ra_ap_hir_ty", "110 of 263 crates: ra_ap_hir_ty"),
            (
                "    Building [=======================>   ] 262/263: saddle-rust-host(bin)",
                "262 of 263 crates: saddle-rust-host",
            ),
            ("    Blocking waiting for file lock on build directory", "waiting for another build to end"),
            ("  Downloaded serde v1.0.229", "downloading serde"),
            (" Downloading crates ...", "downloading crates"),
        ] {
            let progress = Progress::read(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(progress.to_string(), text, "{line}");
        }
        for line in [
            "   Compiling syn v3.0.10",
            "    Finished `release` profile [optimized] target(s) in 14.97s",
            "error: could not compile `x` (lib) due to 1 previous error",
            "    Building",
            "",
        ] {
            assert_eq!(Progress::read(line), None, "{line}");
        }
        assert_eq!(Progress::default().to_string(), "cargo starts");
    }
}
