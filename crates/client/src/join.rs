//! Registration: from an invite link to an account.
//!
//! ```text
//!  keys made and stored ─► Register ─► Registration ─(code needed)─► Otp ─► OtpOk ─► SendPublicKeys ─► KeysSet
//! ```
//!
//! The keys are on the disk before anything is sent. A registration that dies on the way, or that waits for a registration
//! lock, goes on with the same keys at the next [`join`] into the same folder; one that had reached the server is noticed there,
//! because its login works.

use std::sync::{Arc, Mutex, PoisonError};

use hushwire_client_store::profile::{self, ProfileState};
use hushwire_client_store::{Database, StoreError};
use hushwire_engine::{Engine, NewAccount, RegisterError, account_code};
use hushwire_identity::{DeviceName, Flags, Handle, InviteLink, RecoveryKey};
use hushwire_types::{AccountId, Timestamp};
use hushwire_wire::{self as wire, ErrorCode, RegistrationFailure, Request, Response, Sensitive};
use tokio::time::timeout;

use crate::client::Client;
use crate::connect::{self, ConnectError, Connection, Lost, STAGE_DEADLINE, ServerAddress, Transport};
use crate::link::ClockSkew;
use crate::profile::{OpenError, Place, World, start, stored_address};

/// Digits of a one-time code.
pub const CODE_DIGITS: usize = 6;

/// What somebody wants to join.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The server's link, with an invite's code or without.
    pub link: InviteLink,
    /// The username.
    pub username: Option<Handle>,
    /// A phone number or an e-mail address that receives a code, instead of an invite.
    pub proof: Option<Handle>,
    /// What the owner calls this device.
    pub device_name: DeviceName,
    /// How the bytes travel.
    pub transport: Transport,
}

/// An account that was just made.
pub struct Joined {
    /// Its client, connecting.
    pub client: Client,
    /// To be shown to the person once; [`Client::forget_recovery_key`] ends that.
    pub recovery_key: Option<RecoveryKey>,
}

/// Where a one-time code comes from: asked once for each try, on a thread where it may wait.
pub trait CodeSource: Send {
    /// The code that the person received. `wrong` says how many tries are left after a wrong one.
    ///
    /// # Errors
    /// A sentence where no code can be had; the registration ends.
    fn code(&mut self, wrong: Option<u32>) -> Result<String, String>;
}

/// A [`CodeSource`] that can be asked while the connection is kept alive.
pub type Codes = Arc<Mutex<dyn CodeSource>>;

/// Why there is no account. Each is a sentence for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection broke.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The server said nothing.
    #[error("the server did not answer within {} s; nothing was registered", STAGE_DEADLINE.as_secs())]
    Silent,
    /// The server refused.
    #[error("{text}")]
    Refused {
        /// Why.
        failure: RegistrationFailure,
        /// One sentence.
        text: String,
    },
    /// The number or address has an account, which is told of this (registration lock). The profile keeps its keys: the same
    /// call again makes the account once the handle passes to it.
    #[error(
        "this number or address has an account already, whose devices were told. Nothing is lost: join again when one of them has \
         allowed the account {}, or after a week in which none of them was there",
        account_code(account)
    )]
    Locked {
        /// When to try again at the latest.
        until: Option<Timestamp>,
        /// The account that asks for it.
        account: AccountId,
    },
    /// The server asks to wait.
    #[error("the server asks to slow down: try again in {} s", retry_after_ms.div_ceil(1000))]
    RateLimited {
        /// For how long.
        retry_after_ms: u64,
    },
    /// The server answered something else.
    #[error("the server could not register this account: {0}")]
    Server(String),
    /// No code was given.
    #[error("{0}")]
    NoCode(String),
    /// The link has neither a code nor is a phone number or an e-mail address given, and no username is either.
    #[error(
        "say who you are: an invite link with a code, --phone or --email, and a --name where the server is open"
    )]
    NoProof,
    /// The profile.
    #[error(transparent)]
    Profile(#[from] OpenError),
    /// The profile's database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] RegisterError),
}

