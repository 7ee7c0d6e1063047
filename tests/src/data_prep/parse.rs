//! Reads a calculated field.

use serde_json::{Number, Value};

use super::expression::Expression;
use super::function::Function;
use super::path::Path;
use super::scanner::Scanner;

/// Adobe's limit.
const MAX_CHARACTERS: usize = 4_096;

/// Expressions within expressions; a parser that calls itself ends somewhere.
const MAX_DEPTH: usize = 64;

pub(super) fn expression(text: &str) -> Result<Expression, String> {
    if text.chars().count() > MAX_CHARACTERS {
        return Err(format!("longer than {MAX_CHARACTERS} characters"));
    }
    let mut scanner = Scanner::new(text);
    let expression = one(&mut scanner, 0)?;
    scanner.expect_end()?;
    if expression.has_inner_intent() {
        return Err("an upsert of a list is the whole of a line, not a part of it".to_owned());
    }
    Ok(expression)
}

fn one(scanner: &mut Scanner<'_>, depth: usize) -> Result<Expression, String> {
    if depth == MAX_DEPTH {
        return Err(format!("more than {MAX_DEPTH} expressions within another"));
    }
    scanner.skip_blanks();
    match scanner.peek() {
        Some(quote @ ('"' | '\'')) => text(scanner, quote).map(Expression::Constant),
        Some('0'..='9') => number(scanner).map(Expression::Constant),
        Some('[') => list(scanner, depth, "[", "]").map(Expression::List),
        _ => word(scanner, depth),
    }
}

fn text(scanner: &mut Scanner<'_>, quote: char) -> Result<Value, String> {
    scanner.next();
    let mut text = String::new();
    loop {
        text.push_str(scanner.take_while(|c| c != quote && c != '\\'));
        match scanner.next() {
            Some('\\') => text.extend(scanner.next()),
            Some(_) => return Ok(text.into()),
            None => return Err("a text without its end".to_owned()),
        }
    }
}

fn number(scanner: &mut Scanner<'_>) -> Result<Value, String> {
    let digits = scanner.take_while(|c| c.is_ascii_digit() || c == '.');
    let number = digits.parse::<Number>();
    number
        .map(Value::Number)
        .map_err(|_| format!("`{digits}` is no number"))
}

/// Expressions between brackets, with commas.
fn list(
    scanner: &mut Scanner<'_>,
    depth: usize,
    open: &str,
    close: &str,
) -> Result<Vec<Expression>, String> {
    scanner.expect(open)?;
    let mut found = Vec::new();
    scanner.skip_blanks();
    if scanner.take(close) {
        return Ok(found);
    }
    loop {
        found.push(one(scanner, depth + 1)?);
        scanner.skip_blanks();
        if scanner.take(close) {
            return Ok(found);
        }
        scanner.expect(",")?;
    }
}

/// A constant, a call or an attribute.
fn word(scanner: &mut Scanner<'_>, depth: usize) -> Result<Expression, String> {
    let mut ahead = *scanner;
    let word = ahead.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'));
    let constant = match word {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "null" => Some(Value::Null),
        _ => None,
    };
    if let Some(constant) = constant {
        *scanner = ahead;
        return Ok(Expression::Constant(constant));
    }
    if ahead.peek() != Some('(') {
        return Path::take(scanner).map(Expression::Attribute);
    }
    let known = Function::named(word);
    let function = known.ok_or_else(|| format!("the function `{word}` is not known here"))?;
    *scanner = ahead;
    let arguments = list(scanner, depth, "(", ")")?;
    if !function.takes(arguments.len()) {
        let count = arguments.len();
        return Err(format!("`{word}` does not take {count} arguments"));
    }
    Ok(Expression::Call(function, arguments))
}
