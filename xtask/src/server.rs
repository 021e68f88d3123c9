//! A private PostgreSQL on loopback that lives as long as the command that needs it.

mod install;

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// How long a server may take to accept connections; half a second is usual.
const START_SECONDS_MAX: u64 = 60;

/// Between finding a free port and binding it another program may take it.
const START_ATTEMPTS: u32 = 3;

/// Waits for the end of its input, which comes with the end of the parent however that ends, then stops the server and
/// removes its folder. Ctrl-C goes to the whole group, so the shell must survive it to do so.
const KEEPER: &str = r#"
trap '' INT TERM HUP
"$@" >"$KEEPER_FOLDER/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$KEEPER_FOLDER"
"#;

/// What a server promises to keep when the machine fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: the data is thrown away anyway.
    None,
    /// What a server in production keeps, so that measured times mean something.
    Full,
}

/// A running server. Dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Server {
    keeper: Child,
    port: u16,
}

impl Server {
    /// Starts a server with an empty cluster; installs the server programs where that is possible.
    ///
    /// Errors say why there can be none on this machine.
    pub fn start(durability: Durability) -> Result<Server> {
        let programs = install::find_or_install()?;
        let account = Account::current()?;
        let mut attempt = 1;
        loop {
            match Server::start_once(&programs, &account, durability) {
                Err(_) if attempt < START_ATTEMPTS => attempt += 1,
                last => return last,
            }
        }
    }

    /// The address of a superuser without a password.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn start_once(programs: &Path, account: &Account, durability: Durability) -> Result<Server> {
        let port = free_port()?;
        let folder = account.new_folder()?;
        let launched = init(&folder, programs, account)
            .and_then(|()| launch(&folder, programs, account, durability, port));
        let keeper = match launched {
            Ok(keeper) => keeper,
            Err(error) => {
                // There is no keeper to do it.
                fs::remove_dir_all(&folder)?;
                return Err(error);
            }
        };
        let mut server = Server { keeper, port };
        match server.wait_until_ready(programs) {
            Ok(()) => Ok(server),
            Err(error) => Err(error.context(read_log(&folder))),
        }
    }

    fn wait_until_ready(&mut self, programs: &Path) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        while Instant::now() < deadline {
            let ready = Command::new(programs.join("pg_isready"))
                .args(["--quiet", "--host=127.0.0.1", &format!("--port={}", self.port)])
                .status()
                .context("cannot start pg_isready")?;
            if ready.success() {
                return Ok(());
            }
            if let Some(status) = self.keeper.try_wait()? {
                bail!("PostgreSQL ended while starting: {status}");
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("PostgreSQL did not accept connections within {START_SECONDS_MAX} s")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("cannot stop the private PostgreSQL on port {}: {error}", self.port);
        }
    }
}

fn init(folder: &Path, programs: &Path, account: &Account) -> Result<()> {
    let output = account
        .command(&programs.join("initdb"))
        .args(["--no-sync", "--username=postgres", "--auth=trust", "--no-locale", "--encoding=UTF8"])
        .arg(format!("--pgdata={}", folder.join("data").display()))
        .current_dir(folder)
        .output()
        .context("cannot start initdb")?;
    ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

fn launch(
    folder: &Path,
    programs: &Path,
    account: &Account,
    durability: Durability,
    port: u16,
) -> Result<Child> {
    let mut command = account.command(Path::new("/bin/sh"));
    command.args(["-c", KEEPER, "keeper"]).arg(programs.join("postgres"));
    command.arg("-D").arg(folder.join("data"));
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", folder.display()),
        "max_connections=200".to_owned(),
    ];
    if durability == Durability::None {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
    }
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    command
        .env("KEEPER_FOLDER", folder)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start PostgreSQL")
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).context("loopback has no free port")?.local_addr()?.port())
}

fn read_log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_else(|_| "PostgreSQL left no log".to_owned())
}

/// As whom the server runs: PostgreSQL refuses to be run by root.
#[derive(Debug)]
enum Account {
    Ourselves,
    Postgres,
}

impl Account {
    fn current() -> Result<Account> {
        if !is_root()? {
            return Ok(Account::Ourselves);
        }
        let known = Command::new("id").args(["-u", "postgres"]).output()?.status.success();
        ensure!(known, "PostgreSQL cannot be run by root, and there is no user `postgres`");
        Ok(Account::Postgres)
    }

    fn command(&self, program: &Path) -> Command {
        match self {
            Account::Ourselves => Command::new(program),
            Account::Postgres => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(program);
                command
            }
        }
    }

    /// A new folder that belongs to the account and outlives this value.
    fn new_folder(&self) -> Result<PathBuf> {
        // A socket's path has at most 107 bytes, so the folder is made where paths are short.
        let folder = tempfile::Builder::new().prefix("achub-pg-").tempdir()?.keep();
        self.own(&folder)?;
        Ok(folder)
    }

    fn own(&self, folder: &Path) -> Result<()> {
        if let Account::Postgres = self {
            let status = Command::new("chown").arg("postgres").arg(folder).status()?;
            ensure!(status.success(), "cannot give {} to the user `postgres`", folder.display());
        }
        Ok(())
    }
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("cannot ask who runs this")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Says `text` at once, also where output is collected.
fn say(text: &str) {
    println!("{text}");
    let _ = std::io::stdout().flush();
}
