//! Python's pickles, as far as files of tensors need them. A pickle is a program for a small stack machine; this one
//! builds dicts, lists, tuples, numbers, texts and the tensors that PyTorch describes, and **runs nothing**: whatever
//! else a pickle names (a class, a function) is refused by its name. Format: CPython's `Lib/pickletools.py`, protocols
//! 2 to 5.
//!
//! Values are small and live in one arena, so that a damaged file can neither fill the memory nor nest deeper than the
//! stack.

use super::array::Element;
use saddle_fault::{Fault, Result};
use std::collections::HashMap;
use std::ops::Range;

/// A value on the machine's stack. Texts are places in the pickle, what holds other values is a place in the arena.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(TextSpan),
    Tuple(usize),
    List(usize),
    /// Keys and values in turn.
    Dict(usize),
    Known(Known),
    Storage(usize),
    Tensor(usize),
    Mark,
}

/// Bytes of the pickle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TextSpan {
    from: usize,
    to: usize,
}

/// What a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Known {
    OrderedDict,
    Size,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
}

/// The bytes of tensors, in a file of the archive beside the pickle.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub element: Element,
    pub key: String,
}

/// A view of a storage.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub storage: usize,
    pub offset: usize,
    pub size: Vec<usize>,
    pub stride: Vec<usize>,
    /// Its numbers are those of the storage with the other sign: `z.conj().imag` is such a view.
    pub negated: bool,
}

/// What a pickle says.
pub(super) struct Machine<'a> {
    what: &'a str,
    pickle: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    memo: HashMap<u64, Value>,
    arena: Vec<Vec<Value>>,
    pub storages: Vec<Storage>,
    pub tensors: Vec<View>,
}

impl<'a> Machine<'a> {
    /// Reads a pickle to its end: the machine, to look values up in, and the value that the pickle is.
    ///
    /// # Errors
    /// A name that is not one of a tensor's, a damaged or cut off pickle.
    pub fn read(what: &'a str, pickle: &'a [u8]) -> Result<(Self, Value)> {
        let mut machine = Self {
            what,
            pickle,
            at: 0,
            stack: Vec::new(),
            memo: HashMap::new(),
            arena: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
        };
        let mut last = None;
        while last.is_none() {
            last = machine.step()?;
        }
        last.map(|value| (machine, value)).ok_or_else(|| Fault::file(format!("{what}: is no pickle")))
    }

    pub fn text(&self, place: TextSpan) -> String {
        String::from_utf8_lossy(&self.pickle[place.from..place.to]).into_owned()
    }

    /// The values in a tuple, list or dict.
    pub fn held(&self, index: usize) -> &[Value] {
        &self.arena[index]
    }

    fn damaged(&self) -> Fault {
        Fault::file(format!("{}: its pickle is damaged or cut off, at byte {}", self.what, self.at))
    }

