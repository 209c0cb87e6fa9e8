//! Numbers and lists as bytes, little endian; how a silent line is noticed.

use rustix::net::sockopt;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The most entries of a list of tensors or numbers: far above what any call has.
const MOST_ENTRIES: u32 = 1 << 20;

/// After this long without a sign of the other machine a connection is lost. Tests wait for it.
#[cfg(any(target_os = "linux", test))]
pub const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 8 });

/// Writes numbers.
pub trait Put: Write {
    fn put_u32(&mut self, x: u32) -> Result<()> {
        self.write_all(&x.to_le_bytes())
    }

    fn put_u64(&mut self, x: u64) -> Result<()> {
        self.write_all(&x.to_le_bytes())
    }

    /// A list's length, and its entries of `N` bytes each.
    fn put_all<T: Copy, const N: usize>(&mut self, all: &[T], bytes: impl Fn(T) -> [u8; N]) -> Result<()> {
        self.put_u32(all.len() as u32)?;
        all.iter().try_for_each(|&x| self.write_all(&bytes(x)))
    }

    /// Bytes, with their number before them.
    fn put_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.put_u64(bytes.len() as u64)?;
        self.write_all(bytes)
    }
}

impl<W: Write> Put for W {}

/// Reads them.
pub trait Take: Read {
    fn take_array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn take_u32(&mut self) -> Result<u32> {
        self.take_array().map(u32::from_le_bytes)
    }

    fn take_u64(&mut self) -> Result<u64> {
        self.take_array().map(u64::from_le_bytes)
    }

    fn take_all<T, const N: usize>(&mut self, of: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let count = self.take_u32()?;
        if count > MOST_ENTRIES {
            return Err(Error::new(ErrorKind::InvalidData, format!("a list of {count} entries")));
        }
        (0..count).map(|_| self.take_array().map(&of)).collect()
    }

    /// Bytes of which there may be `most`. Memory is taken as they come, not as they are announced.
    fn take_bytes(&mut self, most: u64) -> Result<Vec<u8>>
    where
        Self: Sized,
    {
        let count = self.take_u64()?;
        if count > most {
            return Err(Error::new(ErrorKind::InvalidData, format!("{count} bytes at once")));
        }
        let mut bytes = Vec::new();
        if self.by_ref().take(count).read_to_end(&mut bytes)? as u64 == count {
            Ok(bytes)
        } else {
            Err(ErrorKind::UnexpectedEof.into())
        }
    }
}

impl<R: Read> Take for R {}

/// Sends what is written at once, and notices when the other machine has gone without a word (a cable pulled, a machine
/// switched off): its system answers even while its processor is busy.
pub fn prepare(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(3))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(1))?;
    sockopt::set_tcp_keepcnt(stream, 5)?;
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(stream, SILENCE.as_millis() as u32)?;
    Ok(())
}

/// What a failure of a connection means, for a sentence that begins with the device that was lost.
pub fn cause(error: &Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "the other side has closed the connection".into()
        }
        // How long that is differs: for a greeting it is not [`SILENCE`].
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "the other machine has not answered in time".into(),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "the other machine cannot be reached any more".into()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        bytes.put_u32(7).unwrap();
        bytes.put_all(&[-1i64, i64::MAX], i64::to_le_bytes).unwrap();
        bytes.put_all(&[f32::NAN, -0.0], f32::to_le_bytes).unwrap();
        bytes.put_bytes(b"text").unwrap();
        let mut rest = &bytes[..];
        assert_eq!(rest.take_u32().unwrap(), 7);
        assert_eq!(rest.take_all(i64::from_le_bytes).unwrap(), [-1, i64::MAX]);
        let floats = rest.take_all(f32::from_le_bytes).unwrap();
        assert!(floats[0].is_nan() && floats[1].is_sign_negative());
        assert_eq!(rest.take_bytes(4).unwrap(), b"text");
        assert!(rest.is_empty());
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_before_memory_is_taken() {
        let mut list = &u32::MAX.to_le_bytes()[..];
        assert!(list.take_all(u64::from_le_bytes).is_err());
        let mut bytes = &u64::MAX.to_le_bytes()[..];
        assert!(bytes.take_bytes(1 << 30).is_err());
        // Announced, and not there.
        let mut few = &[[9u8, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4]].concat()[..];
        assert_eq!(few.take_bytes(1 << 30).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
