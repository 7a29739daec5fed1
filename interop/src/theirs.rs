//! A member on OpenMLS, spoken to in bytes.

use std::sync::Arc;

use hushwire_group_policy::{CREDENTIAL_TYPE, GROUP_EXTENSION, GroupExtension};
use hushwire_identity::LeafCredential;
use hushwire_types::{AccountId, DeviceId, GroupId};
use openmls::prelude::tls_codec::{Deserialize, Serialize};
use openmls::prelude::{
    Capabilities, Ciphersuite, CommitMessageBundle, Credential, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, KeyPackage, KeyPackageIn, LeafNodeIndex, LeafNodeParameters, MlsGroup,
    MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProcessedMessageContent, ProtocolVersion, RatchetTreeIn,
    RequiredCapabilitiesExtension, SignatureScheme, StagedWelcome, UnknownExtension,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;

use crate::Registry;
use crate::room::{Added, Commit, Member};

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
const CREDENTIAL: CredentialType = CredentialType::Other(CREDENTIAL_TYPE.raw_value());
const GROUP: ExtensionType = ExtensionType::Unknown(GROUP_EXTENSION.raw_value());

/// An OpenMLS member. Its group is empty until it creates, joins or rejoins one.
pub struct Theirs {
    credential: LeafCredential,
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    group: Option<MlsGroup>,
}

impl Theirs {
    /// A new device of an account, with keys that OpenMLS makes.
    ///
    /// # Panics
    /// Where OpenMLS fails, here and in all that follows: this is a test.
    pub fn new(registry: &Arc<Registry>, account: AccountId) -> Self {
        let signer = SignatureKeyPair::new(SignatureScheme::ED25519).unwrap();
        let credential = registry.register(account, signer.public());
        Self { credential, provider: OpenMlsRustCrypto::default(), signer, group: None }
    }

    fn published(&self, bundle: CommitMessageBundle) -> Commit {
        let (commit, welcome, _) = bundle.into_messages();
        Commit {
            commit: commit.to_bytes().unwrap(),
            group_info: self.group_info(),
            welcome: welcome.map(|welcome| welcome.to_bytes().unwrap()),
        }
    }

    fn group_info(&self) -> Vec<u8> {
        let group = self.group.as_ref().unwrap();
        group.export_group_info(self.provider.crypto(), &self.signer, false).unwrap().to_bytes().unwrap()
    }

    fn tree(&self) -> Vec<u8> {
        self.group.as_ref().unwrap().export_ratchet_tree().tls_serialize_detached().unwrap()
    }

    fn identity(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: Credential::new(CREDENTIAL, self.credential.encode()),
            signature_key: self.signer.public().into(),
        }
    }

    fn validated(&self, bytes: &[u8]) -> KeyPackage {
        let MlsMessageBodyIn::KeyPackage(package) = message(bytes).extract() else { panic!("no KeyPackage") };
        KeyPackageIn::validate(package, self.provider.crypto(), ProtocolVersion::Mls10).unwrap()
    }

    fn leaf_of(&self, device: DeviceId) -> LeafNodeIndex {
        let members = self.group.as_ref().unwrap().members();
        let is_it = |credential: &Credential| {
            LeafCredential::decode(credential.serialized_content()).unwrap().device == device
        };
        members.into_iter().find(|member| is_it(&member.credential)).unwrap().index
    }
}

impl Member for Theirs {
    fn who(&self) -> (AccountId, DeviceId) {
        (self.credential.account, self.credential.device)
    }

    fn key_package(&mut self, last_resort: bool) -> Vec<u8> {
        let builder = KeyPackage::builder().leaf_node_capabilities(capabilities());
        let builder = if last_resort { builder.mark_as_last_resort() } else { builder };
        let bundle = builder.build(SUITE, &self.provider, &self.signer, self.identity()).unwrap();
        MlsMessageOut::from(bundle.key_package().clone()).to_bytes().unwrap()
    }

