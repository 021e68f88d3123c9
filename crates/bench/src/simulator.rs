//! The simulator as a process, and what it says about the requests it got.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{Running, achub};

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
    pub fn requests(&self) -> Result<Value> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET /_sim/requests HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the simulator's answer has no body")?;
        ensure!(head.contains(" 200 "), "the simulator answered {head}");
        Ok(serde_json::from_str(body)?)
    }
}
