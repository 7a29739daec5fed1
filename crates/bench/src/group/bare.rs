//! A member by bare mls-rs: the same ciphersuite, credentials and kind of Commit, without any of ours above it.
//!
//! It trusts every leaf that mls-rs takes: it knows no device lists and no policy. It is as durable as ours with the least that
//! this takes: its state is a row in plain SQLite, the tree a row of its own that is written when the epoch changed, and each
//! operation is one synchronous transaction.

use std::convert::Infallible;
use std::path::Path;

use anyhow::{Context, Result};
use hushwire_group_policy::{CREDENTIAL_TYPE, GROUP_EXTENSION, signing_identity};
use hushwire_identity::{LeafCredential, ListKey};
use hushwire_suite::{CIPHER_SUITE, Suite};
use hushwire_types::{GroupId, Secret};
use mls_rs::client_builder::{
    BaseConfig, PaddingMode, WithCryptoProvider, WithGroupStateStorage, WithIdentityProvider, WithMlsRules,
};
use mls_rs::extension::ExtensionType;
use mls_rs::group::{CommitSecrets, ExportedTree, ReceivedMessage};
use mls_rs::identity::{CredentialType, SigningIdentity};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::storage_provider::in_memory::InMemoryGroupStateStorage;
use mls_rs::time::MlsTime;
use mls_rs::{ExtensionList, IdentityProvider, MlsMessage};
use mls_rs_core::group::GroupStateStorage;
use mls_rs_core::identity::MemberValidationContext;
use rusqlite::{Connection, Transaction, params};

type Config = WithMlsRules<
    DefaultMlsRules,
    WithIdentityProvider<
        Anybody,
        WithCryptoProvider<Suite, WithGroupStateStorage<InMemoryGroupStateStorage, BaseConfig>>,
    >,
>;

/// Whether an operation changed the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    Same,
    Changed,
}

/// Who is in a group and what it keeps.
pub(super) struct Bare {
    client: mls_rs::Client<Config>,
    storage: InMemoryGroupStateStorage,
    group: Option<mls_rs::Group<Config>>,
}

impl Bare {
    /// Somebody who is in no group.
    pub(super) fn new(credential: &LeafCredential, mls_key: &ListKey, suite: &Suite) -> Result<Self> {
        let (key, public) = suite.signature_keys(&Secret::new(*mls_key.seed().expose()))?;
        let storage = InMemoryGroupStateStorage::new();
        let client = mls_rs::Client::builder()
            .group_state_storage(storage.clone())
            .crypto_provider(suite.clone())
            .identity_provider(Anybody)
            .mls_rules(rules())
            .extension_types([GROUP_EXTENSION, ExtensionType::LAST_RESORT_KEY_PACKAGE])
            .signing_identity(signing_identity(credential, public), key, CIPHER_SUITE)
            .build();
        Ok(Self { client, storage, group: None })
    }

    pub(super) fn key_package(&self) -> Result<MlsMessage> {
        Ok(self.client.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None)?)
    }

    pub(super) fn create(&mut self, id: &GroupId, extensions: ExtensionList) -> Result<()> {
        let builder = self.client.group_builder()?.with_group_id(id.as_bytes().to_vec());
        self.group = Some(builder.with_group_context_extensions(extensions).build()?);
        Ok(())
    }

    /// Joins by a Welcome.
    pub(super) fn join(&mut self, welcome: &[u8], tree: &[u8]) -> Result<()> {
        let (welcome, tree) = (MlsMessage::from_bytes(welcome)?, ExportedTree::from_bytes(tree)?);
        self.group = Some(self.client.join_group(Some(tree), &welcome, None)?.0);
        Ok(())
    }

    pub(super) fn group(&mut self) -> Result<&mut mls_rs::Group<Config>> {
        self.group.as_mut().context("not in the group")
    }

    pub(super) fn encrypt(&mut self, plaintext: &[u8]) -> Result<Vec<u8>> {
        Ok(self.group()?.encrypt_application_message(plaintext, Vec::new())?.to_bytes()?)
    }

    pub(super) fn decrypt(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        match self.group()?.process_incoming_message(MlsMessage::from_bytes(message)?)? {
            ReceivedMessage::ApplicationMessage(message) => Ok(message.data().to_vec()),
            other => anyhow::bail!("no message: {other:?}"),
        }
    }

    pub(super) fn process(&mut self, commit: &[u8]) -> Result<()> {
        self.group()?.process_incoming_message(MlsMessage::from_bytes(commit)?)?;
        Ok(())
    }

    /// A Commit that adds `who`, or only a fresh leaf; it stays detached until [`Bare::apply`].
    pub(super) fn commit(&mut self, who: Vec<MlsMessage>) -> Result<Staged> {
        let mut builder = self.group()?.commit_builder();
        for package in who {
            builder = builder.add_member(package)?;
        }
        let (output, secrets) = builder.build_detached()?;
        let group_info = output.external_commit_group_info().context("no GroupInfo")?.to_bytes()?;
        let welcome = output.welcome_messages().first().map(MlsMessage::to_bytes).transpose()?;
        Ok(Staged {
            commit: output.commit_message().to_bytes()?,
            group_info,
            welcome,
            secrets: secrets.to_bytes()?,
        })
    }

    pub(super) fn apply(&mut self, staged: &Staged) -> Result<()> {
        let secrets = CommitSecrets::from_bytes(&staged.secrets)?;
        self.group()?.apply_detached_commit(secrets)?;
        Ok(())
    }

    /// Writes the group, without its tree, into mls-rs' storage in memory.
    pub(super) fn write(&mut self) -> Result<()> {
        Ok(self.group()?.write_to_storage_without_ratchet_tree()?)
    }

    pub(super) fn tree(&mut self) -> Result<Vec<u8>> {
        Ok(self.group()?.export_tree().to_bytes()?)
    }

    pub(super) fn transcript_hash(&mut self) -> Result<Vec<u8>> {
        Ok(self.group()?.context().confirmed_transcript_hash.to_vec())
    }

    pub(super) fn epoch(&mut self) -> Result<u64> {
        Ok(self.group()?.current_epoch())
    }
}

