//! The kind `judge`: a small classifier trained on the spot, which says what samples show. And `accuracy`.

use super::super::data::Notebook;
use super::super::format::significant;
use super::{GROUP, POSITIVE};
use crate::cite;
use crate::convert::wrap;
use crate::types;
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Field, KIND, Kind, Maybe, Param, Ty, fails, param, value};
use saddle_data::Dataset;
use saddle_fault::{Fault, Result};
use saddle_nn::loss::cross_entropy;
use saddle_nn::optim::{Adam, Algorithm, Optimizer};
use saddle_nn::schedule::Schedule;
use saddle_nn::{Mode, Network};
use saddle_session::output::Bundle;
use saddle_tensor::random::{Stream, using};
use saddle_tensor::{Tensor, device, no_grad, shown};
use std::any::TypeId;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&JUDGE, &PREDICT, &FEATURES, &ACCURACY, &ACCURACY_OF_JUDGE];

/// A trained classifier and how good it is.
#[derive(Clone)]
pub struct Judge(Rc<Content>);

struct Content {
    /// From samples to the logits of the classes.
    network: Network,
    /// The layer whose outputs are the features.
    hidden: usize,
    /// The shape of one sample as the network takes it.
    shape: Vec<usize>,
    classes: usize,
    accuracy: f64,
    held_out: usize,
}

pub static KIND_JUDGE: Kind = Kind {
    name: "judge",
    summary: "a classifier trained on the spot, called like a function: judge(x) are the probabilities of the classes",
    id: || TypeId::of::<Judge>(),
    show: |v| Bundle::text(v.read_lock::<Judge>().map_or_else(String::new, |judge| judge.0.describe())),
    fields: &[
        Field {
            name: "accuracy",
            ty: Ty::Number,
            doc: "the share of the samples it was not trained on that it classifies rightly",
            get: |v| Ok(read(v)?.0.accuracy.into()),
        },
        Field {
            name: "classes",
            ty: Ty::Int,
            doc: "how many classes there are",
            get: |v| Ok((read(v)?.0.classes as i64).into()),
        },
        Field {
            name: "network",
            ty: Ty::Of("network"),
            doc: "its network, from samples to logits",
            get: |v| Ok(Dynamic::from(read(v)?.0.network.clone())),
        },
    ],
    call: Some(&CALL),
    ..KIND
};

impl Content {
    fn describe(&self) -> String {
        format!(
            "judge of {} classes, right about {} % of {} samples it was not trained on",
            self.classes,
            significant(100.0 * self.accuracy, 3),
            self.held_out
        )
    }

    /// Samples in the shape that the network takes, whichever way they lie.
    fn fit(&self, word: &str, x: &Tensor) -> Result<Tensor> {
        let n = x.shape().first().copied().unwrap_or(1);
        let one: usize = self.shape.iter().product();
        match x.len() == n * one && x.rank() > 0 {
            true => x.reshape(&[&[n], &self.shape[..]].concat()),
            false => Err(Fault::shape(format!(
                "{word}: this judge takes samples of {one} numbers, got shape {}",
                shown(&x.shape())
            ))
            .hint(format!("x must be {} or [n, {one}]", shown(&[&[n], &self.shape[..]].concat())))),
        }
    }

    /// The outputs after a layer, batch by batch.
    fn after(&self, call: &Call, layer: usize, x: &Tensor) -> Result<Tensor> {
        let x = self.fit(call.entry.name, x)?;
        let n = x.shape()[0];
        let part = |start: usize| {
            call.host.check_interrupt()?;
            let x = x.narrow(0, start..n.min(start + BATCH))?;
            self.network.layers()[..=layer].iter().try_fold(x, |x, layer| layer.forward(&x))
        };
        match n {
            0..=BATCH => part(0),
            _ => Tensor::cat(&(0..n).step_by(BATCH).map(part).collect::<Result<Vec<_>>>()?, 0),
        }
    }

    fn logits(&self, call: &Call, x: &Tensor) -> Result<Tensor> {
        self.after(call, self.network.depth() - 1, x)
    }
}

/// Samples that go through the network at once.
const BATCH: usize = 500;
/// Of each minibatch of its training.
const MINIBATCH: usize = 64;
/// Smaller pictures are too coarse for convolutions to help.
const SMALLEST_SIDE: usize = 16;

