//! Sockets, database thread and timers around the engine: the public API of all front ends.
//!
//! A front end opens a profile ([`open`]) or makes one ([`join`]), and holds a [`Client`]: commands go in, views and a
//! stream of changes come out. Everything else, connecting, proving, resuming, sending again, goes on by itself.
//!
//! Two people on a server that runs in this very process:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! use hushwire_client::view::Settled;
//! use hushwire_client::{
//!     Client, CodeSource, Codes, Event, KeySource, Link, Place, Recipient, Transport, Wish, World, join,
//! };
//! use hushwire_server::admin::{Ask, Reply};
//! use hushwire_server::{Config, Server};
//! use hushwire_types::{Secret, Seq};
//!
//! struct NoCode; // An invite needs no one-time code.
//! impl CodeSource for NoCode {
//!     fn code(&mut self, _wrong: Option<u32>) -> Result<String, String> {
//!         Err("nobody is asked here".to_owned())
//!     }
//! }
//!
//! async fn member(folder: &std::path::Path, name: &str, link: &str) -> anyhow::Result<Client> {
//!     let place = Place { folder: folder.join(name), key: KeySource::Key(Secret::new([7; 32])) };
//!     let wish = Wish {
//!         link: link.parse()?,
//!         username: Some(format!("@{name}").parse()?),
//!         proof: None,
//!         device_name: "laptop".parse()?,
//!         transport: Transport::Tls,
//!     };
//!     let codes: Codes = Arc::new(Mutex::new(NoCode));
//!     let joined = join(&place, &wish, &codes, World::default()).await?;
//!     assert!(joined.recovery_key.is_some(), "to be shown to the person once");
//!     joined.client.forget_recovery_key().await?;
//!     assert_eq!(joined.client.caught_up(Duration::from_secs(60)).await, Link::Live);
//!     Ok(joined.client)
//! }
//!
//! # fn main() -> anyhow::Result<()> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let folder = tempfile::tempdir()?;
//! let mut config = Config::dev(folder.path().join("server"));
//! config.listen = "127.0.0.1:0".parse()?;
//! let server = Server::start(&config).await?;
//! let ask = Ask::CreateInvite { uses: None, lives_for_s: None, label: None };
//! let Reply::Invite { code } = server.ask(ask) else { anyhow::bail!("no invite") };
//! let link = server.link(Some(&code.parse()?));
//!
//! let alice = member(folder.path(), "alice", &link).await?;
//! let bob = member(folder.path(), "bob", &link).await?;
//!
//! // A command: durable when it returns, and sent however often this program is killed.
//! let queued = alice.send(Recipient::Handle("@bob".parse()?), "hello".to_owned(), None).await?;
//! assert!(matches!(alice.settled(queued, Duration::from_secs(60)).await?, Settled::Sent { .. }));
//!
//! // The stream of changes, at least once, with a `seq` to remember.
//! let mut changes = bob.changes(Seq(0));
//! let message = loop {
//!     let change = changes.next().await?.expect("the profile is open");
//!     if matches!(change.event, Some(Event::Message { .. })) {
//!         bob.advance("example".to_owned(), change.seq).await?;
//!         break change.message.expect("its row is there");
//!     }
//! };
//! assert_eq!((message.from.name.as_str(), message.body.words().as_str()), ("@alice", "hello"));
//!
//! // Views: conversations, and pages of their timelines.
//! let conversations = bob.conversations().await?;
//! let page = bob.timeline(conversations[0].id, None, 50).await?;
//! assert_eq!((conversations.len(), page.messages.len()), (1, 1));
//!
//! alice.close().await;
//! bob.close().await;
//! server.stop().await;
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! Invariants:
//! - The engine is used by one thread, the socket by one task; they meet in channels.
//! - What a front end is told is durable. What it asks for is durable when the call returns.
//! - Nothing is sent to a server that has not proved its pinned identity on that very connection (rule R6).

pub mod backoff;
pub mod backup;
#[cfg(test)]
mod canned;
pub mod client;
pub mod connect;
pub mod draft;
mod driver;
pub mod group;
pub mod join;
mod large;
pub mod link;
pub mod linking;
mod login;
pub mod past;
pub mod profile;
pub mod recovery;
pub mod report;
mod settings;
mod tls;
mod transfer;
pub mod view;
mod worker;

pub use backup::{BackupError, BackupKind, BackupOpener, backup_kind, verify_backup};
pub use client::{Changes, Client, ClientError, Queued};
pub use connect::{ConnectError, ServerAddress, Transport};
pub use draft::{Draft, FileError};
pub use driver::Typing;
pub use group::Granted;
pub use hushwire_client_store::account::{Says, Trust};
pub use hushwire_client_store::conversation::ConversationState;
pub use hushwire_client_store::group_facts::Who;
pub use hushwire_client_store::member::Role;
pub use hushwire_client_store::report::ReportState;
pub use hushwire_client_store::search::{Piece, Place as SearchPlace, Query};
pub use hushwire_client_store::timeline::EntryState;
pub use hushwire_client_store::{
    Database, KeyFile, KeyFileError, KeyKind, KeySource, OpenError as DatabaseOpenError, StoreError,
};
pub use hushwire_content::{Picture, Poll, limits};
pub use hushwire_engine::{
    AccountSettings, Alert, ClaimAnswer, ClaimState, Command, Complaint, ConversationSettings, Event,
    GroupChange, GroupRole, GroupWho, HandleClaim, HistoryProgress, MessageRef, Notice, Outcome, Reach,
    Recipient, Refusal, ReportDraft, ReportReason, ReportedText, Restored, Setting, TYPING_EVERY,
    account_code,
};
pub use hushwire_group_policy::direct_conversation_id;
pub use join::{CODE_DIGITS, CodeSource, Codes, JoinError, Joined, Wish, join};
pub use link::{ClockSkew, Link, Trouble, TroubleKind};
pub use linking::{Approving, Comparing, LinkingError, Waiting, approve, wait_to_be_found};
pub use past::Fetched;
pub use profile::{OpenError, Place, World, open};
pub use recovery::{Recovery, recover};
pub use worker::Gone;
