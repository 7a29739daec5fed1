//! Accounts, devices and groups for the tests. Devices may be lawless: they follow no policy and check nobody, so that
//! they can make what honest software never makes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use hushwire_group_policy::{
    Admitted, DeviceLists, Followed, GROUP_EXTENSION, GroupExtension, Identities, Lists, Observer,
    ObserverError, Policy, PolicyError, Prefix, Published, Refusal, admit, signing_identity,
};
use hushwire_identity::{LeafCredential, ListHead, PublicKey};
use hushwire_suite::{CIPHER_SUITE, Suite};
use hushwire_types::{
    AccountId, DeviceId, EntryHash, Generation, GroupId, ListNumber, OsEntropy, Secret, Timestamp, rng,
};
use mls_rs::client_builder::{
    BaseConfig, PaddingMode, WithCryptoProvider, WithIdentityProvider, WithMlsRules,
};
use mls_rs::crypto::SignatureSecretKey;
use mls_rs::error::MlsError;
use mls_rs::extension::ExtensionType;
use mls_rs::group::{CommitOutput, GroupContext, ReceivedMessage, Roster};
use mls_rs::identity::{CredentialType, SigningIdentity};
use mls_rs::mls_rules::{CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle};
use mls_rs::time::MlsTime;
use mls_rs::{
    CipherSuiteProvider, Client, CryptoProvider, ExtensionList, IdentityProvider, MlsMessage, MlsRules,
};
use mls_rs_core::identity::MemberValidationContext;

pub(crate) type Config =
    WithMlsRules<Rules, WithIdentityProvider<Checks, WithCryptoProvider<Suite, BaseConfig>>>;
pub(crate) type Group = mls_rs::Group<Config>;

/// 2026-01-01.
pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_767_225_600_000);

pub(crate) fn mls_now() -> Option<MlsTime> {
    Some(MlsTime::from(NOW.as_secs()))
}

pub(crate) fn suite() -> Suite {
    Suite::new(Arc::new(OsEntropy))
}

pub(crate) fn account(byte: u8) -> AccountId {
    AccountId::new([byte; 32])
}

// ------------------------------------------------------------------------------------------------- lists

/// Device lists by number: each entry is the set of active devices there. No forks.
#[derive(Default)]
pub(crate) struct Book {
    lists: Mutex<BTreeMap<AccountId, Vec<BTreeMap<DeviceId, PublicKey>>>>,
}

impl Book {
    fn head_of(account: AccountId, number: usize) -> ListHead {
        let mut hash = *account.as_bytes();
        hash[31] = u8::try_from(number).unwrap();
        ListHead { number: ListNumber(number as u64), hash: EntryHash::new(hash) }
    }

    fn change(
        &self,
        account: AccountId,
        change: impl FnOnce(&mut BTreeMap<DeviceId, PublicKey>),
    ) -> ListHead {
        let mut lists = self.lists.lock().unwrap();
        let list = lists.entry(account).or_insert_with(|| vec![BTreeMap::new()]);
        let mut next = list.last().unwrap().clone();
        change(&mut next);
        list.push(next);
        Self::head_of(account, list.len() - 1)
    }

    pub(crate) fn revoke(&self, account: AccountId, device: DeviceId) -> ListHead {
        self.change(account, |active| {
            active.remove(&device);
        })
    }

    /// What somebody knows who has seen this account's list up to `entries` entries.
    pub(crate) fn cut(&self, account: AccountId, entries: usize) -> Arc<Self> {
        let mut lists = self.lists.lock().unwrap().clone();
        lists.get_mut(&account).unwrap().truncate(entries + 1);
        Arc::new(Self { lists: Mutex::new(lists) })
    }
}

impl DeviceLists for Book {
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        let lists = self.lists.lock().unwrap();
        let number = head.number.0 as usize;
        match lists.get(&account).and_then(|list| list.get(number)) {
            Some(active) if head == Self::head_of(account, number) => match active.get(&device) {
                Some(key) => Prefix::Active { mls_key: *key },
                None => Prefix::NotActive,
            },
            _ => Prefix::Missing,
        }
    }

    fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        let known = |head| self.prefix(account, head, DeviceId::new([0; 16])) != Prefix::Missing;
        (known(head) && known(floor)).then_some(head.number >= floor.number)
    }
}

