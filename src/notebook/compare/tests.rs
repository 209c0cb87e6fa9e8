//! Verdicts on cells, from their outputs alone.

use super::*;
use crate::tests::notebook;
use base64::Engine as _;
use serde_json::json;
use std::io::Cursor;

fn with_outputs(outputs: Value, tags: &[&str]) -> Document {
    let mut document = notebook(&[("cell", tags)]);
    document.cells[0].count = Some(1);
    document.cells[0].outputs = outputs.as_array().cloned().unwrap_or_default();
    document
}

fn verdict(stored: Value, new: Value, tags: &[&str]) -> Verdict {
    let verdicts = compare(&with_outputs(stored, tags), &with_outputs(new, tags), &Limits::default(), None);
    verdicts.into_iter().next().expect("one cell").verdict
}

fn printed(text: &str) -> Value {
    json!([{ "output_type": "stream", "name": "stdout", "text": text }])
}

fn png(width: u32, height: u32) -> Value {
    let mut bytes = Cursor::new(Vec::new());
    let picture = image::DynamicImage::new_luma8(width, height);
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("a picture");
    let base64 = base64::engine::general_purpose::STANDARD.encode(bytes.into_inner());
    json!([{ "output_type": "display_data", "metadata": {}, "data": { "image/png": base64, "text/plain": "grid" } }])
}

#[test]
fn text_and_numbers_are_compared_unless_marked() {
    assert_eq!(verdict(printed("V = 0.50000001"), printed("V = 0.5"), &[]), Verdict::Same);
    assert!(matches!(verdict(printed("V = 0.6"), printed("V = 0.5"), &[]), Verdict::Differs(_)));
    assert_eq!(verdict(printed("V = 0.6"), printed("V = 0.5"), &["nbval-ignore-output"]), Verdict::Ignored);
    assert_eq!(
        verdict(printed("V = 0.6"), printed("V = 0.5"), &["nbval-skip"]),
        Verdict::NotRun("it is marked to be skipped")
    );
}

#[test]
fn one_text_in_several_pieces_is_the_same_text() {
    let mut pieces = printed("a\n").as_array().cloned().unwrap_or_default();
    pieces.extend(printed("b\n").as_array().cloned().unwrap_or_default());
    assert_eq!(verdict(Value::Array(pieces), printed("a\nb\n"), &[]), Verdict::Same);
}

#[test]
fn pictures_are_compared_by_their_size_and_their_looks() {
    assert_eq!(verdict(png(4, 3), png(4, 3), &[]), Verdict::Same);
    let Verdict::Differs(found) = verdict(png(4, 3), png(4, 5), &[]) else { panic!("sizes differ") };
    assert_eq!(found[0].what, "display 1, image/png");
    assert!(matches!(&found[0].new, Content::Picture(new) if new.height == 5));
    assert_eq!(found[0].likeness, None);
    let mut damaged = png(4, 3);
    damaged[0]["data"]["image/png"] = json!("iVBORw0KGgo=");
    let Verdict::Differs(found) = verdict(png(4, 3), damaged, &[]) else { panic!("one is damaged") };
    assert_eq!(found[0].new, Content::Unreadable("image/png".into()));
}

#[test]
fn a_missing_output_and_a_new_error_are_differences() {
    let Verdict::Differs(found) = verdict(png(4, 3), json!([]), &[]) else { panic!("one output is missing") };
    assert_eq!((found[0].what.as_str(), &found[0].new), ("display 1", &Content::Nothing));
    let error = json!([{ "output_type": "error", "ename": "ShapeError", "evalue": "[2] + [3]", "traceback": ["x"] }]);
    let other = json!([{ "output_type": "error", "ename": "ShapeError", "evalue": "[2] + [3]", "traceback": ["y"] }]);
    assert_eq!(verdict(error.clone(), other, &[]), Verdict::Same);
    assert!(matches!(verdict(json!([]), error, &[]), Verdict::Differs(_)));
}

#[test]
fn what_a_terminal_overwrites_is_not_compared() {
    let stored = printed(" 50%\r100%\n");
    assert_eq!(verdict(stored, printed("100%\n"), &[]), Verdict::Same);
}

#[test]
fn a_widget_is_compared_by_being_there() {
    let widget = |id: &str| {
        json!([{ "output_type": "display_data", "metadata": {},
            "data": { NEVER_COMPARED: { "model_id": id }, "text/plain": "a slider" } }])
    };
    assert_eq!(verdict(widget("a"), widget("b"), &[]), Verdict::Same);
}

#[test]
fn marks_on_a_cell_change_what_is_allowed_to_it() {
    let (stored, new) = (printed("V = 0.52"), printed("V = 0.50"));
    assert!(matches!(verdict(stored.clone(), new.clone(), &[]), Verdict::Differs(_)));
    let tag = "saddle-tolerance-0.1";
    assert_eq!(verdict(stored, new, &[tag]), Verdict::Same);
}

#[test]
fn in_the_lax_mode_only_marked_cells_are_compared() {
    let lax = Limits { lax: true, ..Limits::default() };
    for (tags, expected) in [(&[][..], Verdict::Ignored), (&["nbval-check-output"], Verdict::Same)] {
        let document = with_outputs(printed("a"), tags);
        assert_eq!(compare(&document, &document, &lax, None)[0].verdict, expected);
    }
}

