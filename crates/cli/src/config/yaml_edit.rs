//! Changes to a YAML text that leave every other line as it is: comments, order, spelling.
//!
//! Works on block maps, the way people write `env.yaml`. Every change is proved before it is given back: the new text
//! must parse to the old tree with exactly the wanted difference.

use crate::config::yaml::{Entry, Kind, Mistake, Node, Place, parse};

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A single value, a text whatever it looks like.
    Text(String),
    /// Keys with values.
    Map(Vec<(String, Value)>),
}

/// Sets the value at `path`, a chain of keys from the root; makes the maps on the way that are missing.
///
/// Keys are compared without case, an existing key keeps its spelling.
/// Errors: the text is not YAML, or it is written in a way that cannot be changed line by line (flow style on the way).
pub fn set(text: &str, path: &[&str], value: &Value) -> Result<String, Mistake> {
    let root = parse(text)?;
    let place = find(&root, path);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let wanted = place
        .rest
        .iter()
        .rev()
        .fold(value.clone(), |value, key| Value::Map(vec![((*key).to_owned(), value)]));
    match place.entry {
        // Everything but the last key of the path is there already: its value is replaced.
        Some(entry) if place.rest.is_empty() || entry.value.is_null() => replace(&mut lines, entry, &wanted)?,
        Some(entry) => insert(&mut lines, &entry.value, Some(entry), &wanted)?,
        None => insert(&mut lines, &root, None, &wanted)?,
    }
    let new = joined(&lines);
    check(&root, &new, path, Some(value), place_of(&place, &root))?;
    Ok(new)
}

/// Takes the entry at `path` out. `None` where it is not there.
///
/// Errors: those of [`set`].
pub fn remove(text: &str, path: &[&str]) -> Result<Option<String>, Mistake> {
    let root = parse(text)?;
    let place = find(&root, path);
    let Some(entry) = place.entry.filter(|_| place.rest.is_empty()) else { return Ok(None) };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (first, end) = extent(&lines, entry)?;
    lines.drain(first..end);
    let new = joined(&lines);
    check(&root, &new, path, None, entry.place)?;
    Ok(Some(new))
}

struct Found<'a> {
    /// The deepest entry on the path that is there.
    entry: Option<&'a Entry>,
    /// The keys of the path below it.
    rest: Vec<&'a str>,
}

fn find<'a>(root: &'a Node, path: &[&'a str]) -> Found<'a> {
    let mut found = Found { entry: None, rest: path.to_vec() };
    let mut node = root;
    while let Some(entry) = found.rest.first().and_then(|key| entry_of(node, key)) {
        found.entry = Some(entry);
        found.rest.remove(0);
        node = &entry.value;
    }
    found
}

fn entry_of<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    node.entries()?.iter().find(|entry| entry.key.eq_ignore_ascii_case(key))
}

fn place_of(found: &Found<'_>, root: &Node) -> Place {
    found.entry.map_or(root.place, |entry| entry.place)
}

/// Writes `value` in the place of the entry's value; a comment behind a single value stays.
fn replace(lines: &mut Vec<String>, entry: &Entry, value: &Value) -> Result<(), Mistake> {
    let (first, end) = extent(lines, entry)?;
    let comment = match (&entry.value.kind, value) {
        (Kind::Scalar(_), Value::Text(_)) if end == first + 1 => comment_of(&lines[first], entry),
        _ => String::new(),
    };
    let mut new = render(&entry.key, value, entry.place.column - 1);
    new[0].push_str(&comment);
    lines.splice(first..end, new);
    Ok(())
}

/// The comment behind a value on the same line, with the blanks before it.
fn comment_of(line: &str, entry: &Entry) -> String {
    // Whether a ` #` belongs to the value is what the parser knows: cut there and the value must stay the same.
    for (index, _) in line.match_indices(" #") {
        let indent = entry.place.column - 1;
        let cut: String = line[..index].chars().skip(indent).collect();
        if parse(&cut).is_ok_and(|node| node.get(&entry.key) == Some(&entry.value)) {
            let start = line[..index].trim_end().len();
            return line[start..].to_owned();
        }
    }
    String::new()
}

