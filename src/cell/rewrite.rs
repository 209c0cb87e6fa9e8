//! Calls of values: `D(x)` where `D` is a variable, `nets[0](x)`, `make(2)(3)`; the sign before a power; `x[a, b]`.
//!
//! Rhai calls only functions by name. So on the cell's tokens, with the scopes of its variables, each call of a value
//! becomes a call of [`CALL_NAMED`] or [`CALL`] with the value in front. Rhai reads `-x ** 2` as `(-x) ** 2`, which
//! would turn every `exp(-x ** 2 / 2)` that is copied from a page into a growing function; with brackets put in it is
//! `-(x ** 2)`, as in mathematics and in Python. Lines stay lines, and columns are mapped back for errors.

use super::edits::{Columns, Edit, apply};
use super::tokens::{Placed, tokens};
use rhai::{Engine, Token};
use saddle_catalog::{CALL, CALL_NAMED};

/// A cell as the engine runs it.
pub struct Rewritten {
    pub text: String,
    columns: Columns,
    /// Whether the last token is `;`, which hides the cell's value.
    pub hides_result: bool,
    /// The names of the functions that the cell defines.
    pub functions: Vec<String>,
    /// Where, in `text`, the second comparison of a chain stands: `a < x < b`.
    pub chain: Option<(usize, usize)>,
    /// The comment that may be meant as a quotient, `n // 2`.
    pub quotient: Option<String>,
}

impl Rewritten {
    pub fn columns(&self) -> Columns {
        self.columns.clone()
    }
}

/// Rewrites the calls of values in `code`. `is_variable` knows the notebook's variables.
pub fn rewrite(engine: &Engine, code: &str, is_variable: &dyn Fn(&str) -> bool) -> Rewritten {
    let tokens = tokens(engine, code);
    let functions = defined_functions(&tokens);
    let is_variable = |name: &str| is_variable(name) && !functions.iter().any(|f| f == name);
    let mut pass = Pass::new(&tokens, &is_variable);
    for i in 0..tokens.len() {
        pass.token(i);
    }
    let hides_result = tokens.last().is_some_and(|t| t.is(&Token::SemiColon));
    let (mut text, columns) = apply(code, pass.edits);
    let chain = pass.chain.map(|i| (tokens[i].line, columns.rewritten(tokens[i].line, tokens[i].column)));
    for _ in pass.powers {
        // On a line of its own: the last one may end in a comment.
        text.push_str("\n)");
    }
    Rewritten { text, columns, hides_result, functions, chain, quotient: quotient(code, &tokens) }
}

/// A comment that is but a whole number, behind an operand: `n // 2` is a quotient in Python.
fn quotient(code: &str, tokens: &[Placed]) -> Option<String> {
    code.lines().zip(1..).find_map(|(line, number)| {
        let (before, comment) = line.rsplit_once("//")?;
        let divisor = comment.trim_end_matches([')', ']', '}', ';', ',', ' ']).trim();
        let last = tokens.iter().rev().find(|token| token.line == number)?;
        let is_operand = last.name().is_some()
            || matches!(
                last.token,
                Token::IntegerConstant(_) | Token::FloatConstant(_) | Token::RightParen | Token::RightBracket
            );
        let is_number = !divisor.is_empty() && divisor.bytes().all(|b| b.is_ascii_digit());
        (is_number && is_operand && last.column <= before.chars().count()).then(|| format!("// {divisor}"))
    })
}

fn defined_functions(tokens: &[Placed]) -> Vec<String> {
    let pairs = tokens.windows(2).filter(|pair| pair[0].is(&Token::Fn));
    pairs.filter_map(|pair| pair[1].name()).map(str::to_string).collect()
}

/// Something that is open: a bracket, or the body of a closure.
struct Scope {
    kind: Open,
    names: Vec<String>,
    /// Defined by the `let` that is being read: visible after its `;`.
    defining: Option<String>,
    /// The parameters of a function, loop or `catch` whose block comes next.
    awaiting_block: Vec<String>,
    /// The token that opened it.
    opener: usize,
    /// Whether a comma stands in it: `x[a, b]`.
    has_comma: bool,
    /// For the brackets of `name.method(…)`: the token of the variable's name.
    receiver: Option<usize>,
    /// Whether a comparison stands before, with nothing between that binds less.
    compared: bool,
}

/// Methods of Rhai's arrays that change the array or its elements: they need the variable itself.
const CHANGING: [&str; 9] = ["push", "insert", "set", "for_each", "sort", "retain", "drain", "dedup", "splice"];

/// Methods of Rhai's own values that give something else and change nothing.
const READING: [&str; 8] = ["keys", "values", "map", "filter", "extract", "order", "split", "to_array"];