#[test]
fn a_bar_of_progress_is_not_compared() {
    let mut bar = png(5, 3);
    bar[0]["metadata"] = json!({ "saddlepoint": { "varies": true } });
    assert_eq!(verdict(bar.clone(), json!([]), &[]), Verdict::Same);
    assert!(matches!(verdict(png(4, 3), bar, &[]), Verdict::Differs(_)));
}

/// The bytes of a sound differ from processor to processor, its text does not.
#[test]
fn a_sound_is_compared_by_its_text() {
    let sound = |text: &str, wav: &str| {
        json!([{
            "output_type": "execute_result", "execution_count": 1, "metadata": { "saddlepoint": { "varies": true } },
            "data": { "audio/wav": wav, "text/html": wav, "text/plain": text },
        }])
    };
    assert_eq!(verdict(sound("audio: 2.00 s", "UklG"), sound("audio: 2.00 s", "UklH"), &[]), Verdict::Same);
    assert!(matches!(
        verdict(sound("audio: 2.00 s", "UklG"), sound("audio: 3.00 s", "UklG"), &[]),
        Verdict::Differs(_)
    ));
    assert!(matches!(verdict(sound("audio: 2.00 s", "UklG"), json!([]), &[]), Verdict::Differs(_)));
}

/// A similarity asks for a picture.
#[test]
fn of_an_ignored_cell_a_picture_that_is_gone_is_told() {
    let tags = ["nbval-ignore-output", "saddle-similarity-0.5"];
    assert_eq!(verdict(png(4, 3), png(4, 3), &tags), Verdict::Same);
    assert!(matches!(verdict(png(4, 3), json!([]), &tags), Verdict::Differs(_)));
    assert!(matches!(verdict(json!([]), png(4, 3), &tags), Verdict::Differs(_)));
    let mut damaged = png(4, 3);
    damaged[0]["data"]["image/png"] = "aaaa".into();
    assert!(matches!(verdict(damaged, png(4, 3), &tags), Verdict::Differs(_)));
    assert_eq!(verdict(json!([]), png(4, 3), &["nbval-ignore-output"]), Verdict::Ignored);
}

/// What nbval ignores, `saddle test` compares as far as it can be: the claims of checks always, the rest within the
/// cell's own limits.
#[test]
fn of_an_ignored_cell_the_checks_are_compared() {
    let ignored = "nbval-ignore-output";
    let ran = |text: &str, tags: &[&str]| verdict(printed("V 0.7\n✓ V: 0.7  < 1"), printed(text), tags);
    assert_eq!(ran("V 0.9\n✓ V: 0.9  < 1", &[ignored]), Verdict::Ignored);
    for other in ["V 0.7", "V 0.7\n✓ W: 0.7  < 1"] {
        let Verdict::Differs(found) = ran(other, &[ignored]) else { panic!("a check is gone: {other}") };
        assert_eq!(found[0].what, "checks");
    }
    let close = [ignored, "saddle-tolerance-0.05"];
    assert_eq!(ran("V 0.71\n✓ V: 0.71  < 1", &close), Verdict::Same);
    assert!(matches!(ran("V 0.9\n✓ V: 0.9  < 1", &close), Verdict::Differs(_)));
    // A tolerance says nothing of pictures, a similarity nothing of figures.
    assert_eq!(verdict(png(4, 3), png(5, 3), &close), Verdict::Same);
    assert!(matches!(verdict(png(4, 3), png(5, 3), &[ignored, "saddle-similarity-0.5"]), Verdict::Differs(_)));
}

/// The figure of a check may differ as far as the check allows, and what is printed beside it may not.
#[test]
fn the_figure_of_a_check_has_the_tolerance_of_the_check() {
    let ran = |text: &str| verdict(printed("V 0.7\n✓ t: -11.18  < -2.78"), printed(text), &[]);
    assert_eq!(ran("V 0.7\n✓ t: -10.65  < -2.78"), Verdict::Same);
    for other in ["V 0.7\n✓ t: -3.0  < -2.78", "V 0.8\n✓ t: -11.18  < -2.78", "V 0.7\n✓ u: -11.18  < -2.78"] {
        let Verdict::Differs(found) = ran(other) else { panic!("not the same: {other}") };
        assert_eq!(found[0].new, Content::Text(other.into()), "what was shown is told as it was");
    }
}

/// A look: the same outputs with the same words, whatever the numbers, and pictures that look alike.
#[test]
fn a_look_compares_what_chance_leaves() {
    let tags = ["nbval-ignore-output", "saddle-look-0.8"];
    let ran = |new: &str, tags: &[&str]| verdict(printed("seen [3, 8], loss 0.7"), printed(new), tags);
    assert_eq!(ran("seen [8, 1], loss 1.9", &tags), Verdict::Same);
    assert!(matches!(ran("seen [8, 1, 2], loss 1.9", &tags), Verdict::Differs(_)));
    assert!(matches!(ran("seen [8, 1], loss NaN", &tags), Verdict::Differs(_)));
    let with_tolerance = [tags[0], tags[1], "saddle-tolerance-0.2"];
    assert_eq!(ran("seen [3, 7], loss 0.8", &with_tolerance), Verdict::Same);
    assert!(matches!(ran("seen [8, 1], loss 0.7", &with_tolerance), Verdict::Differs(_)));
    assert_eq!(verdict(png(4, 3), png(4, 3), &tags), Verdict::Same);
    assert!(matches!(verdict(png(4, 3), png(5, 3), &tags), Verdict::Differs(_)));
    assert!(matches!(verdict(png(4, 3), json!([]), &tags), Verdict::Differs(_)));
}
