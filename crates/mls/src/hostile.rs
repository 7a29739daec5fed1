//! A member that breaks the rules, for tests: raw mls-rs without policy, and with faults in its cryptography.
//!
//! It makes what an honest device never makes, each as a message that the Delivery Service would have to judge. Its own
//! state stays as it is, so that one member can try everything. Behind the `hostile` feature; nothing but tests uses it.
//!
//! Invariant: what it sends is signed, and tagged with the group's own secrets, as far as the broken rule allows; so
//! the checks under test are met and not an earlier one.

use std::time::Duration;

use hushwire_group_policy::{GROUP_EXTENSION, GroupExtension};
use hushwire_suite::{CIPHER_SUITE, Suite};
use hushwire_types::Timestamp;
use mls_rs::client_builder::{BaseConfig, WithCryptoProvider, WithIdentityProvider, WithMlsRules};
use mls_rs::error::MlsError as LibraryError;
use mls_rs::extension::ExtensionType;
use mls_rs::group::{CommitBuilder, ExportedTree};
use mls_rs::psk::{ExternalPskId, PreSharedKey};
use mls_rs::time::MlsTime;
use mls_rs::{ExtensionList, MlsMessage};
use mls_rs_core::protocol_version::ProtocolVersion;

use crate::adapter::{Signer, signer};
use crate::device::DeviceKeys;

mod lawless;
mod suite;

use lawless::{AnyIdentity, Lawless};
pub use suite::Fault;
use suite::FaultySuite;

type Config =
    WithMlsRules<Lawless, WithIdentityProvider<AnyIdentity, WithCryptoProvider<FaultySuite, BaseConfig>>>;

/// What a hostile member could not do.
#[derive(Debug, thiserror::Error)]
#[error("the hostile member failed: {0}")]
pub struct Failed(#[from] LibraryError);

/// A Commit as it would be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forged {
    /// The Commit.
    pub commit: Vec<u8>,
    /// The GroupInfo beside it.
    pub group_info: Vec<u8>,
    /// The Welcome, where it adds anybody.
    pub welcome: Option<Vec<u8>>,
}

/// A device that keeps no rule.
pub struct HostileDevice {
    client: mls_rs::Client<Config>,
    lawless: Lawless,
    suite: FaultySuite,
}

/// Its membership of one group.
pub struct HostileMember {
    group: mls_rs::Group<Config>,
    lawless: Lawless,
    suite: FaultySuite,
    now: Timestamp,
}

/// The id of the pre-shared key that it knows.
const PSK: &[u8] = b"hostile";

impl HostileDevice {
    /// A device with these keys, which may be anybody's or nobody's.
    ///
    /// # Errors
    /// [`Failed`] where the suite refuses the key.
    pub fn new(keys: &DeviceKeys, suite: &Suite) -> Result<Self, Failed> {
        let Signer { key, identity } = signer(keys, suite).map_err(|_| LibraryError::SignerNotFound)?;
        let (lawless, faulty) = (Lawless::default(), FaultySuite::new(suite.clone()));
        let client = mls_rs::Client::builder()
            .crypto_provider(faulty.clone())
            .identity_provider(AnyIdentity)
            .mls_rules(lawless.clone())
            .extension_types([GROUP_EXTENSION, ExtensionType::LAST_RESORT_KEY_PACKAGE])
            .key_package_lifetime(Duration::from_secs(90 * 24 * 60 * 60))
            .psk(ExternalPskId::new(PSK.to_vec()), PreSharedKey::new(vec![7; 32]))
            .signing_identity(identity, key, CIPHER_SUITE)
            .build();
        Ok(Self { client, lawless, suite: faulty })
    }

    /// A KeyPackage of the device.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn key_package(&self, now: Timestamp) -> Result<Vec<u8>, Failed> {
        let message = self.client.generate_key_package_message(
            ExtensionList::new(),
            ExtensionList::new(),
            Some(time(now)),
        )?;
        Ok(message.to_bytes()?)
    }

    /// Joins a group, in which its time stays `now`.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn join(&self, welcome: &[u8], ratchet_tree: &[u8], now: Timestamp) -> Result<HostileMember, Failed> {
        let tree = ExportedTree::from_bytes(ratchet_tree)?;
        let (group, _) = self.client.join_group(Some(tree), &MlsMessage::from_bytes(welcome)?, None)?;
        Ok(HostileMember { group, lawless: self.lawless.clone(), suite: self.suite.clone(), now })
    }

    /// An external Commit that removes `leaf`, whosever it is, or none.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn external_commit(
        &self,
        group_info: &[u8],
        ratchet_tree: &[u8],
        leaf: Option<u32>,
    ) -> Result<Forged, Failed> {
        Ok(self.enter(group_info, ratchet_tree, leaf, Timestamp::default())?.1)
    }

    /// The same, and what the device is in the group afterwards, in which its time stays `now`.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn enter(
        &self,
        group_info: &[u8],
        ratchet_tree: &[u8],
        leaf: Option<u32>,
        now: Timestamp,
    ) -> Result<(HostileMember, Forged), Failed> {
        let tree = ExportedTree::from_bytes(ratchet_tree)?;
        let mut builder = self.client.external_commit_builder()?.with_tree_data(tree);
        if let Some(leaf) = leaf {
            builder = builder.with_removal(leaf);
        }
        let (group, commit) = builder.build(MlsMessage::from_bytes(group_info)?)?;
        let published = group.group_info_message_allowing_ext_commit(false)?;
        let forged = Forged { commit: commit.to_bytes()?, group_info: published.to_bytes()?, welcome: None };
        let (lawless, suite) = (self.lawless.clone(), self.suite.clone());
        Ok((HostileMember { group, lawless, suite, now }, forged))
    }
}

