//! Messages with shared memory between two processes: bytes, and open files beside them, over a Unix socket.
//!
//! A message is its length and the number of its files, both in four bytes, and then its bytes. The other side says
//! nothing more until it is answered, so a message can be read as one.

#[cfg(target_os = "linux")]
use rustix::fs::MemfdFlags;
use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, recvmsg, sendmsg,
};
use saddle_worker::NO_SIGNAL;
use std::fs::File;
use std::io::{self, Error, ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;

/// The longest message, bytes. Tensors do not count: they lie in files.
const MAX_MESSAGE_BYTES: usize = 1 << 28;
/// The most files of one message; Linux allows 253.
const MOST_FILES: usize = 200;
const HEAD: usize = 8;
/// What is read at once. Most messages are shorter.
const CHUNK: usize = 1 << 14;

/// What is sent at once.
#[derive(Default, Debug)]
pub struct Message {
    /// The message itself.
    pub bytes: Vec<u8>,
    /// The shared memory that the bytes speak of, by number.
    pub files: Vec<OwnedFd>,
}

/// One end of a connection.
pub struct Link {
    stream: UnixStream,
    chunk: Vec<u8>,
}

impl Link {
    /// Messages over a connected socket.
    pub fn new(stream: UnixStream) -> Self {
        let chunk = vec![0; CHUNK];
        Self { stream, chunk }
    }

    /// # Errors
    /// The other side is gone; a message that is too long.
    pub fn send(&mut self, message: &Message) -> io::Result<()> {
        let (bytes, files) = (&message.bytes, &message.files);
        if bytes.len() > MAX_MESSAGE_BYTES || files.len() > MOST_FILES {
            let (length, files) = (bytes.len(), files.len());
            let what = format!("a message of {length} bytes and {files} tensors is too long");
            return Err(Error::new(ErrorKind::InvalidInput, what));
        }
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&(files.len() as u32).to_le_bytes());
        let files: Vec<BorrowedFd> = files.iter().map(AsFd::as_fd).collect();
        let sent = send_with_files(&self.stream, &[IoSlice::new(&head), IoSlice::new(bytes)], &files)?;
        // The files have gone with the first byte.
        if sent < HEAD {
            self.stream.write_all(&head[sent..])?;
        }
        self.stream.write_all(&bytes[sent.saturating_sub(HEAD)..])
    }

    /// The next message; `None` where the other side is gone.
    ///
    /// # Errors
    /// What is no message, and the socket's own.
    pub fn receive(&mut self) -> io::Result<Option<Message>> {
        let mut files = Vec::new();
        let mut have = 0;
        while have < HEAD {
            match receive_with_files(&self.stream, &mut self.chunk[have..], &mut files)? {
                0 => return Ok(None),
                n => have += n,
            }
        }
        let number = |at: usize| {
            let mut four = [0; 4];
            four.copy_from_slice(&self.chunk[at..at + 4]);
            u32::from_le_bytes(four) as usize
        };
        let (len, count) = (number(0), number(4));
        if len > MAX_MESSAGE_BYTES || HEAD + len < have || count != files.len() {
            return Err(Error::new(ErrorKind::InvalidData, "no message"));
        }
        let mut bytes = self.chunk[HEAD..have].to_vec();
        let missing = (len - bytes.len()) as u64;
        if missing > 0 && (&self.stream).take(missing).read_to_end(&mut bytes)? < missing as usize {
            return Ok(None);
        }
        Ok(Some(Message { bytes, files }))
    }

    /// The socket, to wait for it.
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

/// The space for the numbers of `MOST_FILES` files.
const CONTROL: usize = rustix::cmsg_space!(ScmRights(MOST_FILES));

/// Sends as much of `parts` as fits at once, with the files; how many bytes.
fn send_with_files(stream: &UnixStream, parts: &[IoSlice], files: &[BorrowedFd]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); CONTROL];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(ErrorKind::InvalidInput.into());
    }
    Ok(retry_on_intr(|| sendmsg(stream, parts, &mut control, NO_SIGNAL))?)
}

/// Files that come are not handed on to programs that this process starts.
#[cfg(target_os = "linux")]
const CLOSED_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSED_ON_EXEC: RecvFlags = RecvFlags::empty();

/// Reads what is there, at most as much as fits into `into`, and takes the files that come with it.
fn receive_with_files(stream: &UnixStream, into: &mut [u8], files: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); CONTROL];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(into)];
    let received = retry_on_intr(|| recvmsg(stream, &mut parts, &mut control, CLOSED_ON_EXEC))?;
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(sent) = part {
            files.extend(sent);
        }
    }
    Ok(received.bytes)
}

/// Memory that goes to the other side and, when that has read it, again with something else in it: fresh pages cost
/// more than what is written to them.
#[derive(Default)]
pub struct Spares {
    files: Vec<File>,
    /// How many of them are on their way.
    used: usize,
}

