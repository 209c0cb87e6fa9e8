//! The session as its drivers see it: cells in, outputs and failures out.

mod asking;
mod edges;
mod errors;
mod examples;
mod files;
mod limits;
mod networks;
mod notebook;
mod refusals;
mod rewriting;
mod showing;

use super::RhaiSession;
use rhai::Dynamic;
use saddle_catalog::{Catalog, ENTRY, Entry, Field, KIND, Kind, Param, Ty, Type, param, types};
use saddle_session::output::{Bundle, Output};
use saddle_session::{Cell, Failure, Frontend, Reply, Session};
use std::any::TypeId;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock};

/// A frontend that keeps everything, and answers questions with `answer`.
#[derive(Default)]
pub struct Recorder {
    pub outputs: Mutex<Vec<Output>>,
    pub answer: Option<String>,
}

impl Frontend for Recorder {
    fn show(&self, output: Output) {
        self.outputs.lock().unwrap().push(output);
    }

    fn ask(&self, _: &str, _: bool) -> Option<String> {
        self.answer.clone()
    }
}

/// A session with the numbering of cells that a client would do.
pub struct Notes {
    pub session: Arc<RhaiSession>,
    count: usize,
}

impl Notes {
    pub fn new() -> Self {
        Self::with(toy_catalog())
    }

    pub fn with(catalog: &'static Catalog) -> Self {
        Self { session: Arc::new(RhaiSession::with(catalog).unwrap()), count: 0 }
    }

    /// Runs a cell: all that it showed as plain text, or how it failed.
    pub fn run(&mut self, code: &str) -> Result<String, Failure> {
        let shown = |output: &Output| match output {
            Output::Text { text, .. } => text.clone(),
            Output::Result { bundle } | Output::Display { bundle, .. } | Output::Page { bundle } => {
                bundle.plain().to_string()
            }
            _ => String::new(),
        };
        Ok(self.outputs(code)?.iter().map(shown).collect())
    }

    /// Runs a cell: the text of its last expression, or how it failed.
    pub fn result(&mut self, code: &str) -> Result<String, Failure> {
        let shown = |output: &Output| match output {
            Output::Result { bundle } => Some(bundle.plain().to_string()),
            _ => None,
        };
        Ok(self.outputs(code)?.iter().find_map(shown).unwrap_or_default())
    }

    fn outputs(&mut self, code: &str) -> Result<Vec<Output>, Failure> {
        self.count += 1;
        let recorder = Arc::new(Recorder::default());
        let cell = Cell { number: self.count, code: code.into(), silent: false };
        match self.session.execute(cell, recorder.clone()) {
            Reply::Done => Ok(recorder.outputs.lock().unwrap().clone()),
            Reply::Failed(failure) => Err(failure),
        }
    }

    /// Runs a cell that must work.
    #[track_caller]
    pub fn ok(&mut self, code: &str) -> String {
        match self.run(code) {
            Ok(text) => text,
            Err(failure) => panic!("{code}\n{}", plain(&failure)),
        }
    }

    /// Runs a cell that must fail: the failure's lines without colours.
    #[track_caller]
    pub fn err(&mut self, code: &str) -> String {
        match self.run(code) {
            Ok(text) => panic!("{code}\nworked and showed: {text}"),
            Err(failure) => plain(&failure),
        }
    }
}

/// A failure's lines without colours.
pub fn plain(failure: &Failure) -> String {
    let mut text = failure.traceback.join("\n");
    while let Some(start) = text.find('\x1b') {
        let end = text[start..].find('m').unwrap() + start;
        text.replace_range(start..=end, "");
    }
    text
}

/// A value of a kind: `scale(k)` can be called (`s(x)` is `k·x`), indexed, looped over; it counts its live copies.
#[derive(Clone)]
struct Scale(Rc<f64>);

/// A small language: the words of the notebook, plain numbers, a toy kind, and words that fail in every way a word can.
fn toy_catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| {
        Catalog::new(
            &[saddle_words::script::ENTRIES, saddle_words::number::ENTRIES, saddle_words::tensor::math::ENTRIES, TOYS],
            &[&SCALE, &BUFFER],
        )
    })
}

static TOYS: &[&Entry] = &[&MAKE_SCALE, &DEFECT, &APPLY_TWICE, &TIMES, &WITH, &BYTES];

