//! Registration: somebody asks to be let in, proves it, and gives the account's keys.
//!
//! ```text
//!  Register ──► StartSession ──► OTP on its way ──► Registration { otp_required }
//!                         └────── no OTP ─────────► Registration
//!  Otp ──► TryOtp ──► wrong: RegistrationFailed { tries_left }
//!             └─► right ─► the handle has an account? ─ no ─► OtpOk
//!                                └ yes ─► ClaimHandle ─► locked: RegistrationFailed, or it passes: OtpOk
//!  SendPublicKeys ──► (check) genesis, entry 1, signature, KeyPackages ──► CreateAccount ──► KeysSet
//! ```
//!
//! Invariants:
//! - The account id is fixed before a code is sent, so a code that somebody else reads makes no other account.
//! - Whether a number or an address has an account is told only to who has proved to own it.
//! - A code is in [`DeliverOtp`] and nowhere else; the store has a keyed hash that is bound to the session.

use std::fmt;
use std::time::Duration;

use hushwire_identity::{Handle, InviteCode};
use hushwire_server_store::account::{self, HandleKind};
use hushwire_server_store::claim::{ClaimHandle, ClaimStanding, HandleClaimed};
use hushwire_server_store::registration::{
    CodeHash, NewOtp, OtpOutcome, SessionMethod, StartSession, TryOtp,
};
use hushwire_types::{SecretBytes, SessionId, Timestamp, rng};
use hushwire_wire::{Otp, OtpOk, Register, Registration, RegistrationMethod, Response, SendPublicKeys};

use crate::check::{Check, Work};
use crate::fault::{Fault, Unregistered};
use crate::job::{After, Job, Settling};
use crate::limits::Limit;
use crate::service::Service;
use crate::session::Session;
use crate::settings::{EMAIL_OTP_LIFETIME, OTP_TRIES, PHONE_OTP_LIFETIME, SESSION_LIFETIME, Way};
use crate::step::{DeliverOtp, Effect, Origin, OtpAddress, OtpTicket, Outbound, Step, Undeliverable};

/// A code that is sent once its session is durable.
pub(crate) struct PendingOtp {
    to: OtpAddress,
    code: SecretBytes,
    expires_at: Timestamp,
}

impl fmt::Debug for PendingOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingOtp(..)")
    }
}

/// What lets somebody register, after the checks that need no session.
struct Entrance {
    method: SessionMethod,
    contact: Option<Handle>,
}

impl Service {
    pub(crate) fn register(
        &self,
        session: &Session,
        origin: Origin,
        register: &Register,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        session.greeted()?;
        self.limit_address(session, Limit::RegisterAddress, now)?;
        let entrance = self.entrance(session, &register.method, now)?;
        let username = username(register)?;
        if username.is_none() && entrance.contact.is_none() {
            return Err(Unregistered::HandleInvalid.into());
        }
        if let Some(contact) = &entrance.contact {
            self.limiter.take(Limit::RegisterHandle, &self.pepper.handle(contact), now)?;
            self.limiter.take(Limit::RegisterPrefix, &self.pepper.prefix(contact), now)?;
        }
        let id = SessionId::new(rng::bytes(&*self.entropy));
        let expires_at = now.after(SESSION_LIFETIME);
        let otp = entrance.contact.as_ref().and_then(|contact| self.new_otp(contact, now));
        let stored_otp = otp.as_ref().map(|otp| NewOtp {
            code: CodeHash(self.pepper.otp(&id, otp.code.expose())),
            expires_at: otp.expires_at,
            tries: OTP_TRIES,
        });
        let start = StartSession {
            session: id,
            account: register.account_id,
            method: entrance.method,
            contact: entrance.contact.as_ref().map(stored),
            username: username.as_ref().map(stored),
            otp: stored_otp,
            expires_at,
        };
        Ok(Step::write(Job::new(origin, start, After::Session { session: id, expires_at, otp })))
    }

    pub(crate) fn try_otp(
        &self,
        session: &Session,
        origin: Origin,
        otp: &Otp,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        session.greeted()?;
        self.limit_address(session, Limit::Otp, now)?;
        let code = CodeHash(self.pepper.otp(&otp.session_id, otp.code.expose().as_bytes()));
        let write = TryOtp { session: otp.session_id, code };
        Ok(Step::write(Job::new(origin, write, After::Otp { session: otp.session_id })))
    }

    pub(crate) fn set_keys(session: &Session, origin: Origin, keys: SendPublicKeys) -> Result<Step, Fault> {
        session.greeted()?;
        Ok(Step::check(Check::new(origin, Work::Keys(Box::new(keys)))))
    }

    /// The session is durable: now its code may go out.
    pub(crate) fn session_started(
        &self,
        session: SessionId,
        expires_at: Timestamp,
        otp: Option<PendingOtp>,
        settling: &mut Settling<'_>,
    ) -> Option<Response> {
        let (Some(PendingOtp { to, code, expires_at: ends }), Some(origin)) = (otp, settling.origin) else {
            return Some(Registration { session_id: session, otp_required: false, expires_at }.into());
        };
        let ticket = OtpTicket { origin, session, expires_at };
        settling.outcome.effects.push(Effect::DeliverOtp(DeliverOtp { to, code, expires_at: ends, ticket }));
        None
    }

