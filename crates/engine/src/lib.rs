//! Everything the client decides: synchronous, without network, one transaction a step.
//!
//! The caller (the `client` crate, or a simulator) owns the socket and the clock. It hands what happened to
//! [`Engine::step`] as [`Input`]s and does what comes back as [`Effect`]s. All that must outlive a crash is in rows of
//! the [`Database`](hushwire_client_store::Database); what the engine holds in memory is a cache, the connection's state, or can be derived again.
//!
//! Invariants:
//! - **One step, one transaction.** A step's rows, MLS state and journal events are written together or not at all.
//!   Effects are returned after the commit, so nothing leaves the device that it could forget. A batch in which a
//!   message from outside cannot be handled is the exception: it is cut into several transactions, each complete.
//! - **Effects are derived, never remembered.** After each step the engine looks at its rows for what is owed (the
//!   outbox, lists and trees that something waits for, queued texts, KeyPackages that run low) and asks for what is
//!   not under way on this connection. So a crash, a lost answer and a new connection need no path of their own.
//! - **A ciphertext is made once and sent as often as needed.** Retries send the same bytes under the same `send_seq`. Only
//!   an answer that proves that the server did not take it lets the text be encrypted again.
//! - **Nothing is encrypted before the server's count of accepted sends was compared** (rule R10): texts wait in
//!   their rows until the device is online.
//! - **The stream is the only proof of a Commit.** Own Commits are applied when they come back, by their hash (rule R1).
//! - **A bad message never harms a group.** A message that fails is rolled back with all it touched, noted as a row
//!   that a person sees, and acknowledged.
//!
//! # Walks
//!
//! *Register.* [`Engine::register`] makes the keys and writes the profile before anything is sent;
//! [`Engine::register_request`] and [`Engine::public_keys`] are what the client sends; [`Engine::keys_set`] ends it. A profile
//! that died between is found in [`ProfileState::Registering`]: the client logs in, and where that is accepted the
//! registration had worked.
//!
//! *Log in.* [`Engine::login`] checks the server's signature against the pinned key and signs for this connection (rule R6).
//! The answer goes in as [`Input::Online`]: an old copy of the profile or a restored server is noticed here, then
//! the outbox is sent again, then everything else that is owed.
//!
//! *Open a direct conversation and send.* [`Command::Send`] to a handle looks it up, verifies the account's list from its genesis
//! and keeps it; only then is the text stored (`Outcome::Queued`). The conversation is opening: a KeyPackage of each device of
//! the peer is claimed, checked against the list, and group, first Commit and Welcome go out in one request. When the stream brings
//! the Commit back, the conversation is active; queued texts are encrypted, each in one step with its timeline row, outbox row and
//! MLS rows. The server's answer moves the outbox row to the log of accepted sends and gives the text its place. Where somebody else
//! created the conversation first, the own group is dropped and the Welcome is waited for.
//!
//! *Make or change a group.* What a person asks for is a wish in a row; it is granted by a Commit as soon as the group allows
//! it, compared anew after each Commit of others, and ended by an event that says how.
//!
//! *Leave a group.* No device can commit its own removal, so the account's role becomes `Leaving` by a Commit of its own; from
//! then on nothing of it is accepted, its devices close the conversation, and whoever commits next removes its leaves.
//!
//! *Receive a batch.* Entries at or below the cursor are skipped. The rest is processed in one transaction and acknowledged
//! after it. What cannot be handled yet (the tree of a Welcome, an unknown list entry, an epoch to come) is parked raw,
//! the cursor moves on, later entries of that conversation queue behind it, and a request for what is missing follows.
//!
//! *Join by Welcome.* The Welcome is parked while its tree is fetched; then the group is joined, its members are checked against their
//! lists, what is parked behind it is processed, and a Commit with a fresh leaf is scheduled. A Welcome whose KeyPackage is gone
//! leads to a rejoin.
//!
//! *Lose a Commit race.* The server answers `StaleEpoch`: the Commit is not sent again, and that is all. When the winner's
//! Commit comes by the stream, it is applied, the pending one is dropped, and what it was for is looked at again: done,
//! or committed anew.
//!
//! *Rejoin.* A Commit that cannot be applied, a lost Welcome or a lost group: GroupInfo and tree are fetched, an external Commit
//! replaces the own leaf (rule R7), and the group of the rejoin exists only once that Commit is accepted. Twice in vain: an alert.
//!
//! *Restored profile* (rule R10). The server accepted more sends than this profile made: unsent ciphertexts are dropped, their texts
//! stay queued, KeyPackages are replaced, and each conversation is rejoined before anything is encrypted in it.
//!
//! *Restored server.* The mailbox has another incarnation: the cursor starts again, newer entries of the own list are appended again, and what
//! the server had accepted in the last seven days and no longer knows is sent again, same bytes. Receivers know duplicates by their hash.
//!
//! *Somebody claims a handle of this account.* The server's notice becomes an alert and a row of the list that
//! [`handle_claims`] reads; [`Command::DecideClaim`] is answered by the server. A handle of somebody else that moved is looked up at
//! once: where it means another account, sending to them waits for the person.
//!
//! *Report an account.* [`draft_report`] says what would go to the operator in clear; [`Command::Report`] stores exactly that as a row, with
//! the block in the same transaction, and the request is made until the server answers. Then the words are erased here.
//!
//! *Search.* A text is indexed in the step that writes its row, and leaves the index in the step that erases it. What an older
//! version has written is indexed some rows a step, the latest first, until all are.
//!
//! *Back up and restore a history.* [`back_up`] gives what people wrote and chose as records; [`Command::RestoreHistory`] adds those
//! that are missing to a profile of the same account: no message arrives, and no receipt is owed.
//!
//! *Hand the past to a new device.* [`Command::FetchHistory`] asks another device of the account, in the conversation with oneself, for the
//! same records; they come part by part, each side keeps its place, and both go on after a kill.
//!
//! *Show the same of others on all devices.* What a contact says of itself is a setting with a version; own devices tell it each other, and ask
//! in the conversation with oneself for pictures that they lack.
//!
//! *Hand the past to a newcomer.* [`Command::AddToGroup`] is the wish to add an account, and how many messages it is handed: they are
//! chosen when the Commit comes back, and go through the group part by part, for the newcomer's devices alone and marked as the adder's
//! word.
//!
//! *KeyPackages.* A pool of 20 is refilled when 10 are left; the last resort is renewed weekly and after each use.
//!
//! *Leaf refresh.* After joining, at the first send after 24 hours and every 200 messages a Commit replaces the own leaf; in an
//! epoch's 500th message sending waits for one. Voluntary Commits are at least 5 s apart in a group and 60 s on a device.

