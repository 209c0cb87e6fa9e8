//! Products of matrices and vectors, their diagonals and triangles.

use super::X;
use crate::cite;
use crate::convert::{coerce, wrap};
use crate::types;
use rhai::{Array, Dynamic};
use saddle_catalog::{ENTRY, Entry, Maybe, Param, Ty, fails, param, type_of, value};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, device, einsum, shown};

pub static ENTRIES: &[&Entry] = &[&MATMUL, &ATTENTION, &DOT, &OUTER, &CDIST, &EINSUM, &DIAGONAL, &TRACE, &TRIL, &TRIU];

const GROUP: &str = "linear algebra";

const A: Param<Tensor> = param("a", types::TENSOR, "a matrix, a vector (a row), or matrices along leading dims");
const B: Param<Tensor> = param("b", types::TENSOR, "a matrix, a vector (a column), or matrices along leading dims");
static MATMUL: Entry = Entry {
    name: "matmul",
    group: GROUP,
    summary: "the matrix product, also written a @ b",
    params: &[A.param(), B.param()],
    returns: Ty::Tensor,
    shapes: "[.., m, k], [.., k, n] → [.., m, n]; leading dims broadcast; [k], [k] → a number",
    errors: &["inner sizes that differ", "a single number on either side", "tensors of two devices"],
    examples: &[
        value("a row times a column", "matmul(tensor([[1, 2]]), tensor([[3], [4]])).to_array()", "[[11.0]]"),
        fails("inner sizes", "matmul(zeros([64, 100]), zeros([128, 784]))", "inner sizes 100 and 128 differ"),
    ],
    call: |call| A.of(call)?.matmul(&B.of(call)?).map(wrap),
    ..ENTRY
};

/// Differences between two looks at whether the cell is to stop, at most: some milliseconds of work, and 16 MB on devices
/// that hold them.
const DIFFERENCES: usize = 1 << 22;

const CDIST_X: Param<Tensor> = param("x", types::TENSOR, "[n, d]");
const Y: Param<Tensor> = param("y", types::TENSOR, "[m, d]");
static CDIST: Entry = Entry {
    name: "cdist",
    group: GROUP,
    summary: "the Euclidean distance of every row of x from every row of y, differentiable",
    params: &[CDIST_X.param(), Y.param()],
    returns: Ty::Tensor,
    shapes: "[n, d], [m, d] → [n, m]",
    errors: &["tensors that are not matrices", "rows of different length"],
    source: &[
        "PyTorch's `torch.cdist`, from differences, so that near points keep their distance; the gradient at 0 is 0",
    ],
    examples: &[
        value("3, 4, 5", "cdist(tensor([[0, 0], [3, 0]]), tensor([[0, 4]])).to_array()", "[[4.0], [5.0]]"),
        value(
            "far from the origin",
            "cdist(tensor([[4096.0, 4096.0]]), tensor([[4096.5, 4096.0]])).to_array()",
            "[[0.5]]",
        ),
        fails("rows that differ", "cdist(zeros([5, 2]), zeros([5, 3]))", "[5, 2] and [5, 3]"),
    ],
    call: |call| {
        let (x, y) = (CDIST_X.of(call)?, Y.of(call)?);
        let (&[n, d], &[m, _]) = (&x.shape()[..], &y.shape()[..]) else {
            return x.cdist(&y).map(wrap);
        };
        let rows = (DIFFERENCES / (m * d).max(1)).max(1);
        if n <= rows {
            return x.cdist(&y).map(wrap);
        }
        let block = |start: usize| {
            call.host.check_interrupt()?;
            x.narrow(0, start..n.min(start + rows))?.cdist(&y)
        };
        Tensor::cat(&(0..n).step_by(rows).map(block).collect::<Result<Vec<_>>>()?, 0).map(wrap)
    },
    ..ENTRY
};

