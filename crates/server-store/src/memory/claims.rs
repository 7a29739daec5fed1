//! Claims to handles in memory.

use hushwire_types::{AccountId, Timestamp};

use super::state::{ClaimRow, State};
use crate::bounds::Bounds;
use crate::claim::{
    AnswerClaim, Claim, ClaimAnswer, ClaimEvent, ClaimHandle, ClaimNotice, ClaimStanding, HandleClaimed,
};
use crate::decide;
use crate::decide::claim::{Notice, Step};
use crate::error::Refusal;
use crate::mailbox::{Entry, EntryKind, MailboxKey, Publication};
use crate::write::Written;

impl State {
    pub(super) fn claim_handle(
        &mut self,
        operation: ClaimHandle,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let session = self.live_session(operation.session, now)?;
        decide::registration::ready(&session, session.account)?;
        let handle = session.contact.ok_or(Refusal::SessionInvalid)?.canonical;
        let (_, owner) = *self.handles.get(&handle).ok_or(Refusal::UnknownAccount)?;
        let own = self.live_claim(&handle, session.account, now);
        let of_handle = self.claims.keys().filter(|(claimed, _)| *claimed == handle);
        let others = of_handle.filter(|(_, claimant)| *claimant != session.account);
        let others = others.filter_map(|(claimed, claimant)| self.live_claim(claimed, *claimant, now));
        let others: Vec<Timestamp> = others.map(|claim| claim.ends_at).collect();
        let claim = match decide::claim::ask(own, &others, bounds, now)? {
            Step::Stands(standing) => {
                return Ok(Written::Claim(HandleClaimed { standing, publications: Vec::new() }));
            }
            Step::Claim(claim) => claim,
        };
        let notice = notice(&handle, session.account, &claim, ClaimEvent::Claimed);
        let publication = self.tell_owner(owner, notice, bounds, now);
        let row = ClaimRow { claim, notices: publication.to.clone() };
        self.claims.insert((handle, session.account), row);
        let standing = ClaimStanding::Locked { until: claim.locked_until };
        Ok(Written::Claim(HandleClaimed { standing, publications: vec![publication] }))
    }

    pub(super) fn answer_claim(
        &mut self,
        operation: AnswerClaim,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let AnswerClaim { account, handle, claimant, answer } = operation;
        if self.handles.get(&handle).is_none_or(|(_, owner)| *owner != account) {
            return Err(Refusal::UnknownClaim);
        }
        let claim = self.live_claim(&handle, claimant, now).ok_or(Refusal::UnknownClaim)?;
        let claim = decide::claim::answer(claim, answer, bounds, now);
        let what = match answer {
            ClaimAnswer::Allow => ClaimEvent::Allowed,
            ClaimAnswer::Refuse => ClaimEvent::Refused,
        };
        let publication = self.tell_owner(account, notice(&handle, claimant, &claim, what), bounds, now);
        if let Some(row) = self.claims.get_mut(&(handle, claimant)) {
            row.claim = claim;
        }
        Ok(Written::ClaimAnswered { publications: vec![publication] })
    }

    /// A claim that has not ended, as it stands.
    pub(super) fn live_claim(&self, handle: &str, claimant: AccountId, now: Timestamp) -> Option<Claim> {
        let row = self.claims.get(&(handle.to_owned(), claimant))?;
        let acked = |mailbox: &MailboxKey| self.mailboxes.get(mailbox).map(|row| row.acked);
        let read = row.notices.iter().any(|(mailbox, seq)| acked(mailbox).is_some_and(|acked| acked >= *seq));
        decide::claim::live(Some(row.claim), if read { Notice::Read } else { Notice::Unread }, now)
    }

    /// A device of the account was there.
    pub(super) fn keep_handles_of(&mut self, account: AccountId) {
        let handles = &self.handles;
        for ((handle, _), row) in &mut self.claims {
            if handles.get(handle).is_some_and(|(_, owner)| *owner == account) {
                row.claim = decide::claim::keep(row.claim);
            }
        }
    }

    /// Ends all claims to a handle that an account gets, and tells those whom that concerns where it had another owner.
    pub(super) fn take_handle(
        &mut self,
        handle: &str,
        account: AccountId,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Vec<Publication> {
        let claim = self.claims.get(&(handle.to_owned(), account)).map(|row| row.claim);
        self.claims.retain(|(claimed, _), _| claimed != handle);
        let (Some((_, owner)), Some(claim)) = (self.handles.get(handle).cloned(), claim) else {
            return Vec::new();
        };
        let told = self.tell_owner(owner, notice(handle, account, &claim, ClaimEvent::Passed), bounds, now);
        let mut others = self.audience(owner);
        others.retain(|mailbox| !told.to.iter().any(|(own, _)| own == mailbox));
        let kind = EntryKind::HandleMoved { account: owner };
        let moved = self.deliver(Entry { place: None, accepted_at: now, kind }, others, bounds);
        vec![told, moved]
    }

    fn tell_owner(
        &mut self,
        owner: AccountId,
        notice: ClaimNotice,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Publication {
        let devices: Vec<MailboxKey> = self.devices_of(owner).map(|device| device.mailbox).collect();
        let entry = Entry { place: None, accepted_at: now, kind: EntryKind::HandleClaim(notice) };
        self.deliver(entry, devices, bounds)
    }
}

fn notice(handle: &str, claimant: AccountId, claim: &Claim, what: ClaimEvent) -> ClaimNotice {
    let Claim { claimed_at, locked_until, .. } = *claim;
    ClaimNotice { handle: handle.to_owned(), claimant, claimed_at, locked_until, what }
}
