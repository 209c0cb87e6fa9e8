//! Finite differences against the tape, at first and second order, on plain and on strided inputs.
//!
//! For an operation y = f(x…) the scalar L = Σ w·(y + y²) is differentiated: the square gives linear operations a
//! second order, too. First order: dL/dx against differences of L. Second order: d(Σ v·dL/dx)/dx against differences of
//! the first. Differences are central, over five points: error h⁴/30 · f⁽⁵⁾ by truncation, about 1e-7 · f / h by
//! rounding. They are always taken on the CPU: on another device, which `SADDLE_DEVICE` names, the values and the tape
//! have to agree with them.

use saddle_fault::Result;
use saddle_tensor::{Device, GradOptions, Tensor, device, grad};

const H: f32 = 1.0 / 32.0;
/// Of the larger of 1 and the value itself.
const TOLERANCE: f64 = 2e-3;

/// Where an input's values come from: never within reach of a kink of the operation.
#[derive(Clone, Copy)]
pub enum Values {
    /// Anywhere between.
    Between(f32, f32),
    /// In ±[0.4, 1.4]: away from 0.
    AwayFromZero,
    /// All at least 0.5 apart: no ties for max, sort and their kin.
    Apart,
}

/// Numbers without any pattern that an operation could be right by chance on.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// In [0, 1).
    pub fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    pub fn fill(&mut self, n: usize, values: Values) -> Vec<f32> {
        match values {
            Values::Between(lo, hi) => (0..n).map(|_| lo + (hi - lo) * self.uniform()).collect(),
            Values::AwayFromZero => (0..n)
                .map(|_| {
                    let size = 0.4 + self.uniform();
                    if self.uniform() < 0.5 { -size } else { size }
                })
                .collect(),
            Values::Apart => {
                let mut all: Vec<f32> = (0..n).map(|i| 0.5 * (i as f32 - n as f32 / 2.0)).collect();
                for i in (1..n).rev() {
                    all.swap(i, (self.uniform() * (i + 1) as f32) as usize);
                }
                all
            }
        }
    }
}

type Function = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// An operation of some inputs.
pub struct Case {
    pub name: String,
    pub inputs: Vec<(Vec<usize>, Values)>,
    pub f: Function,
}

/// A case of one input.
pub fn one(name: &str, shape: &[usize], values: Values, f: impl Fn(&Tensor) -> Result<Tensor> + 'static) -> Case {
    Case { name: name.into(), inputs: vec![(shape.to_vec(), values)], f: Box::new(move |x| f(&x[0])) }
}

/// A case of two inputs.
pub fn two(
    name: &str,
    (a, va): (&[usize], Values),
    (b, vb): (&[usize], Values),
    f: impl Fn(&Tensor, &Tensor) -> Result<Tensor> + 'static,
) -> Case {
    Case {
        name: format!("{name} {a:?} {b:?}"),
        inputs: vec![(a.to_vec(), va), (b.to_vec(), vb)],
        f: Box::new(move |x| f(&x[0], &x[1])),
    }
}

/// How a leaf lies in memory.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Plain,
    /// The last two axes are stored in the other order.
    Transposed,
    /// Part of a larger tensor.
    Sliced,
}

fn leaf(data: &[f32], shape: &[usize], layout: Layout) -> Result<Tensor> {
    let plain = Tensor::from_floats(data.to_vec(), shape, &device::current());
    Ok(match layout {
        Layout::Plain => plain,
        Layout::Transposed if shape.len() >= 2 => {
            // Stored transposed (the copy is made by reshape), seen as before.
            let stored = plain.transpose(-2, -1)?;
            let moved = stored.reshape(&[stored.len()])?.reshape(&stored.shape())?;
            moved.transpose(-2, -1)?.detach()
        }
        Layout::Sliced if !shape.is_empty() => {
            let margins = vec![(1, 2); shape.len()];
            let ranges: Vec<_> = shape.iter().map(|&n| 1..n + 1).collect();
            plain.pad(&margins, 7.0)?.slice(&ranges)?.detach()
        }
        _ => plain,
    })
}

fn leaves(case: &Case, data: &[Vec<f32>], layout: Layout) -> Result<Vec<Tensor>> {
    let inputs = case.inputs.iter().zip(data);
    inputs.map(|((shape, _), data)| leaf(data, shape, layout)).collect()
}

/// y.
fn value(case: &Case, data: &[Vec<f32>]) -> Result<Vec<f32>> {
    (case.f)(&leaves(case, data, Layout::Plain)?)?.to_floats()
}

struct Run<'a> {
    case: &'a Case,
    /// w, of y's size; v, of each input's.
    w: Vec<f32>,
    v: Vec<Vec<f32>>,
}

