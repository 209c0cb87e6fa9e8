//! Products of matrices and vectors.

use super::{coerce, fails, param, tensor, value, wrap};
use saddle_catalog::{ENTRY, Entry, Ty, type_of};
use saddle_fault::{Fault, Result};
use saddle_tensor::{Tensor, device, einsum, shown};

pub static ENTRIES: &[&Entry] = &[&MATMUL, &DOT, &OUTER, &EINSUM];

const GROUP: &str = "linear algebra";

static MATMUL: Entry = Entry {
    name: "matmul",
    group: GROUP,
    summary: "the matrix product, also written a @ b",
    params: &[
        param(
            "a",
            Ty::Tensor,
            "a matrix, a vector (a row), or matrices along leading dims",
        ),
        param(
            "b",
            Ty::Tensor,
            "a matrix, a vector (a column), or matrices along leading dims",
        ),
    ],
    returns: Ty::Tensor,
    shapes: "[.., m, k], [.., k, n] → [.., m, n]; leading dims broadcast; [k], [k] → a number",
    errors: &[
        "inner sizes that differ",
        "a single number on either side",
        "tensors of two devices",
    ],
    examples: &[
        value(
            "a row times a column",
            "matmul(tensor([[1, 2]]), tensor([[3], [4]])).to_array()",
            "[[11.0]]",
        ),
        fails(
            "inner sizes",
            "matmul(zeros([64, 100]), zeros([128, 784]))",
            "inner sizes 100 and 128 differ",
        ),
    ],
    call: |call| tensor(call, 0)?.matmul(&tensor(call, 1)?).map(wrap),
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

static DOT: Entry = Entry {
    name: "dot",
    group: GROUP,
    summary: "the inner product of two vectors",
    params: &[
        param("a", Ty::Tensor, "a vector"),
        param("b", Ty::Tensor, "a vector of the same length"),
    ],
    returns: Ty::Tensor,
    shapes: "[n], [n] → []",
    errors: &["something that is not a vector", "lengths that differ"],
    examples: &[value(
        "3·1 + 4·2",
        "dot(tensor([3, 4]), tensor([1, 2])).item()",
        "11.0",
    )],
    call: |call| {
        let (a, b) = (tensor(call, 0)?, tensor(call, 1)?);
        vectors("dot", &a, &b)?;
        if a.len() != b.len() {
            return Err(Fault::shape(format!(
                "dot: the lengths {} and {} differ",
                a.len(),
                b.len()
            )));
        }
        a.mul(&b)?.sum().map(wrap)
    },
    ..ENTRY
};

static OUTER: Entry = Entry {
    name: "outer",
    group: GROUP,
    summary: "every product of an element of a with one of b",
    params: &[
        param("a", Ty::Tensor, "a vector"),
        param("b", Ty::Tensor, "a vector"),
    ],
    returns: Ty::Tensor,
    shapes: "[m], [n] → [m, n]",
    errors: &["something that is not a vector"],
    examples: &[value(
        "two by two",
        "outer(tensor([1, 2]), tensor([3, 4])).to_array()",
        "[[3.0, 4.0], [6.0, 8.0]]",
    )],
    call: |call| {
        let (a, b) = (tensor(call, 0)?, tensor(call, 1)?);
        vectors("outer", &a, &b)?;
        a.unsqueeze(1)?.mul(&b.unsqueeze(0)?).map(wrap)
    },
    ..ENTRY
};

static EINSUM: Entry = Entry {
    name: "einsum",
    group: GROUP,
    summary: "Einstein's sum: letters that do not stand behind the arrow are summed over",
    params: &[
        param(
            "form",
            Ty::Text,
            "a letter for each dim, a term for each tensor: \"ij,jk->ik\"",
        ),
        param(
            "tensors",
            Ty::Array,
            "the tensors, in the order of the terms",
        ),
    ],
    returns: Ty::Tensor,
    errors: &[
        "a form that cannot be read",
        "as many terms as tensors are needed",
        "a letter with two sizes",
    ],
    examples: &[
        value(
            "a matrix product",
            "einsum(\"ij,jk->ik\", [tensor([[1, 2]]), tensor([[3], [4]])]).to_array()",
            "[[11.0]]",
        ),
        value(
            "the trace of a product",
            "einsum(\"ij,ij->\", [eye(3), eye(3)]).item()",
            "3.0",
        ),
        fails("no arrow", "einsum(\"ij\", [eye(2)])", "cannot read \"ij\""),
    ],
    call: |call| {
        let form = call.args.text(0)?;
        let on = device::current();
        let tensors = call
            .args
            .array(1)?
            .iter()
            .map(|v| {
                coerce(v, &on)?.ok_or_else(|| {
                    Fault::type_(format!(
                        "einsum: tensors must be tensors, got {}",
                        type_of(v)
                    ))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        einsum(&form, &tensors).map(wrap)
    },
    ..ENTRY
};
