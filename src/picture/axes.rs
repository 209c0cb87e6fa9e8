//! Axes and what can be laid over each other in them: curves, points, bars, bands, maps, contours, fields.
//!
//! These are plain values; `frame` decides where everything stands, `draw` draws the data.

use super::bins;
use super::colour::{Colour, Map};
use super::sheet::{Sheet, limits, union};
use super::ticks::{Scale, fixed, short};

/// One plot.
#[derive(Clone, Debug, Default)]
pub struct Axes {
    /// Above the plot; empty: none.
    pub title: String,
    /// The axis across.
    pub x: Axis,
    /// The axis upwards.
    pub y: Axis,
    /// Drawn in this order, later ones on top.
    pub layers: Vec<Layer>,
    /// Width and height in CSS pixels; `None`: as suits the content.
    pub size: Option<(f32, f32)>,
    /// A step along x is as long as the same step along y.
    pub equal: bool,
    /// Arrows z → x below the plot, as in Figure 1 of the GAN paper.
    pub transport: Option<Transport>,
}

/// One of the two axes.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    /// Beside the axis; empty: none.
    pub label: String,
    /// How values are spread along it.
    pub scale: Scale,
    /// First and last value; `None`: as the data need.
    pub range: Option<(f64, f64)>,
    /// Without ticks and numbers.
    pub hidden: bool,
    /// Written at 0, 1, 2, … in place of numbers: the names of categories.
    pub names: Vec<String>,
}

/// One layer of a plot.
#[derive(Clone, Debug)]
pub enum Layer {
    /// A curve.
    Line(Line),
    /// Points.
    Scatter(Scatter),
    /// A histogram.
    Bars(Bars),
    /// A bar chart.
    Columns(Columns),
    /// The area between two curves.
    Band(Band),
    /// A heat map.
    Heat(Heat),
    /// Lines of equal value.
    Contour(Contour),
    /// Arrows.
    Field(Field),
    /// A straight line across the plot.
    ReferenceLine(ReferenceLine),
}

/// A curve through points, in the given order. Points that are not finite are gaps.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Named in the legend; empty: not named.
    pub name: String,
    /// Where each point lies across.
    pub x: Vec<f64>,
    /// Where each point lies up.
    pub y: Vec<f64>,
    /// `None`: the next colour of the palette.
    pub colour: Option<Colour>,
    /// In CSS pixels; 0: 1.7.
    pub width: f32,
    /// Drawn in dashes.
    pub dashed: bool,
    /// 0: as it is. Above 0 and below 1: the curve is drawn faint, and over it its exponential moving average with this
    /// weight for the past.
    pub smooth: f64,
    /// A dot at every point.
    pub markers: bool,
    /// The area between the curve and this height is tinted.
    pub fill_to: Option<f64>,
}

/// Points.
#[derive(Clone, Debug, Default)]
pub struct Scatter {
    /// Named in the legend; empty: not named.
    pub name: String,
    /// Where each point lies across.
    pub x: Vec<f64>,
    /// Where each point lies up.
    pub y: Vec<f64>,
    /// `None`: the next colour of the palette.
    pub colour: Option<Colour>,
    /// Radius in CSS pixels; 0: by the number of points.
    pub radius: f32,
    /// Opacity in [0, 1]; `None`: by the number of points.
    pub alpha: Option<f32>,
}

/// Bars over the intervals between `edges`: a histogram. One height fewer than edges.
#[derive(Clone, Debug, Default)]
pub struct Bars {
    /// Named in the legend; empty: not named.
    pub name: String,
    /// Where bars begin and end, ascending.
    pub edges: Vec<f64>,
    /// How high each bar is.
    pub heights: Vec<f64>,
    /// `None`: the next colour of the palette.
    pub colour: Option<Colour>,
}

/// A bar for each category 0, 1, 2, …: a bar chart.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// Named in the legend; empty: not named.
    pub name: String,
    /// How high each bar is.
    pub heights: Vec<f64>,
    /// Half the length of each bar's whisker; empty: none.
    pub errors: Vec<f64>,
    /// The single values behind each bar, drawn as dots; empty: none.
    pub points: Vec<Vec<f64>>,
    /// Which of how many bars that stand side by side in each category; (0, 0): the only one.
    pub slot: (usize, usize),
    /// `None`: the next colour of the palette.
    pub colour: Option<Colour>,
}

impl Columns {
    /// The share of a category that its bars take together.
    const TAKEN: f64 = 0.72;

