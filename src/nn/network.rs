//! A network: layers in order, each with its parameters. A value: clones share parameters and mode, `copy` does not.

use super::layers::{Layer, Mode, Start};
use super::param::Param;
use crate::fault::{Fault, Kind, Result};
use crate::tensor::{Tensor, shown};
use std::cell::Cell;
use std::fmt::Write;
use std::rc::Rc;

/// Layers with their parameters, called in order.
#[derive(Clone)]
pub struct Network(Rc<Inner>);

struct Inner {
    slots: Vec<Slot>,
    mode: Cell<Mode>,
}

#[derive(Clone)]
struct Slot {
    layer: Rc<dyn Layer>,
    params: Vec<Param>,
    buffers: Vec<Param>,
}

impl Network {
    /// A network of one layer with fresh parameters.
    pub fn of(layer: impl Layer + 'static) -> Self {
        let Start { params, buffers } = layer.start();
        Self::from_slots(
            vec![Slot {
                layer: Rc::new(layer),
                params,
                buffers,
            }],
            Mode::Train,
        )
    }

    /// The layers of all parts in order. Parameters are shared with the parts.
    pub fn sequential(parts: &[Network]) -> Self {
        Self::from_slots(
            parts
                .iter()
                .flat_map(|p| p.0.slots.iter().cloned())
                .collect(),
            Mode::Train,
        )
    }

    fn from_slots(slots: Vec<Slot>, mode: Mode) -> Self {
        Self(Rc::new(Inner {
            slots,
            mode: Cell::new(mode),
        }))
    }

