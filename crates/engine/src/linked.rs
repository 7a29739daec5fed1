//! A new device of an account that exists: its keys, its login before it has a database, and the profile that it becomes.
//!
//! The keys are in memory only until the account's list has them. A process that dies in between leaves at most a device in
//! the list that never says anything, which the other devices show and can put out.

use std::sync::Arc;

use hushwire_client_store::profile::{Profile, ProfileState};
use hushwire_client_store::{Database, profile};
use hushwire_identity::linking::{Offer, nonce};
use hushwire_identity::list::{Joining, ListHead, complete};
use hushwire_identity::{
    Author, ChannelBinding, DeviceList, DeviceName, DeviceStatus, Handle, ListError, ListKey, PublicKey,
    RecoveryKey, statement,
};
use hushwire_types::{AccountId, Entropy, Secret, Timestamp, rng};
use hushwire_wire as wire;

use crate::engine::Engine;
use crate::registration::{check_hello, insert_own};
use crate::{RegisterError, StepError};

/// A device that is to be added to an account by another one of it.
#[derive(Debug, Clone)]
pub struct NewDevice {
    list_key: ListKey,
    mls_key: Secret<32>,
    name: DeviceName,
}

/// Where the account of a new device lives.
#[derive(Debug, Clone)]
pub struct Home {
    /// The handle by which the account calls itself.
    pub handle: Handle,
    /// `host:port` of the server.
    pub server: String,
    /// The server's identity.
    pub server_key: PublicKey,
}

impl NewDevice {
    /// New keys.
    #[must_use]
    pub fn generate(name: DeviceName, entropy: &dyn Entropy) -> Self {
        Self { list_key: ListKey::generate(entropy), mls_key: Secret::new(rng::bytes(entropy)), name }
    }

    /// What it tells of itself, with a new nonce.
    #[must_use]
    pub fn offer(&self, entropy: &dyn Entropy) -> Offer {
        let Joining { list_key, mls_key, name } = self.joining();
        Offer { list_key, mls_key, name, nonce: nonce(entropy) }
    }

    fn joining(&self) -> Joining {
        // An Ed25519 key pair like any other; only its use differs.
        let mls_key = ListKey::from_seed(&self.mls_key).public();
        Joining { list_key: self.list_key.public(), mls_key, name: self.name.clone() }
    }

    /// Signs the entry that adds it, if the draft adds nothing else, right after `head`.
    ///
    /// # Errors
    /// Something else was to be signed: somebody lies.
    pub fn complete(&self, draft: &[u8], head: ListHead) -> Result<Vec<u8>, hushwire_identity::Malformed> {
        complete(draft, head, &self.joining(), &self.list_key)
    }

    /// The entry that adds it by the account's recovery key.
    ///
    /// # Errors
    /// The key is not that of the list.
    pub fn recover(&self, list: &DeviceList, key: &RecoveryKey) -> Result<Vec<u8>, ListError> {
        let Joining { mls_key, name, .. } = self.joining();
        let new = hushwire_identity::NewDevice { list_key: &self.list_key, mls_key, name };
        list.add_device(Author::Recovery(key), &new)
    }

    /// Signs its first login, at a server whose hello is checked.
    ///
    /// # Errors
    /// [`RegisterError::WrongServer`]: send nothing.
    pub fn login(
        &self,
        account: AccountId,
        hello: &wire::Welcomed,
        binding: &ChannelBinding,
        client_nonce: &[u8; 32],
    ) -> Result<wire::Login, RegisterError> {
        if !check_hello(hello, binding, client_nonce) {
            return Err(RegisterError::WrongServer);
        }
        let server = PublicKey::from_bytes(&hello.server_key).map_err(|_| RegisterError::WrongServer)?;
        let device = self.list_key.device_id();
        let login = statement::Login {
            server: &server,
            binding,
            server_nonce: &hello.nonce,
            account: &account,
            device: &device,
        };
        let signature = *login.sign(&self.list_key).as_bytes();
        Ok(wire::Login { account_id: account, device_id: device, signature, cursor: None, mark: None })
    }
}

impl Engine {
    /// Makes the profile of a device that the account's verified list has.
    ///
    /// # Errors
    /// [`RegisterError::Registered`] where the database has a profile; [`RegisterError::NotListed`] where the list does not
    /// have the device; else the database.
    pub fn linked(
        db: &mut Database,
        device: &NewDevice,
        list: &DeviceList,
        home: &Home,
        entropy: Arc<dyn Entropy>,
        now: Timestamp,
    ) -> Result<Self, RegisterError> {
        if db.read::<_, RegisterError>(|view| Ok(profile::find(view)?))?.is_some() {
            return Err(RegisterError::Registered);
        }
        let id = device.list_key.device_id();
        if list.status(id) != DeviceStatus::Active {
            return Err(RegisterError::NotListed);
        }
        let profile = Profile {
            account: list.account_id(),
            device: id,
            device_name: device.name.as_str().to_owned(),
            handle: home.handle.to_string(),
            list_key: device.list_key.seed(),
            mls_key: device.mls_key.clone(),
            genesis: list.genesis().as_bytes().to_vec(),
            server: home.server.clone(),
            server_key: *home.server_key.as_bytes(),
            state: ProfileState::Registered,
            recovery_key: None,
            registration: None,
            created_at: now,
        };
        db.step::<_, RegisterError>(|tx| {
            insert_own(tx, &profile, list)?;
            crate::claims::put_own(tx, std::slice::from_ref(&home.handle)).map_err(|error| match error {
                StepError::Store(error) => RegisterError::Store(error),
                _ => RegisterError::Bug("the handles cannot be written"),
            })
        })?;
        Self::open(db, entropy).map_err(|_| RegisterError::Damaged("new profile"))
    }
}
