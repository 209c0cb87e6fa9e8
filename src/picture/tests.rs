//! Whole figures: what the encoded pictures hold. With `SADDLE_GALLERY=folder` the gallery's figures are written there,
//! to be looked at.

use super::*;
use image::GenericImageView;
use std::f64::consts::TAU;

/// Uniform numbers in [0, 1) without a generator: the golden ratio's multiples.
fn uniform(i: usize) -> f64 {
    (i as f64 * 0.618_033_988_749_895).fract()
}

/// Normal numbers by Box and Muller.
fn normal(i: usize) -> f64 {
    let (u, v) = (uniform(i) + 1e-9, (i as f64 * 0.754_877_666_246_693).fract());
    (-2.0 * u.ln()).sqrt() * (TAU * v).cos()
}

fn losses(n: usize) -> Axes {
    let x: Vec<f64> = (0..n).map(|i| i as f64).collect();
    let settle = |i: usize| 1.0 - (-(i as f64) / 300.0).exp();
    let v = (0..n).map(|i| -2.0 * std::f64::consts::LN_2 * settle(i) + 0.25 * normal(i)).collect();
    let j = (0..n).map(|i| -std::f64::consts::LN_2 * settle(i) + 0.12 * normal(i + 77)).collect();
    let target = ReferenceLine { name: "−log 4".into(), horizontal: true, at: -(4f64.ln()), colour: None };
    Axes { title: "losses".into(), x: axis("step"), y: axis("value"), ..Axes::default() }
        .with(Line { name: "V(D, G)".into(), x: x.clone(), y: v, smooth: 0.98, ..Line::default() })
        .with(Line { name: "J(G)".into(), x, y: j, smooth: 0.98, ..Line::default() })
        .with(target)
}

fn axis(label: &str) -> Axis {
    Axis { label: label.into(), ..Axis::default() }
}

fn digits_like(n: usize) -> Grid {
    let pixel = |i: usize| {
        let (k, y, x) = (i / 64, (i / 8 % 8) as f64 - 3.5, (i % 8) as f64 - 3.5);
        (1.3 - ((x * (1.0 + uniform(k))).hypot(y) - 2.5).abs()).clamp(0.0, 1.0) as f32
    };
    Grid::new((0..n * 64).map(pixel).collect(), &[n, 8, 8]).unwrap()
}

fn ring_scatter() -> Axes {
    let point = |i: usize| {
        let a = TAU * (i % 8) as f64 / 8.0;
        (2.0 * a.cos() + 0.08 * normal(i), 2.0 * a.sin() + 0.08 * normal(i + 5001))
    };
    let (x, y) = (0..2000).map(point).unzip();
    let (gx, gy) = (0..500).map(|i| (1.6 + 0.5 * normal(i), 0.9 + 0.4 * normal(i + 9))).unzip();
    Axes { title: "ring".into(), equal: true, x: axis("x₁"), y: axis("x₂"), ..Axes::default() }
        .with(Scatter { name: "data".into(), x, y, ..Scatter::default() })
        .with(Scatter { name: "G(z)".into(), x: gx, y: gy, ..Scatter::default() })
}

fn landscape() -> Axes {
    let n = 48;
    let at = |k: usize| -3.0 + 6.0 * k as f64 / (n - 1) as f64;
    let d = |i: usize| (1.0 / (1.0 + (2.0 - at(i / n).hypot(at(i % n)) * 1.5).exp())) as f32;
    let sheet = Sheet::new((0..n * n).map(d).collect(), n, n, (-3.0, 3.0), (-3.0, 3.0)).unwrap();
    Axes { title: "D(x)".into(), equal: true, ..Axes::default() }
        .with(Heat {
            sheet: sheet.clone(),
            map: Map::Diverging,
            range: Some((0.0, 1.0)),
            smooth: true,
            label: "D".into(),
        })
        .with(Contour { sheet, levels: vec![0.25, 0.5, 0.75], ..Contour::default() })
}

fn figure_one(width: f64, mean: f64, d: f64) -> Axes {
    let x: Vec<f64> = (0..200).map(|i| -3.0 + 8.0 * i as f64 / 199.0).collect();
    let bell = |m: f64, s: f64| {
        x.iter().map(|x| (-(x - m).powi(2) / (2.0 * s * s)).exp() / (s * TAU.sqrt())).collect::<Vec<_>>()
    };
    let z: Vec<f64> = (0..24).map(|i| i as f64 / 23.0).collect();
    let carried =
        z.iter().map(|z| mean + width * 1.6 * (2.0 * z - 1.0) * (0.55 + 0.45 * (2.0 * z - 1.0).powi(2))).collect();
    Axes { x: axis("x"), y: Axis { range: Some((0.0, 1.0)), ..axis("density") }, ..Axes::default() }
        .with(Line {
            name: "p data".into(),
            x: x.clone(),
            y: bell(2.0, 0.6),
            colour: Some(colour::BLACK),
            dashed: true,
            ..Line::default()
        })
        .with(Line {
            name: "p g".into(),
            x: x.clone(),
            y: bell(mean, width),
            colour: Some(colour::GREEN),
            fill_to: Some(0.0),
            ..Line::default()
        })
        .with(Line {
            name: "D".into(),
            y: x.iter().map(|x| 0.5 + (d * (x - 1.0)).tanh() * 0.45).collect(),
            x,
            colour: Some(colour::BLUE),
            dashed: true,
            ..Line::default()
        })
        .tap(|a| a.transport = Some(Transport { z, x: carried }))
}

trait Tap: Sized {
    fn tap(mut self, f: impl FnOnce(&mut Self)) -> Self {
        f(&mut self);
        self
    }
}
impl Tap for Axes {}
impl Tap for Grid {}

