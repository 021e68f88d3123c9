//! `${VAR}` in `env.yaml`.

use crate::config::yaml::{Entry, Kind, Mistake, Node, Scalar, parse};

/// Stand-ins for variables: one character each from a plane that is reserved for private use.
const FIRST: u32 = 0xF_0000;
/// How many variables a file may name; as many as the plane has room for.
const NAMED_MAX: usize = 0xFFFD;
/// Fills a stand-in up to the length of what it stands for, so that columns in messages stay right.
const FILLER: char = '\u{E002}';

/// Reads `text` with every `${VAR}` replaced by what `lookup` knows.
///
/// A value never becomes part of the structure: it is put in after parsing, so that a key with a `#` or a `:` in it
/// stays what it is and no value appears in a message about the syntax. A variable that is not set becomes the empty
/// text, and the scalar remembers its name.
pub fn parse_with(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Node, Mistake> {
    let (marked, names) = mark(text);
    let mut root = parse(&marked)?;
    if !names.is_empty() {
        let values: Vec<(&str, Option<String>)> = names.iter().map(|name| (*name, lookup(name))).collect();
        fill(&mut root, &values);
    }
    Ok(root)
}

fn mark(text: &str) -> (String, Vec<&str>) {
    let mut marked = String::with_capacity(text.len());
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        marked.push_str(before);
        let name = after.split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
        match name {
            Some(name) if names.len() < NAMED_MAX => {
                let stand_in =
                    u32::try_from(names.len()).ok().and_then(|index| char::from_u32(FIRST + index));
                marked.push(stand_in.expect("the plane has room for every name"));
                marked.extend(std::iter::repeat_n(FILLER, name.len() + 2));
                names.push(name);
                rest = &after[name.len() + 1..];
            }
            _ => {
                marked.push_str("${");
                rest = after;
            }
        }
    }
    marked.push_str(rest);
    (marked, names)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn fill(node: &mut Node, values: &[(&str, Option<String>)]) {
    match &mut node.kind {
        Kind::Scalar(scalar) => fill_scalar(scalar, values),
        Kind::List(items) => items.iter_mut().for_each(|item| fill(item, values)),
        Kind::Map(entries) => {
            for Entry { key, value, .. } in entries {
                *key = fill_text(key, values).0;
                fill(value, values);
            }
        }
    }
}

fn fill_scalar(scalar: &mut Scalar, values: &[(&str, Option<String>)]) {
    let (text, unset) = fill_text(&scalar.text, values);
    scalar.unset = unset.filter(|_| text.is_empty());
    scalar.text = text;
}

fn fill_text(text: &str, values: &[(&str, Option<String>)]) -> (String, Option<String>) {
    let mut filled = String::with_capacity(text.len());
    let mut unset = None;
    for c in text.chars() {
        let index = u32::from(c).checked_sub(FIRST).and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| values.get(index)) {
            Some((_, Some(value))) => filled.push_str(value),
            Some((name, None)) => unset = Some((*name).to_owned()),
            None if c == FILLER => {}
            None => filled.push(c),
        }
    }
    (filled, unset)
}

#[cfg(test)]
mod tests {
    use super::parse_with;
    use crate::config::yaml::Node;

    fn read(text: &str) -> Node {
        let lookup = |name: &str| match name {
            "KEY" => Some("a: b # c".to_owned()),
            "HOST" => Some("db".to_owned()),
            _ => None,
        };
        parse_with(text, &lookup).unwrap()
    }

    #[test]
    fn values_never_become_structure() {
        let root =
            read("x: {key: ${KEY}, url: 'pg://${HOST}/${HOST}'}\n# ${KEY}\ny: $HOST ${} ${not a name}");
        let x = root.get("x").unwrap();
        assert_eq!(x.get("key").unwrap().text(), Some("a: b # c"));
        assert_eq!(x.get("url").unwrap().text(), Some("pg://db/db"));
        assert_eq!(root.get("y").unwrap().text(), Some("$HOST ${} ${not a name}"));
    }

    #[test]
    fn columns_after_a_variable_stay_right() {
        let root = read("{a: ${HOST}, b: 1}");
        assert_eq!(root.get("b").unwrap().place.column, 17);
    }

    #[test]
    fn unset_variable_is_remembered_by_name() {
        let root = read("a: ${NOT_SET}\nb: x${NOT_SET}");
        assert_eq!(root.get("a").unwrap().scalar().unwrap().unset.as_deref(), Some("NOT_SET"));
        assert_eq!(root.get("b").unwrap().scalar().unwrap().unset, None);
        assert_eq!(root.get("b").unwrap().text(), Some("x"));
    }
}