mod about;
mod answers;
mod asks;
mod backup;
mod claims;
mod command;
mod commits;
mod compose;
mod contacts;
mod copies;
mod create;
mod devices;
mod dispatch;
mod effect;
mod engine;
mod ephemeral;
mod error;
mod event;
mod expiry;
mod facts;
mod generations;
mod group;
mod handover;
mod import;
mod incoming;
mod index;
mod input;
mod join;
mod key_packages;
mod known_list;
mod lacking;
mod linked;
mod lists;
mod me;
mod missing;
mod newcomers;
mod notice;
mod outgoing;
mod owed;
mod pictures;
mod polls;
mod profiles;
mod receipts;
mod refusal;
mod registration;
mod rejoin;
mod remake;
mod renew;
mod report;
mod reported;
mod requests;
mod restore;
mod roster;
mod rows;
mod schedule;
mod session;
mod setting;
mod shared;
mod spacing;
mod step;
mod stop;
mod stream;
mod tag;
mod text;
mod wishes;
mod witness;

pub use about::MessageRef;
pub use asks::{group_link, join_asks};
pub use backup::back_up;
pub use claims::{ClaimAnswer, ClaimState, HandleClaim, account_code, handle_claims, own_handles};
pub use command::{Command, CommandId, GroupChange, GroupRole, GroupWho, Outcome, Reach, Recipient};
pub use effect::{Broken, Effect};
pub use engine::Engine;
pub use ephemeral::TYPING_EVERY;
pub use error::{OpenError, RegisterError, StepError};
pub use event::{Alert, Event};
pub use handover::{HistoryProgress, history_handed, history_wanted};
pub use hushwire_client_store::profile::ProfileState;
pub use import::Restored;
pub use input::Input;
pub use linked::{Home, NewDevice};
pub use newcomers::is_handing_history;
pub use notice::{Mismatch, Notice};
pub use pictures::{picture_of, picture_of_group};
pub use refusal::Refusal;
pub use registration::{NewAccount, check_hello};
pub use report::{Complaint, ReportDraft, ReportReason, ReportedText, draft_report};
pub use requests::is_accepted;
pub use setting::{
    AccountSettings, ConversationSettings, Setting, account_settings, conversation_settings, is_blocked,
    is_starred, own_picture, own_profile, starred,
};
pub use tag::Tag;
