//! A cell as tokens, read by Rhai's own tokenizer, each with its place in the text.

use rhai::{Engine, Token};

/// A token and where it starts, counted from 1.
#[derive(Clone, Debug)]
pub struct Placed {
    pub token: Token,
    pub line: usize,
    pub column: usize,
}

/// The tokens of `code` up to its end or to the first that cannot be read, which is then the last one.
pub fn tokens(engine: &Engine, code: &str) -> Vec<Placed> {
    let inputs = [code];
    let (stream, control) = engine.lex(&inputs);
    let mut all = Vec::new();
    // For each open brace, whether its end goes on with the text of an interpolated string.
    let mut braces: Vec<bool> = Vec::new();
    let mut interpolation = false;
    for (token, position) in stream {
        if token == Token::EOF {
            break;
        }
        match &token {
            Token::LeftBrace | Token::MapStart => braces.push(std::mem::take(&mut interpolation)),
            // The parser tells the tokenizer so at this point; without a parser we do.
            Token::RightBrace => control.borrow_mut().is_within_text = braces.pop().unwrap_or(false),
            Token::InterpolatedString(_) => interpolation = true,
            _ => (),
        }
        let failed = matches!(token, Token::LexError(_));
        let (line, column) = (position.line().unwrap_or(1), position.position().unwrap_or(1));
        all.push(Placed { token, line, column });
        if failed {
            break;
        }
    }
    all
}

/// The innermost bracket that is open at the end of `tokens[..end]`.
pub fn innermost(tokens: &[Placed], end: usize) -> Option<usize> {
    let mut depth = 0;
    for i in (0..end).rev() {
        match tokens[i].token {
            Token::RightParen | Token::RightBracket | Token::RightBrace => depth += 1,
            Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::MapStart | Token::QuestionBracket => {
                if depth == 0 {
                    return Some(i);
                }
                depth -= 1;
            }
            _ => (),
        }
    }
    None
}

impl Placed {
    /// The name, if the token is one that can name a variable or function.
    pub fn name(&self) -> Option<&str> {
        match &self.token {
            Token::Identifier(name) | Token::Reserved(name) if rhai::is_valid_identifier(name) => Some(name),
            _ => None,
        }
    }

    pub fn is(&self, token: &Token) -> bool {
        self.token == *token
    }

    pub fn is_literal(&self) -> bool {
        matches!(
            self.token,
            Token::IntegerConstant(_)
                | Token::FloatConstant(_)
                | Token::CharConstant(_)
                | Token::StringConstant(_)
                | Token::True
                | Token::False
        )
    }
}
