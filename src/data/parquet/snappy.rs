//! Snappy's raw format: literals and copies of what came before (its `format_description.txt`).

/// What `packed` holds, of which there must be `size` bytes; `None` where it is damaged.
pub fn unpack(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut at = 0;
    let mut length = 0u64;
    for shift in (0..35).step_by(7) {
        let byte = *packed.get(at)?;
        at += 1;
        length |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    if length != size as u64 {
        return None;
    }
    // Made as it is needed: a size that is only claimed takes no memory.
    let mut out = Vec::new();
    while at < packed.len() {
        let tag = packed[at];
        at += 1;
        let number = |at: usize, n: usize| -> Option<usize> {
            let bytes = packed.get(at..at + n)?;
            Some(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
        };
        let (length, offset) = match tag & 3 {
            0 => {
                let short = usize::from(tag >> 2);
                let extra = short.saturating_sub(59);
                let length = if extra == 0 { short } else { number(at, extra)? } + 1;
                at += extra;
                out.extend_from_slice(packed.get(at..at.checked_add(length)?)?);
                at += length;
                continue;
            }
            1 => {
                let low = number(at, 1)?;
                at += 1;
                (4 + usize::from(tag >> 2 & 7), usize::from(tag >> 5) << 8 | low)
            }
            kind => {
                let n = if kind == 2 { 2 } else { 4 };
                let offset = number(at, n)?;
                at += n;
                (1 + usize::from(tag >> 2), offset)
            }
        };
        let start = out.len().checked_sub(offset).filter(|_| offset > 0)?;
        if out.len() + length > size {
            return None;
        }
        // It may reach into what it writes.
        for i in start..start + length {
            out.push(out[i]);
        }
    }
    (out.len() == size).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_copies() {
        // "abcabcabcX": a literal of 3, a copy of 6 from 3 back, which reaches into itself, a literal of 1.
        let packed = [10, 2 << 2, b'a', b'b', b'c', (6 - 4) << 2 | 1, 3, 0, b'X'];
        assert_eq!(unpack(&packed, 10).unwrap(), b"abcabcabcX");
        assert!(unpack(&packed, 9).is_none());
        assert!((0..packed.len()).all(|end| unpack(&packed[..end], 10).is_none()));
        // A copy from before the start.
        assert!(unpack(&[4, 1, 9], 4).is_none());
        // A long literal: its length in one byte more.
        let long = [&[100, 60 << 2, 99][..], &[7; 100]].concat();
        assert_eq!(unpack(&long, 100).unwrap(), [7; 100]);
    }
}
