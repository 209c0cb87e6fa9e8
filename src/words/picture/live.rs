//! Pictures that change while a cell runs: a live plot and a progress bar. Both are drawn at most ten times a second,
//! and once more when the cell ends, so that the last state is always shown.

use super::display::{self, fresh_id};
use super::value::drawn;
use super::{LOG_Y, SIZE, TITLE, XLABEL, YLABEL, YLIM, dress};
use crate::types;
use rhai::{Array, Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Host, KIND, Kind, Param, Ty, number, param, range, runs, type_of};
use saddle_fault::{Fault, Result};
use saddle_picture::{Axes, Figure, Line, Pace, progress_bar};
use saddle_session::output::Bundle;
use saddle_tensor::Tensor;
use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

pub static ENTRIES: &[&Entry] = &[&LIVE_PLOT, &PUSH, &PROGRESS_WORD];

/// A plot that grows. Clones are the same plot.
#[derive(Clone)]
pub(crate) struct Live(Rc<RefCell<Curves>>);

struct Curves {
    name: String,
    axes: Axes,
    smooth: f64,
    series: Vec<Series>,
    pace: Pace,
    /// Whether the end of the running cell will draw it.
    watched: bool,
}

struct Series {
    name: String,
    x: Vec<f64>,
    y: Vec<Point>,
}

/// A value pushed: a tensor is read only when a picture is drawn, so that pushing does not wait for the device.
enum Point {
    Known(f64),
    Pending(Tensor),
}

impl Point {
    fn read(&mut self) -> Result<f64> {
        if let Point::Pending(t) = self {
            *self = Point::Known(t.to_floats()?.first().copied().map_or(f64::NAN, f64::from));
        }
        match self {
            Point::Known(v) => Ok(*v),
            Point::Pending(_) => Ok(f64::NAN),
        }
    }
}

impl Curves {
    fn figure(&mut self) -> Result<Figure> {
        let mut axes = self.axes.clone();
        for series in &mut self.series {
            let y = series.y.iter_mut().map(Point::read).collect::<Result<Vec<f64>>>()?;
            let line =
                Line { name: series.name.clone(), x: series.x.clone(), y, smooth: self.smooth, ..Line::default() };
            axes = axes.with(line);
        }
        Ok(Figure::Plot(axes))
    }

    fn draw(&mut self, host: &Rc<Host>) -> Result<()> {
        // The text does not count points: nbval compares the first state with the stored last one.
        let picture = self.figure()?.picture();
        let bundle = Bundle::png(self.name.clone(), picture.bytes, picture.width);
        display::show(host, &self.name, bundle);
        self.pace.caught_up(Instant::now());
        Ok(())
    }
}

pub static LIVE: Kind = Kind {
    name: "live_plot",
    summary: "curves that grow under the cell while it runs",
    id: || TypeId::of::<Live>(),
    show: |v| {
        let figure = v.read_lock::<Live>().and_then(|l| l.0.borrow_mut().figure().ok());
        figure.map_or_else(|| Bundle::text("live plot"), |f| drawn(&f))
    },
    ..KIND
};

const NAME: Param<String> = param("name", types::TEXT, "its name, written above");
const SMOOTH: Param<f64> = param(
    "smooth",
    types::NUMBER,
    "weight of the past in a moving average, in [0, 1); the curves themselves are faint",
)
.or(0.0);
static LIVE_PLOT: Entry = Entry {
    name: "live_plot",
    group: "picture",
    summary: "a plot of curves that grow under the cell while it runs: push points to it",
    params: &[NAME.param()],
    options: &[TITLE.opt(), XLABEL.opt(), YLABEL.opt(), YLIM.opt(), LOG_Y.opt(), SIZE.opt(), SMOOTH.opt()],
    returns: Ty::Of("live_plot"),
    examples: &[runs(
        "a loss",
        "let curves = live_plot(\"losses\");\nfor step in 1..=10 { curves.push(step, #{ J: 1.0 / step }); }",
    )],
    call: |call| {
        let name = NAME.of(call)?;
        let mut axes = Axes { title: name.clone(), ..Axes::default() };
        axes.x.label = "step".into();
        dress(call, &mut axes)?;
        let smooth = SMOOTH.of(call)?;
        if !(0.0..1.0).contains(&smooth) {
            return Err(Fault::value(format!("live_plot: smooth must be in [0, 1), got {smooth}")));
        }
        let curves = Curves {
            name: format!("live plot {name}"),
            axes,
            smooth,
            series: vec![],
            pace: Pace::default(),
            watched: false,
        };
        Ok(Dynamic::from(Live(Rc::new(RefCell::new(curves)))))
    },
    ..ENTRY
};

const PUSH_LIVE_PLOT: Param<Live> = param("live_plot", types::LIVE_PLOT, "the plot");
const X: Param<f64> = param("x", types::NUMBER, "where on the x axis, usually the step");
const VALUES: Param<Map> =
    param("values", types::MAP, "a number, or a tensor with one element, for each curve: #{ V: V, J: J }");
