//! The graph itself: orders beyond two, what is pruned, what is left out, how deep and how long-lived it is.

use saddle_fault::Result;
use saddle_tensor::{GradOptions, Lstm, Tensor, device, grad, no_grad, tape};
use std::cell::Cell;
use std::rc::Rc;

const GRAPH: GradOptions = GradOptions { create_graph: true };
const PLAIN: GradOptions = GradOptions { create_graph: false };

fn vector(values: &[f32]) -> Tensor {
    Tensor::from_floats(values.to_vec(), &[values.len()], &device::current())
}

/// The derivative of Σ y with respect to x, as a recorded tensor.
fn derivative(y: &Tensor, x: &Tensor) -> Result<Tensor> {
    let grads = grad(&y.sum()?, &[x], None, GRAPH)?;
    Ok(grads.into_iter().next().flatten().expect("y depends on x"))
}

fn close(tape: &Tensor, truth: impl Iterator<Item = f64>, tolerance: f64) {
    let values = tape.to_floats().expect("on the CPU");
    let truth: Vec<f64> = truth.collect();
    assert_eq!(values.len(), truth.len());
    for (&v, &t) in values.iter().zip(&truth) {
        assert!((f64::from(v) - t).abs() <= tolerance * t.abs().max(1.0), "{values:?} against {truth:?}");
    }
}

const POINTS: [f32; 4] = [-1.3, -0.2, 0.5, 2.0];

fn points() -> impl Iterator<Item = f64> {
    POINTS.into_iter().map(f64::from)
}

#[test]
fn third_derivative_of_sin_is_minus_cos() -> Result<()> {
    let x = vector(&POINTS);
    let mut y = x.sin()?;
    for _ in 0..3 {
        y = derivative(&y, &x)?;
    }
    close(&y, points().map(|x| -x.cos()), 1e-6);
    Ok(())
}

/// Along a line on which all operands depend on one number, and the state on the weight, too: third order against
/// differences of the second, that against differences of the first, and so on down to the value.
#[test]
fn derivatives_of_an_lstm_up_to_the_third() -> Result<()> {
    let spread = |shape: &[usize], k: f32| {
        let n: usize = shape.iter().product();
        Tensor::from_floats((0..n).map(|i| (k * (i + 1) as f32).sin()).collect(), shape, &device::current())
    };
    let (inputs, of_x, bias) = (spread(&[2, 3, 2], 1.7), spread(&[12, 2], 1.1), spread(&[12], 0.7));
    let (weight, state) = (spread(&[12, 3], 2.3), spread(&[2, 6], 0.9));
    let orders = |at: f32| -> Result<Vec<f64>> {
        let x = vector(&[at]);
        let weight = weight.mul(&x)?;
        let state = state.mul(&x)?.add(&weight.square()?.mean()?)?;
        let run = |settings| inputs.mul(&x)?.lstm([&of_x.mul(&x)?, &weight, &bias.mul(&x)?], &state, settings);
        let mut y = run(Lstm { reverse: false, cells: true })?.square()?.sum()?;
        let mut all = vec![f64::from(y.to_floats()?[0])];
        for _ in 0..3 {
            y = derivative(&y, &x)?;
            all.push(f64::from(y.sum()?.to_floats()?[0]));
        }
        let plain = grad(&run(Lstm::default())?.sum()?, &[&x], None, PLAIN)?;
        let recorded = derivative(&run(Lstm::default())?, &x)?;
        let plain = plain[0].as_ref().expect("it depends on x").to_floats()?;
        close(&recorded, plain.into_iter().map(f64::from), 1e-5);
        Ok(all)
    };
    for at in [0.5, -1.0] {
        let h = 1.0 / 32.0;
        let [near, before, far, long_before] = [h, -h, 2.0 * h, -2.0 * h].map(|by| orders(at + by));
        let (near, before, far, long_before) = (near?, before?, far?, long_before?);
        let here = orders(at)?;
        for (i, here) in here.iter().enumerate().skip(1) {
            let slope = |k: usize| (8.0 * (near[k] - before[k]) - (far[k] - long_before[k])) / (12.0 * f64::from(h));
            let off = (here - slope(i - 1)).abs();
            assert!(off <= 2e-3 * here.abs().max(1.0), "order {i} at {at}: {here} for {}", slope(i - 1));
        }
    }
    Ok(())
}

#[test]
fn fifth_derivative_of_x_to_the_sixth() -> Result<()> {
    let x = vector(&POINTS);
    let mut y = x.pow_scalar(6.0)?;
    for _ in 0..5 {
        y = derivative(&y, &x)?;
    }
    close(&y, points().map(|x| 720.0 * x), 1e-5);
    Ok(())
}

#[test]
fn third_derivative_of_the_sigmoid() -> Result<()> {
    let x = vector(&POINTS);
    let mut y = x.sigmoid()?;
    for _ in 0..3 {
        y = derivative(&y, &x)?;
    }
    // σ''' = σ(1 − σ)(1 − 6σ + 6σ²)
    let truth = points().map(|x| {
        let s = 1.0 / (1.0 + (-x).exp());
        s * (1.0 - s) * (1.0 - 6.0 * s + 6.0 * s * s)
    });
    close(&y, truth, 1e-5);
    Ok(())
}

