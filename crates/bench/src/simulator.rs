//! The simulator as a process, and what it says about itself.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    process::{Running, achub},
    requests::Requests,
};

/// A running `achub sim`.
pub struct Simulator {
    _process: Running,
    address: String,
}

impl Simulator {
    /// Starts it on a free port and waits until it listens.
    pub fn start(arguments: &[String]) -> Result<Simulator> {
        let mut command = Command::new(achub()?);
        command.arg("sim").args(["--port", "0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("could not start the simulator")?;
        let stdout = child.stdout.take().context("the simulator has no output")?;
        let process = Running(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let address =
            url.with_context(|| format!("the simulator said {line:?}"))?.trim_start_matches("http://");
        Ok(Simulator { _process: process, address: address.trim_end_matches('/').to_owned() })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its own count of requests.
    pub fn requests(&self) -> Result<Requests> {
        Requests::read(&serde_json::from_str(&self.call("GET", "requests?recent=0", "")?)?)
    }

    /// The ids the account holds of a collection now.
    pub fn ids(&self, collection: &str) -> Result<HashSet<i64>> {
        let rows = self.call("GET", &format!("truth?stream={collection}"), "")?;
        rows.lines().map(|row| id(&serde_json::from_str(row)?)).collect()
    }

    /// Creates, changes and deletes records as `wish`, a JSON object of `POST /_sim/mutate`, says.
    pub fn mutate(&self, wish: &str) -> Result<()> {
        self.call("POST", "mutate", wish).map(drop)
    }

    /// Ends what [`Simulator::mutate`] has set going between pages.
    pub fn rest(&self) -> Result<()> {
        self.call("DELETE", "mutate", "").map(drop)
    }

    /// Sets switches, a JSON object.
    pub fn switch(&self, switches: &str) -> Result<()> {
        self.call("POST", "switches", switches).map(drop)
    }

    fn call(&self, method: &str, what: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "{method} /_sim/{what} HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the simulator's answer has no body")?;
        ensure!(head.lines().next().is_some_and(|line| line.contains(" 200 ")), "{what}: {head}: {body}");
        Ok(body.to_owned())
    }
}

fn id(row: &Value) -> Result<i64> {
    let id = &row["id"];
    id.as_i64().or_else(|| id.as_str()?.parse().ok()).with_context(|| format!("a row without an id: {row}"))
}
