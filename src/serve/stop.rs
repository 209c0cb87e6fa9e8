//! How the kernel insists on an interrupt: it is given again until the cell ends, and a cell that does not react to it
//! loses its session.

use std::time::{Duration, Instant};

/// An interrupt that comes between our taking a cell and its beginning finds nothing to stop; so it is given again.
const REPEAT_EVERY: Duration = Duration::from_millis(50);

/// A second interrupt is taken for impatience with the first only after this time. A sooner one may be a double click,
/// and a step of training may take as long.
const ESCALATE_AFTER: Duration = Duration::from_secs(1);

/// A cell that runs for longer after its interrupt does not react to it.
const UNRESPONSIVE: Duration = Duration::from_secs(8);

/// The interrupt of the running cell.
#[derive(Debug)]
pub struct Stop {
    since: Instant,
    next: Instant,
}

/// What to do about it now.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Wait,
    /// Interrupt the cell.
    Interrupt,
    /// End it by force.
    Abandon,
}

impl Stop {
    /// The first interrupt is given now.
    pub fn new(now: Instant) -> Self {
        let next = now + REPEAT_EVERY;
        Self { since: now, next }
    }

    /// The user interrupts once more.
    pub fn again(&self, now: Instant) -> Step {
        match now.duration_since(self.since) {
            passed if passed < ESCALATE_AFTER => Step::Wait,
            _ => Step::Abandon,
        }
    }

    /// When [`Stop::tick`] has something to do.
    pub fn due(&self) -> Instant {
        self.next
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) -> Step {
        if now < self.next {
            return Step::Wait;
        }
        self.next = now + REPEAT_EVERY;
        match now.duration_since(self.since) {
            passed if passed < UNRESPONSIVE => Step::Interrupt,
            _ => Step::Abandon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_given_again_and_again_until_the_cell_must_be_deaf() {
        let start = Instant::now();
        let mut stop = Stop::new(start);
        assert_eq!(stop.tick(start + REPEAT_EVERY / 2), Step::Wait);
        assert_eq!(stop.tick(start + REPEAT_EVERY), Step::Interrupt);
        assert_eq!(stop.due(), start + 2 * REPEAT_EVERY);
        assert_eq!(stop.tick(start + UNRESPONSIVE - REPEAT_EVERY), Step::Interrupt);
        assert_eq!(stop.tick(start + UNRESPONSIVE), Step::Abandon);
    }

    #[test]
    fn a_double_click_is_not_impatience() {
        let start = Instant::now();
        let stop = Stop::new(start);
        assert_eq!(stop.again(start + ESCALATE_AFTER / 2), Step::Wait);
        assert_eq!(stop.again(start + ESCALATE_AFTER), Step::Abandon);
    }
}
