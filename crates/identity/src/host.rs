//! The name of a server on the network: a DNS name or an IP address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::Malformed;

/// A lower-case DNS name (RFC 1123; other alphabets in their `xn--` form) or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name.
    Name(String),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
}

impl FromStr for Host {
    type Err = Malformed;

    /// Reads a name, an IPv4 address, or an IPv6 address with or without brackets.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bracketed = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        match (bracketed, bracketed.unwrap_or(text).parse::<IpAddr>()) {
            (Some(_), Ok(IpAddr::V4(_)) | Err(_)) => Err(Malformed { what: "host name" }),
            (_, Ok(ip)) => Ok(Self::Ip(ip)),
            (None, Err(_)) if is_dns_name(text) => Ok(Self::Name(text.to_ascii_lowercase())),
            (None, Err(_)) => Err(Malformed { what: "host name" }),
        }
    }
}

/// Labels of letters, digits and inner hyphens, the last one not a number (it would be half an IPv4 address).
pub(crate) fn is_dns_name(text: &str) -> bool {
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_a_number =
        text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 253 && text.split('.').all(label_is_fine) && !last_is_a_number
}

impl fmt::Display for Host {
    /// As in a URL: an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}
