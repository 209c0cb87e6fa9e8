//! What a cell of Rust code has at hand: [`Tensor`], the notebook's variables ([`get`], [`put`]), and [`export!`],
//! which makes a function of the cell a word of the notebook.
//!
//! This crate is written beside the cells when the first of them runs; it needs nothing but `std`. The kernel's side of
//! it is in the same binary that starts the cells' process: see `abi`.

#[doc(hidden)]
pub mod abi;
mod cell;
#[doc(hidden)]
pub mod export;
mod link;
mod notebook;
mod pack;
mod tensor;
mod value;

#[doc(hidden)]
pub use cell::{Cell__, begin__};
pub use notebook::{get, get_number, get_text, put};
pub use tensor::Tensor;
pub use value::{Argument, Pack};

/// Makes functions words of the notebook: after `export!(blur(x, radius));` a cell of Rhai calls `blur(x, 2.0)` or
/// `x.blur(2.0)`.
///
/// A parameter may be `&Tensor`, `Tensor`, `&[f32]`, `f64`, `f32`, a whole number, `bool`, `&str` or `String`. The
/// result may be a `Tensor`, a number, a truth value, a text, `()`, a tuple or a `Vec` of them, or a `Result`, whose
/// error becomes the notebook's.
#[macro_export]
macro_rules! export {
    ($name:ident ( $($parameter:ident),* $(,)? ) $(,)?) => {
        $crate::export!(@register $name, $name ($($parameter),*), $crate::export::Role::Function,
            concat!("export!(", stringify!($name), "(", stringify!($($parameter),*), "));"))
    };
    ($name:ident ( $($parameter:ident),* $(,)? ), $($rest:tt)+) => {{
        $crate::export!($name($($parameter),*));
        $crate::export!($($rest)+);
    }};
    ($name:ident) => {
        compile_error!(concat!("write the parameters, too: `export!(", stringify!($name), "(x));`"))
    };
    (@register $word:ident, $function:ident ( $($parameter:ident),* ), $role:expr, $statement:expr) => {{
        /// # Safety
        /// As `export::serve`.
        unsafe extern "C" fn call__(
            arguments: $crate::abi::RawPayload,
            context: *mut ::core::ffi::c_void,
            deliver: $crate::abi::Deliver,
        ) {
            // SAFETY: the caller's word.
            unsafe {
                $crate::export::serve(arguments, context, deliver, |values__, packed__| {
                    let mut values__ = $crate::export::arguments(values__, &[$(stringify!($parameter)),*])?;
                    let mut values__ = values__.iter_mut();
                    $(let $parameter = $crate::export::argument(values__.next(), stringify!($parameter))?;)*
                    $crate::Pack::pack($function($($parameter),*), packed__)
                })
            }
        }
        $crate::export::register(
            stringify!($word),
            &[$(stringify!($parameter)),*],
            $role,
            $statement,
            call__,
        );
    }};
}

/// The same for a function with a gradient: `export_with_gradient!(swish(x), swish_gradient(g, x));`.
///
/// The second function gets the gradient `g` of the result before the arguments of the first, and gives the gradient
/// for the tensor among those; a tuple of them where there are several.
#[macro_export]
macro_rules! export_with_gradient {
    (
        $name:ident ( $($parameter:ident),+ $(,)? ),
        $gradient:ident ( $($parameter_of_gradient:ident),+ $(,)? ) $(,)?
    ) => {{
        $crate::export!(@register $name, $name ($($parameter),+), $crate::export::Role::Differentiable,
            concat!("export_with_gradient!(", stringify!($name), "(", stringify!($($parameter),+), "), ",
                stringify!($gradient), "(", stringify!($($parameter_of_gradient),+), "));"));
        $crate::export!(@register $name, $gradient ($($parameter_of_gradient),+), $crate::export::Role::Gradient, "");
    }};
    ($name:ident, $gradient:ident $(,)?) => {
        compile_error!(concat!("write the parameters, too: `export_with_gradient!(", stringify!($name), "(x), ",
            stringify!($gradient), "(g, x));`"))
    };
}