const Q: Param<Tensor> = param("q", types::TENSOR, "queries, d numbers each");
const K: Param<Tensor> = param("k", types::TENSOR, "keys, d numbers each");
const V: Param<Tensor> = param("v", types::TENSOR, "a value for each key");
static ATTENTION: Entry = Entry {
    name: "attention",
    group: GROUP,
    summary: "each query takes a mean of the values, weighted by how well their keys fit it: softmax(q kᵀ/√d) v; cross-attention where keys and values come from another sequence",
    params: &[Q.param(), K.param(), V.param()],
    returns: Ty::Tensor,
    shapes: "[.., m, d], [.., n, d], [.., n, e] → [.., m, e]; leading dims broadcast",
    errors: &["a rank below 2", "queries and keys of different length", "another number of values than keys"],
    source: &[cite::VASWANI_2017],
    examples: &[
        value(
            "a query that fits no key better than the other takes their mean",
            "attention(tensor([[0, 0]]), tensor([[1, 0], [0, 1]]), tensor([[2], [4]])).to_array()",
            "[[3.0]]",
        ),
        fails("lengths", "attention(zeros([1, 2]), zeros([5, 3]), zeros([5, 1]))", "queries have 2 numbers, keys 3"),
    ],
    call: |call| Q.of(call)?.attention(&K.of(call)?, &V.of(call)?).map(wrap),
    ..ENTRY
};

/// Two vectors, or the error that names their shapes.
fn vectors(name: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    match (a.rank(), b.rank()) {
        (1, 1) => Ok(()),
        _ => Err(Fault::shape(format!(
            "{name}: needs two vectors, got shapes {} and {}",
            shown(&a.shape()),
            shown(&b.shape())
        ))
        .hint("einsum says which dims are multiplied and which are summed")),
    }
}

const DOT_A: Param<Tensor> = param("a", types::TENSOR, "a vector");
const DOT_B: Param<Tensor> = param("b", types::TENSOR, "a vector of the same length");
static DOT: Entry = Entry {
    name: "dot",
    group: GROUP,
    summary: "the inner product of two vectors",
    params: &[DOT_A.param(), DOT_B.param()],
    returns: Ty::Tensor,
    shapes: "[n], [n] → []",
    errors: &["something that is not a vector", "lengths that differ"],
    examples: &[value("3·1 + 4·2", "dot(tensor([3, 4]), tensor([1, 2])).item()", "11.0")],
    call: |call| {
        let (a, b) = (DOT_A.of(call)?, DOT_B.of(call)?);
        vectors("dot", &a, &b)?;
        if a.len() != b.len() {
            return Err(Fault::shape(format!("dot: the lengths {} and {} differ", a.len(), b.len())));
        }
        a.mul(&b)?.sum().map(wrap)
    },
    ..ENTRY
};

const OUTER_B: Param<Tensor> = param("b", types::TENSOR, "a vector");
static OUTER: Entry = Entry {
    name: "outer",
    group: GROUP,
    summary: "every product of an element of a with one of b",
    params: &[DOT_A.param(), OUTER_B.param()],
    returns: Ty::Tensor,
    shapes: "[m], [n] → [m, n]",
    errors: &["something that is not a vector"],
    examples: &[value("two by two", "outer(tensor([1, 2]), tensor([3, 4])).to_array()", "[[3.0, 4.0], [6.0, 8.0]]")],
    call: |call| {
        let (a, b) = (DOT_A.of(call)?, OUTER_B.of(call)?);
        vectors("outer", &a, &b)?;
        a.unsqueeze(1)?.mul(&b.unsqueeze(0)?).map(wrap)
    },
    ..ENTRY
};

const FORM: Param<String> = param(
    "form",
    types::TEXT,
    "a letter for each dim, a term for each tensor: \"ij,jk->ik\"; without an arrow the letters that come once stay, in the order of the alphabet",
);
const TENSORS: Param<Dynamic> = param(
    "tensors",
    types::any(Ty::OneOf(&[Ty::Array, Ty::TensorLike])),
    "the tensors, in the order of the terms, in an array; one or two may stand without",
);
const SECOND: Maybe<Dynamic> =
    param("second", types::any(Ty::TensorLike), "the second tensor, where the first stands without an array")
        .maybe("none");
