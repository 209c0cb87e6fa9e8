//! Networks and PyTorch's names. The layouts are the same (linear `[out, in]`, convolution `[out, in, kh, kw]`,
//! transposed `[in, out, kh, kw]`, batch norm, embedding); the names differ for spectral and weight norm, which PyTorch
//! keeps as *parametrizations*, and batch norm counts its batches there.

use rhai::{Dynamic, Map};
use saddle_data::torch::Item;
use saddle_fault::{Fault, Result};
use saddle_nn::checkpoint::Tensors;
use saddle_tensor::{Tensor, device};
use std::collections::HashSet;

use crate::convert::wrap;

/// Ours and PyTorch's names of a layer's own tensors, where they differ: those of `parametrizations.spectral_norm`, of
/// `parametrizations.weight_norm`.
const SPECTRAL: [(&str, &str); 3] = [
    ("weight", "parametrizations.weight.original"),
    ("u", "parametrizations.weight.0._u"),
    ("v", "parametrizations.weight.0._v"),
];
const LENGTH: [(&str, &str); 2] =
    [("weight_g", "parametrizations.weight.original0"), ("weight_v", "parametrizations.weight.original1")];
/// Those of `nn.LSTM` and `nn.GRU`, whose names say which layer of a stack is meant; `nn.LSTMCell` and `nn.GRUCell` have ours.
const RECURRENT: [(&str, &str); 4] = [
    ("weight_ih", "weight_ih_l0"),
    ("weight_hh", "weight_hh_l0"),
    ("bias_ih", "bias_ih_l0"),
    ("bias_hh", "bias_hh_l0"),
];
/// Those of the older `nn.utils.spectral_norm`.
const OLD_SPECTRAL: [(&str, &str); 3] = [("weight", "weight_orig"), ("u", "weight_u"), ("v", "weight_v")];
const BATCHES: &str = "num_batches_tracked";

/// A layer's place, with its dot, and the rest of the name.
fn split(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('.').map_or(0, |dot| dot + 1))
}

/// A network's values by the names under which `load_state_dict(strict=True)` takes them.
pub fn to_torch(values: Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
    let names: HashSet<String> = values.iter().map(|(name, _)| name.clone()).collect();
    let has = |place: &str, leaf: &str| names.contains(&format!("{place}{leaf}"));
    let mut all = Vec::with_capacity(values.len());
    for (name, value) in values {
        let (place, leaf) = split(&name);
        let whole = |table: &[(&str, &str)]| table.iter().all(|(ours, _)| has(place, ours));
        let table: &[(&str, &str)] = match () {
            () if whole(&SPECTRAL) => &SPECTRAL,
            () if whole(&RECURRENT) => &RECURRENT,
            () => &LENGTH,
        };
        let theirs = table.iter().find(|(ours, _)| *ours == leaf).map_or(leaf, |(_, theirs)| theirs);
        all.push((format!("{place}{theirs}"), value));
        if leaf == "running_var" {
            let none = Tensor::from_ints(vec![0], &[], &device::current());
            all.push((format!("{place}{BATCHES}"), none));
        }
    }
    all
}

/// Tensors by the network's own names (`ours`). A beginning that all names share (`module.`, `main.`) is dropped where
/// that makes them fit.
fn to_ours(tensors: &Tensors, ours: &HashSet<String>) -> Tensors {
    // A part of a network may have been given a name of PyTorch's.
    let own = |name: &String| if ours.contains(name) { Some(name.clone()) } else { own_name(name, tensors) };
    let mut named: Tensors = tensors.iter().filter_map(|(name, t)| Some((own(name)?, t.clone()))).collect();
    let mut best = named.clone();
    let fitting = |all: &Tensors| all.keys().filter(|name| ours.contains(*name)).count();
    while let Some(rest) = without_first(&named) {
        if fitting(&rest) > fitting(&best) {
            best = rest.clone();
        }
        named = rest;
    }
    best
}

fn own_name(name: &str, all: &Tensors) -> Option<String> {
    if split(name).1 == BATCHES {
        return None;
    }
    for (ours, theirs) in SPECTRAL.iter().chain(&LENGTH).chain(&RECURRENT) {
        if let Some(place) = name.strip_suffix(theirs).filter(|place| place.is_empty() || place.ends_with('.')) {
            return Some(format!("{place}{ours}"));
        }
    }
    let (place, leaf) = split(name);
    let old = all.contains_key(&format!("{place}weight_orig"));
    let ours = OLD_SPECTRAL.iter().find(|(_, theirs)| old && *theirs == leaf).map_or(leaf, |(ours, _)| ours);
    Some(format!("{place}{ours}"))
}

/// The same tensors without the first part of their names, if they share it.
fn without_first(named: &Tensors) -> Option<Tensors> {
    let first = named.keys().next()?.split_once('.')?.0;
    named.iter().map(|(name, t)| Some((name.strip_prefix(first)?.strip_prefix('.')?.to_string(), t.clone()))).collect()
}

