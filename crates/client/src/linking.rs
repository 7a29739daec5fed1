//! Linking a new device to an account: both ends, each over a connection of its own that is not logged in.
//!
//! ```text
//!  new device: wait_to_be_found ─► Waiting ─► compare ─► Comparing ─► join ─► Client
//!  old device:                                 approve ─► Approving ─► add ─► done
//! ```
//!
//! What travels and why nobody in between can change it: `hushwire_identity::linking`. A person compares the digits of both ends
//! before either signs anything. Whatever breaks, people begin again; nothing half-done is left but, at worst, a device in the
//! list that never comes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hushwire_client_store::Database;
use hushwire_engine::{Command, Engine, Home, NewDevice, Outcome, RegisterError};
use hushwire_identity::keys::device_id;
use hushwire_identity::linking::{Answer, Commitment, LinkCode, Offer, digits, nonce};
use hushwire_identity::list::Joining;
use hushwire_identity::{DeviceList, DeviceName, Handle, InviteLink, ListError, ListHead, PublicKey};
use hushwire_types::id::{base32, from_base32};
use hushwire_types::{AccountId, DeviceId, ListNumber, Timestamp};
use hushwire_wire::{self as wire, ErrorCode, Opaque, Request, Response, Sensitive, limits};
use tokio::time::timeout;

use crate::client::{Client, ClientError};
use crate::connect::{self, ConnectError, Connection, Lost, STAGE_DEADLINE, ServerAddress, Transport};
use crate::profile::{OpenError, Place, World, start, stored_address};

/// What the old device says when the new one is in the list.
const DONE: &[u8] = b"D\x01";