    fn refused(&self, name: &str) -> Fault {
        Fault::file(format!("{}: names `{name}`; that is code or an object of Python, which is never run or made", self.what))
            .hint("only tensors in dicts, lists and tuples, with numbers and texts beside them, are read: torch.save(model.state_dict(), \"model.pt\")")
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.pickle.len());
        let range = self.at..end.ok_or_else(|| self.damaged())?;
        self.at = range.end;
        Ok(&self.pickle[range])
    }

    /// A little-endian whole number without sign.
    fn number(&mut self, bytes: usize) -> Result<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    fn line(&mut self) -> Result<&'a [u8]> {
        let rest = &self.pickle[self.at..];
        let length = rest.iter().position(|&b| b == b'\n').ok_or_else(|| self.damaged())?;
        self.at += length + 1;
        Ok(&rest[..length])
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().filter(|v| *v != Value::Mark).ok_or_else(|| self.damaged())
    }

    /// What lies above the last mark; the mark goes, too.
    fn above_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.stack.iter().rposition(|v| *v == Value::Mark).ok_or_else(|| self.damaged())?;
        let above = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(above)
    }

    fn store(&mut self, values: Vec<Value>) -> usize {
        self.arena.push(values);
        self.arena.len() - 1
    }

    fn top_container(&mut self, dict: bool) -> Result<&mut Vec<Value>> {
        match (self.stack.last(), dict) {
            (Some(&Value::Dict(i)), true) | (Some(&Value::List(i)), false) => Ok(&mut self.arena[i]),
            _ => Err(self.damaged()),
        }
    }

    fn text_of(&mut self, length_bytes: usize) -> Result<Value> {
        let length = usize::try_from(self.number(length_bytes)?).map_err(|_| self.damaged())?;
        let from = self.at;
        self.take(length)?;
        Ok(Value::Text(TextSpan { from, to: self.at }))
    }

    /// One instruction. A value: the last one.
    fn step(&mut self) -> Result<Option<Value>> {
        let code = self.take(1)?[0];
        let value = match code {
            b'.' => return self.pop().map(Some),
            // PROTO, FRAME: what they tell is not needed.
            0x80 => return self.take(1).map(|_| None),
            0x95 => return self.take(8).map(|_| None),
            b'(' => Value::Mark,
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'J' => Value::Int(i64::from(self.number(4)? as i32)),
            b'K' => Value::Int(self.number(1)? as i64),
            b'M' => Value::Int(self.number(2)? as i64),
            0x8a => self.long()?,
            b'G' => Value::Float(f64::from_bits(self.number(8)?.swap_bytes())),
            b'X' => self.text_of(4)?,
            0x8c => self.text_of(1)?,
            0x8d => self.text_of(8)?,
            b')' => Value::Tuple(self.store(vec![])),
            b']' => Value::List(self.store(vec![])),
            b'}' => Value::Dict(self.store(vec![])),
            b't' => {
                let values = self.above_mark()?;
                Value::Tuple(self.store(values))
            }
            0x85..=0x87 => self.tuple(usize::from(code - 0x84))?,
            b'c' | 0x93 => self.global(code)?,
            b'Q' => self.persistent()?,
            b'R' => self.reduce()?,
            b'h' | b'j' => {
                let key = self.number(if code == b'h' { 1 } else { 4 })?;
                *self.memo.get(&key).ok_or_else(|| self.damaged())?
            }
            _ => return self.change(code).map(|()| None),
        };
        self.stack.push(value);
        Ok(None)
    }

    /// The instructions that push nothing.
    fn change(&mut self, code: u8) -> Result<()> {
        match code {
            b'q' | b'r' | 0x94 => {
                let key = match code {
                    b'q' => self.number(1)?,
                    b'r' => self.number(4)?,
                    _ => self.memo.len() as u64,
                };
                let top = *self.stack.last().ok_or_else(|| self.damaged())?;
                self.memo.insert(key, top);
            }
            b'u' | b'e' => {
                let values = self.above_mark()?;
                if code == b'u' && values.len() % 2 != 0 {
                    return Err(self.damaged());
                }
                self.top_container(code == b'u')?.extend(values);
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.top_container(true)?.extend([key, value]);
            }
            b'a' => {
                let value = self.pop()?;
                self.top_container(false)?.push(value);
            }
            // BUILD: a state dict has notes of PyTorch's for itself, as attributes; another object is none of ours.
            b'b' => {
                self.pop()?;
                self.top_container(true)?;
            }
            other => {
                return Err(Fault::file(format!(
                    "{}: its pickle has the instruction {other:#04x} at byte {}, which files of tensors do not need",
                    self.what,
                    self.at - 1
                )));
            }
        }
        Ok(())
    }

    fn long(&mut self) -> Result<Value> {
        let bytes = self.number(1)? as usize;
        if bytes > 8 {
            return Err(Fault::file(format!("{}: holds a whole number of {bytes} bytes", self.what)));
        }
        let unused = 64 - 8 * bytes as u32;
        let n = self.number(bytes)?;
        Ok(Value::Int(if bytes == 0 { 0 } else { ((n << unused) as i64) >> unused }))
    }

    fn tuple(&mut self, n: usize) -> Result<Value> {
        let from = self.stack.len().checked_sub(n).ok_or_else(|| self.damaged())?;
        let values = self.stack.split_off(from);
        if values.contains(&Value::Mark) {
            return Err(self.damaged());
        }
        Ok(Value::Tuple(self.store(values)))
    }

    fn global(&mut self, code: u8) -> Result<Value> {
        let (module, name) = if code == b'c' {
            let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
            (text(self.line()?), text(self.line()?))
        } else {
            match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => (self.text(module), self.text(name)),
                _ => return Err(self.damaged()),
            }
        };
        known(&module, &name).map(Value::Known).ok_or_else(|| self.refused(&format!("{module}.{name}")))
    }

    /// `("storage", type, key, place, elements)`: the bytes of a tensor.
    fn persistent(&mut self) -> Result<Value> {
        let Value::Tuple(i) = self.pop()? else { return Err(self.damaged()) };
        let &[Value::Text(tag), Value::Known(Known::Storage(element)), Value::Text(key), _, Value::Int(_)] =
            self.held(i)
        else {
            return Err(self.damaged());
        };
        if self.text(tag) != "storage" {
            return Err(self.damaged());
        }
        self.storages.push(Storage { element, key: self.text(key) });
        Ok(Value::Storage(self.storages.len() - 1))
    }

    /// A call, of the few things that may be called.
    fn reduce(&mut self) -> Result<Value> {
        let (Value::Tuple(arguments), called) = (self.pop()?, self.pop()?) else { return Err(self.damaged()) };
        let Value::Known(called) = called else { return Err(self.damaged()) };
        let arguments = self.held(arguments);
        match (called, arguments) {
            (Known::OrderedDict, []) => Ok(Value::Dict(self.store(vec![]))),
            (Known::Size, &[Value::Tuple(size)]) => Ok(Value::Tuple(size)),
            (Known::RebuildParameter, &[Value::Tensor(t), ..]) => Ok(Value::Tensor(t)),
            (
                Known::RebuildTensor,
                &[Value::Storage(storage), Value::Int(offset), Value::Tuple(size), Value::Tuple(stride), ..],
            ) => {
                let offset = usize::try_from(offset).map_err(|_| self.damaged())?;
                let (size, stride) = (self.sizes(size)?, self.sizes(stride)?);
                if size.len() != stride.len() {
                    return Err(self.damaged());
                }
                let negated = self.is_negated(arguments.get(6));
                self.tensors.push(View { storage, offset, size, stride, negated });
                Ok(Value::Tensor(self.tensors.len() - 1))
            }
            _ => Err(self.damaged()),
        }
    }

    /// Whether PyTorch's notes on a tensor, its seventh argument, say `neg`.
    fn is_negated(&self, notes: Option<&Value>) -> bool {
        let Some(Value::Dict(notes)) = notes else { return false };
        let says = |pair: &[Value]| matches!(pair, &[Value::Text(key), Value::Bool(true)] if self.text(key) == "neg");
        self.held(*notes).chunks_exact(2).any(says)
    }

    fn sizes(&self, index: usize) -> Result<Vec<usize>> {
        let size = |v: &Value| match v {
            Value::Int(n) => usize::try_from(*n).ok(),
            _ => None,
        };
        self.held(index).iter().map(size).collect::<Option<_>>().ok_or_else(|| self.damaged())
    }
}

