//! Thrift's compact protocol, as far as Parquet's headers need it: a struct as a tree of values by field number.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Double,
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Struct(Struct),
}

/// Fields by their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Struct(Vec<(i16, Value)>);

/// Structs and lists within each other: far above what headers have.
const DEEPEST: usize = 16;
/// The most values of a struct, those within it included: each takes more memory than bytes.
const MOST_VALUES: usize = 1 << 24;

impl Struct {
    fn get(&self, field: i16) -> Option<&Value> {
        self.0.iter().find(|(number, _)| *number == field).map(|(_, value)| value)
    }

    pub fn int(&self, field: i16) -> Option<i64> {
        match self.get(field)? {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn size(&self, field: i16) -> Option<usize> {
        usize::try_from(self.int(field)?).ok()
    }

    pub fn bool(&self, field: i16) -> Option<bool> {
        match self.get(field)? {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn text(&self, field: i16) -> Option<String> {
        match self.get(field)? {
            Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    pub fn inner(&self, field: i16) -> Option<&Struct> {
        match self.get(field)? {
            Value::Struct(inner) => Some(inner),
            _ => None,
        }
    }

    pub fn list(&self, field: i16) -> &[Value] {
        match self.get(field) {
            Some(Value::List(all)) => all,
            _ => &[],
        }
    }

    /// A list of structs.
    pub fn structs(&self, field: i16) -> impl Iterator<Item = &Struct> {
        self.list(field).iter().filter_map(|value| match value {
            Value::Struct(inner) => Some(inner),
            _ => None,
        })
    }
}

/// The struct at the start of some bytes, and how many it takes; `None` where they end too early or are none.
pub fn read(bytes: &[u8]) -> Option<(Struct, usize)> {
    let mut at = Reader { bytes, at: 0, left: MOST_VALUES };
    let read = at.structure(0)?;
    Some((read, at.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many values may follow.
    left: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(n);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let n = self.varint()?;
        Some((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    fn structure(&mut self, depth: usize) -> Option<Struct> {
        let mut fields = Vec::new();
        let mut last = 0i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(Struct(fields));
            }
            last = match head >> 4 {
                0 => i16::try_from(self.zigzag()?).ok()?,
                step => last.checked_add(i16::from(step))?,
            };
            let value = match head & 0xf {
                1 => Value::Bool(true),
                2 => Value::Bool(false),
                kind => self.value(kind, depth + 1)?,
            };
            fields.push((last, value));
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1).filter(|_| depth <= DEEPEST)?;
        Some(match kind {
            1 | 2 => Value::Bool(self.byte()? == 1),
            3 => Value::Int(i64::from(self.byte()? as i8)),
            4..=6 => Value::Int(self.zigzag()?),
            7 => {
                self.at = self.at.checked_add(8).filter(|at| *at <= self.bytes.len())?;
                Value::Double
            }
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let end = self.at.checked_add(length)?;
                let bytes = self.bytes.get(self.at..end)?.to_vec();
                self.at = end;
                Value::Bytes(bytes)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => usize::try_from(self.varint()?).ok()?,
                    few => usize::from(few),
                };
                // An entry has one byte at least.
                if count > self.bytes.len() - self.at {
                    return None;
                }
                let each = (0..count).map(|_| self.value(head & 0xf, depth + 1));
                Value::List(each.collect::<Option<_>>()?)
            }
            12 => Value::Struct(self.structure(depth)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_their_numbers() {
        // 1: i32 −3, 2: "ab", 5: [1, 2] (i32), 300: true, 301: struct { 1: i64 150 }
        let bytes = [0x15, 5, 0x18, 2, b'a', b'b', 0x39, 0x25, 2, 4, 0x01, 0xd8, 4, 0x1c, 0x16, 0xac, 2, 0, 0, 99, 99];
        let (read, length) = read(&bytes).unwrap();
        assert_eq!(length, bytes.len() - 2);
        assert_eq!(read.int(1), Some(-3));
        assert_eq!(read.text(2).as_deref(), Some("ab"));
        assert_eq!(read.list(5), [Value::Int(1), Value::Int(2)]);
        assert_eq!(read.bool(300), Some(true));
        assert_eq!(read.inner(301).unwrap().int(1), Some(150));
        for end in 0..length {
            assert!(super::read(&bytes[..end]).is_none(), "{end}");
        }
    }

    /// A list of one list of one list …, and a struct in a struct in a struct …
    #[test]
    fn what_lies_too_deep_is_refused() {
        for open in [0x19, 0x1c] {
            assert!(read(&vec![open; 1_000_000]).is_none());
            // Closed again by lists that are empty, or by the ends of structs.
            let nested = |n: usize| [&vec![open; n][..], &vec![0; n + 1]].concat();
            assert!(read(&nested(DEEPEST)).is_some());
            assert!(read(&nested(DEEPEST + 1)).is_none());
        }
    }
}