static SCALE: Kind = Kind {
    name: "scale",
    summary: "multiplies what it is called with",
    id: TypeId::of::<Scale>,
    show: |value| Bundle::text(format!("scale by {:?}", factor(value))),
    fields: &[Field { name: "factor", ty: Ty::Number, doc: "the factor", get: |value| Ok(factor(value).into()) }],
    call: Some(&CALL_SCALE),
    index: Some(|value, index| {
        let n = index.as_int().map_err(|_| saddle_fault::Fault::type_("a scale is indexed by an int"))?;
        Ok((factor(value) * n as f64).into())
    }),
    iter: Some(|value| {
        let k = factor(&value);
        Box::new((1..=3).map(move |i| Ok((k * f64::from(i)).into())))
    }),
    ..KIND
};

fn factor(value: &Dynamic) -> f64 {
    *value.clone().cast::<Scale>().0
}

const SCALE_TYPE: Type<Scale> = Type::holding(Ty::Of("scale"));
const K: Param<f64> = param("k", types::NUMBER, "the factor");
const STRIDE: Param<i64> = param("stride", types::INT, "not used").or(1);
const INVERT: Param<bool> = param("invert", types::BOOL, "1 / k instead of k").or(false);

static MAKE_SCALE: Entry = Entry {
    name: "scale",
    group: "toy",
    summary: "makes a scale",
    params: &[K.param()],
    options: &[STRIDE.opt(), INVERT.opt()],
    returns: Ty::Of("scale"),
    call: |call| {
        let k = K.of(call)?;
        let k = if INVERT.of(call)? { 1.0 / k } else { k };
        Ok(Dynamic::from(Scale(Rc::new(k))))
    },
    ..ENTRY
};

const SELF: Param<Scale> = param("self", SCALE_TYPE, "the scale");
const X: Param<f64> = param("x", types::NUMBER, "what to multiply");

static CALL_SCALE: Entry = Entry {
    name: "scale(…)",
    group: "toy",
    summary: "multiplies",
    params: &[SELF.param(), X.param()],
    returns: Ty::Number,
    call: |call| Ok((factor(SELF.value(call)) * X.of(call)?).into()),
    ..ENTRY
};

static DEFECT: Entry = Entry {
    name: "defect",
    group: "toy",
    summary: "panics",
    call: |_| panic!("index out of bounds: the len is 3 but the index is 7"),
    ..ENTRY
};

const F: Param<Dynamic> = param("f", types::any(Ty::Any), "what to apply");
const TO: Param<Dynamic> = param("x", types::any(Ty::Any), "to what");

static APPLY_TWICE: Entry = Entry {
    name: "apply_twice",
    group: "toy",
    summary: "f(f(x))",
    params: &[F.param(), TO.param()],
    returns: Ty::Any,
    call: |call| {
        let (f, x) = (F.of(call)?, TO.of(call)?);
        let once = call.apply(&f, vec![x])?;
        call.apply(&f, vec![once])
    },
    ..ENTRY
};

const LEFT: Param<Scale> = param("a", SCALE_TYPE, "left");
const RIGHT: Param<Scale> = param("b", SCALE_TYPE, "right");

static TIMES: Entry = Entry {
    name: "@",
    group: "toy",
    summary: "the product of two scales",
    params: &[LEFT.param(), RIGHT.param()],
    returns: Ty::Of("scale"),
    call: |call| Ok(Dynamic::from(Scale(Rc::new(*LEFT.of(call)?.0 * *RIGHT.of(call)?.0)))),
    ..ENTRY
};

const NEW_K: Param<f64> = param("k", types::NUMBER, "the new factor");

static WITH: Entry = Entry {
    name: "with",
    group: "toy",
    summary: "a scale by another factor",
    params: &[SELF.param(), NEW_K.param()],
    returns: Ty::Of("scale"),
    call: |call| Ok(Dynamic::from(Scale(Rc::new(NEW_K.of(call)?)))),
    ..ENTRY
};

/// A value with a size that can be seen from outside the process.
#[derive(Clone)]
struct Buffer(Rc<Vec<u8>>);

static BUFFER: Kind = Kind {
    name: "buffer",
    summary: "bytes",
    id: TypeId::of::<Buffer>,
    show: |value| Bundle::text(format!("{} bytes", value.clone().cast::<Buffer>().0.len())),
    ..KIND
};

const N: Param<usize> = param("n", types::SIZE, "how many");

static BYTES: Entry = Entry {
    name: "buffer",
    group: "toy",
    summary: "bytes that are all touched",
    params: &[N.param()],
    returns: Ty::Of("buffer"),
    call: |call| Ok(Dynamic::from(Buffer(Rc::new(vec![1; N.of(call)?])))),
    ..ENTRY
};
