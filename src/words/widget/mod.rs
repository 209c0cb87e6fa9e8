//! Words about widgets: controls on the page that set values while the notebook runs, as Jupyter's ipywidgets are.
//!
//! | file | owns |
//! |---|---|
//! | `control` | `slider`, `dropdown`, `checkbox`, `text_box`, `button` |
//! | `paint` | `paint`: a picture to paint on; its page's side is `paint.js` |
//! | `xy_pad` | `xy_pad`: a square to choose a point in; its page's side is `xy_pad.js` |
//! | `value` | the kind `widget`: `.value`, `.label`, `.disabled` |
//! | `callback` | `on_change`, `on_click`; which function is called when |
//! | `interact` | `interact` |
//! | `explore` | the kind `explorer`: `explore`, `walk` |
//! | `area` | where the outputs of such functions stand |
//! | `store` | the state of all widgets, shared with the thread that hears the front ends |
//! | `model` | widgets as front ends want them described |

mod area;
pub mod callback;
pub mod control;
pub mod explore;
pub mod interact;
mod model;
pub mod paint;
mod store;
pub(crate) mod value;
pub mod xy_pad;

pub use store::Widgets;

use saddle_catalog::{Host, Kind};
use std::cell::RefMut;

pub(super) static KINDS: &[&Kind] = &[&value::WIDGET, &explore::KIND_EXPLORER];

/// Gives the words the widgets of the session, which another thread knows too.
pub fn share(host: &Host, widgets: &Widgets) {
    let widgets = widgets.clone();
    host.with_slot(|mut slot: RefMut<Widgets>| *slot = widgets);
}

/// The widgets of the session.
fn session(host: &Host) -> Widgets {
    host.with_slot(|slot: RefMut<Widgets>| slot.clone())
}