/// Adds the keys of `value` below `parent` (the root where there is none).
fn insert(
    lines: &mut Vec<String>,
    node: &Node,
    parent: Option<&Entry>,
    value: &Value,
) -> Result<(), Mistake> {
    let Value::Map(pairs) = value else { unreachable_path(node.place)? };
    let (indent, at) = match (node.entries().filter(|entries| !entries.is_empty()), parent) {
        (Some(entries), _) => {
            let last = entries.last().expect("the list is not empty");
            (last.place.column - 1, extent(lines, last)?.1)
        }
        // An empty map `{}`: the keys take its place.
        (None, Some(entry)) if node.entries().is_some() => return replace(lines, entry, value),
        (None, None) if node.is_null() => (0, lines.len()),
        _ => {
            let what = "the value there is not a map; change it by hand".to_owned();
            return Err(Mistake { place: node.place, what });
        }
    };
    let new: Vec<String> = pairs.iter().flat_map(|(key, value)| render(key, value, indent)).collect();
    lines.splice(at..at, new);
    Ok(())
}

fn unreachable_path<T>(place: Place) -> Result<T, Mistake> {
    Err(Mistake { place, what: "a text cannot be set without a key".to_owned() })
}

/// The lines of an entry: the first, and the one after the last.
fn extent(lines: &[String], entry: &Entry) -> Result<(usize, usize), Mistake> {
    let first = entry.place.line - 1;
    let indent = entry.place.column - 1;
    let before: String = lines[first].chars().take(indent).collect();
    if !before.trim().is_empty() {
        let what =
            "written in one line with others (`{…}`); put each key on a line of its own first".to_owned();
        return Err(Mistake { place: entry.place, what });
    }
    let mut end = first + 1;
    for (index, line) in lines.iter().enumerate().skip(first + 1) {
        let text = line.trim_start();
        let depth = line.chars().count() - text.chars().count();
        if depth > indent && !text.is_empty() || depth == indent && text.starts_with("- ") {
            end = index + 1;
        } else if !text.is_empty() && !text.starts_with('#') {
            break;
        }
    }
    Ok((first, end))
}

fn render(key: &str, value: &Value, indent: usize) -> Vec<String> {
    let blanks = " ".repeat(indent);
    match value {
        Value::Text(text) => vec![format!("{blanks}{}: {}", scalar(key), scalar(text))],
        Value::Map(pairs) if pairs.is_empty() => vec![format!("{blanks}{}: {{}}", scalar(key))],
        Value::Map(pairs) => {
            let mut lines = vec![format!("{blanks}{}:", scalar(key))];
            lines.extend(pairs.iter().flat_map(|(key, value)| render(key, value, indent + 2)));
            lines
        }
    }
}

