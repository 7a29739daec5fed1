//! What the connections of wire version 1 share: the store and its writer, who is online, the server's key, how codes go out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hushwire_classic::{CryptoError, Phone, PublicKeys, Signature, SignedKeys, SigningKey};
use hushwire_delivery::limits::Limit;
use hushwire_delivery::{Job, Who};
use hushwire_server_store::classic::{ClassicKeys, ClassicPhone};
use hushwire_server_store::{Store, StoreError, Write, Written};
use hushwire_types::Timestamp;
use tokio::sync::{Semaphore, oneshot};

use super::phones::Phones;
use crate::config;
use crate::node::Node;

/// How a code reaches whoever registers.
#[derive(Clone)]
pub(crate) enum OtpWay {
    /// By the driver for phone numbers.
    Driver(Arc<config::Otp>),
    /// In the answer, as the original does it: on loopback only.
    Echo,
}

/// What all connections share.
pub(crate) struct Desk {
    pub(super) node: Arc<Node>,
    pub(super) store: Arc<dyn Store>,
    pub(super) phones: Arc<Phones>,
    pub(super) otp: OtpWay,
    key: Arc<SigningKey>,
    /// Signing takes milliseconds of a core.
    signing: Arc<Semaphore>,
}

/// An operation that came to nothing: the store refused it, failed, or has no room for more at the moment. The protocol has one
/// word for all of these.
#[derive(Debug)]
pub(super) struct Undone;

impl Desk {
    /// Puts a desk together. `cores` is how many keys may be signed at once.
    pub(crate) fn new(
        node: Arc<Node>,
        store: Arc<dyn Store>,
        key: SigningKey,
        otp: OtpWay,
        cores: usize,
    ) -> Self {
        let signing = Arc::new(Semaphore::new(cores.max(1)));
        Self { node, store, phones: Arc::default(), otp, key: Arc::new(key), signing }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.node.clock.now()
    }

    /// Carries out an operation in the next transaction; what this returns is durable.
    pub(super) async fn write(&self, operation: impl Into<Write>) -> Result<Written, Undone> {
        let (tell, told) = oneshot::channel();
        let tell = Box::new(move |outcome| {
            // Whoever asked may have gone.
            let _ = tell.send(outcome);
        });
        self.node.write(Box::new(Job::aside(operation, tell)));
        told.await.map_err(|_| Undone)?.map_err(|_| Undone)
    }

    /// The keys of somebody, as they were signed when they came.
    pub(super) fn keys(&self, phone: Phone) -> Result<Option<SignedKeys>, StoreError> {
        let account = self.store.classic_account(stored(phone))?;
        Ok(account.and_then(|account| signed(account.keys)))
    }

    pub(super) fn is_known(&self, phone: Phone) -> Result<bool, StoreError> {
        Ok(self.store.classic_account(stored(phone))?.is_some())
    }

    /// Signs somebody's keys, on a thread for such things.
    pub(super) async fn sign(&self, keys: PublicKeys) -> Result<SignedKeys, CryptoError> {
        let gone = |_| CryptoError::Library("the server is stopping".to_owned());
        let permit = Arc::clone(&self.signing).acquire_owned().await.map_err(|_| gone(()))?;
        let key = Arc::clone(&self.key);
        let work = move || {
            let _permit = permit;
            keys.sign(&key)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| gone(()))?
    }

    /// Counts a request; how long to wait where there were too many.
    pub(super) fn count(&self, limit: Limit, who: Who<'_>) -> Result<(), Duration> {
        self.node.service.count_elsewhere(limit, who, self.now())
    }

    /// Lets somebody have as many messages and keys a second as a device of the current protocol, and no more: whoever asks for
    /// more waits.
    pub(super) async fn pace(&self, phone: Phone) {
        let name = format!("classic {phone}");
        while let Err(wait) = self.count(Limit::Send, Who::Name(&name)) {
            tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        }
    }

    /// Whether somebody may begin to register, by what was asked before.
    pub(super) fn may_register(&self, phone: Phone, address: Option<IpAddr>) -> bool {
        let name = format!("classic {phone}");
        self.count(Limit::RegisterAddress, Who::Address(address)).is_ok()
            && (matches!(self.otp, OtpWay::Echo)
                || self.count(Limit::RegisterHandle, Who::Name(&name)).is_ok())
    }
}

/// A phone as the store has it.
pub(super) const fn stored(phone: Phone) -> ClassicPhone {
    ClassicPhone(phone.to_wire())
}

/// A phone out of the store.
pub(super) fn phone(stored: ClassicPhone) -> Option<Phone> {
    Phone::from_wire(stored.0).ok()
}

/// Signed keys as the store has them.
pub(super) fn stored_keys(signed: &SignedKeys) -> ClassicKeys {
    let bytes = |signature: &Signature| bytes::Bytes::copy_from_slice(&signature.0);
    ClassicKeys {
        dh: signed.keys.dh.0,
        rsa: signed.keys.rsa.as_bytes().clone(),
        dh_signature: bytes(&signed.dh_signature),
        rsa_signature: bytes(&signed.rsa_signature),
    }
}

fn signed(stored: ClassicKeys) -> Option<SignedKeys> {
    let rsa = hushwire_classic::RsaPem::new(stored.rsa).ok()?;
    Some(SignedKeys {
        keys: PublicKeys { dh: hushwire_classic::DhPublicKey(stored.dh), rsa },
        dh_signature: Signature::try_from(&*stored.dh_signature).ok()?,
        rsa_signature: Signature::try_from(&*stored.rsa_signature).ok()?,
    })
}
