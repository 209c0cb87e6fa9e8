//! Telling Jupyter where the kernel is: writing, finding and removing kernelspecs in the places that
//! `jupyter kernelspec` uses.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use saddle_fault::{Fault, Kind, Result, write_whole};

/// The name under which Jupyter knows the kernel, where the user gives no other.
pub const NAME: &str = "saddle";
/// What a launcher shows, where the user gives no other.
pub const DISPLAY_NAME: &str = "Saddlepoint";

/// The key of `metadata` by which we know our own kernelspecs again, under whatever name they stand.
const MARK: &str = "saddlepoint";

// Links into kernel/: a published crate holds no files from above its folder.
const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-svg.svg", include_bytes!("logo-svg.svg")),
    ("logo-32x32.png", include_bytes!("logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("logo-64x64.png")),
];

/// Where to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallLocation {
    /// For this user, in every environment (`--user`).
    User,
    /// In the active Python environment (`--sys-prefix`).
    SysPrefix,
    /// Below `P/share/jupyter` (`--prefix P`).
    Prefix(PathBuf),
}

/// What to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Letters, digits, `.`, `-` and `_`; Jupyter wants it in lower case.
    pub name: String,
    /// The name on the page.
    pub display_name: String,
    /// The environment variables that Jupyter sets for the kernel.
    pub env: Vec<(String, String)>,
    /// The program that Jupyter starts.
    pub program: PathBuf,
}

impl Spec {
    /// The kernelspec of this program under its usual names.
    ///
    /// # Errors
    /// `FileError` where the system does not tell where the program is.
    pub fn new() -> Result<Self> {
        let program = std::env::current_exe()
            .map_err(|error| Fault::file(format!("cannot tell where this program is: {error}")))?;
        let (name, display_name) = (NAME.to_string(), DISPLAY_NAME.to_string());
        Ok(Self { name, display_name, env: Vec::new(), program })
    }

    /// Whether a kernelspec that says the same is in a place already.
    pub fn is_installed(&self, place: &InstallLocation) -> bool {
        let data = Jupyter::here().data(place);
        data.is_ok_and(|data| self.is_installed_below(&data))
    }

    fn is_installed_below(&self, data: &Path) -> bool {
        let folder = data.join("kernels").join(&self.name);
        let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        };
        Installed::read(&folder).is_some_and(|found| {
            found.version == env!("CARGO_PKG_VERSION")
                && found.display_name == self.display_name
                && same(&found.program, &self.program)
        })
    }

    /// Writes the kernelspec; returns its folder. One of the same name is replaced.
    ///
    /// # Errors
    /// `ValueError` for a name that Jupyter does not take, `FileError` where the folder cannot be found or written.
    pub fn install(&self, place: &InstallLocation) -> Result<PathBuf> {
        self.install_below(&Jupyter::here().data(place)?)
    }

    fn install_below(&self, data: &Path) -> Result<PathBuf> {
        let folder = data.join("kernels").join(checked(&self.name)?);
        let program = self
            .program
            .to_str()
            .ok_or_else(|| Fault::file(format!("the program's path is not Unicode: {}", self.program.display())))?;
        let env: Map<String, Value> =
            self.env.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        let spec = json!({
            "argv": [program, "kernel", "-f", "{connection_file}"],
            "display_name": self.display_name,
            "language": "rhai",
            "interrupt_mode": "message",
            "env": env,
            "metadata": { "debugger": false, MARK: env!("CARGO_PKG_VERSION") },
        });
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        for (name, bytes) in LOGOS {
            write(&folder.join(name), bytes)?;
        }
        // Last, for it is what makes the folder a kernelspec; whole, so that Jupyter never reads half of it.
        let path = folder.join("kernel.json");
        write_whole(&path, format!("{spec:#}\n").as_bytes()).map_err(|error| unwritable(&path, &error))?;
        Ok(folder)
    }
}

/// Removes the kernelspec `name` from a place; returns the folder it was in.
///
/// # Errors
/// `FileError` where there is none of that name, or the one there is not ours.
pub fn uninstall(name: &str, place: &InstallLocation) -> Result<PathBuf> {
    uninstall_below(name, &Jupyter::here().data(place)?)
}