fn known(module: &str, name: &str) -> Option<Known> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Known::OrderedDict,
        ("torch", "Size") => Known::Size,
        ("torch._utils", "_rebuild_tensor_v2") => Known::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Known::RebuildParameter,
        ("torch", storage) => Known::Storage(match storage.strip_suffix("Storage")? {
            "Float" => Element::Float(4),
            "Double" => Element::Float(8),
            "Half" => Element::Float(2),
            "BFloat16" => Element::BFloat16,
            "Long" => Element::Int(8),
            "Int" => Element::Int(4),
            "Short" => Element::Int(2),
            "Char" => Element::Int(1),
            "Byte" => Element::Unsigned(1),
            "Bool" => Element::Bool,
            _ => return None,
        }),
        _ => return None,
    })
}

/// Writes a pickle that holds one dict of tensors, as `torch.save` writes a state dict.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub fn new() -> Self {
        // PROTO 2, EMPTY_DICT, MARK.
        Self(b"\x80\x02}(".to_vec())
    }

    /// An entry: a contiguous tensor whose bytes are the storage `key`.
    pub fn tensor(&mut self, name: &str, storage: &str, key: &str, size: &[usize]) {
        let count = size.iter().product();
        self.text(name);
        self.0.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage");
        self.0.extend(format!("ctorch\n{storage}\n").as_bytes());
        self.text(key);
        self.text("cpu");
        self.int(count);
        // TUPLE, BINPERSID; the offset.
        self.0.extend(b"tQK\x00");
        self.tuple(size);
        self.tuple(&strides(size));
        // requires_grad: False; no hooks.
        self.0.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.0.extend(b"u.");
        self.0
    }

    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn int(&mut self, n: usize) {
        match i32::try_from(n) {
            Ok(n) => {
                self.0.push(b'J');
                self.0.extend(n.to_le_bytes());
            }
            Err(_) => {
                self.0.extend([0x8a, 8]);
                self.0.extend((n as u64).to_le_bytes());
            }
        }
    }

    fn tuple(&mut self, sizes: &[usize]) {
        self.0.push(b'(');
        sizes.iter().for_each(|&n| self.int(n));
        self.0.push(b't');
    }
}

/// The strides of a contiguous tensor.
pub(super) fn strides(size: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; size.len()];
    let inner: Range<usize> = 0..size.len().saturating_sub(1);
    for i in inner.rev() {
        strides[i] = strides[i + 1].saturating_mul(size[i + 1].max(1));
    }
    strides
}
