//! The three shapes in which a connection can stand in a variable.

use base64::{Engine as _, engine::general_purpose};

use crate::config::yaml::{Mistake, Node, Place, parse};

const BASE64_START: &str = "base64:";
const BASE64_END: &str = ":46esab";
/// The URLs that are connections of ours; a variable with another URL is just a variable.
const SCHEMES: &[&str] = &["postgres", "postgresql", "sqlite", "duckdb", "file"];

/// What a text that is a connection looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A URL of a target.
    Url(String),
    /// A map with `type` or `url`, in YAML or JSON; or one that was meant and is not readable.
    Map(Result<Node, Mistake>),
}

/// The shape of `text`, `None` where it is not a connection.
pub fn shape(text: &str) -> Option<Shape> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix(BASE64_START).and_then(|rest| rest.strip_suffix(BASE64_END)) {
        return Some(match decoded(inner) {
            Some(decoded) => {
                plain_shape(decoded.trim()).unwrap_or_else(|| unreadable("neither a URL nor a map"))
            }
            None => unreadable("the text between `base64:` and `:46esab` is not base64"),
        });
    }
    plain_shape(text)
}

fn plain_shape(text: &str) -> Option<Shape> {
    if let Some((scheme, _)) = text.split_once("://")
        && SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && !text.contains('\n')
    {
        return Some(Shape::Url(text.to_owned()));
    }
    let names_type = text.contains("type") || text.contains("url");
    if !names_type || !text.contains(':') {
        return None;
    }
    match parse(text) {
        Ok(node)
            if node.get("type").or_else(|| node.get("url")).is_some_and(|node| node.text().is_some()) =>
        {
            Some(Shape::Map(Ok(node)))
        }
        // What looks like a map of ours and is not readable must not vanish without a word.
        Err(mistake) if text.starts_with('{') => Some(Shape::Map(Err(mistake))),
        _ => None,
    }
}

fn decoded(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = general_purpose::STANDARD
        .decode(&text)
        .or_else(|_| general_purpose::STANDARD_NO_PAD.decode(&text))
        .or_else(|_| general_purpose::URL_SAFE.decode(&text))
        .ok()?;
    String::from_utf8(bytes).ok()
}

fn unreadable(what: &str) -> Shape {
    Shape::Map(Err(Mistake { place: Place { line: 1, column: 1 }, what: what.to_owned() }))
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::{Shape, shape};

    /// `url`, `map`, `broken` or `none`.
    fn kind(text: &str) -> &'static str {
        match shape(text) {
            Some(Shape::Url(_)) => "url",
            Some(Shape::Map(Ok(_))) => "map",
            Some(Shape::Map(Err(_))) => "broken",
            None => "none",
        }
    }

    /// Requirement SL-9.
    #[test]
    fn variables_are_told_apart_by_shape() {
        let map = r#"{"type": "api", "spec": "activecampaign"}"#;
        for (text, expected) in [
            ("postgres://u:p@h/db", "url"),
            (" sqlite://x.db\n", "url"),
            ("https://proxy.example:3128", "none"),
            (map, "map"),
            ("type: api\nspec: activecampaign", "map"),
            ("url: postgres://h/db", "map"),
            ("{type: api, spec: {", "broken"),
            ("xterm-256color", "none"),
            ("/usr/bin:/bin", "none"),
            ("{\"a\": 1}", "none"),
            ("subtype: x", "none"),
            ("base64:%%%:46esab", "broken"),
            ("base64:AAAA:46esab", "broken"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
        assert_eq!(kind(&format!("base64:{}:46esab", STANDARD.encode(map))), "map");
        assert_eq!(kind(&format!("base64:{}:46esab", STANDARD.encode("file:///tmp/x"))), "url");
    }
}
