//! Layers and losses.

use super::fixture::{Operation, check};
use saddle_fault::Result;
use saddle_nn::layers::{
    BatchNorm, ConditionalBatchNorm, Conv1d, Conv2d, ConvTranspose2d, GroupNorm, InstanceNorm, Layer, LayerNorm,
    Linear, Mode, Pass, Prelu, ReferenceNorm, SelfAttention, Sight, autoregressive, weight_norm,
};
use saddle_nn::{Init, Network, Param, loss};
use saddle_tensor::{Geometry, Tensor, device};

/// A layer of x and its parameters, in train mode with fresh running statistics.
fn layer(layer: impl Layer + 'static) -> Operation {
    Box::new(move |x| layer.forward(&x[1..], &layer.start().buffers, &x[0], &Pass::of(Mode::Train)))
}

fn batch_norm() -> BatchNorm {
    BatchNorm { channels: 2, eps: 1e-5, momentum: 0.1, gain: Init::Constant(1.0), affine: true, across: None }
}

/// A running statistic after one batch.
fn running(x: &[Tensor], which: usize) -> Result<Tensor> {
    let buffers = [Param::new("mean", x[1].clone()), Param::new("var", x[2].clone())];
    batch_norm().forward(&[], &buffers, &x[0], &Pass::of(Mode::Train))?;
    Ok(buffers[which].value())
}

#[test]
fn layers_agree_with_pytorch() {
    let geometry = Geometry { stride: [2; 2], padding: [1; 2], ..Geometry::default() };
    check(
        "layers.json",
        vec![
            ("batch_norm", layer(batch_norm())),
            ("batch_norm of images", layer(batch_norm())),
            (
                "batch_norm eval",
                Box::new(|x| {
                    let buffers = [Param::new("mean", x[3].clone()), Param::new("var", x[4].clone())];
                    batch_norm().forward(&x[1..3], &buffers, &x[0], &Pass::of(Mode::Eval))
                }),
            ),
            ("batch_norm running mean", Box::new(|x| running(x, 0))),
            ("batch_norm running var", Box::new(|x| running(x, 1))),
            ("layer_norm", layer(LayerNorm { shape: vec![4], eps: 1e-5, affine: true })),
            ("layer_norm of two dims", layer(LayerNorm { shape: vec![2, 3], eps: 1e-5, affine: true })),
            ("instance_norm", layer(InstanceNorm { channels: 2, eps: 1e-5, affine: true })),
            ("conv2d layer", conv(geometry)),
            ("conv1d layer", conv1d(Sight::Around, 3, [2, 2], [2, 2])),
            ("causal_conv1d", conv1d(Sight::Causal, 2, [0, 0], [1, 2])),
            ("masked_conv2d A", masked_conv2d()),
            ("conditional_batch_norm", conditional()),
            ("spectral_norm", network(spectral_norm, &["u", "v"])),
            ("weight_norm", network(weight_norm, &[])),
            ("self_attention", layer(SelfAttention { channels: 2, inner: 1, init: Init::FanIn })),
            ("virtual_batch_norm", by_reference(true)),
            ("reference_batch_norm", by_reference(false)),
            ("conv_transpose2d layer", conv_transpose(geometry)),
            ("batch_norm not affine", layer(BatchNorm { affine: false, ..batch_norm() })),
            (
                "batch_norm not affine, eval",
                Box::new(|x| {
                    let buffers = [Param::new("mean", x[1].clone()), Param::new("var", x[2].clone())];
                    let layer = BatchNorm { affine: false, ..batch_norm() };
                    layer.forward(&[], &buffers, &x[0], &Pass::of(Mode::Eval))
                }),
            ),
            ("layer_norm not affine", layer(LayerNorm { shape: vec![4], eps: 1e-5, affine: false })),
            ("instance_norm not affine", layer(InstanceNorm { channels: 2, eps: 1e-5, affine: false })),
            ("group_norm", group_norm(true)),
            ("group_norm not affine", group_norm(false)),
            ("prelu", layer(Prelu { channels: None })),
            ("prelu of channels", layer(Prelu { channels: Some(3) })),
        ],
    );
}

