//! Which hosts and addresses may be connected to.
//!
//! A connection's address comes from outside and could point into the network this program runs in. Ranges and names
//! that are not public are refused; some of them a connection may open for a server of the user's own.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{Ipv4Net, Ipv6Net};

/// What a connection may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Public addresses over https on the usual port.
    PublicOnly,
    /// Also loopback and private networks, plain http and any port; never link-local, multicast or reserved ranges.
    PrivateToo,
}

impl Policy {
    /// The policy a connection asks for with `allow_private_address`.
    pub fn from_allow_private(allow_private_address: bool) -> Policy {
        if allow_private_address { Policy::PrivateToo } else { Policy::PublicOnly }
    }

    /// Whether `address` may be connected to.
    pub fn allows_address(self, address: IpAddr) -> bool {
        match self.range_of(address) {
            Range::Public => true,
            Range::Private => self == Policy::PrivateToo,
            Range::Reserved => false,
        }
    }

    /// Whether a host of this name may be looked up at all. Letter case and a trailing dot do not matter.
    pub fn allows_name(self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if METADATA_NAMES.contains(&name.as_str()) {
            return false;
        }
        let inside = LOCAL_NAMES
            .iter()
            .any(|local| name == *local || name.strip_suffix(local).is_some_and(|rest| rest.ends_with('.')));
        !inside || self == Policy::PrivateToo
    }

    fn range_of(self, address: IpAddr) -> Range {
        match address {
            IpAddr::V4(address) => range_of_v4(address),
            IpAddr::V6(address) => self.range_of_v6(address),
        }
    }

    fn range_of_v6(self, address: Ipv6Addr) -> Range {
        if PRIVATE_V6.iter().any(|net| net.contains(&address)) {
            return Range::Private;
        }
        if let Some(embedded) = embedded_v4(address) {
            // Refused as a whole unless the connection opens private networks: then what is inside decides, so that
            // networks which translate IPv4 stay usable and metadata services stay out of reach.
            return match range_of_v4(embedded) {
                Range::Reserved => Range::Reserved,
                Range::Public | Range::Private => Range::Private,
            };
        }
        if RESERVED_V6.iter().any(|net| net.contains(&address)) { Range::Reserved } else { Range::Public }
    }
}

/// An address or name the policy refuses. The text does not tell what it would have led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address is not allowed")
    }
}

impl std::error::Error for Refused {}

enum Range {
    Public,
    /// The user's own machine or network.
    Private,
    /// Nothing a server of the API could be found at.
    Reserved,
}

/// Names of this machine and of private networks, with everything below them.
const LOCAL_NAMES: &[&str] = &["localhost", "local", "internal"];

/// Names under which cloud machines find their own credentials.
const METADATA_NAMES: &[&str] = &[
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.com",
    "metadata.azure.internal",
    "metadata.packet.net",
    "metadata.platformequinix.com",
    "metadata.tencentyun.com",
    "metadata.oraclecloud.com",
];

const PRIVATE_V4: &[Ipv4Net] = &[
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
];

/// Special-purpose ranges of the IANA IPv4 registry that no public server has. 240/4 includes the broadcast address.
const RESERVED_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

const PRIVATE_V6: &[Ipv6Net] = &[v6([0, 0, 0, 0, 0, 0, 0, 1], 128), v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7)];

/// Special-purpose ranges of the IANA IPv6 registry that no public server has.
const RESERVED_V6: &[Ipv6Net] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
];

/// Ranges whose last 32 bits are an IPv4 address: compatible, mapped, and the translation prefix of RFC 6052.
const EMBEDDING_V6: &[Ipv6Net] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), prefix)
}

fn range_of_v4(address: Ipv4Addr) -> Range {
    if PRIVATE_V4.iter().any(|net| net.contains(&address)) {
        Range::Private
    } else if RESERVED_V4.iter().any(|net| net.contains(&address)) {
        Range::Reserved
    } else {
        Range::Public
    }
}

fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    EMBEDDING_V6.iter().any(|net| net.contains(&address)).then(|| Ipv4Addr::new(a, b, c, d))
}