/// The word behind the copy of a method's variable.
pub const COPY: &str = "copy__";

/// The word behind the indices of several dims, `x[a, b]`: Rhai's own index takes one value.
pub const PLACES: &str = "places__";

/// The word that makes a fault of what `catch` gets for an error of Rhai's own.
pub const CAUGHT: &str = "caught__";

/// A bracket put in behind a sign, `-(x ** 2`, that is closed where the exponent ends.
struct Power {
    /// The token `**`.
    at: usize,
    /// How many scopes were open.
    depth: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Open {
    Notebook,
    Block,
    Map,
    Paren,
    Bracket,
    Closure,
}

struct Pass<'a> {
    tokens: &'a [Placed],
    is_variable: &'a dyn Fn(&str) -> bool,
    scopes: Vec<Scope>,
    /// For each token, the first token of the expression that ends with it: `a` for the `]` of `a.b[0]`.
    starts: Vec<Option<usize>>,
    edits: Vec<(usize, usize, Edit)>,
    powers: Vec<Power>,
    /// The first comparison of a comparison's outcome.
    chain: Option<usize>,
    /// Reading the parameters of a closure or function: the names so far, and the token that ends them.
    params: Option<(Vec<String>, Token)>,
}

impl<'a> Pass<'a> {
    fn new(tokens: &'a [Placed], is_variable: &'a dyn Fn(&str) -> bool) -> Self {
        let mut pass = Self {
            tokens,
            is_variable,
            scopes: Vec::new(),
            starts: Vec::new(),
            edits: Vec::new(),
            powers: Vec::new(),
            chain: None,
            params: None,
        };
        pass.open(Open::Notebook, 0, Vec::new());
        pass
    }

    fn token(&mut self, i: usize) {
        self.end_powers(i);
        let start = if self.params.is_some() { self.parameter(i) } else { self.expression(i) };
        self.starts.push(start);
    }

    /// One token of a list of parameters.
    fn parameter(&mut self, i: usize) -> Option<usize> {
        let (names, end) = self.params.as_mut()?;
        if self.tokens[i].is(end) {
            let closure = *end == Token::Pipe;
            let names = std::mem::take(names);
            self.params = None;
            match closure {
                true => self.open(Open::Closure, i, names),
                false => self.scope().awaiting_block = names,
            }
        } else if let Some(name) = self.tokens[i].name() {
            names.push(name.to_string());
        }
        None
    }

    /// Any other token. Returns the first token of the expression that ends here, if one can end here.
    fn expression(&mut self, i: usize) -> Option<usize> {
        let before = i.checked_sub(1).and_then(|p| self.starts[p]);
        self.comparison(i);
        match &self.tokens[i].token {
            Token::LeftParen => self.left_paren(i, before),
            Token::Unit => return self.unit(i, before),
            Token::LeftBracket | Token::QuestionBracket => self.open(Open::Bracket, i, Vec::new()),
            Token::MapStart => self.open(Open::Map, i, Vec::new()),
            Token::LeftBrace => {
                let names = std::mem::take(&mut self.scope().awaiting_block);
                self.open(Open::Block, i, names);
                self.tell_of_fault(i);
            }
            Token::RightParen | Token::RightBracket | Token::RightBrace => return self.close(i),
            Token::PowerOf => self.signed_power(i, before),
            Token::Comma => {
                self.end_closures();
                self.scope().has_comma = true;
            }
            Token::SemiColon => {
                self.end_closures();
                let scope = self.scope();
                let name = scope.defining.take();
                scope.names.extend(name);
            }
            // `|` and `||` after an expression are operators.
            Token::Pipe if before.is_none() => self.params = Some((Vec::new(), Token::Pipe)),
            Token::Or if before.is_none() => self.open(Open::Closure, i, Vec::new()),
            Token::Let | Token::Const => self.scope().defining = self.name_after(i).map(str::to_string),
            Token::For => self.loop_names(i),
            _ if self.tokens[i].name().is_some() => return self.named(i),
            _ if self.tokens[i].is_literal() => return Some(i),
            _ => (),
        }
        None
    }

    /// Notes a comparison; a second one, of the first one's outcome, is a chain.
    fn comparison(&mut self, i: usize) {
        let token = &self.tokens[i];
        let compares = matches!(
            token.token,
            Token::LessThan | Token::LessThanEqualsTo | Token::GreaterThan | Token::GreaterThanEqualsTo
        );
        let binds_tighter = token.name().is_some()
            || token.is_literal()
            || matches!(
                token.token,
                Token::Plus
                    | Token::Minus
                    | Token::Multiply
                    | Token::Divide
                    | Token::Modulo
                    | Token::PowerOf
                    | Token::UnaryPlus
                    | Token::UnaryMinus
                    | Token::Bang
                    | Token::Custom(_)
                    | Token::Period
                    | Token::Elvis
                    | Token::Unit
                    | Token::LeftParen
                    | Token::RightParen
                    | Token::LeftBracket
                    | Token::QuestionBracket
                    | Token::RightBracket
                    | Token::MapStart
            );
        let compared = self.scope().compared;
        if compares && compared && self.chain.is_none() {
            self.chain = Some(i);
        }
        self.scope().compared = compares || compared && binds_tighter;
    }