static EINSUM: Entry = Entry {
    name: "einsum",
    group: GROUP,
    summary: "Einstein's sum, as in NumPy: letters that do not stand behind the arrow are summed over, a letter twice in a term is its diagonal, ... stands for any other dims",
    params: &[FORM.param(), TENSORS.param(), SECOND.param()],
    returns: Ty::Tensor,
    errors: &[
        "a form that cannot be read",
        "as many terms as tensors are needed",
        "a letter with two sizes",
        "a letter behind the arrow twice, or in no term",
    ],
    examples: &[
        value(
            "a matrix product",
            "einsum(\"ij,jk->ik\", [tensor([[1, 2]]), tensor([[3], [4]])]).to_array()",
            "[[11.0]]",
        ),
        value("the trace of a product", "einsum(\"ij,ij->\", eye(3), eye(3)).item()", "3.0"),
        value("a diagonal", "einsum(\"ii->i\", tensor([[1, 2], [3, 4]])).to_array()", "[1.0, 4.0]"),
        value("no arrow: the trace", "einsum(\"ii\", eye(2)).item()", "2.0"),
        fails("a diagonal cannot be made", "einsum(\"i->ii\", [tensor([1, 2])])", "comes twice behind the arrow"),
    ],
    call: |call| {
        let form = FORM.of(call)?;
        let on = device::current();
        let first = TENSORS.of(call)?;
        let first = first.read_lock::<Array>().map_or_else(|| vec![first.clone()], |all| all.to_vec());
        let tensors = (first.iter().chain(SECOND.given(call)))
            .map(|v| {
                coerce(v, &on)?
                    .ok_or_else(|| Fault::type_(format!("einsum: tensors must be tensors, got {}", type_of(v))))
            })
            .collect::<Result<Vec<_>>>()?;
        einsum(&form, &tensors).map(wrap)
    },
    ..ENTRY
};

const OFFSET: Param<i64> =
    param("diagonal", types::INT, "which one: 0 the main diagonal, above 0 right of it, below 0 left of it").or(0);

const DIM1: Param<isize> = param("dim1", types::DIM, "the dim of the rows").or(-2);
const DIM2: Param<isize> = param("dim2", types::DIM, "the dim of the columns").or(-1);
static DIAGONAL: Entry = Entry {
    name: "diagonal",
    group: GROUP,
    summary: "the elements on a diagonal of a matrix, or of matrices along leading dims",
    params: &[X.param(), OFFSET.param()],
    options: &[DIM1.opt(), DIM2.opt()],
    returns: Ty::Tensor,
    shapes: "[.., m, n] → [.., k], as many as the diagonal has",
    errors: &["a dim that the tensor does not have", "one dim twice"],
    examples: &[
        value("the main diagonal", "diagonal(tensor([[1, 2], [3, 4]])).to_array()", "[1.0, 4.0]"),
        value("right of it", "diagonal(tensor([[1, 2, 3], [4, 5, 6]]), 1).to_array()", "[2.0, 6.0]"),
        fails("a vector", "diagonal(tensor([1, 2]))", "there is no dim -2"),
    ],
    call: |call| X.of(call)?.diagonal(OFFSET.of(call)?, DIM1.of(call)?, DIM2.of(call)?).map(wrap),
    ..ENTRY
};

static TRACE: Entry = Entry {
    name: "trace",
    group: GROUP,
    summary: "the sum of the main diagonal of a matrix",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "[m, n] → []",
    errors: &["anything but a matrix"],
    examples: &[
        value("1 + 4", "trace(tensor([[1, 2], [3, 4]])).item()", "5.0"),
        fails("a vector", "trace(tensor([1, 2]))", "expected a matrix"),
    ],
    call: |call| X.of(call)?.trace().map(wrap),
    ..ENTRY
};

static TRIL: Entry = Entry {
    name: "tril",
    group: GROUP,
    summary: "the lower triangle of a matrix, or of matrices along leading dims, with zeros above a diagonal",
    params: &[X.param(), OFFSET.param()],
    returns: Ty::Tensor,
    shapes: "[.., m, n] → [.., m, n]",
    errors: &["fewer than two dims"],
    examples: &[value(
        "a causal mask",
        "tril(ones([3, 3])).to_array()",
        "[[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]",
    )],
    call: |call| X.of(call)?.triangle(OFFSET.of(call)?, false).map(wrap),
    ..ENTRY
};

static TRIU: Entry = Entry {
    name: "triu",
    summary: "the upper triangle of a matrix, or of matrices along leading dims, with zeros below a diagonal",
    examples: &[value(
        "above the main diagonal",
        "triu(ones([2, 3]), 1).to_array()",
        "[[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]",
    )],
    call: |call| X.of(call)?.triangle(OFFSET.of(call)?, true).map(wrap),
    group: GROUP,
    params: &[X.param(), OFFSET.param()],
    returns: Ty::Tensor,
    shapes: "[.., m, n] → [.., m, n]",
    errors: &["fewer than two dims"],
    ..ENTRY
};
