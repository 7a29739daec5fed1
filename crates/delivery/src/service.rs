//! The services as one value, shared by all connections, workers and the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hushwire_identity::{PublicKey, ServerKey};
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_server_store::{Store, StoreError};
use hushwire_suite::Suite;
use hushwire_types::{Entropy, Timestamp};
use hushwire_wire::{Pong, Request, RequestId, limits};

use crate::chores::Chores;
use crate::conversations::Directory;
use crate::fault::Fault;
use crate::hub::Hub;
use crate::limits::Limiter;
use crate::links::Links;
use crate::lists::Lists;
use crate::observers::Observers;
use crate::pepper::Pepper;
use crate::session::{Peer, Phase, Session};
use crate::settings::Settings;
use crate::staging::Staging;
use crate::step::{ConnectionId, Next, Origin, Outbound, Step};
use crate::tickets::Tickets;

/// The services of one server.
///
/// All state that matters is in the store; what is here can be lost at any moment: who is connected, rate limits of
/// the last seconds, caches.
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) identity: ServerKey,
    pub(crate) pepper: Pepper,
    pub(crate) settings: Settings,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) suite: Suite,
    pub(crate) limiter: Limiter,
    pub(crate) hub: Hub<MailboxKey>,
    pub(crate) lists: Arc<Lists>,
    pub(crate) observers: Observers,
    pub(crate) directory: Directory,
    pub(crate) chores: Chores,
    pub(crate) tickets: Tickets,
    pub(crate) staging: Staging,
    pub(crate) links: Links,
    connections: AtomicU64,
}

impl Service {
    /// The services over a store, with the limits that it has saved.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn open(
        store: Arc<dyn Store>,
        identity: ServerKey,
        pepper: Pepper,
        settings: Settings,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let limiter = Limiter::new(settings.limits.clone());
        limiter.restore(store.limits()?);
        let lists = Arc::new(Lists::new(Arc::clone(&store)));
        Ok(Self {
            observers: Observers::new(),
            directory: Directory::new(),
            chores: Chores::new(),
            tickets: Tickets::default(),
            staging: Staging::default(),
            links: Links::default(),
            hub: Hub::new(),
            connections: AtomicU64::new(0),
            suite: Suite::new(Arc::clone(&entropy)),
            store,
            identity,
            pepper,
            settings,
            entropy,
            limiter,
            lists,
        })
    }

    /// The server's public key, which clients pin.
    #[must_use]
    pub const fn server_key(&self) -> PublicKey {
        self.identity.public()
    }

    /// How many devices are connected and logged in.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.hub.len()
    }

    /// Whether the store answers.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.store.limits().is_ok()
    }

    /// The store under the services, for metrics and health.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// A new connection.
    #[must_use]
    pub fn connect(&self, peer: Peer) -> Session {
        let number = self.connections.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Session::new(ConnectionId(number), peer)
    }

    /// A connection has ended. Whatever of it is with a worker or the writer goes on. The other end of a link is told.
    pub fn disconnect(&self, session: &mut Session) -> Option<Outbound> {
        if let Phase::LoggedIn(active) = std::mem::replace(&mut session.phase, Phase::Ended) {
            self.tickets.end(active.ticket);
            self.hub.leave(active.who.mailbox, session.connection);
        }
        self.leave_link(session.connection)
    }

    /// Takes a request. Reads the store, never writes, and does no work of more than about a millisecond.
    pub fn begin(
        &self,
        session: &mut Session,
        request_id: RequestId,
        request: Request,
        now: Timestamp,
    ) -> Step {
        let origin = Origin { connection: session.connection, request_id };
        let step = if session.in_flight >= limits::REQUESTS_IN_FLIGHT {
            Err(Fault::Busy)
        } else {
            self.dispatch(session, origin, request, now)
        };
        let step = step.unwrap_or_else(|fault| Step::answer(origin, fault));
        let awaited = match &step.next {
            Next::Check(_) => true,
            Next::Write(job) => job.is_awaited(),
            Next::Nothing | Next::Close => false,
        };
        session.in_flight += usize::from(awaited);
        step
    }

    fn dispatch(
        &self,
        session: &mut Session,
        origin: Origin,
        request: Request,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        match request {
            Request::Hello(hello) => self.hello(session, origin, &hello, now),
            Request::Register(register) => self.register(session, origin, &register, now),
            Request::Otp(otp) => self.try_otp(session, origin, &otp, now),
            Request::SendPublicKeys(keys) => Self::set_keys(session, origin, keys),
            Request::Login(login) => self.login(session, origin, &login, now),
            Request::SenderKeys(wanted) => self.sender_keys(session.caller()?, origin, &wanted, now),
            Request::LookUp(look_up) => self.look_up(session.caller()?, origin, &look_up, now),
            Request::RecipientKeys(wanted) => self.claim(session.caller()?, origin, &wanted, now),
            Request::PutKeyPackages(put) => self.put_key_packages(session.caller()?, origin, put, now),
            Request::AppendListEntry(append) => self.append_entry(session.caller()?, origin, append, now),
            Request::AnswerHandleClaim(answer) => self.answer_claim(session.caller()?, origin, &answer, now),
            Request::CreateConversation(create) => self.create(session.caller()?, origin, create, now),
            Request::SendMessage(message) => self.send_message(session.caller()?, origin, message, now),
            Request::SendCommit(commit) => self.send_commit(session.caller()?, origin, commit, now),
            Request::SendUploaded(send) => self.send_uploaded(session.caller()?, origin, &send, now),
            Request::FetchGroup(fetch) => self.fetch_group(session.caller()?, origin, fetch, now),
            Request::SendEphemeral(message) => self.send_ephemeral(session.caller()?, origin, message, now),
            Request::MessageReceived(received) => self.message_received(session, origin, &received),
            Request::Report(report) => self.report(session.caller()?, origin, report, now),
            Request::OpenLink(open) => self.open_link(session, origin, &open, now),
            Request::FindLink(find) => self.find_link(session, origin, &find, now),
            Request::Recover(recover) => self.recover(session, origin, &recover, now),
            Request::RecoverDevice(recover) => self.recover_device(session, origin, recover, now),
            Request::SendLink(send) => self.send_link(session, origin, send, now),
            Request::Ping(_) => Ok(Step::answer(origin, Pong)),
            _ => Err(Fault::Unsupported),
        }
    }
}
