//! `secret:NAME`: a project file names secrets and never holds them.

use std::path::{Path, PathBuf};

use achub_core::{Code, Error};

use crate::config::{
    environment::Environment,
    keys::Origin,
    yaml::{Entry, Kind, Node},
};

/// What a reference begins with.
const PREFIX: &str = "secret:";

/// Where secrets are found: a variable of the name in upper case, else a file of the name in one of the folders.
pub struct Secrets<'a> {
    environment: &'a Environment,
    folders: Vec<PathBuf>,
}

impl<'a> Secrets<'a> {
    /// Looks in the variables, in the folder `secrets` beside the hub's own state, and where systemd puts credentials
    /// (`CREDENTIALS_DIRECTORY`).
    pub fn new(environment: &'a Environment, state: &Path) -> Secrets<'a> {
        let systemd = environment.filled("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Secrets { environment, folders: [state.join("secrets")].into_iter().chain(systemd).collect() }
    }

    /// The same tree with every reference replaced by what it stands for.
    ///
    /// Errors: `CF-104` for a name that is no file name, a secret that is nowhere, or a file that cannot be read.
    pub fn resolve(&self, origin: &Origin, node: &Node) -> Result<Node, Error> {
        let kind = match &node.kind {
            Kind::Scalar(scalar) => {
                let Some(name) = scalar.text.strip_prefix(PREFIX) else { return Ok(node.clone()) };
                return Ok(Node::made(self.get(origin, node, name)?, node.place));
            }
            Kind::List(items) => {
                let items: Result<Vec<Node>, Error> =
                    items.iter().map(|item| self.resolve(origin, item)).collect();
                Kind::List(items?)
            }
            Kind::Map(entries) => {
                let entries: Result<Vec<Entry>, Error> = entries
                    .iter()
                    .map(|entry| Ok(Entry { value: self.resolve(origin, &entry.value)?, ..entry.clone() }))
                    .collect();
                Kind::Map(entries?)
            }
        };
        Ok(Node { place: node.place, kind })
    }

    fn get(&self, origin: &Origin, node: &Node, name: &str) -> Result<String, Error> {
        let error = |what: String| origin.error(Code::BadFile, node.place, what);
        let is_name = !name.is_empty()
            && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'));
        if !is_name {
            return Err(error(format!("{PREFIX}{name} is no name of a secret"))
                .with_hint("letters, digits, _ and - only"));
        }
        let variable = name.to_uppercase().replace('-', "_");
        if let Some(value) = self.environment.filled(&variable) {
            return Ok(value.to_owned());
        }
        for path in self.folders.iter().map(|folder| folder.join(name)) {
            match std::fs::read_to_string(&path) {
                Ok(text) => return Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
                Err(cause) => {
                    return Err(error(format!("cannot read the secret {name} from {}", path.display()))
                        .with_source(cause));
                }
            }
        }
        let folder = self.folders[0].display();
        Err(error(format!("the secret {name} is nowhere"))
            .with_hint(format!("set the variable {variable}, or write it into a file {name} in {folder}")))
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::config::{environment::Environment, keys::Origin, yaml::parse};

    fn resolve(text: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(state.path().join("secrets")).unwrap();
        std::fs::write(state.path().join("secrets/lake_url"), "postgres://lake\n").unwrap();
        let environment = Environment::of(variables);
        let secrets = Secrets::new(&environment, state.path());
        let node = secrets
            .resolve(&Origin::new("achub.yaml"), &parse(text).unwrap())
            .map_err(|error| format!("{} {error}", error.code().id()))?;
        Ok(node.get("key").unwrap().text().unwrap().to_owned())
    }

    #[test]
    fn variable_comes_before_file() {
        assert_eq!(resolve("key: secret:lake_url", &[]).unwrap(), "postgres://lake");
        assert_eq!(resolve("key: secret:lake_url", &[("LAKE_URL", "sqlite://x")]).unwrap(), "sqlite://x");
        assert_eq!(resolve("key: secret:shop-key", &[("SHOP_KEY", "k")]).unwrap(), "k");
        assert_eq!(resolve("key: plain", &[]).unwrap(), "plain");
    }

    #[test]
    fn missing_secrets_are_told_with_place() {
        assert_eq!(
            resolve("key: secret:nowhere", &[]).unwrap_err(),
            "CF-104 achub.yaml:1:6: the secret nowhere is nowhere"
        );
        assert!(resolve("key: secret:../etc", &[]).unwrap_err().contains("is no name of a secret"));
    }
}
