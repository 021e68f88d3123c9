//! All connections there are, from every place, and which of them wins.

use achub_core::{Code, Error};

use crate::config::{
    connection::{Connection, shape},
    env_file,
    environment::{DOTENV, Environment, SetBy},
    home::Home,
    keys::Origin,
    nearest::{listed, nearest},
    project::Project,
    yaml::{Node, Place},
};

/// The connections by upper-case name. Entries are checked when they are asked for: a broken one, or one of a type
/// that only other programs know, does not stand in the way of the rest.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    found: Vec<Found>,
}

/// A connection as it was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name, upper case.
    pub name: String,
    /// Where it comes from: a file or `variable`.
    pub source: String,
    /// What it hides: the place of an entry of the same name that lost.
    pub shadows: Option<String>,
    origin: Origin,
    entry: Node,
}

/// Variables whose text is an `env.yaml`; the first that is filled counts.
const BODY_VARIABLES: &[&str] = &["SLING_ENV_YAML", "ENV_YAML"];

impl Connections {
    /// Finds all connections. The later place wins: built in, the `env.yaml` files of `home`, the text in
    /// `SLING_ENV_YAML` or `ENV_YAML`, the project file, variables. Variables that the files set are added to
    /// `environment`.
    ///
    /// Errors: a file that cannot be read or is not an `env.yaml` at all.
    pub fn find(
        home: &Home,
        environment: &mut Environment,
        project: Option<&Project>,
    ) -> Result<Connections, Error> {
        let mut connections = Connections::default();
        connections.add_built_in();
        for path in &home.env_files {
            if let Some(text) = env_file::load(path)? {
                let name = path.display().to_string();
                let folder = path.parent().map(|folder| folder.display().to_string());
                connections.add_file(&text, &name, folder, environment)?;
            }
        }
        let body = BODY_VARIABLES.iter().find_map(|name| Some((*name, environment.filled(name)?.to_owned())));
        if let Some((name, text)) = body {
            connections.add_file(&text, name, None, environment)?;
        }
        for (project, entry) in
            project.iter().flat_map(|project| project.connections.iter().map(move |entry| (project, entry)))
        {
            connections.add(&entry.key, project.origin.name(), project.origin.clone(), entry.value.clone());
        }
        connections.add_variables(environment);
        Ok(connections)
    }

    fn add_built_in(&mut self) {
        let place = Place { line: 1, column: 1 };
        self.add("LOCAL", "built in", Origin::new("built in"), Node::made("file://.", place));
    }

    fn add_file(
        &mut self,
        text: &str,
        name: &str,
        folder: Option<String>,
        environment: &mut Environment,
    ) -> Result<(), Error> {
        let origin = Origin::new(name);
        let lookup = |variable: &str| match environment.get(variable) {
            Some(value) => Some(value.to_owned()),
            None if variable == "SLING_HOME_DIR" => folder.clone(),
            None => None,
        };
        let file = env_file::read(text, &origin, &lookup)?;
        for entry in file.connections {
            self.add(&entry.key, name, origin.clone(), entry.value);
        }
        for (name, value) in file.variables {
            environment.add(name, value, SetBy::EnvYaml);
        }
        Ok(())
    }

    fn add_variables(&mut self, environment: &Environment) {
        for (name, variable) in environment.iter() {
            if shape(&variable.value).is_none() || BODY_VARIABLES.contains(&name) {
                continue;
            }
            let source = match variable.set_by {
                SetBy::Process => "variable",
                SetBy::Dotenv => DOTENV,
                SetBy::EnvYaml => "variable of env.yaml",
                SetBy::ReplicationFile => "variable of the replication file",
            };
            let entry = Node::made(variable.value.clone(), Place { line: 1, column: 1 });
            self.add(name, source, Origin::new(format!("variable {name}")), entry);
        }
    }

    fn add(&mut self, name: &str, source: &str, origin: Origin, entry: Node) {
        let name = name.to_uppercase();
        let known = self.found.iter().position(|found| found.name == name);
        let shadows = known.map(|index| self.found.remove(index)).filter(|old| old.source != "built in");
        let shadows = shadows.map(|old| match old.source.as_str() {
            "variable" | DOTENV => old.source,
            _ => format!("{}:{}", old.origin.name(), old.entry.place.line),
        });
        self.found.push(Found { name, source: source.to_owned(), shadows, origin, entry });
    }

