//! Arithmetic as Python does it: whole numbers are exact, `/` gives a float, `//` and `%` go down. An evaluator of our
//! own, because an expression is hostile input: length, depth and size of the numbers are bounded, and nothing is run.

use monty_types::FormatFloat;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};
use serde_json::{Map, Value};

use super::arguments::{Arguments, required, spec};
use crate::tool::{Tool, ToolError, ToolSpec};

const MAX_CHARS: usize = 1_000;
const MAX_DEPTH: usize = 50;
/// About 10 to the power of 1,000.
const MAX_BITS: u64 = 3_322;

pub struct Calculator(ToolSpec);

impl Default for Calculator {
    fn default() -> Self {
        Self(spec(
            "calculator",
            "Performs basic math calculations. Supports +, -, *, /, //, %, ** and parentheses, and the functions abs, \
             round, min, max, sqrt, floor, ceil, exp, log, log10, sin, cos and tan, and pi and e.",
            vec![required("expression", "string", "The mathematical expression to evaluate")],
        ))
    }
}

#[async_trait::async_trait]
impl Tool for Calculator {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let expression = Arguments::new(&self.0, arguments)?.text("expression")?;
        match evaluate(&expression) {
            Ok(number) => Ok(format!("Result: {number}").into()),
            Err(message) => Err(ToolError::Arguments(format!("error calculating: {message}"))),
        }
    }
}

/// The value of an expression as Python would write it.
pub fn evaluate(expression: &str) -> Result<String, String> {
    if expression.chars().count() > MAX_CHARS {
        return Err(format!("the expression is longer than {MAX_CHARS} characters"));
    }
    let mut parser = Parser { rest: expression, depth: 0 };
    let value = parser.sum()?;
    match parser.next_char() {
        None => Ok(value.to_string()),
        Some('^') => Err("'^' is not known; powers are written **".into()),
        Some(other) => Err(format!("{other:?} is not expected there")),
    }
}

#[derive(Debug, Clone)]
enum Number {
    Whole(BigInt),
    Float(f64),
}

use Number::{Float, Whole};

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Whole(value) => value.fmt(f),
            Float(value) => FormatFloat(*value).fmt(f),
        }
    }
}

impl Number {
    fn float(&self) -> Result<f64, String> {
        match self {
            Whole(value) => value
                .to_f64()
                .filter(|value| value.is_finite())
                .ok_or_else(|| "the number is too large".into()),
            Float(value) => Ok(*value),
        }
    }

    fn is_zero(&self) -> bool {
        match self {
            Whole(value) => value.is_zero(),
            Float(value) => *value == 0.0,
        }
    }

