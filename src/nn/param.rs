//! One parameter of a network: a cell that holds its present value. Optimizers replace the value; whoever holds the
//! cell sees the new one.

use saddle_tensor::Tensor;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A handle to a parameter. Clones are the same parameter.
#[derive(Clone)]
pub struct Param(Rc<Inner>);

struct Inner {
    name: String,
    value: RefCell<Tensor>,
    frozen: Cell<bool>,
}

impl Param {
    /// A parameter called `name` (`weight`, `bias`), as files and summaries show it.
    pub fn new(name: impl Into<String>, value: Tensor) -> Self {
        Self(Rc::new(Inner { name: name.into(), value: RefCell::new(value), frozen: Cell::new(false) }))
    }

    /// Its name within its layer: `weight`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The present value.
    pub fn value(&self) -> Tensor {
        self.0.value.borrow().clone()
    }

    /// Replaces the value; the shape must stay.
    pub fn set(&self, value: Tensor) {
        *self.0.value.borrow_mut() = value;
    }

    /// Whether optimizers leave it alone.
    pub fn is_frozen(&self) -> bool {
        self.0.frozen.get()
    }

    /// Whether optimizers leave it as it is.
    pub fn freeze(&self, frozen: bool) {
        self.0.frozen.set(frozen);
    }

    /// Tells this parameter from all others that live.
    pub fn id(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }

    /// Whether two handles are the same parameter.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