impl Run<'_> {
    /// L in double precision.
    fn loss(&self, data: &[Vec<f32>]) -> Result<f64> {
        let y = value(self.case, data)?;
        let terms = y.iter().zip(&self.w).map(|(&y, &w)| f64::from(w) * (f64::from(y) + f64::from(y).powi(2)));
        Ok(terms.sum())
    }

    /// dL/dx of each input, recorded, and the leaves.
    fn first(&self, data: &[Vec<f32>], layout: Layout) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        self.gradients(data, layout, GradOptions { create_graph: true })
    }

    /// dL/dx of each input, and the leaves.
    fn gradients(&self, data: &[Vec<f32>], layout: Layout, options: GradOptions) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let leaves = leaves(self.case, data, layout)?;
        let y = (self.case.f)(&leaves)?;
        let w = Tensor::from_floats(self.w.clone(), &y.shape(), &device::current());
        let loss = y.add(&y.square()?)?.mul(&w)?.sum()?;
        let wrt: Vec<&Tensor> = leaves.iter().collect();
        let grads = grad(&loss, &wrt, None, options)?;
        let grads = grads.into_iter().zip(&leaves).map(|(g, x)| g.unwrap_or_else(|| x.zeros_like()));
        Ok((grads.collect(), leaves))
    }

    /// Σ v·dL/dx in double precision.
    fn directional(&self, data: &[Vec<f32>]) -> Result<f64> {
        let (grads, _) = self.first(data, Layout::Plain)?;
        let mut sum = 0.0;
        for (g, v) in grads.iter().zip(&self.v) {
            sum += g.to_floats()?.iter().zip(v).map(|(&g, &v)| f64::from(g) * f64::from(v)).sum::<f64>();
        }
        Ok(sum)
    }

    /// d(Σ v·dL/dx)/dx of each input.
    fn second(&self, data: &[Vec<f32>], layout: Layout) -> Result<Vec<Vec<f32>>> {
        let (grads, leaves) = self.first(data, layout)?;
        let mut total = Tensor::scalar(0.0);
        for (g, v) in grads.iter().zip(&self.v) {
            total = total.add(&g.mul(&Tensor::from_floats(v.clone(), &g.shape(), &device::current()))?.sum()?)?;
        }
        let wrt: Vec<&Tensor> = leaves.iter().collect();
        let grads = grad(&total, &wrt, None, GradOptions::default())?;
        grads.into_iter().zip(&leaves).map(|(g, x)| g.unwrap_or_else(|| x.zeros_like()).to_floats()).collect()
    }
}

/// df/dx at every element of every input, by five points.
fn differences(data: &[Vec<f32>], f: impl Fn(&[Vec<f32>]) -> Result<f64>) -> Result<Vec<Vec<f64>>> {
    let mut moved = data.to_vec();
    let mut out = Vec::new();
    for i in 0..data.len() {
        let mut column = Vec::new();
        for j in 0..data[i].len() {
            let mut at = |steps: f32| {
                moved[i][j] = data[i][j] + steps * H;
                let value = f(&moved);
                moved[i][j] = data[i][j];
                value
            };
            let near = at(1.0)? - at(-1.0)?;
            let far = at(2.0)? - at(-2.0)?;
            column.push((8.0 * near - far) / (12.0 * f64::from(H)));
        }
        out.push(column);
    }
    Ok(out)
}

fn compare(what: &str, tape: &[Vec<f32>], truth: &[Vec<f64>]) -> Option<String> {
    for (i, (tape, truth)) in tape.iter().zip(truth).enumerate() {
        assert_eq!(tape.len(), truth.len(), "{what}: the size of the gradient of input {i}");
        for (j, (&t, &n)) in tape.iter().zip(truth).enumerate() {
            let off = (f64::from(t) - n).abs();
            // Written so that NaN fails.
            let fits = off <= TOLERANCE * n.abs().max(1.0);
            if !fits {
                return Some(format!("{what}, input {i}, element {j}: {t}, truth {n}"));
            }
        }
    }
    None
}

/// What `f` gives on the CPU.
fn on_the_cpu<T>(f: impl FnOnce() -> T) -> T {
    let here = device::current();
    device::set_current(Device::Cpu);
    let value = f();
    device::set_current(here);
    value
}

fn complaints(case: &Case) -> Result<Vec<String>> {
    let mut noise = Noise::new(case.name.len() as u64 + 17);
    let data: Vec<Vec<f32>> =
        case.inputs.iter().map(|(shape, values)| noise.fill(shape.iter().product(), *values)).collect();
    let y = on_the_cpu(|| value(case, &data))?;
    let w = noise.fill(y.len(), Values::AwayFromZero);
    let v = data.iter().map(|d| noise.fill(d.len(), Values::AwayFromZero)).collect();
    let run = Run { case, w, v };
    let first_truth = on_the_cpu(|| differences(&data, |d| run.loss(d)))?;
    let second_truth = on_the_cpu(|| differences(&data, |d| run.directional(d)))?;
    let mut found = Vec::new();
    if device::current() != Device::Cpu {
        let y: Vec<f64> = y.iter().map(|&y| f64::from(y)).collect();
        let here = value(case, &data)?;
        found.extend(compare(&format!("{}, value", case.name), &[here], &[y]));
    }
    for layout in [Layout::Plain, Layout::Transposed, Layout::Sliced] {
        let (grads, leaves) = run.first(&data, layout)?;
        for (g, x) in grads.iter().zip(&leaves) {
            assert_eq!(g.shape(), x.shape(), "{}: a gradient has the shape of its input", case.name);
        }
        let first: Vec<Vec<f32>> = grads.iter().map(Tensor::to_floats).collect::<Result<_>>()?;
        let name = |order| format!("{} ({layout:?}), {order} order", case.name);
        found.extend(compare(&name("first"), &first, &first_truth));
        // Rules may go a shorter way when they are not recorded.
        let (grads, _) = run.gradients(&data, layout, GradOptions::default())?;
        let plain: Vec<Vec<f32>> = grads.iter().map(Tensor::to_floats).collect::<Result<_>>()?;
        found.extend(compare(&name("unrecorded first"), &plain, &first_truth));
        found.extend(compare(&name("second"), &run.second(&data, layout)?, &second_truth));
    }
    Ok(found)
}

/// Checks every case at first and second order on every layout.
pub fn against_differences(cases: &[Case]) {
    let mut found = Vec::new();
    for case in cases {
        match complaints(case) {
            Ok(these) => found.extend(these),
            Err(fault) => found.push(format!("{}: {fault}", case.name)),
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