fn read(v: &Dynamic) -> Result<Judge> {
    v.read_lock::<Judge>().map(|j| j.clone()).ok_or_else(|| Fault::type_("this is not a judge"))
}

/// What a judge makes of samples where a measure asks for features.
pub fn features_of(call: &Call, judge: &Dynamic, x: &Tensor) -> Result<Tensor> {
    let judge = read(judge)?;
    judge.0.after(call, judge.0.hidden, x)
}

const SELF: Param<Judge> = param("judge", types::JUDGE, "the judge");
const X: Param<Tensor> =
    param("x", types::TENSOR, "samples, as pictures or as rows, in the range of the data that it was trained on");
static CALL: Entry = Entry {
    name: "judge",
    group: GROUP,
    summary: "the probability of each class, differentiable in x",
    params: &[SELF.param(), X.param()],
    returns: Ty::Tensor,
    shapes: "[n, …] → [n, classes]",
    errors: &["samples of another size"],
    examples: &[value(
        "how sure it is of real digits",
        "seed(0); let data = digits(); let J = judge(data, #{ steps: 200 });\nmean(max(J(data.sample(100)), #{ dim: 1 })) > 0.7",
        "true",
    )],
    call: |call| {
        let (judge, x) = (read(SELF.value(call))?, X.of(call)?);
        judge.0.logits(call, &x)?.softmax(-1).map(wrap)
    },
    ..ENTRY
};

const DATA: Param<Dataset> =
    param("data", types::DATASET, "samples with labels; 4 of 5 are trained on, the fifth gives the accuracy");
const STEPS: Param<usize> = param("steps", POSITIVE, "of Adam, each on 64 samples").or(1000);
const SEED: Param<i64> =
    param("seed", types::INT, "of its own stream of random numbers: the notebook's is left alone").or(0);
static JUDGE: Entry = Entry {
    name: "judge",
    group: GROUP,
    summary: "trains a small classifier on data with labels, to judge samples by: what they show, how surely, how variedly",
    params: &[DATA.param()],
    options: &[STEPS.opt(), SEED.opt()],
    returns: Ty::Of("judge"),
    shapes: "J(x): probabilities, [n, classes]; J.predict(x): classes, [n]; J.features(x): [n, 64]; J.accuracy",
    errors: &["data without labels, or with fewer than 10 samples"],
    source: &[
        cite::SALIMANS_2016,
        " take Inception; here it is two layers of convolutions, or of units for small pictures and rows",
    ],
    examples: &[
        value("it is good at digits", "let J = judge(digits(), #{ steps: 600 });\nJ.accuracy > 0.9", "true"),
        value(
            "as features, and as the classifier of the inception score",
            "let data = digits(); let J = judge(data, #{ steps: 300 }); let x = data.images;\n[fid(x, x, #{ features: J }) < 1e-3, inception_score(x[permutation(x.len)], #{ classifier: J }).score > 6]",
            "[true, true]",
        ),
        fails("no labels", "judge(dataset(randn([50, 2])))", "needs data with labels"),
    ],
    call: |call| {
        let data = DATA.of(call)?;
        if !data.has_labels() || data.len() < 10 {
            return Err(Fault::value("judge: needs data with labels, at least 10 samples")
                .hint("digits(), mnist_5000(), or dataset(x, labels)"));
        }
        let steps = STEPS.of(call)?;
        let mut stream = Stream::new(SEED.of(call)? as u64);
        using(&mut stream, || trained(call, &data, steps)).map(|judge| Dynamic::from(Judge(Rc::new(judge))))
    },
    ..ENTRY
};

