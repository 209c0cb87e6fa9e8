//! What the cells may ask of the notebook, and how it is answered.

use super::access::NotebookAccess;
use super::client::{Export, Rust};
use super::link::Message;
use super::pack::{Reader, Writer};
use super::payload::{Payload, Value};
use super::stop::EarlyEnd;
use saddle_fault::{Fault, Kind, Result};

impl Rust {
    /// Answers a request of the cells: a list of `"ok"` and a value, or of `"error"` and a message.
    pub(super) fn serve(&mut self, message: &Message, notebook: &mut dyn NotebookAccess) -> Message {
        let mut payload = Payload::default();
        payload.writer.list(2);
        payload.writer.text("ok");
        match self.fulfil(message, notebook, &mut payload) {
            Ok(()) => payload.message(),
            Err(fault) => {
                let mut writer = Writer::default();
                writer.list(2);
                writer.text("error");
                writer.text(&fault.message);
                Message { bytes: writer.bytes, files: Vec::new() }
            }
        }
    }

    fn fulfil(&mut self, message: &Message, notebook: &mut dyn NotebookAccess, answer: &mut Payload) -> Result<()> {
        let garbled = || Fault::new(Kind::Internal, "the request cannot be read");
        let mut reader = Reader(&message.bytes);
        reader.list().ok_or_else(garbled)?;
        match reader.text().ok_or_else(garbled)? {
            "get" => return notebook.get(reader.text().ok_or_else(garbled)?, answer),
            "put" => {
                let name = reader.text().ok_or_else(garbled)?;
                let value = Value::read(&mut reader, &message.files).ok_or_else(garbled)?;
                notebook.put(name, value)?;
            }
            "begin" => {
                if self.stopping.is_some() {
                    return Err(Fault::new(Kind::Interrupt, "interrupted"));
                }
                self.begun = true;
            }
            "ended" => {
                if reader.int() == Some(self.cell) {
                    self.ended = Some(match (reader.text(), reader.int()) {
                        (Some(message), line) => EarlyEnd::Panic {
                            message: message.into(),
                            line: line.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                        },
                        _ => EarlyEnd::Early,
                    });
                }
            }
            "export" => {
                let (name, role) = (reader.text(), reader.text());
                let (statement, count) = (reader.text(), reader.list());
                let parameters = (0..count.unwrap_or(0)).map(|_| reader.text().map(str::to_string));
                let parameters: Option<Vec<String>> = parameters.collect();
                if let (Some(name), Some(role), Some(statement), Some(parameters)) = (name, role, statement, parameters)
                    && role != "gradient"
                {
                    notebook.may_export(name)?;
                    self.fresh.push(Export {
                        name: name.into(),
                        parameters,
                        has_gradient: role == "differentiable",
                        statement: statement.into(),
                        code: "".into(),
                    });
                }
            }
            _ => return Err(garbled()),
        }
        answer.writer.nothing();
        Ok(())
    }
}