    /// The left and right edge of the bar of category `i`.
    pub fn span(&self, i: usize) -> (f64, f64) {
        let (at, of) = (self.slot.0 as f64, self.slot.1.max(1) as f64);
        let width = Self::TAKEN / of;
        let left = i as f64 - Self::TAKEN / 2.0 + at * width;
        (left, left + width)
    }

    /// The whisker of category `i`.
    pub fn error(&self, i: usize) -> Option<f64> {
        self.errors.get(i).copied().filter(|e| e.is_finite() && *e > 0.0)
    }

    /// All that the y axis has to hold.
    fn reach(&self) -> impl Iterator<Item = f64> {
        let whiskers = self.heights.iter().enumerate().filter_map(|(i, h)| Some((h, self.error(i)?)));
        let ends = whiskers.flat_map(|(h, e)| [h - e, h + e]);
        self.heights.iter().copied().chain(ends).chain(self.points.iter().flatten().copied())
    }
}

/// The area between two curves, such as mean ± standard error.
#[derive(Clone, Debug, Default)]
pub struct Band {
    /// Named in the legend; empty: not named.
    pub name: String,
    /// Where each point lies across.
    pub x: Vec<f64>,
    /// The lower curve.
    pub low: Vec<f64>,
    /// The upper curve.
    pub high: Vec<f64>,
    /// `None`: the next colour of the palette.
    pub colour: Option<Colour>,
    /// It lies around the curve that is the next layer, and has its colour where it has none of its own.
    pub around_next: bool,
}

/// A sheet in colours, with a colour bar.
#[derive(Clone, Debug, Default)]
pub struct Heat {
    /// The values.
    pub sheet: Sheet,
    /// The colours.
    pub map: Map,
    /// The values at the two ends of the map; `None`: the smallest and the largest.
    pub range: Option<(f64, f64)>,
    /// The values are those of a function at points from edge to edge, drawn with bilinear interpolation. Otherwise
    /// they are cells.
    pub smooth: bool,
    /// Beside the colour bar.
    pub label: String,
}

/// Lines of equal value of a sheet of points from edge to edge.
#[derive(Clone, Debug, Default)]
pub struct Contour {
    /// Named in the legend; empty: not named.
    pub name: String,
    /// The values.
    pub sheet: Sheet,
    /// Empty: about seven round values.
    pub levels: Vec<f64>,
    /// `None`: the next colour of the palette.
    pub colour: Option<Colour>,
}

/// An arrow (u, v) at every point (x, y).
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Named in the legend; empty: not named.
    pub name: String,
    /// Where each point lies across.
    pub x: Vec<f64>,
    /// Where each point lies up.
    pub y: Vec<f64>,
    /// How far each arrow points across.
    pub u: Vec<f64>,
    /// How far each arrow points up.
    pub v: Vec<f64>,
    /// `None`: the next colour of the palette.
    pub colour: Option<Colour>,
    /// All arrows of one length; the colour tells the magnitude.
    pub unit: bool,
}

/// A straight dashed line across the plot.
#[derive(Clone, Debug, Default)]
pub struct ReferenceLine {
    /// Named in the legend; empty: not named.
    pub name: String,
    /// At this y; otherwise at this x.
    pub horizontal: bool,
    /// Where it lies.
    pub at: f64,
    /// `None`: the next colour of the palette.
    pub colour: Option<Colour>,
}

/// Where samples z are carried: two parallel lines with an arrow from every z to its x.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    /// Where each sample starts.
    pub z: Vec<f64>,
    /// Where each point lies across.
    pub x: Vec<f64>,
}

macro_rules! into_layer {
    ($($kind:ident),*) => { $(impl From<$kind> for Layer {
        fn from(layer: $kind) -> Self { Layer::$kind(layer) }
    })* };
}
into_layer!(Line, Scatter, Bars, Columns, Band, Heat, Contour, Field, ReferenceLine);