/// A judge trained on four fifths of the data.
fn trained(call: &Call, data: &Dataset, steps: usize) -> Result<Content> {
    let order: Vec<usize> =
        Tensor::to_ints(&saddle_tensor::random::permutation(data.len()))?.into_iter().map(|i| i as usize).collect();
    let (held, own) = order.split_at(data.len() / 5);
    let (own, held) = (data.part(own.iter().copied()), data.part(held.iter().copied()));
    let classes = data.classes().len();
    let (network, hidden, shape) = untrained(call, data, classes)?;
    let rule = Adam { lr: 0.0, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false };
    let mut optimizer = Optimizer::new(network.params(), Algorithm::Adam(rule));
    optimizer.schedule_lr(Schedule::Cosine { from: 3e-3, to: 0.0, steps: steps as f64 });
    for _ in 0..steps {
        call.host.check_interrupt()?;
        let places = own.draw(MINIBATCH, &mut Notebook)?;
        let (x, y) = batch(&own, &places, &shape)?;
        optimizer.minimise(&cross_entropy(&network.forward(&x)?, &y)?, false)?;
    }
    network.set_mode(Mode::Eval);
    network.freeze(true);
    let mut judge = Content { network, hidden, shape, classes, accuracy: 0.0, held_out: held.len() };
    let places: Vec<usize> = (0..held.len()).collect();
    let (x, y) = batch(&held, &places, &judge.shape)?;
    judge.accuracy = share_right(&no_grad(|| judge.logits(call, &x))?, &y)?;
    Ok(judge)
}

fn batch(data: &Dataset, places: &[usize], shape: &[usize]) -> Result<(Tensor, Tensor)> {
    let labels = data.gather_labels(places.iter().copied()).unwrap_or_default();
    let shape = [&[places.len()], shape].concat();
    let x = Tensor::from_floats(data.gather(places.iter().copied())?, &shape, &device::current());
    Ok((x, Tensor::from_ints(labels, &[places.len()], &device::current())))
}

/// The network before training, its last hidden layer, and the shape of a sample as it takes it.
fn untrained(call: &Call, data: &Dataset, classes: usize) -> Result<(Network, usize, Vec<usize>)> {
    let layer = |name: &str, sizes: &[usize], options: Option<Map>| {
        let sizes = sizes.iter().map(|&n| Dynamic::from(n as i64));
        call.apply_word(name, sizes.chain(options.map(Dynamic::from)).collect())
    };
    let stride = || Some(Map::from([("stride".into(), 2i64.into()), ("padding".into(), 2i64.into())]));
    let (layers, shape) = match data.picture() {
        Some([channels, height, width]) if height.min(width) >= SMALLEST_SIDE => {
            let rest = 32 * height.div_ceil(2).div_ceil(2) * width.div_ceil(2).div_ceil(2);
            let layers = vec![
                layer("conv2d", &[channels, 16, 5], stride())?,
                layer("relu", &[], None)?,
                layer("conv2d", &[16, 32, 5], stride())?,
                layer("relu", &[], None)?,
                layer("flatten", &[], None)?,
                layer("linear", &[rest, 64], None)?,
                layer("relu", &[], None)?,
                layer("linear", &[64, classes], None)?,
            ];
            (layers, vec![channels, height, width])
        }
        _ => {
            let rest = data.shape().iter().product();
            let layers = vec![
                layer("linear", &[rest, 128], None)?,
                layer("relu", &[], None)?,
                layer("linear", &[128, 64], None)?,
                layer("relu", &[], None)?,
                layer("linear", &[64, classes], None)?,
            ];
            (layers, vec![rest])
        }
    };
    let hidden = layers.len() - 2;
    let network = call.apply_word("sequential", vec![layers.into()])?.try_cast::<Network>();
    network.map(|network| (network, hidden, shape)).ok_or_else(|| Fault::type_("judge: no network"))
}

static PREDICT: Entry = Entry {
    name: "predict",
    group: GROUP,
    summary: "the class that a judge sees in each sample",
    params: &[SELF.param(), X.param()],
    returns: Ty::Tensor,
    shapes: "[n, …] → [n], whole numbers",
    errors: CALL.errors,
    examples: &[value(
        "how often each digit is seen",
        "let data = digits(); let J = judge(data, #{ steps: 300 });\nlet counts = sum(one_hot(J.predict(data.images), 10), #{ dim: 0 });\ncounts.shape",
        "[10]",
    )],
    call: |call| {
        let (judge, x) = (read(SELF.value(call))?, X.of(call)?);
        let logits = no_grad(|| judge.0.logits(call, &x))?;
        Ok(wrap(logits.extreme_dim(-1, false, true)?.indices))
    },
    ..ENTRY
};

