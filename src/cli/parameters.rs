//! Parameters of a run, from the command line and from a file: read as the types of their defaults, checked, and put
//! into the notebook.

use clap::Args;
use saddle_cell::parameters::{Parameter, Type, declared, literal};
use saddle_fault::{Fault, Result};
use saddle_notebook::document::Document;
use saddle_notebook::parameters as cells;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::{ScanError, Yaml, YamlLoader};

/// A file of parameters has no more bytes, and no more arrays and maps within each other.
const MOST_BYTES: u64 = 1 << 20;
const DEEPEST: usize = 100;

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
    let cannot = |error| Fault::file(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    values_in(&bytes).map_err(|what| {
        Fault::value(format!("{}: {what}", path.display())).hint("it should hold lines such as `seed: 3`")
    })
}

/// The values in a text of YAML, or what is wrong with it.
fn values_in(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err("it has more than 1 MB, which no parameters need".into());
    }
    let broken = |what: &str| what.to_string();
    let text = std::str::from_utf8(bytes).map_err(|_| broken("not UTF-8"))?;
    // A byte order mark, as some editors put before what they save, is no letter of the first name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let not_yaml = |error: ScanError| format!("not YAML: {error}");
    // JSON writes letters beyond 16 bits as two escapes, which YAML refuses.
    if let Ok(Value::Object(values)) = serde_json::from_str(text) {
        return Ok(values);
    }
    check(text).map_err(not_yaml)??;
    let documents = YamlLoader::load_from_str(text).map_err(not_yaml)?;
    match documents.as_slice() {
        [] => Ok(Map::new()),
        [Yaml::Hash(_)] => match from_yaml(&documents[0]) {
            Some(Value::Object(map)) => Ok(map),
            _ => Err(broken("it holds a value that no parameter can have, such as a key that is no text")),
        },
        _ => Err(broken("it holds no names with values")),
    }
}