impl HostileMember {
    /// An honest application message.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn encrypt(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, Failed> {
        Ok(self.group.encrypt_application_message(plaintext, Vec::new())?.to_bytes()?)
    }

    /// Processes a message as an honest member would, so that it can follow the group.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn process(&mut self, message: &[u8]) -> Result<(), Failed> {
        self.group.process_incoming_message(MlsMessage::from_bytes(message)?)?;
        Ok(())
    }

    /// The leaf of this member.
    #[must_use]
    pub fn leaf(&self) -> u32 {
        self.group.current_member_index()
    }

    /// An honest Commit, but for a fault in the cryptography.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn faulty_commit(&mut self, fault: Fault) -> Result<Forged, Failed> {
        self.suite.set(fault);
        let forged = self.forge(Ok);
        self.suite.set(Fault::None);
        forged
    }

    /// A Commit inside a PrivateMessage.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn private_commit(&mut self) -> Result<Forged, Failed> {
        self.lawless.encrypt_handshakes(true);
        let forged = self.forge(Ok);
        self.lawless.encrypt_handshakes(false);
        forged
    }

    /// A Commit with a PreSharedKey proposal.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn psk_commit(&mut self) -> Result<Forged, Failed> {
        self.forge(|builder| builder.add_external_psk(ExternalPskId::new(PSK.to_vec())))
    }

    /// A Commit with a ReInit proposal.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn reinit_commit(&mut self) -> Result<Forged, Failed> {
        self.forge(|builder| {
            builder.reinit(None, ProtocolVersion::MLS_10, CIPHER_SUITE, ExtensionList::new())
        })
    }

    /// A Remove proposal of its own, and a Commit that carries it by reference.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn commit_by_reference(&mut self, leaf: u32) -> Result<(Vec<u8>, Forged), Failed> {
        let proposal = self.group.propose_remove(leaf, Vec::new())?.to_bytes()?;
        let forged = self.forge(Ok);
        self.group.clear_proposal_cache();
        Ok((proposal, forged?))
    }

    /// A Commit that adds a KeyPackage unseen.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn commit_adding(&mut self, key_package: &[u8]) -> Result<Forged, Failed> {
        let message = MlsMessage::from_bytes(key_package)?;
        self.forge(|builder| builder.add_member(message))
    }

    /// A Commit that adds a KeyPackage and gives its maker no fresh keys.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn pathless_commit_adding(&mut self, key_package: &[u8]) -> Result<Forged, Failed> {
        self.lawless.leave_out_paths(true);
        let forged = self.commit_adding(key_package);
        self.lawless.leave_out_paths(false);
        forged
    }

    /// A Commit that removes a leaf.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn commit_removing(&mut self, leaf: u32) -> Result<Forged, Failed> {
        self.forge(|builder| builder.remove_member(leaf))
    }

    /// A Commit that sets the group's extension.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn commit_setting(&mut self, extension: &GroupExtension) -> Result<Forged, Failed> {
        let extensions = extension.to_context().map_err(|_| LibraryError::InvalidGroupInfo)?;
        self.forge(|builder| builder.set_group_context_ext(extensions))
    }

    fn forge<'a>(
        &'a mut self,
        change: impl FnOnce(CommitBuilder<'a, Config>) -> Result<CommitBuilder<'a, Config>, LibraryError>,
    ) -> Result<Forged, Failed> {
        let (output, _) =
            change(self.group.commit_builder().commit_time(time(self.now)))?.build_detached()?;
        let group_info = output.external_commit_group_info().ok_or(LibraryError::InvalidGroupInfo)?;
        Ok(Forged {
            commit: output.commit_message().to_bytes()?,
            group_info: group_info.to_bytes()?,
            welcome: output.welcome_messages().first().map(MlsMessage::to_bytes).transpose()?,
        })
    }
}

fn time(now: Timestamp) -> MlsTime {
    MlsTime::from_duration_since_epoch(Duration::from_secs(now.as_secs()))
}