/// The tensors for a network whose names are `ours`, from a file's content: a dict of tensors, or dicts of them one
/// deep, of which `key` names one.
///
/// # Errors
/// No tensors; several dicts of which none or more than one fits; a key that is not there.
pub fn state_dict(what: &str, content: Item, key: Option<&str>, ours: &HashSet<String>) -> Result<Tensors> {
    let Item::Dict(entries) = content else {
        return Err(Fault::file(format!("{what}: holds no dict of tensors"))
            .hint("torch.save(model.state_dict(), \"model.pt\") writes one"));
    };
    let is_tensor = |(_, item): &(String, Item)| matches!(item, Item::Tensor(_));
    let (loose, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_tensor);
    // The tensors of the dict itself have no name; with a key they are not meant, and may be of any kind.
    let mut dicts = Vec::new();
    if key.is_none() && !loose.is_empty() {
        dicts.push((None, to_ours(&tensors(what, loose)?, ours)));
    }
    for (name, item) in others {
        match item {
            Item::Dict(inner) if inner.iter().any(is_tensor) => {
                dicts.push((Some(name), to_ours(&tensors(what, inner)?, ours)));
            }
            _ => (),
        }
    }
    let chosen = match (key, dicts.len()) {
        (Some(key), _) => dicts.iter().position(|(name, _)| name.as_deref() == Some(key)),
        (None, 1) => Some(0),
        (None, _) => {
            let fits: Vec<usize> =
                (0..dicts.len()).filter(|&i| dicts[i].1.keys().cloned().collect::<HashSet<_>>() == *ours).collect();
            // Where none fits, what lies in the dict itself is compared with the network, by name.
            (fits.len() == 1).then(|| fits[0]).or_else(|| dicts.iter().position(|(name, _)| name.is_none()))
        }
    };
    let names: Vec<String> =
        dicts.iter().filter_map(|(name, _)| name.as_ref().map(|name| format!("`{name}`"))).collect();
    match chosen {
        Some(i) => Ok(dicts.swap_remove(i).1),
        None if names.is_empty() => Err(Fault::file(format!("{what}: holds no dict of tensors"))),
        None => Err(Fault::file(format!("{what}: holds tensors under {}", names.join(", ")))
            .hint("say which of them is meant, as in G.load(\"model.pt\", #{ key: \"G\" })")),
    }
}

fn tensors(what: &str, entries: Vec<(String, Item)>) -> Result<Tensors> {
    let each = entries.into_iter().filter_map(|(name, item)| match item {
        Item::Tensor(array) => Some((name, array)),
        _ => None,
    });
    each.map(|(name, array)| Ok((name, super::tensor(what, array)?))).collect()
}

/// A file's content as a value of the language: dicts as maps, tuples as arrays, None as ().
///
/// # Errors
/// A tensor of more than six dims.
pub fn value(what: &str, item: Item) -> Result<Dynamic> {
    Ok(match item {
        Item::Tensor(array) => wrap(super::tensor(what, array)?),
        Item::Int(n) => n.into(),
        Item::Float(x) => x.into(),
        Item::Bool(b) => b.into(),
        Item::Text(text) => text.into(),
        Item::None => Dynamic::UNIT,
        Item::List(items) => items.into_iter().map(|i| value(what, i)).collect::<Result<Vec<_>>>()?.into(),
        Item::Dict(entries) => {
            let each = entries.into_iter().map(|(name, item)| Ok((name.into(), value(what, item)?)));
            each.collect::<Result<Map>>()?.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use saddle_data::{Array, Values};

    /// A dict of tensors of one number each, which is `value`.
    fn dict(names: &[&str], value: f32) -> Vec<(String, Item)> {
        let tensor = || Item::Tensor(Array { shape: vec![1], values: Values::F32(vec![value]) });
        names.iter().map(|name| (name.to_string(), tensor())).collect()
    }

    /// As many tensors lie beside the dicts as the network has: by their number they would be taken for its own.
    #[test]
    fn the_dict_whose_names_fit_is_meant() {
        let ours: HashSet<String> = ["0.weight", "0.bias"].map(String::from).into();
        let mut content = dict(&["x", "y"], 1.0);
        content.push(("D".into(), Item::Dict(dict(&["0.weight", "0.bias", "2.weight"], 2.0))));
        content.push(("G".into(), Item::Dict(dict(&["0.weight", "0.bias"], 3.0))));
        let found = |key| state_dict("a file", Item::Dict(content.clone()), key, &ours).unwrap();
        assert_eq!(found(None)["0.bias"].to_floats().unwrap(), [3.0]);
        assert_eq!(found(Some("D"))["0.bias"].to_floats().unwrap(), [2.0]);
        let mut names: Vec<_> = found(None).into_keys().collect();
        names.sort();
        assert_eq!(names, ["0.bias", "0.weight"]);
    }
}
