//! IDX files, the format of MNIST: a magic number, the sizes, then bytes; plain or compressed with gzip.

use super::files::{Watch, unpacked};
use saddle_fault::{Fault, Result};
use std::io::{BufRead, Read};
use std::path::Path;

/// The type code of unsigned bytes, the only one that these data sets use.
const UNSIGNED_BYTES: u8 = 0x08;
/// How much is read between two looks at whether to stop.
const PIECE: usize = 1 << 20;

/// An array of bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Idx {
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// Reads an IDX file of rank `rank`. Memory is taken as bytes arrive, never for a size that the file only claims.
///
/// # Errors
/// A file that is missing, empty, damaged, truncated or longer than it says; one of another type or rank.
pub fn read(path: &Path, rank: usize, watch: &mut Watch) -> Result<Idx> {
    parse(unpacked(path)?, rank, watch)
        .map_err(|fault| Fault { message: format!("{}: {}", path.display(), fault.message), ..fault })
}

fn damaged(message: impl Into<String>) -> Fault {
    Fault::file(message).hint("remove the file, and it is downloaded again")
}

fn broken(error: std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("the file ends too early"),
        _ => damaged(format!("the file is damaged ({error})")),
    }
}

/// The same of what is read already.
pub fn parse(mut input: impl BufRead, rank: usize, watch: &mut Watch) -> Result<Idx> {
    if input.fill_buf().map_err(broken)?.is_empty() {
        return Err(damaged("the file is empty"));
    }
    let mut magic = [0; 4];
    input.read_exact(&mut magic).map_err(broken)?;
    let [0, 0, kind, dims] = magic else {
        return Err(damaged(format!("not an IDX file: it begins with {magic:02x?} instead of two zeros")));
    };
    if kind != UNSIGNED_BYTES || usize::from(dims) != rank {
        return Err(damaged(format!(
            "an IDX file of type {kind:#04x} and rank {dims}, where bytes of rank {rank} are needed"
        )));
    }
    let mut shape = Vec::new();
    for _ in 0..rank {
        let mut size = [0; 4];
        input.read_exact(&mut size).map_err(broken)?;
        shape.push(u32::from_be_bytes(size) as usize);
    }
    let claimed = shape
        .iter()
        .try_fold(1_usize, |n, &size| n.checked_mul(size))
        .ok_or_else(|| damaged(format!("the sizes {shape:?} are impossible")))?;
    let mut bytes = Vec::new();
    loop {
        watch.check()?;
        let before = bytes.len();
        let mut piece = input.by_ref().take(PIECE as u64);
        piece.read_to_end(&mut bytes).map_err(broken)?;
        if bytes.len() > claimed {
            return Err(damaged(format!("more bytes than the {claimed} of its sizes {shape:?}")));
        }
        if bytes.len() == before {
            break;
        }
    }
    if bytes.len() < claimed {
        return Err(damaged(format!(
            "the file ends after {} of the {claimed} bytes of its sizes {shape:?}",
            bytes.len()
        )));
    }
    Ok(Idx { shape, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Folder;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    /// Two pictures of 2 × 3.
    fn good() -> Vec<u8> {
        let mut file = vec![0, 0, 8, 3];
        for size in [2_u32, 2, 3] {
            file.extend(size.to_be_bytes());
        }
        file.extend(0..12);
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> Result<Idx> {
        let folder = Folder::new();
        let path = folder.write("file", bytes);
        read(&path, 3, &mut Watch::none())
    }

    #[test]
    fn plain_and_compressed_files_are_read() {
        let expected = Idx { shape: vec![2, 2, 3], bytes: (0..12).collect() };
        assert_eq!(read_bytes(&good()).unwrap(), expected);
        assert_eq!(read_bytes(&gzip(&good())).unwrap(), expected);
    }

    #[test]
    fn every_damage_is_told() {
        let changed = |at: usize, to: u8| {
            let mut file = good();
            file[at] = to;
            file
        };
        let longer = [good(), vec![0]].concat();
        let mut bad_crc = gzip(&good());
        let at = bad_crc.len() - 6;
        bad_crc[at] ^= 1;
        // Sizes of 2⁹⁶ bytes and of 4 GiB: nothing of the kind may be allocated.
        let impossible = [&[0, 0, 8, 3][..], &[0xff; 12]].concat();
        let enormous = [&[0, 0, 8, 3][..], &[0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0], &[7; 5]].concat();
        let cases: [(&[u8], &str); 12] = [
            (&[], "is empty"),
            (&good()[..3], "ends too early"),
            (&good()[..9], "ends too early"),
            (&changed(0, 1), "not an IDX file"),
            (&changed(2, 0x0d), "type 0x0d"),
            (&changed(3, 1), "rank 1"),
            (&good()[..20], "after 4 of the 12 bytes"),
            (&longer, "more bytes than the 12"),
            (&enormous, "after 5 of the 4294967296 bytes"),
            (&impossible, "impossible"),
            (&gzip(&good())[..25], "ends too early"),
            (&bad_crc, "damaged"),
        ];
        for (bytes, part) in cases {
            let fault = read_bytes(bytes).unwrap_err();
            assert_eq!(fault.kind, saddle_fault::Kind::File);
            assert!(fault.message.contains(part), "{fault} lacks {part:?}");
        }
    }

    #[test]
    fn a_missing_file_and_a_folder_are_told() {
        let folder = Folder::new();
        let missing = read(&folder.path().join("none"), 3, &mut Watch::none()).unwrap_err();
        assert!(missing.message.contains("does not exist"), "{missing}");
        let folder = read(folder.path(), 3, &mut Watch::none()).unwrap_err();
        assert!(folder.message.contains("is a folder"), "{folder}");
    }
}