/// Makes an account on a server and a profile for it in `place`.
///
/// # Errors
/// [`JoinError`]. What was stored lets the same call be made again.
pub async fn join(place: &Place, wish: &Wish, codes: &Codes, world: World) -> Result<Joined, JoinError> {
    let handle = wish.username.clone().or_else(|| wish.proof.clone()).ok_or(JoinError::NoProof)?;
    let address = ServerAddress {
        host: wish.link.host.clone(),
        port: wish.link.port,
        fingerprint: wish.link.fingerprint,
        transport: wish.transport,
    };
    let mut connection = connect::connect(&address, &*world.entropy).await?;
    let mut db = open_or_create(place, &world)?;
    let new = NewAccount {
        device_name: wish.device_name.clone(),
        handle,
        server: stored_address(&address),
        server_key: connection.greeting().server_key,
        flags: Flags::default(),
    };
    let mut engine = Engine::register(&mut db, &new, Arc::clone(&world.entropy), world.clock.now())?;
    let mut registered = register(&mut connection, &mut engine, &mut db, wish, codes, &world).await;
    if let Err(JoinError::Refused { failure: RegistrationFailure::KeysInvalid, .. }) = &registered
        && is_made(&mut connection, &engine, &mut db).await?
    {
        registered = Ok(engine.keys_set(&mut db)?);
    }
    connection.close().await;
    registered?;
    let recovery_key = engine.recovery_key(&mut db)?;
    Ok(Joined { client: start(engine, db, world)?, recovery_key })
}

/// The folder's database; a finished profile is not touched.
fn open_or_create(place: &Place, world: &World) -> Result<Database, JoinError> {
    if !Database::exists(&place.folder) {
        return Ok(Database::create(&place.folder, &place.key, &*world.entropy).map_err(OpenError::from)?);
    }
    let mut db = Database::open(&place.folder, &place.key).map_err(OpenError::from)?;
    let found = db.read::<_, StoreError>(profile::find)?;
    if found.is_some_and(|profile| profile.state == ProfileState::Registered) {
        return Err(JoinError::Keys(RegisterError::Registered));
    }
    Ok(db)
}

async fn register(
    connection: &mut Connection,
    engine: &mut Engine,
    db: &mut Database,
    wish: &Wish,
    codes: &Codes,
    world: &World,
) -> Result<(), JoinError> {
    let username = wish.username.as_ref().map(|name| Sensitive::from(username_text(name)));
    let register = engine.register_request(method(wish), username);
    let registration = match ask(connection, Request::Register(register)).await? {
        Response::Registration(registration) => registration,
        other => return Err(refusal(other, engine.account())),
    };
    let session_id = registration.session_id;
    if registration.otp_required {
        prove(connection, session_id, codes, engine.account()).await?;
    }
    let handles: Vec<Handle> = wish.username.iter().chain(&wish.proof).cloned().collect();
    // Others judge how old these keys are: with a clock that is far off, by the server's.
    let (here, server) = (world.clock.now(), connection.greeting().welcomed.server_time);
    let now = ClockSkew::between(here, server).map_or(here, |_| server);
    let keys = engine.public_keys(db, session_id, &handles, now)?;
    match ask(connection, Request::SendPublicKeys(keys)).await? {
        Response::KeysSet(_) => Ok(engine.keys_set(db)?),
        other => Err(refusal(other, engine.account())),
    }
}

/// Whether the server has made the account before and only its answer was lost: then this device can log in.
async fn is_made(connection: &mut Connection, engine: &Engine, db: &mut Database) -> Result<bool, JoinError> {
    let greeting = connection.greeting().clone();
    let login = engine.login(db, &greeting.welcomed, &greeting.binding, &greeting.client_nonce)?;
    Ok(matches!(ask(connection, Request::Login(login)).await?, Response::LoggedIn(_)))
}

/// Gives codes until one is right.
async fn prove(
    connection: &mut Connection,
    session_id: hushwire_types::SessionId,
    codes: &Codes,
    account: AccountId,
) -> Result<(), JoinError> {
    let mut wrong = None;
    loop {
        let code = next_code(connection, codes, wrong).await?.trim().to_owned();
        if code.len() != CODE_DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(JoinError::NoCode(format!(
                "a code has {CODE_DIGITS} digits: nothing was registered"
            )));
        }
        let otp = wire::Otp { session_id, code: Sensitive::from(code) };
        match ask(connection, Request::Otp(otp)).await? {
            Response::OtpOk(_) => return Ok(()),
            Response::RegistrationFailed(failed)
                if failed.failure == RegistrationFailure::OtpWrong && failed.tries_left > 0 =>
            {
                wrong = Some(failed.tries_left);
            }
            other => return Err(refusal(other, account)),
        }
    }
}

