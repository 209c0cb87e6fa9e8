//! A data set: rows of one shape with optional labels. Parts of it (`split`, `filter`) are views that share its
//! storage.

use super::Source;
use super::folder::Stream;
use saddle_fault::{Fault, Result};
use std::sync::Arc;

/// The numbers of all rows, one row after the other.
#[derive(Clone, Debug)]
pub enum Features {
    /// Floats as they are.
    Floats(Arc<[f32]>),
    /// Whole numbers from 0 to `full`, read as `lo + (hi − lo) · byte / full`. Pictures stay a quarter of their size.
    Bytes {
        /// All samples, one after the other.
        bytes: Arc<[u8]>,
        /// The largest value.
        full: u8,
        /// What 0 means.
        lo: f32,
        /// What `full` means.
        hi: f32,
    },
    /// Pictures that are decoded when they are drawn, their bytes read as those above.
    Stream {
        /// Where they are.
        stream: Arc<Stream>,
        /// What 0 means.
        lo: f32,
        /// What 255 means.
        hi: f32,
    },
}

impl Features {
    fn len(&self) -> usize {
        match self {
            Features::Floats(values) => values.len(),
            Features::Bytes { bytes, .. } => bytes.len(),
            Features::Stream { stream, .. } => stream.count() * stream.width(),
        }
    }
}

/// Rows of one shape, with a label each or none.
///
/// Cloning shares the storage.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: Arc<str>,
    features: Features,
    /// The shape of one row.
    shape: Vec<usize>,
    /// Channels, height and width, where the rows are pictures.
    picture: Option<[usize; 3]>,
    labels: Option<Arc<[i32]>>,
    /// What each label means; empty where there are no labels.
    classes: Arc<[String]>,
    /// Which rows of the storage belong to this part, in its order; `None`: all of them.
    rows: Option<Arc<[u32]>>,
}

impl Dataset {
    /// Rows of `shape` out of `features`, all of them.
    ///
    /// # Errors
    /// Features that are not a whole number of rows; more than 2³² rows.
    pub fn new(name: &str, features: Features, shape: &[usize]) -> Result<Self> {
        let size: usize = shape.iter().product();
        if size == 0 || !features.len().is_multiple_of(size) {
            return Err(Fault::shape(format!(
                "{name}: {} numbers are not a whole number of rows of shape {shape:?}",
                features.len()
            )));
        }
        if u32::try_from(features.len() / size).is_err() {
            return Err(Fault::value(format!(
                "{name}: {} rows are more than a data set can have",
                features.len() / size
            )));
        }
        Ok(Self {
            name: name.into(),
            features,
            shape: shape.to_vec(),
            picture: None,
            labels: None,
            classes: Arc::new([]),
            rows: None,
        })
    }

    /// The same with a label for each row, which is an index into `classes`.
    ///
    /// # Errors
    /// Not as many labels as rows; a label that is no index into `classes`.
    pub fn with_labels(mut self, labels: Vec<i32>, classes: &[&str]) -> Result<Self> {
        if labels.len() != self.stored() {
            return Err(Fault::shape(format!("{}: {} labels for {} rows", self.name, labels.len(), self.stored())));
        }
        let is_class = |l: &&i32| usize::try_from(**l).is_ok_and(|l| l < classes.len());
        if let Some(bad) = labels.iter().find(|l| !is_class(l)) {
            return Err(Fault::value(format!(
                "{}: the label {bad} is not one of 0 to {}",
                self.name,
                classes.len() as i64 - 1
            )));
        }
        self.labels = Some(labels.into());
        self.classes = classes.iter().map(|c| c.to_string()).collect();
        Ok(self)
    }

    /// The same, its rows being pictures of `channels × height × width`.
    ///
    /// # Errors
    /// A picture that has not as many pixels as a row has numbers.
    pub fn with_picture(mut self, picture: [usize; 3]) -> Result<Self> {
        if picture.iter().product::<usize>() != self.width() {
            return Err(Fault::shape(format!(
                "{}: rows of shape {:?} are not pictures of {picture:?}",
                self.name, self.shape
            )));
        }
        self.picture = Some(picture);
        Ok(self)
    }

    /// The same with rows given out in another shape of the same size: `[784]` or `[1, 28, 28]`.
    ///
    /// # Errors
    /// A shape of another size.
    pub fn with_shape(mut self, shape: &[usize]) -> Result<Self> {
        if shape.iter().product::<usize>() != self.width() {
            return Err(Fault::shape(format!(
                "{}: rows of shape {:?} cannot have the shape {shape:?}",
                self.name, self.shape
            )));
        }
        self.shape = shape.to_vec();
        Ok(self)
    }

