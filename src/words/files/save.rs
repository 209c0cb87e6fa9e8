//! Tensors, networks and pictures in files.

use super::super::network::value::read as read_network;
use super::super::picture::value::png;
use crate::types;
use saddle_nn::Network;

use super::{PATH, array, disk, torch};
use rhai::{Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Maybe, Param, Ty, fails, param, runs, type_of, value};
use saddle_data::Array;
use saddle_data::numpy::{decode_npy, decode_npz, encode_npy, encode_npz};
use saddle_data::safetensors::Named;
use saddle_data::torch::{Item, decode, encode};
use saddle_fault::{Fault, Result};
use saddle_tensor::Tensor;

pub static ENTRIES: &[&Entry] = &[&SAVE, &SAVE_NETWORK, &LOAD, &LOAD_NETWORK];

/// What a file is, by the end of its name.
#[derive(Clone, Copy)]
enum Format {
    Tensors(Container),
    Png,
    Onnx,
}

#[derive(Clone, Copy)]
enum Container {
    Safetensors,
    Npy,
    Npz,
    Torch,
}

fn format(word: &str, path: &str) -> Result<Format> {
    let end = path.rsplit_once('.').map(|(_, end)| end.to_lowercase());
    match end.as_deref() {
        Some("safetensors") => Ok(Format::Tensors(Container::Safetensors)),
        Some("npy") => Ok(Format::Tensors(Container::Npy)),
        Some("npz") => Ok(Format::Tensors(Container::Npz)),
        Some("pt" | "pth") => Ok(Format::Tensors(Container::Torch)),
        Some("png") => Ok(Format::Png),
        Some("onnx") => Ok(Format::Onnx),
        _ => Err(Fault::value(format!("{word}: the name `{path}` does not say which format is meant")).hint(
            "name.safetensors, name.pt or name.onnx for networks, name.npy for a tensor, name.npz for several, name.png for a picture",
        )),
    }
}

