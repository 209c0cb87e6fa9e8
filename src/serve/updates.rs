//! Updates of displays, at a pace that a page can follow: of those that come faster only the newest is sent, and the
//! last one always is.

use std::time::{Duration, Instant};

use saddle_session::output::Bundle;

/// How long a display stays as it is: twenty changes a second look like a film.
const PACE: Duration = Duration::from_millis(50);
/// How fast large displays change: bytes a second. It also bounds what piles up for a client that does not read.
const RATE: f64 = 4e6;

/// The displays of the running cell that change, in the order of their first changes.
#[derive(Default)]
pub struct Updates(Vec<Display>);

struct Display {
    id: String,
    /// When the next change may be sent.
    next: Instant,
    waiting: Option<Bundle>,
}

impl Updates {
    /// Takes a change; hands it back where it is to be sent now.
    pub fn push(&mut self, id: String, bundle: Bundle, now: Instant) -> Option<(String, Bundle)> {
        let pause = pause(&bundle);
        match self.0.iter_mut().find(|display| display.id == id) {
            Some(display) if display.next > now => {
                display.waiting = Some(bundle);
                return None;
            }
            Some(display) => {
                display.waiting = None;
                display.next = now + pause;
            }
            None => self.0.push(Display { id: id.clone(), next: now + pause, waiting: None }),
        }
        Some((id, bundle))
    }

    /// The changes whose time has come.
    pub fn take_due(&mut self, now: Instant) -> Vec<(String, Bundle)> {
        let due = self.0.iter_mut().filter(|display| display.next <= now);
        let due = due.filter_map(|display| {
            let bundle = display.waiting.take()?;
            display.next = now + pause(&bundle);
            Some((display.id.clone(), bundle))
        });
        due.collect()
    }

    /// Everything that waits; nothing is remembered of any display.
    pub fn take(&mut self) -> Vec<(String, Bundle)> {
        let all = std::mem::take(&mut self.0).into_iter();
        all.filter_map(|display| Some((display.id, display.waiting?))).collect()
    }

    /// Drops what waits for a display.
    pub fn forget(&mut self, id: &str) {
        let display = self.0.iter_mut().find(|display| display.id == id);
        display.into_iter().for_each(|display| display.waiting = None);
    }

    /// When something has waited long enough.
    pub fn deadline(&self) -> Option<Instant> {
        let waiting = self.0.iter().filter(|display| display.waiting.is_some());
        waiting.map(|display| display.next).min()
    }
}

fn pause(bundle: &Bundle) -> Duration {
    PACE.max(Duration::from_secs_f64(bundle.size() as f64 / RATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_a_second_become_twenty_and_the_last() {
        let (start, mut updates) = (Instant::now(), Updates::default());
        let mut sent = Vec::new();
        for i in 0..10_000u64 {
            let now = start + Duration::from_micros(100 * i);
            sent.extend(updates.take_due(now));
            for id in ["a", "b"] {
                sent.extend(updates.push(id.into(), Bundle::text(i.to_string()), now));
            }
        }
        assert!((38..=44).contains(&sent.len()), "{}", sent.len());
        assert!(updates.deadline().is_some());
        let last = updates.take();
        let last: Vec<_> = last.iter().map(|(id, bundle)| (id.as_str(), bundle.plain())).collect();
        assert_eq!(last, [("a", "9999"), ("b", "9999")]);
        assert_eq!(updates.deadline(), None);
    }

    #[test]
    fn what_waits_alone_is_sent_in_its_time_and_large_things_less_often() {
        let (start, mut updates) = (Instant::now(), Updates::default());
        let large = || Bundle::text("x".repeat(4_000_000));
        assert!(updates.push("a".into(), large(), start).is_some());
        assert!(updates.push("a".into(), large(), start + PACE).is_none());
        assert_eq!(updates.deadline(), Some(start + Duration::from_secs(1)));
        assert!(updates.take_due(start + PACE * 2).is_empty());
        assert_eq!(updates.take_due(start + Duration::from_secs(1)).len(), 1);
        assert_eq!(updates.deadline(), None);
    }
}