    /// The output for `x`.
    ///
    /// # Errors
    /// A layer's error, with the layer's place and description.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for (i, slot) in self.0.slots.iter().enumerate() {
            x = slot
                .forward(&x, self.mode())
                .map_err(|fault| self.located(fault, i))?;
        }
        Ok(x)
    }

    /// The outputs after each layer, the last being the network's own.
    pub fn features(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let mut outputs: Vec<Tensor> = Vec::with_capacity(self.0.slots.len());
        for (i, slot) in self.0.slots.iter().enumerate() {
            let input = outputs.last().unwrap_or(x);
            let y = slot
                .forward(input, self.mode())
                .map_err(|fault| self.located(fault, i))?;
            outputs.push(y);
        }
        Ok(outputs)
    }

    fn located(&self, mut fault: Fault, i: usize) -> Fault {
        if self.0.slots.len() > 1 && fault.kind == Kind::Shape {
            fault.message += &format!(
                " (in layer {i} of {}: {})",
                self.0.slots.len(),
                self.0.slots[i].layer.describe()
            );
        }
        fault
    }

    /// All parameters, in the order of the layers.
    pub fn params(&self) -> Vec<Param> {
        self.0
            .slots
            .iter()
            .flat_map(|s| s.params.iter().cloned())
            .collect()
    }

    /// Parameters and running statistics with their names in files: `0.weight`, `3.running_mean`.
    pub fn named(&self) -> Vec<(String, Param)> {
        let slots = self.0.slots.iter().enumerate();
        slots
            .flat_map(|(i, s)| {
                s.params
                    .iter()
                    .chain(&s.buffers)
                    .map(move |p| (format!("{i}.{}", p.name()), p.clone()))
            })
            .collect()
    }

    /// The same layers with other values for their parameters: a functional call. Gradients pass to the given tensors.
    ///
    /// # Errors
    /// Another number of tensors, or another shape.
    pub fn with(&self, values: &[Tensor]) -> Result<Self> {
        let params = self.params();
        if params.len() != values.len() {
            return Err(Fault::value(format!(
                "with: the network has {} parameters, got {}",
                params.len(),
                values.len()
            )));
        }
        for (param, value) in params.iter().zip(values) {
            let (have, want) = (value.shape(), param.value().shape());
            if have != want {
                return Err(Fault::shape(format!(
                    "with: parameter {} has shape {}, got {}",
                    param.name(),
                    shown(&want),
                    shown(&have)
                )));
            }
        }
        let mut values = values.iter();
        let mut renew = |p: &Param| match values.next() {
            Some(value) => Param::new(p.name(), value.clone()),
            None => p.clone(),
        };
        let slots = self
            .0
            .slots
            .iter()
            .map(|s| Slot {
                params: s.params.iter().map(&mut renew).collect(),
                ..s.clone()
            })
            .collect();
        Ok(Self::from_slots(slots, self.mode()))
    }

    /// A network of its own with the same values.
    pub fn copy(&self) -> Self {
        let fresh = |p: &Param| Param::new(p.name(), p.value().detach());
        let slots = self
            .0
            .slots
            .iter()
            .map(|s| Slot {
                layer: s.layer.clone(),
                params: s.params.iter().map(fresh).collect(),
                buffers: s.buffers.iter().map(fresh).collect(),
            })
            .collect();
        Self::from_slots(slots, self.mode())
    }

    pub fn mode(&self) -> Mode {
        self.0.mode.get()
    }

    /// Train or eval, for this network and its clones.
    pub fn set_mode(&self, mode: Mode) {
        self.0.mode.set(mode);
    }

    /// Optimizers leave the parameters alone (or no longer).
    pub fn freeze(&self, frozen: bool) {
        self.params().iter().for_each(|p| p.freeze(frozen));
    }

    /// The number of single weights.
    pub fn size(&self) -> usize {
        self.params().iter().map(|p| p.value().len()).sum()
    }

    /// The number of layers.
    pub fn depth(&self) -> usize {
        self.0.slots.len()
    }

    /// A table of the layers: description, the shapes of the parameters, their number; `input` adds each layer's output
    /// shape for an input of that shape.
    ///
    /// # Errors
    /// An input that does not fit.
    pub fn summary(&self, input: Option<&[usize]>) -> Result<String> {
        let outputs = match input {
            Some(shape) => {
                let x = Tensor::full(0.0, shape, &crate::tensor::device::current());
                crate::tensor::no_grad(|| self.features(&x))?
            }
            None => vec![],
        };
        let rows: Vec<[String; 4]> = self
            .0
            .slots
            .iter()
            .enumerate()
            .map(|(i, s)| {
                let shapes: Vec<String> =
                    s.params.iter().map(|p| shown(&p.value().shape())).collect();
                let size: usize = s.params.iter().map(|p| p.value().len()).sum();
                let output = outputs
                    .get(i)
                    .map(|t| shown(&t.shape()))
                    .unwrap_or_default();
                [
                    s.layer.describe(),
                    shapes.join(" "),
                    output,
                    if size > 0 {
                        grouped(size)
                    } else {
                        String::new()
                    },
                ]
            })
            .collect();
        let mut text = table(&rows, !outputs.is_empty());
        let frozen = if self.params().iter().any(|p| p.is_frozen()) {
            ", frozen"
        } else {
            ""
        };
        let mode = if self.mode() == Mode::Train {
            "train"
        } else {
            "eval"
        };
        let _ = write!(
            text,
            "{} parameters, {mode} mode{frozen}",
            grouped(self.size())
        );
        Ok(text)
    }
}

impl Slot {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let values: smallvec::SmallVec<[Tensor; 2]> =
            self.params.iter().map(Param::value).collect();
        self.layer.forward(&values, &self.buffers, x, mode)
    }
}

fn table(rows: &[[String; 4]], outputs: bool) -> String {
    let titles = ["layer", "weights", "output", "parameters"];
    let columns: &[usize] = if outputs { &[0, 1, 2, 3] } else { &[0, 1, 3] };
    let width = |c: usize| {
        rows.iter()
            .map(|r| r[c].chars().count())
            .max()
            .unwrap_or(0)
            .max(titles[c].len())
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let line = |cells: [&str; 4]| {
        let cells: Vec<String> = columns
            .iter()
            .map(|&c| {
                if c == 3 {
                    format!("{:>w$}", cells[c], w = widths[c])
                } else {
                    format!("{:<w$}", cells[c], w = widths[c])
                }
            })
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    let mut text = line(titles);
    for row in rows {
        text += &line([&row[0], &row[1], &row[2], &row[3]]);
    }
    text
}

/// `1234567` as `1,234,567`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
