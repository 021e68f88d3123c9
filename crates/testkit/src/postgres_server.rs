//! A PostgreSQL server of a test's own, for tests that stop it in the middle of things and start it again.
//!
//! It is run with the programs of the server of [`SERVER_VARIABLE`], which the developer command that started that one has
//! found or installed; tests that need no outage share that one.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use sqlx::{Connection, PgConnection};

use crate::postgres::SERVER_VARIABLE;

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Connections are ended with a word, and what is done is written down: `systemctl stop`.
    Fast,
    /// Everybody is dropped; what was not committed is lost, and the next start recovers: a crash.
    Immediate,
}

/// Starts the server, waits for a word or for the end of its input, which comes with the end of the test however that
/// ends, and stops the server.
const KEEPER: &str = r#"
trap '' INT TERM HUP
"$1/pg_ctl" start --wait --silent --pgdata="$2" --log="$2/log" --options="$3" && echo ready
read -r how
"$1/pg_ctl" stop --wait --silent --pgdata="$2" --mode="${how:-immediate}"
"#;

/// A server with an empty cluster, on a free port of loopback. Dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    is_root: bool,
    keeper: Option<Child>,
}

impl Server {
    /// Makes a cluster and starts a server with `settings`, each `name=value`.
    ///
    /// # Panics
    /// Where [`SERVER_VARIABLE`] is missing or no server can be started.
    pub async fn start(settings: &[&str]) -> Server {
        let programs = programs().await;
        let folder = tempfile::Builder::new().prefix("achub-pg-").tempdir().expect("a folder can be made");
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = port.expect("loopback has a free port").port();
        // What we make is ours, so its owner says who we are.
        let is_root = folder.path().metadata().expect("the folder was just made").uid() == 0;
        let mut server = Server { programs, folder, port, is_root, keeper: None };
        server.make_cluster();
        server.start_again(settings);
        server
    }

    /// Starts it again with these settings, those of the last start forgotten, and waits until it answers.
    ///
    /// # Panics
    /// Where it runs already or cannot be started.
    pub fn start_again(&mut self, settings: &[&str]) {
        assert!(self.keeper.is_none(), "the server runs already");
        let port = format!("port={}", self.port);
        let sockets = format!("unix_socket_directories={}", self.folder.path().display());
        let own = ["listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", &port, &sockets];
        let options: Vec<String> =
            own.iter().chain(settings).map(|setting| format!("-c {setting}")).collect();
        let mut command = self.command(Path::new("/bin/sh"));
        command.args(["-c", KEEPER, "keeper"]).arg(&self.programs).arg(self.data()).arg(options.join(" "));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = command.spawn().expect("a shell can be started");
        let said = BufReader::new(keeper.stdout.as_mut().expect("its output is a pipe")).lines().next();
        self.keeper = Some(keeper);
        let is_ready = said.is_some_and(|said| said.is_ok_and(|said| said == "ready"));
        assert!(is_ready, "PostgreSQL did not start: {}", self.log());
    }

    /// Stops it, and waits until it is gone.
    ///
    /// # Panics
    /// Where it does not run.
    pub fn stop(&mut self, how: Stop) {
        let mut keeper = self.keeper.take().expect("the server runs");
        let word = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let mut input = keeper.stdin.take().expect("its input is a pipe");
        writeln!(input, "{word}").expect("the keeper listens");
        keeper.wait().expect("the keeper ends");
    }

    /// The address of `database`, with the superuser's name.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// What a query of one value says, asked by a program of its own while this one stands still.
    ///
    /// # Panics
    /// Where the query fails.
    pub fn ask(&self, database: &str, query: &str) -> String {
        let mut command = Command::new(self.programs.join("psql"));
        let output = command.args(["--no-psqlrc", "-At", "-c", query]).arg(self.url(database)).output();
        text_of(&output.expect("psql can be started"))
    }

    fn make_cluster(&self) {
        let folder = self.folder.path();
        if self.is_root {
            let given = Command::new("chown").arg("postgres").arg(folder).output();
            text_of(&given.expect("chown can be started"));
        }
        let made = self
            .command(&self.programs.join("initdb"))
            .args(["--no-sync", "--username=postgres", "--auth=trust", "--no-locale", "--encoding=UTF8"])
            .arg(self.data())
            .output();
        text_of(&made.expect("initdb can be started"));
    }

    /// A command run by whoever may run a server: PostgreSQL refuses root.
    fn command(&self, program: &Path) -> Command {
        let mut command = if self.is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.data().join("log")).unwrap_or_else(|_| "it left no log".to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            // Nobody can be told, and the folder goes in any case.
            let _ = keeper.wait();
        }
    }
}

/// Where the programs of the server of [`SERVER_VARIABLE`] are.
async fn programs() -> PathBuf {
    let url = std::env::var(SERVER_VARIABLE).unwrap_or_else(|_| {
        panic!("{SERVER_VARIABLE} is not set; run `cargo xtask test`, which starts a server")
    });
    let mut connection = PgConnection::connect(&url).await.expect("the test server answers");
    let folder: String = sqlx::query_scalar("SELECT setting FROM pg_config() WHERE name = 'BINDIR'")
        .fetch_one(&mut connection)
        .await
        .expect("the server knows where its programs are");
    folder.into()
}

/// What a command wrote, without the white space around it.
fn text_of(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
