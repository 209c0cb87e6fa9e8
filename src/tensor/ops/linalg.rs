//! Recorded matrix products.

use super::{floats, same_device};
use crate::raw::rectifier;
use crate::tape::{Gate, Grads, Offered, Op};
use crate::{Tensor, check_shape, shown};
use saddle_cpu::Binary;
use saddle_fault::{Fault, Kind, Result};
use smallvec::{SmallVec, smallvec};

impl Tensor {
    /// softmax(q kᵀ/√d) v (Vaswani et al. 2017), self being q: `[.., m, d], [.., n, d], [.., n, e] → [.., m, e]`.
    ///
    /// # Errors
    /// A rank below 2; queries and keys of different length; another number of values than keys.
    pub fn attention(&self, k: &Tensor, v: &Tensor) -> Result<Tensor> {
        let (sq, sk, sv) = (self.shape(), k.shape(), v.shape());
        let ([.., d], [.., n, e], [.., values, _]) = (&sq[..], &sk[..], &sv[..]) else {
            return Err(attends(self, k, v, "each needs at least two dims"));
        };
        if d != e || sq.num_dims() < 2 {
            return Err(attends(self, k, v, &format!("queries have {d} numbers, keys {e}")));
        }
        if n != values {
            return Err(attends(self, k, v, &format!("there are {n} keys and {values} values")));
        }
        let fit = self.matmul_transposed(k)?.mul_scalar(1.0 / (*d as f32).sqrt())?;
        fit.softmax(-1)?.matmul(v)
    }

    /// The matrix product: `[.., m, k] @ [.., k, n] → [.., m, n]`; leading axes broadcast; a vector counts as a row on
    /// the left and as a column on the right.
    ///
    /// # Errors
    /// A single number; inner sizes that differ; leading axes that do not broadcast.
    pub fn matmul(&self, other: &Tensor) -> Result<Tensor> {
        let (sa, sb) = (self.shape(), other.shape());
        let wrong = |why: String| Fault::shape(format!("matmul: {} @ {}: {why}", shown(&sa), shown(&sb)));
        if sa.is_empty() || sb.is_empty() {
            return Err(wrong("a single number is not a matrix".into()).hint("use * to scale"));
        }
        let inner = if sb.len() == 1 { sb[0] } else { sb[sb.len() - 2] };
        let k = sa[sa.len() - 1];
        if k != inner {
            let mut fault = wrong(format!("inner sizes {k} and {inner} differ"));
            if sb.len() == 2 && sb[1] == k {
                fault = fault.hint("the second operand transposed would fit: a @ b.t()");
            }
            return Err(fault);
        }
        same_device("matmul", self, other)?;
        let a = if sa.len() == 1 { self.unsqueeze(0)? } else { self.clone() };
        let b = if sb.len() == 1 { other.unsqueeze(1)? } else { other.clone() };
        let (a, b) = match a.is_whole() && b.is_whole() {
            true => (a, b),
            false => (floats(&a), floats(&b)),
        };
        let product = batched(&a, &b, false).map_err(|fault| match fault.kind {
            Kind::Shape => wrong("leading dims do not broadcast".into()),
            _ => fault,
        })?;
        match (sa.len(), sb.len()) {
            (1, 1) => product.reshape(&[]),
            (1, _) => product.squeeze(Some(-2)),
            (_, 1) => product.squeeze(Some(-1)),
            _ => Ok(product),
        }
    }

    /// `self @ otherᵀ`: `[.., m, k], [.., n, k] → [.., m, n]` of floats. Its gradients lie in row-major
    /// order, which that with respect to a transposed operand does not.
    ///
    /// # Errors
    /// A rank below 2; inner sizes that differ; leading axes that do not broadcast.
    pub fn matmul_transposed(&self, other: &Tensor) -> Result<Tensor> {
        let (sa, sb) = (self.shape(), other.shape());
        let fault = |why| Fault::shape(format!("matmul: {} @ {} transposed: {why}", shown(&sa), shown(&sb)));
        match (&sa[..], &sb[..]) {
            ([.., _, k], [.., _, l]) if k == l => {}
            _ => return Err(fault("inner sizes differ")),
        }
        same_device("matmul", self, other)?;
        batched(&floats(self), &floats(other), true).map_err(|inner| match inner.kind {
            Kind::Shape => fault("leading dims do not broadcast"),
            _ => inner,
        })
    }

    /// The last two axes exchanged.
    pub fn t(&self) -> Result<Tensor> {
        match self.rank() {
            0 | 1 => Ok(self.clone()),
            _ => self.transpose(-2, -1),
        }
    }

    /// `x [.., in] · wᵀ + bias` for `w [out, in]` and `bias [out]`, in one pass.
    ///
    /// # Errors
    /// Sizes that do not fit.
    pub fn linear(&self, w: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        self.affine(w, bias, None)
    }

    /// [`Tensor::linear`], then x where x > 0, else `slope` · x: in one pass, of which only the result is kept.
    ///
    /// # Errors
    /// As there.
    pub fn linear_rectified(&self, w: &Tensor, bias: Option<&Tensor>, slope: f32) -> Result<Tensor> {
        self.affine(w, bias, Some(slope))
    }

