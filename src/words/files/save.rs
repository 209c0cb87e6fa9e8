//! Tensors and networks in files.

use super::super::network::value::read as read_network;
use super::super::tensor::{fails, param, value, wrap};
use super::{PATH, array, disk, tensor};
use crate::catalog::{Call, ENTRY, Entry, Ty, type_of};
use crate::data::numpy::{decode_npy, decode_npz, encode_npy, encode_npz};
use crate::data::safetensors::Named;
use crate::fault::{Fault, Result};
use crate::nn::checkpoint::Tensors;
use crate::tensor::Tensor;
use rhai::{Dynamic, Map};

pub static ENTRIES: &[&Entry] = &[&SAVE, &SAVE_NETWORK, &LOAD, &LOAD_NETWORK];

/// The formats, by the end of the file's name.
#[derive(Clone, Copy)]
enum Format {
    Safetensors,
    Npy,
    Npz,
}

fn format(word: &str, path: &str) -> Result<Format> {
    let end = path.rsplit_once('.').map(|(_, end)| end.to_lowercase());
    match end.as_deref() {
        Some("safetensors") => Ok(Format::Safetensors),
        Some("npy") => Ok(Format::Npy),
        Some("npz") => Ok(Format::Npz),
        _ => Err(Fault::value(format!(
            "{word}: the name `{path}` does not say which format is meant"
        ))
        .hint("name.safetensors for networks, name.npy for a tensor, name.npz for several")),
    }
}

/// The tensors in a network or a map, by name.
fn named(word: &str, value: &Dynamic) -> Result<Vec<(String, Tensor)>> {
    if let Ok(network) = read_network(value) {
        return Ok(network.values());
    }
    if let Some(t) = value.read_lock::<Tensor>() {
        return Ok(vec![("tensor".into(), t.clone())]);
    }
    let wrong = |what: String| {
        Fault::type_(format!("{word}: {what} cannot be saved"))
            .hint("a tensor, a network, or a map of tensors can")
    };
    let Some(map) = value.read_lock::<Map>() else {
        return Err(wrong(type_of(value)));
    };
    map.iter()
        .map(|(name, v)| {
            let t = v.read_lock::<Tensor>().map(|t| t.clone());
            let t = t.ok_or_else(|| wrong(format!("`{name}`, {},", type_of(v))))?;
            Ok((name.to_string(), t))
        })
        .collect()
}

fn save(word: &str, path: &str, value: &Dynamic) -> Result<()> {
    let format = format(word, path)?;
    let arrays = named(word, value)?
        .into_iter()
        .map(|(name, t)| Ok((name, array(&t)?)))
        .collect::<Result<Vec<_>>>()?;
    let content = match format {
        Format::Safetensors => Named {
            arrays,
            ..Named::default()
        }
        .encode()?,
        Format::Npz => encode_npz(&arrays)?,
        Format::Npy => match &arrays[..] {
            [(_, one)] => encode_npy(one),
            _ => {
                return Err(Fault::value(format!(
                    "{word}: an .npy file holds one tensor, not {}",
                    arrays.len()
                ))
                .hint("name.npz holds several"));
            }
        },
    };
    disk::write(word, path, &content)
}

/// The tensors in a `.safetensors` file.
fn tensors(word: &str, path: &str) -> Result<Vec<(String, Tensor)>> {
    let file = Named::decode(&format!("{word}: `{path}`"), &disk::read(word, path)?)?;
    let each = file.arrays.into_iter();
    each.map(|(name, a)| Ok((name, tensor(&format!("{word}: `{path}`"), a)?)))
        .collect()
}

fn load(word: &str, path: &str) -> Result<Dynamic> {
    let what = format!("{word}: `{path}`");
    let all = match format(word, path)? {
        Format::Npy => {
            let array = decode_npy(&what, &disk::read(word, path)?)?;
            return tensor(&what, array).map(wrap);
        }
        Format::Npz => decode_npz(&what, &disk::read(word, path)?)?
            .into_iter()
            .map(|(name, a)| Ok((name, tensor(&what, a)?)))
            .collect::<Result<Vec<_>>>()?,
        Format::Safetensors => tensors(word, path)?,
    };
    let map: Map = all
        .into_iter()
        .map(|(name, t)| (name.into(), wrap(t)))
        .collect();
    Ok(map.into())
}