    fn create(&mut self, group_id: GroupId, extension: &GroupExtension) -> (Vec<u8>, Vec<u8>) {
        let required = RequiredCapabilitiesExtension::new(&[GROUP], &[], &[CREDENTIAL]);
        let context = Extensions::from_vec(vec![
            Extension::RequiredCapabilities(required),
            Extension::Unknown(GROUP_EXTENSION.raw_value(), UnknownExtension(extension.encode())),
        ]);
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .capabilities(capabilities())
            .with_group_context_extensions(context.unwrap())
            .build();
        let id = openmls::group::GroupId::from_slice(group_id.as_bytes());
        let group = MlsGroup::new_with_group_id(&self.provider, &self.signer, &config, id, self.identity());
        self.group = Some(group.unwrap());
        (self.group_info(), self.tree())
    }

    fn join(&mut self, welcome: &[u8], tree: &[u8]) {
        let MlsMessageBodyIn::Welcome(welcome) = message(welcome).extract() else { panic!("no Welcome") };
        let tree = RatchetTreeIn::tls_deserialize_exact(tree).unwrap();
        let staged =
            StagedWelcome::new_from_welcome(&self.provider, &join_config(), welcome, Some(tree)).unwrap();
        self.group = Some(staged.into_group(&self.provider).unwrap());
    }

    /// Commits: adds and removes, or only fresh keys. The group moves on at once.
    fn commit(&mut self, add: &[Added], remove: &[DeviceId]) -> Commit {
        let packages: Vec<KeyPackage> = add.iter().map(|added| self.validated(&added.key_package)).collect();
        let remove: Vec<LeafNodeIndex> = remove.iter().map(|device| self.leaf_of(*device)).collect();
        let Self { provider, signer, group, .. } = self;
        let group = group.as_mut().unwrap();
        let bundle = group
            .commit_builder()
            .force_self_update(true)
            .propose_adds(packages)
            .propose_removals(remove)
            .load_psks(provider.storage())
            .unwrap()
            .build(provider.rand(), provider.crypto(), signer, |_| true)
            .unwrap()
            .stage_commit(provider)
            .unwrap();
        group.merge_pending_commit(provider).unwrap();
        self.published(bundle)
    }

    /// Comes into a group by external Commit, in place of an old leaf where there is one.
    fn rejoin(&mut self, group_info: &[u8], tree: &[u8]) -> Commit {
        let MlsMessageBodyIn::GroupInfo(info) = message(group_info).extract() else { panic!("no GroupInfo") };
        let tree = RatchetTreeIn::tls_deserialize_exact(tree).unwrap();
        self.provider = OpenMlsRustCrypto::default();
        let leaf = LeafNodeParameters::builder().with_capabilities(capabilities()).build();
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_ratchet_tree(tree)
            .with_config(join_config())
            .build_group(&self.provider, info, self.identity())
            .unwrap()
            .leaf_node_parameters(leaf)
            .load_psks(self.provider.storage())
            .unwrap()
            .build(self.provider.rand(), self.provider.crypto(), &self.signer, |_| true)
            .unwrap()
            .finalize(&self.provider)
            .unwrap();
        self.group = Some(group);
        self.published(bundle)
    }

    fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let Self { provider, signer, group, .. } = self;
        group.as_mut().unwrap().create_message(provider, signer, plaintext).unwrap().to_bytes().unwrap()
    }

    fn process(&mut self, bytes: &[u8]) -> Option<(LeafCredential, Vec<u8>)> {
        let Self { provider, group, .. } = self;
        let group = group.as_mut().unwrap();
        let protocol = message(bytes).try_into_protocol_message().unwrap();
        let processed = group.process_message(provider, protocol).unwrap();
        let sender = processed.credential().clone();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(text) => {
                let sender = LeafCredential::decode(sender.serialized_content()).unwrap();
                Some((sender, text.into_bytes()))
            }
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                group.merge_staged_commit(provider, *commit).unwrap();
                None
            }
            other => panic!("{other:?}"),
        }
    }

    /// The epoch authenticator, or `None` where it was removed.
    fn epoch_authenticator(&mut self) -> Option<Vec<u8>> {
        let group = self.group.as_ref().filter(|group| group.is_active())?;
        Some(group.epoch_authenticator().as_slice().to_vec())
    }
}

fn message(bytes: &[u8]) -> MlsMessageIn {
    MlsMessageIn::tls_deserialize_exact(bytes).unwrap()
}

fn capabilities() -> Capabilities {
    Capabilities::new(
        None,
        Some(&[SUITE]),
        Some(&[GROUP, ExtensionType::LastResort]),
        None,
        Some(&[CREDENTIAL]),
    )
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder().wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY).build()
}
