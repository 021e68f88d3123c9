//! `env.yaml`: connections and variables.

use std::{fs, io::Write as _, path::Path};

use achub_core::{Code, Error};

use crate::config::{
    interpolate::parse_with,
    keys::{Keys, Origin},
    yaml::{Entry, Node},
};

const ROOT: &[&str] = &["connections", "env", "variables"];

/// What an `env.yaml` says.
#[derive(Debug)]
pub struct EnvFile {
    /// The connections in its order; the entries are not checked yet.
    pub connections: Vec<Entry>,
    /// Variables to set where they are not set already.
    pub variables: Vec<(String, String)>,
}

/// Reads the text of an `env.yaml`. `lookup` knows the variables that `${VAR}` may name.
///
/// `variables` is the old name of `env`; both may be there.
/// Errors: `CF-104` for syntax, unknown root keys, and values that are neither connections nor variables.
pub fn read(text: &str, origin: &Origin, lookup: &dyn Fn(&str) -> Option<String>) -> Result<EnvFile, Error> {
    let root = parse_with(text, lookup).map_err(|mistake| origin.mistake(mistake))?;
    if root.is_null() {
        return Ok(EnvFile { connections: Vec::new(), variables: Vec::new() });
    }
    let keys = Keys::of(origin, Code::BadFile, "the file", &root, ROOT)?;
    let connections = entries(&keys, "connections")?.to_vec();
    let mut variables = Vec::new();
    for section in ["env", "variables"] {
        for entry in entries(&keys, section)? {
            match entry.value.text() {
                Some(text) => variables.push((entry.key.clone(), text.to_owned())),
                None if entry.value.is_null() => variables.push((entry.key.clone(), String::new())),
                None => {
                    let what = format!("{section}: `{}` must be a single value", entry.key);
                    return Err(origin.error(Code::BadFile, entry.value.place, what));
                }
            }
        }
    }
    Ok(EnvFile { connections, variables })
}

fn entries<'a>(keys: &Keys<'a>, key: &str) -> Result<&'a [Entry], Error> {
    let Some(node) = keys.get(key) else { return Ok(&[]) };
    node.entries().ok_or_else(|| keys.error_at(key, format!("must be a map, got {}", Node::describe(node))))
}

/// Reads the file at `path`; `None` where there is none.
pub fn load(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Error::new(Code::BadFile, format!("cannot read {}", path.display())).with_source(error))
        }
    }
}

/// Replaces the file at `path` in one step; nobody but its owner can read it, as it may hold keys.
///
/// The folder is made where it is missing. Errors: `CF-104` with the path.
pub fn save(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::new(Code::BadFile, format!("cannot write {}", path.display())).with_source(error)
    };
    // A link stays a link: the file it leads to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_private_folder(folder).map_err(failed)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let beside = folder.join(name);
    let written = write_private(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // The failure that matters is the first one; a left-over file beside it changes nothing.
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{load, read, save};
    use crate::config::keys::Origin;

    #[test]
    fn both_names_of_variables_are_read() {
        let text = "connections:\n  shop: {type: api}\nenv: {A: 1, B: }\nvariables:\n  C: x\n";
        let file = read(text, &Origin::new("env.yaml"), &|_| None).unwrap();
        assert_eq!(file.connections[0].key, "shop");
        let pairs = [("A", "1"), ("B", ""), ("C", "x")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(file.variables, pairs);
        assert!(read("# nothing\n", &Origin::new("e"), &|_| None).unwrap().connections.is_empty());
    }

    #[test]
    fn wrong_files_name_place_and_nearest() {
        for (text, message, hint) in [
            (
                "conections: {}",
                "env.yaml:1:1: the file: unknown key \"conections\"",
                "did you mean \"connections\"",
            ),
            ("connections: [a]", "env.yaml:1:14: the file: `connections` must be a map, got a list", ""),
            ("env: {A: [1]}", "env.yaml:1:10: env: `A` must be a single value", ""),
            ("a b", "env.yaml:1:1: the file must be a map, got a single value", ""),
            ("connections:\n\t- x", "env.yaml:2:", ""),
        ] {
            let error = read(text, &Origin::new("env.yaml"), &|_| None).unwrap_err();
            assert!(error.message().starts_with(message), "{text}\n{}", error.message());
            assert!(error.hint().starts_with(hint), "{text}\n{}", error.hint());
        }
    }

    #[cfg(unix)]
    #[test]
    fn saved_file_is_private_to_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/env.yaml");
        save(&path, "a: 1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        save(&path, "a: 2\n").unwrap();

        assert_eq!(load(&path).unwrap().as_deref(), Some("a: 2\n"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }
}
