//! The language of conditions, read into a tree.

use crate::expression::lexer::{Mistake, Token, tokens};

/// A condition, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// What is known under a name, dots included.
    Name(String),
    /// A literal.
    Literal(Literal),
    /// A function of other expressions.
    Call(Function, Vec<Node>),
    /// A comparison.
    Compare(Box<Node>, Comparison, Box<Node>),
    /// Whether the first is equal to one of the others.
    In(Box<Node>, Vec<Node>),
    /// All have to hold.
    And(Vec<Node>),
    /// One has to hold.
    Or(Vec<Node>),
    /// The inner one must not hold.
    Not(Box<Node>),
}

/// A value written in the condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Different,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Length,
    Lower,
    Upper,
    Trim,
    Contains,
    StartsWith,
    EndsWith,
}

const FUNCTIONS: &[(&str, Function, usize)] = &[
    ("length", Function::Length, 1),
    ("len", Function::Length, 1),
    ("lower", Function::Lower, 1),
    ("upper", Function::Upper, 1),
    ("trim", Function::Trim, 1),
    ("contains", Function::Contains, 2),
    ("starts_with", Function::StartsWith, 2),
    ("ends_with", Function::EndsWith, 2),
];

const COMPARISONS: &[(&str, Comparison)] = &[
    ("=", Comparison::Equal),
    ("==", Comparison::Equal),
    ("!=", Comparison::Different),
    ("<>", Comparison::Different),
    ("<", Comparison::Less),
    ("<=", Comparison::AtMost),
    (">", Comparison::More),
    (">=", Comparison::AtLeast),
];

/// How deep a condition may nest; people write three.
const DEPTH_MAX: usize = 50;

impl Node {
    /// Whether it names null, so that null is judged by it.
    pub(super) fn names_null(&self) -> bool {
        match self {
            Node::Name(_) => false,
            Node::Literal(literal) => *literal == Literal::Null,
            Node::Call(_, inner) | Node::And(inner) | Node::Or(inner) => inner.iter().any(Node::names_null),
            Node::Compare(left, _, right) => left.names_null() || right.names_null(),
            Node::In(left, list) => left.names_null() || list.iter().any(Node::names_null),
            Node::Not(inner) => inner.names_null(),
        }
    }

    /// The names it asks for.
    pub(super) fn names<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Node::Name(name) => names.push(name),
            Node::Literal(_) => {}
            Node::Call(_, inner) | Node::And(inner) | Node::Or(inner) => {
                inner.iter().for_each(|node| node.names(names));
            }
            Node::Compare(left, _, right) => [left, right].into_iter().for_each(|node| node.names(names)),
            Node::In(left, list) => {
                left.names(names);
                list.iter().for_each(|node| node.names(names));
            }
            Node::Not(inner) => inner.names(names),
        }
    }

    /// Whether it is something that holds or does not.
    fn is_condition(&self) -> bool {
        match self {
            Node::Literal(literal) => matches!(literal, Literal::Boolean(_)),
            Node::Call(function, _) => {
                matches!(function, Function::Contains | Function::StartsWith | Function::EndsWith)
            }
            _ => true,
        }
    }
}

/// Reads a condition. `knows` says of a name why it cannot be used, where it cannot.
pub(super) fn parse(text: &str, knows: Knows<'_>) -> Result<Node, Mistake> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, next: 0, end: text.chars().count(), depth: 0, knows };
    let expression = parser.or()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.expected("the end")),
    }
}

/// Says of a name why it cannot be used, where it cannot.
pub(super) type Knows<'a> = &'a dyn Fn(&str) -> Result<(), String>;