    /// All that were found, by name.
    pub fn list(&self) -> Vec<&Found> {
        let mut found: Vec<&Found> = self.found.iter().collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// The connection called `name`, in any case.
    ///
    /// Errors: `CF-102` with the nearest name.
    pub fn get(&self, name: &str) -> Result<&Found, Error> {
        let wanted = name.trim().to_uppercase();
        if let Some(found) = self.found.iter().find(|found| found.name == wanted) {
            return Ok(found);
        }
        let names = || self.list().into_iter().map(|found| found.name.as_str());
        let error = Error::new(Code::UnknownConnection, format!("there is no connection {wanted}"));
        Err(match nearest(&wanted, names()) {
            Some(near) => error.with_hint(format!("did you mean {near}? `achub conns list` shows all")),
            None => error.with_hint(format!(
                "there are: {}. Add one with `achub conns add {wanted}`",
                listed(names())
            )),
        })
    }

    /// The connection that `text` names, or that it is: a URL such as `sqlite://FILE`. Gives the name too.
    ///
    /// `place` says where the text stands, for messages.
    pub fn resolve(&self, text: &str, place: &Origin) -> Result<(String, Connection), Error> {
        let text = text.trim();
        match text.split_once("://") {
            Some((scheme, _)) => {
                let name = scheme.to_uppercase();
                let url = Node::made(text, Place { line: 1, column: 1 });
                Ok((name.clone(), Connection::of_url(place, &name, &url)?))
            }
            None => {
                let found = self.get(text).map_err(|error| error.context(place.name()))?;
                Ok((found.name.clone(), found.read()?))
            }
        }
    }
}

impl Found {
    /// Checks the entry and reads it.
    pub fn read(&self) -> Result<Connection, Error> {
        Connection::read(&self.origin, &self.name, &self.entry)
    }

    /// Whether it comes from a variable rather than a file.
    pub fn is_variable(&self) -> bool {
        self.source == "variable" || self.source == DOTENV
    }

    /// The type as the entry names it, for entries that are not ours.
    pub fn type_text(&self) -> String {
        match self.entry.get("type").and_then(Node::text) {
            Some(text) => text.to_lowercase(),
            None => "unknown".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Connections;
    use crate::config::{connection::Connection, environment::Environment, home::Home, keys::Origin};

    const ACCOUNT: &str =
        "{type: api, spec: activecampaign, secrets: {api_key: ${KEY}, base_url: 'https://a.b'}}";

    fn find(env_yaml: &str, variables: &[(&str, &str)]) -> Connections {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env.yaml");
        std::fs::write(&path, env_yaml).unwrap();
        let home = Home {
            env_files: vec![PathBuf::from("/nowhere/env.yaml"), path.clone()],
            env_file: path,
            state: "/".into(),
        };
        Connections::find(&home, &mut Environment::of(variables), None).unwrap()
    }

    fn key_of(connections: &Connections, name: &str) -> String {
        match connections.get(name).unwrap().read().unwrap() {
            Connection::ActiveCampaign(account) => account.api_key.expose().to_owned(),
            other => panic!("{other:?} is not an account"),
        }
    }

    /// Requirements SL-9, SL-10.
    #[test]
    fn later_place_wins_and_says_so() {
        let account = |key: &str| ACCOUNT.replace("${KEY}", key);
        let file = format!("connections:\n  Shop: {ACCOUNT}\n  other: {ACCOUNT}\n");
        let body =
            format!("connections: {{body: {}, other: {}}}", account("from-body"), account("from-body"));
        let variable = account("from-variable");
        let connections =
            find(&file, &[("KEY", "from-file"), ("shop", &variable), ("ENV_YAML", &body), ("PATH", "/bin")]);

        assert_eq!(key_of(&connections, "SHOP"), "from-variable");
        assert_eq!(key_of(&connections, "body"), "from-body");
        assert_eq!(key_of(&connections, "OTHER"), "from-body");
        let names: Vec<&str> = connections.list().iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["BODY", "LOCAL", "OTHER", "SHOP"]);
        let shop = connections.get("shop").unwrap();
        assert!(shop.shadows.as_ref().unwrap().ends_with("env.yaml:2"), "{:?}", shop.shadows);
    }

    #[test]
    fn variables_of_the_file_can_be_connections() {
        let connections =
            find("env:\n  LAKE: sqlite://lake.db\n  PLAIN: text\n", &[("LAKE", "sqlite://other.db")]);
        let lake = connections.get("lake").unwrap().read().unwrap();
        assert_eq!(lake.place(), "other.db", "a variable that is set already stays");
        assert!(connections.get("plain").is_err());
    }

    #[test]
    fn unknown_name_is_answered_with_nearest() {
        let connections = find("connections: {SHOP: {type: snowflake}}", &[]);
        let error = connections.get("shp").unwrap_err();
        assert_eq!(error.code().id(), "CF-102");
        assert!(error.hint().starts_with("did you mean SHOP"), "{}", error.hint());
        assert_eq!(connections.get("shop").unwrap().type_text(), "snowflake");
        assert_eq!(connections.get("shop").unwrap().read().unwrap_err().code().id(), "CF-103");
    }

    #[test]
    fn unset_variable_in_the_file_is_named() {
        let connections = find(&format!("connections:\n  SHOP: {ACCOUNT}"), &[]);
        let error = connections.get("shop").unwrap().read().unwrap_err();
        assert!(
            error.message().ends_with("`api_key` is empty: the variable KEY is not set"),
            "{}",
            error.message()
        );
    }

    #[test]
    fn url_can_stand_for_a_connection() {
        let (name, connection) =
            Connections::default().resolve("sqlite:///tmp/x.db", &Origin::new("--to")).unwrap();
        assert_eq!((name.as_str(), connection.place().as_str()), ("SQLITE", "/tmp/x.db"));
        let error = Connections::default().resolve("nowhere", &Origin::new("--to")).unwrap_err();
        assert_eq!(error.message(), "--to: there is no connection NOWHERE");
    }
}