#[test]
fn the_gradient_of_a_gradient_norm() -> Result<()> {
    // y = xᵀAx: ∇y = (A + Aᵀ)x; d‖∇y‖²/dx = 2 (A + Aᵀ)² x.
    let a = Tensor::from_floats(vec![1.0, 2.0, 0.5, -1.0], &[2, 2], &device::current());
    let x = vector(&[0.3, -0.7]);
    let y = x.matmul(&a.matmul(&x)?)?;
    let slope = derivative(&y, &x)?;
    let penalty = slope.square()?.sum()?;
    let s = [[2.0, 2.5], [2.5, -2.0]];
    let (x0, x1) = (f64::from(0.3f32), f64::from(-0.7f32));
    let g = [s[0][0] * x0 + s[0][1] * x1, s[1][0] * x0 + s[1][1] * x1];
    let truth = [2.0 * (s[0][0] * g[0] + s[0][1] * g[1]), 2.0 * (s[1][0] * g[0] + s[1][1] * g[1])];
    close(&derivative(&penalty, &x)?, truth.into_iter(), 1e-5);
    Ok(())
}

/// x, with a count of how often its backward rule runs.
fn counted(x: &Tensor, count: &Rc<Cell<usize>>) -> Tensor {
    let count = count.clone();
    Tensor::custom(&[x], x, move |_, _, g| {
        count.set(count.get() + 1);
        Ok(vec![Some(g.clone())])
    })
}

#[test]
fn a_step_of_d_never_runs_gs_rules() -> Result<()> {
    let (in_g, in_d) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let g_weight = vector(&[0.5, -0.25]);
    let d_weight = vector(&[1.5, 2.0]);
    let z = vector(&[1.0, 2.0]);
    let generate = || counted(&z.mul(&g_weight)?.tanh()?, &in_g).sin();
    let judge = |x: &Tensor| counted(&x.mul(&d_weight)?, &in_d).sigmoid()?.mean();

    let loss = judge(&generate()?)?;
    grad(&loss, &[&d_weight], None, PLAIN)?;
    assert_eq!((in_g.get(), in_d.get()), (0, 1), "D's step");
    grad(&loss, &[&g_weight], None, PLAIN)?;
    assert_eq!((in_g.get(), in_d.get()), (1, 2), "G's step goes through D");
    Ok(())
}

#[test]
fn what_y_does_not_depend_on_has_no_gradient() -> Result<()> {
    let (x, other) = (vector(&[1.0]), vector(&[2.0]));
    let y = x.square()?.sum()?;
    let grads = grad(&y, &[&other, &x], None, PLAIN)?;
    assert!(grads[0].is_none());
    close(grads[1].as_ref().expect("y depends on x"), [2.0].into_iter(), 0.0);
    let constant = Tensor::scalar(3.0);
    assert!(grad(&constant, &[&x], None, PLAIN)?[0].is_none());
    Ok(())
}

#[test]
fn nothing_passes_detach_no_grad_labels_or_steps() -> Result<()> {
    let x = vector(&[1.5, -2.5]);
    let paths: Vec<Tensor> = vec![
        x.detach().square()?,
        no_grad(|| x.square())?,
        x.floor()?,
        x.sign()?,
        x.cast(saddle_tensor::Dtype::Int).cast(saddle_tensor::Dtype::F32),
    ];
    for y in paths {
        assert!(grad(&y.sum()?, &[&x], None, PLAIN)?[0].is_none());
    }
    Ok(())
}

#[test]
fn a_gradient_without_its_graph_is_a_constant() -> Result<()> {
    let x = vector(&[2.0]);
    let first = grad(&x.pow_scalar(3.0)?.sum()?, &[&x], None, PLAIN)?.remove(0).expect("y depends on x");
    assert!(grad(&first.sum()?, &[&x], None, PLAIN)?[0].is_none());
    Ok(())
}

#[test]
fn with_respect_to_itself_to_a_middle_and_twice() -> Result<()> {
    let x = vector(&[3.0]);
    let middle = x.square()?;
    let y = middle.mul_scalar(5.0)?.sum()?;
    let grads = grad(&y, &[&y, &middle, &x, &x], None, PLAIN)?;
    let values: Vec<f32> = grads.iter().flatten().flat_map(|g| g.to_floats().expect("on the CPU")).collect();
    assert_eq!(values, [1.0, 5.0, 30.0, 30.0]);
    Ok(())
}

