//! The lines that `check` prints, `✓ what: figure  < bound`: what they claim, and when two figures claim the same.

/// The names of the checks with their verdicts, one a line, in their order.
pub fn claims(stdout: &str) -> String {
    // The figure is the last part; a name may hold a colon itself.
    let claims = stdout
        .lines()
        .filter(|line| is_check(line))
        .map(|line| line.rsplit_once(": ").map_or(line, |(claim, _)| claim));
    claims.collect::<Vec<_>>().join("\n")
}

/// `new` with each line of a check put back to how it stands in `stored`, where its figure says the same: what is left
/// to compare is all the rest. Check by check in their order.
pub fn settled(stored: &str, new: &str) -> String {
    let mut before = stored.lines().filter(|line| is_check(line));
    let lines = new.split_inclusive('\n').map(|line| {
        let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        let twin = if is_check(text) { before.next() } else { None };
        let same = twin.filter(|twin| agree(twin, text));
        same.unwrap_or(text).to_owned() + end
    });
    lines.collect()
}

fn is_check(line: &str) -> bool {
    line.starts_with(['✓', '✗'])
}

/// Whether two lines of one check say the same within what the check itself allows. With `near`, that is its tolerance.
/// With `below` or `above` the figure keeps at least half of its distance from the bar, and a bar that is a measurement
/// itself (a control's) moves by no more than half of that distance.
fn agree(stored: &str, new: &str) -> bool {
    let (Some(a), Some(b)) = (Check::of(stored), Check::of(new)) else {
        return false;
    };
    a.claim == b.claim
        && a.bounds.len() == b.bounds.len()
        && a.bounds.iter().zip(&b.bounds).all(|bounds| match bounds {
            (Bound::Below(x), Bound::Below(y)) => keeps(x - a.figure, y - b.figure, (x - y).abs()),
            (Bound::Above(x), Bound::Above(y)) => keeps(a.figure - x, b.figure - y, (x - y).abs()),
            (Bound::Near(x, within), Bound::Near(y, again)) => {
                within == again && (x - y).abs() <= *within && (a.figure - b.figure).abs() <= *within
            }
            _ => false,
        })
}

/// Whether a figure that was `before` away from its bar, on the right side, still is: `now`, the bar having `moved`.
fn keeps(before: f64, now: f64, moved: f64) -> bool {
    now >= before / 2.0 && moved <= before / 2.0
}

struct Check<'a> {
    /// The verdict and the name.
    claim: &'a str,
    figure: f64,
    bounds: Vec<Bound>,
}

enum Bound {
    Below(f64),
    Above(f64),
    Near(f64, f64),
}

impl<'a> Check<'a> {
    /// A line with a figure and its bounds; none where the check was of a comparison, `✓ what: true`.
    fn of(line: &'a str) -> Option<Self> {
        let (claim, values) = line.rsplit_once(": ")?;
        let mut parts = values.split("  ");
        let figure = number(parts.next()?)?;
        let bounds = parts.map(bound).collect::<Option<Vec<_>>>()?;
        (!bounds.is_empty()).then_some(Self { claim, figure, bounds })
    }
}

fn bound(text: &str) -> Option<Bound> {
    let (sign, value) = text.split_once(' ')?;
    match sign {
        "<" => number(value).map(Bound::Below),
        ">" => number(value).map(Bound::Above),
        "=" => {
            let (target, within) = value.split_once(" ± ")?;
            Some(Bound::Near(number(target)?, number(within)?))
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::{agree, claims, settled};

    #[test]
    fn names_and_verdicts_count_and_figures_do_not() {
        let text = "loss 0.7\n✓ V: at the end: 0.123  < 0.5\nnoise\n✓ found: 8  > 7\n";
        assert_eq!(claims(text), "✓ V: at the end\n✓ found");
        assert_eq!(claims(&text.replace("0.123", "0.124")), claims(text));
        assert_ne!(claims(&text.replace("found", "lost")), claims(text));
        assert_ne!(claims(&text.replace("✓ found: 8  > 7", "")), claims(text));
    }

    #[test]
    fn a_figure_may_differ_as_far_as_its_check_allows() {
        // half of the distance from the bar, .3 of .6
        assert!(agree("✓ V: 0.4  < 1", "✓ V: 0.69  < 1"));
        assert!(!agree("✓ V: 0.4  < 1", "✓ V: 0.71  < 1"));
        assert!(agree("✓ V: 0.4  < 1", "✓ V: 0.01  < 1"), "farther from the bar is no worse");
        assert!(agree("✓ t: -11.18  < -2.78", "✓ t: -10.65  < -2.78"));
        assert!(agree("✓ t: 17.82  > 2.78", "✓ t: 11.0  > 2.78"));
        assert!(!agree("✓ t: 17.82  > 2.78", "✓ t: 3.0  > 2.78"));
        // `near` says it itself
        assert!(agree("✓ σ: 0.498  = 0.5 ± 0.1", "✓ σ: 0.55  = 0.5 ± 0.1"));
        assert!(!agree("✓ σ: 0.42  = 0.5 ± 0.1", "✓ σ: 0.58  = 0.5 ± 0.1"));
        // a bar that is measured moves with its control, but not to where the figure is
        assert!(agree("✓ V: 0.5  > 0.400123", "✓ V: 0.5  > 0.41"));
        assert!(!agree("✓ V: 0.5  > 0.4", "✓ V: 2.5  > 0.46"));
        assert!(agree("✓ V: 1.5e-7  < 0.00001", "✓ V: 0  < 0.00001"));
    }

    #[test]
    fn another_claim_is_no_matter_of_tolerance() {
        for other in
            ["✗ V: 0.4  < 1", "✓ W: 0.4  < 1", "✓ V: 0.4  > 1", "✓ V: 0.4  < 1  > 0", "✓ V: NaN  < 1", "V: 0.4"]
        {
            assert!(!agree("✓ V: 0.4  < 1", other), "{other}");
        }
        assert!(!agree("✓ V: 0.4  = 0.5 ± 0.2", "✓ V: 0.4  = 0.5 ± 0.3"), "another tolerance");
        assert!(!agree("✓ V: true", "✓ V: true"), "nothing to allow for: it is compared as text");
    }

    #[test]
    fn what_is_settled_is_put_back_and_the_rest_stays() {
        let stored = "loss 0.7\n✓ V: 0.4  < 1\n✓ found: 8  > 7\n";
        assert_eq!(
            settled(stored, "loss 0.8\n✓ V: 0.5  < 1\n✓ found: 7.1  > 7\n"),
            "loss 0.8\n✓ V: 0.4  < 1\n✓ found: 7.1  > 7\n"
        );
        assert_eq!(settled(stored, ""), "");
        assert_eq!(settled("", "✓ V: 0.5  < 1"), "✓ V: 0.5  < 1");
    }
}