fn uninstall_below(name: &str, data: &Path) -> Result<PathBuf> {
    let folder = data.join("kernels").join(checked(name)?);
    let shown = folder.display();
    if !folder.join("kernel.json").is_file() {
        return Err(Fault::file(format!("no kernelspec at {shown}"))
            .hint("`saddle doctor` lists where the kernel is installed"));
    }
    if Installed::read(&folder).is_none() {
        return Err(Fault::file(format!("the kernelspec at {shown} was not written by saddle"))
            .hint(format!("`jupyter kernelspec remove {name}` removes it")));
    }
    std::fs::remove_dir_all(&folder).map_err(|error| Fault::file(format!("cannot remove {shown}: {error}")))?;
    Ok(folder)
}

/// A kernelspec of ours that Jupyter can find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The name by which Jupyter's tools know it.
    pub name: String,
    /// The name on the page.
    pub display_name: String,
    /// Where its kernelspec lies.
    pub folder: PathBuf,
    /// The program that Jupyter will start; it may have been moved or removed since.
    pub program: PathBuf,
    /// The version of the program that wrote the kernelspec.
    pub version: String,
}

impl Installed {
    /// Reads a kernelspec; `None` where it is damaged or not ours.
    fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join("kernel.json")).ok()?;
        let spec: Value = serde_json::from_str(&text).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_string);
        Some(Self {
            name: folder.file_name()?.to_str()?.to_string(),
            display_name: text(&spec["display_name"]).unwrap_or_default(),
            folder: folder.to_path_buf(),
            // In a package the program is named by where it is from here.
            program: text(&spec["argv"][0])?.replace("{resource_dir}", folder.to_str()?).into(),
            version: text(&spec["metadata"][MARK])?,
        })
    }
}

/// Whether a folder whose `kernel.json` holds these bytes is a kernelspec of ours.
#[cfg(test)]
pub(crate) fn reads(bytes: &[u8], folder: &Path) -> bool {
    std::fs::write(folder.join("kernel.json"), bytes).is_ok_and(|()| Installed::read(folder).is_some())
}

/// Our kernelspecs on Jupyter's search path, in the order in which Jupyter prefers them.
pub fn installed() -> Vec<Installed> {
    installed_in(&Jupyter::here().search_path())
}

fn installed_in(search_path: &[PathBuf]) -> Vec<Installed> {
    let mut found = Vec::new();
    for data in search_path {
        let folders = std::fs::read_dir(data.join("kernels")).into_iter().flatten().flatten();
        let mut here: Vec<Installed> = folders.filter_map(|entry| Installed::read(&entry.path())).collect();
        here.sort_by(|a, b| a.name.cmp(&b.name));
        found.extend(here);
    }
    found
}

/// Jupyter's folders, by the rules of `jupyter_core.paths`.
struct Jupyter<F: Fn(&str) -> Option<OsString>> {
    /// Looks up an environment variable; one that is empty counts as missing.
    env: F,
}

impl Jupyter<fn(&str) -> Option<OsString>> {
    fn here() -> Self {
        Self { env: |key| std::env::var_os(key) }
    }
}

impl<F: Fn(&str) -> Option<OsString>> Jupyter<F> {
    /// The data folder of a place.
    fn data(&self, place: &InstallLocation) -> Result<PathBuf> {
        match place {
            InstallLocation::User => self.user().ok_or_else(|| {
                Fault::file("cannot tell where your home folder is").hint("set JUPYTER_DATA_DIR, or use --prefix")
            }),
            InstallLocation::SysPrefix => self.sys_prefix().map(|prefix| share(&prefix)).ok_or_else(|| {
                Fault::file("no Python environment is active, and no python3 was found")
                    .hint("activate the environment that Jupyter runs in, or name its folder with --prefix")
            }),
            InstallLocation::Prefix(prefix) => std::path::absolute(prefix)
                .map(|prefix| share(&prefix))
                .map_err(|error| Fault::file(format!("--prefix {}: {error}", prefix.display()))),
        }
    }

