//! The notebook's variables.
//!
//! Each lives in one shared cell for as long as the notebook does. A cell's top-level `let` writes into it, so
//! functions and closures, which hold the shared cell, always see the newest value, and the value before is freed.

use rhai::{Dynamic, Scope};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// All variables by name; shared with the engine's look-up of names inside functions.
#[derive(Clone, Default)]
pub struct Variables(Rc<RefCell<BTreeMap<String, Dynamic>>>);

impl Variables {
    /// The shared cell of a variable.
    pub fn get(&self, name: &str) -> Option<Dynamic> {
        self.0.borrow().get(name).cloned()
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.borrow().contains_key(name)
    }

    /// Every name with its shared cell.
    pub fn all(&self) -> Vec<(String, Dynamic)> {
        self.0.borrow().iter().map(|(name, cell)| (name.clone(), cell.clone())).collect()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.borrow().keys().cloned().collect()
    }

    /// Sets a variable from outside of the script; the scope of the cell that runs does not hold it.
    pub fn set(&self, name: &str, value: Dynamic) {
        let _ = self.store(name, value);
    }

    /// Forgets a variable; closures that hold its cell keep it.
    pub fn remove(&self, name: &str) -> Option<Dynamic> {
        self.0.borrow_mut().remove(name)
    }

    pub fn clear(&self) {
        // Taken out first: dropping a value may look up names.
        let all = std::mem::take(&mut *self.0.borrow_mut());
        drop(all);
    }

    /// Moves what a top-level `let` or `const` has just put into the scope into the variable's shared cell.
    pub fn adopt(&self, scope: &mut Scope<'static>, name: &str) {
        if let Some(slot) = scope.get_mut(name) {
            let value = std::mem::take(slot).flatten();
            *slot = self.store(name, value);
        } else if scope.contains(name) {
            self.adopt_constant(scope, name);
        }
    }

    /// A constant cannot be reached in its place: the scope is made anew around it.
    fn adopt_constant(&self, scope: &mut Scope<'static>, name: &str) {
        let mut entries: Vec<(String, Dynamic)> =
            scope.iter_raw().map(|(name, _, value)| (name.to_string(), value.clone())).collect();
        if let Some((_, value)) = entries.iter_mut().find(|(found, _)| found == name) {
            // Of a shared cell Rhai asks what is inside whether it can be changed, wherever the cell is reached from.
            *value = self.store(name, std::mem::take(value).flatten().into_read_only());
        }
        *scope = Scope::new();
        // Rhai hands out the newest entry first.
        for (name, value) in entries.into_iter().rev() {
            scope.push_dynamic(name, value);
        }
    }

    /// Writes a value into the variable's cell, made if new.
    fn store(&self, name: &str, value: Dynamic) -> Dynamic {
        let cell = self.get(name);
        if let Some(cell) = cell
            && let Some(mut old) = cell.clone().write_lock::<Dynamic>()
        {
            *old = value;
            drop(old);
            return cell;
        }
        let cell = value.into_shared();
        self.0.borrow_mut().insert(name.to_string(), cell.clone());
        cell
    }

    /// The scope that the next cell starts with: each variable once, whatever was defined how often.
    pub fn scope(&self) -> Scope<'static> {
        let mut scope = Scope::new();
        for (name, cell) in self.0.borrow().iter() {
            scope.push_dynamic(name.as_str(), cell.clone());
        }
        scope
    }
}