    /// The same with pixels from `lo` to `hi`, where the features are bytes.
    pub fn with_range(mut self, low: f32, high: f32) -> Self {
        if let Features::Bytes { lo, hi, .. } | Features::Stream { lo, hi, .. } = &mut self.features {
            (*lo, *hi) = (low, high);
        }
        self
    }

    /// Its name, as it is shown.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or_else(|| self.stored(), |rows| rows.len())
    }

    /// The memory that the storage takes, in bytes: the whole storage also for a part of it.
    pub fn bytes(&self) -> usize {
        let each = match self.features {
            Features::Floats(_) => size_of::<f32>(),
            Features::Bytes { .. } => 1,
            Features::Stream { .. } => 0,
        };
        let labels = self.labels.as_ref().map_or(0, |labels| labels.len());
        self.features.len() * each + labels * size_of::<i32>()
    }

    /// Whether it has no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one row.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Channels, height and width, where the rows are pictures.
    pub fn picture(&self) -> Option<[usize; 3]> {
        self.picture
    }

    /// What each label means; empty where there are no labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The range of the pixels, where it is known.
    pub fn range(&self) -> Option<(f32, f32)> {
        match self.features {
            Features::Bytes { lo, hi, .. } | Features::Stream { lo, hi, .. } => Some((lo, hi)),
            Features::Floats(_) => None,
        }
    }

    /// Whether each sample has a label.
    pub fn has_labels(&self) -> bool {
        self.labels.is_some()
    }

    /// The rows at `places`, one after the other. Places are below [`Self::len`].
    ///
    /// # Errors
    /// Of pictures that are decoded now: one that cannot be read, or has another size.
    pub fn gather(&self, places: impl ExactSizeIterator<Item = usize>) -> Result<Vec<f32>> {
        let width = self.width();
        let mut out = Vec::with_capacity(places.len() * width);
        for place in places {
            let row = self.row(place) * width..(self.row(place) + 1) * width;
            match &self.features {
                Features::Floats(values) => out.extend_from_slice(&values[row]),
                Features::Bytes { bytes, full, lo, hi } => {
                    let (full, span) = (f32::from(*full), hi - lo);
                    // Divided, not multiplied by 1 / full: so the greatest byte is exactly `hi`.
                    out.extend(bytes[row].iter().map(|&b| lo + span * (f32::from(b) / full)));
                }
                Features::Stream { stream, lo, hi } => {
                    let pixels = stream.row(row.start / width)?;
                    out.extend(pixels.iter().map(|&b| lo + (hi - lo) * (f32::from(b) / 255.0)));
                }
            }
        }
        Ok(out)
    }

    /// The labels at `places`; `None` where there are none.
    pub fn gather_labels(&self, places: impl Iterator<Item = usize>) -> Option<Vec<i32>> {
        let labels = self.labels.as_ref()?;
        Some(places.map(|place| labels[self.row(place)]).collect())
    }

    /// `n` places drawn independently, each row equally likely: what a minibatch from the data is.
    ///
    /// # Errors
    /// No rows to draw from.
    pub fn draw(&self, n: usize, source: &mut dyn Source) -> Result<Vec<usize>> {
        match self.len() {
            0 => Err(Fault::value(format!("{}: there are no samples to draw from", self.name))),
            len => Ok(source.integers(n, len)),
        }
    }

    /// The part with the rows at `places`, in their order. Places are below [`Self::len`].
    pub fn part(&self, places: impl Iterator<Item = usize>) -> Self {
        Self { rows: Some(places.map(|place| self.row(place) as u32).collect()), ..self.clone() }
    }

    /// The part whose labels `keep` accepts; `None` where there are no labels.
    pub fn with_label(&self, keep: impl Fn(i32) -> bool) -> Option<Self> {
        let labels = self.labels.as_ref()?;
        let places = (0..self.len()).filter(|&place| keep(labels[self.row(place)]));
        Some(self.part(places))
    }

    /// The numbers in a row.
    fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// The number of rows in the storage.
    fn stored(&self) -> usize {
        self.features.len() / self.width()
    }

    /// The row of the storage at a place of this part.
    fn row(&self, place: usize) -> usize {
        self.rows.as_ref().map_or(place, |rows| rows[place] as usize)
    }
}
