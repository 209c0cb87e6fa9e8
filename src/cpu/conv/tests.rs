//! Convolution and its gradients against their definition.

use super::*;
use crate::set_threads;
use crate::simd::testing::at_each_level;
use crate::testing::{assert_close, sample};

/// Calls `visit(index of x, index of w, index of y)` for every product of the convolution, by its definition.
fn each_product(s: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
    let [oh, ow] = s.output();
    let (ci, co) = (s.in_channels / s.groups, s.out_channels / s.groups);
    for n in 0..s.batch {
        for o in 0..s.out_channels {
            for (y, x) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                for c in 0..ci {
                    for (ky, kx) in (0..s.taps).map(|tap| (tap / s.kernel[1], tap % s.kernel[1])) {
                        let iy = (y * s.stride[0] + ky * s.dilation[0]).wrapping_sub(s.padding[0]);
                        let ix = (x * s.stride[1] + kx * s.dilation[1]).wrapping_sub(s.padding[1]);
                        if iy < s.input[0] && ix < s.input[1] {
                            let plane = n * s.in_channels + o / co * ci + c;
                            visit(
                                (plane * s.input[0] + iy) * s.input[1] + ix,
                                ((o * ci + c) * s.kernel[0] + ky) * s.kernel[1] + kx,
                                ((n * s.out_channels + o) * oh + y) * ow + x,
                            );
                        }
                    }
                }
            }
        }
    }
}

fn shape(
    [batch, in_channels, out_channels, groups]: [usize; 4],
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
) -> Conv2d {
    Conv2d { batch, in_channels, out_channels, groups, input, kernel, stride, padding, dilation, taps: area(kernel) }
}

fn shapes() -> Vec<Conv2d> {
    vec![
        shape([1, 1, 1, 1], [1, 1], [1, 1], [1, 1], [0, 0], [1, 1]),
        shape([2, 3, 4, 1], [5, 7], [3, 3], [1, 1], [1, 1], [1, 1]),
        shape([3, 4, 6, 1], [8, 8], [4, 4], [2, 2], [1, 1], [1, 1]),
        shape([2, 1, 16, 1], [28, 28], [4, 4], [2, 2], [1, 1], [1, 1]),
        shape([5, 6, 9, 3], [7, 9], [3, 2], [2, 3], [1, 2], [1, 1]),
        shape([2, 4, 4, 4], [6, 6], [3, 3], [1, 1], [1, 1], [1, 1]),
        shape([2, 2, 3, 1], [11, 12], [3, 3], [2, 1], [2, 3], [2, 3]),
        shape([1, 2, 2, 1], [9, 9], [1, 1], [3, 3], [0, 0], [1, 1]),
        shape([2, 3, 2, 1], [4, 4], [4, 4], [1, 1], [0, 0], [1, 1]),
        shape([1, 2, 2, 1], [2, 2], [3, 3], [2, 2], [0, 0], [1, 1]),
        shape([0, 2, 2, 1], [4, 4], [3, 3], [1, 1], [1, 1], [1, 1]),
        shape([2, 2, 3, 1], [7, 6], [2, 2], [4, 5], [1, 0], [1, 1]),
        shape([3, 16, 10, 2], [7, 8], [3, 4], [2, 1], [1, 2], [1, 1]),
        shape([2, 9, 8, 1], [11, 12], [3, 3], [2, 1], [2, 3], [2, 3]),
        shape([2, 9, 8, 1], [7, 6], [2, 2], [4, 5], [1, 0], [1, 1]),
        shape([4, 40, 50, 1], [8, 8], [4, 4], [2, 2], [1, 1], [1, 1]),
        // each channel by itself, also with a padding that is wider than the kernel reaches
        shape([3, 6, 6, 6], [9, 13], [3, 3], [1, 1], [1, 1], [1, 1]),
        shape([2, 5, 5, 5], [12, 70], [3, 2], [1, 1], [2, 0], [2, 3]),
        shape([2, 3, 3, 3], [5, 4], [2, 2], [1, 1], [2, 3], [1, 1]),
        shape([2, 4, 4, 4], [6, 6], [3, 3], [2, 2], [1, 1], [1, 1]),
        // autoregressive kernels, and others of which only the first taps are used
        Conv2d { taps: 4, ..shape([2, 9, 8, 1], [6, 7], [3, 3], [1, 1], [1, 1], [1, 1]) },
        Conv2d { taps: 5, ..shape([3, 16, 12, 2], [7, 8], [3, 3], [1, 1], [1, 1], [1, 1]) },
        Conv2d { taps: 24, ..shape([2, 1, 5, 1], [9, 9], [7, 7], [1, 1], [3, 3], [1, 1]) },
        Conv2d { taps: 3, ..shape([2, 10, 4, 1], [8, 9], [2, 4], [2, 2], [1, 1], [1, 2]) },
        Conv2d { taps: 1, ..shape([4, 32, 32, 1], [8, 8], [4, 4], [2, 2], [1, 1], [1, 1]) },
    ]
}