/// The tensors in a network or a map, by name.
fn named(word: &str, value: &Dynamic) -> Result<Vec<(String, Tensor)>> {
    if let Ok(network) = read_network(value) {
        return Ok(torch::to_torch(network.values()));
    }
    if let Some(t) = value.read_lock::<Tensor>() {
        return Ok(vec![("tensor".into(), t.clone())]);
    }
    let wrong = |what: String| {
        Fault::type_(format!("{word}: {what} cannot be saved")).hint("a tensor, a network, or a map of tensors can")
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
    let content = match format(word, path)? {
        Format::Tensors(container) => encoded(word, container, value)?,
        Format::Png => png(value)?.ok_or_else(|| {
            Fault::type_(format!("{word}: {} is no picture", type_of(value)))
                .hint("a figure, an animation or a tensor of images [n, channels, h, w] is")
        })?,
        Format::Onnx => saddle_nn::onnx::encode(&read_network(value).map_err(|_| {
            Fault::type_(format!("{word}: {} is no network", type_of(value)))
                .hint("an .onnx file holds a network that runs")
        })?)?,
    };
    disk::write(word, path, &content)
}

fn encoded(word: &str, container: Container, value: &Dynamic) -> Result<Vec<u8>> {
    let arrays = named(word, value)?.into_iter().map(|(name, t)| Ok((name, array(&t)?))).collect::<Result<Vec<_>>>()?;
    match (container, &arrays[..]) {
        (Container::Safetensors, _) => {
            let file = Named { arrays, ..Named::default() };
            file.encode()
        }
        (Container::Npz, _) => encode_npz(&arrays),
        (Container::Torch, _) => encode(&arrays),
        (Container::Npy, [(_, one)]) => Ok(encode_npy(one)),
        (Container::Npy, _) => {
            Err(Fault::value(format!("{word}: an .npy file holds one tensor, not {}", arrays.len()))
                .hint("name.npz holds several"))
        }
    }
}

/// What a `.safetensors`, `.npz` or PyTorch's file holds.
fn content(word: &str, path: &str, container: Container) -> Result<Item> {
    let (what, file) = (format!("{word}: `{path}`"), disk::read(word, path)?);
    let dict =
        |arrays: Vec<(String, Array)>| Item::Dict(arrays.into_iter().map(|(n, a)| (n, Item::Tensor(a))).collect());
    Ok(match container {
        Container::Npy => Item::Tensor(decode_npy(&what, &file)?),
        Container::Npz => dict(decode_npz(&what, &file)?),
        Container::Safetensors => dict(Named::decode(&what, &file)?.arrays),
        Container::Torch => decode(&what, &file)?,
    })
}

fn container(word: &str, path: &str) -> Result<Container> {
    match format(word, path)? {
        Format::Tensors(container) => Ok(container),
        Format::Png => Err(Fault::value(format!("{word}: `{path}` is a picture, not tensors"))
            .hint("image_folder reads pictures as data")),
        Format::Onnx => {
            Err(Fault::value(format!("{word}: `{path}` is a program for other tools, which nothing here runs"))
                .hint("a .safetensors or .pt file brings a network's parameters back"))
        }
    }
}

const WRITE_ERRORS: &[&str] = &[
    "a name that does not say the format",
    "a value that cannot be saved",
    "a folder that is missing or may not be written",
    "for .onnx: a layer that ONNX has no operator for, a network with a forward function of its own",
];

const VALUE: Param<Dynamic> = param(
    "value",
    types::any(Ty::Any),
    "a tensor; a map of tensors for .npz, .safetensors and .pt; a network for .safetensors, .pt and .onnx; a figure, an \
             animation or a tensor of images for .png",
);
static SAVE: Entry = Entry {
    name: "save",
    group: "file",
    summary: "writes a value to a file, by its name: tensors or a network that Python can read (.npy, .npz, .safetensors, .pt), a \
              network that onnxruntime runs (.onnx), or a picture (.png)",
    params: &[PATH.param(), VALUE.param()],
    errors: WRITE_ERRORS,
    examples: &[
        value(
            "numpy.load reads it",
            "save(\"/tmp/saddle-example.npy\", tensor([[1, 2], [3, 4]]));\nload(\"/tmp/saddle-example.npy\").to_array()",
            "[[1.0, 2.0], [3.0, 4.0]]",
        ),
        runs("a plot as a file", "save(\"/tmp/saddle-example.png\", plot([1, 4, 9]));"),
        fails("no picture", "save(\"/tmp/saddle-example.png\", 3)", "an int is no picture"),
        fails("no format", "save(\"samples\", ones([2]))", "does not say which format is meant"),
        fails("something else", "save(\"/tmp/saddle-example.npz\", #{ a: 1 })", "`a`, an int, cannot be saved"),
    ],
    call: |call| {
        save("save", &PATH.of(call)?, VALUE.value(call))?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

const NETWORK: Param<Network> = param("network", types::NETWORK, "the network");
static SAVE_NETWORK: Entry = Entry {
    name: "save",
    group: "file",
    summary: "writes the network's parameters and running statistics to a .safetensors or .pt file, by PyTorch's names: \
              load_state_dict(strict=True) of the same layers takes them; to an .onnx file as a program (operator set 17) that \
              computes what the network does after eval(), for a batch of any size",
    params: &[NETWORK.param(), PATH.param()],
    errors: WRITE_ERRORS,
    examples: &[
        value(
            "and back",
            "let D = sequential([linear(2, 1, #{ init: constant(3) })]);\nD.save(\"/tmp/saddle-example.safetensors\");\nload(\"/tmp/saddle-example.safetensors\")[\"0.weight\"].to_array()",
            "[[3.0, 3.0]]",
        ),
        runs("for onnxruntime", "sequential([linear(64, 1), sigmoid()]).save(\"/tmp/saddle-example.onnx\");"),
        fails(
            "what ONNX has not",
            "sequential([linear(4, 4), minibatch_discrimination(4, 2, 3)]).save(\"/tmp/saddle-example.onnx\")",
            "there is no operator for minibatch_discrimination",
        ),
    ],
    call: |call| {
        save("save", &PATH.of(call)?, NETWORK.value(call))?;
        Ok(Dynamic::UNIT)
    },
    ..ENTRY
};

static LOAD: Entry = Entry {
    name: "load",
    group: "file",
    summary: "reads tensors from a file: .npy gives a tensor, .npz and .safetensors give a map of tensors, PyTorch's .pt and .pth \
              what they hold: dicts as maps, with the numbers and texts in them; code in a file is never run",
    params: &[PATH.param()],
    returns: Ty::OneOf(&[Ty::Tensor, Ty::Map]),
    errors: &[
        "a name that does not say the format",
        "a file that is missing, damaged or cut off",
        "elements that are no numbers",
        "a .pt file that holds code or objects other than tensors, or is older than PyTorch 1.6",
    ],
    examples: &[
        value(
            "several arrays",
            "save(\"/tmp/saddle-example.npz\", #{ x: ones([2, 3]), labels: int(tensor([1, 7])) });\nload(\"/tmp/saddle-example.npz\").labels.to_array()",
            "[1, 7]",
        ),
        value(
            "what torch.save wrote, and what torch.load reads",
            "save(\"/tmp/saddle-example.pt\", #{ x: ones([2, 3]) });\nload(\"/tmp/saddle-example.pt\").x.shape",
            "[2, 3]",
        ),
        fails("no file", "load(\"nothing.npy\")", "it does not exist"),
    ],
    call: |call: &mut Call| {
        let path = PATH.of(call)?;
        let content = content("load", &path, container("load", &path)?)?;
        torch::value(&format!("load: `{path}`"), content)
    },
    ..ENTRY
};

const KEY: Maybe<String> =
    param("key", types::TEXT, "which state dict is meant, where the file holds several").maybe("the one that fits");
static LOAD_NETWORK: Entry = Entry {
    name: "load",
    group: "file",
    summary: "sets the network's parameters and running statistics to those in a .safetensors file or a .pt file of PyTorch's \
              (a state dict, or one in a dict)",
    params: &[NETWORK.param(), PATH.param()],
    options: &[KEY.opt()],
    returns: Ty::Of("network"),
    errors: &[
        "a file that is missing, damaged or cut off, or holds code",
        "names or shapes that are not the network's, which are listed: then nothing is changed",
        "several state dicts, of which none fits",
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
        let network = read_network(NETWORK.value(call))?;
        let path = PATH.of(call)?;
        let content = content("load", &path, container("load", &path)?)?;
        let what = format!("load: `{path}`");
        let ours = network.named().into_iter().map(|(name, _)| name).collect();
        let tensors = torch::state_dict(&what, content, KEY.of(call)?.as_deref(), &ours)?;
        network.fit(&what, &tensors)?.set();
        Ok(Dynamic::from(network))
    },
    ..ENTRY
};