/// Reads a text from event to event, before anything is built of it: nine aliases of nine aliases of … fill any memory, and what lies
/// too deep overflows the stack. The inner error says which of the two it is.
fn check(text: &str) -> Result<Result<(), String>, ScanError> {
    let (mut parser, mut depth) = (Parser::new_from_str(text), 0usize);
    loop {
        match parser.next_token()?.0 {
            Event::StreamEnd => return Ok(Ok(())),
            Event::Alias(_) => return Ok(Err("aliases (`*name`) are not read: write the value again".into())),
            Event::SequenceStart(..) | Event::MappingStart(..) if depth == DEEPEST => {
                return Ok(Err(format!("its arrays and maps lie deeper within each other than {DEEPEST} levels")));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            _ => (),
        }
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

#[cfg(test)]
#[path = "../data/tests/damage/mutants.rs"]
mod mutants;

#[cfg(test)]
mod tests {
    use super::*;

    /// Which reader gets the bytes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Reader {
        Yaml,
        /// What a cell declares, line by line what is given to `-p`.
        Parameters,
    }

    fn read(reader: Reader, bytes: &[u8]) -> bool {
        let names = ["seed", "lr", "name", "fast", "betas", "opt", "any"];
        let kinds = [Type::Int, Type::Float, Type::Text, Type::Bool, Type::Array, Type::Map, Type::Any];
        let known = names.iter().zip(kinds).map(|(name, kind)| Parameter { name: name.to_string(), kind });
        let (known, text) = (Known(known.collect()), String::from_utf8_lossy(bytes));
        match reader {
            Reader::Yaml => values_in(bytes).is_ok_and(|values| {
                values.into_iter().all(|(name, value)| {
                    let value = known.checked(&name, value);
                    value.is_ok_and(|value| literal(&value).is_ok())
                })
            }),
            Reader::Parameters => {
                let (code, given) = text.split_once("---\n").unwrap_or((&text, ""));
                let known = declared(code).map_or(known, Known);
                let mut split = given.lines().filter_map(|line| split(line).ok());
                split.all(|(name, text)| known.read(name, text).is_ok_and(|value| literal(&value).is_ok()))
            }
        }
    }

    /// Damaged files of parameters do no harm. How long each is tried, and what the environment can set, stands in
    /// `src/data/tests/damage/mutants.rs`.
    #[test]
    fn damaged_parameters_do_no_harm() {
        let yaml = [
            "seed: 3\nlr: 2e-4\nname: 'ring'\nfast: true\nbetas: [0.5, 0.999]\nopt: {lr: 1, b: [x, ~]}\nany: |\n  a\n   b\n",
            "%YAML 1.2\n---\n# of the run\nany:\n  - !!str 1\n  - &a {? k : v}\n  - >-\n    folded\n    text\n  - \"\\u00e9\\x41\"\n...\n",
            "{\"seed\": -1, \"lr\": 1.5e300, \"betas\": [[], {}, null], \"any\": \"\\ud83d\\ude00\"}",
            "seed: 0x1f\nlr: .inf\nany: *b\n<<: {fast: true}\n",
        ];
        let code = "// of the run\nlet seed = 0; const lr = 2e-4;\nlet name = \"ring\"; let fast = true;\nlet betas = [0.5, 0.999]; let opt = #{ lr: 1 };\n---\nseed=5\nlr=1e-3\nname=x y\nfast=True\nbetas=[1,[2]]\nopt={\"a\":1}\n";
        let seeds = yaml.iter().map(|text| (Reader::Yaml, text.as_bytes().to_vec()));
        let seeds: Vec<_> = seeds.chain([(Reader::Parameters, code.as_bytes().to_vec())]).collect();
        // Infinity and an alias are no values of a parameter.
        let refused = seeds.iter().filter(|(reader, bytes)| !read(*reader, bytes));
        assert_eq!(refused.count(), 1);
        mutants::hammer(&seeds, (0, mutants::Nobody), |_, _, _| (), |reader, bytes, _| read(reader, bytes));
    }

    fn says(text: &str) -> String {
        values_in(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn yaml_gives_names_with_values() {
        let read = values_in(b"seed: 3\nbetas: [0.5, 0.999]\nopt: {lr: 1e-3}\nname: ring\n# x\nfast: true\n").unwrap();
        let expected = json!({ "seed": 3, "betas": [0.5, 0.999], "opt": { "lr": 1e-3 }, "name": "ring", "fast": true });
        assert_eq!(Value::Object(read), expected);
        assert!(values_in(b"").unwrap().is_empty());
        assert_eq!(values_in("\u{feff}seed: 3".as_bytes()).unwrap()["seed"], 3);
        assert_eq!(values_in(br#"{"name": "\ud83d\ude00"}"#).unwrap()["name"], "😀");
        assert!(says("3").contains("no names with values"));
        assert!(says("1: 2").contains("no parameter can have"));
        assert!(says("a: [").contains("not YAML"));
    }

    /// Each level names the one below nine times: 9¹² values of 400 bytes of text.
    #[test]
    fn what_a_short_text_makes_large_is_refused() {
        let mut text = "a0: &a0 [x]\n".to_string();
        for level in 1..13 {
            let below = vec![format!("*a{}", level - 1); 9].join(", ");
            text += &format!("a{level}: &a{level} [{below}]\n");
        }
        assert!(says(&text).contains("aliases"), "{}", says(&text));
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
            let nested = |n: usize| format!("a:\n  {}1{}", open.repeat(n), close.repeat(n));
            assert!(values_in(nested(50).as_bytes()).is_ok() || open == "? ", "{open}");
            for n in [120, 250, 100_000] {
                assert!(says(&nested(n)).contains("deeper") || says(&nested(n)).contains("not YAML"), "{open}");
            }
        }
        assert!(says(&format!("a: {}", "x".repeat(1 << 20))).contains("more than 1 MB"));
    }
}
