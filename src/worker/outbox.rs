//! The worker's way out: messages leave at once while the supervisor keeps up. Once it does not, as in a flood of
//! printed lines, they are gathered and written by a thread of their own, many at a time: one at a time, the two
//! processes would wake each other for every few lines.

use rustix::io::Errno;
use rustix::net::SendFlags;
use std::io::{Result, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::process;

/// How much may be gathered, bytes; then the cell waits. A crash in the middle of a flood costs at most twice as much
/// of it.
const MAX_BUFFERED_BYTES: usize = 1 << 16;

pub struct Outbox {
    stream: UnixStream,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Whether the thread is writing what was gathered before.
    busy: bool,
}

impl Outbox {
    /// # Errors
    /// The system gives no thread.
    pub fn open(stream: UnixStream) -> Result<Arc<Self>> {
        let outbox = Arc::new(Self { stream, waiting: Mutex::default(), changed: Condvar::new() });
        let theirs = outbox.clone();
        std::thread::Builder::new().name("outbox".into()).spawn(move || theirs.write_what_waits())?;
        Ok(outbox)
    }

    /// Sends a message, after those before it. Waits only while too much is on its way. Ends the process when the
    /// supervisor is gone.
    pub fn send(&self, message: &[u8]) {
        let mut waiting = self.lock();
        let mut sent = 0;
        if !waiting.busy && waiting.bytes.is_empty() {
            sent = self.send_now(message);
            if sent == message.len() {
                return;
            }
        }
        while waiting.bytes.len() >= MAX_BUFFERED_BYTES {
            waiting = self.wait(waiting);
        }
        waiting.bytes.extend_from_slice(&message[sent..]);
        self.changed.notify_all();
    }

    /// Sends what the socket takes without waiting; how much that was.
    fn send_now(&self, message: &[u8]) -> usize {
        loop {
            match rustix::net::send(&self.stream, message, SendFlags::DONTWAIT | NO_SIGNAL) {
                Ok(sent) => return sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return 0,
                Err(_) => process::leave(),
            }
        }
    }

    /// The thread's life.
    fn write_what_waits(&self) {
        loop {
            let mut waiting = self.lock();
            waiting.busy = false;
            while waiting.bytes.is_empty() {
                waiting = self.wait(waiting);
            }
            let bytes = std::mem::take(&mut waiting.bytes);
            waiting.busy = true;
            self.changed.notify_all();
            drop(waiting);
            if (&self.stream).write_all(&bytes).is_err() {
                process::leave();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'w>(&self, waiting: MutexGuard<'w, Waiting>) -> MutexGuard<'w, Waiting> {
        self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner)
    }
}

/// A peer that is gone is an error, not a signal that ends this process.
#[cfg(target_os = "linux")]
pub const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(not(target_os = "linux"))]
pub const NO_SIGNAL: SendFlags = SendFlags::empty();

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::time::Duration;

    #[test]
    fn a_flood_arrives_whole_and_in_order_however_slowly_it_is_read() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::open(theirs).unwrap();
        let writer = std::thread::spawn(move || {
            (0..200_000_u32).for_each(|i| outbox.send(&i.to_le_bytes()));
        });
        let mut word = [0; 4];
        for i in 0..200_000_u32 {
            if i % 50_000 == 0 {
                std::thread::sleep(Duration::from_millis(20));
            }
            ours.read_exact(&mut word).unwrap();
            assert_eq!(u32::from_le_bytes(word), i);
        }
        writer.join().unwrap();
    }

    #[test]
    fn what_is_sent_while_the_other_side_keeps_up_has_left_at_once() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::open(theirs).unwrap();
        ours.set_nonblocking(true).unwrap();
        for i in 0..100_u8 {
            outbox.send(&[i]);
            let mut byte = [0];
            assert_eq!((&ours).read(&mut byte).unwrap(), 1);
            assert_eq!(byte, [i]);
        }
    }
}
