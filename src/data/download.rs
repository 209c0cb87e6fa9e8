//! Downloads: from the first mirror that answers, to a temporary file, checked, then put in place in one step.

use super::files::{Step, Watch, describe};
use flate2::read::GzDecoder;
use md5::{Digest, Md5};
use saddle_fault::{Fault, Result};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// A file that can be had from the net.
pub struct Remote<'a> {
    /// The name under which mirrors have it, and under which it is kept.
    pub name: &'a str,
    /// Addresses to which the name is appended.
    pub mirrors: &'a [&'a str],
    pub md5: Checksum<'a>,
}

/// The MD5 of a file, in hexadecimal.
#[derive(Clone, Copy)]
pub enum Checksum<'a> {
    /// Of what gzip has compressed: mirrors compress differently.
    Inside(&'a str),
    /// Of the file as it is.
    Outside(&'a str),
}

/// No data set of ours is larger: a server that sends more sends something else.
const MAX_DOWNLOAD_BYTES: u64 = 400 << 20;
const PIECE: usize = 64 << 10;
const CONNECT: Duration = Duration::from_secs(10);
/// A server that is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// A part that nobody has written to for so long is what a killed process left.
const STALE: Duration = Duration::from_secs(600);
/// How often to look whether to stop while the net is awaited.
const POLL: Duration = Duration::from_millis(50);

/// Downloads a file into `folder`, which is made where it is missing.
///
/// # Errors
/// The folder cannot be written; no mirror gives the file with the right checksum (each is told with its reason).
pub fn download(remote: &Remote, folder: &Path, watch: &mut Watch) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|e| describe(folder, "make", &e))?;
    clear_stale(remote, folder);
    let target = folder.join(remote.name);
    let mut reasons = Vec::new();
    for mirror in remote.mirrors {
        let unique = uuid::Uuid::new_v4();
        let part = Part(folder.join(format!("{}{unique}{PART}", part_of(remote))));
        match from_mirror(remote, mirror, &part.0, watch)? {
            Ok(()) => {
                fs::rename(&part.0, &target).map_err(|e| describe(&target, "write", &e))?;
                // The name is safe only when the folder is; where that cannot be asked for, the file is whole anyway.
                let _ = File::open(folder).and_then(|f| f.sync_all());
                return Ok(target);
            }
            Err(reason) => reasons.push(format!("{mirror}: {reason}")),
        }
    }
    Err(Fault::file(format!("{} could not be downloaded ({})", remote.name, reasons.join("; "))))
}

/// How the name of a temporary file begins, which is to become that file.
fn part_of(remote: &Remote) -> String {
    format!(".{}.", remote.name)
}

/// How it ends.
const PART: &str = ".part";

/// Removes the temporary files of downloads whose process was killed. What cannot be removed is in nobody's way.
fn clear_stale(remote: &Remote, folder: &Path) {
    let begins = part_of(remote);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let written = entry.metadata().and_then(|about| about.modified());
        let age = written.map(|time| time.elapsed().unwrap_or_default());
        if name.starts_with(&begins) && name.ends_with(PART) && age.is_ok_and(|age| age > STALE) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A temporary file, removed when it has not been put in place.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The outer error ends everything (interrupted, no space); the inner is why this mirror does not do.
fn from_mirror(remote: &Remote, mirror: &str, part: &Path, watch: &mut Watch) -> Result<Result<(), String>> {
    let file = File::create(part).map_err(|e| describe(part, "write", &e))?;
    let (sender, receiver) = sync_channel(16);
    let address = format!("{mirror}{}", remote.name);
    // The net may be silent for long: it is awaited on a thread of its own, which ends when no one listens any more.
    std::thread::spawn(move || {
        let outcome = fetch(&address, file, &sender);
        let _ = sender.send(News::Over(outcome));
    });
    match listen(remote, &receiver, watch)? {
        Ok(()) => Ok(verify(part, remote.md5)),
        Err(DownloadError::Net(reason)) => Ok(Err(reason)),
        Err(DownloadError::Disk(error)) => Err(describe(part, "write", &error)),
    }
}

enum News {
    Arrived { done: u64, total: Option<u64> },
    Over(Result<(), DownloadError>),
}

enum DownloadError {
    Net(String),
    Disk(io::Error),
}

/// Passes on how far a download has come, until it is over or not wanted any more.
fn listen(remote: &Remote, receiver: &Receiver<News>, watch: &mut Watch) -> Result<Result<(), DownloadError>> {
    loop {
        watch.check()?;
        match receiver.recv_timeout(POLL) {
            Ok(News::Arrived { done, total }) => (watch.step)(&Step { file: remote.name.into(), done, total }),
            Ok(News::Over(outcome)) => return Ok(outcome),
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Err(DownloadError::Net("it broke off".into())));
            }
        }
    }
}

