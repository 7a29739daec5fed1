//! Invites and sessions.

use hushwire_server_store::account::{Handle, HandleKind};
use hushwire_server_store::registration::{
    CodeHash, CreateInvite, InviteRef, InviteUses, OtpOutcome, RevokeInvite, Session, SessionMethod,
    StartSession, TryOtp,
};
use hushwire_server_store::{Refusal, Written, decide};
use hushwire_types::{SessionId, Timestamp};

use super::Batch;
use crate::columns::{fixed, time};
use crate::error::Step;
use crate::reads::accounts::{by_handle, handle_number, skeleton_is_taken};
use crate::reads::registration::{self as reads, BY_INVITE, BY_OTP, OPEN};
use crate::sql;

impl Batch<'_> {
    pub(super) fn create_invite(&self, operation: &CreateInvite) -> Step<Written> {
        let uses = match operation.uses {
            InviteUses::Limited(uses) => Some(uses),
            InviteUses::Unlimited => None,
        };
        let made = self.exec(
            "INSERT OR IGNORE INTO invite(code, prefix, label, uses_left, used, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)",
            (
                operation.code.0,
                &operation.prefix,
                &operation.label,
                uses,
                time(self.now),
                operation.expires_at.map(time),
            ),
        )?;
        if made == 0 { Err(Refusal::InviteExists.into()) } else { Ok(Written::Done) }
    }

    pub(super) fn revoke_invite(&self, operation: &RevokeInvite) -> Step<Written> {
        let code = match &operation.invite {
            InviteRef::Code(code) => *code,
            InviteRef::Prefix(prefix) => self.invite_with(prefix)?,
        };
        let gone = self.exec("DELETE FROM invite WHERE code = ?1", [code.0])?;
        if gone == 0 { Err(Refusal::InviteInvalid.into()) } else { Ok(Written::Done) }
    }

    fn invite_with(&self, prefix: &str) -> Step<CodeHash> {
        let sql = "SELECT code FROM invite WHERE prefix = ?1 LIMIT 2";
        let found = sql::many(self.connection, sql, [prefix], |row| fixed(row, 0).map(CodeHash))?;
        match found.as_slice() {
            [] => Err(Refusal::InviteInvalid.into()),
            [code] => Ok(*code),
            _ => Err(Refusal::InviteAmbiguous.into()),
        }
    }

    pub(super) fn start_session(&self, operation: &StartSession) -> Step<Written> {
        if reads::session(self.connection, operation.session)?.is_some() {
            return Err(Refusal::SessionInvalid.into());
        }
        if crate::reads::accounts::account(self.connection, operation.account)?.is_some() {
            return Err(Refusal::AccountExists.into());
        }
        if let SessionMethod::Invite(code) = &operation.method {
            decide::registration::invite(reads::invite(self.connection, code)?.as_ref(), self.now)?;
        }
        if let Some(contact) = &operation.contact {
            decide::registration::may_try(&self.wrong_codes(contact)?, self.bounds, self.now)?;
        }
        if let Some(username) = &operation.username {
            self.username_is_free(username)?;
        }
        self.insert_session(operation)?;
        Ok(Written::Done)
    }

    fn insert_session(&self, operation: &StartSession) -> rusqlite::Result<()> {
        let (method, invite) = match &operation.method {
            SessionMethod::Invite(code) => (BY_INVITE, Some(code.0)),
            SessionMethod::Otp => (BY_OTP, None),
            SessionMethod::Open => (OPEN, None),
        };
        let canonical = |handle: &Option<Handle>| handle.as_ref().map(|handle| handle.canonical.clone());
        let skeleton = operation.username.as_ref().and_then(skeleton);
        self.exec(
            "INSERT INTO session(id, account, method, invite, contact, contact_kind, username, skeleton, otp,
             otp_expires_at, otp_tries_left, otp_given, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12)",
            (
                operation.session.as_bytes(),
                operation.account.as_bytes(),
                method,
                invite,
                canonical(&operation.contact),
                operation.contact.as_ref().map(|contact| handle_number(&contact.kind)),
                canonical(&operation.username),
                skeleton,
                operation.otp.map(|otp| otp.code.0),
                operation.otp.map(|otp| time(otp.expires_at)),
                operation.otp.map(|otp| otp.tries),
                time(operation.expires_at),
            ),
        )
        .map(|_| ())
    }

    pub(super) fn try_otp(&self, operation: TryOtp) -> Step<Written> {
        let mut session = self.live_session(operation.session)?;
        let wrong = match &session.contact {
            Some(contact) => self.wrong_codes(contact)?,
            None => Vec::new(),
        };
        let outcome =
            decide::registration::try_otp(&mut session, operation.code, &wrong, self.bounds, self.now)?;
        let id = session.session;
        match outcome {
            OtpOutcome::Right => {
                self.exec("UPDATE session SET otp_given = 1 WHERE id = ?1", [id.as_bytes()])?;
            }
            OtpOutcome::Wrong { tries_left } => {
                let sql = "UPDATE session SET otp_tries_left = ?2 WHERE id = ?1";
                self.exec(sql, (id.as_bytes(), tries_left))?;
                if let Some(contact) = &session.contact {
                    let sql = "INSERT INTO wrong_code(handle, at) VALUES (?1, ?2)";
                    self.exec(sql, (&contact.canonical, time(self.now)))?;
                }
            }
        }
        Ok(Written::Otp(outcome))
    }

    pub(super) fn live_session(&self, session: SessionId) -> Step<Session> {
        Ok(decide::registration::session(reads::session(self.connection, session)?, self.now)?)
    }

    pub(super) fn username_is_free(&self, username: &Handle) -> Step<()> {
        let handle = username.canonical.clone();
        if by_handle(self.connection, &handle)?.is_some() {
            return Err(Refusal::HandleTaken { handle }.into());
        }
        match skeleton(username) {
            Some(skeleton) if skeleton_is_taken(self.connection, &skeleton)? => {
                Err(Refusal::HandleLooksAlike { handle }.into())
            }
            _ => Ok(()),
        }
    }

    fn wrong_codes(&self, contact: &Handle) -> rusqlite::Result<Vec<Timestamp>> {
        let since = self.now.before(self.bounds.wrong_codes_window);
        reads::wrong_codes(self.connection, &contact.canonical, since)
    }
}

pub(super) fn skeleton(handle: &Handle) -> Option<String> {
    match &handle.kind {
        HandleKind::Username { skeleton } => Some(skeleton.clone()),
        HandleKind::Phone | HandleKind::Email => None,
    }
}
