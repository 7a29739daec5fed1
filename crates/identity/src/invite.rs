//! Invite codes, and the links that name a server, pin its identity and perhaps invite: `hush://host:port/i/K7QF-2M9D#fingerprint`.

use std::fmt;
use std::str::FromStr;

use hushwire_types::{Entropy, rng};

use crate::crockford;
use crate::host::Host;
use crate::server::Fingerprint;

/// The port of a link that names none.
pub const DEFAULT_PORT: u16 = 7900;
pub(crate) const SCHEME: &str = "hush://";
const CODE_SYMBOLS: usize = 8;

/// Why a text is no invite link or code. The sentences are for the person who pasted it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// It does not begin with `hush://`; ask again.
    #[error("a link to a server begins with {SCHEME}")]
    Scheme,
    /// The server's name or port cannot be read; ask again.
    #[error("the link names no server that can be reached")]
    Host,
    /// What stands between server and `#` is neither nothing nor `/i/` and a code; ask again.
    #[error("the link has a path that is not understood")]
    Path,
    /// It leads to a server, or is cut off; ask again.
    #[error("this is no link to a group, or it is cut off: hush group link prints one")]
    NoGroup,
    /// The code is not 8 letters and digits; ask again.
    #[error("an invite code has {CODE_SYMBOLS} letters and digits, like K7QF-2M9D")]
    Code,
    /// Without it the server cannot be told from an impostor; ask for the whole link.
    #[error("the link is cut off: the server's fingerprint after the # is missing or damaged")]
    Fingerprint,
}

/// A code that lets somebody in: 8 symbols, 40 bits, written `K7QF-2M9D`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct InviteCode(String);

impl InviteCode {
    /// A new random code.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let symbols = (0..CODE_SYMBOLS).filter_map(|_| {
            let value = usize::try_from(rng::below(entropy, 32)).ok()?;
            crockford::ALPHABET.chars().nth(value)
        });
        Self(symbols.collect())
    }
}

impl FromStr for InviteCode {
    type Err = LinkError;

    /// Reads a code in either case, with or without the hyphen, O for 0 and I or L for 1.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let typed = text.chars().filter(|symbol| !crockford::is_separator(*symbol));
        let code = typed.map(crockford::normal).collect::<Option<String>>().ok_or(LinkError::Code)?;
        if code.len() == CODE_SYMBOLS { Ok(Self(code)) } else { Err(LinkError::Code) }
    }
}

impl fmt::Display for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crockford::grouped(&self.0))
    }
}

impl fmt::Debug for InviteCode {
    /// A code lets its reader in, so a log must not have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode(..)")
    }
}

/// Where a server is and who it is; with a code, also a way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteLink {
    /// The server's name or address.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// The invite, where the link is one.
    pub code: Option<InviteCode>,
    /// The server's identity.
    pub fingerprint: Fingerprint,
}

impl FromStr for InviteLink {
    type Err = LinkError;

    /// Reads a link; spaces around it do not count, a port that is missing is [`DEFAULT_PORT`].
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        let (scheme, rest) = text.split_at_checked(SCHEME.len()).ok_or(LinkError::Scheme)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(LinkError::Scheme);
        }
        let (place, fingerprint) = rest.split_once('#').ok_or(LinkError::Fingerprint)?;
        let (server, code) = match place.split_once('/') {
            None | Some((_, "")) => (place.trim_end_matches('/'), None),
            Some((server, path)) => {
                let code = path.strip_prefix("i/").ok_or(LinkError::Path)?;
                (server, Some(code.parse()?))
            }
        };
        let (host, port) = host_and_port(server)?;
        let fingerprint = fingerprint.parse().map_err(|_| LinkError::Fingerprint)?;
        Ok(Self { host, port, code, fingerprint })
    }
}

fn host_and_port(server: &str) -> Result<(Host, u16), LinkError> {
    let (host, port) = match server.rsplit_once(':') {
        // The colons of a bare IPv6 address in brackets are not a port's.
        Some((host, port)) if !port.ends_with(']') => {
            if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(LinkError::Host);
            }
            (host, port.parse().map_err(|_| LinkError::Host)?)
        }
        _ => (server, DEFAULT_PORT),
    };
    if port == 0 || (host.contains(':') && !host.starts_with('[')) {
        return Err(LinkError::Host);
    }
    Ok((host.parse().map_err(|_| LinkError::Host)?, port))
}

impl fmt::Display for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:{}", self.host, self.port)?;
        if let Some(code) = &self.code {
            write!(f, "/i/{code}")?;
        }
        write!(f, "#{}", self.fingerprint)
    }
}