fn game_field(unit: bool) -> Axes {
    let at = |k: usize| -2.0 + 4.0 * k as f64 / 12.0;
    let points: Vec<(f64, f64)> = (0..169).map(|i| (at(i % 13), at(i / 13))).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let (u, v) = points.iter().map(|&(x, y)| (-y, x)).unzip();
    let spiral: Vec<f64> = (0..200).map(|i| i as f64 / 199.0).collect();
    Axes { title: "V(x, y) = x·y".into(), equal: true, x: axis("x"), y: axis("y"), ..Axes::default() }
        .with(Field { x, y, u, v, unit, ..Field::default() })
        .with(Line {
            name: "simultaneous descent".into(),
            x: spiral.iter().map(|t| (0.4 + 1.4 * t) * (14.0 * t).cos()).collect(),
            y: spiral.iter().map(|t| (0.4 + 1.4 * t) * (14.0 * t).sin()).collect(),
            ..Line::default()
        })
}

fn distributions() -> Axes {
    let data: Vec<f64> = (0..3000).map(normal).collect();
    let samples: Vec<f64> = (0..3000).map(|i| 0.8 + 0.6 * normal(i + 31)).collect();
    Axes { x: axis("x"), y: axis("density"), ..Axes::default() }.with_histograms(
        &[("data", &data), ("G(z)", &samples)],
        None,
        true,
    )
}

fn bad_numbers() -> Axes {
    let y = (0..100).map(|i| {
        if (40..50).contains(&i) {
            f64::NAN
        } else if i == 70 {
            f64::INFINITY
        } else {
            (i as f64 / 9.0).sin()
        }
    });
    Axes { title: "a loss with holes".into(), ..Axes::default() }.with(Line {
        name: "loss".into(),
        x: (0..100).map(f64::from).collect(),
        y: y.collect(),
        ..Line::default()
    })
}

fn logarithmic() -> Axes {
    let x: Vec<f64> = (1..=400).map(f64::from).collect();
    let rate = |p: f64| x.iter().map(|n| n.powf(p)).collect();
    let mean: Vec<f64> = x.iter().map(|n| n.powf(-0.5)).collect();
    let log = |label| Axis { label, scale: Scale::Log, ..Axis::default() };
    Axes {
        title: "error of the estimate".into(),
        x: log("samples n".into()),
        y: log("|θ − θ*|".into()),
        ..Axes::default()
    }
    .with(Band {
        x: x.clone(),
        low: mean.iter().map(|m| m * 0.6).collect(),
        high: mean.iter().map(|m| m * 1.6).collect(),
        ..Band::default()
    })
    .with(Line { name: "n⁻½".into(), x: x.clone(), y: mean, ..Line::default() })
    .with(Line { name: "n⁻¹".into(), y: rate(-1.0), x, ..Line::default() })
}

fn gallery() -> Vec<(&'static str, Figure)> {
    let matrix =
        Sheet::new((0..30).map(|i| if i == 7 { f32::NAN } else { i as f32 }).collect(), 5, 6, (0.0, 6.0), (0.0, 5.0))
            .unwrap();
    let labelled = digits_like(10).tap(|g| {
        g.labels = (0..10).map(|i| format!("{i}")).collect();
        g.title = "one of each class".into();
    });
    let outlined = digits_like(32).tap(|g| g.outlined = vec![7, 15, 23, 31]);
    let panels = [("(a)", 1.2, 0.3, 0.8), ("(b)", 1.0, 0.6, 1.2), ("(c)", 0.8, 1.4, 0.5), ("(d)", 0.6, 2.0, 0.0)];
    let panels = panels.map(|(name, w, m, d)| Figure::from(figure_one(w, m, d).tap(|a| a.title = name.into())));
    let arrows = Axes {
        transport: Some(Transport {
            z: (0..30).map(|i| uniform(i) * 2.0 - 1.0).collect(),
            x: (0..30).map(|i| uniform(i).powi(2) * 5.0).collect(),
        }),
        title: "G carries z to x".into(),
        ..Axes::default()
    };
    vec![
        ("losses", losses(2000).into()),
        ("grid", digits_like(64).into()),
        ("labels", labelled.into()),
        ("outlined", outlined.into()),
        ("scatter", ring_scatter().into()),
        ("landscape", landscape().into()),
        (
            "matrix",
            Axes { title: "confusion".into(), ..Axes::default() }
                .with(Heat { sheet: matrix, ..Heat::default() })
                .into(),
        ),
        ("histogram", distributions().into()),
        ("figure1", Layout { title: "Figure 1".into(), rows: vec![panels.into()] }.into()),
        ("field", game_field(false).into()),
        ("unit_field", game_field(true).into()),
        ("arrows", arrows.into()),
        ("log", logarithmic().into()),
        ("holes", bad_numbers().into()),
        ("empty", Axes { title: "losses".into(), ..Axes::default() }.into()),
        (
            "layout",
            Layout {
                title: String::new(),
                rows: vec![
                    vec![losses(500).into(), digits_like(36).into()],
                    vec![ring_scatter().into(), landscape().into()],
                ],
            }
            .into(),
        ),
    ]
}

#[test]
fn the_gallery_is_drawn_at_twice_its_width() {
    let folder = std::env::var_os("SADDLE_GALLERY").map(std::path::PathBuf::from);
    for (name, figure) in gallery() {
        let picture = figure.picture();
        let image = image::load_from_memory(&picture.bytes).unwrap();
        assert_eq!(image.dimensions(), (2 * picture.width, 2 * picture.height), "{name}");
        assert_eq!(picture, figure.picture(), "{name}: the same data give the same bytes");
        if let Some(folder) = &folder {
            std::fs::write(folder.join(format!("{name}.png")), &picture.bytes).unwrap();
        }
    }
}
