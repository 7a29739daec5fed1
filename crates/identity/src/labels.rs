//! Every label of the system: nothing is signed or hashed into an identifier without one of these.
//!
//! A signed message is the label and then its parts, each as `u32 length ‖ bytes` (big-endian). So no two statements,
//! and no two ways to cut one statement into parts, have the same bytes.

use sha2::{Digest, Sha256};

use crate::keys::{PublicKey, Signature};

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label(&'static str);

impl Label {
    /// The text that is signed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// By the first device and by the recovery key, each over the body of a genesis.
pub const GENESIS: Label = Label("hushwire genesis v1");
/// By the author of a device list's entry, over its body.
pub const LIST_ENTRY: Label = Label("hushwire list entry v1");
/// By a device that is being added, over the body of the entry that adds it.
pub const ADDED_DEVICE: Label = Label("hushwire added device v1");
/// By a new recovery key, over the body of the entry that brings it in.
pub const NEW_RECOVERY_KEY: Label = Label("hushwire new recovery key v1");
/// By the server, to begin a connection (rule R6).
pub const SERVER_HELLO: Label = Label("hushwire server hello v2");
/// By a device's list key, to log in (rule R6).
pub const LOGIN: Label = Label("hushwire login v2");
/// By the first device of a new account, over the handles that shall be its own.
pub const REGISTRATION: Label = Label("hushwire registration v2");
/// By a recovery key, to be shown the list of its account.
pub const RECOVERY: Label = Label("hushwire recovery v1");
/// Hashed with an offer and an answer into the digits that two screens show; signs nothing.
pub const LINK_DIGITS: Label = Label("hushwire link digits v1");

/// Every label, for the test that they differ.
pub const ALL: [Label; 9] = [
    GENESIS,
    LIST_ENTRY,
    ADDED_DEVICE,
    NEW_RECOVERY_KEY,
    SERVER_HELLO,
    LOGIN,
    REGISTRATION,
    RECOVERY,
    LINK_DIGITS,
];

/// A signature does not fit the key, the label and the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is wrong")]
pub struct BadSignature;

/// The bytes that are signed for `label` and `parts`.
#[must_use]
pub fn message(label: Label, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in std::iter::once(label.0.as_bytes()).chain(parts.iter().copied()) {
        // Parts are keys, ids, nonces and list entries: far below 4 GiB.
        out.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(part);
    }
    out
}

/// Checks a signature by `key` with the strict rules of `verify_strict`: no weak key, one form of a signature.
///
/// # Errors
/// [`BadSignature`]: the peer misbehaved, or the bytes were changed on the way.
pub fn verify(
    key: &PublicKey,
    label: Label,
    parts: &[&[u8]],
    signature: &Signature,
) -> Result<(), BadSignature> {
    key.verify(&message(label, parts), signature)
}

/// SHA-256 of an ASCII label and then `bytes`: identifiers that are hashes.
pub(crate) fn hash(label: &str, bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(label).chain_update(bytes).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_labels_are_the_same() {
        assert_eq!(ALL.iter().collect::<HashSet<_>>().len(), ALL.len());
    }

    #[test]
    fn parts_cannot_be_cut_elsewhere() {
        assert_ne!(message(LOGIN, &[b"ab", b"c"]), message(LOGIN, &[b"a", b"bc"]));
        assert_ne!(message(LOGIN, &[b"a"]), message(LOGIN, &[b"a", b""]));
    }

    #[test]
    fn a_message_is_length_prefixed() {
        assert_eq!(message(Label("hi"), &[b"x"]), b"\0\0\0\x02hi\0\0\0\x01x");
    }
}
