//! The file: messages of `onnx.proto` (IR version 8) in the encoding of Protocol Buffers. Field numbers are those of
//! that file.

use super::{Attribute, Constant, Graph, Node, Port, Values};
use saddle_fault::{Fault, Result};

const IR_VERSION: u64 = 8;
const OPERATOR_SET: u64 = 17;
/// What a message of Protocol Buffers may hold.
const MOST_BYTES: usize = i32::MAX as usize;
/// `TensorProto.DataType`.
const FLOAT: u64 = 1;
const INT64: u64 = 7;

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn number(out: &mut Vec<u8>, field: u64, n: u64) {
    varint(out, field << 3);
    varint(out, n);
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn text(out: &mut Vec<u8>, field: u64, content: &str) {
    bytes(out, field, content.as_bytes());
}

/// `ModelProto`.
///
/// # Errors
/// More than 2 GiB.
pub fn model(graph: &Graph) -> Result<Vec<u8>> {
    let held: usize = graph.constants.iter().map(|c| c.shape.iter().product::<usize>() * 4).sum();
    if held > MOST_BYTES {
        return Err(Fault::value(format!("onnx: {held} bytes of parameters; a file holds 2 GiB")));
    }
    let mut set = Vec::new();
    number(&mut set, 2, OPERATOR_SET);
    let mut out = Vec::with_capacity(held + 4096);
    number(&mut out, 1, IR_VERSION);
    text(&mut out, 2, "saddlepoint");
    text(&mut out, 3, env!("CARGO_PKG_VERSION"));
    bytes(&mut out, 7, &self::graph(graph));
    bytes(&mut out, 8, &set);
    Ok(out)
}

/// `GraphProto`.
fn graph(graph: &Graph) -> Vec<u8> {
    let mut out = Vec::new();
    for node in &graph.nodes {
        bytes(&mut out, 1, &self::node(node));
    }
    text(&mut out, 2, "network");
    for constant in &graph.constants {
        bytes(&mut out, 5, &tensor(constant));
    }
    for input in &graph.inputs {
        bytes(&mut out, 11, &port(input));
    }
    if let Some(output) = &graph.output {
        bytes(&mut out, 12, &port(output));
    }
    out
}

/// `NodeProto`.
fn node(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    for input in &node.inputs {
        text(&mut out, 1, input);
    }
    text(&mut out, 2, &node.output);
    text(&mut out, 3, &node.output);
    text(&mut out, 4, node.operator);
    for (name, attribute) in &node.attributes {
        bytes(&mut out, 5, &self::attribute(name, attribute));
    }
    out
}

/// `AttributeProto`, with its type: FLOAT 1, INT 2, STRING 3, INTS 7.
fn attribute(name: &str, attribute: &Attribute) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 1, name);
    let kind = match attribute {
        Attribute::Float(x) => {
            varint(&mut out, 2 << 3 | 5);
            out.extend(x.to_le_bytes());
            1
        }
        Attribute::Int(n) => {
            number(&mut out, 3, *n as u64);
            2
        }
        Attribute::Text(word) => {
            text(&mut out, 4, word);
            3
        }
        Attribute::Ints(all) => {
            all.iter().for_each(|n| number(&mut out, 8, *n as u64));
            7
        }
    };
    number(&mut out, 20, kind);
    out
}

/// `TensorProto`, its elements as bytes.
fn tensor(constant: &Constant) -> Vec<u8> {
    let mut out = Vec::new();
    constant.shape.iter().for_each(|n| number(&mut out, 1, *n as u64));
    let (kind, raw): (u64, Vec<u8>) = match &constant.values {
        Values::Floats(all) => (FLOAT, all.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Values::Ints(all) => (INT64, all.iter().flat_map(|n| n.to_le_bytes()).collect()),
    };
    number(&mut out, 2, kind);
    text(&mut out, 8, &constant.name);
    bytes(&mut out, 9, &raw);
    out
}

/// `ValueInfoProto` of a tensor.
fn port(port: &Port) -> Vec<u8> {
    let mut tensor = Vec::new();
    number(&mut tensor, 1, if port.whole { INT64 } else { FLOAT });
    if let Some(axes) = &port.axes {
        let mut shape = Vec::new();
        for axis in axes {
            let mut dim = Vec::new();
            match axis {
                Ok(n) => number(&mut dim, 1, *n as u64),
                Err(name) => text(&mut dim, 2, name),
            }
            bytes(&mut shape, 1, &dim);
        }
        bytes(&mut tensor, 2, &shape);
    }
    let mut kind = Vec::new();
    bytes(&mut kind, 1, &tensor);
    let mut out = Vec::new();
    text(&mut out, 1, &port.name);
    bytes(&mut out, 2, &kind);
    out
}
