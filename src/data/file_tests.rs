//! Files that NumPy and Python's safetensors wrote (`tests/files/make.py`), and damaged ones.

use super::array::{Array, Element, Values};
use super::numpy::{decode_npy, decode_npz, encode_npy, encode_npz};
use super::safetensors::Named;
use saddle_fault::Result;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/files/", $name)).as_slice()
    };
}

fn floats(shape: &[usize], values: &[f32]) -> Array {
    Array { shape: shape.to_vec(), values: Values::F32(values.to_vec()) }
}

fn ints(shape: &[usize], values: &[i64]) -> Array {
    Array { shape: shape.to_vec(), values: Values::Int(values.to_vec()) }
}

#[test]
fn what_numpy_wrote_is_read() -> Result<()> {
    let fortran = decode_npy("x", file!("fortran_big_endian.npy"))?;
    assert_eq!(fortran, floats(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    let half = decode_npy("x", file!("half.npy"))?;
    let smallest = 2f32.powi(-24);
    assert_eq!(half, floats(&[5], &[1.5, -2.0, 65504.0, smallest, f32::INFINITY]));
    assert_eq!(decode_npy("x", file!("scalar.npy"))?, floats(&[], &[0.1]));
    assert_eq!(decode_npy("x", file!("long.npy"))?, ints(&[2, 1], &[-3, i64::from(i32::MAX)]));
    let several = decode_npz("x", file!("several.npz"))?;
    assert_eq!(several[0], ("ones".into(), floats(&[40, 30], &[1.0; 1200])));
    assert_eq!(several[1].1.values, Values::Bool(vec![true, false]));
    let stored = decode_npz("x", file!("stored.npz"))?;
    assert_eq!(stored, [("small".into(), ints(&[2], &[7, 200]))]);
    Ok(())
}

#[test]
fn what_cannot_be_held_is_refused_by_name() {
    let too_long = Array::decode("x", &[1], Element::Unsigned(8), &[0xff; 8], false).unwrap_err();
    assert!(too_long.message.contains("beyond 64 bits"), "{too_long}");
    assert_eq!(decode_npy("x", file!("too_long.npy")), Ok(ints(&[1], &[1 << 31])));
    let text = decode_npy("x", file!("text.npy")).unwrap_err();
    assert!(text.message.contains("<U1"), "{text}");
}

#[test]
fn what_python_saved_as_safetensors_is_read() -> Result<()> {
    let named = Named::decode("x", file!("python.safetensors"))?;
    assert_eq!(named.arrays[0], ("a".into(), ints(&[3], &[1, 2, 3])));
    assert_eq!(named.arrays[1], ("b".into(), floats(&[1, 2], &[1.5, -2.0])));
    assert_eq!(named.notes["by"], "python");
    Ok(())
}

/// `numpy.save` of the same array gives these bytes.
#[test]
fn npy_files_are_numpys_to_the_byte() {
    assert_eq!(encode_npy(&floats(&[], &[0.1])), file!("scalar.npy"));
}

#[test]
fn what_is_written_is_read_back() -> Result<()> {
    let arrays = [
        floats(&[2, 1, 2], &[f32::MIN_POSITIVE, -0.0, f32::MAX, 0.1]),
        ints(&[0, 3], &[]),
        Array { shape: vec![], values: Values::Bool(vec![true]) },
    ];
    for a in &arrays {
        assert_eq!(decode_npy("x", &encode_npy(a))?, *a);
    }
    let named: Vec<_> = ["a", "b", "ü"].map(String::from).into_iter().zip(arrays).collect();
    assert_eq!(decode_npz("x", &encode_npz(&named)?)?, named);
    let all = Named { arrays: named, notes: [("step".into(), "250".into())].into() };
    assert_eq!(Named::decode("x", &all.encode()?)?, all);
    Ok(())
}

/// Cut off anywhere, or with any byte changed, a file is an error or another array: never a panic, never an allocation
/// of what it claims.
#[test]
fn damaged_files_do_no_harm() -> Result<()> {
    type Reader = fn(&[u8]) -> bool;
    let readers: [(&[u8], Reader); 5] = [
        (file!("fortran_big_endian.npy"), |f| decode_npy("x", f).is_err()),
        (file!("long.npy"), |f| decode_npy("x", f).is_err()),
        (file!("several.npz"), |f| decode_npz("x", f).is_err()),
        (file!("stored.npz"), |f| decode_npz("x", f).is_err()),
        (file!("python.safetensors"), |f| Named::decode("x", f).is_err()),
    ];
    for (file, is_refused) in readers {
        for end in 0..file.len() {
            assert!(is_refused(&file[..end]), "cut at {end} of {}", file.len());
        }
        for at in 0..file.len() {
            for value in [0, 0x39, 0xff, !file[at]] {
                let mut damaged = file.to_vec();
                damaged[at] = value;
                is_refused(&damaged);
            }
        }
    }
    // A shape that claims more than any memory holds.
    let claims = encode_npy(&floats(&[1], &[0.0]));
    let text = String::from_utf8_lossy(&claims[10..]).replace("(1,)", "(99999999999999,)");
    let mut claims = claims[..10].to_vec();
    claims.extend(text.into_bytes());
    assert!(decode_npy("x", &claims).is_err());
    Ok(())
}
