//! Frames ⇄ messages: headers, HMAC-SHA256 signatures (compared in constant time) and the refusal of replays.
//!
//! On the wire a message is `[identity…] <IDS|MSG> signature header parent_header metadata content [buffer…]`.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::content::Content;
use super::sockets::Channel;

/// The version of the messaging protocol that is spoken.
pub const PROTOCOL: &str = "5.4";

const DELIMITER: &[u8] = b"<IDS|MSG>";

/// How many signatures are remembered against replays; the number that `jupyter_client` remembers.
const REMEMBERED: usize = 1 << 16;

/// What we read of a message's header.
#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    /// The message's own id.
    pub msg_id: String,
    /// What kind of message it is: `execute_request`.
    pub msg_type: String,
    /// The session of its sender.
    #[serde(default)]
    pub session: String,
}

/// A well-formed, signed message from a client.
#[derive(Clone, Debug)]
pub struct Received {
    /// The identities by which the ROUTER finds the client again.
    pub peer: Vec<Vec<u8>>,
    /// What is read of the header.
    pub header: Header,
    /// The header exactly as it came: answers carry it as their parent header.
    pub raw_header: Vec<u8>,
    /// The metadata frame.
    pub metadata: Map<String, Value>,
    /// The content frame.
    pub content: Value,
    /// Binary parts, as they came; the signature does not cover them.
    pub buffers: Vec<Vec<u8>>,
}

/// A message of the kernel.
#[derive(Clone, Debug)]
pub struct Message {
    /// The socket it goes out on.
    pub channel: Channel,
    /// The client's identities; on iopub the one topic.
    pub peer: Vec<Vec<u8>>,
    /// The header of the request that this belongs to, as it came; empty where there is none.
    pub parent: Vec<u8>,
    /// The metadata frame.
    pub metadata: Map<String, Value>,
    /// The content frame to be.
    pub content: Content,
}

/// Why frames were not taken for a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Rejected {
    /// No frame `<IDS|MSG>`.
    NoDelimiter,
    /// Signature, header, parent header, metadata or content is missing.
    TooFewFrames,
    /// The HMAC is not that of the frames under the connection's key.
    BadSignature,
    /// A signature that has come before.
    Replayed,
    /// A frame that is no JSON object: which, and what is said about it.
    BadJson(&'static str, String),
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejected::NoDelimiter => f.write_str("no <IDS|MSG> delimiter"),
            Rejected::TooFewFrames => f.write_str("fewer than five frames after the delimiter"),
            Rejected::BadSignature => f.write_str("the signature does not fit"),
            Rejected::Replayed => f.write_str("the signature was seen before"),
            Rejected::BadJson(frame, error) => write!(f, "{frame}: {error}"),
        }
    }
}

/// Signs and packs what goes out, checks and unpacks what comes in.
pub struct Codec {
    /// `None` where the connection has no key: nothing is signed or checked.
    mac: Option<Hmac<Sha256>>,
    session: String,
    seen: Seen,
}

impl Codec {
    /// A codec for one run of the kernel; an empty key means no signatures.
    pub fn new(key: &str) -> Self {
        // It takes keys of any length. An error must not come to mean that nothing is signed or checked.
        let mac = (!key.is_empty()).then(|| Hmac::new_from_slice(key.as_bytes()).unwrap_or_else(|_| unreachable!()));
        Self { mac, session: uuid::Uuid::new_v4().to_string(), seen: Seen::default() }
    }

    /// The frames of a message.
    pub fn encode(&self, message: &Message) -> Vec<Vec<u8>> {
        #[derive(Serialize)]
        struct Full<'a> {
            msg_id: String,
            session: &'a str,
            username: &'a str,
            date: String,
            msg_type: &'a str,
            version: &'a str,
        }
        let header = Full {
            msg_id: uuid::Uuid::new_v4().to_string(),
            session: &self.session,
            username: "kernel",
            date: timestamp(SystemTime::now()),
            msg_type: message.content.msg_type(),
            version: PROTOCOL,
        };
        let parent = if message.parent.is_empty() { b"{}".to_vec() } else { message.parent.clone() };
        let body = [json(&header), parent, json(&message.metadata), json(&message.content)];

