//! What there is to learn from: data sets of samples with labels, and distributions with a density, as plain numbers.
//!
//! | file | owns |
//! |---|---|
//! | [`mod@array`] | arrays as files hold them, of any element type |
//! | [`numpy`] | `.npy` and `.npz` files |
//! | [`safetensors`] | `.safetensors` files |
//! | [`torch`], `pickle` | PyTorch's files: tensors only, nothing in them is run |
//! | `dataset` | [`Dataset`]: rows of one shape, labels, views of parts of them |
//! | `prefetch` | [`Plan`]: minibatches gathered by a thread of their own |
//! | `digits` | the 8 × 8 digits that travel with the program |
//! | `famous` | MNIST and Fashion-MNIST: [`Famous`], found on the disk or downloaded; [`mnist_5000`], which travels with the program |
//! | `cifar` | CIFAR-10, likewise |
//! | `csv` | tables of numbers as text: columns, labels, missing values |
//! | `records` | the records and cells of such a text |
//! | `header` | whether its first line names the columns |
//! | `folder` | pictures in folders, archives and tables, all at once or each when it is drawn |
//! | `zip` | zip archives, from memory or file by file from the disk |
//! | `parquet` | Parquet files with encoded pictures |
//! | `picture` | one picture in a file |
//! | `idx` | the format of MNIST's files |
//! | [`events`] | TensorBoard's event files |
//! | `download` | downloads with checksums |
//! | `files` | opening files; [`Watch`]: who waits for a long load |
//! | `distribution` | [`Distribution`]: Gaussians and their mixtures, rings, grids, the Swiss roll, moons |
//!
//! Nothing here draws random numbers by itself: whoever asks for samples brings a [`Source`].

#![forbid(unsafe_code)]

pub mod array;
mod cifar;
mod csv;
#[cfg(test)]
mod csv_tests;
mod dataset;
mod digits;
mod distribution;
#[cfg(test)]
mod distribution_tests;
mod download;
pub mod events;
mod famous;
#[cfg(test)]
mod famous_tests;
#[cfg(test)]
mod file_tests;
mod files;
mod folder;
#[cfg(test)]
mod folder_tests;
mod header;
mod idx;
pub mod numpy;
#[cfg(test)]
mod numpy_tests;
mod parquet;
mod pickle;
mod picture;
mod prefetch;
mod records;
pub mod safetensors;
pub mod torch;
#[cfg(test)]
mod torch_tests;
mod zip;

pub use array::{Array, Values};
pub use cifar::{CIFAR_10, cifar10};
pub use csv::{Column, Csv, Missing, csv};
pub use dataset::{Dataset, Features};
pub use digits::digits;
pub use distribution::{Distribution, Gaussian, Mixture};
pub use famous::{FASHION_MNIST, Famous, MNIST, Places, Split, mnist_5000};
pub use files::{Step, Watch};
pub use folder::{FolderOptions, Stream, image_folder};
pub use numpy::{npy, npz};
pub use parquet::Columns;
pub use prefetch::{Batch, Plan};

/// Where random numbers come from.
pub trait Source {
    /// `n` numbers from the standard normal distribution.
    fn normal(&mut self, n: usize) -> Vec<f32>;

    /// `n` numbers, uniform in [0, 1).
    fn uniform(&mut self, n: usize) -> Vec<f32>;

    /// `n` whole numbers, uniform in `0..below`. `below` is at least 1.
    fn integers(&mut self, n: usize, below: usize) -> Vec<usize>;

    /// The numbers `0..n` in random order, each order equally likely.
    fn permutation(&mut self, n: usize) -> Vec<usize>;
}
