//! `nearest_neighbours`.

use super::{GROUP, POSITIVE, SAMPLES, map};
use crate::cite;
use crate::convert::wrap;
use saddle_catalog::{Entry, Maybe, Param, Ty, fails, param, value};
use saddle_gan::metrics::{Samples, neighbours};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&NEAREST_NEIGHBOURS];

const X: Param<Tensor> = param("x", SAMPLES, "the samples");
const DATA: Param<Tensor> = param("data", SAMPLES, "where to look, such as the training data");
const K: Maybe<usize> =
    param("k", POSITIVE, "how many for each sample, nearest first; left out, one, without a dim for it").maybe("none");
static NEAREST_NEIGHBOURS: Entry = Entry {
    name: "nearest_neighbours",
    group: GROUP,
    summary: "for each sample the nearest points of a data set: has the model learned them by heart?",
    params: &[X.param(), DATA.param()],
    options: &[K.opt()],
    returns: Ty::Map,
    shapes: "x [n, …], data [m, …] → index [n], distance [n], images [n, …]; with k: [n, k], [n, k], [n, k, …]",
    errors: &["samples of different size, or empty, or not finite", "k below 1 or above the number of points"],
    source: &[cite::GOODFELLOW_2014, ", Figure 2: the rightmost column"],
    examples: &[
        value("3 and 4 make 5", "nearest_neighbours([[0, 0]], [[6, 8], [3, 4]]).distance.to_array()", "[5.0]"),
        value(
            "a copy is found",
            "let data = digits().images;\nlet found = nearest_neighbours(data[[7, 1000]], data);\n[found.index.to_array(), found.distance.to_array()]",
            "[[7, 1000], [0.0, 0.0]]",
        ),
        value(
            "pictures to put beside the samples",
            "nearest_neighbours(rand([5, 64]), digits(), #{ k: 3 }).images.shape",
            "[5, 3, 64]",
        ),
        fails("more than there are", "nearest_neighbours([[0]], [[1], [2]], #{ k: 3 })", "from 1 to 2"),
    ],
    call: |call| {
        let (x, data) = (X.of(call)?, DATA.of(call)?);
        let k = K.of(call)?.unwrap_or(1);
        let found = neighbours::nearest(
            &Samples::read(call.entry.name, "x", &x)?,
            &Samples::read(call.entry.name, "data", &data)?,
            k,
            &|| call.host.check_interrupt(),
        )?;
        let n = found.len();
        let shape: &[usize] = match K.is_given(call) {
            true => &[n, k],
            false => &[n],
        };
        let all = || found.iter().flatten();
        let device = x.device();
        let index: Vec<i64> = all().map(|near| near.index as i64).collect();
        let distance = all().map(|near| near.distance as f32).collect();
        let places = Tensor::from_ints(index.clone(), &[n * k], &data.device());
        let images = data.detach().index_select(0, &places)?;
        let images = images.reshape(&[shape, &data.shape()[1..]].concat())?;
        Ok(map([
            ("index", wrap(Tensor::from_ints(index, shape, &device))),
            ("distance", wrap(Tensor::from_floats(distance, shape, &device))),
            ("images", wrap(images)),
        ]))
    },
};
