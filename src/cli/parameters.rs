//! Parameters of a run, from the command line and from a file: read as the types of their defaults, checked, and put
//! into the notebook.

use clap::Args;
use saddle_cell::parameters::{Parameter, Type, declared, literal};
use saddle_fault::{Fault, Result};
use saddle_notebook::document::Document;
use saddle_notebook::parameters as cells;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use yaml_rust2::{Yaml, YamlLoader};

#[derive(Args)]
pub struct Options {
    /// A value for a parameter of the notebook: a `let` in its cell tagged `parameters`. May be given several times.
    #[arg(short, long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Values for parameters from a file of YAML or JSON; -p wins over it.
    #[arg(long = "parameters", value_name = "FILE.yaml")]
    pub yaml: Option<PathBuf>,
}

impl Options {
    /// The values for this notebook, each checked against its default.
    ///
    /// # Errors
    /// An unknown parameter; a value of another type; a file that cannot be read.
    pub fn values(&self, document: &Document) -> Result<Map<String, Value>> {
        let mut values = Map::new();
        if self.yaml.is_none() && self.parameters.is_empty() {
            return Ok(values);
        }
        let known = Known::of(document)?;
        for (name, value) in self.yaml.as_deref().map(from_file).transpose()?.unwrap_or_default() {
            let value = known.checked(&name, value)?;
            values.insert(name, value);
        }
        for (name, text) in self.parameters.iter().map(|text| split(text)).collect::<Result<Vec<_>>>()? {
            let value = known.read(name, text)?;
            values.insert(name.to_string(), value);
        }
        Ok(values)
    }
}

/// `NAME=VALUE` in two.
pub fn split(text: &str) -> Result<(&str, &str)> {
    text.split_once('=').map(|(name, value)| (name.trim(), value)).filter(|(name, _)| !name.is_empty()).ok_or_else(
        || Fault::value(format!("-p {text}: a parameter is given as NAME=VALUE")).hint("for example -p seed=3"),
    )
}

/// The parameters that a notebook declares.
pub struct Known(Vec<Parameter>);

impl Known {
    /// Those of this notebook.
    ///
    /// # Errors
    /// It has no cell tagged `parameters`.
    pub fn of(document: &Document) -> Result<Self> {
        let source = cells::defaults(document).ok_or_else(|| {
            Fault::value("the notebook has no cell tagged `parameters`, so there is nothing to set").hint(
                "give the cell with `let seed = 0;` that tag: in JupyterLab the gears at the right, \"Cell Tags\"",
            )
        })?;
        declared(source).map(Self)
    }

    fn kind(&self, name: &str) -> Result<Type> {
        self.0.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.kind).ok_or_else(|| {
            let known: Vec<&str> = self.0.iter().map(|parameter| parameter.name.as_str()).collect();
            let hint = match known.as_slice() {
                [] => "its cell tagged `parameters` declares none: it should hold `let seed = 0;`".into(),
                known => format!("it has {}", known.join(", ")),
            };
            Fault::value(format!("the notebook has no parameter `{name}`")).hint(hint)
        })
    }

    /// A value as it stands on a command line, read as its parameter's type.
    ///
    /// # Errors
    /// An unknown parameter; a text that is no value of its type.
    pub fn read(&self, name: &str, text: &str) -> Result<Value> {
        let kind = self.kind(name)?;
        let trimmed = text.trim();
        let from_json = || serde_json::from_str::<Value>(trimmed).ok();
        let value = match kind {
            Type::Text => Some(json!(text)),
            Type::Int => trimmed.parse::<i64>().ok().map(|whole| json!(whole)),
            Type::Float => trimmed.parse::<f64>().ok().filter(|v| v.is_finite()).map(|number| json!(number)),
            Type::Bool => match trimmed {
                "true" | "True" => Some(json!(true)),
                "false" | "False" => Some(json!(false)),
                _ => None,
            },
            Type::Array => from_json().filter(Value::is_array),
            Type::Map => from_json().filter(Value::is_object),
            Type::Any => Some(from_json().unwrap_or_else(|| json!(text))),
        };
        value.ok_or_else(|| wrong(name, kind, &format!("`{text}`")))
    }

    /// A value with a type of its own, which has to be its parameter's.
    ///
    /// # Errors
    /// As [`Known::read`].
    pub fn checked(&self, name: &str, value: Value) -> Result<Value> {
        let kind = self.kind(name)?;
        let fits = match kind {
            Type::Int => value.is_i64(),
            Type::Float => value.is_number(),
            Type::Bool => value.is_boolean(),
            Type::Text => value.is_string(),
            Type::Array => value.is_array(),
            Type::Map => value.is_object(),
            Type::Any => true,
        };
        match (fits, kind, value.as_f64()) {
            (true, Type::Float, Some(number)) => Ok(json!(number)),
            (true, ..) => Ok(value),
            (false, ..) => Err(wrong(name, kind, &value.to_string())),
        }
    }
}

fn wrong(name: &str, kind: Type, got: &str) -> Fault {
    Fault::type_(format!("the parameter `{name}` is {}, as its default shows; got {got}", kind.described()))
}

/// Puts these values into the notebook, as papermill would, and says so in its metadata.
///
/// # Errors
/// A value that the language cannot write.
pub fn inject(document: &mut Document, values: &Map<String, Value>, from: &str, to: &str) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let line = |(name, value): (&String, &Value)| Ok(format!("let {name} = {};\n", literal(value)?));
    let lines: String = values.iter().map(line).collect::<Result<_>>()?;
    cells::inject(document, &format!("// Parameters\n{lines}"));
    cells::note(
        document,
        json!({
            "default_parameters": {},
            "environment_variables": {},
            "input_path": from,
            "output_path": to,
            "parameters": values,
        }),
    );
    Ok(())
}

/// The values in a file of YAML, of which JSON is a part.
fn from_file(path: &Path) -> Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fault::file(format!("cannot read {}: {error}", path.display())))?;
    let broken = |what: String| {
        Fault::value(format!("{}: {what}", path.display())).hint("it should hold lines such as `seed: 3`")
    };
    let documents = YamlLoader::load_from_str(&text).map_err(|error| broken(format!("not YAML: {error}")))?;
    match documents.as_slice() {
        [] => Ok(Map::new()),
        [Yaml::Hash(_)] => match from_yaml(&documents[0]) {
            Some(Value::Object(map)) => Ok(map),
            _ => Err(broken("it holds a value that no parameter can have, such as a key that is no text".into())),
        },
        _ => Err(broken("it holds no names with values".into())),
    }
}

fn from_yaml(value: &Yaml) -> Option<Value> {
    Some(match value {
        Yaml::Real(_) => json!(value.as_f64().filter(|v| v.is_finite())?),
        Yaml::Integer(whole) => json!(whole),
        Yaml::String(text) => json!(text),
        Yaml::Boolean(value) => json!(value),
        Yaml::Array(values) => values.iter().map(from_yaml).collect::<Option<_>>()?,
        Yaml::Hash(pairs) => {
            let pair = |(key, value): (&Yaml, &Yaml)| Some((key.as_str()?.to_string(), from_yaml(value)?));
            Value::Object(pairs.iter().map(pair).collect::<Option<_>>()?)
        }
        Yaml::Null => Value::Null,
        Yaml::Alias(_) | Yaml::BadValue => return None,
    })
}