    /// A name: of a variable, a field, a method or a function.
    fn named(&self, i: usize) -> Option<usize> {
        match i.checked_sub(1).map(|p| &self.tokens[p].token) {
            Some(Token::Period | Token::Elvis) => self.starts.get(i.checked_sub(2)?).copied().flatten(),
            Some(Token::Let | Token::Const | Token::For | Token::Fn | Token::DoubleColon) => None,
            _ => Some(i),
        }
    }

    fn left_paren(&mut self, i: usize, before: Option<usize>) {
        let previous = i.checked_sub(1).map(|p| &self.tokens[p].token);
        let two_back = i.checked_sub(2).map(|p| &self.tokens[p].token);
        match (two_back, previous) {
            (Some(Token::Fn), _) | (_, Some(Token::Catch)) => {
                self.params = Some((Vec::new(), Token::RightParen));
                return;
            }
            _ => (),
        }
        if self.rewrite_call(i, before) {
            self.edit(i, Edit::Replace(','));
        }
        self.open(Open::Paren, i, Vec::new());
        self.scope().receiver = self.receiver(i);
    }

    /// The variable with which the method call whose bracket is at `i` begins, `xs.map(…)` or `scores.keys().map(…)`, if all that is
    /// called on it leaves it as it is.
    fn receiver(&self, i: usize) -> Option<usize> {
        let before = i.checked_sub(3)?;
        let variable = self.starts[before]?;
        let (name, method) = (self.tokens[variable].name()?, self.tokens[i - 1].name()?);
        let reads = self.tokens[i - 2].is(&Token::Period)
            && !CHANGING.contains(&method)
            && (variable == before || self.reads_only(variable + 1, before + 1));
        (reads && self.is_value(name)).then_some(variable)
    }

    /// Whether what stands between two tokens, `.keys()[0].x`, is made of fields, indices and methods that change nothing.
    fn reads_only(&self, from: usize, to: usize) -> bool {
        let mut depth = 0;
        for i in from..to {
            match &self.tokens[i].token {
                Token::LeftParen | Token::LeftBracket if depth > 0 => depth += 1,
                Token::RightParen | Token::RightBracket => depth -= 1,
                _ if depth > 0 => (),
                Token::LeftBracket => depth += 1,
                Token::LeftParen | Token::Unit => {
                    let is_method = i.checked_sub(2).is_some_and(|dot| self.tokens[dot].is(&Token::Period));
                    let method = self.tokens[i - 1].name().filter(|_| is_method);
                    if !method.is_some_and(|method| READING.contains(&method)) {
                        return false;
                    }
                    depth += i32::from(self.tokens[i].is(&Token::LeftParen));
                }
                Token::Period => (),
                _ if self.tokens[i].name().is_some() => (),
                _ => return false,
            }
        }
        true
    }

    /// A method holds its variable while it runs, so a closure in its arguments could not read it:
    /// `xs.map(|x| x / xs.len())`. Called on a copy, the method holds nothing.
    fn copy_receiver(&mut self) {
        let receiver = self.scopes.last_mut().and_then(|scope| scope.receiver.take());
        if let Some(variable) = receiver {
            self.edit(variable, Edit::Insert(format!("{COPY}(")));
            self.edit(variable + 1, Edit::Insert(")".into()));
        }
    }

    /// `()`: the value "nothing", or the empty brackets of a call.
    fn unit(&mut self, i: usize, before: Option<usize>) -> Option<usize> {
        if self.rewrite_call(i, before) {
            self.edit(i, Edit::Replace(' '));
        }
        before.or(Some(i))
    }

    /// Where the brace at `i` opens the block of a `catch (e)`: `e` becomes a fault. Of an error of its own Rhai makes a
    /// map, in its own words and with the paths of Rust, in which `e.kind` would be a second error.
    fn tell_of_fault(&mut self, i: usize) {
        let tokens = self.tokens;
        let [.., catch, _, variable, _] = &tokens[..i] else { return };
        if let (Token::Catch, Some(name)) = (&catch.token, variable.name())
            && i + 1 < self.tokens.len()
        {
            self.edit(i + 1, Edit::First(format!("{name} = {CAUGHT}({name}); ")));
        }
    }

