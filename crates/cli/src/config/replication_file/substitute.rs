//! What happens to the text of a file before it is read: its own `env`, and `{KEY}` everywhere.

use std::collections::BTreeMap;

use crate::config::{
    environment::Environment,
    yaml::{Kind, Mistake, Node, Place, parse},
};

/// The file's `env` with `$NAME` and `${NAME}` put in, and the text with every `{KEY}` of it replaced.
///
/// `more` is added to the file's own `env` and wins. A variable that is not set becomes the empty text. The
/// replacement is textual and happens before the file is read again, so that a value may carry YAML.
pub fn substitute(
    text: &str,
    environment: &Environment,
    more: &BTreeMap<String, String>,
) -> Result<(String, BTreeMap<String, String>), Mistake> {
    let root = parse(text)?;
    let mut env = match root.get("env") {
        Some(node) => variables(node, environment)?,
        None => BTreeMap::new(),
    };
    env.extend(more.clone());
    let mut replaced = text.to_owned();
    for (key, value) in &env {
        replaced = replaced.replace(&format!("{{{key}}}"), value);
    }
    Ok((replaced, env))
}

/// A map of scalars, variables put in.
pub fn variables(node: &Node, environment: &Environment) -> Result<BTreeMap<String, String>, Mistake> {
    let mistake = |place: Place, what: String| Mistake { place, what };
    let entries = match &node.kind {
        Kind::Map(entries) => entries,
        _ if node.is_null() => return Ok(BTreeMap::new()),
        _ => return Err(mistake(node.place, format!("`env` must be a map, got {}", node.describe()))),
    };
    entries
        .iter()
        .map(|entry| match &entry.value.kind {
            Kind::Scalar(_) => {
                Ok((entry.key.clone(), expand(entry.value.text().unwrap_or_default(), environment)))
            }
            _ => Err(mistake(entry.value.place, format!("env: `{}` must be a single value", entry.key))),
        })
        .collect()
}

/// `$NAME` and `${NAME}` replaced by the variable's value, the empty text where it is not set.
fn expand(text: &str, environment: &Environment) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, behind) = match braced.filter(|(name, _)| !name.is_empty() && name.chars().all(is_name)) {
            Some(found) => found,
            None => after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len())),
        };
        match name {
            "" => expanded.push('$'),
            name => expanded.push_str(environment.get(name).unwrap_or_default()),
        }
        rest = behind;
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::substitute;
    use crate::config::environment::Environment;

    #[test]
    fn own_variables_are_put_in_everywhere() {
        let environment = Environment::of(&[("TARGET_SCHEMA", "crm"), ("A", "1")]);
        let text = "object: '{SCHEMA}.ac_{stream_name}'\nx: {EXTRA}\nenv:\n  SCHEMA: ${TARGET_SCHEMA}_$A$\n  EXTRA: '[1, 2]'\n  NONE: $UNSET\n";
        let (replaced, env) = substitute(text, &environment, &BTreeMap::new()).unwrap();
        assert!(replaced.starts_with("object: 'crm_1$.ac_{stream_name}'\nx: [1, 2]\n"), "{replaced}");
        assert_eq!(env["NONE"], "");

        let more = BTreeMap::from([("SCHEMA".to_owned(), "flag".to_owned())]);
        assert!(substitute(text, &environment, &more).unwrap().0.starts_with("object: 'flag."));
    }

    #[test]
    fn env_must_be_a_map_of_values() {
        for (text, place) in [("env: x", "1:6"), ("env: {A: [1]}", "1:10")] {
            let mistake = substitute(text, &Environment::default(), &BTreeMap::new()).unwrap_err();
            assert_eq!(mistake.place.to_string(), place);
        }
    }
}
