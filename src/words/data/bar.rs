//! What is shown while a data set is downloaded: one bar for each file, which changes in place.

use saddle_catalog::Host;
use saddle_data::Step;
use saddle_picture::progress_bar;
use saddle_session::output::{Bundle, Output};
use std::time::{Duration, Instant};

/// The time between two pictures of a bar.
const PACE: Duration = Duration::from_millis(100);

/// The bar of the file that is being downloaded.
pub struct DownloadBar<'a> {
    host: &'a Host,
    /// The data set.
    name: &'a str,
    /// The file and the display it is shown in.
    current: Option<(String, String)>,
    start: Instant,
    drawn: Instant,
}

impl<'a> DownloadBar<'a> {
    pub fn new(host: &'a Host, name: &'a str) -> Self {
        Self { host, name, current: None, start: Instant::now(), drawn: Instant::now() }
    }

    /// Shows how far a file has come.
    pub fn step(&mut self, step: &Step) {
        let now = Instant::now();
        let over = step.total == Some(step.done);
        match &self.current {
            Some((file, id)) if *file == step.file => {
                if over || now.duration_since(self.drawn) >= PACE {
                    // The bar goes when the file is there: it leaves no picture in the notebook.
                    let bundle = if over { Bundle::text("").varying() } else { self.bundle(step) };
                    let id = id.clone();
                    self.host.show(Output::Update { bundle, id });
                    self.drawn = now;
                }
            }
            _ => {
                let id = format!("download-{}", uuid::Uuid::new_v4());
                self.current = Some((step.file.clone(), id.clone()));
                (self.start, self.drawn) = (now, now);
                let (bundle, id) = (self.bundle(step), Some(id));
                self.host.show(Output::Display { bundle, id });
            }
        }
    }

    fn bundle(&self, step: &Step) -> Bundle {
        let text = format!("downloading {} of {}", step.file, self.name);
        match step.total {
            Some(total) => {
                let kilobytes = |bytes: u64| bytes.div_ceil(1000);
                let bar = progress_bar(kilobytes(step.done), kilobytes(total), self.start.elapsed());
                Bundle::png(format!("{text} (kB)"), bar.bytes, bar.width).varying()
            }
            None => Bundle::text(format!("{text}: {} kB", step.done.div_ceil(1000))),
        }
    }
}
