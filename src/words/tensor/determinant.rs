//! Determinants and inverses.

use super::X;
use crate::convert::wrap;
use rhai::Map;
use saddle_catalog::{ENTRY, Entry, Ty, fails, value};

pub static ENTRIES: &[&Entry] = &[&SLOGDET, &INV];

const GROUP: &str = "linear algebra";

static SLOGDET: Entry = Entry {
    name: "slogdet",
    group: GROUP,
    summary: "sign and logarithm of the size of the determinant: what a change of variables adds to a log-density",
    params: &[X.param()],
    returns: Ty::Map,
    shapes: "[.., n, n] → sign: [..], logabsdet: [..]",
    errors: &["anything but square matrices", "in grad: a singular matrix"],
    source: &["PyTorch's torch.linalg.slogdet"],
    examples: &[
        value("a determinant of −2", "slogdet(tensor([[1, 2], [3, 4]])).sign.item()", "-1.0"),
        value(
            "twice as long in three directions: 3·log 2",
            "abs(slogdet(eye(3) * 2).logabsdet - 3 * log(2)).item() < 1e-6",
            "true",
        ),
        value(
            "its gradient is the inverse, transposed",
            "let a = tensor([[2, 0], [0, 4]]);\ngrad(slogdet(a).logabsdet, a).to_array()",
            "[[0.5, 0.0], [0.0, 0.25]]",
        ),
        fails("no square", "slogdet(ones([2, 3]))", "needs square matrices [.., n, n], got [2, 3]"),
    ],
    call: |call| {
        let (sign, log) = X.of(call)?.slogdet()?;
        let mut map = Map::new();
        map.insert("sign".into(), wrap(sign));
        map.insert("logabsdet".into(), wrap(log));
        Ok(map.into())
    },
    ..ENTRY
};

static INV: Entry = Entry {
    name: "inv",
    group: GROUP,
    summary: "the inverse of a square matrix, or of matrices along leading dims",
    params: &[X.param()],
    returns: Ty::Tensor,
    shapes: "[.., n, n], unchanged",
    errors: &["anything but square matrices", "a singular matrix"],
    examples: &[
        value("by hand", "inv(tensor([[2, 0], [0, 4]])).to_array()", "[[0.5, 0.0], [0.0, 0.25]]"),
        fails("two equal rows", "inv(ones([2, 2]))", "singular"),
    ],
    call: |call| X.of(call)?.inverse().map(wrap),
    ..ENTRY
};