// ------------------------------------------------------------------------------------------------- devices

/// Whether a device follows the policy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Morals {
    Honest,
    Lawless,
}

#[derive(Clone)]
pub(crate) struct Rules {
    policy: Policy,
    morals: Morals,
    /// Lawless: Commits inside PrivateMessages, the tree inside GroupInfos.
    pub(crate) encrypt: Arc<Mutex<bool>>,
    pub(crate) tree_inside: Arc<Mutex<bool>>,
}

impl MlsRules for Rules {
    type Error = PolicyError;

    fn filter_proposals(
        &self,
        direction: CommitDirection,
        source: CommitSource,
        roster: &Roster<'_>,
        context: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, PolicyError> {
        match self.morals {
            Morals::Honest => self.policy.filter_proposals(direction, source, roster, context, proposals),
            Morals::Lawless => Ok(proposals),
        }
    }

    fn commit_options(
        &self,
        roster: &Roster<'_>,
        context: &GroupContext,
        proposals: &ProposalBundle,
    ) -> Result<CommitOptions, PolicyError> {
        let inside = *self.tree_inside.lock().unwrap();
        let options = self.policy.commit_options(roster, context, proposals)?;
        Ok(options.with_ratchet_tree_extension(inside).with_always_out_of_band_ratchet_tree(!inside))
    }

    fn encryption_options(
        &self,
        roster: &Roster<'_>,
        context: &GroupContext,
    ) -> Result<EncryptionOptions, PolicyError> {
        if *self.encrypt.lock().unwrap() {
            return Ok(EncryptionOptions::new(true, PaddingMode::None));
        }
        self.policy.encryption_options(roster, context)
    }
}

#[derive(Clone)]
pub(crate) struct Checks {
    identities: Identities,
    morals: Morals,
}

impl IdentityProvider for Checks {
    type Error = PolicyError;

    fn validate_member(
        &self,
        identity: &SigningIdentity,
        time: Option<MlsTime>,
        context: MemberValidationContext<'_>,
    ) -> Result<(), PolicyError> {
        match self.morals {
            Morals::Honest => self.identities.validate_member(identity, time, context),
            Morals::Lawless => Ok(()),
        }
    }

    fn validate_external_sender(
        &self,
        identity: &SigningIdentity,
        time: Option<MlsTime>,
        extensions: Option<&ExtensionList>,
    ) -> Result<(), PolicyError> {
        self.identities.validate_external_sender(identity, time, extensions)
    }

    fn identity(
        &self,
        identity: &SigningIdentity,
        extensions: &ExtensionList,
    ) -> Result<Vec<u8>, PolicyError> {
        match self.morals {
            Morals::Honest => self.identities.identity(identity, extensions),
            Morals::Lawless => Ok(identity.signature_key.to_vec()),
        }
    }

    fn valid_successor(
        &self,
        old: &SigningIdentity,
        new: &SigningIdentity,
        extensions: &ExtensionList,
    ) -> Result<bool, PolicyError> {
        match self.morals {
            Morals::Honest => self.identities.valid_successor(old, new, extensions),
            Morals::Lawless => Ok(true),
        }
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        self.identities.supported_types()
    }
}

pub(crate) struct Device {
    pub(crate) credential: LeafCredential,
    pub(crate) identity: SigningIdentity,
    pub(crate) secret: SignatureSecretKey,
    pub(crate) rules: Rules,
    pub(crate) lists: Lists,
    pub(crate) client: Client<Config>,
}

impl Device {
    pub(crate) fn who(&self) -> (AccountId, DeviceId) {
        (self.credential.account, self.credential.device)
    }

    pub(crate) fn key_package(&self) -> MlsMessage {
        let none = ExtensionList::new();
        self.client.generate_key_package_message(none.clone(), none, mls_now()).unwrap()
    }

