//! Invites and sessions in memory.

use hushwire_types::Timestamp;

use super::state::State;
use crate::account::{Handle, HandleKind};
use crate::bounds::Bounds;
use crate::decide;
use crate::error::Refusal;
use crate::registration::{
    CreateInvite, Invite, InviteRef, Otp, OtpGiven, OtpOutcome, RevokeInvite, Session, SessionMethod,
    StartSession, TryOtp,
};
use crate::write::Written;

impl State {
    pub(super) fn create_invite(
        &mut self,
        operation: CreateInvite,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let CreateInvite { code, prefix, label, uses, expires_at } = operation;
        if self.invites.contains_key(&code) {
            return Err(Refusal::InviteExists);
        }
        let invite = Invite { code, prefix, label, uses_left: uses, used: 0, created_at: now, expires_at };
        self.invites.insert(code, invite);
        Ok(Written::Done)
    }

    pub(super) fn revoke_invite(&mut self, operation: &RevokeInvite) -> Result<Written, Refusal> {
        let code = match &operation.invite {
            InviteRef::Code(code) => *code,
            InviteRef::Prefix(prefix) => {
                let mut found = self.invites.values().filter(|invite| invite.prefix == *prefix);
                let first = found.next().ok_or(Refusal::InviteInvalid)?;
                if found.next().is_some() {
                    return Err(Refusal::InviteAmbiguous);
                }
                first.code
            }
        };
        self.invites.remove(&code).map(|_| Written::Done).ok_or(Refusal::InviteInvalid)
    }

    pub(super) fn start_session(
        &mut self,
        operation: StartSession,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let StartSession { session, account, method, contact, username, otp, expires_at } = operation;
        if self.sessions.contains_key(&session) {
            return Err(Refusal::SessionInvalid);
        }
        if self.accounts.contains_key(&account) {
            return Err(Refusal::AccountExists);
        }
        if let SessionMethod::Invite(code) = &method {
            decide::registration::invite(self.invites.get(code), now)?;
        }
        if let Some(contact) = &contact {
            decide::registration::may_try(self.wrong_codes_for(contact), bounds, now)?;
        }
        if let Some(username) = &username {
            self.username_is_free(username)?;
        }
        let otp = otp.map(|otp| Otp {
            code: otp.code,
            expires_at: otp.expires_at,
            tries_left: otp.tries,
            given: OtpGiven::No,
        });
        let new = Session { session, account, method, contact, username, otp, expires_at };
        self.sessions.insert(session, new);
        Ok(Written::Done)
    }

    pub(super) fn try_otp(
        &mut self,
        operation: TryOtp,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let mut session = self.live_session(operation.session, now)?;
        let wrong = session.contact.as_ref().map_or(&[][..], |contact| self.wrong_codes_for(contact));
        let outcome = decide::registration::try_otp(&mut session, operation.code, wrong, bounds, now)?;
        if let (OtpOutcome::Wrong { .. }, Some(contact)) = (outcome, &session.contact) {
            self.wrong_codes.entry(contact.canonical.clone()).or_default().push(now);
        }
        self.sessions.insert(operation.session, session);
        Ok(Written::Otp(outcome))
    }

    pub(super) fn live_session(
        &self,
        session: hushwire_types::SessionId,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        decide::registration::session(self.sessions.get(&session).cloned(), now)
    }

    pub(super) fn username_is_free(&self, username: &Handle) -> Result<(), Refusal> {
        let handle = username.canonical.clone();
        if self.handles.contains_key(&handle) {
            return Err(Refusal::HandleTaken { handle });
        }
        let same_look =
            |kind: &HandleKind| matches!(kind, HandleKind::Username { .. }) && *kind == username.kind;
        if self.handles.values().any(|(kind, _)| same_look(kind)) {
            return Err(Refusal::HandleLooksAlike { handle });
        }
        Ok(())
    }

    fn wrong_codes_for(&self, contact: &Handle) -> &[Timestamp] {
        self.wrong_codes.get(&contact.canonical).map_or(&[], Vec::as_slice)
    }
}
