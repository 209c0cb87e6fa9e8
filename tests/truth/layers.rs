//! Layers and losses.

use super::fixture::{Operation, check};
use saddlepoint::fault::Result;
use saddlepoint::nn::layers::{
    BatchNorm, Conv2d, ConvTranspose2d, InstanceNorm, Layer, LayerNorm, Mode, Pass,
};
use saddlepoint::nn::{Init, Param, loss};
use saddlepoint::tensor::{Geometry, Tensor};

/// A layer of x and its parameters, in train mode with fresh running statistics.
fn layer(layer: impl Layer + 'static) -> Operation {
    Box::new(move |x| layer.forward(&x[1..], &layer.start().buffers, &x[0], &Pass::of(Mode::Train)))
}

fn batch_norm() -> BatchNorm {
    BatchNorm {
        channels: 2,
        eps: 1e-5,
        momentum: 0.1,
        gain: Init::Constant(1.0),
    }
}

/// A running statistic after one batch.
fn running(x: &[Tensor], which: usize) -> Result<Tensor> {
    let buffers = [
        Param::new("mean", x[1].clone()),
        Param::new("var", x[2].clone()),
    ];
    batch_norm().forward(&[], &buffers, &x[0], &Pass::of(Mode::Train))?;
    Ok(buffers[which].value())
}

#[test]
fn layers_agree_with_pytorch() {
    let geometry = Geometry {
        stride: [2; 2],
        padding: [1; 2],
        ..Geometry::default()
    };
    check(
        "layers.json",
        vec![
            ("batch_norm", layer(batch_norm())),
            ("batch_norm of images", layer(batch_norm())),
            (
                "batch_norm eval",
                Box::new(|x| {
                    let buffers = [
                        Param::new("mean", x[3].clone()),
                        Param::new("var", x[4].clone()),
                    ];
                    batch_norm().forward(&x[1..3], &buffers, &x[0], &Pass::of(Mode::Eval))
                }),
            ),
            ("batch_norm running mean", Box::new(|x| running(x, 0))),
            ("batch_norm running var", Box::new(|x| running(x, 1))),
            (
                "layer_norm",
                layer(LayerNorm {
                    shape: vec![4],
                    eps: 1e-5,
                }),
            ),
            (
                "layer_norm of two dims",
                layer(LayerNorm {
                    shape: vec![2, 3],
                    eps: 1e-5,
                }),
            ),
            (
                "instance_norm",
                layer(InstanceNorm {
                    channels: 2,
                    eps: 1e-5,
                }),
            ),
            ("conv2d layer", conv(geometry)),
            ("conv_transpose2d layer", conv_transpose(geometry)),
        ],
    );
}

fn conv(geometry: Geometry) -> Operation {
    layer(Conv2d {
        inputs: 1,
        outputs: 2,
        kernel: [3, 3],
        geometry,
        bias: true,
        init: Init::FanIn,
    })
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
            (
                "cross_entropy of probabilities",
                of_pair(loss::cross_entropy),
            ),
            ("mse", of_pair(loss::mse)),
            ("l1", of_pair(loss::l1)),
        ],
    );
}

/// Where a saturated discriminator says exactly 0 or 1, the gradient must stay finite.
#[test]
fn the_gradient_of_bce_at_the_ends_is_finite() -> Result<()> {
    use saddlepoint::tensor::{Device, GradOptions, grad};
    let p = Tensor::from_floats(vec![0.0, 1.0, 1.0, 0.0], &[4], &Device::Cpu);
    let target = Tensor::from_floats(vec![0.0, 1.0, 0.0, 1.0], &[4], &Device::Cpu);
    let grads = grad(
        &loss::bce(&p, &target)?,
        &[&p],
        None,
        GradOptions::default(),
    )?;
    let g = grads[0]
        .as_ref()
        .expect("the loss depends on p")
        .to_floats()?;
    assert!(g.iter().all(|v| v.is_finite()), "{g:?}");
    Ok(())
}