    fn affine(&self, w: &Tensor, bias: Option<&Tensor>, slope: Option<f32>) -> Result<Tensor> {
        let (sx, sw) = (self.shape(), w.shape());
        let fits = !sx.is_empty() && sw.len() == 2 && sx[sx.len() - 1] == sw[1];
        if !fits {
            return Err(Fault::shape(format!(
                "linear: input {} does not fit weights of shape {} [out, in]",
                shown(&sx),
                shown(&sw)
            ))
            .hint(match sw.len() == 2 {
                true => format!("the last dim of the input must be {}", sw[1]),
                false => "weights are [out, in]".into(),
            }));
        }
        same_device("linear", self, w)?;
        let rows: usize = sx[..sx.len() - 1].iter().product();
        let x = floats(self).reshape(&[rows, sw[1]])?;
        let raw = x.raw().linear(w.raw(), bias.map(|b| b.raw()), slope);
        let mut parents: SmallVec<[&Tensor; 3]> = smallvec![&x, w];
        parents.extend(bias);
        let op = Op { name: "linear", parents: &parents, saved: &[&x, w], keep_output: false };
        let gate = slope.map(|slope| Gate { op: rectifier(slope).1, mask: raw.clone() });
        let y = op.done_behind(gate, raw, |b| {
            let (g, x, w) = (b.grad, &b.saved[0], &b.saved[1]);
            let mut grads = Grads::new();
            grads.push(match b.needs[0] {
                true => Some(product_onto(g, w, [false, false], b.take_over(0))?),
                false => None,
            });
            grads.push(match b.needs[1] {
                true => Some(product_onto(g, x, [true, false], b.take_over(1))?),
                false => None,
            });
            match b.needs.get(2) {
                Some(true) => grads.push(Some(g.sum_dims(&[0], false)?)),
                Some(false) => grads.push(None),
                None => {}
            }
            Ok(grads)
        });
        let mut out = sx[..sx.len() - 1].to_vec();
        out.push(sw[0]);
        y.reshape(&out)
    }
}

/// `[.., m, k] @ [.., k, n]` with leading axes broadcast; the right operand is transposed first if the flag says so.
fn batched(a: &Tensor, b: &Tensor, transposed: bool) -> Result<Tensor> {
    let (sa, sb) = (a.shape(), b.shape());
    if sa.len() == 2 && sb.len() == 2 {
        return product(a, b, [false, transposed]);
    }
    let rank = sa.len().max(sb.len());
    let lead = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |j| s[j]);
    let mut batch = Vec::new();
    for i in 0..rank - 2 {
        match (lead(&sa, i), lead(&sb, i)) {
            (m, n) if m == n => batch.push(m),
            (1, n) => batch.push(n),
            (m, 1) => batch.push(m),
            _ => return Err(Fault::shape("leading dims")),
        }
    }
    let full = |s: &[usize]| [&batch[..], &s[s.len() - 2..]].concat();
    let (a, b) = (a.broadcast_to(&full(&sa))?, b.broadcast_to(&full(&sb))?);
    product(&a, &b, [false, transposed])
}

/// The recorded product of operands with equal leading axes, each of which is transposed first if its flag says so.
///
/// With the flags, every gradient is such a product again, of operands as they are: nothing is ever transposed in
/// memory.
///
/// Ints, whose product has no gradients, are never transposed.
fn product(a: &Tensor, b: &Tensor, flags: [bool; 2]) -> Result<Tensor> {
    product_onto(a, b, flags, Offered::default())
}

/// [`product`] as a gradient: added to what has arrived before, then behind the gate. Its own gradients pass the gate, too, before they
/// come here.
fn product_onto(a: &Tensor, b: &Tensor, [ta, tb]: [bool; 2], Offered { before, gate }: Offered) -> Result<Tensor> {
    let op = Op { name: "matmul", parents: &[a, b], saved: &[a, b], keep_output: false };
    let (sa, sb) = (a.shape(), b.shape());
    let rank = sa.len();
    let rows = sa[rank - if ta { 1 } else { 2 }];
    let columns = sb[rank - if tb { 2 } else { 1 }];
    check_shape("matmul", &[&sa[..rank - 2], &[rows, columns]].concat())?;
    if let Some(ints) = a.int_product(b)? {
        return Ok(ints);
    }
    let before = before.map(|before| (Binary::Add, before.raw().clone()));
    let beside: SmallVec<[_; 2]> = before.into_iter().chain(gate.map(|gate| (gate.op, gate.mask.clone()))).collect();
    let raw = match beside.is_empty() {
        true => a.raw().matmul([ta, tb], b.raw()),
        false => a.raw().matmul_onto([ta, tb], b.raw(), &beside),
    };
    // For C = op(A)·op(B) and the gradient G of C.
    Ok(super::two_behind(
        op,
        gate.cloned(),
        raw,
        move |back| {
            let (g, b) = (back.grad, &back.saved[1]);
            match ta {
                false => product_onto(g, b, [false, !tb], back.take_over(0)),
                true => product_onto(b, g, [tb, true], back.take_over(0)),
            }
        },
        move |back| {
            let (g, a) = (back.grad, &back.saved[0]);
            match tb {
                false => product_onto(a, g, [!ta, false], back.take_over(1)),
                true => product_onto(g, a, [true, ta], back.take_over(1)),
            }
        },
    ))
}

/// What does not fit in an attention.
fn attends(q: &Tensor, k: &Tensor, v: &Tensor, what: &str) -> Fault {
    Fault::shape(format!(
        "attention: {what}; q is {}, k {}, v {}",
        shown(&q.shape()),
        shown(&k.shape()),
        shown(&v.shape())
    ))
    .hint("[.., m, d], [.., n, d], [.., n, e] → [.., m, e]")
}
