//! Messages in: from the header, over the rules, to a plaintext or a new epoch.
//!
//! Invariants:
//! - Group, epoch and kind are read from the header, and what rule R9 does not accept goes no further.
//! - Whether a Commit is valid depends on no clock and on no knowledge that came later (rule R3): all members decide
//!   alike, whenever they read it.
//! - A message of a leaf that was removed is refused, whatever its epoch (rule R8).

use hushwire_group_policy::{Admitted, Lists, admit, leaf_credential};
use hushwire_identity::LeafCredential;
use hushwire_types::{Epoch, GroupId, SecretBytes, Timestamp};
use mls_rs::MlsMessage;
use mls_rs::error::MlsError as LibraryError;
use mls_rs::group::{ApplicationMessageDescription, ReceivedMessage};

use crate::adapter;
use crate::change::{self, EpochChange};
use crate::details::DetailsKey;
use crate::device::Device;
use crate::error::{Lost, MlsError, Refusal};

/// What a message was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Processed {
    /// An application message.
    Application(Application),
    /// A Commit, which was applied. Boxed, for it is rare and large.
    Commit(Box<EpochChange>),
}

/// A decrypted application message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The leaf that sent it, as it stands in the current epoch: same account and device as when it was sent.
    pub sender: LeafCredential,
    /// The epoch that it was sent in.
    pub epoch: Epoch,
    /// The confirmed transcript hash of that epoch, as this device knows it (rule R4).
    pub transcript_hash: Vec<u8>,
    /// The plaintext.
    pub plaintext: SecretBytes,
}

impl Device {
    /// Processes a message that was delivered for `group`. The caller knows its own messages by their hash and does not
    /// give them here.
    ///
    /// # Errors
    /// Each [`MlsError`] says what to do. After [`MlsError::Undecryptable`] and [`MlsError::MustRejoin`] the step is to be
    /// rolled back.
    pub fn process(
        &mut self,
        group: &GroupId,
        message: &[u8],
        now: Timestamp,
    ) -> Result<Processed, MlsError> {
        let admitted = admit(message).map_err(|refusal| MlsError::Refused(refusal.into()))?;
        let (Admitted::Application(at, _) | Admitted::Commit(at, _)) = &admitted;
        let epoch = at.epoch;
        if at.group_id != *group {
            return Err(MlsError::Refused(Refusal::OtherGroup));
        }
        let current = self.joined(group)?.head.epoch();
        if epoch > current {
            return Err(MlsError::FutureEpoch { epoch, current });
        }
        match admitted {
            Admitted::Application(_, message) => self.decrypt(group, message, epoch, now),
            Admitted::Commit(..) if epoch < current => Err(MlsError::PastEpoch { epoch }),
            Admitted::Commit(_, message) => self.apply_commit(group, message, now),
        }
    }

    fn decrypt(
        &mut self,
        group: &GroupId,
        message: MlsMessage,
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Processed, MlsError> {
        let client = self.client.clone();
        let loaded = self.loaded(group)?;
        let current = loaded.head.epoch() == epoch;
        let transcript_hash = match loaded.head.readable(epoch, now) {
            Some(past) => past.transcript_hash.clone(),
            None if current => adapter::transcript_hash(&loaded.group),
            None => return Err(MlsError::PastEpoch { epoch }),
        };
        let described = match loaded.group.process_incoming_message(message) {
            Ok(ReceivedMessage::ApplicationMessage(described)) => described,
            Ok(_) => {
                loaded.recover(&client, group);
                return Err(MlsError::Undecryptable);
            }
            Err(error) => {
                let failure = decryption_error(&error, current);
                if matches!(failure, MlsError::Undecryptable) {
                    loaded.recover(&client, group);
                }
                return Err(failure);
            }
        };
        loaded.touch();
        let ApplicationMessageDescription { sender_index, .. } = described;
        if loaded.head.was_removed(sender_index, epoch) {
            return Err(MlsError::Refused(Refusal::RemovedSender));
        }
        if current {
            loaded.head.count_received();
        }
        Ok(Processed::Application(Application {
            sender: loaded.credential_at(sender_index)?,
            epoch,
            transcript_hash,
            plaintext: SecretBytes::new(described.data().to_vec()),
        }))
    }

    fn apply_commit(
        &mut self,
        group: &GroupId,
        message: MlsMessage,
        now: Timestamp,
    ) -> Result<Processed, MlsError> {
        let client = self.client.clone();
        let lists = self.lists.clone();
        let leaf = message.commit_path_leaf_node().map(|leaf| leaf_credential(&leaf.signing_identity));
        let committer = leaf.transpose().map_err(|refusal| MlsError::MustRejoin(Lost::Forbidden(refusal)))?;
        let loaded = self.loaded(group)?;
        let key = DetailsKey::of_epoch(&loaded.group)?;
        match loaded.group.process_incoming_message(message) {
            Ok(ReceivedMessage::Commit(commit)) => {
                let committer = match committer {
                    Some(committer) => committer,
                    // A Commit without a path, which only adds: the leaf is as it was.
                    None => loaded.credential_at(commit.committer)?,
                };
                Ok(Processed::Commit(Box::new(change::settle(loaded, &commit, committer, key, now)?)))
            }
            Ok(_) => {
                loaded.recover(&client, group);
                Err(MlsError::Refused(Refusal::Malformed))
            }
            Err(error) => {
                let failure = commit_error(&lists, &error);
                if !matches!(failure, MlsError::MissingLists(_) | MlsError::Own) {
                    loaded.recover(&client, group);
                }
                Err(failure)
            }
        }
    }
}

/// What a failed decryption means. Only what costs no key and tells nothing of the plaintext has a name of its own.
fn decryption_error(error: &LibraryError, current: bool) -> MlsError {
    match error {
        LibraryError::CantProcessMessageFromSelf => MlsError::Own,
        LibraryError::KeyMissing(_) => MlsError::KeyUsed,
        LibraryError::InvalidFutureGeneration(_) if current => MlsError::MustRejoin(Lost::TooFarAhead),
        LibraryError::MemberNotFound => MlsError::Refused(Refusal::RemovedSender),
        _ => MlsError::Undecryptable,
    }
}

/// What a Commit that cannot be applied means. It stands in the group's log, so whoever is to blame: rejoin (rule R1).
fn commit_error(lists: &Lists, error: &LibraryError) -> MlsError {
    if matches!(error, LibraryError::CantProcessMessageFromSelf) {
        return MlsError::Own;
    }
    match adapter::judged(lists, error, Refusal::Malformed) {
        missing @ MlsError::MissingLists(_) => missing,
        MlsError::Refused(Refusal::Policy(refusal)) => MlsError::MustRejoin(Lost::Forbidden(refusal)),
        _ => MlsError::MustRejoin(Lost::Broken),
    }
}
