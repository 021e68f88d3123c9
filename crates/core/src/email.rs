//! Addresses of people, and the form in which two of them are the same.

use std::{fmt, hash};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

/// The most bytes of an address, its domain as ASCII (RFC 5321, 4.5.3.1.3, less the angle brackets).
const ADDRESS_MAX: usize = 254;
/// The most bytes of the part before the `@` (RFC 5321, 4.5.3.1.1).
const LOCAL_MAX: usize = 64;

/// Whether the part before the `@` is told apart by case.
///
/// Its mail server alone knows (RFC 5321, 2.4); hardly any does, and people type their own address in either case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocalParts {
    /// `Ann@example.com` and `ann@example.com` are one person.
    #[default]
    FoldCase,
    /// They are two.
    KeepCase,
}

/// An address as somebody wrote it, with the key under which it is found.
///
/// Two are equal where their keys are. The spelling is kept for display and for sending.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EmailAddress {
    original: String,
    key: String,
}

/// Why a text is no address that anybody could be matched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EmailFault {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// No `@`.
    #[error("has no @")]
    NoAt,
    /// Nothing before the `@`.
    #[error("has nothing before the @")]
    NoLocalPart,
    /// The domain is empty or cannot be one (IDNA 2008, UTS 46).
    #[error("has a domain that cannot exist")]
    Domain,
    /// Longer than mail allows.
    #[error("is longer than 254 bytes, or than 64 before the @")]
    TooLong,
    /// A blank, a line break or another control character within.
    #[error("contains a blank or a control character")]
    Unprintable,
}

impl EmailAddress {
    /// Takes `text` without the blanks around it, in Unicode's composed form (NFC).
    ///
    /// What a mail server would make of it is not judged here: `a..b@example.com` is an address that people have.
    pub fn parse(text: &str, locals: LocalParts) -> Result<EmailAddress, EmailFault> {
        let original: String = text.trim().nfc().collect();
        if original.is_empty() {
            return Err(EmailFault::Empty);
        }
        if original.chars().any(|char| char.is_whitespace() || char.is_control()) {
            return Err(EmailFault::Unprintable);
        }
        let (local, domain) = original.rsplit_once('@').ok_or(EmailFault::NoAt)?;
        if local.is_empty() {
            return Err(EmailFault::NoLocalPart);
        }
        let domain = normal_domain(domain).ok_or(EmailFault::Domain)?;
        if local.len() > LOCAL_MAX || local.len() + 1 + domain.len() > ADDRESS_MAX {
            return Err(EmailFault::TooLong);
        }
        let local = match locals {
            LocalParts::FoldCase => fold(local),
            LocalParts::KeepCase => local.to_owned(),
        };
        Ok(EmailAddress { key: format!("{local}@{domain}"), original })
    }

    /// An address that was taken apart to be kept: its spelling and its [`key`](EmailAddress::key).
    pub fn from_parts(original: String, key: String) -> EmailAddress {
        EmailAddress { original, key }
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.original
    }

    /// The form by which it is found: composed, case folded, the domain in ASCII.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its domain in ASCII and lower case.
    pub fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The key without what follows a `+` before the `@`: a wider net, for warnings about people who must not be mailed.
    pub fn wide_key(&self) -> String {
        let Some((local, domain)) = self.key.rsplit_once('@') else { return self.key.clone() };
        let local = local.split_once('+').map_or(local, |(local, _)| local);
        format!("{local}@{domain}")
    }
}

/// A domain as companies and addresses are matched by it: ASCII, lower case, without a dot at its end; `None` where there
/// can be no such domain.
pub fn normal_domain(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    let domain = idna::domain_to_ascii_strict(text).ok()?;
    (!domain.is_empty()).then_some(domain)
}

/// Lower case in the way of comparisons: `ß` and `ẞ` are one, so are the three forms of sigma. Composed (NFC).
pub fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase().nfc().collect()
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

impl hash::Hash for EmailAddress {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.original)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<String, EmailFault> {
        EmailAddress::parse(text, LocalParts::FoldCase).map(|address| address.key().to_owned())
    }

    /// SX-19: compared without case and blanks, the spelling stays.
    #[test]
    fn spelling_is_kept_and_key_is_folded() {
        let address = EmailAddress::parse("  Ann.Müller@Bücher.Example \n", LocalParts::FoldCase).unwrap();
        assert_eq!(address.as_str(), "Ann.Müller@Bücher.Example");
        assert_eq!(address.key(), "ann.müller@xn--bcher-kva.example");
        assert_eq!(address.domain(), "xn--bcher-kva.example");
    }

    #[test]
    fn twins_in_unicode_are_one() {
        assert_eq!(key("re\u{301}ne@example.com"), key("r\u{e9}ne@EXAMPLE.com."));
        assert_eq!(key("STRASSE@example.com"), key("straße@example.com"));
        assert_eq!(key("ΣΊΣΥΦΟΣ@example.com"), key("σίσυφος@example.com"));
    }

    #[test]
    fn case_of_local_parts_can_matter() {
        let parse = |text| EmailAddress::parse(text, LocalParts::KeepCase).unwrap();
        assert_ne!(parse("Ann@example.com"), parse("ann@example.com"));
        assert_eq!(parse("Ann@EXAMPLE.com"), parse("Ann@example.com"));
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(key(" "), Err(EmailFault::Empty));
        assert_eq!(key("ann"), Err(EmailFault::NoAt));
        assert_eq!(key("@example.com"), Err(EmailFault::NoLocalPart));
        assert_eq!(key("ann@"), Err(EmailFault::Domain));
        assert_eq!(key("ann@a..b"), Err(EmailFault::Domain));
        assert_eq!(key("ann@example.com\r\nBcc: x@example.com"), Err(EmailFault::Unprintable));
        assert_eq!(key(&format!("{}@example.com", "a".repeat(65))), Err(EmailFault::TooLong));
        assert!(key(&format!("{}@example.com", "a".repeat(64))).is_ok());
    }

    #[test]
    fn plus_tags_fall_away_in_the_wide_net() {
        let address = EmailAddress::parse("Ann+news@example.com", LocalParts::FoldCase).unwrap();
        assert_eq!(address.key(), "ann+news@example.com");
        assert_eq!(address.wide_key(), "ann@example.com");
    }
}
