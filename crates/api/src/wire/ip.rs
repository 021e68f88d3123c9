//! IP addresses as decimal numbers.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use thiserror::Error;

/// An IP address as the API sends it: an IPv4 address as one decimal number, most significant octet first.
///
/// An address in dotted or IPv6 spelling passes through (SX-17); how the API spells IPv6 is not known.
/// Source: recorded contacts of 2026, `"2130706433"` for `127.0.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpNumber(IpAddr);

/// A text that is neither a number of 32 bits nor an IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an ip address")]
pub struct NotAnAddress;

impl IpNumber {
    /// Reads the spelling of the API. `None` means unknown: `"0"` and the empty text.
    pub fn parse(text: &str) -> Result<Option<IpNumber>, NotAnAddress> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let address = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let number: u32 = text.parse().map_err(|_| NotAnAddress)?;
            IpAddr::V4(Ipv4Addr::from(number))
        } else {
            text.parse().map_err(|_| NotAnAddress)?
        };
        let unknown = address == IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Ok((!unknown).then_some(IpNumber(address)))
    }

    /// The address.
    pub fn address(self) -> IpAddr {
        self.0
    }

    /// The spelling of the API; an IPv6 address stays as it is.
    pub fn to_wire(self) -> String {
        match self.0 {
            IpAddr::V4(address) => u32::from(address).to_string(),
            IpAddr::V6(address) => address.to_string(),
        }
    }
}

/// The dotted spelling.
impl fmt::Display for IpNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::IpNumber;

    fn check(wire: &str, dotted: Option<&str>) {
        let address = IpNumber::parse(wire).expect(wire);
        assert_eq!(address.map(|address| address.to_string()).as_deref(), dotted, "{wire}");
    }

    /// SX-17.
    #[test]
    fn numeric_addresses_become_dotted() {
        check("2130706433", Some("127.0.0.1"));
        check("171971665", Some("10.64.20.81"));
        check("4294967295", Some("255.255.255.255"));
        check("0", None);
        check("", None);
        check("10.0.0.1", Some("10.0.0.1"));
        check("2001:db8::1", Some("2001:db8::1"));
    }

    /// SX-17.
    #[test]
    fn numbers_out_of_range_are_refused() {
        for wire in ["4294967296", "-1", "1.2.3", "XXXXXXXXXX", "99999999999999999999"] {
            assert!(IpNumber::parse(wire).is_err(), "{wire}");
        }
    }

    #[test]
    fn wire_spelling_reads_back_the_same() {
        for wire in ["1", "2130706433", "4294967295", "2001:db8::1"] {
            let address = IpNumber::parse(wire).expect(wire).expect("it is known");
            assert_eq!(address.to_wire(), wire);
        }
    }
}