/// Writes what an address gives into a file, and sees that it is on the disk.
fn fetch(address: &str, mut file: File, news: &SyncSender<News>) -> Result<(), DownloadError> {
    let net = |error: ureq::Error| DownloadError::Net(plain(&error.to_string()));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .build()
        .into();
    let response = agent.get(address).call().map_err(net)?;
    let total = response.body().content_length();
    let mut body = response.into_body().into_with_config().limit(MAX_DOWNLOAD_BYTES).reader();
    let mut piece = vec![0; PIECE];
    let mut done = 0;
    loop {
        let n = body.read(&mut piece).map_err(|error| DownloadError::Net(plain(&error.to_string())))?;
        if n == 0 {
            break;
        }
        file.write_all(&piece[..n]).map_err(DownloadError::Disk)?;
        done += n as u64;
        if news.send(News::Arrived { done, total }).is_err() {
            return Ok(());
        }
    }
    file.sync_all().map_err(DownloadError::Disk)
}

/// Whether a file is the one that is meant; else why not.
fn verify(path: &Path, expected: Checksum) -> Result<(), String> {
    let (got, expected) = match expected {
        Checksum::Inside(sum) => (md5_inside(path), sum),
        Checksum::Outside(sum) => (open(path).and_then(md5_of), sum),
    };
    match got {
        Ok(sum) if sum == expected => Ok(()),
        _ if is_page(path) => Err("it gave a web page instead, as a proxy does".into()),
        Ok(sum) => Err(format!("its checksum is {sum} instead of {expected}")),
        Err(error) => Err(format!("it is damaged ({error})")),
    }
}

/// An error of the network in plain words, where there are some.
fn plain(error: &str) -> String {
    let words = [
        (
            "proxy server responded 407",
            "the proxy wants a name and a password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT",
        ),
        ("CONNECT proxy failed", "the proxy refuses the connection"),
        ("failed to lookup address", "the address is not known: there is no network"),
        ("Peer disconnected", "it was cut off"),
    ];
    let known = words.iter().find(|(part, _)| error.contains(part));
    known.map_or_else(|| error.to_string(), |(_, plain)| (*plain).to_string())
}

/// Whether a file begins as web pages do, and no data set does.
fn is_page(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(256).read_to_end(&mut start));
    read.is_ok() && start.trim_ascii_start().starts_with(b"<")
}

fn open(path: &Path) -> io::Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path)?))
}

/// The MD5 of what gzip has compressed in a file; of the file itself where it is not compressed.
pub fn md5_inside(path: &Path) -> io::Result<String> {
    let mut start = [0; 2];
    match open(path)?.read_exact(&mut start) {
        Ok(()) if start == [0x1f, 0x8b] => md5_of(GzDecoder::new(open(path)?).take(4 * MAX_DOWNLOAD_BYTES)),
        _ => md5_of(open(path)?),
    }
}

