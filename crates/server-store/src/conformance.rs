//! The suite that every store passes: each operation, each refusal, races, reopening, backups.
//!
//! A backend implements [`Backend`] in its tests and calls [`conformance_tests!`](crate::conformance_tests). Every case
//! runs twice: with a store that stays open, and with one that is closed and opened again after every write, so that
//! nothing is only in its caches.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a suite of tests, in a module only so that several crates can run it"
)]

pub mod accounts;
pub mod claims;
pub mod classic;
pub mod conversations;
pub mod durability;
pub mod key_packages;
pub mod mailboxes;
pub mod model;
pub mod races;
pub mod registration;
pub mod reports;
pub mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hushwire_types::{
    AccountId, ConversationId, DeviceId, EntryHash, Epoch, Generation, MailboxId, SendSeq, Seq, SessionId,
    Timestamp,
};

use crate::account::{CreateAccount, DeviceAddress, ListHead, NewDevice};
use crate::conversation::{
    Append, AppendCommit, Commit, Committer, ConversationKind, CreateConversation, GroupBase, SendId, Sent,
};
use crate::key_package::{NewKeyPackage, NewKeyPackages};
use crate::mailbox::{MailboxKey, StoredEntry};
use crate::registration::{SessionMethod, StartSession};
use crate::{Bounds, Refusal, Store, Write, Written};

/// A kind of store.
pub trait Backend {
    /// An empty store of this kind.
    fn start(bounds: Bounds) -> Box<dyn Harness>;
}

/// One store of a backend.
pub trait Harness {
    /// The store as it is open now.
    fn store(&self) -> Arc<dyn Store>;
    /// Closes it and opens it again.
    fn reopen(&mut self);
    /// Takes a backup of it as it is now; [`Harness::restore`] goes back to that.
    fn back_up(&mut self);
    /// Puts the backup in the store's place.
    fn restore(&mut self);
}

/// Whether the store is opened again after each write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reopening {
    Never,
    AfterEachWrite,
}

/// A store under test, with a clock and numbers that never repeat.
pub struct World {
    pub harness: Box<dyn Harness>,
    pub reopening: Reopening,
    pub now: Timestamp,
    counter: u64,
}

/// A device that a test acts as.
#[derive(Debug, Clone, Copy)]
pub struct Actor {
    pub address: DeviceAddress,
    pub mailbox: MailboxKey,
    pub head: ListHead,
}

/// Runs a case in both ways, with these bounds.
pub fn run<B: Backend>(bounds: &Bounds, case: impl Fn(&mut World)) {
    for reopening in [Reopening::Never, Reopening::AfterEachWrite] {
        let harness = B::start(bounds.clone());
        case(&mut World { harness, reopening, now: Timestamp::from_ms(1_000_000_000_000), counter: 0 });
    }
}