static FEATURES: Entry = Entry {
    name: "features",
    group: GROUP,
    summary: "the outputs of a judge's last hidden layer: what fid, kid, precision_recall, … compare with the option features: judge",
    params: &[SELF.param(), X.param()],
    returns: Ty::Tensor,
    shapes: "[n, …] → [n, 64]",
    errors: CALL.errors,
    source: &["as ", cite::HEUSEL_2017, " take the last hidden layer of Inception"],
    examples: &[value(
        "64 numbers a sample",
        "let data = digits(); judge(data, #{ steps: 10 }).features(data.sample(5)).shape",
        "[5, 64]",
    )],
    call: |call| {
        let x = X.of(call)?;
        features_of(call, SELF.value(call), &x).map(wrap)
    },
    ..ENTRY
};

/// The share of rows whose largest entry stands at the label.
fn share_right(scores: &Tensor, labels: &Tensor) -> Result<f64> {
    let seen = scores.extreme_dim(-1, false, true)?.indices.to_ints()?;
    let labels = labels.to_ints()?;
    let right = seen.iter().zip(&labels).filter(|(seen, label)| seen == label).count();
    Ok(right as f64 / labels.len().max(1) as f64)
}

const SCORES: Param<Tensor> = param("scores", types::TENSOR, "logits or probabilities, [n, classes]");
const LABELS: Param<Tensor> = param("labels", types::WHOLE, "the classes, n whole numbers");
static ACCURACY: Entry = Entry {
    name: "accuracy",
    group: GROUP,
    summary: "the share of samples whose class has the largest logit or probability",
    params: &[SCORES.param(), LABELS.param()],
    returns: Ty::Number,
    errors: &["scores that are not [n, classes], or not as many labels"],
    examples: &[
        value("one of two", "accuracy(tensor([[0.9, 0.1], [0.8, 0.2]]), [0, 1])", "0.5"),
        fails("a label too few", "accuracy(zeros([3, 2]), [0, 1])", "2 labels for scores of shape [3, 2]"),
    ],
    call: |call| {
        let (scores, labels) = (SCORES.of(call)?, LABELS.of(call)?);
        let n = labels.len();
        if scores.rank() != 2 || scores.shape()[0] != n || n == 0 {
            return Err(Fault::shape(format!("accuracy: {n} labels for scores of shape {}", shown(&scores.shape()))));
        }
        Ok(share_right(&scores, &labels)?.into())
    },
    ..ENTRY
};

const ACCURACY_OF_JUDGE_X: Param<Dynamic> =
    param("x", types::any(Ty::OneOf(&[Ty::Tensor, Ty::Of("dataset")])), "samples, or a data set with labels");
const SHOWN: Maybe<Tensor> = param("labels", types::WHOLE, "what each should show").maybe("those of the data set");
static ACCURACY_OF_JUDGE: Entry = Entry {
    name: "accuracy",
    group: GROUP,
    summary: "the share of samples in which a judge sees what they should show",
    params: &[SELF.param(), ACCURACY_OF_JUDGE_X.param(), SHOWN.param()],
    returns: Ty::Number,
    errors: &["samples of another size", "not as many labels as samples"],
    examples: &[value(
        "what a conditional model was asked for",
        "let data = digits(); let J = judge(data, #{ steps: 300 });\nlet b = data.sample_labelled(100); J.accuracy(b.x, b.y) > 0.8",
        "true",
    )],
    call: |call| {
        let judge = read(SELF.value(call))?;
        let data = ACCURACY_OF_JUDGE_X.value(call).read_lock::<Dataset>().map(|data| data.clone());
        let (x, y) = match (data, SHOWN.of(call)?) {
            (Some(data), None) if data.has_labels() => {
                let places: Vec<usize> = (0..data.len()).collect();
                batch(&data, &places, &judge.0.shape)?
            }
            (None, Some(labels)) => {
                let x = ACCURACY_OF_JUDGE_X.value(call).clone().try_cast::<Tensor>();
                (x.ok_or_else(|| ACCURACY_OF_JUDGE_X.wrong(call))?, labels)
            }
            _ => {
                return Err(Fault::value("accuracy: needs samples with their labels")
                    .hint("J.accuracy(x, labels), or J.accuracy(data)"));
            }
        };
        let logits = no_grad(|| judge.0.logits(call, &x))?;
        if logits.shape()[0] != y.len() {
            return Err(Fault::shape(format!("accuracy: {} samples, {} labels", logits.shape()[0], y.len())));
        }
        Ok(share_right(&logits, &y)?.into())
    },
    ..ENTRY
};