/// Why no device was linked. Each is a sentence for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkingError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection broke.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// Nobody waits under the code.
    #[error("no device waits under this code, or not any more: begin again on the new device")]
    NoSuchCode,
    /// The other end has gone.
    #[error("the other device has ended the linking, or its connection broke: nothing was linked")]
    Ended,
    /// Nothing came from the other end.
    #[error("the other device did not go on in time: nothing was linked")]
    Silent,
    /// What came does not fit what came before: somebody in between changes it.
    #[error("what the other device said does not fit: somebody may sit in between. Nothing was linked")]
    Foreign,
    /// The server refused.
    #[error("the server says: {0}")]
    Refused(String),
    /// The recovery key is none of the named account's.
    #[error("this recovery key does not belong to an account with this name on this server")]
    NotRecoverable,
    /// The account's list, as the server shows it, does not have the new device.
    #[error("the server does not show this device in the account's list: link it again")]
    NotListed,
    /// The old device's profile.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The new device's keys.
    #[error(transparent)]
    Keys(#[from] RegisterError),
    /// The new device's profile.
    #[error(transparent)]
    Profile(#[from] OpenError),
}

impl From<ListError> for LinkingError {
    fn from(_: ListError) -> Self {
        Self::NotListed
    }
}

/// One end of a link, or a connection that asks something before there is a profile.
pub(crate) struct End {
    pub(crate) connection: Connection,
    came: VecDeque<Opaque>,
    is_over: bool,
}

impl End {
    pub(crate) async fn connect(address: &ServerAddress, world: &World) -> Result<Self, LinkingError> {
        let connection = connect::connect(address, &*world.entropy).await?;
        Ok(Self { connection, came: VecDeque::new(), is_over: false })
    }

    pub(crate) async fn ask(&mut self, request: impl Into<Request>) -> Result<Response, LinkingError> {
        let request_id = self.connection.send(&request.into()).await?;
        let answer = async {
            loop {
                let frame = self.connection.receive().await?;
                if frame.request_id == Some(request_id) {
                    return Ok(frame.response);
                }
                self.take(frame.response);
            }
        };
        match timeout(STAGE_DEADLINE, answer).await.map_err(|_| LinkingError::Silent)? {
            Ok(Response::Error(error)) => Err(refused(&error)),
            other => other,
        }
    }

    fn take(&mut self, pushed: Response) {
        match pushed {
            Response::LinkMessage(message) => self.came.push_back(message.body),
            Response::LinkEnded(_) => self.is_over = true,
            _ => {}
        }
    }

    async fn send(&mut self, body: &[u8]) -> Result<(), LinkingError> {
        self.ask(wire::SendLink { body: body.into() }).await.map(|_| ())
    }

    /// What the other end says next.
    async fn next(&mut self, patience: Duration) -> Result<Opaque, LinkingError> {
        let next = async {
            loop {
                if let Some(body) = self.came.pop_front() {
                    return Ok(body);
                }
                if self.is_over {
                    return Err(LinkingError::Ended);
                }
                let frame = self.connection.receive().await?;
                self.take(frame.response);
            }
        };
        timeout(patience, next).await.map_err(|_| LinkingError::Silent)?
    }

    /// Waits for a person, and keeps the connection alive meanwhile.
    async fn hold<T>(&mut self, person: impl Future<Output = T>) -> Result<T, LinkingError> {
        let mut person = std::pin::pin!(person);
        loop {
            tokio::select! {
                decided = person.as_mut() => return Ok(decided),
                frame = self.connection.receive() => {
                    let frame = frame?;
                    self.take(frame.response);
                    if self.is_over {
                        return Err(LinkingError::Ended);
                    }
                }
            }
        }
    }
}

fn refused(error: &wire::Error) -> LinkingError {
    match error.code {
        ErrorCode::LinkMissing => LinkingError::NoSuchCode,
        ErrorCode::UnknownAccount => LinkingError::NotRecoverable,
        _ => LinkingError::Refused(hushwire_content::display::line(&error.text).into_owned()),
    }
}

/// A new device that waits to be found.
pub struct Waiting {
    end: End,
    address: ServerAddress,
    device: NewDevice,
    offer: Offer,
    world: World,
    /// What the person types on a device of the account.
    pub code: LinkCode,
    /// Until when the code is good.
    pub expires_at: Timestamp,
}

/// Lets a new device be found at the server of `link`.
///
/// # Errors
/// [`LinkingError`]
pub async fn wait_to_be_found(
    link: &InviteLink,
    transport: Transport,
    name: DeviceName,
    world: World,
) -> Result<Waiting, LinkingError> {
    let (host, port) = (link.host.clone(), link.port);
    let address = ServerAddress { host, port, fingerprint: link.fingerprint, transport };
    let mut end = End::connect(&address, &world).await?;
    let device = NewDevice::generate(name, &*world.entropy);
    let offer = device.offer(&*world.entropy);
    let Commitment(commitment) = Commitment::to(&offer.to_bytes());
    let Response::LinkOpened(opened) = end.ask(wire::OpenLink { commitment }).await? else {
        return Err(LinkingError::Foreign);
    };
    let code = opened.code.expose().parse().map_err(|_| LinkingError::Foreign)?;
    Ok(Waiting { end, address, device, offer, world, code, expires_at: opened.expires_at })
}

impl Waiting {
    /// What [`approve`] takes in place of the code, from a QR code or a paste: it also holds what this device committed to, so
    /// a server that shows another device is found out before anybody compares digits.
    #[must_use]
    pub fn text(&self) -> String {
        let Commitment(commitment) = Commitment::to(&self.offer.to_bytes());
        format!("{}.{}", self.code, base32(&commitment))
    }

    /// Waits until a device of the account comes with the code.
    ///
    /// # Errors
    /// [`LinkingError`]
    pub async fn compare(mut self, patience: Duration) -> Result<Comparing, LinkingError> {
        let answer = self.end.next(patience).await?;
        let answer = Answer::from_bytes(&answer).map_err(|_| LinkingError::Foreign)?;
        // Only now: whoever answered could not know the nonce in here.
        self.end.send(&self.offer.to_bytes()).await?;
        let digits = digits(&self.end.connection.greeting().server_key, &self.offer, &answer);
        Ok(Comparing { waiting: self, answer, digits })
    }
}

/// A new device whose digits a person compares.
pub struct Comparing {
    waiting: Waiting,
    answer: Answer,
    /// The digits.
    pub digits: String,
}

impl Comparing {
    /// The handle by which the account calls itself; true only if the digits are the same.
    #[must_use]
    pub fn handle(&self) -> String {
        self.answer.handle.to_string()
    }

    /// Waits for the person to compare.
    ///
    /// # Errors
    /// [`LinkingError::Ended`] where the other device has gone meanwhile.
    pub async fn hold<T>(&mut self, person: impl Future<Output = T>) -> Result<T, LinkingError> {
        self.waiting.end.hold(person).await
    }

    /// The digits are the same: signs for itself, waits until it is in the list, and becomes a profile in `place`.
    ///
    /// # Errors
    /// [`LinkingError`]
    pub async fn join(self, place: &Place, patience: Duration) -> Result<Client, LinkingError> {
        let Self { waiting: Waiting { mut end, address, device, world, .. }, answer, .. } = self;
        let draft = end.next(patience).await?;
        let entry = device.complete(&draft, answer.head).map_err(|_| LinkingError::Foreign)?;
        end.send(&entry).await?;
        // Gone without a word, the other device may have added this one all the same: the list tells.
        match end.next(patience).await {
            Ok(done) if *done != *DONE => return Err(LinkingError::Foreign),
            Ok(_) | Err(LinkingError::Ended | LinkingError::Lost(_) | LinkingError::Silent) => {}
            Err(error) => return Err(error),
        }
        end.connection.close().await;
        settle_in(place, &address, &device, (answer.account, answer.head, answer.handle), world).await
    }
}

/// A device that is in its account's list by now becomes a profile in `place`.
pub(crate) async fn settle_in(
    place: &Place,
    address: &ServerAddress,
    device: &NewDevice,
    (account, head, handle): (AccountId, ListHead, Handle),
    world: World,
) -> Result<Client, LinkingError> {
    let (list, server_key) = own_list(address, device, account, &world).await?;
    if list.account_id() != account || !list.knows(head) {
        return Err(LinkingError::Foreign);
    }
    let home = Home { handle, server: stored_address(address), server_key };
    let mut db = Database::create(&place.folder, &place.key, &*world.entropy).map_err(OpenError::from)?;
    let (entropy, now) = (Arc::clone(&world.entropy), world.clock.now());
    let engine = Engine::linked(&mut db, device, &list, &home, entropy, now)?;
    Ok(start(engine, db, world)?)
}

/// The account's list, fetched by the new device's first login and verified from the genesis on.
async fn own_list(
    address: &ServerAddress,
    device: &NewDevice,
    account: AccountId,
    world: &World,
) -> Result<(DeviceList, PublicKey), LinkingError> {
    let mut end = End::connect(address, world).await?;
    let greeting = end.connection.greeting().clone();
    let login = device.login(account, &greeting.welcomed, &greeting.binding, &greeting.client_nonce)?;
    if !matches!(end.ask(login).await?, Response::LoggedIn(_)) {
        return Err(LinkingError::NotListed);
    }
    let ask = |from_number| wire::SenderKeys { account_id: account, from_number }.into();
    let list = list_by(&mut end, ask).await?;
    end.connection.close().await;
    Ok((list, greeting.server_key))
}

/// A whole list, asked for page by page and verified from its genesis on.
pub(crate) async fn list_by(
    end: &mut End,
    ask: impl Fn(ListNumber) -> Request,
) -> Result<DeviceList, LinkingError> {
    let (mut genesis, mut entries) = (None, Vec::new());
    loop {
        let from = if genesis.is_none() { 0 } else { u64::try_from(entries.len()).unwrap_or(u64::MAX) + 1 };
        let Response::AccountKeys(keys) = end.ask(ask(ListNumber(from))).await? else {
            return Err(LinkingError::Foreign);
        };
        let last = keys.entries.len() < limits::LIST_ENTRIES;
        genesis = genesis.or(keys.genesis);
        entries.extend(keys.entries);
        if last {
            break;
        }
    }
    Ok(DeviceList::verify(&genesis.ok_or(LinkingError::Foreign)?, entries)?)
}

/// A device of the account that has found a new one, whose digits a person compares.
pub struct Approving {
    end: End,
    client: Client,
    offer: Offer,
    /// The digits.
    pub digits: String,
}

/// Finds the new device that waits under `code`: what the person typed, or the text of [`Waiting::text`].
///
/// # Errors
/// [`LinkingError`]
pub async fn approve(client: &Client, code: &str, patience: Duration) -> Result<Approving, LinkingError> {
    let (code, committed) = match code.trim().split_once('.') {
        Some((code, commitment)) => {
            let commitment = from_base32(commitment).and_then(|bytes| bytes.try_into().ok());
            (code, Some(commitment.ok_or(LinkingError::NoSuchCode)?))
        }
        None => (code, None),
    };
    let code: LinkCode = code.parse().map_err(|_| LinkingError::NoSuchCode)?;
    let (account, list) = (client.account().await?, client.devices().await?);
    let mut end = End::connect(client.address(), client.world()).await?;
    let find = wire::FindLink { code: Sensitive::new(code.to_string()) };
    let Response::LinkFound(found) = end.ask(find).await? else { return Err(LinkingError::Foreign) };
    if committed.is_some_and(|committed: [u8; 32]| committed != found.commitment) {
        return Err(LinkingError::Foreign);
    }
    let handle = account.handle.parse().map_err(|_| ClientError::Damaged("handle"))?;
    let nonce = nonce(&*client.world().entropy);
    let answer = Answer { account: account.account, head: list.head, nonce, handle };
    end.send(&answer.to_bytes()).await?;
    let offer = end.next(patience).await?;
    let offer = Offer::open(&offer, &Commitment(found.commitment)).map_err(|_| LinkingError::Foreign)?;
    let digits = digits(&end.connection.greeting().server_key, &offer, &answer);
    Ok(Approving { end, client: client.clone(), offer, digits })
}

impl Approving {
    /// What the new device calls itself.
    #[must_use]
    pub const fn name(&self) -> &DeviceName {
        &self.offer.name
    }

    /// The new device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        device_id(&self.offer.list_key)
    }

    /// Waits for the person to compare.
    ///
    /// # Errors
    /// [`LinkingError::Ended`] where the new device has gone meanwhile.
    pub async fn hold<T>(&mut self, person: impl Future<Output = T>) -> Result<T, LinkingError> {
        self.end.hold(person).await
    }

    /// The digits are the same: signs the new device into the account's list.
    ///
    /// # Errors
    /// [`LinkingError`]
    pub async fn add(mut self, patience: Duration) -> Result<(), LinkingError> {
        let Offer { list_key, mls_key, name, .. } = self.offer.clone();
        let joining = Joining { list_key, mls_key, name };
        let Outcome::Drafted { draft } = self.client.command(Command::DraftDevice { joining }).await? else {
            return Err(LinkingError::Foreign);
        };
        self.end.send(&draft).await?;
        let entry = self.end.next(patience).await?;
        // It adds just this device, or the engine and the server refuse it.
        if entry.strip_prefix(draft.as_slice()).is_none() {
            return Err(LinkingError::Foreign);
        }
        self.client.command(Command::AddDevice { entry: entry.to_vec() }).await?;
        // It is done, whether the new device hears it or not.
        let _ = self.end.send(DONE).await;
        self.end.connection.close().await;
        Ok(())
    }
}