/// Longer ones are not kept, bytes.
pub const LONGEST_SPARE: usize = 16 << 20;

impl Spares {
    /// None kept.
    pub const fn new() -> Self {
        Self { files: Vec::new(), used: 0 }
    }

    /// Memory that holds these bytes; it may be longer.
    ///
    /// # Errors
    /// The system has no space.
    pub fn hold(&mut self, bytes: &[u8]) -> io::Result<OwnedFd> {
        let len = bytes.len() as u64;
        if bytes.len() > LONGEST_SPARE {
            let file = shared_memory(len)?;
            file.write_all_at(bytes, 0)?;
            return Ok(file.into());
        }
        if self.used == self.files.len() {
            self.files.push(shared_memory(len)?);
        }
        let file = &self.files[self.used];
        if file.metadata()?.len() < len {
            file.set_len(len)?;
        }
        file.write_all_at(bytes, 0)?;
        self.used += 1;
        Ok(file.try_clone()?.into())
    }

    /// The other side has read everything.
    pub fn rewind(&mut self) {
        self.used = 0;
    }
}

/// Memory that can be shared, of `len` bytes: a file without a name, on no disk where the system can do that.
///
/// # Errors
/// The system has no space.
pub fn shared_memory(len: u64) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    let memory = rustix::fs::memfd_create(c"tensor", MemfdFlags::CLOEXEC).ok().map(File::from);
    #[cfg(not(target_os = "linux"))]
    let memory = None;
    let file = match memory {
        Some(file) => file,
        None => unnamed_file()?,
    };
    file.set_len(len)?;
    Ok(file)
}

/// A file in the folder of temporary files that no one else can open.
fn unnamed_file() -> io::Result<File> {
    let name = format!("saddlepoint-tensor-{}", uuid::Uuid::new_v4());
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Link, Link) {
        let (a, b) = UnixStream::pair().unwrap();
        (Link::new(a), Link::new(b))
    }

    #[test]
    fn messages_of_every_length_come_as_they_were_sent() {
        let (mut a, mut b) = pair();
        for len in [0, 1, 7, CHUNK - HEAD - 1, CHUNK - HEAD, CHUNK, 3_000_000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
            let files = (0..len % 3).map(|_| shared_memory(4).unwrap().into());
            let message = Message { bytes: bytes.clone(), files: files.collect() };
            let sent = std::thread::scope(|scope| {
                let sending = scope.spawn(|| a.send(&message));
                let received = b.receive().unwrap().unwrap();
                assert_eq!(received.bytes, bytes);
                assert_eq!(received.files.len(), message.files.len());
                sending.join().unwrap()
            });
            sent.unwrap();
        }
    }

    #[test]
    fn both_sides_see_the_same_memory() {
        let (mut a, mut b) = pair();
        for make in [shared_memory, |_| unnamed_file()] {
            let file = make(4).unwrap();
            file.write_at(&[1, 2, 3, 4], 0).unwrap();
            let files = vec![file.try_clone().unwrap().into()];
            let bytes = vec![9];
            a.send(&Message { bytes, files }).unwrap();
            let message = b.receive().unwrap().unwrap();
            let other = File::from(message.files.into_iter().next().unwrap());
            let mut four = [0; 4];
            other.read_at(&mut four, 0).unwrap();
            assert_eq!(four, [1, 2, 3, 4]);
            other.write_at(&[7], 3).unwrap();
            file.read_at(&mut four, 0).unwrap();
            assert_eq!(four, [1, 2, 3, 7]);
        }
    }

    #[test]
    fn memory_is_used_again_only_when_it_was_read() {
        let mut spares = Spares::default();
        let read = |file: &OwnedFd, len: usize| {
            let mut bytes = vec![0; len];
            let file = File::from(file.try_clone().unwrap());
            file.read_exact_at(&mut bytes, 0).unwrap();
            bytes
        };
        let (a, b) = (spares.hold(&[1, 2, 3]), spares.hold(&[4]));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!((read(&a, 3), read(&b, 1)), (vec![1, 2, 3], vec![4]));
        spares.rewind();
        let c = spares.hold(&[5; 10_000]).unwrap();
        assert_eq!(read(&c, 10_000), [5; 10_000]);
        assert_eq!((read(&a, 3), spares.files.len()), (vec![5, 5, 5], 2));
        let long = vec![6; LONGEST_SPARE + 1];
        assert_eq!(read(&spares.hold(&long).unwrap(), long.len()), long);
        assert_eq!(spares.files.len(), 2, "that one is not kept");
    }

    #[test]
    fn a_side_that_is_gone_is_told_from_an_empty_message() {
        let (mut a, mut b) = pair();
        a.send(&Message::default()).unwrap();
        drop(a);
        assert!(b.receive().unwrap().is_some());
        assert!(b.receive().unwrap().is_none());
        assert!(b.send(&Message::default()).is_err());
    }
}