    /// The number, if it is neither too large nor none.
    fn checked(self) -> Result<Self, String> {
        match &self {
            Whole(value) if value.bits() > MAX_BITS => Err("the result is too large".into()),
            Float(value) if value.is_infinite() => Err("the result is too large".into()),
            Float(value) if value.is_nan() => Err("the result is not a number".into()),
            _ => Ok(self),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn next_char(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    /// Goes past `token` if it comes next.
    fn eat(&mut self, token: &str) -> bool {
        self.next_char();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn sum(&mut self) -> Result<Number, String> {
        let mut left = self.product()?;
        loop {
            if self.eat("+") {
                left = add(left, self.product()?)?;
            } else if self.eat("-") {
                left = add(left, negate(self.product()?))?;
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self) -> Result<Number, String> {
        let mut left = self.signed()?;
        loop {
            if self.eat("//") {
                left = floor_divide(left, self.signed()?)?;
            } else if self.eat("/") {
                left = divide(left, self.signed()?)?;
            } else if self.eat("%") {
                left = modulo(left, self.signed()?)?;
            } else if !self.rest.starts_with("**") && self.eat("*") {
                left = multiply(left, self.signed()?)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn signed(&mut self) -> Result<Number, String> {
        if self.eat("-") {
            Ok(negate(self.deeper(Self::signed)?))
        } else if self.eat("+") {
            self.deeper(Self::signed)
        } else {
            self.power()
        }
    }

    fn power(&mut self) -> Result<Number, String> {
        let base = self.atom()?;
        if self.eat("**") { power(base, self.deeper(Self::signed)?) } else { Ok(base) }
    }

    fn atom(&mut self) -> Result<Number, String> {
        match self.next_char() {
            None => Err("the expression ends too early".into()),
            Some('(') => {
                self.eat("(");
                let value = self.deeper(Self::sum)?;
                if self.eat(")") { Ok(value) } else { Err("a ')' is missing".into()) }
            }
            Some(first) if first.is_ascii_digit() || first == '.' => self.number(),
            Some(first) if first.is_ascii_alphabetic() => self.name(),
            Some(other) => Err(format!("{other:?} is not expected there")),
        }
    }

    fn number(&mut self) -> Result<Number, String> {
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        let mut is_float = false;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'0'..=b'9' | b'_' => {}
                b'.' => is_float = true,
                b'e' | b'E' => {
                    is_float = true;
                    if matches!(bytes.get(end + 1), Some(b'+' | b'-')) {
                        end += 1;
                    }
                }
                _ => break,
            }
            end += 1;
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let digits = text.replace('_', "");
        let number = if is_float { digits.parse().ok().map(Float) } else { digits.parse().ok().map(Whole) };
        number.ok_or_else(|| format!("{text:?} is not a number"))?.checked()
    }

    fn name(&mut self) -> Result<Number, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        // `math.sqrt` is `sqrt`.
        if name == "math" && self.eat(".") && self.next_char().is_some_and(|c| c.is_ascii_alphabetic()) {
            return self.name();
        }
        match name {
            "pi" => return Ok(Float(std::f64::consts::PI)),
            "e" => return Ok(Float(std::f64::consts::E)),
            _ => {}
        }
        if !self.eat("(") {
            return Err(format!("only numbers and arithmetic are allowed, not {name:?}"));
        }
        let mut values = Vec::new();
        loop {
            values.push(self.deeper(Self::sum)?);
            if !self.eat(",") {
                break;
            }
        }
        if !self.eat(")") {
            return Err("a ')' is missing".into());
        }
        function(name, &values)
    }
}

fn function(name: &str, values: &[Number]) -> Result<Number, String> {
    let [first, others @ ..] = values else { return Err(format!("{name} needs a number")) };
    let float = |compute: fn(f64) -> f64| Float(compute(first.float()?)).checked();
    let whole =
        |value: f64| num_traits::FromPrimitive::from_f64(value).map(Whole).ok_or("not a number".to_string());
    match (name, first, others) {
        ("abs", Whole(value), []) => Ok(Whole(value.abs())),
        ("abs", Float(value), []) => Ok(Float(value.abs())),
        ("floor" | "ceil" | "round", Whole(_), []) => Ok(first.clone()),
        ("floor", Float(value), []) => whole(value.floor()),
        ("ceil", Float(value), []) => whole(value.ceil()),
        ("round", Float(value), []) => whole(value.round_ties_even()),
        ("round", Whole(_), [Whole(_)]) => Ok(first.clone()),
        ("round", Float(value), [Whole(digits)]) => {
            let digits =
                digits.to_usize().filter(|digits| *digits <= 100).ok_or("that many digits are not known")?;
            format!("{value:.digits$}").parse().map(Float).map_err(|_| "not a number".into())
        }
        ("min" | "max", _, _) => {
            let mut best = first;
            for value in others {
                let is_less = value.float()? < best.float()?;
                if is_less == (name == "min") && value.float()? != best.float()? {
                    best = value;
                }
            }
            Ok(best.clone())
        }
        ("log", _, [base]) => Float(first.float()?.ln() / base.float()?.ln()).checked(),
        ("sqrt", _, []) => float(f64::sqrt),
        ("exp", _, []) => float(f64::exp),
        ("log", _, []) => float(f64::ln),
        ("log10", _, []) => float(f64::log10),
        ("sin", _, []) => float(f64::sin),
        ("cos", _, []) => float(f64::cos),
        ("tan", _, []) => float(f64::tan),
        _ => Err(format!("no function {name:?} takes {} numbers", values.len())),
    }
}

fn negate(value: Number) -> Number {
    match value {
        Whole(value) => Whole(-value),
        Float(value) => Float(-value),
    }
}

fn add(left: Number, right: Number) -> Result<Number, String> {
    match (&left, &right) {
        (Whole(left), Whole(right)) => Whole(left + right),
        _ => Float(left.float()? + right.float()?),
    }
    .checked()
}

fn multiply(left: Number, right: Number) -> Result<Number, String> {
    match (&left, &right) {
        (Whole(left), Whole(right)) => Whole(left * right),
        _ => Float(left.float()? * right.float()?),
    }
    .checked()
}

fn nonzero(right: &Number) -> Result<(), String> {
    if right.is_zero() { Err("division by zero".into()) } else { Ok(()) }
}

fn divide(left: Number, right: Number) -> Result<Number, String> {
    nonzero(&right)?;
    Float(left.float()? / right.float()?).checked()
}

fn floor_divide(left: Number, right: Number) -> Result<Number, String> {
    nonzero(&right)?;
    match (&left, &right) {
        (Whole(left), Whole(right)) => Whole(left.div_floor(right)),
        _ => Float((left.float()? / right.float()?).floor()),
    }
    .checked()
}

fn modulo(left: Number, right: Number) -> Result<Number, String> {
    nonzero(&right)?;
    match (&left, &right) {
        (Whole(left), Whole(right)) => Whole(left.mod_floor(right)),
        _ => {
            let (left, right) = (left.float()?, right.float()?);
            let rest = left % right;
            // Python's remainder has the sign of the divisor.
            Float(if rest != 0.0 && (rest < 0.0) != (right < 0.0) { rest + right } else { rest })
        }
    }
    .checked()
}

fn power(base: Number, exponent: Number) -> Result<Number, String> {
    match (&base, &exponent) {
        (Whole(base), Whole(exponent)) if !exponent.is_negative() => {
            let exponent = exponent.to_u32().ok_or("the exponent is too large")?;
            // Looked at before it is computed.
            if base.bits() > 1 && base.bits().saturating_mul(exponent.into()) > MAX_BITS + base.bits() {
                return Err("the result is too large".into());
            }
            Whole(base.pow(exponent))
        }
        _ if base.is_zero() && exponent.float()? < 0.0 => return Err("division by zero".into()),
        _ => Float(base.float()?.powf(exponent.float()?)),
    }
    .checked()
}
