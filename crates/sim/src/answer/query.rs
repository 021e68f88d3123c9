//! The query string of a request.

use std::num::IntErrorKind;

use percent_encoding::percent_decode_str;

/// Names and values in the order they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Query {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Query(pairs.collect())
    }

    /// The last value of `name`, the way PHP reads a repeated parameter. An empty value counts as none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// The value of `name` as a number that is not negative, the largest one where it is larger still, the way PHP casts;
    /// anything else counts as none.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)?.trim().parse() {
            Ok(number) => Some(number),
            Err(error) if matches!(error.kind(), IntErrorKind::PosOverflow) => Some(u64::MAX),
            Err(_) => None,
        }
    }

    /// Every value of `name[]`, of `name[0]` and so on.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let of = |key: &str| {
            let inside = key
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('['))
                .and_then(|rest| rest.strip_suffix(']'));
            inside.is_some_and(|inside| inside.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.0.iter().filter(|(key, _)| of(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// The parameters `prefix[name]` with their names and values.
    pub(crate) fn members<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(key, value)| {
            let name = key.strip_prefix(prefix)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((name, value.as_str()))
        })
    }

    /// Whether the request narrows or orders anything, as one comparable text.
    pub(crate) fn canonical(&self, leave_out: &[&str]) -> String {
        let kept = self.0.iter().filter(|(key, _)| !leave_out.contains(&key.as_str()));
        kept.map(|(key, value)| format!("{key}={value}\n")).collect()
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn brackets_are_read_encoded_and_plain() {
        let query = Query::parse("ids%5B%5D=1&ids[]=2&ids[7]=3&orders%5Bid%5D=ASC&filters[a]=x+y%2B&limit=");
        assert_eq!(query.list("ids"), ["1", "2", "3"]);
        assert_eq!(query.members("orders").collect::<Vec<_>>(), [("id", "ASC")]);
        assert_eq!(query.get("filters[a]"), Some("x y+"));
        assert_eq!(query.number("limit"), None);
    }

    #[test]
    fn numbers_too_large_are_the_largest() {
        let query = Query::parse("limit=99999999999999999999&offset=-1&id_greater=12x");
        assert_eq!(query.number("limit"), Some(u64::MAX));
        assert_eq!((query.number("offset"), query.number("id_greater")), (None, None));
    }
}
