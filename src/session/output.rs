//! The one list of things that a cell can show. Rooms below produce them, `serve` and `notebook` carry them off.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One representation of something shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Data {
    /// Text of a textual mime type (`text/plain`, `text/html`, `text/markdown`, `image/svg+xml`).
    Text(String),
    /// A JSON value (`application/json`, Vega-Lite, widget views).
    Json(#[serde(with = "json")] Value),
    /// Bytes of a binary mime type (`image/png`); sent to Jupyter as base64.
    Bytes(#[serde(with = "bytes")] Vec<u8>),
}

impl Data {
    /// About how much memory it takes, bytes.
    pub fn size(&self) -> usize {
        match self {
            Data::Text(text) => text.len(),
            Data::Json(value) => json_size(value),
            Data::Bytes(bytes) => bytes.len(),
        }
    }
}

/// The same thing in several representations, richest last. `text/plain` is always there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// Each mime type with what is shown of it.
    pub data: Vec<(String, Data)>,
    /// Metadata of the mime bundle, such as `{"image/png": {"width": 320}}`. A JSON object.
    #[serde(with = "json")]
    pub metadata: Map<String, Value>,
}

impl Bundle {
    /// A bundle that is only text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().with("text/plain", Data::Text(text.into()))
    }

    /// A PNG picture beside its short, stable text, which also stands for it where it cannot be seen; `width` is its
    /// width on the page, in CSS pixels.
    pub fn png(text: impl Into<String>, png: Vec<u8>, width: u32) -> Self {
        let mut bundle = Self::text(text);
        let about = serde_json::json!({ "width": width, "alt": bundle.plain() });
        bundle.metadata.insert("image/png".into(), about);
        bundle.with("image/png", Data::Bytes(png))
    }

    /// The bundle marked as one whose pictures are others in every run, since they tell the time: who compares two runs
    /// compares only its text.
    pub fn varying(mut self) -> Self {
        self.metadata.insert("saddlepoint".into(), serde_json::json!({ "varies": true }));
        self
    }

    /// The bundle with one more representation.
    pub fn with(mut self, mime: &str, data: Data) -> Self {
        self.data.push((mime.to_string(), data));
        self
    }

    /// The representation of one mime type.
    pub fn get(&self, mime: &str) -> Option<&Data> {
        self.data.iter().find(|(m, _)| m == mime).map(|(_, d)| d)
    }

    /// About how much memory it takes, bytes.
    pub fn size(&self) -> usize {
        self.data.iter().map(|(_, data)| data.size()).sum()
    }

    /// The plain text, empty where there is none.
    pub fn plain(&self) -> &str {
        match self.get("text/plain") {
            Some(Data::Text(text)) => text,
            _ => "",
        }
    }
}

/// `text` as HTML text, also safe inside a quoted attribute.
pub fn escape_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            _ => html.push(c),
        }
    }
    html
}

/// Which text stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// What a cell prints.
    Stdout,
    /// Warnings and `eprint`.
    Stderr,
}

/// One message of a comm: a conversation, begun by either side, between a front end and something in the session, such
/// as a slider. Both sides send the same three kinds of message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comm {
    /// The conversation.
    pub id: String,
    /// Whether it opens the comm, says something or closes it.
    pub step: CommStep,
    /// What is said; a JSON object.
    #[serde(with = "json")]
    pub data: Map<String, Value>,
    /// The message's metadata; widgets say the version of their protocol here when they open.
    #[serde(with = "json")]
    pub metadata: Map<String, Value>,
    /// Binary parts of `data`, sent beside it as they are.
    #[serde(with = "byte_lists")]
    pub buffers: Vec<Vec<u8>>,
}

/// Where in its life a comm is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommStep {
    /// Begins; `target` says what the other side should do with it (`jupyter.widget`).
    Open {
        /// Who is to answer: `jupyter.widget`.
        target: String,
    },
    /// Something said to a comm that is open.
    Message,
    /// Ends: nothing more is said.
    Close,
}

impl Comm {
    /// A message without metadata and binary parts.
    pub fn new(id: impl Into<String>, step: CommStep, data: Map<String, Value>) -> Self {
        Self { id: id.into(), step, data, metadata: Map::new(), buffers: Vec::new() }
    }
}

