//! What the operator does: invites, users and reports.
//!
//! Each is a transaction of its own, beside the writer's batches; a store takes turns between them.

use hushwire_identity::{Handle, InviteCode};
use hushwire_server_store::account::{AccountState, DeleteAccount, SetSuspended, Suspension, User};
use hushwire_server_store::registration::{
    CodeHash, CreateInvite, Invite, InviteRef, InviteUses, RevokeInvite,
};
use hushwire_server_store::report::{DeleteReport, Report, ReportLine, ReportNumber};
use hushwire_server_store::{Refusal, StoreError, Write, Written};
use hushwire_types::{AccountId, Timestamp};

use crate::service::Service;
use crate::step::{Fence, Outbound};

/// Why an operator's wish is not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Nobody has this handle or id: look at the list of users.
    #[error("there is no such account")]
    UnknownAccount,
    /// No invite has this code or begins so: look at the list of invites.
    #[error("there is no such invite")]
    UnknownInvite,
    /// More than one invite begins so: give the whole code.
    #[error("more than one invite begins so; give the whole code")]
    AmbiguousInvite,
    /// No report has this number, or not any more: look at the list of reports.
    #[error("there is no such report")]
    UnknownReport,
    /// The store refused for another reason, which is a bug.
    #[error(transparent)]
    Refused(Refusal),
    /// The store failed: look at the disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Refusal> for AdminError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownAccount => Self::UnknownAccount,
            Refusal::InviteInvalid => Self::UnknownInvite,
            Refusal::InviteAmbiguous => Self::AmbiguousInvite,
            Refusal::UnknownReport => Self::UnknownReport,
            other => Self::Refused(other),
        }
    }
}

/// An invite to be made.
#[derive(Debug, Clone)]
pub struct NewInvite {
    /// What its maker calls it.
    pub label: Option<String>,
    /// How many accounts it makes.
    pub uses: InviteUses,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

impl Service {
    /// Makes an invite. Its code is told once: the store has a keyed hash of it.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn create_invite(&self, new: NewInvite, now: Timestamp) -> Result<InviteCode, AdminError> {
        let code = InviteCode::generate(&*self.entropy);
        let create = CreateInvite {
            code: CodeHash(self.pepper.invite(&code)),
            prefix: code.to_string().chars().take(4).collect(),
            label: new.label,
            uses: new.uses,
            expires_at: new.expires_at,
        };
        self.write_one(create, now)?;
        Ok(code)
    }

    /// Revokes an invite, by its whole code or by the first four symbols that the list shows.
    ///
    /// # Errors
    /// [`AdminError::UnknownInvite`], [`AdminError::AmbiguousInvite`], [`AdminError::Store`].
    pub fn revoke_invite(&self, which: &str, now: Timestamp) -> Result<(), AdminError> {
        let invite = match which.parse::<InviteCode>() {
            Ok(code) => InviteRef::Code(CodeHash(self.pepper.invite(&code))),
            Err(_) => InviteRef::Prefix(which.trim().to_uppercase()),
        };
        self.write_one(RevokeInvite { invite }, now).map(drop)
    }

    /// All invites, oldest first.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn invites(&self) -> Result<Vec<Invite>, AdminError> {
        Ok(self.store.invites()?)
    }

    /// A page of accounts.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn users(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<User>, AdminError> {
        Ok(self.store.users(after, limit)?)
    }

    /// The account that an operator names by a handle or by its id.
    ///
    /// # Errors
    /// [`AdminError::UnknownAccount`], [`AdminError::Store`].
    pub fn find_user(&self, name: &str) -> Result<AccountId, AdminError> {
        let by_handle = match name.parse::<Handle>() {
            Ok(handle) => self.store.account_by_handle(&handle.to_string())?,
            Err(_) => None,
        };
        let account = by_handle.or_else(|| name.trim().parse().ok()).ok_or(AdminError::UnknownAccount)?;
        match self.store.account(account)?.map(|account| account.state) {
            Some(AccountState::Active | AccountState::Suspended) => Ok(account),
            Some(AccountState::Deleted) | None => Err(AdminError::UnknownAccount),
        }
    }

    /// Suspends an account, whose connections end, or lifts its suspension.
    ///
    /// # Errors
    /// [`AdminError::UnknownAccount`], [`AdminError::Store`].
    pub fn set_suspended(
        &self,
        account: AccountId,
        to: Suspension,
        now: Timestamp,
    ) -> Result<Vec<Outbound>, AdminError> {
        self.write_one(SetSuspended { account, to }, now)?;
        if to == Suspension::Lifted {
            return Ok(Vec::new());
        }
        let devices = self.store.devices(account)?;
        Ok(self.fence(devices.iter().map(|device| device.mailbox), Fence::Suspended))
    }

    /// Deletes an account, whose connections end. Its genesis and list stay for those who check old leaves.
    ///
    /// # Errors
    /// [`AdminError::UnknownAccount`], [`AdminError::Store`].
    pub fn delete_user(&self, account: AccountId, now: Timestamp) -> Result<Vec<Outbound>, AdminError> {
        match self.write_one(DeleteAccount { account }, now)? {
            Written::Deleted { closed } => Ok(self.fence(closed, Fence::Gone)),
            _ => Ok(Vec::new()),
        }
    }

    /// A page of reports, oldest first.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn reports(&self, after: Option<ReportNumber>, limit: usize) -> Result<Vec<ReportLine>, AdminError> {
        Ok(self.store.reports(after, limit)?)
    }

    /// A whole report. It is what its reporter says: nothing proves who wrote the messages in it.
    ///
    /// # Errors
    /// [`AdminError::UnknownReport`], [`AdminError::Store`].
    pub fn find_report(&self, number: ReportNumber) -> Result<Report, AdminError> {
        self.store.report(number)?.ok_or(AdminError::UnknownReport)
    }

    /// Deletes a report.
    ///
    /// # Errors
    /// [`AdminError::UnknownReport`], [`AdminError::Store`].
    pub fn delete_report(&self, number: ReportNumber, now: Timestamp) -> Result<(), AdminError> {
        self.write_one(DeleteReport { number }, now).map(drop)
    }

    /// The handles of an account; none where it was deleted.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn handles_of(&self, account: AccountId) -> Result<Vec<String>, AdminError> {
        let found = self.store.account(account)?;
        let handles = found.map(|account| account.handles).unwrap_or_default();
        Ok(handles.into_iter().map(|handle| handle.canonical).collect())
    }

    fn write_one(&self, write: impl Into<Write>, now: Timestamp) -> Result<Written, AdminError> {
        let mut outcomes = self.store.write(vec![write.into()], now)?;
        match outcomes.pop() {
            Some(outcome) => Ok(outcome?),
            None => Err(AdminError::Refused(Refusal::UnknownAccount)),
        }
    }
}
