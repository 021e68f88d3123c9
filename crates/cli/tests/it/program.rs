//! The program under test and the pretend account beside it, as processes.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

/// A folder that is home, working folder and place of all files of a test.
pub struct Place {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command printed and how it ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Place {
        Place { folder: TempDir::new().unwrap(), variables: Vec::new() }
    }

    /// A place where SHOP is the account at `url` without a limit, and LAKE an SQLite file.
    pub fn with_account(url: &str) -> Place {
        let place = Place::new();
        let env = format!(
            "connections:\n  shop:\n    type: api\n    spec: activecampaign\n    secrets: {{api_key: demo, base_url: '{url}'}}\n    \
             inputs:\n      requests_per_second: off\n      allow_private_address: true\n  lake: {{type: sqlite, path: lake.db}}\n"
        );
        place.write("env.yaml", &env);
        place
    }

    pub fn variable(mut self, name: &str, value: &str) -> Place {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program with `arguments`, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.args(arguments).env("ACHUB_HOME", self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.ended(self.command(arguments).output().unwrap())
    }

    /// The output with this place's path replaced, so that it can be compared.
    pub fn ended(&self, output: Output) -> Ended {
        let clean = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("output is Unicode");
            text.replace(&self.folder.path().display().to_string(), "HOME")
        };
        Ended { code: output.status.code(), stdout: clean(output.stdout), stderr: clean(output.stderr) }
    }

    /// Runs and expects success; gives standard output.
    pub fn good(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_achub"));
    command.env_clear().env("HOME", folder).current_dir(folder).stdin(Stdio::null());
    command
}

/// A running `achub sim` on a free port. Ends with this value.
pub struct Account {
    child: Child,
    pub url: String,
}

impl Account {
    pub fn start(arguments: &[&str]) -> Account {
        let mut command = program(Path::new("."));
        command.args(["sim", "--port", "0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().next().expect("the first line is URL and key").to_owned();
        Account { child, url }
    }

    /// Requests answered so far.
    pub fn requests(&self) -> u64 {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /_sim/requests HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<serde_json::Value>(body).unwrap()["total"].as_u64().unwrap()
    }

    /// Changes the account, as `POST /_sim/mutate` takes it.
    pub fn mutate(&self, wish: &str) {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        let length = wish.len();
        write!(
            stream,
            "POST /_sim/mutate HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{wish}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }

    /// Waits until at least `count` requests were answered.
    pub fn answered(&self, count: u64) {
        while self.requests() < count {
            std::thread::yield_now();
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // It may have ended already; nothing is left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first column of the first row of each query, run against an SQLite file.
pub fn numbers(file: &Path, queries: &[&str]) -> Vec<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}?mode=ro", file.display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let mut numbers = Vec::new();
        for query in queries {
            let query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(*query));
            numbers.push(query.fetch_one(&pool).await.unwrap());
        }
        pool.close().await;
        numbers
    })
}
