//! Variables of the process, with those of `.env.sling` behind them.

use std::{collections::BTreeMap, path::Path};

use achub_core::{Code, Error};

use crate::config::{dotenv, keys::Origin};

/// The name of the file with variables in the working folder.
pub const DOTENV: &str = ".env.sling";

/// All variables the program sees, and where each came from.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, Variable>,
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value.
    pub value: String,
    /// Who set it.
    pub set_by: SetBy,
}

/// Who set a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The process environment.
    Process,
    /// The file `.env.sling` of the working folder.
    Dotenv,
    /// The section `env` of `env.yaml`.
    EnvYaml,
    /// The section `env` of a replication file.
    ReplicationFile,
}

impl Environment {
    /// The process environment and `.env.sling` of `folder`. Variables that are not Unicode are left out.
    ///
    /// Errors: the file is there and cannot be read or understood.
    pub fn of_process(folder: &Path) -> Result<Environment, Error> {
        let mut environment = Environment::default();
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                environment.add(name, value, SetBy::Process);
            }
        }
        let path = folder.join(DOTENV);
        match std::fs::read_to_string(&path) {
            Ok(text) => environment.add_dotenv(&text, &Origin::new(DOTENV))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::new(Code::BadFile, format!("cannot read {DOTENV}")).with_source(error));
            }
        }
        Ok(environment)
    }

    /// The given variables, as if the process had them.
    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in variables {
            environment.add((*name).to_owned(), (*value).to_owned(), SetBy::Process);
        }
        environment
    }

    /// Adds the variables of a `.env.sling` that are not set already.
    pub fn add_dotenv(&mut self, text: &str, origin: &Origin) -> Result<(), Error> {
        for (name, value) in dotenv::parse(text).map_err(|mistake| origin.mistake(mistake))? {
            self.add(name, value, SetBy::Dotenv);
        }
        Ok(())
    }

    /// Adds a variable unless it is set already.
    pub fn add(&mut self, name: String, value: String, set_by: SetBy) {
        self.variables.entry(name).or_insert(Variable { value, set_by });
    }

    /// Sets a variable whether or not it is set already: a replication file's own `env` wins for its run.
    pub fn set(&mut self, name: &str, value: &str) {
        let variable = Variable { value: value.to_owned(), set_by: SetBy::ReplicationFile };
        self.variables.insert(name.to_owned(), variable);
    }

    /// The value of a variable; an empty one counts as set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.as_str())
    }

    /// The value of a variable that is set and not empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable that grants something. A replication file grants itself nothing: what its `env` sets does
    /// not count.
    pub fn granted(&self, name: &str) -> Option<&str> {
        let variable = self.variables.get(name)?;
        (variable.set_by != SetBy::ReplicationFile).then_some(variable.value.as_str())
    }

    /// All variables by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.variables.iter().map(|(name, variable)| (name.as_str(), variable))
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn replication_file_grants_itself_nothing() {
        let mut environment = Environment::of(&[("ACHUB_ALLOW_PRIVATE_ADDRESSES", "1")]);
        assert_eq!(environment.granted("ACHUB_ALLOW_PRIVATE_ADDRESSES"), Some("1"));

        environment.set("ACHUB_ALLOW_COMMANDS", "1");

        assert_eq!(environment.get("ACHUB_ALLOW_COMMANDS"), Some("1"));
        assert_eq!(environment.granted("ACHUB_ALLOW_COMMANDS"), None);
    }
}
