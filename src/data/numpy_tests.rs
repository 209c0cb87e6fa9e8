//! Files that NumPy itself wrote (`tests/numpy/make.py`), and damaged ones.

use super::array::{Array, Element, Values};
use super::files::{Watch, testing::Folder};
use super::numpy::{decode_npy, decode_npz, encode_npz, npy, npz};
use super::safetensors::Named;
use saddle_fault::Result;
use std::path::{Path, PathBuf};

fn made(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/numpy").join(name)
}

fn read(name: &str) -> Result<Array> {
    npy(&made(name), &mut Watch::none())
}

fn array(shape: &[usize], values: Values) -> Array {
    Array { shape: shape.to_vec(), values }
}

#[test]
fn every_type_is_read() {
    let quarters = Values::F32((0..6).map(|v| v as f32 / 4.0).collect());
    let less_three = Values::Int((-3..3).collect());
    for name in ["f4.npy", "f8_big_endian.npy"] {
        assert_eq!(read(name).unwrap(), array(&[2, 3], quarters.clone()), "{name}");
    }
    for name in ["i8.npy", "i2_big_endian.npy"] {
        assert_eq!(read(name).unwrap(), array(&[2, 3], less_three.clone()), "{name}");
    }
    // The half nearest to 6e-8 is the least above 0, 2⁻²⁴.
    let halves = vec![0.5, -2.0, 2_f32.powi(-24), 65504.0, f32::INFINITY];
    assert_eq!(read("f2.npy").unwrap(), array(&[5], Values::F32(halves)));
    assert_eq!(read("u1.npy").unwrap(), array(&[2], Values::Int(vec![0, 255])));
    let even = Values::Bool([true, false, true, false, true, false].into());
    assert_eq!(read("bool.npy").unwrap(), array(&[2, 3], even));
    assert_eq!(read("scalar.npy").unwrap(), array(&[], Values::F32(vec![2.5])));
    assert_eq!(read("empty.npy").unwrap(), array(&[0, 3], Values::F32(vec![])));
}

#[test]
fn column_major_arrays_come_out_row_major() {
    let expected = Values::F32((0..24).map(|v| v as f32).collect());
    assert_eq!(read("fortran.npy").unwrap(), array(&[2, 3, 4], expected));
}

#[test]
fn archives_stored_and_packed() {
    let stored = npz(&made("stored.npz"), &mut Watch::none()).unwrap();
    let x = array(&[2, 3], Values::F32((0..6).map(|v| v as f32).collect()));
    let y = array(&[2], Values::Int(vec![1, 0]));
    assert_eq!(stored, [("x".to_string(), x), ("y".to_string(), y.clone())]);
    let packed = npz(&made("packed.npz"), &mut Watch::none()).unwrap();
    let x = array(&[100, 100], Values::F32(vec![0.0; 10_000]));
    assert_eq!(packed, [("x".to_string(), x), ("y".to_string(), y)]);
}

#[test]
fn what_does_not_fit_is_told() {
    // NumPy's own whole numbers have 64 bits.
    assert_eq!(read("too_large.npy").map(|a| a.values), Ok(Values::Int(vec![1 << 40])));
    let fault = Array::decode("x", &[1], Element::Unsigned(8), &[0xff; 8], false).unwrap_err();
    assert!(fault.message.contains("18446744073709551615"), "{fault}");
    let fault = Array::decode("x", &[1], Element::Float(8), &1e300f64.to_le_bytes(), false).unwrap_err();
    assert!(fault.message.contains("beyond single precision, such as 1e300"), "{fault}");
    let kept = Array::decode("x", &[1], Element::Float(8), &f64::NEG_INFINITY.to_le_bytes(), false).unwrap();
    assert_eq!(kept.values, Values::F32(vec![f32::NEG_INFINITY]));
    let fault = read("complex.npy").unwrap_err();
    assert!(fault.message.contains("<c16"), "{fault}");
}

/// A file with `text` replaced by another of its length.
fn changed(name: &str, text: &[u8], by: &[u8]) -> Vec<u8> {
    let mut bytes = std::fs::read(made(name)).unwrap();
    let at = bytes.windows(text.len()).position(|w| w == text).unwrap();
    bytes[at..at + text.len()].copy_from_slice(by);
    bytes
}

