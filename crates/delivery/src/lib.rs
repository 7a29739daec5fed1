//! The services of hushd: accounts, KeyPackages, conversations, mailboxes. No sockets, no sleeping, no clock.
//!
//! Everything here is a function of a request, a time and the store. `server` puts sockets and threads around it; the
//! simulator and the tests run the very same code with [`direct::Direct`], one job at a time.
//!
//! # The walk of a request
//!
//! ```text
//!  connection's task             any worker thread           the one writer thread
//!  ─────────────────             ─────────────────           ─────────────────────
//!  Service::begin ──frames──►
//!        │ Next::Check ─────────► Service::check ─ Step ─┐
//!        │ Next::Write ──────────────────────────────────┴──► Service::commit(batch)
//!        │                                                        │ store.write: one durable transaction
//!        ◄────────────── Outbound { connection, event } ──────────┘
//!  Service::event ──frames──►                                     └─ Effect (an OTP to deliver)
//! ```
//!
//! 1. [`Service::begin`] takes the validated request of one [`Session`]. It checks what needs reads only: the state of
//!    the connection, limits, signatures. Its [`Step`] holds what to send at once and what comes next.
//! 2. A [`Check`] is work that is too slow for a connection's task: a Commit before the [`Observer`], KeyPackages to
//!    parse. It runs on any thread, and ends in an answer or a [`Job`].
//! 3. A [`Job`] is one domain operation of the store, and what its result means. The writer takes whatever jobs
//!    are queued ([`Service::commit`]); the store runs them as one durable transaction. Only then are there answers
//!    and publications: **nothing that is not durable is ever told to anybody**.
//! 4. An [`Outbound`] goes to the task of the connection that it names, which hands it to [`Service::event`]. So a session
//!    is touched by its own task alone.
//!
//! # What can die in between
//!
//! - Before the commit: nothing happened. The client sends the same bytes again.
//! - After the commit, before the answer: the client sends again, and the store's 64 slots give the first answer again
//!   (`MessageSent` with the same order). Publications that were lost are in the mailbox: a session that sees a number
//!   that is not the next one reads the store until it is contiguous, and so does the next login.
//! - During a check: the Observer that it advanced is dropped. Observers live in a cache only after their Commit is
//!   durable, and are rebuilt from the last base and the handshakes after it.
//! - An OTP's effect that is lost: the person asks for another code.
//!
//! # Each request
//!
//! | request | checks while beginning | check | write | then |
//! | --- | --- | --- | --- | --- |
//! | Hello | version | | | Welcomed, signed (R6) |
//! | Register | policy, handle, limits | | StartSession | OTP effect, Registration |
//! | Otp | wrong codes a day | | TryOtp, ClaimHandle | OtpOk or RegistrationFailed, HandleClaim to the owner |
//! | SendPublicKeys | session | genesis, entry 1, signature, KeyPackages | CreateAccount | KeysSet, HandleClaim, HandleMoved |
//! | Login | signature, limits | | RecordLogin | LoggedIn, fencing, streaming |
//! | SenderKeys, LookUp | limits | | | AccountKeys |
//! | RecipientKeys | limits | | ClaimKeyPackages | ClaimedKeyPackages |
//! | PutKeyPackages | limits | each KeyPackage | PutKeyPackages | KeyPackagesStored |
//! | AppendListEntry | limits | chain (R2) | AppendListEntry | ListEntryAppended, ListChanged, fencing |
//! | AnswerHandleClaim | limits | | AnswerClaim | HandleClaimAnswered, HandleClaim |
//! | CreateConversation | id, peer | Observer: epoch 0, first Commit | CreateConversation | MessageSent |
//! | SendMessage | header (R9), peer | | Append | MessageSent, publications |
//! | SendCommit | header, epoch | Observer | AppendCommit | MessageSent, publications |
//! | SendUploaded | the upload is here | as the request in it | as the request in it | MessageSent, publications |
//! | FetchGroup | limits | tree, membership (R7) | | Group, or ReferredGroup |
//! | OpenLink, FindLink | limits | | | LinkOpened, LinkFound |
//! | Recover | limits, the recovery key's signature | | | AccountKeys |
//! | RecoverDevice | limits, signed by recovery | chain (R2) | AppendListEntry | as AppendListEntry |
//! | Report | limits, of another account | | StoreReport | ReportStored |
//! | SendLink | the link's life and messages | | | LinkMessage to the other end |
//! | SendEphemeral | header, membership | | | Ephemeral to the connected |
//! | MessageReceived | window | | Acknowledge, never in a hurry | Acknowledged |
//!
//! Bodies that do not fit into frames go by HTTPS: see the `bodies` module.
//!
//! # Invariants
//!
//! - Errors become wire codes in one place, the `fault` module.
//! - Personal data (handles, addresses, codes) is in no `Debug`, no log line and no limit's key.
//! - An OTP leaves only in [`Effect::DeliverOtp`].
//!
//! [`Observer`]: hushwire_group_policy::Observer

mod accounts;
pub mod admin;
mod bodies;
mod check;
mod chores;
mod claims;
mod commits;
mod conversations;
pub mod direct;
mod elsewhere;
mod fault;
mod hello;
mod hub;
mod job;
pub mod limits;
mod links;
mod lists;
mod login;
mod observers;
pub mod pepper;
mod receive;
mod recovery;
mod registration;
mod reports;
mod service;
pub mod session;
pub mod settings;
mod staging;
pub mod step;
mod stream;
mod tickets;

pub use admin::{AdminError, NewInvite};
pub use direct::Direct;
pub use elsewhere::Who;
pub use job::Tell;
pub use pepper::Pepper;
pub use service::Service;
pub use session::{Peer, Session};
pub use settings::Settings;
pub use staging::Upload;
pub use step::{
    Check, Checked, ConnectionId, DeliverOtp, Effect, Event, Fence, Job, Next, OtpAddress, OtpTicket,
    Outbound, Outcome, Publication, Step, Turn, Undeliverable, Urgency,
};
pub use tickets::Bearer;