        let mut frames = message.peer.clone();
        frames.push(DELIMITER.to_vec());
        frames.push(self.sign(&body));
        frames.extend(body);
        frames.extend_from_slice(message.content.buffers());
        frames
    }

    /// The message in these frames.
    ///
    /// # Errors
    /// The frames are no message of the protocol, are not signed with our key, or were sent before.
    pub fn decode(&mut self, frames: Vec<Vec<u8>>) -> Result<Received, Rejected> {
        let at = frames.iter().position(|frame| frame == DELIMITER).ok_or(Rejected::NoDelimiter)?;
        let (peer, rest) = frames.split_at(at);
        let [_, signature, header, parent, metadata, content, buffers @ ..] = rest else {
            return Err(Rejected::TooFewFrames);
        };
        self.check(signature, &[header, parent, metadata, content])?;
        Ok(Received {
            peer: peer.to_vec(),
            header: parse("header", header)?,
            raw_header: header.clone(),
            metadata: serde_json::from_slice(metadata).unwrap_or_default(),
            content: parse("content", content)?,
            buffers: buffers.to_vec(),
        })
    }

    fn sign(&self, body: &[Vec<u8>]) -> Vec<u8> {
        let Some(mac) = &self.mac else {
            return Vec::new();
        };
        let mut mac = mac.clone();
        body.iter().for_each(|frame| mac.update(frame));
        hex(&mac.finalize().into_bytes())
    }

    fn check(&mut self, signature: &[u8], body: &[&Vec<u8>]) -> Result<(), Rejected> {
        let Some(mac) = &self.mac else { return Ok(()) };
        let digest = unhex(signature).ok_or(Rejected::BadSignature)?;
        let mut mac = mac.clone();
        body.iter().for_each(|frame| mac.update(frame));
        mac.verify_slice(&digest).map_err(|_| Rejected::BadSignature)?;
        if self.seen.insert(digest) { Ok(()) } else { Err(Rejected::Replayed) }
    }
}

/// The last signatures that were accepted.
#[derive(Default)]
struct Seen {
    set: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Seen {
    /// Whether the signature is new; remembers it, and forgets the oldest.
    fn insert(&mut self, digest: [u8; 32]) -> bool {
        if !self.set.insert(digest) {
            return false;
        }
        self.order.push_back(digest);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}

fn parse<T: serde::de::DeserializeOwned>(frame: &'static str, bytes: &[u8]) -> Result<T, Rejected> {
    serde_json::from_slice(bytes).map_err(|error| Rejected::BadJson(frame, error.to_string()))
}

/// Our own types always serialise; a message must not be able to stop the kernel even if one day one does not.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec())
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// A time as the protocol writes it: ISO 8601, UTC, microseconds (`2026-11-22T04:11:04.000123Z`).
pub fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days → date, by the cycle of 400 years (146,097 days) counted from 1 March of year 0.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", since.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn frames(codec: &Codec) -> Vec<Vec<u8>> {
        let message = Message {
            channel: Channel::Shell,
            peer: vec![b"peer".to_vec()],
            parent: Vec::new(),
            metadata: Map::new(),
            content: Content::stream("stdout", "hi".into()),
        };
        codec.encode(&message)
    }

    #[test]
    fn signature_is_the_one_of_rfc_4231() {
        // RFC 4231, test case 2, the data cut into the four frames that are signed.
        let codec = Codec::new("Jefe");
        let body = [b"what do ya ".to_vec(), b"want ".to_vec(), b"for ".to_vec(), b"nothing?".to_vec()];
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(codec.sign(&body), expected.as_bytes());
    }

    #[test]
    fn what_is_forged_replayed_or_malformed_is_rejected() {
        let mut codec = Codec::new("key");
        let good = frames(&codec);
        assert_eq!(codec.decode(good.clone()).unwrap().content["text"], "hi");
        assert_eq!(codec.decode(good.clone()).unwrap_err(), Rejected::Replayed);

        let mut forged = frames(&codec);
        forged[6] = br#"{"name":"stdout","text":"ho"}"#.to_vec();
        assert_eq!(codec.decode(forged).unwrap_err(), Rejected::BadSignature);
        let mut short = frames(&codec);
        short[2].pop();
        assert_eq!(codec.decode(short).unwrap_err(), Rejected::BadSignature);
        assert_eq!(codec.decode(good[..5].to_vec()).unwrap_err(), Rejected::TooFewFrames);
        assert_eq!(codec.decode(vec![]).unwrap_err(), Rejected::NoDelimiter);

        let mut open = Codec::new("");
        let mut broken = frames(&open);
        assert!(broken[2].is_empty());
        broken[6] = b"{".to_vec();
        assert!(matches!(open.decode(broken), Err(Rejected::BadJson("content", _))));
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        let mut nested = frames(&open);
        nested[6] = deep;
        assert!(matches!(open.decode(nested), Err(Rejected::BadJson("content", _))));
    }

    #[test]
    fn oldest_signatures_are_forgotten_and_memory_is_bounded() {
        let mut seen = Seen::default();
        for i in 0..REMEMBERED + 10 {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&i.to_le_bytes());
            assert!(seen.insert(digest));
        }
        assert_eq!((seen.set.len(), seen.order.len()), (REMEMBERED, REMEMBERED));
    }

    #[test]
    fn timestamps_agree_with_the_calendar() {
        // Checked with Python's datetime.fromtimestamp(n, timezone.utc).isoformat().
        let at = |seconds, micros| timestamp(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros));
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_782_399, 1), "2000-02-28T23:59:59.000001Z");
        assert_eq!(at(951_782_400, 0), "2000-02-29T00:00:00.000000Z");
        assert_eq!(at(1_735_689_599, 999_999), "2024-12-31T23:59:59.999999Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }
}