impl World {
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        self.harness.store()
    }

    pub fn batch(&mut self, batch: Vec<Write>) -> Vec<Result<Written, Refusal>> {
        let outcomes = self.store().write(batch, self.now).unwrap();
        if self.reopening == Reopening::AfterEachWrite {
            self.harness.reopen();
        }
        outcomes
    }

    pub fn write(&mut self, operation: impl Into<Write>) -> Result<Written, Refusal> {
        self.batch(vec![operation.into()]).remove(0)
    }

    pub fn sent(&mut self, operation: impl Into<Write>) -> Sent {
        match self.write(operation) {
            Ok(Written::Sent(sent)) => sent,
            other => panic!("not sent: {other:?}"),
        }
    }

    pub fn pass(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    /// Bytes that no other call returns.
    pub fn unique<const N: usize>(&mut self) -> [u8; N] {
        self.counter += 1;
        let mut out = [0; N];
        out[..8].copy_from_slice(&self.counter.to_be_bytes());
        out[N - 1] = 0x5a;
        out
    }

    pub fn device(&mut self) -> NewDevice {
        NewDevice {
            device: DeviceId::new(self.unique()),
            list_key: self.unique(),
            mailbox: MailboxId::new(self.unique()),
        }
    }

    pub fn package(&mut self) -> NewKeyPackage {
        let digest = self.unique();
        NewKeyPackage { digest, bytes: Bytes::copy_from_slice(&digest) }
    }

    pub fn packages(&mut self, pool: usize) -> NewKeyPackages {
        NewKeyPackages {
            pool: (0..pool).map(|_| self.package()).collect(),
            last_resort: Some(self.package()),
        }
    }

    /// A session that may make its account at once.
    pub fn open_session(&mut self) -> StartSession {
        StartSession {
            session: SessionId::new(self.unique()),
            account: AccountId::new(self.unique()),
            method: SessionMethod::Open,
            contact: None,
            username: None,
            otp: None,
            expires_at: self.now.after(Duration::from_secs(600)),
        }
    }

    pub fn creation(&mut self, session: &StartSession) -> CreateAccount {
        CreateAccount {
            session: session.session,
            account: session.account,
            genesis: Bytes::copy_from_slice(session.account.as_bytes()),
            entry: Bytes::copy_from_slice(&self.unique::<40>()),
            entry_hash: EntryHash::new(self.unique()),
            device: self.device(),
            key_packages: self.packages(1),
        }
    }

    /// A new account with one device.
    pub fn actor(&mut self) -> Actor {
        let session = self.open_session();
        self.write(session.clone()).unwrap();
        let creation = self.creation(&session);
        self.create(creation).unwrap()
    }

    pub fn create(&mut self, creation: CreateAccount) -> Result<Actor, Refusal> {
        let address = DeviceAddress { account: creation.account, device: creation.device.device };
        let head = ListHead { number: hushwire_types::ListNumber(1), hash: creation.entry_hash };
        match self.write(creation)? {
            Written::AccountCreated { mailbox, .. } => Ok(Actor { address, mailbox, head }),
            other => panic!("no account: {other:?}"),
        }
    }

    pub fn send_id(&mut self, actor: &Actor, send_seq: u64) -> SendId {
        SendId { mailbox: actor.mailbox, send_seq: SendSeq(send_seq), digest: self.unique() }
    }

    /// The next send of a device.
    pub fn next_send(&mut self, actor: &Actor) -> SendId {
        let accepted =
            self.store().mailbox(actor.mailbox).unwrap().map_or(0, |mailbox| mailbox.accepted_sends.0);
        self.send_id(actor, accepted + 1)
    }

    pub fn commit(&mut self, added: &[Actor], removed: &[Actor]) -> Commit {
        Commit {
            commit: Bytes::copy_from_slice(&self.unique::<30>()),
            group_info: Bytes::copy_from_slice(&self.unique::<20>()),
            welcome: (!added.is_empty()).then(|| Bytes::copy_from_slice(&self.unique::<50>())),
            added: added.iter().map(|actor| actor.address).collect(),
            removed: removed.iter().map(|actor| actor.address).collect(),
            base: None,
        }
    }

    pub fn conversation_of(&mut self, one: &Actor, others: &[Actor]) -> CreateConversation {
        let conversation = ConversationId::new(self.unique());
        let other = others.first().map_or(one.address.account, |other| other.address.account);
        CreateConversation {
            send: self.next_send(one),
            conversation,
            generation: Generation(1),
            kind: ConversationKind::direct(one.address.account, other),
            base: GroupBase { epoch: Epoch(0), snapshot: Bytes::from_static(b"epoch 0") },
            commit: self.commit(others, &[]),
        }
    }

    /// A conversation at epoch 1.
    pub fn converse(&mut self, one: &Actor, others: &[Actor]) -> ConversationId {
        let creation = self.conversation_of(one, others);
        let conversation = creation.conversation;
        self.sent(creation);
        conversation
    }

    pub fn message(&mut self, from: &Actor, conversation: ConversationId, epoch: u64) -> Append {
        Append {
            send: self.next_send(from),
            conversation,
            generation: Generation(1),
            epoch: Epoch(epoch),
            body: Bytes::copy_from_slice(&self.unique::<16>()),
        }
    }

    pub fn member_commit(&mut self, from: &Actor, conversation: ConversationId, epoch: u64) -> AppendCommit {
        AppendCommit {
            send: self.next_send(from),
            conversation,
            generation: Generation(1),
            epoch: Epoch(epoch),
            committer: Committer::Member,
            commit: self.commit(&[], &[]),
        }
    }

    /// Everything that waits for a device.
    #[must_use]
    pub fn waiting(&self, actor: &Actor) -> Vec<StoredEntry> {
        self.store().entries(actor.mailbox, Seq(0), usize::MAX, usize::MAX).unwrap().entries
    }

    /// The numbers of all that waits for a device.
    #[must_use]
    pub fn numbers(&self, actor: &Actor) -> Vec<u64> {
        self.waiting(actor).iter().map(|entry| entry.seq.0).collect()
    }

    pub fn acknowledge_all(&mut self, actor: &Actor) {
        self.write(crate::mailbox::Acknowledge { mailbox: actor.mailbox, through: Seq(u64::MAX) }).unwrap();
    }
}