fn group_norm(affine: bool) -> Operation {
    layer(GroupNorm { groups: 2, channels: 4, eps: 1e-5, affine })
}

/// The names of PyTorch's state dicts: without gain and shift a normalisation has no parameters, and batch norm keeps its
/// running statistics.
#[test]
fn state_dicts_have_the_names_of_pytorch() {
    let names = |net: Network| net.named().into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ");
    let norms = |affine: bool| {
        [
            Network::of(BatchNorm { affine, ..batch_norm() }),
            Network::of(LayerNorm { shape: vec![4], eps: 1e-5, affine }),
            Network::of(InstanceNorm { channels: 2, eps: 1e-5, affine }),
            Network::of(GroupNorm { groups: 2, channels: 4, eps: 1e-5, affine }),
        ]
        .map(names)
    };
    assert_eq!(norms(true), ["weight bias running_mean running_var", "weight bias", "weight bias", "weight bias"]);
    assert_eq!(norms(false), ["running_mean running_var", "", "", ""]);
    assert_eq!(names(Network::of(Prelu { channels: Some(3) })), "weight");
}

fn conv(geometry: Geometry) -> Operation {
    layer(Conv2d { inputs: 1, outputs: 2, kernel: [3, 3], geometry, bias: true, init: Init::FanIn })
}

/// Channels are read off the kernels, so one layer fits all cases.
fn conv1d(sight: Sight, kernel: usize, padding: [usize; 2], dilation: [usize; 2]) -> Operation {
    let geometry = Geometry { padding, dilation, ..Geometry::default() };
    layer(Conv1d { inputs: 1, outputs: 2, kernel, geometry, sight, bias: true, init: Init::FanIn })
}

fn masked_conv2d() -> Operation {
    let geometry = Geometry { padding: [1; 2], ..Geometry::default() };
    let plain = Conv2d { inputs: 1, outputs: 1, kernel: [3, 3], geometry, bias: true, init: Init::FanIn };
    let net = autoregressive(plain, 1, false);
    Box::new(move |x| net.with(&x[1..])?.forward(&x[0]))
}

/// Inputs: the reference batch, the examples, gain and shift.
fn by_reference(with_example: bool) -> Operation {
    let layer = ReferenceNorm { channels: 2, eps: 1e-5, gain: Init::Constant(1.0), with_example };
    Box::new(move |x| {
        let n = x[0].shape()[0];
        let pass = Pass { reference: n, ..Pass::of(Mode::Train) };
        let both = Tensor::cat(&x[..2], 0)?;
        let y = layer.forward(&x[2..], &[], &both, &pass)?;
        y.narrow(0, n..y.shape()[0])
    })
}

fn conditional() -> Operation {
    let layer = ConditionalBatchNorm { norm: batch_norm(), classes: 2 };
    Box::new(move |x| {
        let pass = Pass { condition: Some(x[3].clone()), ..Pass::of(Mode::Train) };
        layer.forward(&x[1..3], &layer.start().buffers, &x[0], &pass)
    })
}

/// A linear layer under a norm, in eval mode: x, its parameters, and the buffers of those names.
fn network(norm: fn(&Network) -> Result<Network>, buffers: &'static [&str]) -> Operation {
    let linear = Linear { inputs: 3, outputs: 2, bias: true, init: Init::FanIn, bias_init: None };
    let net = norm(&Network::of(linear)).expect("a linear layer has a weight");
    net.set_mode(Mode::Eval);
    Box::new(move |x| {
        let (params, own) = x[1..].split_at(x.len() - 1 - buffers.len());
        let net = net.with(params)?;
        for (name, value) in buffers.iter().zip(own) {
            let named = net.named();
            let (_, buffer) = named.iter().find(|(n, _)| n == name).expect("a buffer");
            buffer.set(value.clone());
        }
        net.forward(&x[0])
    })
}

fn spectral_norm(net: &Network) -> Result<Network> {
    saddle_nn::layers::spectral_norm(net, 1)
}

fn conv_transpose(geometry: Geometry) -> Operation {
    layer(ConvTranspose2d {
        inputs: 2,
        outputs: 1,
        kernel: [4, 4],
        geometry,
        output_padding: [0, 0],
        bias: true,
        init: Init::FanIn,
    })
}