    /// Takes the report of whoever carried [`Effect::DeliverOtp`] out; the answer for the one who waits.
    #[must_use]
    pub fn otp_delivered(&self, ticket: OtpTicket, delivered: Result<(), Undeliverable>) -> Outbound {
        let OtpTicket { origin, session, expires_at } = ticket;
        match delivered {
            Ok(()) => origin.answer(Registration { session_id: session, otp_required: true, expires_at }),
            Err(Undeliverable) => origin.answer(Fault::from(Unregistered::OtpUndeliverable)),
        }
    }

    /// A code was tried. The right one of a handle that has an account leads to its lock.
    pub(crate) fn otp_tried(
        &self,
        session: SessionId,
        tried: OtpOutcome,
        settling: &mut Settling<'_>,
    ) -> Result<Option<Response>, Fault> {
        if let OtpOutcome::Wrong { tries_left } = tried {
            return Err(Unregistered::OtpWrong { tries_left }.into());
        }
        let session = self.store.session(session)?.ok_or(Unregistered::SessionInvalid)?;
        let owner = match &session.contact {
            Some(contact) => self.store.account_by_handle(&contact.canonical)?,
            None => None,
        };
        if owner.is_none_or(|owner| owner == session.account) {
            return Ok(Some(OtpOk.into()));
        }
        let write = ClaimHandle { session: session.session };
        settling.follow_up.extend(settling.origin.map(|origin| Job::new(origin, write, After::Claim)));
        Ok(None)
    }

    /// A handle that has an account was claimed: its owner's devices hear of it before whoever claimed it gets an answer.
    pub(crate) fn handle_claimed(
        &self,
        claimed: HandleClaimed,
        settling: &mut Settling<'_>,
    ) -> Result<Option<Response>, Fault> {
        self.publish(claimed.publications, settling.outcome);
        match claimed.standing {
            ClaimStanding::Passes => Ok(Some(OtpOk.into())),
            ClaimStanding::Locked { until } => Err(Unregistered::HandleLocked { until: Some(until) }.into()),
        }
    }

    fn entrance(
        &self,
        session: &Session,
        method: &RegistrationMethod,
        now: Timestamp,
    ) -> Result<Entrance, Fault> {
        let ways = &self.settings.ways;
        let (way, entrance) = match method {
            RegistrationMethod::Invite(code) => {
                require(ways.invite)?;
                return self.invited(session, code.expose(), now);
            }
            RegistrationMethod::Phone(number) => (ways.phone, contact(number.expose(), OtpKind::Phone)),
            RegistrationMethod::Email(address) => (ways.email, contact(address.expose(), OtpKind::Email)),
            RegistrationMethod::Open => {
                (ways.open, Ok(Entrance { method: SessionMethod::Open, contact: None }))
            }
        };
        require(way)?;
        entrance
    }

    /// An invite that is valid now. A wrong code costs its guesser.
    fn invited(&self, session: &Session, code: &str, now: Timestamp) -> Result<Entrance, Fault> {
        self.peek_address(session, Limit::Guess, now)?;
        let hash = code.parse::<InviteCode>().ok().map(|code| CodeHash(self.pepper.invite(&code)));
        let invite = match hash {
            Some(hash) => self.store.invite(hash)?,
            None => None,
        };
        match invite.filter(|invite| invite.is_valid(now)) {
            Some(invite) => Ok(Entrance { method: SessionMethod::Invite(invite.code), contact: None }),
            None => {
                self.limit_address(session, Limit::Guess, now)?;
                Err(Unregistered::Invite.into())
            }
        }
    }

    fn new_otp(&self, contact: &Handle, now: Timestamp) -> Option<PendingOtp> {
        let (to, lifetime): (_, Duration) = match contact {
            Handle::Phone(phone) => (OtpAddress::Phone(phone.as_str().to_owned()), PHONE_OTP_LIFETIME),
            Handle::Email(email) => (OtpAddress::Email(email.as_str().to_owned()), EMAIL_OTP_LIFETIME),
            Handle::Username(_) => return None,
        };
        let code = SecretBytes::from(format!("{:06}", rng::below(&*self.entropy, 1_000_000)));
        Some(PendingOtp { to, code, expires_at: now.after(lifetime) })
    }
}

fn require(way: Way) -> Result<(), Fault> {
    match way {
        Way::Open => Ok(()),
        Way::Closed => Err(Unregistered::MethodNotAllowed.into()),
    }
}

#[derive(PartialEq, Eq)]
enum OtpKind {
    Phone,
    Email,
}

fn contact(text: &str, kind: OtpKind) -> Result<Entrance, Fault> {
    let handle: Handle = text.parse().map_err(|_| Unregistered::HandleInvalid)?;
    let fits = match &handle {
        Handle::Phone(_) => kind == OtpKind::Phone,
        Handle::Email(_) => kind == OtpKind::Email,
        Handle::Username(_) => false,
    };
    if !fits {
        return Err(Unregistered::HandleInvalid.into());
    }
    Ok(Entrance { method: SessionMethod::Otp, contact: Some(handle) })
}

fn username(register: &Register) -> Result<Option<Handle>, Fault> {
    let Some(wanted) = &register.username else { return Ok(None) };
    let handle = format!("@{}", wanted.expose()).parse::<Handle>();
    handle.map(Some).map_err(|_| Unregistered::HandleInvalid.into())
}

/// A handle as the store keeps it.
fn stored(handle: &Handle) -> account::Handle {
    let kind = match handle {
        Handle::Username(_) => HandleKind::Username { skeleton: handle.skeleton() },
        Handle::Phone(_) => HandleKind::Phone,
        Handle::Email(_) => HandleKind::Email,
    };
    account::Handle { canonical: handle.to_string(), kind }
}