/// The text as a YAML scalar, quoted where it needs to be.
fn scalar(text: &str) -> String {
    let safe = |c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '+' | '$' | '{' | '}' | ':' | '@')
    };
    let simple = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '$'))
        && text.chars().all(safe)
        && !text.contains(": ")
        && !text.ends_with(':')
        && !matches!(text.to_ascii_lowercase().as_str(), "null" | "~");
    match simple {
        true => text.to_owned(),
        false if text.chars().any(|c| c.is_control() || c == '\u{FEFF}') => escaped(text),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// A double-quoted scalar; JSON's escapes are YAML's.
fn escaped(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

fn joined(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Proves that `new` is the old tree with only the value at `path` changed.
fn check(old: &Node, new: &str, path: &[&str], value: Option<&Value>, place: Place) -> Result<(), Mistake> {
    let refuse = || {
        let what =
            "cannot be changed line by line without touching something else; change it by hand".to_owned();
        Mistake { place, what }
    };
    let new = parse(new).map_err(|_| refuse())?;
    let right = same_but(Some(old), Some(&new), path) && matches_value(at(&new, path), value);
    right.then_some(()).ok_or_else(refuse)
}

fn at<'a>(root: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(root, |node, key| entry_of(node, key).map(|entry| &entry.value))
}

fn matches_value(node: Option<&Node>, value: Option<&Value>) -> bool {
    match (node, value) {
        (None, None) => true,
        (Some(node), Some(Value::Text(text))) => node.scalar().is_some_and(|scalar| &scalar.text == text),
        (Some(node), Some(Value::Map(pairs))) => node.entries().is_some_and(|entries| {
            entries.len() == pairs.len()
                && entries.iter().zip(pairs).all(|(entry, (key, value))| {
                    &entry.key == key && matches_value(Some(&entry.value), Some(value))
                })
        }),
        _ => false,
    }
}

/// Whether both trees agree everywhere but at `path`.
fn same_but(old: Option<&Node>, new: Option<&Node>, path: &[&str]) -> bool {
    let Some((key, rest)) = path.split_first() else { return true };
    let others = |node: Option<&Node>| -> Vec<Entry> {
        let entries = node.and_then(Node::entries).unwrap_or_default();
        entries.iter().filter(|entry| !entry.key.eq_ignore_ascii_case(key)).cloned().collect()
    };
    let (old_others, new_others) = (others(old), others(new));
    let agree = old_others.len() == new_others.len()
        && old_others.iter().zip(&new_others).all(|(old, new)| old.key == new.key && old.value == new.value);
    let child =
        |node: Option<&Node>| node.and_then(|node| entry_of(node, key)).map(|entry| entry.value.clone());
    agree && same_but(child(old).as_ref(), child(new).as_ref(), rest)
}

#[cfg(test)]
mod tests {
    use super::{Value, remove, set};

    const FILE: &str = "\
# ours
connections:

  # the shop
  shop:
    type: api   # always
    secrets:
      api_key: 'a#b' # rotated in May
      base_url: https://a.b
    odd_key: [1,
      2]

  # the lake
  lake: {type: sqlite, path: x.db}
env:
  A: 1
";

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn check_set(path: &[&str], value: Value, from: &str, to: &str) {
        assert_eq!(FILE.matches(from).count(), 1, "{from:?} names one place");
        assert_eq!(set(FILE, path, &value).unwrap(), FILE.replacen(from, to, 1), "{path:?}");
    }

    #[test]
    fn one_value_changes_and_nothing_else() {
        check_set(
            &["connections", "SHOP", "secrets", "api_key"],
            text("new: key # 'x'"),
            "api_key: 'a#b' # rotated",
            "api_key: 'new: key # ''x''' # rotated",
        );
        check_set(
            &["connections", "shop", "type"],
            text("api"),
            "type: api   # always",
            "type: api   # always",
        );
        check_set(
            &["connections", "shop", "inputs", "anchor_date"],
            text("2024-01-01"),
            "      2]\n",
            "      2]\n    inputs:\n      anchor_date: 2024-01-01\n",
        );
        check_set(&["env", "B"], text("null"), "  A: 1\n", "  A: 1\n  B: 'null'\n");
        check_set(
            &["connections", "lake"],
            Value::Map(vec![("type".to_owned(), text("file")), ("path".to_owned(), text("a b"))]),
            "  lake: {type: sqlite, path: x.db}\n",
            "  lake:\n    type: file\n    path: 'a b'\n",
        );
        check_set(
            &["connections", "new", "url"],
            text("sqlite://y.db"),
            "path: x.db}\n",
            "path: x.db}\n  new:\n    url: sqlite://y.db\n",
        );
    }

    #[test]
    fn entries_are_removed_with_their_lines_only() {
        let from = FILE.find("  shop:").unwrap();
        let to = FILE.find("\n  # the lake").unwrap();
        let expected = format!("{}{}", &FILE[..from], &FILE[to..]);
        assert_eq!(remove(FILE, &["connections", "Shop"]).unwrap().unwrap(), expected);
        assert_eq!(remove(FILE, &["connections", "nobody"]).unwrap(), None);
    }

    #[test]
    fn new_files_and_empty_maps_are_filled() {
        let path = ["connections", "a", "type"];
        let expected = "connections:\n  a:\n    type: api\n";
        for empty in ["", "connections:\n", "connections: {}\n", "connections: ~\n"] {
            assert_eq!(set(empty, &path, &text("api")).unwrap(), expected, "{empty:?}");
        }
        assert_eq!(set("# only words\n", &path, &text("api")).unwrap(), format!("# only words\n{expected}"));
    }

    #[test]
    fn flow_style_on_the_way_is_refused() {
        for file in
            ["{connections: {a: {type: api}}}", "connections: {a: {type: api}}\n", "connections: text\n"]
        {
            let mistake = set(file, &["connections", "b", "type"], &text("api")).unwrap_err();
            assert!(
                mistake.what.contains("one line") || mistake.what.contains("by hand"),
                "{}",
                mistake.what
            );
        }
        let mistake = set(FILE, &["connections", "lake", "path"], &text("y.db")).unwrap_err();
        assert_eq!(mistake.place.line, 14);
    }

    #[test]
    fn hostile_texts_come_back_unchanged() {
        for hostile in [
            "",
            " ",
            "- a",
            "a: b",
            "a #b",
            "\"",
            "'",
            "line\nline",
            "\t",
            "~",
            "null",
            "${X}",
            "{}",
            "!t",
            "ünï",
            "a:",
            "0x1",
            "\u{7f}",
        ] {
            let new = set(FILE, &["connections", "shop", "secrets", "api_key"], &text(hostile)).unwrap();
            let root = crate::config::yaml::parse(&new).unwrap();
            let secrets = root.get("connections").unwrap().get("shop").unwrap().get("secrets").unwrap();
            assert_eq!(secrets.get("api_key").unwrap().scalar().unwrap().text, hostile);
        }
    }
}
