//! Why no secure connection came about, in words an operator can act on.

use rustls::{AlertDescription, CertificateError, Error};

/// What `error` means; `None` where it would not help anybody.
pub(crate) fn reason(error: &Error) -> Option<&'static str> {
    match error {
        Error::InvalidCertificate(error) => Some(certificate(error)),
        Error::PeerIncompatible(_) | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            Some("the other side offers no version of TLS that is still safe")
        }
        Error::InvalidMessage(_) => Some("the other side does not speak TLS"),
        _ => None,
    }
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet by this machine's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        // A wrong signature is that of somebody who goes by a trusted name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate was issued by nobody this machine trusts"
        }
        CertificateError::Revoked => "its certificate was revoked",
        _ => "its certificate cannot be accepted",
    }
}
