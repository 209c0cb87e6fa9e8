//! How values are written into bytes: a tag, then the value, little-endian. Short tensors go along; the numbers of long
//! ones lie in a block beside the bytes.

/// Tensors of more numbers than this lie in a block of shared memory.
pub const INLINE: usize = 4096;

/// Writes values one after the other.
#[derive(Default)]
pub struct Writer {
    /// What has been written.
    pub bytes: Vec<u8>,
}

/// A value as it is read. The elements of a list come after it.
#[derive(Debug, PartialEq)]
pub enum Item<'a> {
    Nothing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// That many values follow.
    List(usize),
    /// A tensor's shape and its numbers, in the machine's order of bytes.
    Short(Vec<usize>, &'a [u8]),
    /// A tensor's shape and the number of its block.
    Long(Vec<usize>, usize),
}

impl Writer {
    /// `()`.
    pub fn nothing(&mut self) {
        self.bytes.push(0);
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) {
        self.bytes.extend([1, u8::from(value)]);
    }

    /// A whole number.
    pub fn int(&mut self, value: i64) {
        self.bytes.push(2);
        self.bytes.extend(value.to_le_bytes());
    }

    /// A float.
    pub fn float(&mut self, value: f64) {
        self.bytes.push(3);
        self.bytes.extend(value.to_le_bytes());
    }

    /// A text, UTF-8.
    pub fn text(&mut self, value: &str) {
        self.bytes.push(4);
        self.size(value.len());
        self.bytes.extend(value.as_bytes());
    }

    /// The head of a list; that many values have to follow.
    pub fn list(&mut self, len: usize) {
        self.bytes.push(5);
        self.size(len);
    }

    /// A tensor whose numbers go along.
    pub fn short(&mut self, shape: &[usize], numbers: &[f32]) {
        self.bytes.push(6);
        self.shape(shape);
        self.size(numbers.len());
        self.bytes.extend(numbers.iter().flat_map(|x| x.to_ne_bytes()));
    }

    /// A tensor whose numbers lie in the block of that number.
    pub fn long(&mut self, shape: &[usize], block: usize) {
        self.bytes.push(7);
        self.shape(shape);
        self.size(block);
    }

    fn shape(&mut self, shape: &[usize]) {
        self.size(shape.len());
        shape.iter().for_each(|&n| self.size(n));
    }

    fn size(&mut self, n: usize) {
        self.bytes.extend((n as u64).to_le_bytes());
    }
}

/// Reads values one after the other; `None` at the end, and where the bytes are not what a [`Writer`] has written.
#[derive(Clone)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn item(&mut self) -> Option<Item<'a>> {
        Some(match self.take(1)?[0] {
            0 => Item::Nothing,
            1 => Item::Bool(self.take(1)?[0] != 0),
            2 => Item::Int(i64::from_le_bytes(self.eight()?)),
            3 => Item::Float(f64::from_le_bytes(self.eight()?)),
            4 => {
                let len = self.size()?;
                Item::Text(std::str::from_utf8(self.take(len)?).ok()?)
            }
            5 => Item::List(self.size()?),
            6 => {
                let shape = self.shape()?;
                let len = self.size()?;
                Item::Short(shape, self.take(len.checked_mul(4)?)?)
            }
            7 => Item::Long(self.shape()?, self.size()?),
            _ => return None,
        })
    }

    /// The next value, if it is a text.
    pub fn text(&mut self) -> Option<&'a str> {
        match self.item()? {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The next value, if it is a whole number.
    pub fn int(&mut self) -> Option<i64> {
        match self.item()? {
            Item::Int(n) => Some(n),
            _ => None,
        }
    }

    /// The next value, if it is a list: its length.
    pub fn list(&mut self) -> Option<usize> {
        match self.item()? {
            Item::List(n) => Some(n),
            _ => None,
        }
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        let rank = self.size()?;
        // No tensor has a higher rank: wrong bytes must not ask for memory.
        (rank <= 16).then(|| (0..rank).map(|_| self.size()).collect())?
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.eight()?)).ok()
    }

    fn eight(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }
}