    pub(crate) fn create(&self, extension: &GroupExtension) -> Group {
        let id = rng::bytes::<32>(&OsEntropy).to_vec();
        let context = extension.to_context().unwrap();
        self.client.create_group_with_id(id, context, ExtensionList::new(), mls_now()).unwrap()
    }

    pub(crate) fn join(&self, output: &CommitOutput) -> Group {
        let tree = output.ratchet_tree.clone();
        self.client.join_group(tree, &output.welcome_messages[0], None).unwrap().0
    }

    /// Joins by external Commit, removing these leaves.
    pub(crate) fn rejoin(
        &self,
        group: &Group,
        removed: Option<u32>,
    ) -> Result<(Group, MlsMessage), MlsError> {
        let info = group.group_info_message_allowing_ext_commit(false).unwrap();
        let tree = group.export_tree().into_owned();
        let builder = self.client.external_commit_builder().unwrap().with_tree_data(tree);
        let builder = match removed {
            Some(index) => builder.with_removal(index),
            None => builder,
        };
        builder.commit_time(mls_now().unwrap()).build(info)
    }
}

/// Makes devices that share one book of lists.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) book: Arc<Book>,
    made: AtomicU64,
}

impl World {
    /// A new device of an account, active from the head that its credential names.
    pub(crate) fn device(&self, account: AccountId) -> Device {
        self.device_with(account, Morals::Honest)
    }

    pub(crate) fn device_with(&self, account: AccountId, morals: Morals) -> Device {
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let device = DeviceId::new([u8::try_from(number).unwrap(); 16]);
        let seed = Secret::new(rng::bytes(&OsEntropy));
        let (_, public) = suite().signature_keys(&seed).unwrap();
        let key = PublicKey::try_from(public.as_ref()).unwrap();
        let list = self.book.change(account, |active| {
            active.insert(device, key);
        });
        self.device_of(LeafCredential { account, device, list }, &seed, morals, self.book.clone())
    }

    /// A device with any credential, key and knowledge.
    pub(crate) fn device_of(
        &self,
        credential: LeafCredential,
        seed: &Secret<32>,
        morals: Morals,
        known: Arc<Book>,
    ) -> Device {
        let (secret, _) = suite().signature_keys(seed).unwrap();
        self.device_signing(credential, &secret, morals, known)
    }

    pub(crate) fn device_signing(
        &self,
        credential: LeafCredential,
        secret: &SignatureSecretKey,
        morals: Morals,
        known: Arc<Book>,
    ) -> Device {
        let provider = suite().cipher_suite_provider(CIPHER_SUITE).unwrap();
        let identity = signing_identity(&credential, provider.signature_key_derive_public(secret).unwrap());
        let lists = Lists::new(known);
        let rules = Rules {
            policy: Policy::new(lists.clone()),
            morals,
            encrypt: Arc::default(),
            tree_inside: Arc::default(),
        };
        let client = Client::builder()
            .crypto_provider(suite())
            .identity_provider(Checks { identities: Identities::new(lists.clone()), morals })
            .mls_rules(rules.clone())
            .extension_types([GROUP_EXTENSION, ExtensionType::LAST_RESORT_KEY_PACKAGE])
            .signing_identity(identity.clone(), secret.clone(), CIPHER_SUITE)
            .build();
        Device { credential, identity, secret: secret.clone(), rules, lists, client }
    }
}

// ------------------------------------------------------------------------------------------------- groups