fn rounded(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&x| x as f32).collect()
}

#[test]
fn convolution_and_gradients_follow_their_definition() {
    for s in shapes() {
        let (x, w) = (sample(s.input_len(), 1), sample(s.weight_len(), 2));
        let (g, bias) = (sample(s.output_len(), 3), sample(s.out_channels, 4));
        let (mut y, mut dx, mut dw) = (vec![0.0; g.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
        each_product(&s, |i, j, k| {
            y[k] += f64::from(x[i]) * f64::from(w[j]);
            dx[i] += f64::from(g[k]) * f64::from(w[j]);
            dw[j] += f64::from(g[k]) * f64::from(x[i]);
        });
        let with_bias: Vec<f64> =
            (y.iter().enumerate()).map(|(i, y)| y + f64::from(bias[i / area(s.output()) % s.out_channels])).collect();
        at_each_level(|level| {
            println!("{level:?} {s:?}"); // shown if one of these fails
            assert_close(&conv2d(&s, &x, &w, None), &rounded(&y), 1e-4);
            assert_close(&conv2d(&s, &x, &w, Some(&bias)), &rounded(&with_bias), 1e-4);
            assert_close(&conv2d_grad_input(&s, &g, &w), &rounded(&dx), 1e-4);
            assert_close(&conv2d_grad_weight(&s, &x, &g), &rounded(&dw), 1e-4);
        });
    }
}

/// Layers that go by Winograd's filtering: several tiles, one, tiles that are not whole, and other paddings.
fn filtered_layers() -> [Conv2d; 10] {
    [
        shape([17, 32, 48, 1], [14, 14], [4, 4], [2, 2], [1, 1], [1, 1]),
        shape([64, 32, 32, 1], [8, 8], [4, 4], [2, 2], [1, 1], [1, 1]),
        shape([40, 80, 16, 1], [16, 14], [4, 4], [2, 2], [1, 1], [1, 1]),
        shape([33, 32, 32, 1], [13, 16], [4, 4], [2, 2], [2, 0], [1, 1]),
        shape([150, 16, 272, 1], [14, 14], [4, 4], [2, 2], [1, 1], [1, 1]),
        shape([17, 32, 48, 1], [14, 14], [3, 3], [1, 1], [1, 1], [1, 1]),
        shape([64, 32, 32, 1], [4, 4], [3, 3], [1, 1], [1, 1], [1, 1]),
        shape([40, 80, 16, 1], [8, 7], [3, 3], [1, 1], [1, 1], [1, 1]),
        shape([33, 32, 32, 1], [7, 10], [3, 3], [1, 1], [2, 0], [1, 1]),
        shape([70, 16, 272, 1], [7, 7], [3, 3], [1, 1], [0, 0], [1, 1]),
    ]
}

#[test]
fn minimal_filtering_is_as_exact_as_is_said() {
    for s in filtered_layers() {
        let (x, w) = (sample(s.input_len(), 1), sample(s.weight_len(), 2));
        let (g, bias) = (sample(s.output_len(), 3), sample(s.out_channels, 4));
        let (mut y, mut dx, mut dw) = (vec![0.0; g.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
        each_product(&s, |i, j, k| {
            y[k] += f64::from(x[i]) * f64::from(w[j]);
            dx[i] += f64::from(g[k]) * f64::from(w[j]);
            dw[j] += f64::from(g[k]) * f64::from(x[i]);
        });
        y.iter_mut().enumerate().for_each(|(i, y)| *y += f64::from(bias[i / area(s.output()) % s.out_channels]));
        at_each_level(|level| {
            assert!(winograd::suits(&s) || level == crate::simd::Level::Baseline, "{s:?}");
            let near = |got: &[f32], exact: &[f64], what: &str| {
                assert_eq!(got.len(), exact.len());
                let rms =
                    |x: &mut dyn Iterator<Item = f64>| (x.map(|x| x * x).sum::<f64>() / exact.len() as f64).sqrt();
                let size = rms(&mut exact.iter().copied());
                let errors = || got.iter().zip(exact).map(|(&got, exact)| (f64::from(got) - exact) / size);
                let (mean, most) = (rms(&mut errors()), errors().fold(0.0, |a: f64, b| a.max(b.abs())));
                println!("{level:?} {what}: {mean:.1e}, at most {most:.1e} of {size:.1}, {s:?}");
                assert!(mean < 4e-6 && most < 1e-4, "{level:?} {what}: {mean}, at most {most}, {s:?}");
            };
            near(&conv2d(&s, &x, &w, Some(&bias)), &y, "forward");
            near(&conv2d_grad_input(&s, &g, &w), &dx, "gradient of the input");
            near(&conv2d_grad_weight(&s, &x, &g), &dw, "gradient of the weights");
        });
    }
}

/// An infinity, a NaN and an overflow stay with the outputs that see them, as in a layer of any other size.
#[test]
fn minimal_filtering_keeps_what_is_not_finite_where_it_belongs() {
    let layers = [filtered_layers()[1], filtered_layers()[6]];
    let odd = [(f32::INFINITY, 5), (f32::NAN, 5), (3e38, 9)];
    for (s, (odd, at)) in layers.into_iter().flat_map(|s| odd.map(|odd| (s, odd))) {
        let (mut x, w) = (sample(s.input_len(), 1), sample(s.weight_len(), 2));
        let mut g = sample(s.output_len(), 3);
        (x[at], g[at]) = (odd, odd);
        let (mut y, mut dx, mut dw) = (vec![0.0f64; g.len()], vec![0.0f64; x.len()], vec![0.0f64; w.len()]);
        each_product(&s, |i, j, k| {
            y[k] += f64::from(x[i]) * f64::from(w[j]);
            dx[i] += f64::from(g[k]) * f64::from(w[j]);
            dw[j] += f64::from(g[k]) * f64::from(x[i]);
        });
        let same = |got: &[f32], exact: &[f64], what: &str| {
            for (got, &exact) in got.iter().zip(exact) {
                let (far, exact) = ((exact.abs() > 1e37), exact as f32);
                assert!(far || got.is_finite() == exact.is_finite(), "{what}, {odd}: {got} instead of {exact}");
            }
            assert!(got.iter().filter(|x| x.is_finite()).count() > 0, "{what}, {odd}");
        };
        at_each_level(|_| {
            same(&conv2d(&s, &x, &w, None), &y, "forward");
            same(&conv2d_grad_input(&s, &g, &w), &dx, "gradient of the input");
            if odd != 3e38 {
                same(&conv2d_grad_weight(&s, &x, &g), &dw, "gradient of the weights");
            }
        });
    }
}

/// An infinity reaches the weights whose taps see it, and no others, however the rows of an image lie.
#[test]
fn an_infinity_in_a_channel_by_itself_reaches_only_the_taps_that_see_it() {
    let s = shape([2, 3, 3, 3], [6, 7], [3, 3], [1, 1], [0, 0], [1, 1]);
    let (mut x, g) = (sample(s.input_len(), 1), sample(s.output_len(), 2));
    x[6] = f32::INFINITY; // the last pixel of the first row: only the last tap of a kernel's first row sees it
    let mut dw = vec![0.0f64; s.weight_len()];
    each_product(&s, |i, j, k| dw[j] += f64::from(g[k]) * f64::from(x[i]));
    assert_eq!(dw.iter().filter(|x| !x.is_finite()).count(), 1);
    at_each_level(|level| {
        for (got, exact) in conv2d_grad_weight(&s, &x, &g).iter().zip(&dw) {
            let same = f64::from(*got) == *exact || (f64::from(*got) - exact).abs() < 1e-4;
            assert!(same, "{level:?}: {got} for {exact}");
        }
    });
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let [of_four, _, _, _, _, of_three, ..] = filtered_layers();
    for s in [of_four, of_three, shapes()[12], shape([16, 1, 64, 1], [28, 28], [4, 4], [2, 2], [1, 1], [1, 1])] {
        let (x, w, g) = (sample(s.input_len(), 1), sample(s.weight_len(), 2), sample(s.output_len(), 3));
        let all = |threads| {
            set_threads(threads);
            let results = [conv2d(&s, &x, &w, None), conv2d_grad_input(&s, &g, &w), conv2d_grad_weight(&s, &x, &g)];
            set_threads(0);
            results.concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let one = all(1);
        assert!(one == all(2));
        assert!(one == all(5));
    }
}
