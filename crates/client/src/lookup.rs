//! Looking names up, with every address vetted before anything connects to it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{Policy, Refused};

/// Finds the addresses of a host name.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// All addresses of `name`, IPv4 and IPv6.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The name service of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A name that could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("the host name was not found")]
pub(crate) struct NotFound(#[source] pub(crate) Option<io::Error>);

/// Hands only vetted addresses to the connector, so that what was checked is what is connected to.
///
/// One address that is not allowed refuses the name: a name that answers with a public and a private address is an
/// attempt to get past the check.
#[derive(Clone)]
pub(crate) struct VettingResolver {
    lookup: Arc<dyn Lookup>,
    policy: Policy,
}

impl VettingResolver {
    pub(crate) fn new(lookup: Arc<dyn Lookup>, policy: Policy) -> VettingResolver {
        VettingResolver { lookup, policy }
    }

    pub(crate) async fn vetted(
        &self,
        name: &str,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        if !self.policy.allows_name(name) {
            return Err(Refused.into());
        }
        let addresses = self.lookup.addresses(name).await.map_err(|error| NotFound(Some(error)))?;
        if addresses.is_empty() {
            return Err(NotFound(None).into());
        }
        if addresses.iter().all(|&address| self.policy.allows_address(address)) {
            Ok(addresses)
        } else {
            Err(Refused.into())
        }
    }
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.vetted(name.as_str()).await?;
            // Port 0 stands for the port of the address that is connected to.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
