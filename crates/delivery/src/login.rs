//! Login: a device proves itself on this connection (rule R6), takes over from its older connection, and its mailbox
//! begins to flow.
//!
//! A stranger learns nothing: an unknown account, an unknown device and a wrong signature are one answer. Suspension
//! and revocation are told only to who holds the device's key.

use hushwire_identity::{Change, DeviceStatus, PublicKey, Signature, UnverifiedEntry, keys, statement};
use hushwire_server_store::account::{AccountState, Device};
use hushwire_server_store::key_package::LastResort;
use hushwire_server_store::mailbox::{Mailbox, RecordLogin};
use hushwire_types::{Seq, Timestamp};
use hushwire_wire::{Cursor, LoggedIn, Login};

use crate::fault::{Fault, Unwelcome};
use crate::hub::Online;
use crate::job::{After, Job};
use crate::limits::Limit;
use crate::service::Service;
use crate::session::{Active, Caller, Phase, Session};
use crate::step::{ConnectionId, Event, Fence, Next, Origin, Outbound, Step};
use crate::stream::Stream;

impl Service {
    pub(crate) fn login(
        &self,
        session: &mut Session,
        origin: Origin,
        login: &Login,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        let nonce = session.greeted()?;
        self.peek_address(session, Limit::LoginAddress, now)?;
        let device = match self.proven_device(session, &nonce, login) {
            Err(Fault::Login(why)) => {
                self.limit_address(session, Limit::LoginAddress, now)?;
                return Err(why.into());
            }
            other => other?,
        };
        let mailbox = self.store.mailbox(device.mailbox)?.ok_or(Unwelcome::Refused)?;
        let mut logged_in = self.logged_in(&device, &mailbox, now)?;
        let who = Caller {
            account: device.address.account,
            device: device.address.device,
            mailbox: device.mailbox,
        };
        let stream = Stream::new(self.settings.window, start(login.cursor, &mailbox));
        let (body_ticket, ticket) = self.tickets.issue(session.connection, who, &*self.entropy);
        logged_in.body_ticket = Some(body_ticket);
        let mut active = Active { who, incarnation: mailbox.incarnation, stream, ticket };
        let online = Online { connection: session.connection, mark: login.mark };
        let older = self.hub.enter(who.mailbox, online);
        // Of a connection that ends now the mark may not be stored yet.
        logged_in.last_mark = older.and_then(|older| older.mark).or(logged_in.last_mark);
        let outbound: Vec<Outbound> = older.map(|older| fence_older(older.connection)).into_iter().collect();
        let pumped = self.pump(&mut active);
        session.phase = Phase::LoggedIn(Box::new(active));
        let pumped = match pumped {
            Ok(pumped) => pumped,
            // The older connection gets nothing any more, so it must hear of it even now.
            Err(fault) => {
                self.disconnect(session);
                return Ok(Step { outbound, ..Step::answer(origin, fault).and_close() });
            }
        };
        let frames = std::iter::once(origin.frame(logged_in)).chain(pumped).collect();
        let record = Job::quiet(RecordLogin { mailbox: who.mailbox, mark: login.mark }, After::Nothing);
        Ok(Step { frames, outbound, next: Next::Write(Box::new(record)) })
    }

    /// The device whose key signed, if it may log in.
    fn proven_device(&self, session: &Session, nonce: &[u8; 32], login: &Login) -> Result<Device, Fault> {
        let active = self.store.device(login.account_id, login.device_id)?;
        let list_key = match &active {
            Some(device) => PublicKey::from_bytes(&device.list_key).ok(),
            None => self.revoked_key(login)?,
        };
        // Somebody unknown costs the same check as somebody known, against a key that nobody logs in with.
        let key = list_key.unwrap_or(self.identity.public());
        let statement = statement::Login {
            server: &self.identity.public(),
            binding: &session.peer.binding,
            server_nonce: nonce,
            account: &login.account_id,
            device: &login.device_id,
        };
        let signature = Signature::from_bytes(login.signature);
        statement.verify(&key, &signature).map_err(|_| Unwelcome::Refused)?;
        match self.store.account(login.account_id)?.map(|account| account.state) {
            Some(AccountState::Active) => Ok(active.ok_or(Unwelcome::Revoked)?),
            Some(AccountState::Suspended) => Err(Unwelcome::Suspended.into()),
            Some(AccountState::Deleted) | None => Err(Unwelcome::Refused.into()),
        }
    }

    /// The key of a device that its account has revoked.
    fn revoked_key(&self, login: &Login) -> Result<Option<PublicKey>, Fault> {
        let Some(list) = self.lists.of(login.account_id)? else { return Ok(None) };
        if list.status(login.device_id) != DeviceStatus::Revoked {
            return Ok(None);
        }
        // A displaced addition counts as revoked (rule R2).
        let entries = list.history().filter_map(|entry| UnverifiedEntry::decode(entry).ok());
        let mut keys = entries.filter_map(|entry| match entry.change() {
            Change::Add { list_key, .. } => Some(*list_key),
            Change::Revoke { .. } | Change::RotateRecovery { .. } | Change::Rename { .. } => None,
        });
        Ok(keys.find(|key| keys::device_id(key) == login.device_id))
    }

    fn logged_in(&self, device: &Device, mailbox: &Mailbox, now: Timestamp) -> Result<LoggedIn, Fault> {
        let account = self.store.account(device.address.account)?.ok_or(Unwelcome::Refused)?;
        let key_packages = self.store.key_packages(device.mailbox)?;
        Ok(LoggedIn {
            cursor: Cursor { incarnation: mailbox.incarnation, seq: mailbox.acked },
            accepted_sends: mailbox.accepted_sends,
            server_time: now,
            key_packages_left: key_packages.left,
            last_resort_used: key_packages.last_resort != LastResort::Fresh,
            list_number: account.head.number,
            list_hash: account.head.hash,
            body_ticket: None,
            last_mark: mailbox.login_mark,
        })
    }
}

const fn fence_older(connection: ConnectionId) -> Outbound {
    Outbound { connection, event: Event::Fenced(Fence::Newer) }
}

/// Where streaming begins: after what the client has committed, where it speaks of this life of the mailbox. What it
/// claims beyond the mailbox's end counts as the end, or new entries would pass it by.
fn start(cursor: Option<Cursor>, mailbox: &Mailbox) -> Seq {
    match cursor {
        Some(cursor) if cursor.incarnation == mailbox.incarnation => {
            cursor.seq.clamp(mailbox.acked, mailbox.last.max(mailbox.acked))
        }
        _ => mailbox.acked,
    }
}