/// A direct conversation of two accounts with its first Commit accepted: `a` made it and added `b`. The observer has
/// followed.
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) a: Device,
    pub(crate) b: Device,
    pub(crate) group_a: Group,
    pub(crate) group_b: Group,
    pub(crate) observer: Observer,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(Morals::Honest)
    }

    /// `a` may be lawless.
    pub(crate) fn with(morals: Morals) -> Self {
        let world = World::default();
        let a = world.device_with(account(1), morals);
        let b = world.device(account(2));
        let extension = GroupExtension::direct(account(1), account(2), Generation(1));
        let mut group_a = a.create(&extension);
        let observer = start(&world, &group_a, a.who()).unwrap();
        let output = add(&mut group_a, &[&b]);
        let observer = follow(&observer, &output, a.who()).unwrap().next;
        group_a.apply_pending_commit().unwrap();
        let group_b = b.join(&output);
        Self { world, a, b, group_a, group_b, observer }
    }

    /// Adds a device to the group by `a`, for all.
    pub(crate) fn add(&mut self, device: &Device) -> Group {
        let output = add(&mut self.group_a, &[device]);
        self.observer = follow(&self.observer, &output, self.a.who()).unwrap().next;
        self.group_b
            .process_incoming_message_with_time(output.commit_message.clone(), mls_now().unwrap())
            .unwrap();
        self.group_a.apply_pending_commit().unwrap();
        device.join(&output)
    }

    /// That `b` and the observer refuse a Commit of `a` for the same reason.
    pub(crate) fn refused(&mut self, output: &CommitOutput) -> Refusal {
        let epoch = self.group_b.current_epoch();
        let by_member = receive(&mut self.group_b, &output.commit_message).unwrap_err();
        let by_server = refusal(follow(&self.observer, output, self.a.who()));
        assert_eq!(PolicyError::Refused(by_server.clone()), by_member);
        assert_eq!(self.group_b.current_epoch(), epoch);
        by_server
    }
}

pub(crate) fn add(group: &mut Group, devices: &[&Device]) -> CommitOutput {
    let builder = group.commit_builder().commit_time(mls_now().unwrap());
    devices
        .iter()
        .fold(builder, |builder, device| builder.add_member(device.key_package()).unwrap())
        .build()
        .unwrap()
}

pub(crate) fn start(
    world: &World,
    group: &Group,
    creator: (AccountId, DeviceId),
) -> Result<Observer, ObserverError> {
    let info = group.group_info_message(false).unwrap().to_bytes().unwrap();
    let tree = group.export_tree().to_bytes().unwrap();
    Observer::start(&suite(), world.book.clone(), &info, &tree, creator, NOW)
}

/// Gives the observer a Commit as its sender publishes it.
pub(crate) fn follow(
    observer: &Observer,
    output: &CommitOutput,
    sender: (AccountId, DeviceId),
) -> Result<Followed, ObserverError> {
    let commit = output.commit_message.to_bytes().unwrap();
    let group_info = output.external_commit_group_info.as_ref().unwrap().to_bytes().unwrap();
    let welcome = output.welcome_messages.first().map(|welcome| welcome.to_bytes().unwrap());
    let published = Published { commit: &commit, group_info: &group_info, welcome: welcome.as_deref() };
    observer.check_commit(published, sender, NOW)
}

/// Gives the observer an external Commit with the GroupInfo of the group that it makes.
pub(crate) fn follow_external(
    observer: &Observer,
    commit: &MlsMessage,
    group: &Group,
    sender: (AccountId, DeviceId),
) -> Result<Followed, ObserverError> {
    let commit = commit.to_bytes().unwrap();
    let group_info = group.group_info_message_allowing_ext_commit(false).unwrap().to_bytes().unwrap();
    observer.check_commit(Published { commit: &commit, group_info: &group_info, welcome: None }, sender, NOW)
}

/// What an honest member does with a Commit: admit it, then process it.
pub(crate) fn receive(group: &mut Group, commit: &MlsMessage) -> Result<ReceivedMessage, PolicyError> {
    let Admitted::Commit(at, message) = admit(&commit.to_bytes().unwrap())? else { panic!("no Commit") };
    assert_eq!(at.group_id, GroupId::try_from(group.group_id()).unwrap());
    assert_eq!(at.epoch.0, group.current_epoch());
    group
        .process_incoming_message_with_time(message, mls_now().unwrap())
        .map_err(|error| PolicyError::inside(&error).unwrap_or_else(|| panic!("{error}")).clone())
}

pub(crate) fn refusal(result: Result<Followed, ObserverError>) -> Refusal {
    match result {
        Err(ObserverError::Policy(PolicyError::Refused(refusal))) => refusal,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("accepted"),
    }
}
