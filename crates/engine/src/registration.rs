//! From nothing to an account, and from an account to a connection.
//!
//! Invariants:
//! - The keys are on the disk before the server hears of them, and are the same however often a registration is tried
//!   again.
//! - Nothing is signed for a server whose key is not the pinned one (rule R6).

use std::sync::Arc;

use hushwire_client_store::account::{Account, Says, Trust};
use hushwire_client_store::list::ListEntry;
use hushwire_client_store::profile::{Profile, ProfileState};
use hushwire_client_store::{Database, account, list, profile, progress};
use hushwire_identity::{
    ChannelBinding, DeviceList, DeviceName, Flags, Genesis, Handle, ListKey, PublicKey, RecoveryKey,
    ServerHello, Signature, UnverifiedEntry, statement,
};
use hushwire_types::{Entropy, Secret, SessionId, Timestamp, rng};
use hushwire_wire as wire;
use hushwire_wire::Opaque;

use crate::engine::Engine;
use crate::{RegisterError, StepError, copies, key_packages};

/// What a new account is made of. The server's key is that of its hello, which the caller has compared with the
/// fingerprint in the invite.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// What its owner calls this device.
    pub device_name: DeviceName,
    /// The handle that is wanted (a username), or by which the account is registered.
    pub handle: Handle,
    /// `host:port` of the server.
    pub server: String,
    /// The server's identity.
    pub server_key: PublicKey,
    /// What the account says about itself for ever.
    pub flags: Flags,
}

impl Engine {
    /// Makes the keys of a new account and device and stores them. A profile whose registration at this server did not end
    /// keeps its keys and takes the new handle: the server may have made the account, or holds a claim for it.
    ///
    /// # Errors
    /// [`RegisterError::Registered`] where there is an account already; else the database.
    pub fn register(
        db: &mut Database,
        new: &NewAccount,
        entropy: Arc<dyn Entropy>,
        now: Timestamp,
    ) -> Result<Self, RegisterError> {
        let found = db.read::<_, RegisterError>(|view| Ok(profile::find(view)?))?;
        if found.as_ref().is_some_and(|profile| profile.state == ProfileState::Registered) {
            return Err(RegisterError::Registered);
        }
        db.step::<_, RegisterError>(|tx| {
            if found.as_ref().is_some_and(|begun| goes_on(begun, new)) {
                return Ok(profile::set_wish(tx, &new.handle.to_string(), &new.server)?);
            }
            if found.is_some() {
                profile::abandon(tx)?;
            }
            write_profile(tx, new, &*entropy, now)
        })?;
        Self::open(db, entropy).map_err(|_| RegisterError::Damaged("new profile"))
    }

    /// The first request of a registration.
    #[must_use]
    pub fn register_request(
        &self,
        method: wire::RegistrationMethod,
        username: Option<wire::Sensitive>,
    ) -> wire::Register {
        wire::Register { method, username, account_id: self.me.account }
    }

    /// The last request of a registration: the account's keys and the first KeyPackages, whose private parts are stored
    /// here. `handles` are those of the session.
    ///
    /// # Errors
    /// The database, or a bug.
    pub fn public_keys(
        &mut self,
        db: &mut Database,
        session: SessionId,
        handles: &[Handle],
        now: Timestamp,
    ) -> Result<wire::SendPublicKeys, RegisterError> {
        let entry = self
            .lists
            .find(&self.me.account)
            .and_then(|list| list.entries(hushwire_types::ListNumber(1)).next().map(<[u8]>::to_vec))
            .ok_or(RegisterError::Damaged("device list"))?;
        let statement =
            statement::Registration { server: &self.me.server_key, handles, account: &self.me.account };
        let signature = *statement.sign(&self.me.list_key).as_bytes();
        let device = &mut self.device;
        let made = db.step(|tx| {
            crate::claims::put_own(tx, handles).map_err(|error| match error {
                StepError::Store(error) => RegisterError::Store(error),
                _ => RegisterError::Bug("the handles cannot be written"),
            })?;
            key_packages::first(tx, device, now)
        });
        let (key_packages, last_resort) = made.inspect_err(|_| self.device.forget())?;
        Ok(wire::SendPublicKeys {
            session_id: session,
            genesis: Opaque::from(self.me.genesis.clone()),
            list_entry: Opaque::from(entry),
            key_packages: key_packages.into_iter().map(Opaque::from).collect(),
            last_resort_key_package: Opaque::from(last_resort),
            signature,
        })
    }

    /// The server has confirmed the keys, or has accepted a login of a profile that was still registering.
    ///
    /// # Errors
    /// The database.
    pub fn keys_set(&mut self, db: &mut Database) -> Result<(), RegisterError> {
        if self.me.state == ProfileState::Registering {
            db.step::<_, RegisterError>(|tx| Ok(profile::set_registered(tx)?))?;
            self.me.state = ProfileState::Registered;
        }
        Ok(())
    }

    /// The recovery key, until [`Engine::forget_recovery_key`]: to be shown to the person once.
    ///
    /// # Errors
    /// The database.
    pub fn recovery_key(&self, db: &mut Database) -> Result<Option<RecoveryKey>, RegisterError> {
        let profile = db.read::<_, RegisterError>(|view| Ok(profile::find(view)?))?;
        Ok(profile.and_then(|profile| profile.recovery_key).map(|seed| RecoveryKey::from_seed(&seed)))
    }

