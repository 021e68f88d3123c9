//! The thread that makes the calls into DuckDB: they block, and a transaction belongs to one connection.

use std::{
    sync::mpsc::{self, Sender},
    thread::{self, JoinHandle},
};

use achub_core::{Code, Error};
use adbc_driver_manager::ManagedConnection;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&mut ManagedConnection) + Send>;

/// A connection on a thread of its own. Jobs run one after another in the order they were given, also those whose caller
/// went away: a statement that was begun is done before the next, so that a rollback comes after what it takes back.
///
/// Dropping it waits until the connection is closed. Where it was the last one, DuckDB then writes its log into the file
/// and lets go of the file.
pub(super) struct Worker {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread, and makes the connection there. What comes with the connection is handed back.
    pub(super) async fn start<T: Send + 'static>(
        open: impl FnOnce() -> Result<(T, ManagedConnection), Error> + Send + 'static,
    ) -> Result<(Worker, T), Error> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let (opened, is_open) = oneshot::channel();
        let thread = thread::Builder::new().name("duckdb".to_owned()).spawn(move || {
            let mut connection = match open() {
                Ok((beside, connection)) => {
                    // Whoever asked may be gone; then no job comes either.
                    let _ = opened.send(Ok(beside));
                    connection
                }
                Err(error) => {
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            waiting.into_iter().for_each(|job| job(&mut connection));
        });
        let thread = thread.map_err(|cause| {
            Error::new(Code::TargetUnreachable, "cannot start a thread for DuckDB").with_source(cause)
        })?;
        // Made before waiting, so that giving up while opening waits for the end of it, too.
        let worker = Worker { jobs: Some(jobs), thread: Some(thread) };
        let beside = is_open.await.map_err(|_| ended())??;
        Ok((worker, beside))
    }

    /// Runs `job` on the thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut ManagedConnection) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move |connection: &mut ManagedConnection| {
            // Whoever asked may be gone by now.
            let _ = done.send(job(connection));
        });
        let jobs = self.jobs.as_ref().expect("jobs are taken until the worker is dropped");
        jobs.send(job).map_err(|_| ended())?;
        result.await.map_err(|_| ended())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported to the caller of the job.
            let _ = thread.join();
        }
    }
}

fn ended() -> Error {
    Error::new(Code::Bug, "the thread that calls DuckDB has ended")
}
