//! The crate `saddle`, which the cells' code uses: its text, and those of its files that both sides of the border
//! share.

#[path = "prelude/abi.rs"]
pub mod abi;
#[path = "prelude/pack.rs"]
pub mod pack;

// The rest of it is compiled here for its tests alone.
#[cfg(test)]
#[allow(dead_code)]
#[path = "prelude/link.rs"]
mod link;
#[cfg(test)]
#[allow(dead_code)]
#[path = "prelude/notebook.rs"]
mod notebook;
#[cfg(test)]
#[allow(dead_code)]
#[path = "prelude/tensor.rs"]
mod tensor;
#[cfg(test)]
#[allow(dead_code)]
#[path = "prelude/value.rs"]
mod value;

/// The crate's own manifest.
pub const MANIFEST: &str = "[package]\nname = \"saddle\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";

macro_rules! files {
    ($($name:literal),*) => {
        &[$(($name, include_str!(concat!("prelude/", $name)))),*]
    };
}

/// Its files: name and text.
pub const SOURCE: &[(&str, &str)] =
    files!("lib.rs", "abi.rs", "cell.rs", "export.rs", "link.rs", "notebook.rs", "pack.rs", "tensor.rs", "value.rs");

#[cfg(test)]
mod tests {
    use super::SOURCE;
    use super::link::Packed;
    use super::pack::{Item, Reader};
    use super::tensor::Tensor;
    use super::value::{Argument, Pack, Value};

    /// What a panic of `f` says.
    fn panic_of(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let panic = std::panic::catch_unwind(f).unwrap_err();
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap()
    }

    #[test]
    fn every_file_of_the_crate_is_written() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/prelude");
        let mut found: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        let mut written: Vec<&str> = SOURCE.iter().map(|(name, _)| *name).collect();
        written.sort();
        assert_eq!(found, written);
    }

    #[test]
    fn a_tensor_is_row_major() {
        let x = Tensor::from_fn([2, 3], |[i, j]| (10 * i + j) as f32);
        assert_eq!(&x[..], [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
        assert_eq!((x[[1, 2]], x[4], x.len(), x.rank()), (12.0, 11.0, 6, 2));
        assert_eq!(x.row(1), [10.0, 11.0, 12.0]);
        assert_eq!(x.rows().map(|row| row.len()).collect::<Vec<_>>(), [3, 3]);
        let [rows, columns] = x.dims();
        assert_eq!((rows, columns), (2, 3));
        assert_eq!((x.sum(), x.mean()), (36.0, 6.0));
        let flat = x.map(|v| v + 1.0).reshape([6]);
        assert_eq!((flat.shape(), flat[5]), (&[6][..], 13.0));
        assert_eq!(x.zip_map(&x, |a, b| a - b), Tensor::zeros([2, 3]));
        assert_eq!(Tensor::scalar(2.0).shape(), &[] as &[usize]);
        assert_eq!(format!("{:?}", Tensor::full(0.5, [9])), format!("tensor [9] [{}…]", "0.5, ".repeat(8)));
    }

    /// The sum of many small numbers, which 32 bits lose: 2²⁴ ones and 2²⁴ more.
    #[test]
    fn sums_are_added_up_in_64_bits() {
        let x = Tensor::full(1.0, [1 << 25]);
        assert_eq!(x.sum(), (1 << 25) as f32);
    }

    #[test]
    fn shapes_that_do_not_fit_say_so() {
        let said = panic_of(|| drop(Tensor::new([1.0, 2.0], [3])));
        assert_eq!(said, "a tensor of shape [3] has 3 numbers, got 2");
        let said = panic_of(|| {
            let [_, _, _] = Tensor::zeros([2, 2]).dims();
        });
        assert_eq!(said, "needs a tensor of 3 dims, got one of shape [2, 2]");
        let said = panic_of(|| assert_eq!(Tensor::zeros([2, 2])[[0, 2]], 0.0));
        assert_eq!(said, "there is no element [0, 2] in a tensor of shape [2, 2]");
        let said = panic_of(|| drop(Tensor::zeros([2]).zip_map(&Tensor::zeros([3]), |a, _| a)));
        assert_eq!(said, "the shapes [2] and [3] differ");
        let said = panic_of(|| drop(Tensor::zeros([2, 3]).reshape([4])));
        assert_eq!(said, "shape [2, 3] does not fit into [4]");
    }

    #[test]
    fn arguments_are_taken_where_they_fit() {
        assert_eq!(f64::read(&mut Value::Int(3)), Ok(3.0));
        assert_eq!(u8::read(&mut Value::Int(255)), Ok(255));
        let said = u8::read(&mut Value::Int(256)).unwrap_err();
        assert_eq!(said, "must be a whole number that fits into u8, got the int 256");
        let said = usize::read(&mut Value::Float(1.0)).unwrap_err();
        assert_eq!(said, "must be a whole number, got the float 1.0");
        let said = bool::read(&mut Value::Nothing).unwrap_err();
        assert_eq!(said, "must be true or false, got nothing");
        let mut x = Value::Tensor(Tensor::zeros([2]));
        assert_eq!(<&[f32]>::read(&mut x), Ok(&[0.0, 0.0][..]));
        assert_eq!(String::read(&mut x).unwrap_err(), "must be a text, got a tensor of shape [2]");
    }

    #[test]
    fn results_are_written_as_they_nest() {
        let mut packed = Packed::default();
        let value = (1u8, vec![Some(0.5f32), None], Ok::<_, String>("text"));
        value.pack(&mut packed).unwrap();
        packed.send(|payload| {
            // SAFETY: the payload is lent by `send`.
            let bytes = unsafe { std::slice::from_raw_parts(payload.bytes, payload.len) };
            let mut reader = Reader(bytes);
            let items: Vec<Item> = std::iter::from_fn(|| reader.item()).collect();
            let expected =
                [Item::List(3), Item::Int(1), Item::List(2), Item::Float(0.5), Item::Nothing, Item::Text("text")];
            assert_eq!(items, expected);
        });
        let wrong: Result<f64, &str> = Err("no root");
        assert_eq!(wrong.pack(&mut Packed::default()), Err("no root".into()));
        assert!(u64::MAX.pack(&mut Packed::default()).is_err());
    }
}