    /// Every data folder that Jupyter looks into, the preferred ones first.
    fn search_path(&self) -> Vec<PathBuf> {
        let mut path: Vec<PathBuf> =
            self.var("JUPYTER_PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        let (user, environment) = (self.user(), self.sys_prefix().map(|prefix| share(&prefix)));
        if self.environment_first() {
            path.extend(environment.into_iter().chain(user));
        } else {
            path.extend(user.into_iter().chain(environment));
        }
        if cfg!(windows) {
            path.extend(self.path("PROGRAMDATA").map(|data| data.join("jupyter")));
        } else {
            path.extend(["/usr/local/share/jupyter", "/usr/share/jupyter"].map(PathBuf::from));
        }
        let mut seen = std::collections::HashSet::new();
        path.retain(|folder| seen.insert(folder.clone()));
        path
    }

    fn user(&self) -> Option<PathBuf> {
        let home = || self.path("HOME").or_else(std::env::home_dir);
        self.path("JUPYTER_DATA_DIR").or_else(|| {
            if cfg!(target_os = "macos") {
                home().map(|home| home.join("Library").join("Jupyter"))
            } else if cfg!(windows) {
                self.path("APPDATA").map(|data| data.join("jupyter"))
            } else {
                self.path("XDG_DATA_HOME")
                    .or_else(|| home().map(|home| home.join(".local").join("share")))
                    .map(|data| data.join("jupyter"))
            }
        })
    }

    /// The active environment, else that of the Python on the `PATH`.
    fn sys_prefix(&self) -> Option<PathBuf> {
        self.path("VIRTUAL_ENV").or_else(|| self.path("CONDA_PREFIX")).or_else(python_prefix)
    }

    /// Whether Jupyter looks into the environment before it looks into the user's folder: where one is active, and it
    /// is not conda's `base`, unless `JUPYTER_PREFER_ENV_PATH` decides.
    fn environment_first(&self) -> bool {
        match self.var("JUPYTER_PREFER_ENV_PATH") {
            Some(set) => {
                let set = set.to_string_lossy().to_lowercase();
                !["no", "n", "false", "off", "0", "0.0"].contains(&set.as_str())
            }
            None => {
                let conda = self.var("CONDA_PREFIX").is_some()
                    && self.var("CONDA_DEFAULT_ENV").is_some_and(|name| name != "base");
                conda || self.var("VIRTUAL_ENV").is_some()
            }
        }
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.var(key).map(PathBuf::from)
    }

    fn var(&self, key: &str) -> Option<OsString> {
        (self.env)(key).filter(|value| !value.is_empty())
    }
}

fn python_prefix() -> Option<PathBuf> {
    ["python3", "python"].iter().find_map(|python| {
        let run = Command::new(python).args(["-c", "import sys; print(sys.prefix)"]).output().ok()?;
        let prefix = String::from_utf8(run.stdout).ok()?.trim().to_string();
        (run.status.success() && !prefix.is_empty()).then(|| prefix.into())
    })
}

fn share(prefix: &Path) -> PathBuf {
    prefix.join("share").join("jupyter")
}

/// The name in the form that Jupyter takes.
fn checked(name: &str) -> Result<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || !name.chars().all(fits) || name.chars().all(|c| c == '.') {
        let message = format!("{name:?} cannot be the name of a kernel");
        return Err(Fault::new(Kind::Value, message).hint("use letters, digits, `.`, `-` and `_`"));
    }
    Ok(name.to_ascii_lowercase())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::file(format!("cannot write {}: {error}", path.display()))
        .hint("choose another place: --user, --sys-prefix or --prefix FOLDER")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("saddle-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    fn jupyter(vars: &'static [(&'static str, &'static str)]) -> Jupyter<impl Fn(&str) -> Option<OsString>> {
        let env = move |key: &str| vars.iter().find(|(k, _)| *k == key).map(|(_, v)| v.into());
        Jupyter { env }
    }

