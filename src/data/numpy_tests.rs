//! Files that NumPy itself wrote (`tests/numpy/make.py`), and damaged ones.

use super::array::{Array, Values};
use super::files::{Watch, testing::Folder};
use super::numpy::{npy, npz};
use saddle_fault::Result;
use std::path::{Path, PathBuf};

fn made(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/numpy")
        .join(name)
}

fn read(name: &str) -> Result<Array> {
    npy(&made(name), &mut Watch::none())
}

fn array(shape: &[usize], values: Values) -> Array {
    Array {
        shape: shape.to_vec(),
        values,
    }
}

#[test]
fn every_type_is_read() {
    let quarters = Values::F32((0..6).map(|v| v as f32 / 4.0).collect());
    let less_three = Values::I32((-3..3).collect());
    for name in ["f4.npy", "f8_big_endian.npy"] {
        assert_eq!(
            read(name).unwrap(),
            array(&[2, 3], quarters.clone()),
            "{name}"
        );
    }
    for name in ["i8.npy", "i2_big_endian.npy"] {
        assert_eq!(
            read(name).unwrap(),
            array(&[2, 3], less_three.clone()),
            "{name}"
        );
    }
    // The half nearest to 6e-8 is the least above 0, 2⁻²⁴.
    let halves = vec![0.5, -2.0, 2_f32.powi(-24), 65504.0, f32::INFINITY];
    assert_eq!(read("f2.npy").unwrap(), array(&[5], Values::F32(halves)));
    assert_eq!(
        read("u1.npy").unwrap(),
        array(&[2], Values::I32(vec![0, 255]))
    );
    let even = Values::Bool([true, false, true, false, true, false].into());
    assert_eq!(read("bool.npy").unwrap(), array(&[2, 3], even));
    assert_eq!(
        read("scalar.npy").unwrap(),
        array(&[], Values::F32(vec![2.5]))
    );
    assert_eq!(
        read("empty.npy").unwrap(),
        array(&[0, 3], Values::F32(vec![]))
    );
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
    let y = array(&[2], Values::I32(vec![1, 0]));
    assert_eq!(stored, [("x".to_string(), x), ("y".to_string(), y.clone())]);
    let packed = npz(&made("packed.npz"), &mut Watch::none()).unwrap();
    let x = array(&[100, 100], Values::F32(vec![0.0; 10_000]));
    assert_eq!(packed, [("x".to_string(), x), ("y".to_string(), y)]);
}

#[test]
fn what_does_not_fit_is_told() {
    let fault = read("too_large.npy").unwrap_err();
    assert!(fault.message.contains("1099511627776"), "{fault}");
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
        (
            changed("f4.npy", b"(2, 3), }      ", b"(99999999999,)}"),
            "99999999999",
        ),
        (changed("f4.npy", b"<f4", b"<f0"), "<f0"),
        (
            changed("f4.npy", b"\x93NUMPY\x01", b"\x93NUMPY\x09"),
            "version 9",
        ),
    ];
    let folder = Folder::new();
    for (bytes, part) in cases {
        let path = folder.write("file.npy", &bytes);
        let fault = npy(&path, &mut Watch::none()).unwrap_err();
        assert!(fault.message.contains(part), "{fault} lacks {part:?}");
    }
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
    for bytes in [
        damage(60),
        damage(90),
        whole[..whole.len() - 30].to_vec(),
        vec![],
        vec![0; 100],
    ] {
        let path = folder.write("file.npz", &bytes);
        assert!(npz(&path, &mut Watch::none()).is_err());
    }
    // No single byte changed anywhere makes it panic.
    for at in 0..whole.len() {
        let path = folder.write("file.npz", &damage(at));
        let _ = npz(&path, &mut Watch::none());
    }
}