struct Parser<'a> {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
    knows: Knows<'a>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn mistake(&self, at: usize, what: impl Into<String>) -> Mistake {
        Mistake { at, what: what.into() }
    }

    fn expected(&self, what: &str) -> Mistake {
        let got = match self.peek() {
            None => "it ends here".to_owned(),
            Some(Token::Word(text) | Token::Number(text) | Token::Text(text)) => format!("got {text:?}"),
            Some(Token::Sign(sign)) => format!("got {sign:?}"),
        };
        self.mistake(self.at(), format!("{what} was expected, {got}"))
    }

    /// Takes the next token where it is one of these signs or words.
    fn take(&mut self, spellings: &[&str]) -> bool {
        let is_it = match self.peek() {
            Some(Token::Sign(sign)) => spellings.contains(sign),
            Some(Token::Word(word)) => spellings.iter().any(|known| known.eq_ignore_ascii_case(word)),
            _ => false,
        };
        self.next += usize::from(is_it);
        is_it
    }

    fn need(&mut self, sign: &str) -> Result<(), Mistake> {
        match self.take(&[sign]) {
            true => Ok(()),
            false => Err(self.expected(&format!("{sign:?}"))),
        }
    }

    fn or(&mut self) -> Result<Node, Mistake> {
        self.joined(&["||", "or"], Parser::and, Node::Or)
    }

    fn and(&mut self) -> Result<Node, Mistake> {
        self.joined(&["&&", "and"], Parser::condition, Node::And)
    }

    fn joined(
        &mut self,
        joints: &[&str],
        part: fn(&mut Parser<'a>) -> Result<Node, Mistake>,
        join: fn(Vec<Node>) -> Node,
    ) -> Result<Node, Mistake> {
        let mut parts = vec![part(self)?];
        while self.take(joints) {
            parts.push(part(self)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
    }

    /// A comparison, or something that holds by itself.
    fn condition(&mut self) -> Result<Node, Mistake> {
        let at = self.at();
        if self.peek().is_none() {
            return Err(self.expected("a condition"));
        }
        if self.take(&["!", "not"]) {
            self.deeper(at)?;
            let inner = self.condition()?;
            self.depth -= 1;
            return Ok(Node::Not(Box::new(inner)));
        }
        let left = self.operand()?;
        let expression = self.compared(left)?;
        match expression.is_condition() {
            true => Ok(expression),
            false => Err(self.mistake(at, "a condition was expected, this is a value")),
        }
    }

    fn compared(&mut self, left: Node) -> Result<Node, Mistake> {
        if let Some(Token::Sign(sign)) = self.peek()
            && let Some((_, comparison)) = COMPARISONS.iter().find(|(known, _)| known == sign)
        {
            self.next += 1;
            let right = self.operand()?;
            return Ok(Node::Compare(Box::new(left), *comparison, Box::new(right)));
        }
        if self.take(&["is"]) {
            let comparison = if self.take(&["not"]) { Comparison::Different } else { Comparison::Equal };
            if !self.take(&["null", "nil"]) {
                return Err(self.expected("`null`"));
            }
            let null = Box::new(Node::Literal(Literal::Null));
            return Ok(Node::Compare(Box::new(left), comparison, null));
        }
        if self.take(&["not"]) {
            if !self.take(&["in"]) {
                return Err(self.expected("`in`"));
            }
            return Ok(Node::Not(Box::new(self.listed(left)?)));
        }
        if self.take(&["in"]) {
            return self.listed(left);
        }
        Ok(left)
    }

    fn listed(&mut self, left: Node) -> Result<Node, Mistake> {
        let close = if self.take(&["["]) {
            "]"
        } else {
            self.need("(")?;
            ")"
        };
        let list = self.values(close)?;
        Ok(Node::In(Box::new(left), list))
    }

    /// Values with commas between them, up to and with `close`; at least one.
    fn values(&mut self, close: &str) -> Result<Vec<Node>, Mistake> {
        let mut values = vec![self.operand()?];
        while self.take(&[","]) {
            values.push(self.operand()?);
        }
        self.need(close)?;
        Ok(values)
    }

    fn operand(&mut self) -> Result<Node, Mistake> {
        let at = self.at();
        if self.take(&["("]) {
            self.deeper(at)?;
            let inner = self.or()?;
            self.need(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        let negative = self.take(&["-"]);
        let token = self.peek().cloned();
        match token {
            Some(Token::Number(text)) => {
                let literal = number(&text, negative)
                    .ok_or_else(|| self.mistake(at, format!("{text} is not a number")))?;
                self.next += 1;
                Ok(Node::Literal(literal))
            }
            Some(Token::Text(text)) if !negative => {
                self.next += 1;
                Ok(Node::Literal(Literal::Text(text)))
            }
            Some(Token::Word(word)) if !negative => {
                self.next += 1;
                self.word(at, &word)
            }
            _ => Err(self.expected("a value")),
        }
    }

    fn word(&mut self, at: usize, word: &str) -> Result<Node, Mistake> {
        let literal = match word.to_ascii_lowercase().as_str() {
            "true" => Literal::Boolean(true),
            "false" => Literal::Boolean(false),
            "null" | "nil" => Literal::Null,
            name if self.take(&["("]) => return self.call(at, name),
            _ => {
                (self.knows)(word).map_err(|why| self.mistake(at, why))?;
                return Ok(Node::Name(word.to_owned()));
            }
        };
        Ok(Node::Literal(literal))
    }

    fn call(&mut self, at: usize, name: &str) -> Result<Node, Mistake> {
        let Some((_, function, wanted)) = FUNCTIONS.iter().find(|(known, _, _)| *known == name) else {
            let names: Vec<&str> = FUNCTIONS.iter().map(|(known, _, _)| *known).collect();
            let what = format!("there is no function {name:?}, there are {}", names.join(", "));
            return Err(self.mistake(at, what));
        };
        self.deeper(at)?;
        let values = self.values(")")?;
        self.depth -= 1;
        match values.len() == *wanted {
            true => Ok(Node::Call(*function, values)),
            false => {
                let plural = if *wanted == 1 { "value" } else { "values" };
                Err(self.mistake(at, format!("{name} takes {wanted} {plural}, got {}", values.len())))
            }
        }
    }

    fn deeper(&mut self, at: usize) -> Result<(), Mistake> {
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(self.mistake(at, format!("nested deeper than {DEPTH_MAX}"))),
            false => Ok(()),
        }
    }
}

fn number(text: &str, negative: bool) -> Option<Literal> {
    let text = if negative { format!("-{text}") } else { text.to_owned() };
    match text.parse::<i64>() {
        Ok(number) => Some(Literal::Integer(number)),
        Err(_) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Literal::Float),
    }
}
