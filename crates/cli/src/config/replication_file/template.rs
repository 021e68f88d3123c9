//! The template of a table's name: `crm.{stream_name}`.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use crate::config::nearest::advice;

/// What the variables of a template stand for.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
}

/// A rendered name: schema and table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The schema, where the name has one.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
}

/// Variables that exist elsewhere and have no value here, with the reason.
const WITHOUT_VALUE: &[(&str, &str)] = &[
    ("object_", "it is made of the object itself"),
    ("stream_schema", "streams of this source have none"),
    ("stream_table", "streams of this source have none"),
    ("stream_file_", "it is for file sources"),
    ("part_", "it is for partitioned files"),
];

impl Variables {
    /// Sets a variable to a value that is cleaned for use in a name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), cleaned(value));
    }

    /// Sets a variable to a value that is taken as it is.
    pub fn set_as_is(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a variable that was set; the empty text where it was not.
    pub fn value_of(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// `text` with every variable put in that has a value; other braces stay as they are, they may be SQL or JSON.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after
                .split_once('}')
                .and_then(|(name, behind)| Some((self.value(name.trim()).ok()?, behind)))
            {
                Some((value, behind)) => {
                    filled.push_str(value);
                    rest = behind;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    /// Sets the variables of the run's start.
    pub fn set_moment(&mut self, now: Timestamp) {
        let wall = now.to_zoned(TimeZone::UTC);
        let forms = [
            ("run_timestamp", "%Y_%m_%d_%H%M%S"),
            ("YYYY", "%Y"),
            ("YY", "%y"),
            ("MMM", "%b"),
            ("MM", "%m"),
            ("DD", "%d"),
            ("DDD", "%j"),
            ("HH", "%H"),
            ("timestamp_date", "%Y-%m-%d"),
            ("timestamp_datetime", "%Y-%m-%d %H:%M:%S"),
            ("timestamp_rfc3339", "%Y-%m-%dT%H:%M:%SZ"),
            ("timestamp_file_name", "%Y_%m_%d_%H%M%S"),
            ("timestamp_unix", "%s"),
        ];
        for (name, form) in forms {
            self.values.insert(name.to_owned(), wall.strftime(form).to_string());
        }
    }

    /// Sets `env.NAME` for each of the file's own variables.
    pub fn set_env(&mut self, env: &BTreeMap<String, String>) {
        for (name, value) in env {
            self.set(&format!("env.{name}"), value);
        }
    }

    /// The name that `template` gives.
    ///
    /// Errors, as text: an unknown variable with the nearest right one, a brace that never closes, a name with more
    /// than two parts or an empty part.
    pub fn render(&self, template: &str) -> Result<Object, String> {
        let mut rendered = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) =
                after.split_once('}').ok_or_else(|| format!("{template:?} has a `{{` that never closes"))?;
            rendered.push_str(before);
            rendered.push_str(self.value(name.trim())?);
            rest = behind;
        }
        rendered.push_str(rest);
        split(&rendered)
    }

    fn value(&self, name: &str) -> Result<&str, String> {
        // Old and new spelling are one: `stream.name` is `stream_name`. The names of `env` stay as they are.
        let flat = match name.starts_with("env.") {
            true => name.to_owned(),
            false => name.replacen('.', "_", 1),
        };
        if let Some(value) = self.values.get(&flat) {
            return Ok(value);
        }
        match WITHOUT_VALUE.iter().find(|(prefix, _)| flat.starts_with(prefix)) {
            Some((_, why)) => Err(format!("the variable {{{name}}} has no value here: {why}")),
            None => {
                let names = self.values.keys().map(String::as_str);
                Err(format!("the variable {{{name}}} is not known, {}", advice(&flat, names)))
            }
        }
    }
}

/// Every character outside letters, digits and `_` becomes `_`; a leading digit gets a `_` before it.
fn cleaned(value: &str) -> String {
    let value = value.trim();
    let cleaned: String =
        value.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    match cleaned.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{cleaned}"),
        false => cleaned,
    }
}

/// `schema.table`, `table`, each part possibly in double quotes.
pub fn split(name: &str) -> Result<Object, String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in name.trim().chars() {
        match c {
            '"' | '`' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => parts.last_mut().expect("there is always a part").push(c),
        }
    }
    let parts: Vec<String> = parts.into_iter().map(|part| part.trim().to_owned()).collect();
    if quoted || parts.iter().any(String::is_empty) {
        return Err(format!("gives {name:?}, which is not a table name"));
    }
    match <[String; 2]>::try_from(parts) {
        Ok([schema, table]) => Ok(Object { schema: Some(schema), table }),
        Err(parts) if parts.len() == 1 => Ok(Object { schema: None, table: parts.concat() }),
        Err(_) => Err(format!("gives {name:?}, which has more parts than schema and table")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Object, Variables};

    fn variables() -> Variables {
        let mut variables = Variables::default();
        variables.set("stream_name", "contacts");
        variables.set("source_name", "my shop");
        variables.set("target_schema", "public");
        variables.set_moment("2026-03-02T14:05:06Z".parse().unwrap());
        variables.set_env(&BTreeMap::from([("PLACE".to_owned(), "1a-b".to_owned())]));
        variables
    }

    #[test]
    fn templates_render_to_schema_and_table() {
        for (template, schema, table) in [
            ("ac.{stream_name}", Some("ac"), "contacts"),
            ("{stream.name}", None, "contacts"),
            ("{ target_schema }.{source_name}_{stream_name}", Some("public"), "my_shop_contacts"),
            ("x_{YYYY}_{MM}_{DD}", None, "x_2026_03_02"),
            ("x_{run_timestamp}", None, "x_2026_03_02_140506"),
            ("x_{run.timestamp}_{timestamp.unix}", None, "x_2026_03_02_140506_1772460306"),
            ("{env.PLACE}", None, "_1a_b"),
            ("\"My Schema\".\"a.b\"", Some("My Schema"), "a.b"),
        ] {
            let expected = Object { schema: schema.map(str::to_owned), table: table.to_owned() };
            assert_eq!(variables().render(template), Ok(expected), "{template}");
        }
    }

    #[test]
    fn filling_leaves_other_braces_alone() {
        let text = "insert into {target_schema}.{stream_name} values ('{\"a\": {\"b\": 1}}') {nothing} {";
        let filled = "insert into public.contacts values ('{\"a\": {\"b\": 1}}') {nothing} {";
        assert_eq!(variables().fill(text), filled);
    }

    #[test]
    fn wrong_templates_say_what_is_wrong() {
        for (template, what) in [
            ("{stream_nam}", "the variable {stream_nam} is not known, did you mean \"stream_name\""),
            (
                "{object_name}",
                "the variable {object_name} has no value here: it is made of the object itself",
            ),
            ("{stream_name", "\"{stream_name\" has a `{` that never closes"),
            ("a..b", "gives \"a..b\", which is not a table name"),
            ("\"a", "gives \"\\\"a\", which is not a table name"),
            ("a.b.c", "gives \"a.b.c\", which has more parts than schema and table"),
            ("{env.OTHER}", "the variable {env.OTHER} is not known"),
        ] {
            let error = variables().render(template).unwrap_err();
            assert!(error.starts_with(what), "{template}: {error}");
        }
    }
}
