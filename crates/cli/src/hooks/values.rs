//! The values that hooks may name: figures of the run and its streams, ends, moments, variables, and what hooks kept.

use achub_engine::expression::Operand;
use serde_json::{Map, Value};

/// The names a value can begin with.
const ROOTS: &[&str] = &[
    "run",
    "execution",
    "stream",
    "object",
    "source",
    "target",
    "timestamp",
    "env",
    "store",
    "state",
    "runtime_state",
];

/// A tree of values, looked up by dotted names.
#[derive(Debug, Clone, Default)]
pub struct Values(Map<String, Value>);

impl Values {
    /// Puts `value` at the dotted `name`; what stood there is replaced.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let mut parts: Vec<&str> = name.split('.').collect();
        let last = parts.pop().expect("splitting a text gives at least one part");
        let mut map = &mut self.0;
        for part in parts {
            let inner = map.entry(part).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            map = inner.as_object_mut().expect("it was just made a map");
        }
        map.insert(last.to_owned(), value.into());
    }

    /// Forgets what stands at `store.KEY`.
    pub fn forget_stored(&mut self, key: &str) {
        if let Some(store) = self.0.get_mut("store").and_then(Value::as_object_mut) {
            store.remove(key);
        }
    }

    /// What stands at a dotted name; members of lists by their number, from 0. `runtime_state` is everything.
    pub fn get(&self, name: &str) -> Option<Value> {
        if name == "runtime_state" {
            return Some(Value::Object(self.0.clone()));
        }
        let mut parts = name.split('.');
        let mut value = self.0.get(parts.next()?)?;
        for part in parts {
            value = match value {
                Value::Object(members) => members.get(part)?,
                Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value.clone())
    }

    /// The value a condition sees under a name. Maps and lists are their JSON.
    pub fn operand(&self, name: &str) -> Operand<'static> {
        self.get(name).map_or(Operand::Null, operand)
    }

    /// `text` with every `{name}` in it replaced by its value, nothing where there is none. Braces around anything that
    /// is no name of a value stay, so that JSON and SQL pass through.
    pub fn render(&self, text: &str) -> String {
        self.render_with(text, &str::to_owned)
    }

    /// The same with `spell` applied to each value that is put in.
    pub fn render_with(&self, text: &str, spell: &dyn Fn(&str) -> String) -> String {
        let mut rendered = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            rendered.push_str(&rest[..open]);
            let behind = &rest[open + 1..];
            match behind.find('}').map(|close| (behind[..close].trim(), &behind[close + 1..])) {
                Some((name, after)) if is_name(name) => {
                    rendered.push_str(&spell(&self.text(name)));
                    rest = after;
                }
                _ => {
                    rendered.push('{');
                    rest = behind;
                }
            }
        }
        rendered + rest
    }

    fn text(&self, name: &str) -> String {
        match self.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        }
    }
}

/// What a rendered text is to a condition: a number or truth value where it spells one.
pub fn operand_of(text: &str) -> Operand<'static> {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::Null)) => operand(value),
        _ => Operand::Text(text.to_owned().into()),
    }
}

fn operand(value: Value) -> Operand<'static> {
    match value {
        Value::Null => Operand::Null,
        Value::Bool(value) => Operand::Boolean(value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Operand::Integer(integer),
            (None, float) => float.map_or(Operand::Null, Operand::Float),
        },
        Value::String(text) => Operand::Text(text.into()),
        value @ (Value::Array(_) | Value::Object(_)) => Operand::Text(value.to_string().into()),
    }
}

/// Whether a name can be one of a value: it begins with a known word and has only parts that names have.
pub fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'))
    };
    let root = name.split('.').next().unwrap_or_default();
    ROOTS.contains(&root) && name.split('.').all(is_part)
}

/// All first words of names, for messages.
pub fn roots() -> impl Iterator<Item = &'static str> + Clone {
    ROOTS.iter().copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Values;

    fn values() -> Values {
        let mut values = Values::default();
        values.set("run.total_rows", 12);
        values.set("run.error", serde_json::Value::Null);
        values.set("stream.name", "contacts");
        values.set("store.rows", json!([{ "id": 7 }, { "id": 8 }]));
        values
    }

    #[test]
    fn names_are_replaced_and_other_braces_stay() {
        for (text, rendered) in [
            ("{run.total_rows} rows of {stream.name}", "12 rows of contacts"),
            ("{\"text\": \"{ run.total_rows } rows\", \"n\": {}}", "{\"text\": \"12 rows\", \"n\": {}}"),
            ("{run.error}|{run.nothing}|{store.rows.1.id}", "||8"),
            ("{unknown.name} {", "{unknown.name} {"),
            ("{store.rows.0}", "{\"id\":7}"),
            ("{run.total rows}", "{run.total rows}"),
        ] {
            assert_eq!(values().render(text), rendered, "{text}");
        }
    }

    #[test]
    fn stored_values_can_be_forgotten() {
        let mut values = values();
        values.set("store.a", 1);

        values.forget_stored("a");

        assert_eq!(values.get("store.a"), None);
        assert!(values.get("store.rows").is_some());
    }

    /// What a hook renders is data: names inside a value are not replaced again.
    #[test]
    fn values_are_not_rendered_twice() {
        let mut values = values();
        values.set("store.evil", "{run.total_rows}");

        assert_eq!(values.render("{store.evil}"), "{run.total_rows}");
    }
}
