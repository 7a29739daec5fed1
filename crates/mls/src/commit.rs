//! Commits of this device: staged, sent, and applied only when the stream proves that they won.
//!
//! Invariants:
//! - A Commit is always detached: the group stays as it is, and the secrets travel in the caller's row. So a lost race
//!   costs nothing, and a restart between staging and the answer loses nothing.
//! - Secrets are applied only to the very state that they were made from.

use hushwire_group_policy::{Amendment, Floors, GroupExtension, Kind, Lists};
use hushwire_identity::LeafCredential;
use hushwire_types::{AccountId, DeviceId, Epoch, GroupId, SecretBytes, Timestamp};
use mls_rs::MlsMessage;
use mls_rs::error::MlsError as LibraryError;
use mls_rs::group::{CommitOutput, CommitSecrets};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use zeroize::Zeroizing;

use crate::adapter;
use crate::change::{self, EpochChange};
use crate::details::DetailsKey;
use crate::device::Device;
use crate::error::{MlsError, Refusal, StateError};
use crate::group::Loaded;
use crate::key_package::peek_key_package;
use crate::message::{MessageHash, message_hash};
use crate::rejoin::PendingRejoin;
use crate::row;
use crate::thin::Thin;

/// What a Commit is to bring about. Every Commit also gives this device's leaf fresh keys and its newest credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Fresh keys only.
    Refresh,
    /// Changed membership, floors or charter.
    Change(Change),
}

/// Changed membership, floors or charter. What a lost race has made unnecessary is for the caller to leave out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Devices to add.
    pub add: Vec<Addition>,
    /// Devices whose leaves are removed.
    pub remove: Vec<DeviceId>,
    /// Floors to raise (rule R3); those that the group has already, or has higher, change nothing.
    pub floors: Floors,
    /// Changes of a group's charter. Roles of accounts that the Commit puts out go by themselves.
    pub amend: Vec<Amendment>,
    /// New details of a group, at most [`MAX_DETAILS_BYTES`](crate::MAX_DETAILS_BYTES). Padding them is the caller's part.
    pub details: Option<SecretBytes>,
}

/// A device to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The account that it must be of.
    pub account: AccountId,
    /// The device that it must be.
    pub device: DeviceId,
    /// A KeyPackage of it, as the server gave it.
    pub key_package: Vec<u8>,
}

/// A Commit that counts only when the stream brings it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedCommit {
    /// The `MLSMessage` to send, and to send again unchanged.
    pub bytes: Vec<u8>,
    /// Its [`message_hash`], by which its echo is known.
    pub hash: MessageHash,
    /// The Welcome for all added devices, without the tree.
    pub welcome: Option<Vec<u8>>,
    /// The GroupInfo of the new epoch, to publish with the Commit.
    pub group_info: Vec<u8>,
    /// The epoch that the Commit ends.
    pub epoch: Epoch,
    /// What [`Device::apply_own_commit`] needs; to be stored with the Commit, and deleted when it lost.
    pub secrets: SecretBytes,
}

/// The state that the secrets of a Commit fit.
#[derive(MlsSize, MlsEncode, MlsDecode)]
pub(crate) struct Fits {
    epoch: u64,
    /// The confirmed transcript hash of `epoch`.
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    transcript_hash: Vec<u8>,
}

/// The secrets of a Commit, with the whole tree that it leads to.
#[derive(MlsSize, MlsEncode, MlsDecode)]
pub(crate) struct WholeCommit {
    fits: Fits,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    secrets: Zeroizing<Vec<u8>>,
}

/// The secrets of a Commit, without what stands in the tree of the epoch that it ends.
#[derive(MlsSize, MlsEncode, MlsDecode)]
pub(crate) struct ThinCommit {
    fits: Fits,
    secrets: Thin,
}

/// What stands in a caller's row of a Commit that is under way.
#[derive(MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub(crate) enum Pending {
    /// As it was written before secrets were made thin.
    Whole(WholeCommit) = 1,
    Rejoin(PendingRejoin) = 2,
    Commit(ThinCommit) = 3,
}