fn md5_of(mut input: impl Read) -> io::Result<String> {
    let mut hash = Md5::new();
    let mut piece = vec![0; PIECE];
    loop {
        match input.read(&mut piece)? {
            0 => break,
            n => hash.update(&piece[..n]),
        }
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Folder;
    use saddle_fault::Kind;
    use std::net::TcpListener;

    /// MD5 of "abc", from RFC 1321.
    const ABC: &str = "900150983cd24fb0d6963f7d28e17f72";

    /// A server that answers each request with `status` and `body`, and claims `length`; its address.
    fn serve(status: &'static str, body: &'static [u8], length: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(body);
            }
        });
        address
    }

    /// An address at which nobody listens.
    fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    }

    fn get(mirrors: &[&str], folder: &Path) -> Result<PathBuf> {
        let remote = Remote { name: "abc", mirrors, md5: Checksum::Outside(ABC) };
        download(&remote, folder, &mut Watch::none())
    }

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn the_first_mirror_that_has_the_file_gives_it() {
        let folder = Folder::new();
        let (absent, wrong) = (nobody(), serve("200 OK", b"abd", 3));
        let (broken, good) = (serve("200 OK", b"ab", 3), serve("200 OK", b"abc", 3));
        let cache = folder.path().join("new/cache");
        let path = get(&[&absent, &wrong, &broken, &good], &cache).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"abc");
        assert_eq!(entries(&cache), 1);
    }

    #[test]
    fn each_mirror_is_told_with_its_reason_and_nothing_is_left() {
        let folder = Folder::new();
        let mirrors = [nobody(), serve("404 Not Found", b"", 0), serve("200 OK", b"abd", 3), serve("200 OK", b"ab", 3)];
        let mirrors: Vec<&str> = mirrors.iter().map(String::as_str).collect();
        let fault = get(&mirrors, folder.path()).unwrap_err();
        assert_eq!(fault.kind, Kind::File);
        for part in ["refused", "404", "checksum", mirrors[0], mirrors[3]] {
            assert!(fault.message.contains(part), "{fault} lacks {part:?}");
        }
        assert_eq!(entries(folder.path()), 0);
    }

    /// What a proxy answers in place of the file, with a status that says all is well.
    #[test]
    fn a_page_in_place_of_the_file_is_told_and_not_kept() {
        let folder = Folder::new();
        let page = b"\n<!DOCTYPE html><title>Please log in</title>";
        let mirror = serve("200 OK", page, page.len());
        for md5 in [Checksum::Inside(ABC), Checksum::Outside(ABC)] {
            let remote = Remote { name: "train-images-idx3-ubyte.gz", mirrors: &[&mirror], md5 };
            let fault = download(&remote, folder.path(), &mut Watch::none()).unwrap_err();
            assert!(fault.message.contains("web page"), "{fault}");
            assert_eq!(entries(folder.path()), 0);
        }
    }

    /// A connection that ends early is seen by the length, by the end of gzip's stream, or by the checksum.
    #[test]
    fn a_file_cut_off_anywhere_is_not_kept() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(b"abc").unwrap();
        let whole: &'static [u8] = gz.finish().unwrap().leak();
        let folder = Folder::new();
        for end in [0, 1, 2, 10, whole.len() - 9, whole.len() - 1] {
            // With the length of what it sends, and with that of the file.
            for length in [end, whole.len()] {
                let remote = Remote {
                    name: "abc.gz",
                    mirrors: &[&serve("200 OK", &whole[..end], length)],
                    md5: Checksum::Inside(ABC),
                };
                let outcome = download(&remote, folder.path(), &mut Watch::none());
                assert!(outcome.is_err(), "cut at {end} of {length}");
                assert_eq!(entries(folder.path()), 0, "cut at {end} of {length}");
            }
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_another_writes_is_not() {
        let folder = Folder::new();
        let (old, new) = (".abc.1.part", ".abc.2.part");
        let of_another = ".abcd.1.part";
        for name in [old, new, of_another] {
            folder.write(name, b"ab");
        }
        for name in [old, of_another] {
            let file = File::options().write(true).open(folder.path().join(name)).unwrap();
            let long_ago = std::time::SystemTime::now() - 2 * STALE;
            file.set_modified(long_ago).unwrap();
        }
        get(&[&serve("200 OK", b"abc", 3)], folder.path()).unwrap();
        let there = |name| folder.path().join(name).exists();
        assert!(!there(old) && there(new) && there(of_another) && there("abc"));
    }

    #[test]
    fn a_silent_server_can_be_interrupted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let folder = Folder::new();
        let start = std::time::Instant::now();
        let remote = Remote { name: "abc", mirrors: &[&address], md5: Checksum::Outside(ABC) };
        let mut stop = || match start.elapsed() > Duration::from_millis(200) {
            true => Err(Fault::new(Kind::Interrupt, "interrupted")),
            false => Ok(()),
        };
        let mut watch = Watch { stop: &mut stop, step: &mut |_| (), note: &mut |_| () };
        let fault = download(&remote, folder.path(), &mut watch).unwrap_err();
        assert_eq!(fault.kind, Kind::Interrupt);
        assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn checksums_look_inside_gzip() {
        let folder = Folder::new();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(b"abc").unwrap();
        let path = folder.write("abc.gz", &gz.finish().unwrap());
        assert_eq!(md5_inside(&path).unwrap(), ABC);
        assert_eq!(md5_inside(&folder.write("abc", b"abc")).unwrap(), ABC);
    }
}
