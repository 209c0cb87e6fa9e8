//! `augment`: DiffAugment.

use crate::cite;
use crate::convert::wrap;
use crate::types;
use saddle_catalog::{Entry, Param, Ty, fails, param, runs, value};
use saddle_gan::augment::{Policy, augment};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&AUGMENT];

const X: Param<Tensor> = param("x", types::TENSOR, "images [n, c, h, w]; a pixel that is cut out or comes in is 0");
const COLOR: Param<bool> =
    param("color", types::BOOL, "brightness + U(−½, ½), saturation × U(0, 2), contrast × U(½, 1½)").or(true);
const TRANSLATION: Param<f64> =
    param("translation", types::NUMBER, "moved by up to this share of a side; 0: not at all").or(0.125);
const CUTOUT: Param<f64> =
    param("cutout", types::NUMBER, "sides of the hole, as a share of those of the image; 0: none").or(0.5);
static AUGMENT: Entry = Entry {
    name: "augment",
    group: "data",
    summary: "DiffAugment: each image with random changes of colour, place and a hole; D sees real and generated images through it, and G's gradient passes",
    params: &[X.param()],
    options: &[COLOR.opt(), TRANSLATION.opt(), CUTOUT.opt()],
    returns: Ty::Tensor,
    shapes: "[n, c, h, w], unchanged",
    errors: &["a rank other than 4", "a share outside 0 … 1"],
    source: &[cite::ZHAO_2020],
    examples: &[
        value("the shape stays", "augment(rand([4, 3, 16, 16])).shape", "[4, 3, 16, 16]"),
        value(
            "nothing to do",
            "let x = rand([2, 1, 8, 8]);\nmax(abs(augment(x, #{ color: false, translation: 0, cutout: 0 }) - x)).item()",
            "0.0",
        ),
        runs(
            "D's step from few images",
            "let x = rand([16, 1, 8, 8]);\nlet x_fake = rand([16, 1, 8, 8]);\nlet D = sequential([flatten(), linear(64, 1)]);\nlet V = mean(log_sigmoid(D(augment(x))) + log_sigmoid(-D(augment(x_fake))));",
        ),
        fails("rows of pixels", "augment(rand([4, 64]))", "needs images [n, channels, height, width]"),
        fails("more than all", "augment(rand([4, 1, 8, 8]), #{ cutout: 2 })", "a share of a side"),
    ],
    call: |call| {
        let x = X.of(call)?;
        let policy = Policy { color: COLOR.of(call)?, translation: TRANSLATION.of(call)?, cutout: CUTOUT.of(call)? };
        augment(&x, &policy).map(wrap)
    },
};
