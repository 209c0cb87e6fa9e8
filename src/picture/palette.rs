//! The palette of a picture: the number of each of its colours, where they are at most 256. Grids of grey images and
//! most plots are such, and take one byte a pixel instead of two to four.

const COLOURS: usize = 256;
/// Slots of the table in which colours are looked up: a power of two, four times as many as there are colours.
const SLOTS: usize = 1024;

/// The colours so far, each RGBA with red in the lowest byte, and where each is found.
pub struct Palette {
    pub colours: Vec<u32>,
    /// One more than a colour's number, 0 for none; a colour stands at its hash or behind.
    slots: [u16; SLOTS],
}

impl Palette {
    pub fn new() -> Self {
        Self { colours: Vec::with_capacity(COLOURS), slots: [0; SLOTS] }
    }

    /// The numbers of the colours of a row of RGBA pixels; `None` where there are more than a palette holds.
    pub fn read(&mut self, row: &[u8], numbers: &mut [u8]) -> Option<()> {
        let mut last = None;
        for (pixel, number) in row.chunks_exact(4).zip(numbers) {
            let colour = u32::from_le_bytes([pixel[0], pixel[1], pixel[2], pixel[3]]);
            *number = match last {
                Some((same, number)) if same == colour => number,
                _ => self.number(colour)?,
            };
            last = Some((colour, *number));
        }
        Some(())
    }

    fn number(&mut self, colour: u32) -> Option<u8> {
        // Fibonacci hashing: the upper bits of a product depend on all bits of the colour.
        let mut at = (colour.wrapping_mul(0x9E37_79B1) >> 22) as usize % SLOTS;
        loop {
            match self.slots[at] {
                0 if self.colours.len() == COLOURS => return None,
                0 => {
                    self.colours.push(colour);
                    self.slots[at] = self.colours.len() as u16;
                    return Some((self.colours.len() - 1) as u8);
                }
                taken if self.colours[taken as usize - 1] == colour => {
                    return Some((taken - 1) as u8);
                }
                _ => at = (at + 1) % SLOTS,
            }
        }
    }

    /// What stands in the `PLTE` chunk: red, green and blue of each colour.
    pub fn rgb(&self) -> Vec<u8> {
        let bytes = self.colours.iter().map(|colour| colour.to_le_bytes());
        bytes.flat_map(|[r, g, b, _]| [r, g, b]).collect()
    }

    /// What stands in the `tRNS` chunk; `None` where all colours are opaque.
    pub fn opacity(&self) -> Option<Vec<u8>> {
        let opacity = self.colours.iter().map(|colour| colour.to_le_bytes()[3]);
        let opacity: Vec<u8> = opacity.collect();
        opacity.iter().any(|&opacity| opacity < 255).then_some(opacity)
    }
}
