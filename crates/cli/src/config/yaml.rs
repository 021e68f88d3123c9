//! YAML as a tree that knows where everything stands.
//!
//! Built on the events of `saphyr-parser`, because every message about a file names line and column, keys keep their
//! order, and what a scalar means is decided by whoever reads it (`off` is a word here and a switch there).

use std::{collections::HashMap, fmt};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// How deep collections may nest; configuration files need five.
const DEPTH_MAX: usize = 32;
/// How many nodes a text may have once aliases are expanded; keeps a small file from becoming a large tree.
const NODES_MAX: usize = 100_000;

/// A position in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A single value.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Node>),
    /// Keys with values, in order, each key once.
    Map(Vec<Entry>),
}

/// A single value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text without quotes.
    pub text: String,
    /// Whether it stood without quotes, so that it may mean null.
    pub plain: bool,
    /// A variable named inside it that was not set.
    pub unset: Option<String>,
}

/// A key of a map with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub place: Place,
    /// The value.
    pub value: Node,
}

/// Why a text is not readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What is wrong, lower case, no full stop.
    pub what: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Where a value stands says nothing about what it is: comparing looks at the content alone.
impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Node {
    /// Whether it is nothing: an empty place, `~` or `null` without quotes.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.is_null())
    }

    /// The scalar it is.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of the scalar it is; null has none.
    pub fn text(&self) -> Option<&str> {
        self.scalar().filter(|scalar| !scalar.is_null()).map(|scalar| scalar.text.as_str())
    }

    /// The entries of the map it is.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of `key` in the map it is, compared exactly.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// What it is, for messages.
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.is_null() => "nothing",
            Kind::Scalar(_) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// A scalar made by the program, standing at `place`.
    pub fn made(text: impl Into<String>, place: Place) -> Node {
        Node { place, kind: Kind::Scalar(Scalar { text: text.into(), plain: false, unset: None }) }
    }
}

impl Scalar {
    fn is_null(&self) -> bool {
        self.plain
            && self.unset.is_none()
            && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// Reads one document. An empty text is null.
///
/// Refused: a second document, a key given twice, a key that is not a scalar, aliases that expand without bound,
/// nesting beyond 32. Merge keys (`<<`) are carried out.
pub fn parse(text: &str) -> Result<Node, Mistake> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        builder.take(event, span)?;
    }
    Ok(builder.root.unwrap_or(Node {
        place: Place { line: 1, column: 1 },
        kind: Kind::Scalar(Scalar { text: String::new(), plain: true, unset: None }),
    }))
}

fn syntax(error: &ScanError) -> Mistake {
    let marker = error.marker();
    Mistake {
        place: Place { line: marker.line(), column: marker.col() + 1 },
        what: format!("not valid YAML: {}", error.info()),
    }
}

