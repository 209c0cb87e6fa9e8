//! Trajectories of optimizers: eight steps on a loss whose gradients couple all parameters.

use super::fixture::{compare, read, tensor};
use saddle_fault::Result;
use saddle_nn::{Optimizer, Param};
use saddle_tensor::Tensor;
use saddle_tensor::update::{Adagrad, Adam, RmsProp, Rule, Sgd};
use serde_json::Value;

const SGD: Sgd = Sgd { lr: 0.05, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
const ADAM: Adam = Adam { lr: 0.05, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false };
const RMSPROP: RmsProp = RmsProp { lr: 0.05, alpha: 0.99, eps: 1e-8, momentum: 0.0, weight_decay: 0.0 };

/// By the fixture's names: the rule, and whether it ascends.
fn rules() -> Vec<(&'static str, Rule, bool)> {
    vec![
        ("sgd", Rule::Sgd(Sgd { lr: 0.1, ..SGD }), false),
        ("sgd momentum", Rule::Sgd(Sgd { momentum: 0.9, ..SGD }), false),
        ("sgd nesterov", Rule::Sgd(Sgd { momentum: 0.8, nesterov: true, weight_decay: 0.01, ..SGD }), false),
        ("sgd dampening", Rule::Sgd(Sgd { momentum: 0.9, dampening: 0.3, ..SGD }), false),
        ("sgd ascend", Rule::Sgd(Sgd { lr: 0.01, momentum: 0.5, ..SGD }), true),
        ("adam", Rule::Adam(Adam { lr: 0.1, ..ADAM }), false),
        ("adam gan", Rule::Adam(Adam { betas: [0.5, 0.999], weight_decay: 0.1, ..ADAM }), false),
        ("adam ascend", Rule::Adam(ADAM), true),
        ("adamw", Rule::Adam(Adam { lr: 0.1, weight_decay: 0.2, decoupled: true, ..ADAM }), false),
        ("rmsprop", Rule::RmsProp(RMSPROP), false),
        (
            "rmsprop momentum",
            Rule::RmsProp(RmsProp { lr: 0.02, alpha: 0.9, momentum: 0.5, weight_decay: 0.01, ..RMSPROP }),
            false,
        ),
        ("adagrad", Rule::Adagrad(Adagrad { lr: 0.2, eps: 1e-10, weight_decay: 0.0 }), false),
    ]
}

/// a (p − c)² / 2 + q⁴ / 4 + Σp Σq / 10, summed.
fn loss(record: &Value, p: &Tensor, q: &Tensor) -> Result<Tensor> {
    let bowl = p.sub(&tensor(&record["c"]))?.square()?.mul(&tensor(&record["a"]))?.sum()?.mul_scalar(0.5)?;
    let quartic = q.square()?.square()?.sum()?.mul_scalar(0.25)?;
    let coupled = p.sum()?.mul(&q.sum()?)?.mul_scalar(0.1)?;
    bowl.add(&quartic)?.add(&coupled)
}

fn complaint(record: &Value, rule: Rule, ascend: bool) -> Result<Option<String>> {
    let (p, q) = (Param::new("p", tensor(&record["p"])), Param::new("q", tensor(&record["q"])));
    let mut optimizer = Optimizer::new(vec![p.clone(), q.clone()], rule);
    for (i, truth) in record["path"].as_array().expect("a path").iter().enumerate() {
        optimizer.minimise(&loss(record, &p.value(), &q.value())?, ascend)?;
        for (j, param) in [&p, &q].into_iter().enumerate() {
            let what = format!("{}, step {}, {}", record["name"], i + 1, param.name());
            if let Some(complaint) = compare(&what, &param.value(), &truth[j]) {
                return Ok(Some(complaint));
            }
        }
    }
    Ok(None)
}

#[test]
fn optimizers_agree_with_pytorch() -> Result<()> {
    let (records, rules) = (read("optimizers.json"), rules());
    assert_eq!(records.len(), rules.len(), "every trajectory is compared");
    let mut found = Vec::new();
    for (name, rule, ascend) in rules {
        let record = records.iter().find(|r| r["name"] == name).expect(name);
        found.extend(complaint(record, rule, ascend)?);
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    Ok(())
}