const WRITE_ERRORS: &[&str] = &[
    "a name that does not say the format",
    "a value that cannot be saved",
    "a folder that is missing or may not be written",
];

static SAVE: Entry = Entry {
    name: "save",
    group: "file",
    summary: "writes tensors or a network to a file that Python can read: .npy, .npz or .safetensors by its name",
    params: &[
        PATH,
        param(
            "value",
            Ty::Any,
            "a tensor; a map of tensors for .npz and .safetensors; a network for .safetensors",
        ),
    ],
    errors: WRITE_ERRORS,
    examples: &[
        value(
            "numpy.load reads it",
            "save(\"/tmp/saddle-example.npy\", tensor([[1, 2], [3, 4]]));\nload(\"/tmp/saddle-example.npy\").to_array()",
            "[[1.0, 2.0], [3.0, 4.0]]",
        ),
        fails(
            "no format",
            "save(\"samples\", ones([2]))",
            "does not say which format is meant",
        ),
        fails(
            "something else",
            "save(\"/tmp/saddle-example.npz\", #{ a: 1 })",
            "`a`, an int, cannot be saved",
        ),
    ],
    call: |call| {
        save("save", &call.args.text(0)?, call.args.any(1))?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static SAVE_NETWORK: Entry = Entry {
    name: "save",
    group: "file",
    summary: "writes the network's parameters and running statistics to a .safetensors file",
    params: &[param("network", Ty::Of("network"), "the network"), PATH],
    errors: WRITE_ERRORS,
    examples: &[value(
        "and back",
        "let D = sequential([linear(2, 1, #{ init: constant(3) })]);\nD.save(\"/tmp/saddle-example.safetensors\");\nload(\"/tmp/saddle-example.safetensors\")[\"0.weight\"].to_array()",
        "[[3.0, 3.0]]",
    )],
    call: |call| {
        save("save", &call.args.text(1)?, call.args.any(0))?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static LOAD: Entry = Entry {
    name: "load",
    group: "file",
    summary: "reads tensors from a file: .npy gives a tensor, .npz and .safetensors give a map of tensors",
    params: &[PATH],
    returns: Ty::OneOf(&[Ty::Tensor, Ty::Map]),
    errors: &[
        "a name that does not say the format",
        "a file that is missing, damaged or cut off",
        "elements that are no numbers",
    ],
    examples: &[
        value(
            "several arrays",
            "save(\"/tmp/saddle-example.npz\", #{ x: ones([2, 3]), labels: int(tensor([1, 7])) });\nload(\"/tmp/saddle-example.npz\").labels.to_array()",
            "[1, 7]",
        ),
        fails("no file", "load(\"nothing.npy\")", "it does not exist"),
    ],
    call: |call: &mut Call| load("load", &call.args.text(0)?),
    ..ENTRY
};

static LOAD_NETWORK: Entry = Entry {
    name: "load",
    group: "file",
    summary: "sets the network's parameters and running statistics to those in a .safetensors file",
    params: &[param("network", Ty::Of("network"), "the network"), PATH],
    returns: Ty::Of("network"),
    errors: &[
        "a file that is missing, damaged or cut off",
        "names or shapes that are not the network's: then nothing is changed",
    ],
    examples: &[
        value(
            "into a network of the same layers",
            "sequential([linear(2, 1, #{ init: constant(3) })]).save(\"/tmp/saddle-example-2.safetensors\");\nsequential([linear(2, 1)]).load(\"/tmp/saddle-example-2.safetensors\")(ones([1, 2])).item()",
            "6.0",
        ),
        fails(
            "into another",
            "linear(2, 1).save(\"/tmp/saddle-example-3.safetensors\");\nlinear(3, 1).load(\"/tmp/saddle-example-3.safetensors\")",
            "`weight` is f32 of shape [1, 2], the network's of shape [1, 3]",
        ),
    ],
    call: |call| {
        let network = read_network(call.args.any(0))?;
        let path = call.args.text(1)?;
        let tensors: Tensors = tensors("load", &path)?.into_iter().collect();
        network.fit(&format!("load: `{path}`"), &tensors)?.set();
        Ok(Dynamic::from(network))
    },
    ..ENTRY
};