    /// The person has seen the recovery key: erases it here.
    ///
    /// # Errors
    /// The database.
    pub fn forget_recovery_key(&self, db: &mut Database) -> Result<(), RegisterError> {
        db.step::<_, RegisterError>(|tx| Ok(profile::forget_recovery_key(tx)?))
    }

    /// Checks the server's hello on this connection against the pinned key and signs the login.
    ///
    /// # Errors
    /// [`RegisterError::WrongServer`]: send nothing; else the database.
    pub fn login(
        &self,
        db: &mut Database,
        hello: &wire::Welcomed,
        binding: &ChannelBinding,
        client_nonce: &[u8; 32],
    ) -> Result<wire::Login, RegisterError> {
        if hello.server_key != *self.me.server_key.as_bytes() || !check_hello(hello, binding, client_nonce) {
            return Err(RegisterError::WrongServer);
        }
        let (progress, mark) = db.step::<_, RegisterError>(|tx| {
            Ok((progress::load(tx)?, copies::new_mark(tx, &*self.entropy)?))
        })?;
        let statement = statement::Login {
            server: &self.me.server_key,
            binding,
            server_nonce: &hello.nonce,
            account: &self.me.account,
            device: &self.me.device,
        };
        Ok(wire::Login {
            account_id: self.me.account,
            device_id: self.me.device,
            signature: *statement.sign(&self.me.list_key).as_bytes(),
            cursor: progress
                .incarnation
                .map(|incarnation| wire::Cursor { incarnation, seq: progress.cursor }),
            mark: Some(mark),
        })
    }
}

/// Whether a registration that began goes on: the server knows the account id already, or a claim of it to a handle.
fn goes_on(begun: &Profile, new: &NewAccount) -> bool {
    let same_flags = Genesis::verify(&begun.genesis).is_ok_and(|genesis| genesis.flags() == new.flags);
    begun.server_key == *new.server_key.as_bytes() && same_flags
}

/// Whether the server that sent this hello holds the key that it names and ends this very connection. Whether that key is
/// the right one, a pinned key or a fingerprint says.
#[must_use]
pub fn check_hello(hello: &wire::Welcomed, binding: &ChannelBinding, client_nonce: &[u8; 32]) -> bool {
    let same_kind = matches!(
        (hello.binding, binding),
        (wire::ChannelBinding::Exporter, ChannelBinding::Exporter(_))
            | (wire::ChannelBinding::EndPoint, ChannelBinding::EndPoint(_))
            | (wire::ChannelBinding::None, ChannelBinding::None)
    );
    let Ok(key) = PublicKey::from_bytes(&hello.server_key) else { return false };
    let signature = Signature::from_bytes(hello.signature);
    same_kind && ServerHello { binding, client_nonce }.verify(&key, &signature).is_ok()
}

fn write_profile(
    tx: &hushwire_client_store::Tx<'_>,
    new: &NewAccount,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<(), RegisterError> {
    let (list_key, recovery) = (ListKey::generate(entropy), RecoveryKey::generate(entropy));
    let mls_key = Secret::new(rng::bytes(entropy));
    // An Ed25519 key pair like any other; only its use differs.
    let mls_public = ListKey::from_seed(&mls_key).public();
    let genesis = Genesis::create(new.flags, &list_key, &recovery, entropy);
    let entry = DeviceList::first_entry(&genesis, &list_key, mls_public, new.device_name.clone())
        .map_err(|_| RegisterError::Bug("the first entry of a list was refused"))?;
    let own = DeviceList::verify(genesis.as_bytes(), [&entry])
        .map_err(|_| RegisterError::Bug("a new list did not verify"))?;
    let profile = Profile {
        account: genesis.account_id(),
        device: list_key.device_id(),
        device_name: new.device_name.as_str().to_owned(),
        handle: new.handle.to_string(),
        list_key: list_key.seed(),
        mls_key,
        genesis: genesis.as_bytes().to_vec(),
        server: new.server.clone(),
        server_key: *new.server_key.as_bytes(),
        state: ProfileState::Registering,
        recovery_key: Some(recovery.seed()),
        registration: None,
        created_at: now,
    };
    insert_own(tx, &profile, &own)
}

/// The rows of a new profile: itself, its account, and the list of its account.
pub(crate) fn insert_own(
    tx: &hushwire_client_store::Tx<'_>,
    profile: &Profile,
    own: &DeviceList,
) -> Result<(), RegisterError> {
    profile::insert(tx, profile)?;
    let head = own.head();
    account::insert(
        tx,
        &Account {
            account: profile.account,
            genesis: profile.genesis.clone(),
            head_number: head.number,
            head_hash: head.hash,
            handle: None,
            username: None,
            local_name: None,
            says: Says::default(),
            trust: Trust::Unverified,
            learned_at: profile.created_at,
        },
    )?;
    for bytes in own.history() {
        let entry = UnverifiedEntry::decode(bytes)
            .map_err(|_| RegisterError::Bug("a verified entry is malformed"))?;
        let row = ListEntry { number: entry.number(), hash: entry.hash(), bytes: bytes.to_vec() };
        list::append(tx, &profile.account, &row)?;
    }
    Ok(())
}