/// Waits for the person, and keeps the connection alive meanwhile.
async fn next_code(
    connection: &mut Connection,
    codes: &Codes,
    wrong: Option<u32>,
) -> Result<String, JoinError> {
    let codes = Arc::clone(codes);
    let asking = move || codes.lock().unwrap_or_else(PoisonError::into_inner).code(wrong);
    let mut asking = tokio::task::spawn_blocking(asking);
    loop {
        tokio::select! {
            code = &mut asking => {
                let code = code.map_err(|_| JoinError::NoCode("no code was given".to_owned()))?;
                return code.map_err(JoinError::NoCode);
            }
            frame = connection.receive() => drop(frame?),
        }
    }
}

fn method(wish: &Wish) -> wire::RegistrationMethod {
    match (&wish.proof, &wish.link.code) {
        (Some(Handle::Phone(_)), _) => wire::RegistrationMethod::Phone(Sensitive::from(
            wish.proof.as_ref().map(Handle::to_string).unwrap_or_default(),
        )),
        (Some(_), _) => wire::RegistrationMethod::Email(Sensitive::from(
            wish.proof.as_ref().map(Handle::to_string).unwrap_or_default(),
        )),
        (None, Some(code)) => wire::RegistrationMethod::Invite(Sensitive::from(code.to_string())),
        (None, None) => wire::RegistrationMethod::Open,
    }
}

/// The username without its at sign, as the wire has it.
fn username_text(name: &Handle) -> String {
    let text = name.to_string();
    text.strip_prefix('@').map(str::to_owned).unwrap_or(text)
}

/// Sends a request and waits for its answer; pushes in between are not for somebody who is registering.
async fn ask(connection: &mut Connection, request: Request) -> Result<Response, JoinError> {
    let request_id = connection.send(&request).await?;
    let answer = async {
        loop {
            let frame = connection.receive().await?;
            if frame.request_id == Some(request_id) {
                return Ok(frame.response);
            }
        }
    };
    // A code's driver may take its time before the server answers.
    timeout(STAGE_DEADLINE * 3, answer).await.map_err(|_| JoinError::Silent)?
}

fn refusal(response: Response, account: AccountId) -> JoinError {
    match response {
        Response::RegistrationFailed(failed) if failed.failure == RegistrationFailure::HandleLocked => {
            JoinError::Locked { until: failed.locked_until, account }
        }
        Response::RegistrationFailed(failed) => {
            JoinError::Refused { text: sentence(failed.failure).to_owned(), failure: failed.failure }
        }
        Response::Error(error) if error.code == ErrorCode::RateLimited => JoinError::RateLimited {
            retry_after_ms: u64::try_from(error.retry_after.unwrap_or_default().as_millis())
                .unwrap_or(u64::MAX),
        },
        Response::Error(error) => {
            JoinError::Server(hushwire_content::display::line(&error.text).into_owned())
        }
        _ => JoinError::Server("it answered something that this program does not understand".to_owned()),
    }
}

fn sentence(failure: RegistrationFailure) -> &'static str {
    match failure {
        RegistrationFailure::InviteInvalid => "this invite is not valid any more: ask for a new one",
        RegistrationFailure::HandleTaken => {
            "this name or address belongs to somebody already (or looks like somebody's): choose another one"
        }
        RegistrationFailure::HandleInvalid => {
            "this name cannot be used: 2 to 32 letters, digits, dots, dashes or underscores of one script"
        }
        RegistrationFailure::MethodNotAllowed => {
            "this server does not register accounts this way: ask whoever runs it for an invite"
        }
        RegistrationFailure::SessionInvalid => "the registration took too long: begin again",
        RegistrationFailure::OtpWrong => "the code was wrong too often: begin again to get a new one",
        RegistrationFailure::OtpExpired => "the code came too late: begin again to get a new one",
        RegistrationFailure::OtpUndeliverable => {
            "the server could not send a code there: check the number or address, or try later"
        }
        RegistrationFailure::KeysInvalid => {
            "the server did not accept this device's keys: this is a bug, please report it"
        }
        _ => "the server refused the registration for a reason that this program does not know: upgrade hush",
    }
}
