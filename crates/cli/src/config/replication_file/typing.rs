//! `column_typing`: what the types of `columns` become in the target.

use achub_core::{Error, schema::Storage};

use crate::config::{
    replication_file::{
        columns::ColumnType,
        findings::Findings,
        grant::{COLUMN_TYPING, DECIMAL_TYPING, STRING_TYPING},
        reader::Reader,
    },
    yaml::Entry,
};

/// The most digits a number of digits can say here.
const DIGITS_MAX: u64 = u8::MAX as u64;

/// Bounds of lengths and digits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Typing {
    string: StringTyping,
    decimal: DecimalTyping,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct StringTyping {
    length_factor: Option<f64>,
    min_length: Option<u32>,
    max_length: Option<u32>,
    use_max: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct DecimalTyping {
    cast_as: Option<CastAs>,
    min_precision: Option<u8>,
    max_precision: Option<u8>,
    min_scale: Option<u8>,
    max_scale: Option<u8>,
}

/// What `decimal` is stored as instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CastAs {
    Float,
    String,
}

const CASTS: &[(&str, CastAs)] =
    &[("float", CastAs::Float), ("string", CastAs::String), ("text", CastAs::String)];

impl Typing {
    /// Reads the map behind `column_typing`.
    pub fn read(reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<Typing, Error> {
        let inner = reader.inner("column_typing");
        let mut typing = Typing::default();
        for entry in reader.entries(entry)? {
            if findings.key(COLUMN_TYPING, entry, &inner.what) {
                match entry.key.as_str() {
                    "string" => typing.string = string(&inner, entry, findings)?,
                    "decimal" => typing.decimal = decimal(&inner, entry, findings)?,
                    other => unreachable!("`{other}` is granted and not read"),
                }
            }
        }
        Ok(typing)
    }

    /// The type that `ty` becomes.
    pub fn apply(&self, ty: ColumnType) -> ColumnType {
        match ty {
            ColumnType::Text { length: Some(length) } => {
                ColumnType::Text { length: Some(self.length(length)) }
            }
            ColumnType::Decimal { precision, scale } => self.decimal_of(precision, scale),
            ty => ty,
        }
    }

    /// The type of text columns for which nobody names one.
    pub fn text(&self) -> Option<ColumnType> {
        let length = self.string.max_length.filter(|_| self.string.use_max)?;
        Some(ColumnType::Text { length: Some(length) })
    }

    fn length(&self, length: u32) -> u32 {
        let StringTyping { length_factor, min_length, max_length, use_max } = self.string;
        if let Some(max) = max_length.filter(|_| use_max) {
            return max;
        }
        // Cut off, not rounded: half a character is none. More than fits is the most that fits.
        let length = length_factor.map_or(length, |factor| (f64::from(length) * factor) as u32);
        length.max(min_length.unwrap_or(1)).min(max_length.unwrap_or(u32::MAX)).max(1)
    }

    fn decimal_of(&self, precision: Option<u8>, scale: u8) -> ColumnType {
        let DecimalTyping { cast_as, min_precision, max_precision, min_scale, max_scale } = self.decimal;
        match cast_as {
            Some(CastAs::Float) => return ColumnType::Plain(Storage::Float),
            Some(CastAs::String) => return ColumnType::Text { length: None },
            None => {}
        }
        let scale = scale.max(min_scale.unwrap_or(0)).min(max_scale.unwrap_or(u8::MAX));
        let precision = precision.or(max_precision).map(|precision| {
            precision.max(min_precision.unwrap_or(1)).min(max_precision.unwrap_or(u8::MAX)).max(scale)
        });
        ColumnType::Decimal { precision, scale }
    }
}

fn string(reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<StringTyping, Error> {
    let inner = reader.inner("string");
    let mut typing = StringTyping::default();
    for entry in reader.entries(entry)? {
        if !findings.key(STRING_TYPING, entry, &inner.what) {
            continue;
        }
        let length = |least| -> Result<Option<u32>, Error> {
            inner
                .count(entry, least)?
                .map(|length| u32::try_from(length).map_err(|_| inner.error(entry, "is too large")))
                .transpose()
        };
        match entry.key.as_str() {
            "length_factor" => typing.length_factor = factor(&inner, entry)?,
            "min_length" => typing.min_length = length(0)?,
            "max_length" => typing.max_length = length(1)?,
            "use_max" => typing.use_max = inner.switch(entry)?,
            other => unreachable!("`{other}` is granted and not read"),
        }
    }
    match typing.use_max && typing.max_length.is_none() {
        true => Err(reader.error(entry, "has `use_max` and no `max_length`")),
        false => Ok(typing),
    }
}

fn factor(reader: &Reader<'_>, entry: &Entry) -> Result<Option<f64>, Error> {
    let Some(text) = reader.text(entry)? else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(Some(factor)),
        _ => Err(reader.error(entry, format!("must be a number above 0, got {text:?}"))),
    }
}

fn decimal(reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<DecimalTyping, Error> {
    let inner = reader.inner("decimal");
    let mut typing = DecimalTyping::default();
    for entry in reader.entries(entry)? {
        if !findings.key(DECIMAL_TYPING, entry, &inner.what) {
            continue;
        }
        let digits = || -> Result<Option<u8>, Error> {
            let count = inner.count(entry, 0)?;
            let wrong = |_| inner.error(entry, format!("must be {DIGITS_MAX} or less"));
            count.map(|count| u8::try_from(count).map_err(wrong)).transpose()
        };
        match entry.key.as_str() {
            "cast_as" => typing.cast_as = inner.choice(entry, CASTS)?,
            "min_precision" => typing.min_precision = digits()?,
            "max_precision" => typing.max_precision = digits()?,
            "min_scale" => typing.min_scale = digits()?,
            "max_scale" => typing.max_scale = digits()?,
            other => unreachable!("`{other}` is granted and not read"),
        }
    }
    Ok(typing)
}

#[cfg(test)]
mod tests {
    use achub_core::{Error, schema::Storage};

    use super::Typing;
    use crate::config::{
        keys::Origin,
        replication_file::{columns::ColumnType, findings::Findings, reader::Reader},
        yaml::parse,
    };

    fn typing(text: &str) -> Result<Typing, Error> {
        let origin = Origin::new("r.yaml");
        let root = parse(&format!("column_typing: {text}")).unwrap();
        let mut findings = Findings::new(origin.clone(), false);
        Typing::read(&Reader::new(&origin, "stream x"), &root.entries().unwrap()[0], &mut findings)
    }

    #[test]
    fn lengths_and_digits_keep_their_bounds() {
        let text = |length| ColumnType::Text { length: Some(length) };
        let decimal = |precision, scale| ColumnType::Decimal { precision: Some(precision), scale };
        for (options, given, expected) in [
            ("{string: {length_factor: 2, max_length: 150}}", text(50), text(100)),
            ("{string: {length_factor: 2, max_length: 80}}", text(50), text(80)),
            ("{string: {min_length: 60}}", text(50), text(60)),
            ("{string: {max_length: 255, use_max: true}}", text(50), text(255)),
            ("{decimal: {min_precision: 20, min_scale: 4}}", decimal(10, 2), decimal(20, 4)),
            ("{decimal: {max_precision: 8, max_scale: 1}}", decimal(10, 2), decimal(8, 1)),
            ("{decimal: {cast_as: string}}", decimal(10, 2), ColumnType::Text { length: None }),
            ("{decimal: {cast_as: float}}", decimal(10, 2), ColumnType::Plain(Storage::Float)),
            ("{decimal: {cast_as: float}}", text(3), text(3)),
        ] {
            assert_eq!(typing(options).unwrap().apply(given), expected, "{options}");
        }
        assert_eq!(typing("{string: {max_length: 9, use_max: true}}").unwrap().text(), Some(text(9)));
        assert_eq!(typing("{string: {max_length: 9}}").unwrap().text(), None);
        let error = typing("{string: {use_max: true}}").unwrap_err();
        assert_eq!(
            error.message(),
            "r.yaml:1:25: stream x, column_typing: `string` has `use_max` and no `max_length`"
        );
    }
}
