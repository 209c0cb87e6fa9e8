//! The history of all sessions, in one file: a line of JSON for each cell, `[session, line, input]`. A line with the
//! number 0 says that a session began.
//!
//! Several kernels share the file. A lock file, held for one append at a time, keeps them apart; a line that a crash
//! has cut off is skipped. The file is readable by its owner only: cells may hold secrets.

use saddle_fault::write_whole;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When the file is larger (bytes), or has more lines, its older half goes.
const MAX_FILE_BYTES: u64 = 4 << 20;
const MAX_RECORDS: usize = 20_000;

/// A longer input (bytes) is not kept beyond its session.
const MAX_INPUT_BYTES: usize = 256 << 10;

/// How often, and after which pause, the lock is asked for. A kernel must not stand still because another holds it.
const LOCK_ATTEMPTS: usize = 40;
const LOCK_RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Session, line and input of a cell.
pub type Record = (i64, usize, String);

/// The file, for one session.
pub struct HistoryFile {
    path: PathBuf,
    /// The number of this session among all.
    pub session: i64,
}

impl HistoryFile {
    /// Begins a session: its handle, and the cells of those before it, oldest first.
    ///
    /// # Errors
    /// The folder cannot be made, the file cannot be read or written, or the lock is held for too long.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let _held = hold(path)?;
        let mut records = read(path)?;
        let size = fs::metadata(path).map_or(0, |file| file.len());
        if size > MAX_FILE_BYTES || records.len() > MAX_RECORDS {
            records = shorten(path, records)?;
        }
        let session = records.iter().map(|record| record.0).max().unwrap_or(0).saturating_add(1);
        write(path, &(session, 0, String::new()))?;
        records.retain(|record| record.1 > 0);
        let path = path.to_path_buf();
        Ok((Self { path, session }, records))
    }

    /// Adds a cell of this session.
    ///
    /// # Errors
    /// As [`HistoryFile::open`].
    pub fn append(&self, line: usize, input: &str) -> io::Result<()> {
        if input.len() > MAX_INPUT_BYTES {
            return Ok(());
        }
        let _held = hold(&self.path)?;
        write(&self.path, &(self.session, line, input.to_string()))?;
        if fs::metadata(&self.path)?.len() > MAX_FILE_BYTES {
            shorten(&self.path, read(&self.path)?)?;
        }
        Ok(())
    }
}

/// The lock; given back when it is dropped. It is a file of its own, since the history is replaced when it is
/// shortened.
fn hold(path: &Path) -> io::Result<File> {
    let lock = private().write(true).open(path.with_extension("lock"))?;
    for _ in 0..LOCK_ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_RETRY_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "another kernel holds the history"))
}

/// Options to open a file that is made, where it is missing, for its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Every line that can be read.
fn read(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let lines = bytes.split(|byte| *byte == b'\n');
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// Adds a line, in one write. A line that a crash has cut off before it stays a line of its own.
fn write(path: &Path, record: &Record) -> io::Result<()> {
    let mut file = private().append(true).open(path)?;
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    if !ends_with_a_line(path)? {
        line.insert(0, b'\n');
    }
    file.write_all(&line)
}

fn ends_with_a_line(path: &Path) -> io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Keeps the newest lines, half of what may be there. The file is whole at every moment: a new one takes its name.
fn shorten(path: &Path, records: Vec<Record>) -> io::Result<Vec<Record>> {
    let mut lines = Vec::new();
    let mut size = 0;
    for record in records.iter().rev().take(MAX_RECORDS / 2) {
        let line = serde_json::to_string(record)? + "\n";
        size += line.len() as u64;
        if size > MAX_FILE_BYTES / 2 {
            break;
        }
        lines.push(line);
    }
    let kept = lines.len();
    lines.reverse();
    // It keeps its permissions: nobody else reads it.
    write_whole(path, lines.concat().as_bytes())?;
    Ok(records[records.len() - kept..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("saddle-history-file-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn file(&self) -> PathBuf {
            self.0.join("below").join("history.jsonl")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn record(session: i64, line: usize, input: &str) -> Record {
        (session, line, input.to_string())
    }

    #[test]
    fn a_session_sees_those_before_it() {
        let folder = Folder::new("sessions");
        let (first, none) = HistoryFile::open(&folder.file()).unwrap();
        assert!(none.is_empty());
        first.append(1, "let a = \"é\n😀\";").unwrap();
        // Two at once have two numbers.
        let (second, _) = HistoryFile::open(&folder.file()).unwrap();
        second.append(1, "b").unwrap();
        first.append(2, "c").unwrap();
        let (third, all) = HistoryFile::open(&folder.file()).unwrap();
        assert_eq!((first.session, second.session, third.session), (1, 2, 3));
        let expected = [record(1, 1, "let a = \"é\n😀\";"), record(2, 1, "b"), record(1, 2, "c")];
        assert_eq!(all, expected);
    }

    #[test]
    fn damaged_lines_are_skipped_and_harm_no_other() {
        let folder = Folder::new("damaged");
        let (history, _) = HistoryFile::open(&folder.file()).unwrap();
        history.append(1, "a").unwrap();
        let mut file = OpenOptions::new().append(true).open(folder.file()).unwrap();
        file.write_all(b"\xff\xfe\n{\"not\": \"ours\"}\n[1, 2, \"cut o").unwrap();
        history.append(3, "b").unwrap();
        let (_, all) = HistoryFile::open(&folder.file()).unwrap();
        assert_eq!(all, [record(1, 1, "a"), record(1, 3, "b")]);
    }

    #[test]
    fn the_file_stays_small_and_keeps_the_newest() {
        let folder = Folder::new("large");
        let (file, _) = HistoryFile::open(&folder.file()).unwrap();
        let long = "x".repeat(200 << 10);
        for line in 1..=60 {
            file.append(line, &format!("{line} {long}")).unwrap();
            assert!(fs::metadata(folder.file()).unwrap().len() <= MAX_FILE_BYTES);
        }
        file.append(61, &"y".repeat(MAX_INPUT_BYTES + 1)).unwrap();
        let (_, all) = HistoryFile::open(&folder.file()).unwrap();
        assert!(all.len() >= 10 && all.last().unwrap().1 == 60);
        assert!(all.windows(2).all(|pair| pair[0].1 + 1 == pair[1].1));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("private");
        HistoryFile::open(&folder.file()).unwrap();
        let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn many_writers_lose_nothing() {
        let folder = Folder::new("many");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let (file, _) = HistoryFile::open(&folder.file()).unwrap();
                    (1..=50).for_each(|line| file.append(line, "x").unwrap());
                });
            }
        });
        let (last, all) = HistoryFile::open(&folder.file()).unwrap();
        assert_eq!((last.session, all.len()), (5, 200));
    }
}
