//! The sizes of what an operation gives, from those of its tensors and its numbers: the client knows them without
//! asking. The server compares them with what it computed.

use saddle_backend::{Op, With};

/// The sizes of the results of an operation that computes.
pub fn results(op: Op, with: &With) -> Vec<Vec<usize>> {
    let of = |i: usize| -> Vec<usize> { with.tensors.get(i).map_or_else(Vec::new, |t| t.sizes().collect()) };
    let number = |i: usize| with.ints.get(i).map_or(0, |&n| n as usize);
    let numbers = |from: usize| with.ints.iter().skip(from).map(|&n| n as usize).collect::<Vec<_>>();
    let with_axis = |size: usize| {
        let mut sizes = of(0);
        if let Some(axis) = sizes.get_mut(number(0)) {
            *axis = size;
        }
        sizes
    };
    let one = match op {
        Op::Upload | Op::Full => numbers(2),
        Op::Reshape | Op::Expand => numbers(0),
        Op::Permute => {
            let sizes = of(0);
            numbers(0).iter().map(|&axis| sizes.get(axis).copied().unwrap_or(0)).collect()
        }
        Op::Slice => {
            let mut sizes = of(0);
            for (size, ends) in sizes.iter_mut().zip(with.ints.chunks_exact(2)) {
                *size = ends[1].saturating_sub(ends[0]).max(0) as usize;
            }
            sizes
        }
        Op::Select => with_axis(of(1).into_iter().fold(1, usize::saturating_mul)),
        Op::Gather | Op::Conv2dWeightGrad => of(1),
        Op::Cat => {
            let sizes = with.tensors.iter().map(|t| t.sizes().nth(number(0)).unwrap_or(0));
            with_axis(sizes.fold(0, usize::saturating_add))
        }
        Op::SumDim => with_axis(1),
        Op::MaxDim | Op::MinDim => return vec![with_axis(1), with_axis(1)],
        Op::Sum | Op::All | Op::Any => vec![1],
        Op::MaskWhere => broadcast(&of(1), &of(2)),
        Op::Matmul => product(&of(0), &of(1)),
        Op::Conv2d | Op::ConvTranspose2d => convolved(op, &of(0), &of(1), &numbers(0)),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow => broadcast(&of(0), &of(1)),
        Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Eq | Op::Ne | Op::And | Op::Or => broadcast(&of(0), &of(1)),
        _ => of(0),
    };
    vec![one]
}

/// Of two tensors of the same rank: an axis of one element is repeated.
fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    a.iter().zip(b).map(|(&a, &b)| if a == 1 { b } else { a }).collect()
}

fn product(a: &[usize], b: &[usize]) -> Vec<usize> {
    let mut sizes = broadcast(a, b);
    if let ([.., rows, _], [.., _, columns], [.., r, c]) = (a, b, &mut sizes[..]) {
        (*r, *c) = (*rows, *columns);
    }
    sizes
}

/// Stride, padding, dilation: two each; groups; for a transposed convolution two of output padding.
fn convolved(op: Op, x: &[usize], w: &[usize], walk: &[usize]) -> Vec<usize> {
    let ([n, _, height, width], [first, second, tall, wide], [s0, s1, p0, p1, d0, d1, groups, more @ ..]) =
        (x, w, walk)
    else {
        return Vec::new();
    };
    // What no operation takes, sizes beyond all numbers, ends at the largest one.
    let reach = |dilation: usize, kernel: usize| dilation.saturating_mul(kernel.saturating_sub(1)).saturating_add(1);
    match op {
        Op::Conv2d => {
            let out = |size: usize, stride: usize, padding: usize, reach: usize| {
                (size.saturating_add(padding.saturating_mul(2)).saturating_sub(reach) / stride.max(1)).saturating_add(1)
            };
            vec![*n, *first, out(*height, *s0, *p0, reach(*d0, *tall)), out(*width, *s1, *p1, reach(*d1, *wide))]
        }
        _ => {
            let out = |size: usize, stride: usize, padding: usize, reach: usize, more: Option<&usize>| {
                let whole = size.saturating_sub(1).saturating_mul(stride).saturating_add(reach);
                whole.saturating_add(more.copied().unwrap_or(0)).saturating_sub(padding.saturating_mul(2))
            };
            let tall = out(*height, *s0, *p0, reach(*d0, *tall), more.first());
            vec![*n, second.saturating_mul(*groups), tall, out(*width, *s1, *p1, reach(*d1, *wide), more.get(1))]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch's documentation of `Conv2d` and `ConvTranspose2d`, with numbers.
    #[test]
    fn convolutions_have_the_sizes_that_pytorch_documents() {
        let walk = [2, 2, 1, 1, 1, 1, 1];
        assert_eq!(convolved(Op::Conv2d, &[64, 64, 16, 16], &[128, 64, 4, 4], &walk), [64, 128, 8, 8]);
        let dilated = [1, 2, 4, 0, 2, 1, 3];
        assert_eq!(convolved(Op::Conv2d, &[20, 3, 50, 100], &[33, 1, 3, 5], &dilated), [20, 33, 54, 48]);
        let up = [2, 2, 1, 1, 1, 1, 1, 0, 0];
        assert_eq!(convolved(Op::ConvTranspose2d, &[64, 128, 7, 7], &[128, 64, 4, 4], &up), [64, 64, 14, 14]);
        let odd = [2, 1, 4, 2, 1, 1, 4, 1, 0];
        assert_eq!(convolved(Op::ConvTranspose2d, &[20, 16, 50, 100], &[16, 8, 3, 5], &odd), [20, 32, 94, 100]);
    }

    #[test]
    fn batches_of_products_are_repeated_where_there_is_one() {
        assert_eq!(product(&[4, 7], &[7, 2]), [4, 2]);
        assert_eq!(product(&[1, 4, 7], &[5, 7, 2]), [5, 4, 2]);
    }
}