/// Makes a test of each case for a [`Backend`].
#[macro_export]
macro_rules! conformance_tests {
    ($backend:ty) => {
        $crate::conformance_tests!(@module $backend, registration: [
            an_invite_is_used_up, an_invite_expires, an_invite_is_revoked_by_code_or_unique_prefix,
            a_session_needs_what_it_says, a_session_ends, an_otp_is_right_once_and_bound_to_its_session,
            an_otp_expires_and_its_tries_are_counted, wrong_codes_are_counted_over_all_sessions,
        ]);
        $crate::conformance_tests!(@module $backend, accounts: [
            an_account_is_made_all_at_once, the_same_creation_again_gets_the_same_answer, handles_are_unique,
            look_alikes_are_refused, a_list_grows_by_compare_and_swap, a_revoked_device_loses_everything, r2_a_displacement_takes_the_place_of_the_tail_and_keeps_it,
            a_moved_list_is_told_to_everybody_in_a_conversation, a_suspended_account_is_silent,
            a_deleted_account_leaves_its_list_only, users_are_listed_in_pages,
        ]);
        $crate::conformance_tests!(@module $backend, claims: [
            a_claim_passes_after_its_time_and_tells_everybody, a_claim_is_told_once, consent_lets_a_handle_pass_at_once,
            a_refused_claim_waits_and_starts_again, a_login_of_the_owner_keeps_the_handle,
            a_device_that_read_the_notice_keeps_the_handle, claims_of_a_handle_are_bounded_and_apart,
            only_the_owner_decides, a_claim_needs_its_code, claims_end_with_their_handle_and_their_time,
        ]);
        $crate::conformance_tests!(@module $backend, classic: [
            classic_keys_are_set_once, classic_guesses_are_counted, classic_messages_wait_until_they_are_acknowledged,
            classic_messages_are_their_recipients_alone, a_classic_message_again_is_stored_once,
            a_full_classic_queue_refuses,
        ]);
        $crate::conformance_tests!(@module $backend, key_packages: [
            a_key_package_is_claimed_once, the_last_resort_stays_and_is_marked, one_for_every_device_asked_for,
            an_upload_again_changes_nothing, a_replacement_drops_the_others, the_pool_is_bounded,
            nothing_to_claim_is_refused,
        ]);
        $crate::conformance_tests!(@module $backend, conversations: [
            the_first_creation_wins, a_message_reaches_members_but_not_its_sender, the_same_send_gets_the_first_answer,
            another_send_under_the_same_number_is_refused, numbers_may_skip_but_not_fall_behind,
            r1_a_commit_is_compare_and_swap, messages_are_accepted_in_three_epochs,
            messages_of_a_past_epoch_are_accepted_for_half_a_day, a_newcomer_gets_nothing_from_before,
            the_removed_are_told_and_stop_receiving, strangers_cannot_send, r7_an_external_commit_renews_a_leaf,
            the_log_and_its_bases_lead_to_every_epoch, a_next_generation_closes_the_one_before,
            refused_operations_leave_the_rest_of_the_batch, a_message_to_a_suspended_account_is_refused,
            a_message_to_a_deleted_account_is_refused,
        ]);
        $crate::conformance_tests!(@module $backend, mailboxes: [
            entries_are_read_in_pages, an_acknowledgement_deletes, a_shared_payload_lasts_for_the_last_reader,
            a_full_mailbox_leaves_one_gap, handshakes_have_room_of_their_own, bytes_are_bounded_too,
            an_unknown_mailbox_is_empty_and_refused, large_bodies_stay_in_the_store_until_asked_for,
            large_bodies_count_in_full_for_a_mailbox, the_mark_of_the_last_login_is_kept,
        ]);
        $crate::conformance_tests!(@module $backend, upkeep: [
            old_entries_go_and_leave_a_gap, expiry_goes_step_by_step, idle_devices_become_stale_until_they_log_in,
            old_logs_are_cut_behind_a_base, limits_are_saved_until_they_pass, values_are_kept, ended_things_are_swept,
        ]);
        $crate::conformance_tests!(@module $backend, reports: [
            a_report_is_kept_as_it_was_told, a_report_again_is_stored_once, reports_are_listed_in_pages_and_deleted,
            a_report_of_nobody_is_refused, reports_are_bounded, reports_go_after_their_time,
        ]);
        $crate::conformance_tests!(@module $backend, durability: [
            everything_is_there_after_reopening, a_restored_backup_has_another_incarnation,
            a_reopened_store_keeps_its_incarnation, a_new_mailbox_of_the_same_device_has_another_incarnation,
        ]);
        $crate::conformance_tests!(@module $backend, races: [
            each_key_package_goes_to_one_claimer, appends_are_numbered_without_holes, one_commit_wins_each_epoch,
            one_account_gets_the_handle, one_conversation_is_made,
        ]);
        $crate::conformance_tests!(@module $backend, model: [the_same_operations_mean_the_same_as_in_memory]);
    };
    (@module $backend:ty, $module:ident: [$($case:ident),* $(,)?]) => {
        mod $module {
            #[allow(unused_imports, reason = "the backend may be named by a path")]
            use super::*;
            $(#[test]
            fn $case() {
                $crate::conformance::$module::$case::<$backend>();
            })*
        }
    };
}
