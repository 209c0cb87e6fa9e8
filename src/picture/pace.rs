//! How often a live picture is drawn: at most every so often, and the last state always.

use std::time::{Duration, Instant};

/// Decides when a picture that changes all the time is drawn again.
///
/// Call [`Pace::due`] at every change and draw when it says so; when the work is over, draw once more if
/// [`Pace::behind`].
#[derive(Clone, Debug)]
pub struct Pace {
    every: Duration,
    drawn: Option<Instant>,
    behind: bool,
}

impl Default for Pace {
    /// Ten times a second: smooth to the eye, and a burden for neither kernel nor browser.
    fn default() -> Self {
        Self::new(Duration::from_millis(100))
    }
}

impl Pace {
    /// At most one picture in this time.
    pub fn new(every: Duration) -> Self {
        Self { every, drawn: None, behind: false }
    }

    /// Notes a change at the time `now`; true when the picture is to be drawn. The first change always is.
    pub fn due(&mut self, now: Instant) -> bool {
        let due = self.drawn.is_none_or(|last| now.saturating_duration_since(last) >= self.every);
        if due {
            self.drawn = Some(now);
        }
        self.behind = !due;
        due
    }

    /// [`Self::due`] with another time between two pictures from now on.
    pub fn due_every(&mut self, every: Duration, now: Instant) -> bool {
        self.every = every;
        self.due(now)
    }

    /// Whether a change has been noted that was not drawn.
    pub fn behind(&self) -> bool {
        self.behind
    }

    /// Notes that the newest state was drawn outside the pace, as at the end.
    pub fn caught_up(&mut self, now: Instant) {
        self.drawn = Some(now);
        self.behind = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_second_and_the_last() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let drawn: Vec<u64> = (0..1000).filter(|&ms| pace.due(start + Duration::from_millis(ms))).collect();
        assert_eq!(drawn, (0..10).map(|i| 100 * i).collect::<Vec<_>>());
        assert!(pace.behind(), "the change at 999 ms was not drawn");
        pace.caught_up(start + Duration::from_millis(1000));
        assert!(!pace.behind());
        assert!(!pace.due(start + Duration::from_millis(1050)));
    }
}
