//! What the Rust side may want of the notebook.

use crate::variables::Variables;
use rhai::{Array, Dynamic};
use saddle_catalog::{Catalog, Host, type_of};
use saddle_fault::{Fault, Kind, Result};
use saddle_rust::{NotebookAccess, Payload, Value};
use saddle_session::output::{Bundle, Output, Stream};
use saddle_tensor::{Dtype, Tensor, check_shape, device};
use std::rc::Rc;

/// The notebook, as the cells of Rust see it while they run.
pub struct RhaiNotebook {
    host: Rc<Host>,
    variables: Variables,
    catalog: &'static Catalog,
    /// The display of what takes long.
    status: Option<String>,
}

impl RhaiNotebook {
    pub fn new(host: &Rc<Host>, variables: &Variables, catalog: &'static Catalog) -> Self {
        Self { host: host.clone(), variables: variables.clone(), catalog, status: None }
    }
}

impl NotebookAccess for RhaiNotebook {
    fn get(&mut self, name: &str, to: &mut Payload) -> Result<()> {
        match self.variables.get(name) {
            Some(value) => {
                pack(&value.flatten(), to).map_err(|fault| Fault::type_(format!("`{name}` is {}", fault.message)))
            }
            None => Err(Fault::new(Kind::Name, format!("the notebook has no variable `{name}`"))),
        }
    }

    fn put(&mut self, name: &str, value: Value) -> Result<()> {
        if !rhai::is_valid_identifier(name) {
            return Err(Fault::value(format!("a variable cannot be named `{name}`")));
        }
        self.variables.set(name, unpack(value)?);
        Ok(())
    }

    fn may_export(&mut self, name: &str) -> Result<()> {
        match self.catalog.find(name) {
            [] if rhai::is_valid_identifier(name) => Ok(()),
            [] => Err(Fault::value(format!("a word cannot be named `{name}`"))),
            _ => {
                Err(Fault::value(format!("`{name}` is a word of the language already: give the function another name")))
            }
        }
    }

    fn print(&mut self, stream: Stream, text: &str) {
        match stream {
            Stream::Stdout => self.host.print(text),
            Stream::Stderr => self.host.eprint(text),
        }
    }

    fn status(&mut self, text: Option<&str>) {
        let bundle = text.map(Bundle::text);
        self.host.show(match (bundle, self.status.take()) {
            (Some(bundle), Some(id)) => {
                self.status = Some(id.clone());
                Output::Update { bundle, id }
            }
            (Some(bundle), None) => {
                self.status = Some(format!("rust-{}", uuid::Uuid::new_v4()));
                let id = self.status.clone();
                Output::Display { bundle, id }
            }
            // A cell of Rust has shown nothing else before its code runs.
            (None, Some(_)) => Output::Clear { wait: true },
            (None, None) => return,
        });
    }

    fn ask(&mut self, prompt: &str, password: bool) -> Option<String> {
        self.host.ask(prompt, password)
    }

    fn stopped(&self) -> bool {
        self.host.check_interrupt().is_err()
    }
}

/// Writes a value for Rust.
///
/// # Errors
/// A type that Rust does not know: the message says which it is.
pub fn pack(value: &Dynamic, to: &mut Payload) -> Result<()> {
    if let Some(x) = value.read_lock::<Tensor>() {
        return pack_tensor(&x, to);
    }
    if let Some(items) = value.read_lock::<Array>() {
        to.writer.list(items.len());
        return items.iter().try_for_each(|item| pack(&item.flatten_clone(), to));
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        to.writer.text(&text);
    } else if let Ok(n) = value.as_int() {
        to.writer.int(n);
    } else if let Ok(x) = value.as_float() {
        to.writer.float(x);
    } else if let Ok(truth) = value.as_bool() {
        to.writer.bool(truth);
    } else if value.is_unit() {
        to.writer.nothing();
    } else {
        let what = type_of(value);
        return Err(Fault::type_(format!(
            "{what}: Rust takes tensors, numbers, truth values, texts and arrays of them"
        )));
    }
    Ok(())
}

/// Whole numbers and truth values go as floats.
fn pack_tensor(x: &Tensor, to: &mut Payload) -> Result<()> {
    let shape = x.shape();
    match x.dtype() {
        Dtype::F32 => x.with_floats(|numbers| to.tensor(&shape, numbers))?,
        Dtype::Int | Dtype::Bool => to.tensor(&shape, &x.to_floats()?),
    }
}

/// A value from Rust; its tensors lie on the notebook's device.
///
/// # Errors
/// A tensor of a shape that the notebook does not have.
pub fn unpack(value: Value) -> Result<Dynamic> {
    Ok(match value {
        Value::Nothing => Dynamic::UNIT,
        Value::Bool(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::Float(value) => value.into(),
        Value::Text(text) => text.into(),
        Value::List(items) => {
            let items: Result<Array> = items.into_iter().map(unpack).collect();
            items?.into()
        }
        Value::Tensor { shape, numbers } => {
            check_shape("rust", &shape)?;
            Dynamic::from(Tensor::from_floats(numbers, &shape, &device::current()))
        }
    })
}
