//! What a cell of parameters declares, for a run that sets them from outside, and values as this language writes them.

use super::grammar::with_parser;
use super::rewrite::rewrite;
use rhai::{Dynamic, Stmt};
use saddle_fault::{Fault, Result};
use serde_json::Value;

/// The type of a parameter, which its default shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A whole number.
    Int,
    /// A float.
    Float,
    /// True or false.
    Bool,
    /// A text.
    Text,
    /// An array.
    Array,
    /// A map.
    Map,
    /// The default is computed, or `()`: any value may stand in its place.
    Any,
}

impl Type {
    /// As an error names it.
    pub fn described(self) -> &'static str {
        match self {
            Type::Int => "a whole number",
            Type::Float => "a number",
            Type::Bool => "true or false",
            Type::Text => "a text",
            Type::Array => "an array",
            Type::Map => "a map",
            Type::Any => "any value",
        }
    }
}

/// One parameter: `let name = default;` at the top level of the cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name of the variable.
    pub name: String,
    /// The type that its default shows.
    pub kind: Type,
}

/// The variables that a cell declares, in its order.
///
/// # Errors
/// Code that is not Rhai.
pub fn declared(source: &str) -> Result<Vec<Parameter>> {
    with_parser(|engine| {
        let rewritten = rewrite(engine, source, &|_| false);
        let ast = engine.compile(&rewritten.text).map_err(|error| {
            Fault::value(format!("the cell tagged `parameters` cannot be read: {error}"))
                .hint("it should hold lines such as `let seed = 0;`")
        })?;
        let one = |statement: &Stmt| match statement {
            Stmt::Var(definition, ..) => {
                let kind = definition.1.get_literal_value(None).map_or(Type::Any, |value| type_of(&value));
                Some(Parameter { name: definition.0.name.to_string(), kind })
            }
            _ => None,
        };
        Ok(ast.statements().iter().filter_map(one).collect())
    })
}

fn type_of(value: &Dynamic) -> Type {
    match value {
        v if v.is_int() => Type::Int,
        v if v.is_float() => Type::Float,
        v if v.is_bool() => Type::Bool,
        v if v.is_string() => Type::Text,
        v if v.is_array() => Type::Array,
        v if v.is_map() => Type::Map,
        _ => Type::Any,
    }
}

/// A JSON value as a cell writes it: what a run with that value is to have in the place of the default.
///
/// # Errors
/// A whole number of more than 64 bits.
pub fn literal(value: &Value) -> Result<String> {
    Ok(match value {
        Value::Null => "()".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(number)) if !value.is_u64() => format!("{number:?}"),
            _ => {
                return Err(
                    Fault::value(format!("{number} does not fit into 64 bits")).hint(format!("write it as {number}.0"))
                );
            }
        },
        Value::String(text) => quoted(text),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(literal).collect::<Result<_>>()?;
            format!("[{}]", values.join(", "))
        }
        Value::Object(map) if map.is_empty() => "#{}".into(),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| Ok(format!("{}: {}", quoted(key), literal(value)?)));
            format!("#{{ {} }}", pairs.collect::<Result<Vec<_>>>()?.join(", "))
        }
    })
}

/// A text in quotes, with what would end it or the line escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            c if c.is_control() => out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cell_declares_its_variables_with_the_types_of_their_defaults() {
        let source = "// of the run\nlet seed = 0;  const lr = 2e-4;\nlet name = \"ring\"; let fast = true;\n\
                      let betas = [0.5, 0.999]; let opt = #{ lr: 1 }; let shift = -3; let data = digits(); print(seed);";
        let found = declared(source).unwrap();
        let found: Vec<_> = found.iter().map(|p| (p.name.as_str(), p.kind)).collect();
        let expected = [
            ("seed", Type::Int),
            ("lr", Type::Float),
            ("name", Type::Text),
            ("fast", Type::Bool),
            ("betas", Type::Array),
            ("opt", Type::Map),
            ("shift", Type::Int),
            ("data", Type::Any),
        ];
        assert_eq!(found, expected);
        assert!(declared("let = 3").unwrap_err().message.contains("parameters"));
    }

    /// The literals are read back by the language itself.
    #[test]
    fn values_are_written_so_that_the_language_reads_the_same() {
        let values = [
            json!(3),
            json!(-7),
            json!(2e-4),
            json!(1e300),
            json!(-0.5),
            json!(true),
            json!("a \"b\" \\ \n\t ö\u{1}"),
            json!([1, [2.5, "x"]]),
            json!({ "lr": 0.1, "of two": [1] }),
            json!({}),
            json!(null),
        ];
        let engine = rhai::Engine::new();
        for value in values {
            let text = literal(&value).unwrap();
            let read: Dynamic = engine.eval(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(as_json(&read), value, "{text}");
        }
        let too_large: Value = serde_json::from_str("18446744073709551615").unwrap();
        assert!(literal(&too_large).unwrap_err().message.contains("64 bits"));
    }

    fn as_json(value: &Dynamic) -> Value {
        match value {
            v if v.is_int() => json!(v.as_int().unwrap()),
            v if v.is_float() => json!(v.as_float().unwrap()),
            v if v.is_bool() => json!(v.as_bool().unwrap()),
            v if v.is_string() => json!(v.clone().into_string().unwrap()),
            v if v.is_array() => v.clone().into_array().unwrap().iter().map(as_json).collect(),
            v if v.is_map() => {
                let map = v.clone().cast::<rhai::Map>();
                Value::Object(map.iter().map(|(k, v)| (k.to_string(), as_json(v))).collect())
            }
            _ => Value::Null,
        }
    }
}
