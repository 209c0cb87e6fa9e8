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

/// A file with one tensor `y` of the storage 0, 1, 2, 3: its offset, size and stride as pickled, and PyTorch's notes.
fn view(place: &[u8], notes: &[u8]) -> Result<Item> {
    let start = b"\x80\x02}X\x01\0\0\0yctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n";
    let key = b"X\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ";
    let pickle = [start.as_slice(), key, place, b"\x89ccollections\nOrderedDict\n)R", notes, b"tRs."].concat();
    let storage = [0f32, 1.0, 2.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let file = zip::pack(&[("archive/data.pkl".into(), pickle), ("archive/data/0".into(), storage)])?;
    Ok(dict(decode("x", &file)?).remove(0).1)
}

/// PyTorch notes of `z.conj().imag` that its numbers have the other sign, and writes those of `z`.
#[test]
fn a_negated_view_has_the_other_sign() -> Result<()> {
    let odd = b"K\x01K\x02\x85K\x02\x85";
    assert_eq!(view(odd, b"}X\x03\0\0\0neg\x88s")?, floats(&[2], &[-1.0, -3.0]));
    assert_eq!(view(odd, b"}X\x03\0\0\0neg\x89s")?, floats(&[2], &[1.0, 3.0]));
    assert_eq!(view(odd, b"")?, floats(&[2], &[1.0, 3.0]));
    let all = b"K\0K\x04\x85K\x01\x85";
    assert_eq!(view(all, b"}X\x03\0\0\0neg\x88s")?, floats(&[4], &[0.0, -1.0, -2.0, -3.0]));
    Ok(())
}

/// `expand` saves one number for many; how many may come out of a file has an end.
#[test]
fn an_expanded_tensor_is_read() -> Result<()> {
    assert_eq!(view(b"K\x01K\x03K\x02\x86K\0K\x02\x86", b"")?, floats(&[3, 2], &[1., 3., 1., 3., 1., 3.]));
    let fault = view(b"K\0J\xff\xff\xff\x7f\x85K\0\x85", b"").unwrap_err();
    assert!(fault.message.contains("16 times"), "{fault}");
    Ok(())
}

/// `{1: 5, "1": 6}` would lose one of the two.
#[test]
fn two_keys_that_read_alike_are_told() -> Result<()> {
    let pickle = b"\x80\x02}(K\x01K\x05X\x01\0\0\x001K\x06u.".to_vec();
    let file = zip::pack(&[("archive/data.pkl".into(), pickle)])?;
    let fault = decode("x", &file).unwrap_err();
    assert!(fault.message.contains("the key `1` twice"), "{fault}");
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
