//! The public API of all front ends: commands, views and the stream of changes of one profile.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hushwire_client_store::search::Query;
use hushwire_client_store::{Reader, StoreError, View, journal, timeline};
use hushwire_engine::{Command, MessageRef, Outcome, Recipient, Refusal};
use hushwire_identity::Handle;
use hushwire_types::{AccountId, ContentId, ConversationId, Seq, Timestamp};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::connect::ServerAddress;
use crate::driver::{Ask, Driver, Parts, Typing};
use crate::link::{ClockSkew, Link};
use crate::profile::World;
use crate::view::{
    self, Account, Contact, Conversation, Cursor, Devices, Found, Handles, Page, Person, Settled,
};
use crate::worker::{Gone, Stepped, Worker};

/// What is kept of typing for who looks too slowly.
const TYPISTS: usize = 64;
/// Commands that may wait for the engine.
const ASKS: usize = 256;

/// An open profile: its engine, its database and its connection. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    asks: mpsc::Sender<Ask>,
    worker: Worker,
    reader: Arc<Mutex<Reader>>,
    link: watch::Receiver<Link>,
    journal: watch::Receiver<Seq>,
    skew: watch::Receiver<Option<ClockSkew>>,
    typing: broadcast::Sender<Typing>,
    address: ServerAddress,
    world: World,
    driver: Mutex<Option<tokio::task::JoinHandle<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A request to the client that was not carried out. Each is a sentence for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The engine refused; nothing was stored.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The profile was closed.
    #[error(transparent)]
    Closed(#[from] Gone),
    /// A row cannot be read.
    #[error("the profile's {0} cannot be read: it is damaged or of a newer version")]
    Damaged(&'static str),
    /// Nothing of that name is known here.
    #[error("there is no conversation with {0} in this profile")]
    UnknownHere(String),
}

/// A text that is stored and on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Where it stands.
    pub conversation: ConversationId,
    /// Its identity.
    pub content: ContentId,
}

impl Client {
    pub(crate) fn start(
        address: ServerAddress,
        worker: Worker,
        stepped: UnboundedReceiver<Stepped>,
        thread: JoinHandle<()>,
        reader: Reader,
        world: World,
    ) -> Self {
        let (asks, asked) = mpsc::channel(ASKS);
        let (link_in, link) = watch::channel(Link::Offline { reason: None });
        let (journal_in, journal) = watch::channel(Seq(0));
        let (skew_in, skew) = watch::channel(None);
        let (typing, _) = broadcast::channel(TYPISTS);
        let parts = Parts {
            address: address.clone(),
            worker: worker.clone(),
            stepped,
            asks: asked,
            link: link_in,
            journal: journal_in,
            skew: skew_in,
            typing: typing.clone(),
            clock: Arc::clone(&world.clock),
            entropy: Arc::clone(&world.entropy),
        };
        let driver = tokio::spawn(Driver::new(parts).run());
        let shared = Shared {
            asks,
            worker,
            reader: Arc::new(Mutex::new(reader)),
            link,
            journal,
            skew,
            typing,
            address,
            world,
            driver: Mutex::new(Some(driver)),
            thread: Mutex::new(Some(thread)),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Who writes in which conversation from now on. Nothing of it is kept: whoever looks away misses it.
    #[must_use]
    pub fn typing(&self) -> broadcast::Receiver<Typing> {
        self.shared.typing.subscribe()
    }

    /// Where the profile's server is.
    pub(crate) fn address(&self) -> &ServerAddress {
        &self.shared.address
    }

    pub(crate) fn world(&self) -> &World {
        &self.shared.world
    }

    /// What time it is, by the clock of this profile.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.world.clock.now()
    }

    /// How the connection stands; the receiver sees every change.
    #[must_use]
    pub fn link(&self) -> watch::Receiver<Link> {
        self.shared.link.clone()
    }

    /// How far this machine's clock is from the server's, where that is worth telling; known from the last login on.
    #[must_use]
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        *self.shared.skew.borrow()
    }

    /// Waits until everything that the server had for this device has come, or until that cannot be.
    ///
    /// Returns how the connection stands then; after `patience` whatever it is.
    pub async fn caught_up(&self, patience: Duration) -> Link {
        let mut link = self.link();
        let settled = |link: &Link| matches!(link, Link::Live | Link::Ended { .. });
        // A time-out and a closed client both leave the last state, which says it.
        let _ = timeout(patience, link.wait_for(settled)).await;
        self.shared.link.borrow().clone()
    }