/// One thing shown while a cell runs. The order in which they are pushed is the order in which they appear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// Text, exactly as printed (line ends included).
    Text {
        /// Which of the two streams.
        stream: Stream,
        /// Whole letters, with line ends where there are some.
        text: String,
    },
    /// A rich display. With an `id`, a later `Update` of the same id replaces it in place.
    Display {
        /// What is shown.
        bundle: Bundle,
        /// By which it can be changed later.
        id: Option<String>,
    },
    /// The display `id`, wherever it stands, now shows this.
    Update {
        /// What is shown.
        bundle: Bundle,
        /// The id of the display.
        id: String,
    },
    /// The value of the cell's last expression (`Out[n]`).
    Result {
        /// What is shown.
        bundle: Bundle,
    },
    /// The cell's outputs so far are removed; with `wait`, only when the next one arrives.
    Clear {
        /// Not before something new is shown.
        wait: bool,
    },
    /// A page of text about something (`name?`): a pager shows it, or the place below the cell. Not stored in the
    /// notebook.
    Page {
        /// What is shown.
        bundle: Bundle,
    },
    /// Text for the cell that shows this, in place of its own (`%load`). A frontend without such a cell prints it.
    NextInput {
        /// The text of the cell to be.
        text: String,
    },
    /// How many lines of its text this cell may show from now on, `None` for all of them, where a front end has a
    /// bound.
    Lines {
        /// So many lines; `None`: all.
        most: Option<usize>,
    },
    /// The person asks to leave (`exit`): a front end that is a terminal ends, a page stays.
    Leave,
    /// To the front ends' widgets. Says nothing to a person: who has no widgets leaves it out.
    Comm(Comm),
}

impl Output {
    /// About how much memory it takes, bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::Text { text, .. } | Self::NextInput { text } => text.len(),
            Self::Display { bundle, .. }
            | Self::Update { bundle, .. }
            | Self::Result { bundle }
            | Self::Page { bundle } => bundle.size(),
            Self::Comm(comm) => {
                let said: usize = comm.data.values().map(json_size).sum();
                said + comm.buffers.iter().map(Vec::len).sum::<usize>()
            }
            Self::Clear { .. } | Self::Lines { .. } | Self::Leave => 0,
        }
    }
}

fn json_size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(json_size).sum(),
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + json_size(value)).sum(),
        _ => size_of::<Value>(),
    }
}

/// JSON as its text, for formats that do not tell what comes next: for `#[serde(with = "json")]`.
pub mod json {
    use serde::de::{DeserializeOwned, Deserializer, Error};
    use serde::{Deserialize, Serialize, Serializer};

    /// As one text.
    pub fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&serde_json::to_string(value).map_err(serde::ser::Error::custom)?)
    }

    /// From a text.
    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Bytes as what they are where a format has them, not as a list of numbers: for `#[serde(with = "bytes")]`.
pub mod bytes {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;
    use std::fmt;

    /// As one byte string.
    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    /// From a byte string.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_byte_buf(Whole)
    }

    struct Whole;

    impl Visitor<'_> for Whole {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }
}

/// The same for lists of them: for `#[serde(with = "byte_lists")]`.
pub mod byte_lists {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    #[serde(transparent)]
    struct Lent<'a>(#[serde(serialize_with = "super::bytes::serialize")] &'a [u8]);

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Owned(#[serde(deserialize_with = "super::bytes::deserialize")] Vec<u8>);

    /// As a list of byte strings.
    pub fn serialize<S: Serializer>(list: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|bytes| Lent(bytes)))
    }

    /// From a list of byte strings.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let list = Vec::<Owned>::deserialize(from)?;
        Ok(list.into_iter().map(|bytes| bytes.0).collect())
    }
}
/// `text` without the sequences that colour it, and move the cursor, on a terminal.
pub fn strip_ansi(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = match after.strip_prefix('[') {
            Some(body) => body.find(|c: char| ('@'..='~').contains(&c)).map_or("", |end| &body[end + 1..]),
            None => after,
        };
    }
    plain + rest
}
