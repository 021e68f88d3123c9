//! `achub init`: a project file to begin with.

use std::{fs::File, io::Write as _, path::Path};

use achub_core::{Code, Error};
use serde_json::json;

use crate::{
    config::project,
    output::{Failure, Output},
};

/// What a new project file says; a test reads it.
const TEMPLATE: &str = include_str!("init.yaml");

/// Writes `achub.yaml` into the working folder.
///
/// Errors: `CF-104` where there is one already or it cannot be written.
pub fn run(output: &Output, path: Option<&Path>) -> Result<(), Failure> {
    let path = path.unwrap_or(Path::new(project::FILE));
    let written = File::create_new(path).and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    written.map_err(|cause| {
        let error = match cause.kind() {
            std::io::ErrorKind::AlreadyExists => Error::new(
                Code::BadFile,
                format!("{} is there already and was left as it is", path.display()),
            )
            .with_hint("edit it, or name another file"),
            _ => Error::new(Code::BadFile, format!("cannot write {}", path.display())),
        };
        error.with_source(cause)
    })?;
    if output.is_json {
        return output.json("init", json!({ "path": path.display().to_string() }));
    }
    output.say(&format!("Wrote {}. Nothing in it is switched on yet.", path.display()));
    output.say("Next  edit it, then `achub config check`");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TEMPLATE;
    use crate::config::{
        environment::Environment,
        project::{Project, Secrets},
    };

    fn read(text: &str) -> Project {
        let environment = Environment::of(&[("SHOP_KEY", "k"), ("LAKE_URL", "postgres://h/d")]);
        Project::read(Path::new("achub.yaml"), text, &Secrets::new(&environment, Path::new("/nowhere")))
            .unwrap()
    }

    #[test]
    fn new_file_is_read_and_does_nothing() {
        let project = read(TEMPLATE);
        assert!(project.connections.is_empty() && project.schedules.is_empty());
    }

    /// Everything that stands behind a `#: ` is an example, and holds once the marks are taken away.
    #[test]
    fn its_examples_hold_when_switched_on() {
        let text: String = TEMPLATE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let project = read(&text);
        assert_eq!(project.connections.len(), 2);
        assert_eq!(project.replication("shop_to_lake").unwrap().streams.len(), 4);
        assert_eq!(project.import("shop").unwrap().from, "shop");
        assert_eq!(project.schedules.len(), 2);
    }
}
