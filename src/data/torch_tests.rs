//! Files that PyTorch wrote (`tests/torch/make.py`): what is read, what is refused, and what a cut leaves.

use super::array::{Array, Values};
use super::torch::{Item, decode, encode};
use super::zip;
use saddle_fault::Result;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/torch/", $name)).as_slice()
    };
}

fn dict(item: Item) -> Vec<(String, Item)> {
    match item {
        Item::Dict(entries) => entries,
        other => panic!("{other:?}"),
    }
}

fn floats(shape: &[usize], values: &[f32]) -> Item {
    Item::Tensor(Array { shape: shape.to_vec(), values: Values::F32(values.to_vec()) })
}

fn ints(shape: &[usize], values: &[i64]) -> Item {
    Item::Tensor(Array { shape: shape.to_vec(), values: Values::Int(values.to_vec()) })
}

#[test]
fn views_and_element_types_are_as_in_python() -> Result<()> {
    let all = dict(decode("x", file!("views.pt"))?);
    let get = |name: &str| all.iter().find(|(n, _)| n == name).map(|(_, item)| item.clone()).unwrap();
    assert_eq!(get("turned"), floats(&[4, 3], &[0., 4., 8., 1., 5., 9., 2., 6., 10., 3., 7., 11.]));
    assert_eq!(get("part"), floats(&[2, 2], &[6., 7., 10., 11.]));
    assert_eq!(get("wide"), floats(&[3, 2], &[0., 2., 4., 6., 8., 10.]));
    for name in ["half", "bfloat", "double", "param"] {
        assert_eq!(get(name), floats(&[4], &[0., 1., 2., 3.]), "{name}");
    }
    assert_eq!(
        get("mask"),
        Item::Tensor(Array { shape: vec![4], values: Values::Bool(vec![false, false, true, true]) })
    );
    assert_eq!(get("long"), ints(&[2], &[-3, i64::from(i32::MAX)]));
    assert_eq!(get("byte"), ints(&[4], &[0, 1, 2, 3]));
    assert_eq!(get("scalar"), floats(&[], &[2.5]));
    assert_eq!(get("none"), floats(&[0, 3], &[]));
    assert_eq!(get("size"), Item::List(vec![Item::Int(3), Item::Int(4)]));
    Ok(())
}

#[test]
fn plain_values_beside_state_dicts_are_read() -> Result<()> {
    let all = dict(decode("x", file!("nested.pt"))?);
    assert_eq!(
        all[..3],
        [("epoch".into(), Item::Int(3)), ("lr".into(), Item::Float(1e-3)), ("note".into(), Item::Text("a run".into()))]
    );
    assert_eq!(dict(all[3].1.clone()), dict(decode("x", file!("net.pt"))?));
    Ok(())
}

#[test]
fn code_and_objects_are_refused_by_name() {
    for (file, why) in [
        (file!("evil.pt"), "system`"),
        (file!("module.pt"), "`torch.nn.modules.linear.Linear`"),
        (file!("complex.pt"), "`torch.ComplexFloatStorage`"),
        (file!("script.pt"), "a program of TorchScript"),
        (file!("before_1_6.pt"), "not in PyTorch's zip format"),
    ] {
        let fault = decode("x", file).unwrap_err();
        assert!(fault.message.contains(why), "{}", fault.message);
    }
}

#[test]
fn a_cut_file_is_told() {
    let whole = file!("net.pt");
    for end in (0..whole.len()).step_by(97).chain([1, 2, whole.len() - 1]) {
        assert!(decode("x", &whole[..end]).is_err(), "{end}");
    }
}

#[test]
fn what_is_written_is_read() -> Result<()> {
    let Item::Dict(all) = decode("x", file!("net.pt"))? else { panic!() };
    let arrays: Vec<(String, Array)> = all
        .iter()
        .map(|(name, item)| match item {
            Item::Tensor(array) => (name.clone(), array.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(decode("x", &encode(&arrays)?)?, Item::Dict(all));
    Ok(())
}

/// The archive's checksums keep damage away from the pickle; these mutants have right ones.
#[test]
fn a_damaged_pickle_is_an_error_or_another_value() -> Result<()> {
    for whole in [file!("nested.pt"), file!("views.pt"), file!("evil.pt")] {
        let files = zip::unpack("x", whole)?;
        let at = files.iter().position(|(name, _)| name.ends_with("data.pkl")).unwrap();
        let mut random = 1u64;
        let mut next = move |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % below
        };
        for _ in 0..3000 {
            let mut mutant = files.clone();
            let pickle = &mut mutant[at].1;
            for _ in 0..=next(3) {
                let place = next(pickle.len());
                match next(4) {
                    0 => pickle[place] = next(256) as u8,
                    1 => pickle[place] ^= 1 << next(8),
                    2 => drop(pickle.drain(place..(place + 1 + next(4)).min(pickle.len()))),
                    _ => {
                        let end = (place + 1 + next(16)).min(pickle.len());
                        let part = pickle[place..end].to_vec();
                        pickle.splice(place..place, part);
                    }
                }
            }
            // Either is right; that it comes back is what is tested.
            let _ = decode("x", &zip::pack(&mutant)?);
        }
    }
    Ok(())
}

/// Lists in lists without end, by the memo: refused by their depth, and nothing overflows.
#[test]
fn nesting_has_an_end() -> Result<()> {
    let mut pickle = b"\x80\x02]q\x00".to_vec();
    for _ in 0..100_000 {
        // A new list that holds the one before.
        pickle.extend(b"]h\x00aq\x00");
    }
    pickle.push(b'.');
    let file = zip::pack(&[("archive/data.pkl".into(), pickle)])?;
    let fault = decode("x", &file).unwrap_err();
    assert!(fault.message.contains("too deep"), "{}", fault.message);
    Ok(())
}
