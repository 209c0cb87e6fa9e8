//! Values that are changed in place where nobody else holds them: what gradients are added up in.

use super::{Held, Raw};
use saddle_cpu::Binary;
use std::ops::Range;
use std::rc::Rc;

/// Numbers of a run that are added by a plain loop.
const SHORT: usize = 32;

impl Raw {
    /// `op` with a float tensor of the same shape, written over this one where nobody else holds it.
    pub(crate) fn onto(mut self, op: Binary, other: &Raw) -> Self {
        let shape = self.shape();
        let other = other.contiguous();
        if let (Some(a), Some(b)) = (self.own_slice(), other.slice())
            && a.len() == b.len()
        {
            saddle_cpu::binary_in_place(op, a, b);
            return self;
        }
        self.binary(op, &other, &shape)
    }

    /// The elements in row-major order, to be changed: on the CPU, where they are this tensor's alone.
    fn own_slice(&mut self) -> Option<&mut [f32]> {
        match Rc::get_mut(&mut self.held)? {
            Held::Cpu(view) => view.own_slice(),
            Held::Far(_) => None,
        }
    }

    /// This float tensor with `part` added within `ranges`: in place, where its elements are nobody else's.
    pub(crate) fn onto_part(mut self, part: &Raw, ranges: &[Range<usize>]) -> Raw {
        let shape = self.shape();
        let part = part.contiguous();
        if let (Some(sum), Some(part)) = (self.own_slice(), part.slice()) {
            let (run, places) = Raw::runs(&shape, ranges);
            for (part, at) in part.chunks_exact(run.max(1)).zip(places) {
                let sum = &mut sum[at..at + run];
                match run {
                    // A call would take longer.
                    ..SHORT => sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part),
                    _ => saddle_cpu::binary_in_place(Binary::Add, sum, part),
                }
            }
            return self;
        }
        self.onto(Binary::Add, &part.embed(shape, ranges))
    }
}