impl Device {
    /// Makes a Commit. The group stays as it is, and messages are sent and received in the old epoch, until
    /// [`apply_own_commit`](Self::apply_own_commit).
    ///
    /// # Errors
    /// [`MlsError::Refused`] with [`Refusal::KeyPackage`] where a KeyPackage is not of its [`Addition`]'s device, badly signed
    /// or expired, and with [`Refusal::Policy`] where that device is not active in its list or policy forbids the change;
    /// [`MlsError::MissingLists`]; [`MlsError::Misuse`] where a device to remove has no leaf.
    pub fn stage_commit(
        &mut self,
        group: &GroupId,
        intent: &Intent,
        now: Timestamp,
    ) -> Result<StagedCommit, MlsError> {
        let signer = adapter::signer(&self.keys, &self.suite)?;
        let (lists, suite) = (self.lists.clone(), self.suite.clone());
        let loaded = self.joined(group)?;
        let change = match intent {
            Intent::Refresh => Change::default(),
            Intent::Change(change) => change.clone(),
        };
        let additions = change.add.iter().map(checked).collect::<Result<Vec<_>, _>>()?;
        let removals =
            change.remove.iter().map(|device| leaf(loaded, *device)).collect::<Result<Vec<_>, _>>()?;
        let before = adapter::extension(&loaded.group)?;
        let mut next = raised(&lists, &before, &change.floors)?;
        amend(&mut next, &change, &adapter::members(&loaded.group)?)?;
        let mut key = loaded.head.details_key().clone();
        if let (Some(details), Kind::Group(_)) = (&change.details, &next.kind) {
            key = DetailsKey::of_epoch(&loaded.group)?;
            let sealed = key.seal(&suite, &next, details)?;
            if let Kind::Group(charter) = &mut next.kind {
                charter.amend(&Amendment::Details(sealed));
            }
        }
        let extensions = (next != before)
            .then(|| next.to_context())
            .transpose()
            .map_err(|refusal| MlsError::Refused(refusal.into()))?;

        let own = loaded.group.current_member_signing_identity().map_err(StateError::library)?;
        let renewed = (*own != signer.identity).then_some(signer);
        let mut builder = loaded.group.commit_builder().commit_time(adapter::time(now));
        if let Some(signer) = renewed {
            builder = builder.set_new_signing_identity(signer.key, signer.identity);
        }
        for message in additions {
            builder = builder.add_member(message).map_err(|_| MlsError::Refused(Refusal::KeyPackage))?;
        }
        for leaf in removals {
            builder = builder.remove_member(leaf).map_err(StateError::library)?;
        }
        if !change.add.is_empty() {
            builder = builder.set_group_info_ext(key.to_welcome());
        }
        if let Some(extensions) = extensions {
            builder = builder.set_group_context_ext(extensions).map_err(StateError::library)?;
        }
        let (output, secrets) = builder.build_detached().map_err(|error| stage_error(&lists, &error))?;
        staged(loaded, &output, &secrets)
    }

    /// Applies a Commit of this device, or a rejoin ([`stage_rejoin`](Self::stage_rejoin)), that the stream has brought
    /// back. `secrets` are those of the staged Commit or rejoin.
    ///
    /// # Errors
    /// [`MlsError::PastEpoch`] where another Commit won: the secrets are worthless, stage again. [`MlsError::State`].
    pub fn apply_own_commit(
        &mut self,
        group: &GroupId,
        secrets: &SecretBytes,
        now: Timestamp,
    ) -> Result<EpochChange, MlsError> {
        let (fits, thin) = match row::decode(secrets)? {
            Pending::Whole(pending) => (pending.fits, Thin::untouched(pending.secrets)),
            Pending::Commit(pending) => (pending.fits, pending.secrets),
            Pending::Rejoin(pending) => return self.apply_rejoin(group, pending, now),
        };
        let loaded = self.joined(group)?;
        if loaded.head.epoch() != Epoch(fits.epoch)
            || adapter::transcript_hash(&loaded.group) != fits.transcript_hash
        {
            return Err(MlsError::PastEpoch { epoch: Epoch(fits.epoch) });
        }
        let bytes = thin.whole(&loaded.tree_bytes()?)?;
        let secrets = CommitSecrets::from_bytes(&bytes).map_err(|_| StateError::BadRow)?;
        let key = DetailsKey::of_epoch(&loaded.group)?;
        let applied = loaded.group.apply_detached_commit(secrets).map_err(StateError::library)?;
        let committer = loaded.credential_at(loaded.group.current_member_index())?;
        let change = change::settle(loaded, &applied, committer, key, now)?;
        loaded.head.refreshed(now);
        Ok(change)
    }
}

