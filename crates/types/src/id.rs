//! Identifiers: opaque bytes of a fixed length.
//!
//! Which of them are random and which are hashes is said at each; the crates that derive them (`identity`) are
//! the only ones that know how.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BitOrder, Encoding, Specification};
use std::sync::LazyLock;

/// RFC 4648 base32, lower case, no padding: safe in URLs, file names and speech.
static BASE32: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    spec.bit_order = BitOrder::MostSignificantFirst;
    spec.translate.from.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    spec.translate.to.push_str("abcdefghijklmnopqrstuvwxyz");
    spec.encoding().ok()
});

/// Lower-case base32 text of `bytes`, without padding.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    BASE32.as_ref().map(|encoding| encoding.encode(bytes)).unwrap_or_default()
}

/// Bytes of base32 `text` (either case), or `None` where it is not base32.
#[must_use]
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    BASE32.as_ref()?.decode(text.as_bytes()).ok()
}

/// A text or a byte string that is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct InvalidId {
    kind: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The id of these bytes.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The first eight characters of the text form, for logs and lists.
            #[must_use]
            pub fn short(&self) -> String {
                base32(&self.0).chars().take(8).collect()
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidId;

            fn try_from(bytes: &[u8]) -> Result<Self, InvalidId> {
                bytes.try_into().map(Self).map_err(|_| InvalidId { kind: $kind })
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bytes = from_base32(text).ok_or(InvalidId { kind: $kind })?;
                Self::try_from(bytes.as_slice())
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base32(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }
    };
}

id!(
    /// A person: the hash of the account's genesis, so that no server can give a known account other keys.
    AccountId, 32, "account id"
);
id!(
    /// An MLS client of an account: the truncated hash of the device's list key.
    DeviceId, 16, "device id"
);
id!(
    /// What a person sees as one conversation, over all generations of the group under it.
    ConversationId, 32, "conversation id"
);
id!(
    /// A body that travels by HTTPS and is named in a frame: its SHA-256.
    BodyDigest, 32, "body digest"
);
id!(
    /// An MLS group id (RFC 9420, section 6): random, one for each generation of a conversation.
    GroupId, 32, "group id"
);
id!(
    /// A device's queue on the server, random, so that the rest of the server's schema names neither device nor account.
    MailboxId, 16, "mailbox id"
);
id!(
    /// One life of a mailbox: a server that was restored from a backup takes a new one.
    IncarnationId, 16, "incarnation id"
);
id!(
    /// What a device names one login by, new and random for each: who finds that somebody else logged in last is one of two copies.
    LoginMark, 16, "login mark"
);
id!(
    /// The identity of one piece of content for display, chosen at random by its author; it survives re-encryption.
    ContentId, 16, "content id"
);
id!(
    /// A report of an account, chosen at random by its reporter, by which the server knows a repeat.
    ReportId, 16, "report id"
);
id!(
    /// A registration under way on the server.
    SessionId, 16, "session id"
);
id!(
    /// The hash of one entry of a device list, which is the hash of the list up to there.
    EntryHash, 32, "list hash"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_of_the_wrong_length_is_refused() {
        assert!(DeviceId::try_from([0_u8; 15].as_slice()).is_err());
        assert!("aaaa".parse::<DeviceId>().is_err());
    }

    #[test]
    fn text_is_read_in_either_case() {
        let id = DeviceId::new([0xa7; 16]);
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    proptest! {
        #[test]
        fn text_round_trips(bytes: [u8; 32]) {
            let id = AccountId::new(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
