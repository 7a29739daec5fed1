//! Sealing and opening of messages.

use bytes::{BufMut, BytesMut};
use hushwire_types::{Entropy, SecretBytes, rng};

use crate::blob::{HEAD, MessageBlob, NONCE, SALT};
use crate::crypto::{CryptoError, DhPrivateKey, SigningKey, open_gcm, seal_gcm};
use crate::keys::{PublicKeys, Signature, VerifiedKeys};
use crate::limits::{SENT_BLOB_BYTES, SIGNATURE_BYTES, TEXT_CHARACTERS};

/// One's own private keys.
#[derive(Debug, Clone)]
pub struct PrivateKeys {
    /// For agreeing on keys.
    pub dh: DhPrivateKey,
    /// For signatures.
    pub rsa: SigningKey,
}

impl PrivateKeys {
    /// Their public halves.
    ///
    /// # Errors
    /// [`CryptoError`]
    pub fn public(&self) -> Result<PublicKeys, CryptoError> {
        Ok(PublicKeys { dh: self.dh.public()?, rsa: self.rsa.public_pem()? })
    }
}

/// A text that may be sent. Wiped on drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(SecretBytes);

/// Why a text cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidText {
    /// There is nothing in it.
    #[error("the text is empty")]
    Empty,
    /// More characters than the protocol has.
    #[error("the text has more than {TEXT_CHARACTERS} characters")]
    TooLong,
    /// Few characters, but so many bytes of them that a peer of the original would drop the connection.
    #[error("the text needs more than {} bytes, which the original program does not take", TEXT_BYTES)]
    TooManyBytes,
}

/// Bytes of a text for which a whole frame is not too large for the original.
pub const TEXT_BYTES: usize = SENT_BLOB_BYTES - HEAD - crate::blob::TAG;

impl Text {
    /// Takes a text over.
    ///
    /// # Errors
    /// [`InvalidText`]
    pub fn new(text: String) -> Result<Self, InvalidText> {
        let (characters, bytes) = (text.chars().count(), text.len());
        let text = SecretBytes::from(text);
        match characters {
            0 => Err(InvalidText::Empty),
            _ if characters > TEXT_CHARACTERS => Err(InvalidText::TooLong),
            _ if bytes > TEXT_BYTES => Err(InvalidText::TooManyBytes),
            _ => Ok(Self(text)),
        }
    }

    /// The text, for a person.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // UTF-8 by construction.
        std::str::from_utf8(self.0.expose()).unwrap_or_default()
    }
}

/// Why a message is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not signed by the one it is said to be from, or not for us.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The server has no account of its sender, so that no key is there to hold it against.
    #[error("nobody is registered under this number, so it cannot be verified; it is dropped")]
    UnknownSender,
    /// The sender signed something that is no text of this protocol.
    #[error("the message is no text")]
    NotText,
}

/// Seals a text for somebody.
///
/// # Errors
/// [`CryptoError`]
pub fn seal(
    own: &PrivateKeys,
    peer: &VerifiedKeys,
    text: &Text,
    entropy: &dyn Entropy,
) -> Result<MessageBlob, CryptoError> {
    let (salt, nonce) = (rng::bytes::<SALT>(entropy), rng::bytes::<NONCE>(entropy));
    let key = own.dh.message_key(&peer.public().dh, &salt)?;
    let sealed = seal_gcm(&key, &nonce, text.0.expose())?;
    let signature = own.rsa.sign(&sealed)?;
    let mut blob = BytesMut::with_capacity(HEAD + sealed.len());
    blob.put_slice(&salt);
    blob.put_slice(&nonce);
    blob.put_slice(&signature.0);
    blob.put_slice(&sealed);
    MessageBlob::new(blob.freeze()).map_err(|_| CryptoError::Library("a text that is too long".to_owned()))
}

/// Opens a message that is said to be from somebody: the signature first.
///
/// # Errors
/// [`OpenError`]: show nothing of it.
pub fn open(own: &DhPrivateKey, sender: &VerifiedKeys, blob: &MessageBlob) -> Result<Text, OpenError> {
    let (salt, nonce, signature, sealed) = parts(blob).ok_or(CryptoError::Undecryptable)?;
    sender.verifying().verify(sealed, &signature)?;
    let key = own.message_key(&sender.public().dh, &salt)?;
    let text = open_gcm(&key, &nonce, sealed)?;
    let characters = std::str::from_utf8(text.expose()).map_err(|_| OpenError::NotText)?.chars().count();
    if characters > TEXT_CHARACTERS { Err(OpenError::NotText) } else { Ok(Text(text)) }
}

type Parts<'a> = ([u8; SALT], [u8; NONCE], Signature, &'a [u8]);

fn parts(blob: &MessageBlob) -> Option<Parts<'_>> {
    let (salt, rest) = blob.as_bytes().split_first_chunk::<SALT>()?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
    let (signature, sealed) = rest.split_first_chunk::<SIGNATURE_BYTES>()?;
    Some((*salt, *nonce, Signature(*signature), sealed))
}