fn start(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

/// Puts events together to a tree.
#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// A collection whose end was not seen yet.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, Place)> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Mistake> {
        let place = start(span);
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = matches!(style, ScalarStyle::Plain);
                let scalar = Scalar { text: text.into_owned(), plain, unset: None };
                self.finish(Node { place, kind: Kind::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(place, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.begin(place, anchor, Content::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let mut node = self.anchors.get(&anchor).cloned().ok_or_else(|| Mistake {
                    place,
                    what: "an alias to an anchor that is not complete here".to_owned(),
                })?;
                self.count(size(&node), place)?;
                node.place = place;
                self.place_node(node)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Mistake { place, what: "a second document; one is enough".to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), Mistake> {
        if self.open.len() >= DEPTH_MAX {
            return Err(Mistake { place, what: format!("nested deeper than {DEPTH_MAX}") });
        }
        self.open.push(Open { place, anchor, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Mistake> {
        let open = self.open.pop().expect("the parser closes what it opened");
        let kind = match open.content {
            Content::List(items) => Kind::List(items),
            Content::Map { entries, .. } => Kind::Map(merge(entries)?),
        };
        self.finish(Node { place: open.place, kind }, open.anchor)
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Mistake> {
        self.count(1, node.place)?;
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.place_node(node)
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), Mistake> {
        self.nodes += nodes;
        match self.nodes > NODES_MAX {
            true => Err(Mistake { place, what: format!("more than {NODES_MAX} values, aliases included") }),
            false => Ok(()),
        }
    }

    fn place_node(&mut self, node: Node) -> Result<(), Mistake> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key } => match key.take() {
                None => *key = Some(map_key(node, entries)?),
                Some((key, place)) => entries.push(Entry { key, place, value: node }),
            },
        }
        Ok(())
    }
}

fn map_key(node: Node, entries: &[Entry]) -> Result<(String, Place), Mistake> {
    let place = node.place;
    let Kind::Scalar(scalar) = node.kind else {
        return Err(Mistake { place, what: "a key must be a single value".to_owned() });
    };
    match entries.iter().find(|entry| entry.key == scalar.text) {
        Some(first) => Err(Mistake {
            place,
            what: format!("the key {:?} is given twice, first in line {}", scalar.text, first.place.line),
        }),
        None => Ok((scalar.text, place)),
    }
}

/// Carries out `<<`: keys of the merged maps that the map does not name itself.
fn merge(entries: Vec<Entry>) -> Result<Vec<Entry>, Mistake> {
    let (merges, mut own): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.key == "<<");
    for merge in merges {
        let maps = match merge.value.kind {
            Kind::List(items) => items,
            _ => vec![merge.value],
        };
        for map in maps {
            let Kind::Map(entries) = map.kind else {
                return Err(Mistake { place: merge.place, what: "`<<` needs a map".to_owned() });
            };
            for entry in entries {
                if !own.iter().any(|known| known.key == entry.key) {
                    own.push(entry);
                }
            }
        }
    }
    Ok(own)
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Scalar(_) => 0,
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Place, parse};

    #[test]
    fn values_know_line_and_column() {
        let root = parse("a: 1\nb:\n  - x\n  - {c: 'd e'}\n").unwrap();
        assert_eq!(root.get("a").unwrap().text(), Some("1"));
        let Kind::List(items) = &root.get("b").unwrap().kind else { panic!("b is a list") };
        assert_eq!(items[0].place, Place { line: 3, column: 5 });
        assert_eq!(items[1].get("c").unwrap().place, Place { line: 4, column: 9 });
        assert_eq!(root.entries().unwrap()[1].place, Place { line: 2, column: 1 });
    }

    #[test]
    fn quoted_null_is_a_text() {
        let root = parse("a:\nb: ~\nc: null\nd: 'null'\ne: \"\"").unwrap();
        let texts: Vec<_> = root.entries().unwrap().iter().map(|entry| entry.value.text()).collect();
        assert_eq!(texts, [None, None, None, Some("null"), Some("")]);
        assert!(parse("").unwrap().is_null());
    }

    #[test]
    fn unreadable_texts_name_their_place() {
        for (text, place, what) in [
            ("a: 1\na: 2", "2:1", "the key \"a\" is given twice, first in line 1"),
            ("a: b: c", "1:5", "not valid YAML"),
            ("a: {b: 1", "2:1", "not valid YAML"),
            ("---\na: 1\n---\nb: 2", "3:1", "a second document"),
            ("[a]: 1", "1:1", "a key must be a single value"),
            ("a: 1\n<<: 3", "2:1", "`<<` needs a map"),
        ] {
            let mistake = parse(text).unwrap_err();
            assert_eq!(mistake.place.to_string(), place, "{text:?}: {}", mistake.what);
            assert!(mistake.what.starts_with(what), "{text:?}: {}", mistake.what);
        }
    }

    #[test]
    fn merge_keys_fill_what_is_missing() {
        let root = parse("base: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3").unwrap();
        let merged = root.get("c").unwrap();
        assert_eq!(merged.get("x").unwrap().text(), Some("1"));
        assert_eq!(merged.get("y").unwrap().text(), Some("3"));
    }

    #[test]
    fn small_texts_cannot_become_large_trees() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(",")));
        }
        assert!(parse(&bomb).unwrap_err().what.starts_with("more than 100000 values"));
        // The parser has a bound of its own beyond ours.
        for (depth, what) in [(33, "nested deeper than 32"), (10_000, "not valid YAML: recursion limit")] {
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let mistake = parse(&deep).unwrap_err();
            assert!(mistake.what.starts_with(what), "{}", mistake.what);
        }
    }
}