#[test]
fn damaged_arrays_are_told() {
    let whole = std::fs::read(made("f4.npy")).unwrap();
    let cases = [
        (vec![], "is empty"),
        (b"hello".to_vec(), "not a NumPy file"),
        (whole[..9].to_vec(), "ends too early"),
        (whole[..100].to_vec(), "ends too early"),
        (whole[..130].to_vec(), "2 bytes of data"),
        ([&whole[..], &[0]].concat(), "25 bytes of data"),
        (changed("f4.npy", b"(2, 3)", b"(2, x)"), "header is damaged"),
        (changed("f4.npy", b"(2, 3), }      ", b"(99999999999,)}"), "99999999999"),
        (changed("f4.npy", b"<f4", b"<f0"), "<f0"),
        (changed("f4.npy", b"\x93NUMPY\x01", b"\x93NUMPY\x09"), "version 9"),
    ];
    let folder = Folder::new();
    for (bytes, part) in cases {
        let path = folder.write("file.npy", &bytes);
        let fault = npy(&path, &mut Watch::none()).unwrap_err();
        assert!(fault.message.contains(part), "{fault} lacks {part:?}");
    }
}

/// A `.npy` file of version 1 with this header (NumPy enhancement proposal 1) and some bytes of data.
fn with_header(header: &str) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), &[0; 16]].concat()
}

/// As `np.save` writes records, a subarray, and objects.
#[test]
fn what_is_not_supported_is_not_called_damaged() {
    let cases = [
        ("[('a', '<f4'), ('b', '<i4')]", "not supported"),
        ("('<f4', (2,))", "not supported"),
        ("'|O'", "type `|O`, not numbers"),
        ("'<M8[ns]'", "type `<M8[ns]`, not numbers"),
    ];
    for (descr, part) in cases {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}");
        let fault = decode_npy("x.npy", &with_header(&header)).unwrap_err();
        assert!(fault.message.contains(part), "{fault}");
        assert!(fault.hint.is_some(), "{fault}");
    }
}

/// 2⁶⁰ elements and more, whose number of bytes may not even fit into 64 bits.
#[test]
fn shapes_that_are_only_claimed_are_refused() {
    let shapes = [
        "(1152921504606846976,)",
        "(1073741824, 1073741824)",
        "(4294967296, 4294967296, 4294967296)",
        "(18446744073709551615,)",
        "(99999999999999999999,)",
    ];
    for shape in shapes {
        for order in ["True", "False"] {
            let header = format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': {shape}, }}");
            assert!(decode_npy("x", &with_header(&header)).is_err(), "{shape}");
        }
        let shape = shape.trim_matches(['(', ')', ',']);
        let header = format!(r#"{{"x":{{"dtype":"F32","shape":[{shape}],"data_offsets":[0,4]}}}}"#);
        let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 4]].concat();
        assert!(Named::decode("x", &file).is_err(), "{shape}");
    }
    // A header of 2⁶⁰ bytes.
    assert!(Named::decode("x", &(1_u64 << 60).to_le_bytes()).is_err());
}

/// An archive of a thousand records for the same megabyte.
#[test]
fn bytes_that_several_records_share_are_refused() {
    let one = array(&[1 << 18], Values::F32(vec![0.5; 1 << 18]));
    let file = encode_npz(&[("x".into(), one)]).unwrap();
    let end = file.len() - 22;
    let directory = u32::from_le_bytes(file[end + 16..end + 20].try_into().unwrap()) as usize;
    let with = |records: u16| {
        let mut last = file[end..].to_vec();
        last[8..10].copy_from_slice(&records.to_le_bytes());
        last[10..12].copy_from_slice(&records.to_le_bytes());
        let record = file[directory..end].repeat(records.into());
        [&file[..directory], &record, &last].concat()
    };
    assert_eq!(decode_npz("x", &with(1)).unwrap().len(), 1);
    let fault = decode_npz("x", &with(1000)).unwrap_err();
    assert!(fault.message.contains("not a whole zip"), "{fault}");
}

#[test]
fn damaged_archives_are_told() {
    let whole = std::fs::read(made("packed.npz")).unwrap();
    let folder = Folder::new();
    let damage = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    // In the packed data, and cut off.
    for bytes in [damage(60), damage(90), whole[..whole.len() - 30].to_vec(), vec![], vec![0; 100]] {
        let path = folder.write("file.npz", &bytes);
        assert!(npz(&path, &mut Watch::none()).is_err());
    }
    // No single byte changed anywhere makes it panic.
    for at in 0..whole.len() {
        let path = folder.write("file.npz", &damage(at));
        let _ = npz(&path, &mut Watch::none());
    }
}

/// As NumPy wrote a shape under Python 2 on Windows.
#[test]
fn sizes_of_python_2_are_read() {
    let header = b"{'descr': '<i2', 'fortran_order': False, 'shape': (2L, 1L), }\n";
    let file = [b"\x93NUMPY\x01\0".as_slice(), &(header.len() as u16).to_le_bytes(), header, &[1, 0, 2, 0]].concat();
    assert_eq!(decode_npy("x", &file).unwrap(), array(&[2, 1], Values::Int(vec![1, 2])));
}
