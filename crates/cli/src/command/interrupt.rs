//! Ctrl-C and being asked to end.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use achub_engine::Stop;

use crate::output::Output;

/// What asked for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The system.
    Terminate,
}

impl Signal {
    /// The exit code when it was obeyed.
    pub fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        }
    }
}

/// Listens for the rest of the process: the first signal asks a run to stop at a safe point, the second ends at once.
#[derive(Clone)]
pub struct Interrupt {
    stop: Stop,
    first: Arc<AtomicU8>,
}

impl Interrupt {
    /// Starts to listen. Needs a tokio runtime.
    pub fn listen(output: Output) -> Interrupt {
        let interrupt = Interrupt { stop: Stop::default(), first: Arc::default() };
        let listening = interrupt.clone();
        // Registered before anything else happens, and kept: a signal between two waits is not lost.
        let mut signals = Signals::register();
        tokio::spawn(async move {
            let signal = signals.next().await;
            listening.first.store(signal.exit_code(), Ordering::SeqCst);
            listening.stop.request();
            output
                .say("Finishing this batch (about 3 s). Press again to stop now; nothing sent will be lost.");
            let signal = signals.next().await;
            std::process::exit(i32::from(signal.exit_code()));
        });
        interrupt
    }

    /// What a run is handed.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The exit code of a run that was stopped.
    pub fn exit_code(&self) -> u8 {
        match self.first.load(Ordering::SeqCst) {
            0 => Signal::Interrupt.exit_code(),
            code => code,
        }
    }
}

/// The signals that end the program.
pub struct Signals {
    #[cfg(unix)]
    streams: Option<(unix::Signal, unix::Signal)>,
}

#[cfg(unix)]
use tokio::signal::unix;

#[cfg(unix)]
impl Signals {
    /// Starts to listen. Where that cannot be, the system's own handling stays. Needs a tokio runtime.
    pub fn register() -> Signals {
        let interrupt = unix::signal(unix::SignalKind::interrupt()).ok();
        let terminate = unix::signal(unix::SignalKind::terminate()).ok();
        Signals { streams: interrupt.zip(terminate) }
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        let Some((interrupt, terminate)) = &mut self.streams else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Starts to listen.
    pub fn register() -> Signals {
        Signals {}
    }

    /// Waits for Ctrl-C.
    pub async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