static PUSH: Entry = Entry {
    name: "push",
    group: "picture",
    summary: "adds a point to each named curve; the picture follows at most ten times a second",
    params: &[PUSH_LIVE_PLOT.param(), X.param(), VALUES.param()],
    errors: &["a value that is not a single number"],
    examples: &[runs(
        "two curves",
        "let curves = live_plot(\"losses\");\ncurves.push(1, #{ J: tensor(0.5), V: -1.4 });",
    )],
    call: |call| {
        let live = PUSH_LIVE_PLOT.of(call)?;
        let x = X.of(call)?;
        let values = VALUES.of(call)?;
        push(call, &live, x, &values)?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

fn push(call: &Call, live: &Live, x: f64, values: &Map) -> Result<()> {
    let mut curves = live.0.borrow_mut();
    for (name, v) in values {
        let point = match (number(v), v.read_lock::<Tensor>()) {
            (Some(v), _) => Point::Known(v),
            // Detached: a plot must not keep the graph of every step alive.
            (None, Some(t)) if t.len() == 1 => Point::Pending(t.detach()),
            _ => {
                return Err(Fault::type_(format!("push: {name} must be a single number, got {}", type_of(v))));
            }
        };
        let at = match curves.series.iter().position(|s| s.name == name.as_str()) {
            Some(at) => at,
            None => {
                curves.series.push(Series { name: name.to_string(), x: vec![], y: vec![] });
                curves.series.len() - 1
            }
        };
        curves.series[at].x.push(x);
        curves.series[at].y.push(point);
    }
    if !curves.watched {
        curves.watched = true;
        let (plot, host) = (live.clone(), call.host.clone());
        call.host.at_cell_end(move || {
            let mut curves = plot.0.borrow_mut();
            curves.watched = false;
            if curves.pace.behind() {
                // A device that fails here has failed in the cell before.
                let _ = curves.draw(&host);
            }
        });
    }
    if curves.pace.due(Instant::now()) {
        curves.draw(call.host)?;
    }
    Ok(())
}

/// What `progress` counts.
#[derive(Clone)]
struct Progress {
    items: Rc<Items>,
    host: Rc<Host>,
}

enum Items {
    Range { first: i64, count: u64 },
    Values(Array),
}

impl Items {
    fn len(&self) -> u64 {
        match self {
            Items::Range { count, .. } => *count,
            Items::Values(v) => v.len() as u64,
        }
    }

    fn at(&self, i: u64) -> Dynamic {
        match self {
            Items::Range { first, .. } => (first + i as i64).into(),
            Items::Values(v) => v[i as usize].clone(),
        }
    }
}

pub static PROGRESS: Kind = Kind {
    name: "progress",
    summary: "a loop with a bar that shows how far it is",
    id: || TypeId::of::<Progress>(),
    show: |v| {
        Bundle::text(v.read_lock::<Progress>().map_or_else(String::new, |p| format!("progress over {}", p.items.len())))
    },
    iter: Some(|v| match v.try_cast::<Progress>() {
        Some(progress) => Box::new(Run::new(progress)),
        None => Box::new(std::iter::empty()),
    }),
    ..KIND
};

/// One run through the items, with its bar.
struct Run {
    progress: Progress,
    at: u64,
    bar: Rc<RefCell<Bar>>,
}

struct Bar {
    /// One that no other bar has.
    name: String,
    total: u64,
    done: u64,
    start: Instant,
    pace: Pace,
}

impl Bar {
    fn draw(&mut self, host: &Rc<Host>) {
        let bar = progress_bar(self.done, self.total, self.start.elapsed());
        display::show(host, &self.name, Bundle::png(bar.text, bar.bytes, bar.width).varying());
        self.pace.caught_up(Instant::now());
    }
}

impl Run {
    fn new(progress: Progress) -> Self {
        let bar = Bar {
            name: format!("progress {}", fresh_id()),
            total: progress.items.len(),
            done: 0,
            start: Instant::now(),
            pace: Pace::default(),
        };
        let bar = Rc::new(RefCell::new(bar));
        let (last, host) = (bar.clone(), progress.host.clone());
        // When the cell is over the bar has told what it had to: it leaves no picture behind, on the page or in the
        // file.
        progress
            .host
            .at_cell_end(move || display::replace_shown(&host, &last.borrow().name, Bundle::text("").varying()));
        Self { progress, at: 0, bar }
    }
}

impl Iterator for Run {
    type Item = Result<Dynamic>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bar = self.bar.borrow_mut();
        bar.done = self.at;
        let over = self.at >= bar.total;
        if bar.pace.due(Instant::now()) || over {
            bar.draw(&self.progress.host);
        }
        if over {
            return None;
        }
        let item = self.progress.items.at(self.at);
        self.at += 1;
        Some(Ok(item))
    }
}

const ITEMS: Param<Dynamic> = param(
    "items",
    types::any(Ty::OneOf(&[Ty::Range, Ty::Array, Ty::Int])),
    "a range such as 1..=2000, an array, or a number of rounds",
);
static PROGRESS_WORD: Entry = Entry {
    name: "progress",
    group: "picture",
    summary: "a loop over a range or an array, with a bar that shows how far it is and how long it will take",
    params: &[ITEMS.param()],
    returns: Ty::Of("progress"),
    errors: &["something that cannot be counted"],
    examples: &[runs(
        "ten rounds",
        "let n = 0;\nfor step in progress(1..=10) { n += step; }\ncheck(\"1 + … + 10\", n == 55)",
    )],
    call: |call| {
        let items = items(call)?;
        Ok(Dynamic::from(Progress { items: Rc::new(items), host: call.host.clone() }))
    },
    ..ENTRY
};

fn items(call: &Call) -> Result<Items> {
    let v = ITEMS.value(call);
    let span = |first: i64, end: i64| Items::Range { first, count: end.saturating_sub(first).max(0) as u64 };
    if let Some(r) = range(v) {
        return Ok(span(r.start, r.end));
    }
    if let Ok(n) = v.as_int() {
        return Ok(span(0, n));
    }
    match v.read_lock::<Array>() {
        Some(a) => Ok(Items::Values(a.clone())),
        None => {
            Err(Fault::type_(format!("progress: needs a range, an array or a number of rounds, got {}", type_of(v)))
                .hint("for step in progress(1..=2000) { … }"))
        }
    }
}
