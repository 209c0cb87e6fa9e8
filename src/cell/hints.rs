//! What to try after an error, read off the line in which it stands: what a user of Python or of a paper's letters
//! wrote.

use rhai::EvalAltResult;

/// Words that name no variable and no function: those of the language, and those that Rhai keeps for itself.
const RESERVED: [&str; 60] = [
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "each",
    "else",
    "export",
    "false",
    "fn",
    "Fn",
    "for",
    "go",
    "goto",
    "if",
    "import",
    "in",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "null",
    "package",
    "print",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "then",
    "this",
    "thread",
    "throw",
    "true",
    "try",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// A message of the tokenizer in which a letter that is not seen, or not told apart, gets its name.
pub fn named(message: &str) -> String {
    let Some((before, c)) = message.strip_suffix('\'').and_then(|m| m.split_once('\'')) else {
        return message.to_string();
    };
    let mut letters = c.chars();
    match (letters.next(), letters.next()) {
        (Some(c), None) if is_unseen(c) => format!("{before}character that is not seen, U+{:04X}", u32::from(c)),
        _ => message.to_string(),
    }
}

/// Blanks other than the space, and characters of no width.
fn is_unseen(c: char) -> bool {
    (c.is_whitespace() || c.is_control() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
        && !c.is_ascii()
}

/// What is written instead of a sign that no name can have.
fn for_sign(c: char) -> Option<&'static str> {
    Some(match c {
        '−' | '–' | '—' => "that is a dash; minus is written `-`",
        '×' | '⋅' | '·' | '∗' => "a product is written `*`",
        '÷' | '∕' => "a quotient is written `/`",
        '≤' => "`<=`",
        '≥' => "`>=`",
        '≠' => "`!=`",
        '≈' => "`check(\"what\", a, #{ near: b })` compares with a tolerance",
        '“' | '”' | '„' | '«' | '»' | '‟' | '‘' | '’' => {
            "text stands in straight double quotes: \"text\""
        }
        '…' => "a range is written with two dots: `0..10`",
        '→' | '↦' | '⇒' => "a function of x is written `|x| x + 1`",
        '¹' | '²' | '³' | '⁰' | '⁴'..='⁹' => "a power is written `x ** 2`; no name ends with a raised digit",
        '₀'..='₉' => "a name has plain digits: `x_1` instead of `x₁`",
        '√' => "`sqrt(x)`",
        '∑' => "`sum(x)`",
        '∏' => "`prod(x)`",
        '∇' | '∂' => "that is no letter: `grad(y, x)` gives the gradient, `grad_f` or `df` can be its name",
        '∞' => "`(1 / tensor(0.0)).item()` is infinite",
        '；' | '，' | '（' | '）' | '：' | '０'..='９' => {
            "that is a wide character of East Asian text: write the plain one"
        }
        c if is_unseen(c) => "it came with pasted text: delete it and write a space",
        _ => return None,
    })
}

/// What to try, from the line in which an error stands: `column` counts from 1.
pub fn hint_from_line(error: &EvalAltResult, line: &str, column: usize) -> Option<String> {
    let at = column.saturating_sub(1);
    let rest: String = line.chars().skip(at).collect();
    let behind = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start();
    match error {
        EvalAltResult::ErrorParsing(..) => syntax(line, at, &rest),
        EvalAltResult::ErrorVariableNotFound(..) if behind.starts_with('=') && !behind.starts_with("==") => {
            Some("`let x = …` defines a new variable".into())
        }
        _ => None,
    }
}

/// Of a line that is no code: `at` is where it stops to be, counted from 0, and `rest` begins there.
fn syntax(line: &str, at: usize, rest: &str) -> Option<String> {
    let here = rest.chars().next();
    let before = line.chars().take(at).last();
    if here == Some('\'') {
        return Some("text stands in double quotes: \"text\"; single quotes are for one letter".into());
    }
    if let Some(hint) = here.and_then(for_sign) {
        return Some(hint.into());
    }
    if let Some(word) = reserved_name(line) {
        return Some(format!("`{word}` is a reserved word of the language: choose another name"));
    }
    if let Some(hint) = first_word(line) {
        return Some(hint.into());
    }
    let begun: String = line.chars().take(at).collect();
    let statement = word_at(begun.rsplit([';', '{', '}']).next().unwrap_or_default().trim_start());
    let number_follows = rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    let key = word_at(rest);
    let is_key = line.contains("#{") && rest[key.len()..].trim_start().starts_with(':');
    if RESERVED.contains(&key) && (before == Some('.') || is_key) {
        return Some(format!(
            "`{key}` is a reserved word of the language: as a key, `#{{ \"{key}\": 1 }}` and `m[\"{key}\"]`"
        ));
    }
    let hint = match (here, word_at(rest)) {
        (Some('.'), _) if number_follows => "a number begins with a digit: `0.5`",
        (Some('#'), _) => "`//` begins a comment",
        (Some('~'), _) => "`!x` is the opposite of a truth",
        (Some('.'), _) if rest.starts_with("...") => "all of a dim is `..`: `t[.., 0]`",
        (Some(':'), _) if matches!(statement, "let" | "const" | "fn") => "types are not written",
        (Some(':'), _) if inside(line, at) == Some('{') && line.contains('`') => {
            "a number with so many digits: `${format(x, 3)}`"
        }
        (Some(':'), _) if inside(line, at) == Some('{') => "a map is written `#{ a: 1 }`",
        (Some(':'), _) if inside(line, at) == Some('(') => {
            "options stand in a map: `tensor([1, 2], #{ dtype: \"int\" })`"
        }
        (Some(':'), _) if line.contains('[') => {
            "a part is written `t[0..2]`, all of a dim `t[.., 0]`, every second place `t[(..).step(2)]`"
        }
        (Some('"'), _) if before == Some('f') => "values stand in a text in backquotes: `` `loss ${x}` ``",
        (Some('='), _) if matches!(statement, "if" | "while") => "`==` compares",
        (Some('='), _) if statement == "fn" => "a parameter has no default: `fn f(a) { f(a, 2) }` is a second function",
        (Some('='), _) if inside(line, at) == Some('{') => "in a map: `#{ lr: 0.001 }`",
        (Some('='), _) if inside(line, at) == Some('(') => {
            "options stand in a map: `tensor([1, 2], #{ dtype: \"int\" })`"
        }
        (Some('?'), _) => "`if x { a } else { b }` is a value",
        (Some('+'), _) if rest.starts_with("++") => "`x += 1`",
        (Some('-'), _) if rest.starts_with("--") => "`x -= 1`",
        (Some(',' | '(' | '['), _) if statement == "let" && !line.chars().take(at).any(|c| c == '=') => {
            "each `let` gives one name; parts of an array are `a[0]`, `a[1]`"
        }
        (_, "and" | "or" | "not" | "is") => "`&&`, `||`, `!`, `==`",
        (_, "f" | "F" | "L" | "l" | "j") if before.is_some_and(|c| c.is_ascii_digit()) => {
            "a number has no letter behind it: `0.1`, `10`"
        }
        (_, "if" | "else") if line.contains('=') => "`if x { a } else { b }` is a value",
        (_, "for") => "a loop that pushes to an array: `for x in 0..10 { a.push(x * 2); }`",
        (_, "finally") => "what stands behind `catch { … }` is run in either case",
        _ if line.contains("//") => "`//` begins a comment; `div(a, b)` is the quotient rounded down",
        // A sign that is read as the end of what stands before it.
        _ if !line.contains('"') => line.chars().filter(|c| !c.is_ascii()).find_map(for_sign)?,
        _ => return None,
    };
    Some(hint.into())
}

/// The innermost bracket that is open before `at`.
fn inside(line: &str, at: usize) -> Option<char> {
    let mut open = Vec::new();
    for c in line.chars().take(at) {
        match c {
            '(' | '[' | '{' => open.push(c),
            ')' | ']' | '}' => drop(open.pop()),
            _ => (),
        }
    }
    open.pop()
}

/// The word with which a text begins.
fn word_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// A reserved word that the line gives to something as its name.
fn reserved_name(line: &str) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = line.split(|c| !is_part(c)).filter(|word| !word.is_empty());
    let named = words.by_ref().skip_while(|word| !["fn", "let", "const"].contains(word)).nth(1)?;
    RESERVED.contains(&named).then_some(named)
}

/// What the first word of a line says of the language that was meant.
fn first_word(line: &str) -> Option<&'static str> {
    Some(match word_at(line.trim_start()) {
        "def" => "a function is written `fn f(x) { … }`",
        "import" | "from" | "use" => "there is nothing to import: every word is known",
        "class" => "a map of values and closures, `#{ … }`, can serve as an object",
        "lambda" => "a function of x is written `|x| x + 1`",
        "print" if !line.contains('(') => "`print(x)`",
        "match" => "`switch x { 1 => a, _ => b }`",
        "raise" => "`throw \"what is wrong\"`",
        "assert" => "`check(\"what\", value, #{ near: 1.0 })` states what must hold",
        "not" => "`!x`",
        "var" | "int" | "float" => "a variable is defined with `let x = 3;`",
        "try" if !line.contains('{') => "`try { … } catch (e) { … }`",
        "del" | "global" | "pass" | "nonlocal" => "that statement of Python's is not needed here",
        "with" => "`no_grad(|| …)`",
        "for" | "if" | "while" | "else" | "elif" if line.contains(':') && !line.contains('{') => {
            "blocks stand in braces: `if x { … }`"
        }
        _ => return None,
    })
}
