//! A progress bar as a small picture: how much is done, how fast, how long it will still take.
//!
//! Its text says only what is counted, so that stored outputs stay the same from run to run.

use super::canvas::{Canvas, Rect};
use super::colour::{BLUE, Colour, GREEN, INK, MUTED};
use super::figure::DENSITY;
use super::png::{self, Picture};
use super::text::Style;
use std::time::Duration;

const WIDTH: f32 = 460.0;
const HEIGHT: f32 = 26.0;
const BAR: f32 = 200.0;
const TRACK: Colour = Colour { a: 64, ..Colour::grey(128) };

/// The bar for `done` of `total` after `elapsed`.
pub fn progress_bar(done: u64, total: u64, elapsed: Duration) -> Picture {
    let mut canvas = Canvas::new(WIDTH, HEIGHT, DENSITY);
    let share = if total == 0 { 1.0 } else { done as f32 / total as f32 };
    let (x, y, h) = (10.0, HEIGHT / 2.0 - 4.0, 8.0);
    canvas.fill_rounded(Rect::new(x, y, BAR, h), h / 2.0, TRACK);
    if share > 0.0 {
        let colour = if done >= total { GREEN } else { BLUE };
        canvas.fill_rounded(Rect::new(x, y, (BAR * share).max(h), h), h / 2.0, colour);
    }
    let count = format!("{done} / {total}");
    canvas.text(x + BAR + 12.0, HEIGHT / 2.0 + 4.0, &count, Style::new(11.5).colour(INK));
    canvas.text(WIDTH - 12.0, HEIGHT / 2.0 + 4.0, &timing(done, total, elapsed), Style::new(11.5).colour(MUTED).end());
    Picture {
        bytes: png::encode(canvas),
        width: WIDTH as u32,
        height: HEIGHT as u32,
        text: format!("progress over {total}"),
    }
}

/// "1250 / s, 3 s left", or how long it took.
fn timing(done: u64, total: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if done == 0 || seconds <= 0.0 {
        return String::new();
    }
    let rate = done as f64 / seconds;
    let speed = if rate >= 10.0 { format!("{rate:.0} / s") } else { format!("{rate:.2} / s") };
    match total.saturating_sub(done) {
        0 => format!("{speed}, {}", clock(seconds)),
        left => format!("{speed}, {} left", clock(left as f64 / rate)),
    }
}

fn clock(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 90.0 => format!("{s:.0} s"),
        s => format!("{} min {:02} s", (s / 60.0) as u64, (s % 60.0) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_long_as_the_share() {
        let image =
            image::load_from_memory(&progress_bar(50, 100, Duration::from_secs(2)).bytes).expect("a PNG").to_rgb8();
        let y = (HEIGHT * DENSITY / 2.0) as u32;
        let at = |x: f32| image.get_pixel((x * DENSITY) as u32, y).0;
        assert_eq!(at(10.0 + 0.4 * BAR), [BLUE.r, BLUE.g, BLUE.b]);
        assert_eq!(at(10.0 + 0.6 * BAR), [TRACK.r, TRACK.g, TRACK.b]);
    }

    #[test]
    fn time_left_at_the_present_speed() {
        assert_eq!(timing(50, 200, Duration::from_secs(2)), "25 / s, 6.0 s left");
        assert_eq!(timing(200, 200, Duration::from_secs(100)), "2.00 / s, 1 min 40 s");
        assert_eq!(timing(0, 10, Duration::ZERO), "");
    }
}
