//! The folders: where connections are read from, where they are written, where state lives.

use std::path::{Path, PathBuf};

use achub_core::{Code, Error};

use crate::config::environment::Environment;

/// The folders of this start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Every `env.yaml` to read, in order; entries of a later one win. Files that do not exist are listed too.
    pub env_files: Vec<PathBuf>,
    /// The `env.yaml` to which new connections are written.
    pub env_file: PathBuf,
    /// The folder of `state.db` and `demo.db`.
    pub state: PathBuf,
}

impl Home {
    /// Finds the folders.
    ///
    /// `home_dir` is Sling's `--home-dir`: then only its `env.yaml` counts. Otherwise Sling's folder (`SLING_HOME_DIR`,
    /// or `.sling` in the user's home unless `ACHUB_HOME` asks for a home of its own) comes before ours (`ACHUB_HOME`,
    /// else the XDG folders).
    ///
    /// Errors: neither `ACHUB_HOME` nor a home folder to derive the others from.
    pub fn find(home_dir: Option<&Path>, environment: &Environment) -> Result<Home, Error> {
        let own = environment.filled("ACHUB_HOME").map(PathBuf::from);
        let user = environment.filled("HOME").map(PathBuf::from);
        let xdg = |variable: &str, below: &str| {
            let set = environment.filled(variable).map(PathBuf::from).filter(|path| path.is_absolute());
            set.or_else(|| user.as_ref().map(|home| home.join(below))).map(|path| path.join("achub"))
        };
        let missing = || {
            Error::new(Code::BadArgument, "there is no home folder: neither ACHUB_HOME nor HOME is set")
                .with_hint("set ACHUB_HOME to a folder for connections and state")
        };
        let state = own.clone().or_else(|| xdg("XDG_DATA_HOME", ".local/share")).ok_or_else(missing)?;
        let config = own.clone().or_else(|| xdg("XDG_CONFIG_HOME", ".config")).ok_or_else(missing)?;
        let sling = environment.filled("SLING_HOME_DIR").map(PathBuf::from);
        let env_file = |folder: &Path| folder.join("env.yaml");
        Ok(match home_dir {
            Some(folder) => Home { env_files: vec![env_file(folder)], env_file: env_file(folder), state },
            None => {
                let default = user.filter(|_| own.is_none()).map(|home| home.join(".sling"));
                let written = match (&own, &sling) {
                    (None, Some(sling)) => env_file(sling),
                    _ => env_file(&config),
                };
                let read = sling.or(default).into_iter().chain([config]);
                Home { env_files: read.map(|folder| env_file(&folder)).collect(), env_file: written, state }
            }
        })
    }

    /// The file of the hub's own state.
    pub fn state_file(&self) -> PathBuf {
        self.state.join("state.db")
    }

    /// The file the demo writes to.
    pub fn demo_file(&self) -> PathBuf {
        self.state.join("demo.db")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Home;
    use crate::config::environment::Environment;

    /// What is read, what is written, where state lives.
    fn check(home_dir: Option<&str>, variables: &[(&str, &str)], read: &[&str], written: &str, state: &str) {
        let home = Home::find(home_dir.map(Path::new), &Environment::of(variables)).unwrap();
        let files: Vec<&Path> = home.env_files.iter().map(|path| path.as_path()).collect();
        let expected: Vec<&Path> = read.iter().map(Path::new).collect();
        assert_eq!(files, expected, "{variables:?}");
        assert_eq!(home.env_file, Path::new(written), "{variables:?}");
        assert_eq!(home.state_file(), Path::new(state), "{variables:?}");
    }

    #[test]
    fn folders_follow_flag_variables_and_xdg() {
        let ours = "/u/.config/achub/env.yaml";
        let state = "/u/.local/share/achub/state.db";
        check(None, &[("HOME", "/u")], &["/u/.sling/env.yaml", ours], ours, state);
        check(None, &[("ACHUB_HOME", "/a"), ("HOME", "/u")], &["/a/env.yaml"], "/a/env.yaml", "/a/state.db");
        let sling = [("HOME", "/u"), ("SLING_HOME_DIR", "/s")];
        check(None, &sling, &["/s/env.yaml", ours], "/s/env.yaml", state);
        let both = [("ACHUB_HOME", "/a"), ("SLING_HOME_DIR", "/s")];
        check(None, &both, &["/s/env.yaml", "/a/env.yaml"], "/a/env.yaml", "/a/state.db");
        check(Some("/h"), &sling, &["/h/env.yaml"], "/h/env.yaml", state);
        let xdg = [("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d")];
        check(None, &xdg, &["/c/achub/env.yaml"], "/c/achub/env.yaml", "/d/achub/state.db");
    }

    #[test]
    fn no_home_at_all_is_an_error() {
        let error = Home::find(None, &Environment::default()).unwrap_err();
        assert_eq!(error.code().id(), "CF-106");
    }
}
