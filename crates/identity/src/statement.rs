//! What server and client sign to each other when they meet (rule R6).
//!
//! Each statement is a struct of everything that it covers, so that signer and verifier cannot leave a part out.

use hushwire_types::{AccountId, DeviceId};

use crate::handle::Handle;
use crate::keys::{ListKey, PublicKey, Signature};
use crate::labels::{self, BadSignature, LOGIN, RECOVERY, REGISTRATION, SERVER_HELLO};
use crate::recovery::RecoveryKey;
use crate::server::ServerKey;

/// What ties a statement to the one TLS connection that it was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// The TLS exporter "EXPORTER-hushwire-v2" without context.
    Exporter([u8; 32]),
    /// RFC 5929 tls-server-end-point: SHA-256 of the certificate that the client saw.
    EndPoint([u8; 32]),
    /// Plain `ws://` on loopback: nothing.
    None,
}

impl ChannelBinding {
    /// The kind's byte, as in the wire's enum, and the bytes that it binds to.
    fn parts(&self) -> ([u8; 1], &[u8]) {
        match self {
            Self::Exporter(bytes) => ([1], bytes),
            Self::EndPoint(bytes) => ([2], bytes),
            Self::None => ([3], &[]),
        }
    }
}

/// The server's first words: proof that the holder of its identity ends this TLS connection.
#[derive(Debug, Clone, Copy)]
pub struct ServerHello<'a> {
    /// The connection.
    pub binding: &'a ChannelBinding,
    /// The nonce of the client's Hello.
    pub client_nonce: &'a [u8; 32],
}

impl ServerHello<'_> {
    /// Signs as the server.
    #[must_use]
    pub fn sign(&self, key: &ServerKey) -> Signature {
        let (kind, bytes) = self.binding.parts();
        key.sign(SERVER_HELLO, &[&kind, bytes, self.client_nonce])
    }

    /// Checks the server's signature; that `server` is the pinned key is [`crate::Fingerprint::fits`]'s to say.
    ///
    /// # Errors
    /// [`BadSignature`]: somebody else ends the TLS connection; say so and send nothing.
    pub fn verify(&self, server: &PublicKey, signature: &Signature) -> Result<(), BadSignature> {
        let (kind, bytes) = self.binding.parts();
        labels::verify(server, SERVER_HELLO, &[&kind, bytes, self.client_nonce], signature)
    }
}

/// A device's proof to one server on one connection.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The identity of the server that the device talks to.
    pub server: &'a PublicKey,
    /// The connection.
    pub binding: &'a ChannelBinding,
    /// The nonce of the server's hello.
    pub server_nonce: &'a [u8; 32],
    /// The account.
    pub account: &'a AccountId,
    /// The device of the account.
    pub device: &'a DeviceId,
}

impl Login<'_> {
    /// Signs as the device.
    #[must_use]
    pub fn sign(&self, key: &ListKey) -> Signature {
        self.with_parts(|parts| key.sign(LOGIN, parts))
    }

    /// Checks the signature by the device's list key.
    ///
    /// # Errors
    /// [`BadSignature`]: refuse the login.
    pub fn verify(&self, list_key: &PublicKey, signature: &Signature) -> Result<(), BadSignature> {
        self.with_parts(|parts| labels::verify(list_key, LOGIN, parts, signature))
    }

    fn with_parts<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (kind, bytes) = self.binding.parts();
        then(&[
            self.server.as_ref(),
            &kind,
            bytes,
            self.server_nonce,
            self.account.as_ref(),
            self.device.as_ref(),
        ])
    }
}

/// The first device's consent that these handles of this server point to its account.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    /// The identity of the server.
    pub server: &'a PublicKey,
    /// Every handle of the session, in any order.
    pub handles: &'a [Handle],
    /// The new account.
    pub account: &'a AccountId,
}

impl Registration<'_> {
    /// Signs as the first device.
    #[must_use]
    pub fn sign(&self, key: &ListKey) -> Signature {
        self.with_parts(|parts| key.sign(REGISTRATION, parts))
    }

    /// Checks the signature by the first device's list key.
    ///
    /// # Errors
    /// [`BadSignature`]: refuse the registration.
    pub fn verify(&self, list_key: &PublicKey, signature: &Signature) -> Result<(), BadSignature> {
        self.with_parts(|parts| labels::verify(list_key, REGISTRATION, parts, signature))
    }

    fn with_parts<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        let mut handles: Vec<String> = self.handles.iter().map(Handle::to_string).collect();
        handles.sort_unstable();
        let mut parts: Vec<&[u8]> = vec![self.server.as_ref(), self.account.as_ref()];
        parts.extend(handles.iter().map(String::as_bytes));
        then(&parts)
    }
}

/// A recovery key's proof to one server on one connection that its account's list may be shown.
#[derive(Debug, Clone, Copy)]
pub struct Recovery<'a> {
    /// The identity of the server.
    pub server: &'a PublicKey,
    /// The connection.
    pub binding: &'a ChannelBinding,
    /// The nonce of the server's hello.
    pub server_nonce: &'a [u8; 32],
    /// A handle of the account, in its canonical form.
    pub handle: &'a Handle,
}

impl Recovery<'_> {
    /// Signs with the recovery key.
    #[must_use]
    pub fn sign(&self, key: &RecoveryKey) -> Signature {
        self.with_parts(|parts| key.sign(RECOVERY, parts))
    }

    /// Checks the signature by the account's recovery key.
    ///
    /// # Errors
    /// [`BadSignature`]: show nothing.
    pub fn verify(&self, recovery_key: &PublicKey, signature: &Signature) -> Result<(), BadSignature> {
        self.with_parts(|parts| labels::verify(recovery_key, RECOVERY, parts, signature))
    }

    fn with_parts<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (kind, bytes) = self.binding.parts();
        then(&[self.server.as_ref(), &kind, bytes, self.server_nonce, self.handle.to_string().as_bytes()])
    }
}