/// The gradient of a rectified layer's result is that before the rectifier, whoever else asks; how it is added up changes no bit.
#[test]
fn with_respect_to_a_rectified_layer() -> Result<()> {
    let matrix = |values: [f32; 4]| Tensor::from_floats(values.to_vec(), &[2, 2], &device::current());
    let (x, w) = (matrix([1.0, 2.0, -1.0, 0.5]), matrix([1.0, -1.0, 0.25, 1.0]));
    let (v, u) = (matrix([3.0, 5.0, 7.0, 11.0]), matrix([0.5, -2.0, 4.0, 1.0]));
    let h = x.linear_rectified(&w, None, 0.0)?;
    let y = h.linear(&v, None)?.add(&h.linear(&u, None)?)?.sum()?;
    // The sums of the columns of v + u; where x wᵀ = [[−1, 2.25], [−1.5, .25]] is negative, nothing goes on to w.
    let columns = [14.5, 15.0];
    for options in [PLAIN, GRAPH] {
        let both = grad(&y, &[&h, &w], None, options)?;
        let alone = grad(&y, &[&w], None, options)?;
        let of_w = [0.0, 0.0, columns[1] * (1.0 - 1.0), columns[1] * (2.0 + 0.5)];
        close(
            both[0].as_ref().expect("y depends on h"),
            [columns[0], columns[1], columns[0], columns[1]].into_iter(),
            0.0,
        );
        close(both[1].as_ref().expect("y depends on w"), of_w.into_iter(), 0.0);
        close(alone[0].as_ref().expect("y depends on w"), of_w.into_iter(), 0.0);
    }
    Ok(())
}

#[test]
fn a_seed_weighs_the_outputs() -> Result<()> {
    let x = vector(&[1.0, 2.0]);
    let seed = vector(&[10.0, -1.0]);
    let grads = grad(&x.square()?, &[&x], Some(&seed), PLAIN)?;
    close(grads[0].as_ref().expect("y depends on x"), [20.0, -4.0].into_iter(), 0.0);
    let fault = grad(&x.square()?, &[&x], None, PLAIN).err().expect("y has two elements");
    assert_eq!(fault.message, "grad: y must be a single number, got shape [2]");
    let fault = grad(&x.square()?, &[&x], Some(&vector(&[1.0])), PLAIN).err().expect("another shape");
    assert!(fault.message.contains("[1]") && fault.message.contains("[2]"), "{}", fault.message);
    Ok(())
}

/// On the stack of a test thread, 2 MiB, and much less than one frame a node would take.
#[test]
fn a_chain_of_100_000_operations() -> Result<()> {
    let before = tape::live_nodes();
    let x = Tensor::scalar(1.0);
    let mut y = x.clone();
    for _ in 0..50_000 {
        y = y.mul_scalar(0.999_99)?.add_scalar(1e-6)?;
    }
    assert_eq!(tape::live_nodes() - before, 100_000);
    let slope = grad(&y, &[&x], None, PLAIN)?.remove(0).expect("y depends on x");
    // 0.99999 in f32 is 1 − 168 · 2⁻²⁴.
    let truth = (50_000.0 * (-168.0 / f64::from(1 << 24)).ln_1p()).exp();
    close(&slope, [truth].into_iter(), 1e-2);
    drop(y);
    assert_eq!(tape::live_nodes(), before);
    Ok(())
}

#[test]
fn graphs_are_freed_with_their_last_holder() -> Result<()> {
    let before = tape::live_nodes();
    let w = vector(&[0.5, 0.25]);
    for _ in 0..10 {
        let y = w.sin()?.mul(&w)?.sum()?;
        let slope = grad(&y, &[&w], None, GRAPH)?.remove(0).expect("y depends on w");
        let again = grad(&slope.square()?.sum()?, &[&w], None, PLAIN)?;
        assert!(again[0].is_some());
        assert!(tape::live_nodes() > before);
    }
    assert_eq!(tape::live_nodes(), before);
    no_grad(|| w.sin()?.mul(&w))?;
    assert_eq!(tape::live_nodes(), before);
    Ok(())
}

#[test]
fn unrolled_steps_are_differentiated_through() -> Result<()> {
    // f(w) = w²/2; after k steps of size a: w (1 − a)ᵏ. The loss there, w² (1 − a)²ᵏ / 2, has slope w (1 − a)²ᵏ.
    let start = Tensor::scalar(3.0);
    let mut w = start.clone();
    for _ in 0..5 {
        let loss = w.square()?.mul_scalar(0.5)?;
        let g = grad(&loss, &[&w], None, GRAPH)?.remove(0).expect("the loss depends on w");
        w = w.sub(&g.mul_scalar(0.1)?)?;
    }
    let loss = w.square()?.mul_scalar(0.5)?;
    let slope = grad(&loss, &[&start], None, PLAIN)?.remove(0).expect("the loss depends on the start");
    close(&slope, [3.0 * 0.9f64.powi(10)].into_iter(), 1e-5);
    Ok(())
}

#[test]
fn norm_at_zero_has_gradient_zero() -> Result<()> {
    let x = vector(&[0.0, 0.0]);
    let grads = grad(&x.norm(&[0], false)?, &[&x], None, PLAIN)?;
    close(grads[0].as_ref().expect("y depends on x"), [0.0, 0.0].into_iter(), 0.0);
    Ok(())
}
