//! Serving the account over HTTP.

pub(crate) mod body;
mod gate;
mod handler;
mod line;
pub(crate) mod route;

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    account::Account,
    control::{Control, ledger::Ledger, log::RequestLog, mutate::Mutation, stored},
    error::Error,
    fault::Script,
    settings::Settings,
};
use gate::Gate;
use line::{Lines, Peer};

/// A simulated account, ready to be served.
#[derive(Debug, Clone)]
pub struct Sim {
    shared: Arc<Shared>,
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    account: Mutex<Account>,
    desk: Mutex<Desk>,
    /// True once serving ends, so that answers that would never come do not keep it up.
    closing: watch::Sender<bool>,
}

/// What happens beside the account: limits, faults, records. Locked for moments only, and never before the account.
#[derive(Debug)]
pub(crate) struct Desk {
    gate: Gate,
    pub(crate) script: Script,
    pub(crate) log: RequestLog,
    pub(crate) ledger: Ledger,
    /// Mutations that happen between two pages.
    pub(crate) standing: Vec<Mutation>,
}

impl Desk {
    fn new(settings: &Settings) -> Desk {
        Desk {
            gate: Gate::new(settings.rate),
            script: Script::new(settings.faults.clone()),
            log: RequestLog::default(),
            ledger: Ledger::default(),
            standing: Vec::new(),
        }
    }
}

impl Shared {
    /// The account. A thread that panicked while it had the lock has failed its own request only.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when serving ends.
    pub(crate) async fn closed(&self) {
        let mut closing = self.closing.subscribe();
        // An error means that the sender is gone, which is an end as well.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// Puts the account back to its start; records, faults and standing mutations are forgotten.
    pub(crate) fn reset(&self) {
        *self.account() = Account::new(&self.settings);
        *self.desk() = Desk::new(&self.settings);
    }
}

impl Sim {
    /// The account of `settings`, or the stored one where [`Settings::data`] names a folder that holds one.
    ///
    /// Inside a tokio runtime, whose clock the account's own is tied to.
    ///
    /// Errors: [`Error::Data`], [`Error::Stored`] and [`Error::OtherAccount`] for a folder that cannot be used.
    pub fn new(settings: Settings) -> Result<Sim, Error> {
        let account = stored::load(&settings)?;
        let desk = Desk::new(&settings);
        let shared = Shared {
            account: Mutex::new(account),
            desk: Mutex::new(desk),
            closing: watch::Sender::new(false),
            settings,
        };
        Ok(Sim { shared: Arc::new(shared) })
    }

    /// The whole simulator as a router: the API under `/api/3`, the control interface under `/_sim`.
    ///
    /// Called in process there is no connection to cut: a dropped request is answered with status 200 and a body that
    /// fails at once.
    pub fn router(&self) -> Router {
        let shared = Arc::clone(&self.shared);
        Router::new().fallback(move |request: Request| {
            let shared = Arc::clone(&shared);
            async move { handler::handle(shared, request).await }
        })
    }

    /// The control interface in process.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }

    /// Serves on `listener` until `until` resolves, then lets running answers finish, drops those that hang, and stores
    /// the account where [`Settings::data`] says so.
    ///
    /// Errors: [`Error::Serve`] when the listener fails, [`Error::Data`] when the account cannot be stored.
    pub async fn serve(
        self,
        listener: TcpListener,
        until: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let ended = async move {
            until.await;
            shared.closing.send_replace(true);
        };
        let service = self.router().into_make_service_with_connect_info::<Peer>();
        axum::serve(Lines(listener), service).with_graceful_shutdown(ended).await.map_err(Error::Serve)?;
        stored::save(&self.shared)
    }
}

/// The connection a request came on; `None` when it was called in process.
pub(crate) fn peer(request: &Request) -> Option<Peer> {
    request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.clone())
}

/// Whether a request may use the control interface: only this machine may.
pub(crate) fn is_local(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