    /// If the bracket at `i` calls a value, puts the call in front of it. (For a named call the text ends with the
    /// value; the bracket itself becomes the comma after it.)
    fn rewrite_call(&mut self, i: usize, callee: Option<usize>) -> bool {
        let (Some(callee), Some(last)) = (callee, i.checked_sub(1)) else {
            return false;
        };
        if let Some(name) = self.tokens[last].name() {
            if callee != last || !self.is_value(name) {
                return false;
            }
            self.edit(callee, Edit::Insert(format!("{CALL_NAMED}(\"{name}\",")));
            return true;
        }
        let value = matches!(self.tokens[last].token, Token::RightParen | Token::RightBracket | Token::Unit);
        // On a new line it is a statement of its own, after a forgotten `;`.
        if !value || self.tokens[last].line != self.tokens[i].line {
            return false;
        }
        self.edit(callee, Edit::Insert(format!("{CALL}(")));
        true
    }

    /// `**` at `i`, with a base that starts at `base`: where a sign stands before it, a bracket opens behind the sign.
    fn signed_power(&mut self, i: usize, base: Option<usize>) {
        let Some(base) = base else { return };
        let sign = base.checked_sub(1).map(|p| &self.tokens[p].token);
        let Placed { line, column, ref token } = self.tokens[base];
        let column = match (sign, token) {
            (Some(Token::UnaryMinus), _) => column,
            // The tokenizer makes `-2` one number.
            (_, Token::IntegerConstant(n)) if *n < 0 => column + 1,
            (_, Token::FloatConstant(v)) if v.1.starts_with('-') => column + 1,
            _ => return,
        };
        self.edits.push((line, column, Edit::Insert("(".into())));
        let depth = self.scopes.len();
        self.powers.push(Power { at: i, depth });
    }

    /// Closes the powers whose exponent has ended before the token at `i`.
    fn end_powers(&mut self, i: usize) {
        let ended = i.checked_sub(1).is_some_and(|p| self.starts[p].is_some());
        let goes_on = matches!(
            self.tokens[i].token,
            Token::PowerOf
                | Token::Period
                | Token::Elvis
                | Token::LeftParen
                | Token::Unit
                | Token::LeftBracket
                | Token::QuestionBracket
        );
        while let Some(power) = self.powers.last()
            && ended
            && !goes_on
            && power.at + 1 < i
            && power.depth == self.scopes.len()
        {
            self.powers.pop();
            self.edit(i, Edit::Insert(")".into()));
        }
    }

    /// Whether a name is a variable here: local, or the notebook's.
    fn is_value(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.names.iter().any(|n| n == name)) || (self.is_variable)(name)
    }

    fn loop_names(&mut self, i: usize) {
        let names = self.tokens[i + 1..].iter().take(5).take_while(|t| !t.is(&Token::In));
        self.scope().awaiting_block = names.filter_map(|t| t.name()).map(str::to_string).collect();
    }

    fn name_after(&self, i: usize) -> Option<&str> {
        self.tokens.get(i + 1)?.name()
    }

    fn edit(&mut self, at: usize, edit: Edit) {
        self.edits.push((self.tokens[at].line, self.tokens[at].column, edit));
    }

    fn open(&mut self, kind: Open, opener: usize, names: Vec<String>) {
        if kind == Open::Closure {
            self.copy_receiver();
        }
        self.scopes.push(Scope {
            kind,
            names,
            defining: None,
            awaiting_block: Vec::new(),
            opener,
            has_comma: false,
            receiver: None,
            compared: false,
        });
    }

    /// Ends a bracket, with the closures that are open in it. What it closes is part of the expression before it where
    /// it is a call or an index.
    fn close(&mut self, i: usize) -> Option<usize> {
        self.end_closures();
        if self.scopes.len() == 1 {
            return None;
        }
        let closed = self.scopes.pop()?;
        let before = closed.opener.checked_sub(1).and_then(|p| self.starts[p]);
        if closed.kind == Open::Bracket && closed.has_comma && before.is_some() {
            self.edit(closed.opener + 1, Edit::Insert(format!("{PLACES}(")));
            self.edit(i, Edit::Insert(")".into()));
        }
        match closed.kind {
            Open::Paren | Open::Bracket => before.or(Some(closed.opener)),
            Open::Map => Some(closed.opener),
            _ => None,
        }
    }

    fn end_closures(&mut self) {
        while self.scopes.last().is_some_and(|scope| scope.kind == Open::Closure) {
            self.scopes.pop();
        }
    }

    fn scope(&mut self) -> &mut Scope {
        // The notebook's own scope is never closed.
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }
}