impl Axes {
    /// The plot with one more layer.
    pub fn with(mut self, layer: impl Into<Layer>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Adds one histogram for each of `series` (name, samples), over common bins; see [`bins::edges`].
    pub fn with_histograms(mut self, series: &[(&str, &[f64])], count: Option<usize>, density: bool) -> Self {
        let samples: Vec<&[f64]> = series.iter().map(|(_, s)| *s).collect();
        let edges = bins::edges(&samples, count);
        for (name, samples) in series {
            let heights = bins::histogram(samples, &edges, density);
            self = self.with(Bars { name: name.to_string(), edges: edges.clone(), heights, colour: None });
        }
        self
    }

    /// "plot: line V (2000 points), line J (2000 points)".
    pub fn describe(&self) -> String {
        let mut parts: Vec<String> = self.layers.iter().map(Layer::describe).collect();
        if let Some(t) = &self.transport {
            parts.push(format!("{} arrows z → x", t.z.len().min(t.x.len())));
        }
        let title = if self.title.is_empty() { String::new() } else { format!(" “{}”", self.title) };
        if parts.is_empty() { format!("plot{title}: empty") } else { format!("plot{title}: {}", parts.join(", ")) }
    }

    /// What has to be said about the data under the plot: values that cannot be drawn, or that there are none.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        if let [(only, bad)] = &self.layers.iter().filter_map(|l| self.undrawable(l)).collect::<Vec<_>>()[..] {
            notes.push(format!("{bad} of {only}"));
        } else {
            notes.extend(
                self.layers.iter().filter_map(|l| self.undrawable(l)).map(|(name, bad)| format!("{bad} of {name}")),
            );
        }
        let nothing = self.layers.iter().all(|l| l.len() == 0);
        if nothing && self.transport.as_ref().is_none_or(|t| t.z.is_empty()) {
            notes.push("no data yet".into());
        }
        notes
    }

    /// The name of a layer and how many of its values cannot be drawn, where there are such.
    fn undrawable(&self, layer: &Layer) -> Option<(String, String)> {
        let (finite, placed, all) = layer.drawable(self.x.scale, self.y.scale);
        let name = match layer.name() {
            "" => "the data".to_string(),
            name => name.to_string(),
        };
        if finite < all {
            let (count, total) = (fixed((all - finite) as f64, 0), fixed(all as f64, 0));
            return Some((name, format!("not finite, left out: {count} of {total} values")));
        }
        if placed < all {
            return Some((
                name,
                format!("not above 0, left out on a log axis: {} values", fixed((all - placed) as f64, 0)),
            ));
        }
        None
    }
}

impl Layer {
    /// Its name in the legend; empty: none.
    pub fn name(&self) -> &str {
        match self {
            Layer::Line(l) => &l.name,
            Layer::Scatter(l) => &l.name,
            Layer::Bars(l) => &l.name,
            Layer::Columns(l) => &l.name,
            Layer::Band(l) => &l.name,
            Layer::Heat(l) => &l.label,
            Layer::Contour(l) => &l.name,
            Layer::Field(l) => &l.name,
            Layer::ReferenceLine(l) => &l.name,
        }
    }

    /// The colour it asks for.
    pub fn colour(&self) -> Option<Colour> {
        match self {
            Layer::Line(l) => l.colour,
            Layer::Scatter(l) => l.colour,
            Layer::Bars(l) => l.colour,
            Layer::Columns(l) => l.colour,
            Layer::Band(l) => l.colour,
            Layer::Heat(_) => None,
            Layer::Contour(l) => l.colour,
            Layer::Field(l) => l.colour,
            Layer::ReferenceLine(l) => l.colour,
        }
    }

    /// Whether it takes the next colour of the palette when it asks for none.
    pub fn cycles(&self) -> bool {
        !matches!(self, Layer::Heat(_) | Layer::Contour(_) | Layer::ReferenceLine(_))
    }

    /// How many values it has.
    fn len(&self) -> usize {
        match self {
            Layer::Line(l) => l.x.len().min(l.y.len()),
            Layer::Scatter(l) => l.x.len().min(l.y.len()),
            Layer::Bars(l) => l.heights.len(),
            Layer::Columns(l) => l.heights.len(),
            Layer::Band(l) => l.x.len(),
            Layer::Heat(l) => l.sheet.values.len(),
            Layer::Contour(l) => l.sheet.values.len(),
            Layer::Field(l) => l.x.len(),
            Layer::ReferenceLine(_) => 1,
        }
    }

