//! Messages on a stream: four bytes of length, then the message in `postcard`'s format, which holds no
//! names: both sides are built from the same sources. Bytes and text go as they are, floats exactly.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{Error, ErrorKind, Read, Result};

/// The longest message, bytes. A notebook's page could not show more either.
const MAX_MESSAGE_BYTES: usize = 1 << 30;

/// The message with its length before it.
///
/// # Errors
/// A message that is too long.
pub fn encode(message: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = postcard::to_extend(message, vec![0; 4]).map_err(|error| wrong(error.to_string()))?;
    let length = bytes.len() - 4;
    if length > MAX_MESSAGE_BYTES {
        return Err(wrong(format!("a message of {length} bytes")));
    }
    bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(bytes)
}

/// Reads one message; `None` where the stream ends, also in the middle of one: the writer has died.
///
/// # Errors
/// What is no message, and the stream's own.
pub fn read<M: DeserializeOwned>(stream: &mut impl Read) -> Result<Option<M>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_MESSAGE_BYTES {
        return Err(wrong(format!("a message of {length} bytes")));
    }
    // Grows with what arrives: a wrong length costs nothing.
    let mut bytes = Vec::with_capacity(length.min(1 << 20));
    if stream.take(length as u64).read_to_end(&mut bytes)? < length {
        return Ok(None);
    }
    match postcard::take_from_bytes(&bytes) {
        Ok((message, [])) => Ok(Some(message)),
        Ok((_, rest)) => Err(wrong(format!("a message with {} bytes behind it", rest.len()))),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn wrong(what: String) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Event;
    use saddle_session::output::{Bundle, Comm, CommStep, Data, Output};
    use serde_json::json;

    fn there_and_back(output: &Output) -> Output {
        let event = Event::Output { ticket: u64::MAX, output: output.clone() };
        let bytes = encode(&event).unwrap();
        match read(&mut bytes.as_slice()).unwrap() {
            Some(Event::Output { ticket, output }) if ticket == u64::MAX => output,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_that_can_be_shown_comes_back_as_it_was() {
        // Letters of several bytes at every place where a reader may cut.
        let text: String = "aé😀".repeat(5_000);
        let tricky =
            json!({ "x": [0.1, 1e-300, -0.0, 1.0, 1, -1, u64::MAX, i64::MIN, null, true], "": { "b": 1, "a": 2 } });
        let bundle = Bundle::text(text)
            .with("image/png", Data::Bytes((0..=255).cycle().take(100_000).collect()))
            .with("application/json", Data::Json(tricky));
        for output in [
            Output::Display { bundle: bundle.clone(), id: Some("a".into()) },
            Output::Update { bundle, id: String::new() },
            Output::Clear { wait: true },
            Output::Comm(Comm {
                buffers: vec![vec![0, 255, 16], Vec::new()],
                ..Comm::new("c", CommStep::Message, serde_json::Map::new())
            }),
        ] {
            assert_eq!(there_and_back(&output), output);
        }
    }

    #[test]
    fn bytes_are_sent_as_bytes() {
        let output = Output::Result { bundle: Bundle::png("a picture", vec![255; 1_000_000], 8) };
        let length = encode(&Event::Output { ticket: 1, output }).unwrap().len();
        assert!(length < 1_000_300, "{length}");
    }

    #[test]
    fn a_stream_that_ends_anywhere_ends() {
        let bytes = encode(&Event::Names(vec!["a".into(), "b".into()])).unwrap();
        for end in 0..bytes.len() {
            assert!(read::<Event>(&mut &bytes[..end]).unwrap().is_none(), "{end}");
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for bytes in [&[255, 255, 255, 255, 0][..], &[1, 0, 0, 0, 255], &[2, 0, 0, 0, 0x61, 0x61]] {
            assert!(read::<Event>(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
    }
}
