//! Measures against sums in double precision, closed forms, and published values.

mod clusters;
mod divergence;
mod features;
mod manifold;

use super::samples::squared_distance;
use super::*;
use saddle_tensor::{Tensor, device, random};
use std::cell::Cell;
use std::f64::consts::TAU;
use std::io::Read;
use std::path::PathBuf;

fn go_on() -> Result<()> {
    Ok(())
}

fn samples(t: &Tensor) -> Samples {
    Samples::read("test", "samples", t).unwrap()
}

fn rows(values: &[f32], dim: usize) -> Samples {
    let shape = [values.len() / dim, dim];
    samples(&Tensor::from_floats(values.to_vec(), &shape, &device::current()))
}

/// Normal samples: `scale · z + shift`.
fn normal(seed: u64, n: usize, dim: usize, scale: f32, shift: f32) -> Samples {
    random::seed(seed);
    samples(&saddle_tensor::affine(&random::normal(&[n, dim]), scale, shift))
}

#[test]
fn distances_far_from_the_origin_keep_their_digits() {
    // The dimension decides between subtraction and products; 3000 points make several blocks.
    for dim in [1, 16, 17, 200] {
        let (a, b) = (normal(1, 3000, dim, 0.5, 300.0), normal(2, 2500, dim, 0.5, 300.0));
        let (mut seen, mut worst) = (0, 0.0f64);
        let pairs = pairs::Pairs::new("test", &a, &b).unwrap();
        pairs
            .squares(&go_on, |block| {
                for (i, squares) in block.each_row() {
                    for (j, &square) in block.columns.clone().zip(squares) {
                        seen += 1;
                        if (i * 31 + j) % 101 == 0 {
                            let exact = squared_distance(a.row(i), b.row(j));
                            worst = worst.max((f64::from(square) - exact).abs() / dim as f64);
                        }
                    }
                }
            })
            .unwrap();
        assert_eq!(seen, 3000 * 2500);
        // Squares are about 0.5 for each coordinate; 300 itself has a last place of 3e-5.
        assert!(worst < 1e-5, "{dim}: {worst}");
    }
}

#[test]
fn a_long_measure_stops_when_asked() {
    let calls = Cell::new(0);
    let poll = || {
        calls.set(calls.get() + 1);
        match calls.get() < 2 {
            true => Ok(()),
            false => Err(saddle_fault::Fault::value("stopped")),
        }
    };
    let a = normal(1, 6000, 20, 1.0, 0.0);
    let stopped = parzen::score(&a, &a, 0.2, &poll).unwrap_err();
    assert_eq!((stopped.message.as_str(), calls.get()), ("stopped", 2));
}

#[test]
fn parzen_agrees_with_double_precision() {
    for (dim, sigma) in [(2, 0.05), (2, 1.0), (64, 0.2), (64, 2.0)] {
        let (model, test) = (normal(3, 300, dim, 1.0, 5.0), normal(4, 70, dim, 1.0, 5.0));
        let each: Vec<f64> = test
            .rows()
            .map(|x| {
                let exponents: Vec<f64> =
                    model.rows().map(|m| -0.5 * squared_distance(x, m) / (sigma * sigma)).collect();
                let top = exponents.iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = exponents.iter().map(|e| (e - top).exp()).sum();
                top + (sum / 300.0).ln() - dim as f64 * (sigma * TAU.sqrt()).ln()
            })
            .collect();
        let mean = each.iter().sum::<f64>() / 70.0;
        let variance = each.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 70.0;
        let score = parzen::score(&model, &test, sigma, &go_on).unwrap();
        assert!((score.mean / mean - 1.0).abs() < 1e-5, "{} not {mean}", score.mean);
        let error = (variance / 70.0).sqrt();
        assert!((score.standard_error / error - 1.0).abs() < 1e-4);
    }
}

#[test]
fn a_width_at_the_edge_of_its_grid_is_told() {
    let (model, held_out) = (normal(5, 400, 2, 1.0, 0.0), normal(6, 400, 2, 1.0, 0.0));
    let choose = |grid: &[f64]| parzen::choose_width(&model, &held_out, grid, &go_on).unwrap();
    let inside = choose(&[0.01, 0.3, 5.0]);
    assert_eq!((inside.sigma, inside.at_edge), (0.3, false));
    let edge = choose(&[2.0, 5.0, 1.0]);
    assert_eq!((edge.sigma, edge.at_edge), (1.0, true));
    assert!(parzen::score(&model, &held_out, 0.0, &go_on).is_err());
    assert!(parzen::score(&model, &held_out, f64::NAN, &go_on).is_err());
    assert!(parzen::choose_width(&model, &held_out, &[], &go_on).is_err());
}

