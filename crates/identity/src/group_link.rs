//! Links with which people ask to be let into a group: `hush://host:port/g/<ask>#fingerprint`.
//!
//! The middle is base32 of `version u8 = 1 ‖ conversation 32 ‖ account 32 ‖ secret 16`: which group, whom of it to ask, and what shows
//! that the link was had. It lets nobody in: an admin does.

use std::fmt;
use std::str::FromStr;

use hushwire_types::id::{base32, from_base32};
use hushwire_types::{AccountId, ConversationId, Entropy, Secret, rng};
use sha2::{Digest, Sha256};

use crate::host::Host;
use crate::invite::{InviteLink, LinkError, SCHEME};
use crate::server::Fingerprint;

const VERSION: u8 = 1;
const PATH: &str = "/g/";

/// What a group's link has that nobody else knows.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret(Secret<{ Self::LEN }>);

impl LinkSecret {
    /// Bytes of a secret.
    pub const LEN: usize = 16;

    /// A new random secret.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(rng::bytes(entropy)))
    }

    /// The secret with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::LEN] {
        self.0.expose()
    }

    /// What the group's charter has of it: SHA-256 over a label and the secret.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let hash = Sha256::new().chain_update(b"hushwire group link v1").chain_update(self.expose());
        hash.finalize().into()
    }
}

impl fmt::Display for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32(self.expose()))
    }
}

impl FromStr for LinkSecret {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let bytes = from_base32(text).ok_or(LinkError::Code)?;
        bytes.as_slice().try_into().map(Self::new).map_err(|_| LinkError::Code)
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(..)")
    }
}

/// A link to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLink {
    /// The server's name or address.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// The server's identity.
    pub fingerprint: Fingerprint,
    /// The group's conversation.
    pub conversation: ConversationId,
    /// Whom of it to ask.
    pub account: AccountId,
    /// What shows that the link was had.
    pub secret: LinkSecret,
}

impl FromStr for GroupLink {
    type Err = LinkError;

    /// Reads a link; spaces around it do not count, a port that is missing is [`DEFAULT_PORT`](crate::invite::DEFAULT_PORT).
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        let (place, fingerprint) = text.split_once('#').ok_or(LinkError::Fingerprint)?;
        let (server, ask) = place.split_once(PATH).ok_or(LinkError::NoGroup)?;
        let InviteLink { host, port, fingerprint, .. } = format!("{server}#{fingerprint}").parse()?;
        let bytes = from_base32(ask).ok_or(LinkError::NoGroup)?;
        let (version, rest) = bytes.split_first().ok_or(LinkError::NoGroup)?;
        let (conversation, rest) = rest.split_first_chunk().ok_or(LinkError::NoGroup)?;
        let (account, secret) = rest.split_first_chunk().ok_or(LinkError::NoGroup)?;
        if *version != VERSION {
            return Err(LinkError::NoGroup);
        }
        Ok(Self {
            host,
            port,
            fingerprint,
            conversation: ConversationId::new(*conversation),
            account: AccountId::new(*account),
            secret: LinkSecret::new(secret.try_into().map_err(|_| LinkError::NoGroup)?),
        })
    }
}

impl fmt::Display for GroupLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ask = vec![VERSION];
        ask.extend(self.conversation.as_bytes());
        ask.extend(self.account.as_bytes());
        ask.extend(self.secret.expose());
        write!(f, "{SCHEME}{}:{}{PATH}{}#{}", self.host, self.port, base32(&ask), self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ServerKey;
    use hushwire_types::OsEntropy;

    fn link() -> GroupLink {
        GroupLink {
            host: "chat.example".parse().unwrap(),
            port: 7901,
            fingerprint: Fingerprint::of(&ServerKey::from_seed(&Secret::new([4; 32])).public()),
            conversation: ConversationId::new([1; 32]),
            account: AccountId::new([2; 32]),
            secret: LinkSecret::new([3; 16]),
        }
    }

    #[test]
    fn links_round_trip() {
        let text = link().to_string();
        assert_eq!(text.parse(), Ok(link()), "{text}");
        assert_eq!(format!(" {text}\n").parse(), Ok(link()));
        let without_port = text.replace(":7901", "");
        let port = crate::invite::DEFAULT_PORT;
        assert_eq!(without_port.parse(), Ok(GroupLink { port, ..link() }));
    }

    #[test]
    fn what_is_no_link_to_a_group_is_refused_with_what_is_wrong() {
        let text = link().to_string();
        let (place, fingerprint) = text.split_once('#').unwrap();
        assert_eq!(place.parse::<GroupLink>(), Err(LinkError::Fingerprint));
        for ask in ["", "abc", "a!", &base32(&[1; 80]), &base32(&[1; 82]), &base32(&[2; 81])] {
            let cut = format!("hush://chat.example/g/{ask}#{fingerprint}");
            assert_eq!(cut.parse::<GroupLink>(), Err(LinkError::NoGroup), "{cut}");
        }
        let invite = format!("hush://chat.example/i/K7QF-2M9D#{fingerprint}");
        assert_eq!(invite.parse::<GroupLink>(), Err(LinkError::NoGroup));
        let elsewhere = text.replace("hush://", "https://");
        assert_eq!(elsewhere.parse::<GroupLink>(), Err(LinkError::Scheme));
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", link()).contains("3, 3"));
        assert_eq!(format!("{:?}", link().secret), "LinkSecret(..)");
    }

    #[test]
    fn a_secret_is_written_and_read_and_its_hash_says_nothing_of_it() {
        assert_ne!(LinkSecret::generate(&OsEntropy), LinkSecret::generate(&OsEntropy));
        let secret = LinkSecret::new([3; 16]);
        assert_eq!(secret.to_string().parse(), Ok(secret.clone()));
        assert_eq!("".parse::<LinkSecret>(), Err(LinkError::Code));
        assert_eq!(*secret.expose(), [3; 16]);
        let hash = Sha256::digest([b"hushwire group link v1".as_slice(), &[3; 16]].concat());
        assert_eq!(secret.hash(), <[u8; 32]>::from(hash));
    }
}