    fn describe(&self) -> String {
        let n = self.len();
        let named = |kind: &str| match self.name() {
            "" => kind.to_string(),
            name => format!("{kind} {name}"),
        };
        let points = |kind: &str| format!("{} ({n} point{})", named(kind), if n == 1 { "" } else { "s" });
        match self {
            Layer::Line(_) => points("line"),
            Layer::Scatter(_) => points("scatter"),
            Layer::Bars(_) => format!("{} ({n} bins)", named("histogram")),
            Layer::Columns(_) => format!("{} ({n})", named("bars")),
            Layer::Band(_) => points("band"),
            Layer::Heat(l) => format!("{} ({}×{})", named("heat map"), l.sheet.rows, l.sheet.cols),
            Layer::Contour(l) => {
                format!("{} ({}×{})", named("contour"), l.sheet.rows, l.sheet.cols)
            }
            Layer::Field(_) => format!("{} ({n} arrows)", named("field")),
            Layer::ReferenceLine(l) => {
                format!("{} at {} = {}", named("line"), if l.horizontal { "y" } else { "x" }, short(l.at))
            }
        }
    }

    /// How many values are finite, how many of those the scales have a place for, and how many there are.
    fn drawable(&self, x: Scale, y: Scale) -> (usize, usize, usize) {
        let count = |pairs: &mut dyn Iterator<Item = (f64, f64)>| {
            let (mut finite, mut placed, mut all) = (0, 0, 0);
            for (a, b) in pairs {
                all += 1;
                finite += usize::from(a.is_finite() && b.is_finite());
                placed += usize::from(x.holds(a) && y.holds(b));
            }
            (finite, placed, all)
        };
        let pairs = |a: &[f64], b: &[f64]| count(&mut a.iter().copied().zip(b.iter().copied()));
        match self {
            Layer::Line(l) => pairs(&l.x, &l.y),
            Layer::Scatter(l) => pairs(&l.x, &l.y),
            Layer::Columns(l) => pairs(&vec![1.0; l.heights.len()], &l.heights),
            Layer::Heat(Heat { sheet, .. }) | Layer::Contour(Contour { sheet, .. }) => {
                let finite = sheet.values.iter().filter(|v| v.is_finite()).count();
                (finite, sheet.values.len(), sheet.values.len())
            }
            Layer::Field(l) => {
                let finite = l.u.iter().zip(&l.v).filter(|(u, v)| u.is_finite() && v.is_finite()).count();
                (finite, l.u.len(), l.u.len())
            }
            // A bar of no height and a band's edge on a log axis are nothing to complain of.
            Layer::Bars(_) | Layer::Band(_) | Layer::ReferenceLine(_) => (0, 0, 0),
        }
    }

    /// The ranges of its values along x and y, of those that the scales have a place for.
    pub fn extent(&self, x: Scale, y: Scale) -> [Option<(f64, f64)>; 2] {
        let along = |scale: Scale, values: &[f64]| limits(values.iter().copied().filter(|&v| scale.holds(v)));
        let both = |xs: &[f64], ys: &[f64]| {
            let placed = || xs.iter().copied().zip(ys.iter().copied()).filter(|&(a, b)| x.holds(a) && y.holds(b));
            [limits(placed().map(|p| p.0)), limits(placed().map(|p| p.1))]
        };
        match self {
            Layer::Line(l) => {
                let [xs, ys] = both(&l.x, &l.y);
                [xs, union(ys, l.fill_to.filter(|&v| ys.is_some() && y.holds(v)).map(|v| (v, v)))]
            }
            Layer::Scatter(l) => both(&l.x, &l.y),
            Layer::Bars(l) => {
                let floor = if y == Scale::Linear && !l.heights.is_empty() { Some((0.0, 0.0)) } else { None };
                [along(x, &l.edges), union(along(y, &l.heights), floor)]
            }
            Layer::Columns(l) => {
                let floor = if y == Scale::Linear && !l.heights.is_empty() { Some((0.0, 0.0)) } else { None };
                let ends = [-0.5, l.heights.len() as f64 - 0.5];
                [along(x, &ends), union(limits(l.reach().filter(|&v| y.holds(v))), floor)]
            }
            Layer::Band(l) => [along(x, &l.x), union(along(y, &l.low), along(y, &l.high))],
            Layer::Heat(Heat { sheet, .. }) | Layer::Contour(Contour { sheet, .. }) => {
                [along(x, &[sheet.x.0, sheet.x.1]), along(y, &[sheet.y.0, sheet.y.1])]
            }
            Layer::Field(l) => both(&l.x, &l.y),
            Layer::ReferenceLine(l) => {
                let at = if l.horizontal { y } else { x }.holds(l.at).then_some((l.at, l.at));
                if l.horizontal { [None, at] } else { [at, None] }
            }
        }
    }
}