/// The folder of MNIST: under `$SADDLE_DATA`, or under `shared/data` beside the repository.
fn mnist_folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let given = std::env::var_os("SADDLE_DATA").map(PathBuf::from);
    let folders = given.into_iter().chain([PathBuf::from(beside)]);
    folders.map(|folder| folder.join("mnist")).find(|folder| folder.join("train-images-idx3-ubyte.gz").exists())
}

/// The images of an IDX file from `start` on, as rows of 784 numbers in [0, 1].
fn idx_images(file: PathBuf, start: usize, count: usize) -> Samples {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(file).unwrap();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    let pixels = &bytes[16 + start * 784..][..count * 784];
    rows(&pixels.iter().map(|&v| f32::from(v) / 255.0).collect::<Vec<_>>(), 784)
}

#[test]
fn parzen_of_mnist_gives_the_published_protocols_value() {
    let Some(folder) = mnist_folder() else {
        println!("skipped: MNIST is neither under $SADDLE_DATA nor under ../shared/data");
        return;
    };
    let train = |start, count| idx_images(folder.join("train-images-idx3-ubyte.gz"), start, count);
    let model = train(0, 10_000);
    let width = parzen::choose_width(&model, &train(50_000, 1000), &parzen::usual_grid(), &go_on).unwrap();
    assert!((width.sigma - 0.166_810).abs() < 1e-6 && !width.at_edge);
    let test = idx_images(folder.join("t10k-images-idx3-ubyte.gz"), 0, 10_000);
    let start = std::time::Instant::now();
    let score = parzen::score(&model, &test, width.sigma, &go_on).unwrap();
    println!("{score:?} in {:?}", start.elapsed());
    assert!((score.mean - 241.19).abs() < 0.01, "{}", score.mean);
    assert!((score.standard_error - 2.13).abs() < 0.01, "{}", score.standard_error);
}

#[test]
fn the_nearest_neighbours_are_those_of_a_full_search() {
    for dim in [2, 40] {
        let data = normal(7, 500, dim, 1.0, 10.0);
        let x = data.select(&[3, 499, 17]);
        let found = neighbours::nearest(&x, &data, 4, &go_on).unwrap();
        for ((x, found), itself) in x.rows().zip(&found).zip([3, 499, 17]) {
            let mut all: Vec<(f64, usize)> =
                data.rows().enumerate().map(|(j, y)| (squared_distance(x, y).sqrt(), j)).collect();
            all.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let got: Vec<_> = found.iter().map(|n| (n.distance, n.index)).collect();
            assert_eq!(got, all[..4]);
            assert_eq!(got[0], (0.0, itself));
        }
    }
    let data = normal(7, 5, 2, 1.0, 0.0);
    assert!(neighbours::nearest(&data, &data, 6, &go_on).is_err());
    assert!(neighbours::nearest(&data, &data, 0, &go_on).is_err());
}

#[test]
fn modes_are_counted_by_their_own_standard_deviations() {
    let centres = rows(&[0.0, 0.0, 10.0, 0.0], 2);
    let std = rows(&[1.0, 1.0, 0.1, 1.0], 2);
    // On the border of the first; beyond the second's narrow side; within its wide side; nowhere.
    let x = rows(&[3.0, 0.0, 9.6, 0.0, 10.0, 2.9, 5.0, 5.0], 2);
    let found = modes::found(&x, &centres, &std, 3.0).unwrap();
    assert_eq!((found.counts.as_slice(), found.share), (&[1, 1][..], 0.5));
    assert_eq!(found.modes(), 2);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let read = |values: Vec<f32>, shape: &[usize]| {
        Samples::read("fid", "real samples", &Tensor::from_floats(values, shape, &device::current())).map(|_| ())
    };
    let message = |r: Result<()>| r.unwrap_err().message;
    assert!(message(read(vec![], &[0, 3])).contains("got shape [0, 3]"));
    assert!(message(read(vec![1.0], &[])).contains("got shape []"));
    assert!(message(read(vec![0.0, 0.0, f32::NAN, 0.0], &[2, 2])).contains("number 1 is NaN"));
    assert!(read(vec![f32::INFINITY], &[1]).is_err());
    assert_eq!(read(vec![1e14], &[1]), Ok(()));
    let (a, b) = (normal(1, 3, 2, 1.0, 0.0), normal(1, 3, 4, 1.0, 0.0));
    let fault = parzen::score(&a, &b, 1.0, &go_on).unwrap_err();
    assert!(fault.message.contains("of 4 and of 2 numbers"), "{fault}");
}
