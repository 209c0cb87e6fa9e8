//! The lines that `check` prints, `✓ what: figure  < bound`: what they claim, without the figures.

/// The names of the checks with their verdicts, one a line, in their order.
pub fn claims(stdout: &str) -> String {
    let lines = stdout.lines().filter(|line| line.starts_with(['✓', '✗']));
    // The figure is the last part; a name may hold a colon itself.
    let claims = lines.map(|line| line.rsplit_once(": ").map_or(line, |(claim, _)| claim));
    claims.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::claims;

    #[test]
    fn names_and_verdicts_count_and_figures_do_not() {
        let text = "loss 0.7\n✓ V: at the end: 0.123  < 0.5\nnoise\n✓ found: 8  > 7\n";
        assert_eq!(claims(text), "✓ V: at the end\n✓ found");
        assert_eq!(claims(&text.replace("0.123", "0.124")), claims(text));
        assert_ne!(claims(&text.replace("found", "lost")), claims(text));
        assert_ne!(claims(&text.replace("✓ found: 8  > 7", "")), claims(text));
    }
}
