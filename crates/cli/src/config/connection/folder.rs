//! A folder of CSV, JSON Lines or Parquet files.

use std::path::PathBuf;

use achub_core::{Code, Error};

use crate::config::{
    connection::sqlite::path,
    keys::{Keys, Origin},
    yaml::Node,
};

/// A folder with one file per table, or a folder of Parquet files per table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The folder; relative to the working folder.
    pub path: PathBuf,
    /// How the files are written.
    pub format: Format,
}

/// How files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header line; what a spreadsheet would run as a formula has a quote in front.
    Csv,
    /// The same without that quote.
    CsvRaw,
    /// One JSON object per line.
    JsonLines,
    /// Apache Parquet; not every binary writes it.
    Parquet,
}

impl Folder {
    pub(super) fn read(origin: &Origin, what: String, node: &Node) -> Result<Folder, Error> {
        let keys = Keys::of(
            origin,
            Code::BadConnection,
            what,
            node,
            &["type", "path", "url", "format", "formulas"],
        )?;
        let (path, query) = path(&keys, "file")?;
        let in_url = query.map(|query| {
            query
                .strip_prefix("format=")
                .ok_or_else(|| keys.error_at("url", "may only have the parameter `format`"))
        });
        let (key, word) = match (keys.text("format")?, in_url.transpose()?) {
            (Some(word), _) => ("format", word),
            (None, Some(word)) => ("url", word),
            (None, None) => ("format", "csv"),
        };
        let format = match word.to_ascii_lowercase().as_str() {
            "csv" => Format::Csv,
            "jsonl" | "jsonlines" => Format::JsonLines,
            "parquet" => Format::Parquet,
            _ => return Err(keys.error_at(key, format!("must be csv, jsonl or parquet, got {word:?}"))),
        };
        let format = match (format, keys.text("formulas")?) {
            (format, None) | (format @ Format::Csv, Some("neutralise")) => format,
            (Format::Csv, Some("raw")) => Format::CsvRaw,
            (Format::Csv, Some(other)) => {
                return Err(keys.error_at("formulas", format!("must be neutralise or raw, got {other:?}")));
            }
            (_, Some(_)) => return Err(keys.error_at("formulas", "is for csv files only")),
        };
        Ok(Folder { path, format })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Format;
    use crate::config::{connection::Connection, keys::Origin, yaml::parse};

    fn read(text: &str) -> Result<Connection, achub_core::Error> {
        Connection::read(&Origin::new("env.yaml"), "OUT", &parse(text).unwrap())
    }

    #[test]
    fn files_and_folders_are_read() {
        for (text, path, format) in [
            ("file:///tmp/out", "/tmp/out", Some(Format::Csv)),
            ("file://out?format=jsonl", "out", Some(Format::JsonLines)),
            ("{type: file, path: out, format: JSONL}", "out", Some(Format::JsonLines)),
            ("{type: file, path: out, formulas: raw}", "out", Some(Format::CsvRaw)),
            ("{type: file, path: out, formulas: neutralise}", "out", Some(Format::Csv)),
            ("{type: file, path: out, format: parquet}", "out", Some(Format::Parquet)),
            ("file://out?format=parquet", "out", Some(Format::Parquet)),
            ("sqlite://x/y.db", "x/y.db", None),
            ("{type: sqlite, path: /x/y.db}", "/x/y.db", None),
        ] {
            match (read(text).unwrap(), format) {
                (Connection::Folder(folder), Some(format)) => {
                    assert_eq!((folder.path.as_path(), folder.format), (Path::new(path), format));
                }
                (Connection::Sqlite(sqlite), None) => assert_eq!(sqlite.path, Path::new(path)),
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn wrong_files_and_folders_are_refused() {
        for (text, code, what) in [
            ("{type: file}", "CF-103", "`path` is missing"),
            ("{type: file, path: x, format: xml}", "CF-103", "`format` must be csv, jsonl or parquet"),
            ("{type: file, path: x, formulas: run}", "CF-103", "`formulas` must be neutralise or raw"),
            (
                "{type: file, path: x, format: jsonl, formulas: raw}",
                "CF-103",
                "`formulas` is for csv files only",
            ),
            ("{type: sqlite, path: x, url: 'sqlite://y'}", "CF-103", "cannot both be given"),
            ("{type: sqlite, url: 'sqlite:y'}", "CF-103", "must be sqlite://PATH"),
            ("file://x?encoding=utf8", "CF-103", "may only have the parameter `format`"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code().id(), code, "{text}");
            assert!(error.message().contains(what), "{text}\n{}", error.message());
        }
    }
}