    /// Sends a text. When this returns it is stored, and will be sent however often this program is killed; see
    /// [`Client::settled`] for what became of it.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where nothing was stored.
    pub async fn send(
        &self,
        to: Recipient,
        text: String,
        key: Option<String>,
    ) -> Result<Queued, ClientError> {
        match self.command(Command::Send { to, text, key }).await? {
            Outcome::Queued { conversation, content } => Ok(Queued { conversation, content }),
            _ => Err(closed()),
        }
    }

    /// Asks the server whom a handle belongs to. Its word is not a proof: see [`Client::verify`].
    ///
    /// # Errors
    /// [`ClientError::Refused`], for example where nobody has it.
    pub async fn look_up(&self, handle: Handle) -> Result<AccountId, ClientError> {
        match self.command(Command::LookUp { handle }).await? {
            Outcome::Found { account, .. } => Ok(account),
            _ => Err(closed()),
        }
    }

    /// Carries out any other command.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where nothing was done.
    pub async fn command(&self, command: Command) -> Result<Outcome, ClientError> {
        let (done, outcome) = oneshot::channel();
        self.shared.asks.send(Ask { command, done }).await.map_err(|_| Gone)?;
        match outcome.await.map_err(|_| Gone)? {
            Outcome::Refused(refusal) => Err(refusal.into()),
            outcome => Ok(outcome),
        }
    }

    /// Waits until the server has accepted a text or it has failed for good; after `patience`, or when the connection has
    /// ended and is not tried again, says how it stands.
    ///
    /// # Errors
    /// The database.
    pub async fn settled(&self, queued: Queued, patience: Duration) -> Result<Settled, ClientError> {
        let (mut journal, mut link) = (self.shared.journal.clone(), self.link());
        let wait = async {
            loop {
                journal.mark_unchanged();
                let stands =
                    self.read(move |view| view::settled(view, queued.conversation, queued.content)).await?;
                if stands != Settled::Waiting {
                    return Ok(stands);
                }
                tokio::select! {
                    changed = journal.changed() => if changed.is_err() { return Ok(stands) },
                    _ = link.wait_for(|link| matches!(link, Link::Ended { .. })) => return Ok(stands),
                }
            }
        };
        timeout(patience, wait).await.unwrap_or(Ok(Settled::Waiting))
    }

    /// This account and this device.
    ///
    /// # Errors
    /// The database.
    pub async fn account(&self) -> Result<Account, ClientError> {
        self.read(view::account).await
    }

    /// The handles of this account, as far as this device knows them, and the claims of others to them.
    ///
    /// # Errors
    /// The database.
    pub async fn handles(&self) -> Result<Handles, ClientError> {
        self.read(view::handles).await
    }

    /// The devices of this account, those that were put out too.
    ///
    /// # Errors
    /// The database.
    pub async fn devices(&self) -> Result<Devices, ClientError> {
        self.read(view::devices).await
    }

    /// Conversations in which devices have yet to be added or removed, as far as this device knows.
    ///
    /// # Errors
    /// The database.
    pub async fn unsettled(&self) -> Result<usize, ClientError> {
        self.read(view::unsettled).await
    }

    /// Everybody that this profile knows, oneself not.
    ///
    /// # Errors
    /// The database.
    pub async fn contacts(&self) -> Result<Vec<Contact>, ClientError> {
        self.read(view::contacts).await
    }

    /// All conversations, the liveliest first.
    ///
    /// # Errors
    /// The database.
    pub async fn conversations(&self) -> Result<Vec<Conversation>, ClientError> {
        self.read(view::conversations).await
    }

