//! "Did you mean": the nearest known name to one that is not known.

use strsim::osa_distance;

/// The nearest of `known` to `name`, if one is near enough to have been meant.
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match name.chars().count() {
        0..=3 => 1,
        4..=6 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (osa_distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(d, candidate)| *d <= limit && *d < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// The clause `; did you mean `stride`?`, or nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    suggest(name, known).map_or_else(String::new, |found| format!("; did you mean `{found}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let known = ["stride", "padding", "dilation", "bias"];
        assert_eq!(suggest("strid", known), Some("stride"));
        assert_eq!(suggest("pading", known), Some("padding"));
        assert_eq!(suggest("baisd", known), Some("bias"));
        // Swapped neighbours are one slip.
        assert_eq!(suggest("ca", ["ac"]), Some("ac"));
        assert_eq!(suggest("momentum", known), None);
        assert_eq!(suggest("x", ["y"]), None);
        assert_eq!(suggest("foo", ["bool", "floor"]), None);
    }
}