    #[test]
    fn what_is_installed_is_found_replaced_and_removed() {
        let data = folder("kernelspec");
        let mut spec = Spec::new().unwrap();
        spec.name = "Saddle-Test".into();
        spec.env = vec![("RAYON_NUM_THREADS".into(), "2".into())];
        let at = spec.install_below(&data).unwrap();
        assert_eq!(at, data.join("kernels").join("saddle-test"));
        spec.display_name = "Another".into();
        spec.install_below(&data).unwrap();

        let text = std::fs::read_to_string(at.join("kernel.json")).unwrap();
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written["argv"], json!([spec.program, "kernel", "-f", "{connection_file}"]));
        assert_eq!(written["env"], json!({ "RAYON_NUM_THREADS": "2" }));
        assert_eq!(written["interrupt_mode"], "message");
        assert!(!at.join("kernel.json.new").exists());

        let found = installed_in(&[data.join("nothing"), data.clone()]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].display_name.as_str()), ("saddle-test", "Another"));
        assert_eq!(found[0].program, spec.program);

        assert_eq!(uninstall_below("saddle-test", &data).unwrap(), at);
        assert!(!at.exists());
        assert_eq!(uninstall_below("saddle-test", &data).unwrap_err().kind, Kind::File);
        std::fs::remove_dir_all(&data).unwrap();
    }

    /// A package names the program by where it is from the kernelspec.
    #[test]
    fn a_kernelspec_that_names_its_program_from_where_it_is_counts_as_installed() {
        let root = folder("package");
        let data = root.join("share");
        let bin = root.join("bin");
        let mut spec = Spec::new().unwrap();
        spec.program = bin.join("saddle");
        let at = spec.install_below(&data).unwrap();
        let kernel = at.join("kernel.json");
        let text = std::fs::read_to_string(&kernel).unwrap();
        let mut written: Value = serde_json::from_str(&text).unwrap();
        written["argv"][0] = "{resource_dir}/../../../bin/saddle".into();
        std::fs::write(&kernel, written.to_string()).unwrap();

        assert!(!spec.is_installed_below(&data), "there is no such program");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("saddle"), "").unwrap();
        assert!(spec.is_installed_below(&data));
        assert!(installed_in(std::slice::from_ref(&data))[0].program.is_file());
        spec.display_name = "Another".into();
        assert!(!spec.is_installed_below(&data));
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn kernelspecs_of_others_are_left_alone() {
        let data = folder("foreign");
        let at = data.join("kernels").join("python3");
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("kernel.json"), r#"{"argv": ["python"]}"#).unwrap();
        assert!(installed_in(std::slice::from_ref(&data)).is_empty());
        assert!(uninstall_below("python3", &data).unwrap_err().message.contains("not written by saddle"));
        assert!(at.join("kernel.json").exists());
        for name in ["", "..", "a/b", "a b", "é"] {
            assert_eq!(uninstall_below(name, &data).unwrap_err().kind, Kind::Value, "{name}");
        }
        std::fs::remove_dir_all(&data).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn folders_are_those_of_jupyter_core() {
        // As `jupyter --paths` shows them.
        let plain = jupyter(&[("HOME", "/home/ada"), ("VIRTUAL_ENV", "/venv")]);
        let paths =
            ["/venv/share/jupyter", "/home/ada/.local/share/jupyter", "/usr/local/share/jupyter", "/usr/share/jupyter"];
        assert_eq!(plain.search_path(), paths.map(PathBuf::from));
        let set = jupyter(&[
            ("HOME", "/home/ada"),
            ("XDG_DATA_HOME", "/xdg"),
            ("JUPYTER_PATH", "/one:/two"),
            ("CONDA_PREFIX", "/conda"),
        ]);
        assert_eq!(set.search_path()[..4], ["/one", "/two", "/xdg/jupyter", "/conda/share/jupyter"].map(PathBuf::from));
        let named = jupyter(&[("JUPYTER_DATA_DIR", "/data")]);
        assert_eq!(named.data(&InstallLocation::User).unwrap(), PathBuf::from("/data"));
        let prefix = InstallLocation::Prefix("/p".into());
        assert_eq!(named.data(&prefix).unwrap(), PathBuf::from("/p/share/jupyter"));
    }
}