    /// At most `limit` rows of a conversation, the oldest of them first; the latest, or those before a page.
    ///
    /// # Errors
    /// The database.
    pub async fn timeline(
        &self,
        conversation: ConversationId,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, ClientError> {
        self.read(move |view| view::timeline(view, conversation, before.as_ref(), limit)).await
    }

    /// Whoever `name` means in this profile: a handle, a name of one's own, or an account id.
    ///
    /// # Errors
    /// The database.
    pub async fn find(&self, name: String) -> Result<Option<Person>, ClientError> {
        self.read(move |view| view::find(view, &name)).await
    }

    /// Messages that have a word beginning with each word of the query, in any case and with any accents.
    ///
    /// # Errors
    /// The database.
    pub async fn search(&self, query: Query) -> Result<Found, ClientError> {
        self.read(move |view| view::search(view, &query)).await
    }

    /// The messages of a conversation that an id means: a whole one, or the beginning of that of a recent message.
    ///
    /// # Errors
    /// The database.
    pub async fn find_message(
        &self,
        conversation: ConversationId,
        id: String,
    ) -> Result<Vec<MessageRef>, ClientError> {
        self.read(move |view| view::find_message(view, conversation, &id)).await
    }

    /// The changes after `seq`, in order, and then as they come. At least once: whoever reads remembers the last `seq` that it
    /// has dealt with, here with [`Client::advance`] or on its own.
    #[must_use]
    pub fn changes(&self, after: Seq) -> Changes {
        Changes {
            client: self.clone(),
            journal: self.shared.journal.clone(),
            after,
            waiting: Vec::new().into_iter(),
        }
    }

    /// The number of the last change so far.
    ///
    /// # Errors
    /// The database.
    pub async fn last_change(&self) -> Result<Seq, ClientError> {
        self.read(|view| Ok(journal::last(view)?)).await
    }

    /// Whether own texts of a conversation wait for the server.
    ///
    /// # Errors
    /// The database.
    pub async fn has_unsent(&self, conversation: ConversationId) -> Result<bool, ClientError> {
        self.read(move |view| Ok(!timeline::queued(view, &conversation)?.is_empty())).await
    }

    /// Where the named reader of changes stands.
    ///
    /// # Errors
    /// The database.
    pub async fn cursor(&self, reader: String) -> Result<Seq, ClientError> {
        self.read(move |view| Ok(journal::cursor(view, &reader)?)).await
    }

    /// Remembers that the named reader has dealt with everything up to `seq`.
    ///
    /// # Errors
    /// The database.
    pub async fn advance(&self, reader: String, seq: Seq) -> Result<(), ClientError> {
        let work = move |_: &mut _, db: &mut hushwire_client_store::Database| {
            db.step::<_, StoreError>(|tx| journal::advance(tx, &reader, seq))
        };
        Ok(self.shared.worker.with(work).await??)
    }

    /// Erases the recovery key here, once the person has it.
    ///
    /// # Errors
    /// The database.
    pub async fn forget_recovery_key(&self) -> Result<(), ClientError> {
        let erased = self.shared.worker.with(|engine, db| engine.forget_recovery_key(db)).await?;
        erased.map_err(|_| ClientError::Damaged("recovery key"))
    }

    /// Closes the profile and waits for it: when this returns, another program can open it. Other clones are of no
    /// more use.
    pub async fn close(self) {
        let driver = self.shared.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(driver) = driver {
            driver.abort();
            let _ = driver.await;
        }
        self.shared.worker.close();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// A page of a conversation from its beginning on, or after an earlier page. Messages that disappear are left out: this is for
    /// what is kept elsewhere, where they would outlive their time.
    ///
    /// # Errors
    /// The database.
    pub async fn forward(
        &self,
        conversation: ConversationId,
        after: Option<view::Cursor>,
        limit: u32,
    ) -> Result<view::Forward, ClientError> {
        self.read(move |view| view::forward(view, conversation, after, limit)).await
    }

    /// A connection of one's own to the database, for what takes so long that others would wait.
    pub(crate) async fn fresh_reader(&self) -> Result<Reader, ClientError> {
        let opened = self.shared.worker.with(|_, db| db.reader()).await?;
        opened.map_err(|_| ClientError::Damaged("database"))
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&View<'_>) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let reader = Arc::clone(&self.shared.reader);
        let read = move || reader.lock().unwrap_or_else(PoisonError::into_inner).read(work);
        tokio::task::spawn_blocking(read).await.map_err(|_| Gone)?
    }
}

/// The engine answered with something that it never does; the profile is of no more use.
pub(crate) const fn closed() -> ClientError {
    ClientError::Closed(Gone)
}

/// The stream of changes of a profile.
pub struct Changes {
    client: Client,
    journal: watch::Receiver<Seq>,
    after: Seq,
    waiting: std::vec::IntoIter<view::Change>,
}

impl Changes {
    /// How many changes are read at once.
    const AT_ONCE: u32 = 200;

    /// The next change, waiting for it. Safe to cancel. `None` when the profile was closed.
    ///
    /// # Errors
    /// The database.
    pub async fn next(&mut self) -> Result<Option<view::Change>, ClientError> {
        loop {
            self.journal.mark_unchanged();
            if let Some(change) = self.ready().await? {
                return Ok(Some(change));
            }
            if self.journal.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// The next change, if there is one already.
    ///
    /// # Errors
    /// The database.
    pub async fn ready(&mut self) -> Result<Option<view::Change>, ClientError> {
        if self.waiting.len() == 0 {
            let after = self.after;
            let found = self.client.read(move |view| view::changes(view, after, Self::AT_ONCE)).await?;
            self.waiting = found.into_iter();
        }
        let change = self.waiting.next();
        if let Some(change) = &change {
            self.after = change.seq;
        }
        Ok(change)
    }
}
