//! The first bytes of both sides. The server begins: who it is, and a random number. The client answers with its own
//! random number and a proof that it has the token, HMAC-SHA-256 of both numbers with the token as key; the server says
//! whether it lets it in, and proves the same, so that nobody else can play the server either. Builds whose sources
//! differ do not understand each other and say so.

use crate::wire::{Put as _, Take as _};
use hmac::{Hmac, KeyInit, Mac};
use saddle_fault::{Fault, Kind, Result};
use sha2::Sha256;
use std::io::{self, Read, Write};

/// What every conversation begins with.
const MAGIC: [u8; 8] = *b"SADDLEDV";
/// Who knows what was said can try tokens at leisure: a short one would be found.
pub const FEWEST_LETTERS: usize = 16;
/// The most bytes of a text in a greeting.
const MOST_TEXT: u64 = 1 << 10;

type Random = [u8; 32];
type Proof = [u8; 32];

/// What the messages after the greeting are made of: a hash (FNV-1a) of the files that write and read them, so that no
/// one has to remember to raise a number.
const PROTOCOL: u64 = {
    let files: [&[u8]; 4] = [
        include_bytes!("wire.rs"),
        include_bytes!("greeting.rs"),
        include_bytes!("client.rs"),
        include_bytes!("server.rs"),
    ];
    let (mut hash, mut file) = (0xcbf2_9ce4_8422_2325u64, 0);
    while file < files.len() {
        let mut at = 0;
        while at < files[file].len() {
            hash = (hash ^ files[file][at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        file += 1;
    }
    hash
};

/// This build, as it is compared with the other side's.
fn build() -> String {
    format!("{}.{PROTOCOL:016x}", saddle_component::identity())
}

/// A token that nobody guesses.
pub fn fresh_token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn random() -> Random {
    let mut bytes = [0; 32];
    for half in bytes.chunks_exact_mut(16) {
        half.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    }
    bytes
}

fn mac(token: &str, side: &str, server: &Random, client: &Random) -> Hmac<Sha256> {
    // It takes keys of any length.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(token.as_bytes()).unwrap_or_else(|_| unreachable!());
    for part in [side.as_bytes(), server, client] {
        mac.update(part);
    }
    mac
}

fn proof(token: &str, side: &str, server: &Random, client: &Random) -> Proof {
    mac(token, side, server, client).finalize().into_bytes().into()
}

/// Takes as long for every wrong one.
fn holds(proof: &Proof, token: &str, side: &str, server: &Random, client: &Random) -> bool {
    mac(token, side, server, client).verify_slice(proof).is_ok()
}

/// What the server says of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Welcome,
    WrongToken,
    Full,
}

/// The server's side: whether the client may go on. `device` is the one that it is given if it names none; `is_full` is
/// asked only once the client has shown that it knows the token.
///
/// # Errors
/// The connection; a client that speaks otherwise.
pub fn receive(
    stream: &mut (impl Read + Write),
    token: &str,
    device: &str,
    is_full: impl FnOnce() -> bool,
) -> io::Result<Verdict> {
    let server = random();
    let mut hello = Vec::new();
    hello.write_all(&MAGIC)?;
    hello.put_bytes(build().as_bytes())?;
    hello.write_all(&server)?;
    stream.write_all(&hello)?;
    stream.flush()?;
    if stream.take_array()? != MAGIC {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not speak as saddle does"));
    }
    let client: Random = stream.take_array()?;
    let shown: Proof = stream.take_array()?;
    let verdict = if !holds(&shown, token, "client", &server, &client) {
        Verdict::WrongToken
    } else if is_full() {
        Verdict::Full
    } else {
        Verdict::Welcome
    };
    let mut answer = vec![verdict as u8];
    if verdict == Verdict::Welcome {
        answer.write_all(&proof(token, "server", &server, &client))?;
        answer.put_bytes(device.as_bytes())?;
    }
    stream.write_all(&answer)?;
    stream.flush()?;
    Ok(verdict)
}

/// The client's side: the name of the device that the server gives if none is named.
///
/// # Errors
/// What answers is no server of this build, or does not know the token; the server does not know ours, or has too many
/// clients.
pub fn enter(stream: &mut (impl Read + Write), address: &str, token: &str) -> Result<String> {
    let broken = |e: io::Error| {
        let why = crate::wire::cause(&e);
        Fault::new(Kind::Device, format!("device: what answers at {address} is no `saddle serve-device`: {why}"))
            .hint(format!("`saddle serve-device --listen {address}` starts one there"))
    };
    if stream.take_array().map_err(broken)? != MAGIC {
        return Err(broken(io::Error::new(io::ErrorKind::InvalidData, "it speaks another protocol")));
    }
    let theirs = stream.take_bytes(MOST_TEXT).map_err(broken)?;
    let (theirs, ours) = (String::from_utf8_lossy(&theirs), build());
    if theirs != ours {
        return Err(Fault::new(
            Kind::Device,
            format!("device: the server at {address} is another build of saddle, {theirs}; this one is {ours}"),
        )
        .hint("install the same package on both machines, or build both from the same sources"));
    }
    let server: Random = stream.take_array().map_err(broken)?;
    let client = random();
    let sent = [&MAGIC[..], &client, &proof(token, "client", &server, &client)].concat();
    stream.write_all(&sent).and_then(|()| stream.flush()).map_err(broken)?;
    let [verdict] = stream.take_array().map_err(broken)?;
    if verdict == Verdict::Full as u8 {
        return Err(Fault::new(
            Kind::Device,
            format!("device: the server at {address} has as many clients as it takes"),
        )
        .hint("restart the kernels of notebooks that do not need it any more"));
    }
    if verdict != Verdict::Welcome as u8 {
        return Err(wrong_token(address));
    }
    let shown: Proof = stream.take_array().map_err(broken)?;
    if !holds(&shown, token, "server", &server, &client) {
        return Err(Fault::new(
            Kind::Device,
            format!("device: what answers at {address} does not know the token itself"),
        )
        .hint("someone else may listen there; nothing was sent to it"));
    }
    let device = stream.take_bytes(MOST_TEXT).map_err(broken)?;
    Ok(String::from_utf8_lossy(&device).into_owned())
}

fn wrong_token(address: &str) -> Fault {
    Fault::new(Kind::Device, format!("device: the server at {address} has another token")).hint(
        "`saddle serve-device` prints its token; give it as the environment variable SADDLE_DEVICE_TOKEN or by `#{ token: \"…\" }`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn meet(ours: &str, theirs: &'static str, full: bool) -> (Result<String>, Verdict) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            receive(&mut stream, theirs, "wgpu", || full).unwrap()
        });
        let mut stream = TcpStream::connect(&address).unwrap();
        (enter(&mut stream, &address, ours), server.join().unwrap())
    }

    #[test]
    fn who_has_the_token_comes_in_and_nobody_else() {
        assert_eq!(meet("0123456789abcdef", "0123456789abcdef", false), (Ok("wgpu".into()), Verdict::Welcome));
        let (refused, verdict) = meet("0123456789abcdef", "0123456789abcdeg", false);
        assert!(refused.unwrap_err().message.contains("another token"));
        assert_eq!(verdict, Verdict::WrongToken);
        let (refused, _) = meet("0123456789abcdef", "0123456789abcdef", true);
        assert!(refused.unwrap_err().message.contains("as many clients"));
    }

    /// A server that is played: what it says, and what becomes of it.
    fn played(says: impl FnOnce(TcpStream) + Send + 'static) -> Fault {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || says(listener.accept().unwrap().0));
        let mut stream = TcpStream::connect(&address).unwrap();
        let fault = enter(&mut stream, &address, "0123456789abcdef").unwrap_err();
        server.join().unwrap();
        fault
    }

    #[test]
    fn other_servers_are_told_apart() {
        let web = played(|mut s| s.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
        assert!(web.message.contains("another protocol"), "{web}");
        let silent = played(drop);
        assert!(silent.message.contains("closed the connection"), "{silent}");
        let old = played(|mut s| {
            s.write_all(&MAGIC).unwrap();
            s.put_bytes(b"0.0.1+77").unwrap();
            s.write_all(&[0; 32]).unwrap();
        });
        assert!(old.message.contains("another build of saddle, 0.0.1+77; this one is "), "{old}");
        // It lets everyone in, since it cannot tell.
        let thief = played(|mut s| {
            s.write_all(&MAGIC).unwrap();
            s.put_bytes(build().as_bytes()).unwrap();
            s.write_all(&[0; 32]).unwrap();
            let _: [u8; 72] = s.take_array().unwrap();
            s.write_all(&[&[0u8][..], &[0; 32]].concat()).unwrap();
            s.put_bytes(b"wgpu").unwrap();
        });
        assert!(thief.message.contains("does not know the token"), "{thief}");
    }
}
