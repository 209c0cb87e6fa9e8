//! Files in general: opening them with errors in the user's terms, and watching long reads.

use flate2::bufread::MultiGzDecoder;
use saddle_fault::{Fault, Result};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// How a gzip file begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Enough to see the first lines of a table at once.
const BUFFER: usize = 1 << 16;

/// How far a long load has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The file that is being downloaded.
    pub file: String,
    /// Bytes so far.
    pub done: u64,
    /// The size, where the server tells it.
    pub total: Option<u64>,
}

/// Who waits for a long load: is asked now and then whether to stop, told how far a download has come, and told in a
/// sentence what a reader had to guess or left out.
pub struct Watch<'a> {
    /// Asked again and again; its error ends the work.
    pub stop: &'a mut dyn FnMut() -> Result<()>,
    /// Told how far the work is.
    pub step: &'a mut dyn FnMut(&Step),
    /// Told what the user should know.
    pub note: &'a mut dyn FnMut(&str),
}

impl Watch<'_> {
    /// The error with which to stop, if it is time to stop.
    pub fn check(&mut self) -> Result<()> {
        (self.stop)()
    }

    /// Nobody who waits.
    #[cfg(test)]
    pub fn none() -> Watch<'static> {
        Watch {
            stop: Box::leak(Box::new(|| Ok(()))),
            step: Box::leak(Box::new(|_: &Step| ())),
            note: Box::leak(Box::new(|_: &str| ())),
        }
    }
}

/// A file opened for reading.
///
/// # Errors
/// There is none, it is a folder, it may not be read.
pub fn open(path: &Path) -> Result<File> {
    if path.is_dir() {
        return Err(Fault::file(format!("{} is a folder, not a file", path.display())));
    }
    File::open(path).map_err(|error| describe(path, "open", &error))
}

/// A file opened for reading; what gzip has packed is unpacked, whatever the name says.
///
/// # Errors
/// As for [`open`]; the file cannot be read.
pub fn unpacked(path: &Path) -> Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(BUFFER, open(path)?);
    let start = file.fill_buf().map_err(|e| describe(path, "read", &e))?;
    Ok(match start.starts_with(&GZIP) {
        true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}

/// That a file is of another format than is wanted, and which one it is, as far as its first bytes tell.
pub fn foreign(problem: &str, start: &[u8]) -> Fault {
    let fault = Fault::file(problem);
    let text = String::from_utf8_lossy(&start[..start.len().min(64)])
        .trim_start_matches('\u{feff}')
        .trim_start()
        .to_lowercase();
    if text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml") {
        return fault.hint("it holds a web page, such as a server sends for an error: download the file itself again");
    }
    if text.starts_with("version https://git-lfs") {
        return fault.hint("it holds a pointer of Git LFS instead of the file: `git lfs pull` fetches the file");
    }
    match start {
        [b'P', b'K', 3 | 5, ..] => fault.hint("it is a zip archive: npz(path) reads NumPy's, load(path) PyTorch's; others have to be unpacked, and Excel's tables be saved as CSV"),
        [0x1f, 0x8b, ..] => fault.hint("it is packed with gzip: unpack it first"),
        [0x80, 2..=5, ..] => fault.hint("it is a pickle of Python's, which may hold code: np.save(\"x.npy\", a) writes numbers alone"),
        [0x89, b'H', b'D', b'F', ..] => fault.hint("it is an HDF5 file: np.save(\"x.npy\", f[\"data\"][:]) writes an array that can be read"),
        [b'P', b'A', b'R', b'1', ..] => fault.hint("it is a parquet file: pandas' df.to_csv(\"x.csv\", index=False) writes a table that can be read"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => fault.hint("it is an old file of Excel's: save the table as CSV"),
        _ => fault,
    }
}

/// What went wrong with a file, in plain words.
pub fn describe(path: &Path, doing: &str, error: &io::Error) -> Fault {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound if path.to_string().is_empty() => Fault::file("the path is empty"),
        io::ErrorKind::NotFound if path.to_string().contains("://") => {
            Fault::file(format!("{path} is an address, not a file"))
                .hint("download it first, and give the path of the file")
        }
        io::ErrorKind::NotFound => Fault::file(format!("{path} does not exist")).hint(format!(
            "relative paths start from {}",
            std::env::current_dir().map_or("the folder of the kernel".into(), |p| p.display().to_string())
        )),
        io::ErrorKind::PermissionDenied => Fault::file(format!("{path}: no permission to {doing} it")),
        io::ErrorKind::ReadOnlyFilesystem => {
            Fault::file(format!("{path}: cannot {doing} it: what lies there can only be read"))
        }
        io::ErrorKind::StorageFull => Fault::file(format!("{path}: cannot {doing} it: the disk is full")),
        io::ErrorKind::UnexpectedEof => Fault::file(format!("{path}: the file ends too early")),
        _ => Fault::file(format!("{path}: cannot {doing} it ({error})")),
    }
}

/// A folder that exists while a test runs.
#[cfg(test)]
pub mod testing {
    use std::path::{Path, PathBuf};

    pub struct Folder(PathBuf);

    impl Folder {
        pub fn new() -> Self {
            let name = format!("saddlepoint-{}", uuid::Uuid::new_v4());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub fn path(&self) -> &Path {
            &self.0
        }

        pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