/// A Commit that is not applied yet.
pub(super) struct Staged {
    pub(super) commit: Vec<u8>,
    pub(super) group_info: Vec<u8>,
    pub(super) welcome: Option<Vec<u8>>,
    pub(super) secrets: Vec<u8>,
}

/// Where a bare member keeps what it must not lose.
pub(super) struct Shelf(Connection);

impl Shelf {
    /// Plain SQLite in `folder`, with WAL and `synchronous=FULL`.
    pub(super) fn new(folder: &Path, name: &str) -> Result<Self> {
        let connection = Connection::open(folder.join(format!("{name}.db")))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE state(key INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT;
             CREATE TABLE message(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;",
        )?;
        Ok(Self(connection))
    }

    /// One transaction: the group as it was written last, the tree where it changed, and `rows`.
    pub(super) fn keep(&mut self, bare: &mut Bare, tree: Tree, rows: &[Vec<u8>]) -> Result<()> {
        let Bare { storage, group, .. } = bare;
        let group = group.as_mut().context("not in the group")?;
        let state = storage.state(group.group_id())?.context("no state")?;
        let transaction = self.0.transaction()?;
        {
            let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO state VALUES (?1, ?2)")?;
            put.execute(params![0, state.as_slice()])?;
            if tree == Tree::Changed {
                put.execute(params![1, group.export_tree().to_bytes()?])?;
                let past = group.current_epoch().saturating_sub(1);
                if let Some(epoch) = storage.epoch(group.group_id(), past)? {
                    put.execute(params![2 + i64::try_from(past % 3)?, epoch.as_slice()])?;
                }
            }
        }
        insert(&transaction, rows.iter().map(Vec::as_slice))?;
        Ok(transaction.commit()?)
    }

    /// One transaction of rows alone: what a Commit under way needs.
    pub(super) fn keep_rows(&mut self, rows: &[&[u8]]) -> Result<()> {
        let transaction = self.0.transaction()?;
        insert(&transaction, rows.iter().copied())?;
        Ok(transaction.commit()?)
    }
}

fn insert<'a>(transaction: &Transaction<'_>, rows: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO message(body) VALUES (?1)")?;
    for row in rows {
        insert.execute([row])?;
    }
    Ok(())
}

/// The options that `group-policy` gives mls-rs, without its checks.
fn rules() -> DefaultMlsRules {
    let options = CommitOptions::new()
        .with_path_required(true)
        .with_single_welcome_message(true)
        .with_ratchet_tree_extension(false)
        .with_always_out_of_band_ratchet_tree(true)
        .with_allow_external_commit(true);
    DefaultMlsRules::new()
        .with_commit_options(options)
        .with_encryption_options(EncryptionOptions::new(false, PaddingMode::None))
}

/// Takes every leaf of our credential type as it says it is.
#[derive(Clone)]
pub(super) struct Anybody;

impl IdentityProvider for Anybody {
    type Error = Infallible;

    fn validate_member(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn identity(&self, identity: &SigningIdentity, _: &ExtensionList) -> Result<Vec<u8>, Infallible> {
        Ok(identity.credential.as_custom().map(|custom| custom.data.clone()).unwrap_or_default())
    }

    fn valid_successor(
        &self,
        _: &SigningIdentity,
        _: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<bool, Infallible> {
        Ok(true)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CREDENTIAL_TYPE]
    }
}
