//! Claims to handles.

use hushwire_server_store::claim::{
    AnswerClaim, Claim, ClaimAnswer, ClaimEvent, ClaimHandle, ClaimNotice, ClaimStanding, ClaimState,
    HandleClaimed,
};
use hushwire_server_store::decide::claim::{self as decide, Notice, Step as Asked};
use hushwire_server_store::mailbox::{Entry, EntryKind, MailboxKey, Publication};
use hushwire_server_store::{Refusal, Written};
use hushwire_types::{AccountId, Timestamp};

use super::Batch;
use crate::columns::{int, time};
use crate::error::Step;
use crate::reads::accounts::{by_handle, devices};
use crate::reads::claims as reads;

impl Batch<'_> {
    pub(super) fn claim_handle(&mut self, operation: ClaimHandle) -> Step<Written> {
        let session = self.live_session(operation.session)?;
        hushwire_server_store::decide::registration::ready(&session, session.account)?;
        let handle = session.contact.ok_or(Refusal::SessionInvalid)?.canonical;
        let owner = by_handle(self.connection, &handle)?.ok_or(Refusal::UnknownAccount)?;
        let own = self.live_claim(&handle, session.account)?;
        let others = self.ends_of_others(&handle, session.account)?;
        let claim = match decide::ask(own, &others, self.bounds, self.now)? {
            Asked::Stands(standing) => {
                return Ok(Written::Claim(HandleClaimed { standing, publications: Vec::new() }));
            }
            Asked::Claim(claim) => claim,
        };
        let publication =
            self.tell_owner(owner, notice(&handle, session.account, &claim, ClaimEvent::Claimed))?;
        self.forget_claim(&handle, session.account)?;
        self.put_claim(&handle, session.account, &claim)?;
        for (mailbox, seq) in &publication.to {
            let sql = "INSERT INTO claim_notice(handle, claimant, mailbox, seq) VALUES (?1, ?2, ?3, ?4)";
            self.exec(sql, (&handle, session.account.as_bytes(), int(mailbox.0), int(seq.0)))?;
        }
        let standing = ClaimStanding::Locked { until: claim.locked_until };
        Ok(Written::Claim(HandleClaimed { standing, publications: vec![publication] }))
    }

    pub(super) fn answer_claim(&mut self, operation: &AnswerClaim) -> Step<Written> {
        let AnswerClaim { account, handle, claimant, answer } = operation;
        if by_handle(self.connection, handle)? != Some(*account) {
            return Err(Refusal::UnknownClaim.into());
        }
        let claim = self.live_claim(handle, *claimant)?.ok_or(Refusal::UnknownClaim)?;
        let claim = decide::answer(claim, *answer, self.bounds, self.now);
        self.put_claim(handle, *claimant, &claim)?;
        let what = match answer {
            ClaimAnswer::Allow => ClaimEvent::Allowed,
            ClaimAnswer::Refuse => ClaimEvent::Refused,
        };
        let publication = self.tell_owner(*account, notice(handle, *claimant, &claim, what))?;
        Ok(Written::ClaimAnswered { publications: vec![publication] })
    }

    /// A claim that has not ended, as it stands.
    pub(super) fn live_claim(&mut self, handle: &str, claimant: AccountId) -> Step<Option<Claim>> {
        let Some(claim) = reads::claim(self.connection, handle, claimant)? else { return Ok(None) };
        let mut notice = Notice::Unread;
        for (mailbox, seq) in reads::notices(self.connection, handle, claimant)? {
            // The cache may be ahead of the table.
            if self.mailbox_row(mailbox)?.is_some_and(|row| row.acked >= seq) {
                notice = Notice::Read;
            }
        }
        Ok(decide::live(Some(claim), notice, self.now))
    }

    /// When the live claims of other accounts to a handle end.
    fn ends_of_others(&mut self, handle: &str, claimant: AccountId) -> Step<Vec<Timestamp>> {
        let mut ends = Vec::new();
        for other in reads::claimants(self.connection, handle)? {
            if other != claimant {
                ends.extend(self.live_claim(handle, other)?.map(|claim| claim.ends_at));
            }
        }
        Ok(ends)
    }

    /// A device of the account was there.
    pub(super) fn keep_handles_of(&self, account: AccountId) -> rusqlite::Result<()> {
        let sql = "UPDATE handle_claim SET state = ?2, ends_at = locked_until WHERE state = ?3
                   AND handle IN (SELECT canonical FROM handle WHERE account = ?1)";
        let (kept, pending) =
            (reads::state_number(ClaimState::Kept), reads::state_number(ClaimState::Pending));
        self.exec(sql, (account.as_bytes(), kept, pending)).map(|_| ())
    }

    /// Ends all claims to a handle that an account gets, and tells those whom that concerns where it had another owner.
    pub(super) fn take_handle(&mut self, handle: &str, account: AccountId) -> Step<Vec<Publication>> {
        let claim = reads::claim(self.connection, handle, account)?;
        for claimant in reads::claimants(self.connection, handle)? {
            self.forget_claim(handle, claimant)?;
        }
        let (Some(owner), Some(claim)) = (by_handle(self.connection, handle)?, claim) else {
            return Ok(Vec::new());
        };
        let told = self.tell_owner(owner, notice(handle, account, &claim, ClaimEvent::Passed))?;
        let mut others = self.audience(owner)?;
        others.retain(|mailbox| !told.to.iter().any(|(own, _)| own == mailbox));
        let kind = EntryKind::HandleMoved { account: owner };
        let moved = self.deliver(Entry { place: None, accepted_at: self.now, kind }, None, others)?;
        Ok(vec![told, moved])
    }

    fn tell_owner(&mut self, owner: AccountId, notice: ClaimNotice) -> Step<Publication> {
        let mailboxes: Vec<MailboxKey> =
            devices(self.connection, owner)?.into_iter().map(|device| device.mailbox).collect();
        let entry = Entry { place: None, accepted_at: self.now, kind: EntryKind::HandleClaim(notice) };
        self.deliver(entry, None, mailboxes)
    }

    fn put_claim(&self, handle: &str, claimant: AccountId, claim: &Claim) -> rusqlite::Result<()> {
        self.exec(
            "INSERT OR REPLACE INTO handle_claim(handle, claimant, claimed_at, locked_until, ends_at, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                handle,
                claimant.as_bytes(),
                time(claim.claimed_at),
                time(claim.locked_until),
                time(claim.ends_at),
                reads::state_number(claim.state),
            ),
        )
        .map(|_| ())
    }

    fn forget_claim(&self, handle: &str, claimant: AccountId) -> rusqlite::Result<()> {
        for table in ["handle_claim", "claim_notice"] {
            let sql = format!("DELETE FROM {table} WHERE handle = ?1 AND claimant = ?2");
            self.exec(&sql, (handle, claimant.as_bytes()))?;
        }
        Ok(())
    }
}

fn notice(handle: &str, claimant: AccountId, claim: &Claim, what: ClaimEvent) -> ClaimNotice {
    let Claim { claimed_at, locked_until, .. } = *claim;
    ClaimNotice { handle: handle.to_owned(), claimant, claimed_at, locked_until, what }
}
