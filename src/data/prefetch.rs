//! Minibatches that a worker thread gathers while the one before is trained on.

use super::Dataset;
use saddle_fault::{Fault, Kind, Result};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

/// The name of the worker threads, as debuggers show it.
pub const WORKER: &str = "saddle-batches";
/// How many batches may wait: one is ready whenever it is asked for, and memory stays small.
const AHEAD: usize = 2;
/// Numbers in a batch below which handing it over costs more than gathering it.
const SMALL: usize = 8192;

/// A batch as plain numbers, ready to become tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The number of rows.
    pub rows: usize,
    /// One row after the other.
    pub features: Vec<f32>,
    /// A label for each row, where they were asked for and the data set has them.
    pub labels: Option<Vec<i32>>,
}

/// What to gather, in which order.
pub struct Plan {
    /// What batches are taken of.
    pub data: Dataset,
    /// Places in the data set, the batches' one after the other; each below its length.
    pub order: Vec<usize>,
    /// Rows in a batch, at least 1; the last may have fewer.
    pub size: usize,
    /// Whether labels come along.
    pub labels: bool,
}

impl Plan {
    fn batch(&self, i: usize) -> Option<Result<Batch>> {
        let places = self.order.chunks(self.size).nth(i)?;
        let labels = self.labels.then(|| self.data.gather_labels(places.iter().copied())).flatten();
        let features = self.data.gather(places.iter().copied());
        Some(features.map(|features| Batch { rows: places.len(), features, labels }))
    }

    /// The batches, in order, two of them gathered ahead of time. Small ones are gathered when they are asked for.
    ///
    /// # Errors
    /// The system gives no thread; as an item: the thread ended before its time.
    pub fn start(self) -> Result<Box<dyn Iterator<Item = Result<Batch>>>> {
        let width: usize = self.data.shape().iter().product();
        let small = self.size.saturating_mul(width) < SMALL;
        let mut batches = (0..).map_while(move |i| self.batch(i));
        if small {
            return Ok(Box::new(batches));
        }
        let (sender, receiver) = sync_channel(AHEAD);
        let worker = thread::Builder::new()
            .name(WORKER.into())
            // Nothing can be sent any more once the loop is left.
            .spawn(move || _ = batches.all(|batch| sender.send(batch).is_ok()))
            .map_err(|e| Fault::value(format!("batches: the system gives no thread: {e}")))?;
        Ok(Box::new(Prefetched { receiver: Some(receiver), worker: Some(worker) }))
    }
}

/// The batches of a worker thread. Dropping it ends the thread, at the latest after the batch that it is gathering.
struct Prefetched {
    receiver: Option<Receiver<Result<Batch>>>,
    worker: Option<JoinHandle<()>>,
}

impl Prefetched {
    /// Waits until the worker has ended; an error if it did so by a panic.
    fn join(&mut self) -> thread::Result<()> {
        // The worker may be waiting for a place in the channel.
        self.receiver = None;
        self.worker.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl Iterator for Prefetched {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if let Ok(batch) = self.receiver.as_ref()?.recv() {
            return Some(batch);
        }
        let gone = |_| Fault::new(Kind::Internal, "batches: the thread that gathers them is gone");
        self.join().map_err(gone).err().map(Err)
    }
}

impl Drop for Prefetched {
    fn drop(&mut self) {
        // A panic of the worker is not passed on: nobody waits for its batches.
        _ = self.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;
    use std::sync::Arc;

    const ROWS: usize = 1000;
    const WIDTH: usize = 100;

    /// Row r is [100 r, 100 r + 1, …], its label r modulo 10; with the storage that all who read it share.
    fn plan(size: usize) -> (Plan, Arc<[f32]>) {
        let values: Arc<[f32]> = (0..ROWS * WIDTH).map(|v| v as f32).collect();
        let data = Dataset::new("rows", Features::Floats(values.clone()), &[WIDTH]).unwrap();
        let classes: Vec<String> = (0..10).map(|c| c.to_string()).collect();
        let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
        let labels = (0..ROWS as i32).map(|r| r % 10).collect();
        let data = data.with_labels(labels, &classes).unwrap();
        // 7 and 1000 have no common factor: every place once.
        let order = (0..ROWS).map(|i| i * 7 % ROWS).collect();
        let plan = Plan { data, order, size, labels: true };
        (plan, values)
    }

    #[test]
    fn batches_hold_the_rows_of_their_places_in_order() {
        // Below and above the size from which a thread gathers them; whole and with a smaller last one.
        for size in [1, 3, 64, 250, 999, 1000, 5000] {
            let (plan, _) = plan(size);
            let order = plan.order.clone();
            let batches: Vec<Batch> = plan.start().unwrap().map(Result::unwrap).collect();
            assert_eq!(batches.len(), ROWS.div_ceil(size), "{size}");
            for (batch, places) in batches.iter().zip(order.chunks(size)) {
                let value = |place: &usize| (0..WIDTH).map(|j| (*place * WIDTH + j) as f32).collect::<Vec<_>>();
                let labels = places.iter().map(|place| (*place % 10) as i32).collect();
                assert_eq!(batch.rows, places.len());
                assert_eq!(batch.features, places.iter().flat_map(value).collect::<Vec<_>>());
                assert_eq!(batch.labels, Some(labels));
            }
        }
    }

    #[test]
    fn leaving_early_ends_the_thread() {
        for taken in [0, 1, 3] {
            let (plan, values) = plan(100);
            let mut batches = plan.start().unwrap();
            assert_eq!(batches.by_ref().take(taken).count(), taken);
            drop(batches);
            // The worker's data set is gone, and so is the worker.
            assert_eq!(Arc::strong_count(&values), 1, "after {taken} batches");
        }
    }

    #[test]
    fn a_worker_that_dies_is_an_error_and_not_a_short_epoch() {
        let (mut plan, _) = plan(200);
        plan.order[500] = ROWS;
        let mut batches = plan.start().unwrap();
        assert!(batches.by_ref().take(2).all(|batch| batch.is_ok()));
        assert!(batches.next().unwrap().is_err());
        assert!(batches.next().is_none());
    }
}