fn of_pair(f: fn(&Tensor, &Tensor) -> Result<Tensor>) -> Operation {
    Box::new(move |x| f(&x[0], &x[1]))
}

#[test]
fn losses_agree_with_pytorch() {
    check(
        "losses.json",
        vec![
            ("bce", of_pair(loss::bce)),
            ("bce at the ends", of_pair(loss::bce)),
            ("bce_with_logits", of_pair(loss::bce_with_logits)),
            ("bce_with_logits far out", of_pair(loss::bce_with_logits)),
            ("cross_entropy", of_pair(loss::cross_entropy)),
            ("cross_entropy of probabilities", of_pair(loss::cross_entropy)),
            ("cross_entropy smoothed", of_pair(|x, t| loss::smoothed_cross_entropy(x, t, 0.1))),
            ("cross_entropy of probabilities smoothed", of_pair(|x, t| loss::smoothed_cross_entropy(x, t, 0.3))),
            ("nll_loss", of_pair(loss::nll_loss)),
            ("huber_loss", of_pair(|x, t| loss::huber_loss(x, t, 1.0))),
            ("smooth_l1_loss", of_pair(|x, t| loss::huber_loss(x, t, 1.0))),
            ("huber_loss 0.5", of_pair(|x, t| loss::huber_loss(x, t, 0.5))),
            ("mse", of_pair(loss::mse)),
            ("l1", of_pair(loss::l1)),
        ],
    );
}

/// Where a saturated discriminator says exactly 0 or 1, the gradient must stay finite.
#[test]
fn the_gradient_of_bce_at_the_ends_is_finite() -> Result<()> {
    use saddle_tensor::{GradOptions, grad};
    let p = Tensor::from_floats(vec![0.0, 1.0, 1.0, 0.0], &[4], &device::current());
    let target = Tensor::from_floats(vec![0.0, 1.0, 0.0, 1.0], &[4], &device::current());
    let grads = grad(&loss::bce(&p, &target)?, &[&p], None, GradOptions::default())?;
    let g = grads[0].as_ref().expect("the loss depends on p").to_floats()?;
    assert!(g.iter().all(|v| v.is_finite()), "{g:?}");
    Ok(())
}

/// van den Oord et al. 2016, figure 2 and section 3.4: red sees the pixels before, green those and red, blue those and
/// both.
#[test]
fn a_colour_sees_the_pixels_before_it_and_the_colours_before_it() -> Result<()> {
    const SIDE: usize = 3;
    let conv = |inputs: usize, outputs: usize, with_own: bool| {
        let layer = Conv2d {
            inputs,
            outputs,
            kernel: [3, 3],
            geometry: Geometry { padding: [1; 2], ..Geometry::default() },
            bias: true,
            init: Init::FanIn,
        };
        autoregressive(layer, 3, with_own)
    };
    let (first, second) = (conv(3, 12, false), conv(12, 3, true));
    let outputs = |x: &[f32]| {
        let x = Tensor::from_floats(x.to_vec(), &[1, 3, SIDE, SIDE], &device::current());
        second.forward(&first.forward(&x)?)?.to_floats()
    };
    // Channels come first: colour and pixel of an index.
    let place = |i: usize| (i / (SIDE * SIDE), i % (SIDE * SIDE));
    let x: Vec<f32> = (0..27).map(|i| (i as f32).sin()).collect();
    let before = outputs(&x)?;
    for changed in 0..27 {
        let mut other = x.clone();
        other[changed] += 1.0;
        let (colour, pixel) = place(changed);
        for (i, (a, b)) in before.iter().zip(outputs(&other)?).enumerate() {
            let (own_colour, own_pixel) = place(i);
            let earlier_colour = pixel == own_pixel && colour < own_colour;
            let left = pixel + 1 == own_pixel && own_pixel % SIDE != 0;
            let what = format!("colour {colour} of pixel {pixel} → {own_colour} of {own_pixel}");
            if a.to_bits() != b.to_bits() {
                assert!(pixel < own_pixel || earlier_colour, "seen: {what}");
            }
            if left || earlier_colour {
                assert!((a - b).abs() > 1e-6, "not seen: {what}");
            }
        }
    }
    Ok(())
}