/// The KeyPackage of an addition, if it claims to be of the device that it was asked for. That the claim is true is
/// checked against the device's list when the Commit is built.
fn checked(addition: &Addition) -> Result<MlsMessage, MlsError> {
    let credential = peek_key_package(&addition.key_package)?.credential;
    if (credential.account, credential.device) != (addition.account, addition.device) {
        return Err(MlsError::Refused(Refusal::KeyPackage));
    }
    adapter::parse(&addition.key_package)
}

fn leaf(loaded: &Loaded, device: DeviceId) -> Result<u32, MlsError> {
    loaded.leaf_of(device).ok_or(MlsError::Misuse("a device to remove has no leaf"))
}

/// The extension of a group whose floors are raised, where they are not reached yet.
fn raised(lists: &Lists, extension: &GroupExtension, floors: &Floors) -> Result<GroupExtension, MlsError> {
    let mut next = extension.clone();
    for (account, floor) in floors {
        let reached = match next.floors.get(account) {
            Some(current) => lists
                .reaches(*account, *current, *floor)
                .map_err(|error| adapter::policy_error(lists, error))?,
            None => false,
        };
        if !reached {
            next.floors.insert(*account, *floor);
        }
    }
    Ok(next)
}

/// Amends a group's charter, and takes the roles of accounts that will have no leaf left.
fn amend(next: &mut GroupExtension, change: &Change, members: &[LeafCredential]) -> Result<(), MlsError> {
    let Kind::Group(charter) = &mut next.kind else {
        let nothing = change.amend.is_empty() && change.details.is_none();
        return if nothing { Ok(()) } else { Err(MlsError::Misuse("a direct conversation has no charter")) };
    };
    for amendment in &change.amend {
        charter.amend(amendment);
    }
    let stays = |account: AccountId| {
        let kept = |leaf: &LeafCredential| leaf.account == account && !change.remove.contains(&leaf.device);
        members.iter().any(kept) || change.add.iter().any(|added| added.account == account)
    };
    let gone: Vec<AccountId> =
        charter.named().map(|(account, _)| account).filter(|account| !stays(*account)).collect();
    gone.into_iter().for_each(|account| charter.forget(account));
    Ok(())
}

fn stage_error(lists: &Lists, error: &LibraryError) -> MlsError {
    let reason = match error {
        LibraryError::InvalidLifetime { .. }
        | LibraryError::InvalidSignature
        | LibraryError::InvalidInitKey
        | LibraryError::InitLeafKeyEquality
        | LibraryError::CipherSuiteMismatch => Refusal::KeyPackage,
        _ => Refusal::Change,
    };
    adapter::judged(lists, error, reason)
}

fn staged(loaded: &Loaded, output: &CommitOutput, secrets: &CommitSecrets) -> Result<StagedCommit, MlsError> {
    let bytes = output.commit_message().to_bytes().map_err(StateError::library)?;
    let group_info = output.external_commit_group_info().ok_or(StateError::BadRow)?;
    let welcome = output
        .welcome_messages()
        .first()
        .map(MlsMessage::to_bytes)
        .transpose()
        .map_err(StateError::library)?;
    let epoch = loaded.head.epoch();
    let fits = Fits { epoch: epoch.0, transcript_hash: adapter::transcript_hash(&loaded.group) };
    let secrets = Zeroizing::new(secrets.to_bytes().map_err(StateError::library)?);
    let thin = Thin::of(&secrets, &loaded.tree_bytes()?)?;
    let pending = Pending::Commit(ThinCommit { fits, secrets: thin });
    Ok(StagedCommit {
        hash: message_hash(&bytes),
        bytes,
        welcome,
        group_info: group_info.to_bytes().map_err(StateError::library)?,
        epoch,
        secrets: row::encode(&pending)?,
    })
}
