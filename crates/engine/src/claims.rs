//! Handles of one's own, and what others want with them (registration lock).
//!
//! Invariants:
//! - What the server says of a claim is kept as the latest state of one (handle, claiming account), so that any front end can
//!   list it; a bounded number of them, the oldest forgotten first.
//! - A decision names one claiming account. Where several claim a handle, none of them is meant by leaving that out.
//! - A handle that moved away from somebody known here is looked up until the server has answered, also over a restart.

use hushwire_client_store::{Tx, View, account, setting};
use hushwire_identity::Handle;
use hushwire_types::{AccountId, Timestamp};
use hushwire_wire as wire;
use hushwire_wire::{ErrorCode, HandleClaimState};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::step::Step;
use crate::stop::Stop;
use crate::{Alert, CommandId, Outcome, Refusal, StepError, Tag, text};

/// Claims that are remembered: more than a server lets be made of the handles of one account in a month.
const REMEMBERED: usize = 64;

const CLAIMS: &str = "handle claims";
const OWN: &str = "own handles";
const MOVED: &str = "moved handles";

/// Somebody proved a handle of this account with a code and asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandleClaim {
    /// The handle.
    pub handle: String,
    /// Who asks; [`account_code`] is what people compare.
    #[serde(with = "text")]
    pub claimant: AccountId,
    /// When, in milliseconds since 1970.
    pub claimed_at_ms: u64,
    /// Until when it waits: then it would have passed without consent, had no device of this account been there.
    pub locked_until_ms: u64,
    /// How it stands.
    pub state: ClaimState,
}

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// Nobody has decided.
    Claimed,
    /// A device of this account has allowed it.
    Allowed,
    /// A device of this account has refused it.
    Refused,
    /// The handle is the other account's now.
    Passed,
}

/// What a person says to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// The handle may go to that account.
    Allow,
    /// It stays here.
    Refuse,
}

impl HandleClaim {
    /// Whether there is still something to decide about.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self.state {
            ClaimState::Passed => false,
            ClaimState::Allowed => true,
            ClaimState::Claimed | ClaimState::Refused => now.as_ms() < self.locked_until_ms,
        }
    }
}

/// The beginning of an account id in groups of four, for people to compare: 80 bits, so that nobody finds another account with
/// the same ones.
#[must_use]
pub fn account_code(account: &AccountId) -> String {
    let symbols: Vec<char> = account.to_string().to_ascii_uppercase().chars().take(16).collect();
    let groups: Vec<String> = symbols.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The claims to handles of this account that this device heard of, the latest last.
///
/// # Errors
/// The database cannot be read.
pub fn handle_claims(view: &View<'_>) -> Result<Vec<HandleClaim>, StepError> {
    read(view, CLAIMS)
}

/// The handles of this account, as far as this device knows them.
///
/// # Errors
/// The database cannot be read.
pub fn own_handles(view: &View<'_>) -> Result<Vec<String>, StepError> {
    read(view, OWN)
}

/// Writes down the handles that an account was made with.
pub(crate) fn put_own(tx: &Tx<'_>, handles: &[Handle]) -> Result<(), StepError> {
    write(tx, OWN, &handles.iter().map(Handle::to_string).collect::<Vec<_>>())
}

fn read<T: DeserializeOwned>(view: &View<'_>, name: &str) -> Result<Vec<T>, StepError> {
    match setting::find(view, name)? {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| StepError::Damaged("list of handles")),
        None => Ok(Vec::new()),
    }
}

fn write<T: Serialize>(tx: &Tx<'_>, name: &str, values: &[T]) -> Result<(), StepError> {
    let bytes = serde_json::to_vec(values).map_err(|_| StepError::Bug("a list cannot be written"))?;
    Ok(setting::put(tx, name, &bytes)?)
}

impl Step<'_, '_> {
    /// The server tells how a claim stands.
    pub(crate) fn claim_told(&mut self, told: &wire::HandleClaim) -> Result<(), Stop> {
        let state = match told.state {
            HandleClaimState::Claimed => ClaimState::Claimed,
            HandleClaimState::Allowed => ClaimState::Allowed,
            HandleClaimState::Refused => ClaimState::Refused,
            HandleClaimState::Passed => ClaimState::Passed,
            // Of a newer server: what is known stays.
            _ => return Ok(()),
        };
        let claim = HandleClaim {
            handle: told.handle.expose().to_owned(),
            claimant: told.account_id,
            claimed_at_ms: told.claimed_at.as_ms(),
            locked_until_ms: told.locked_until.as_ms(),
            state,
        };
        let mut claims = handle_claims(self.tx)?;
        if claims.contains(&claim) {
            // This device decided so itself, or was told before a restored server told it again.
            return Ok(());
        }
        claims.retain(|known| (&known.handle, known.claimant) != (&claim.handle, claim.claimant));
        if state == ClaimState::Passed {
            self.lose_handle(&claim.handle)?;
            // Others wanted it from this account, which has it no more.
            claims.retain(|known| known.handle != claim.handle);
        }
        claims.push(claim.clone());
        let superfluous = claims.len().saturating_sub(REMEMBERED);
        claims.drain(..superfluous);
        write(self.tx, CLAIMS, &claims)?;
        self.alert(Alert::HandleClaim(claim), None)
    }

    fn lose_handle(&mut self, handle: &str) -> Result<(), Stop> {
        let mut own = own_handles(self.tx)?;
        own.retain(|known| known != handle);
        Ok(write(self.tx, OWN, &own)?)
    }

    /// A person decides about a claim; the command waits for the server.
    pub(crate) fn decide(
        &mut self,
        id: CommandId,
        handle: &Handle,
        claimant: Option<AccountId>,
        answer: ClaimAnswer,
    ) -> Result<(), Stop> {
        let handle = handle.to_string();
        let claims = handle_claims(self.tx)?;
        let named = claims.into_iter().filter(|claim| {
            claim.handle == handle && claimant.is_none_or(|claimant| claimant == claim.claimant)
        });
        let open: Vec<HandleClaim> = named.filter(|claim| claim.is_open(self.shared_now())).collect();
        let refusal = match open.as_slice() {
            [claim] if self.session.is_online() => {
                self.session.deciding.push((id, handle, claim.claimant, answer));
                self.owe_decisions();
                return Ok(());
            }
            [_] => Refusal::Unreachable,
            [] => Refusal::NoClaim(handle),
            _ => Refusal::SeveralClaims(handle),
        };
        self.done(id, Outcome::Refused(refusal));
        Ok(())
    }

    /// Asks for the decisions that wait; those about one claim after another.
    pub(crate) fn owe_decisions(&mut self) {
        for (_, handle, claimant, answer) in self.session.deciding.clone() {
            let request = wire::AnswerHandleClaim {
                handle: wire::Sensitive::new(handle.as_str()),
                account_id: claimant,
                answer: match answer {
                    ClaimAnswer::Allow => wire::HandleClaimAnswer::Allow,
                    ClaimAnswer::Refuse => wire::HandleClaimAnswer::Refuse,
                },
            };
            self.request(Tag::Decision { handle, claimant }, request);
        }
    }

    /// The server's answer to [`Tag::Decision`].
    pub(crate) fn decision_answer(
        &mut self,
        handle: &str,
        claimant: AccountId,
        result: Result<(), &wire::Error>,
    ) -> Result<(), Stop> {
        let waits =
            |(_, of, by, _): &(CommandId, String, AccountId, ClaimAnswer)| of == handle && *by == claimant;
        // One request for a claim is under way at a time, and it is that of the first who waits.
        let Some(index) = self.session.deciding.iter().position(waits) else { return Ok(()) };
        let (id, _, _, answer) = self.session.deciding.remove(index);
        let outcome = match result {
            Ok(()) => {
                self.decided(handle, claimant, answer)?;
                Outcome::Done
            }
            Err(error) if error.code == ErrorCode::UnknownAccount => {
                Outcome::Refused(Refusal::NoClaim(handle.to_owned()))
            }
            Err(error) => Outcome::Refused(Refusal::Refused {
                reason: error.text.clone(),
                retry_after_ms: crate::contacts::wait_ms(error),
            }),
        };
        self.done(id, outcome);
        Ok(())
    }

    fn decided(&mut self, handle: &str, claimant: AccountId, answer: ClaimAnswer) -> Result<(), Stop> {
        let mut claims = handle_claims(self.tx)?;
        for claim in &mut claims {
            // It may have passed in between.
            if claim.handle == handle && claim.claimant == claimant && claim.state != ClaimState::Passed {
                claim.state = match answer {
                    ClaimAnswer::Allow => ClaimState::Allowed,
                    ClaimAnswer::Refuse => ClaimState::Refused,
                };
            }
        }
        Ok(write(self.tx, CLAIMS, &claims)?)
    }

    /// A handle of somebody belongs to another account now. Where this profile knows them by one, it is looked up again.
    pub(crate) fn handle_moved(&mut self, account: &AccountId) -> Result<(), Stop> {
        let Some(handle) = account::find(self.tx, account)?.and_then(|row| row.handle) else { return Ok(()) };
        let mut moved: Vec<String> = read(self.tx, MOVED)?;
        if !moved.contains(&handle) {
            moved.push(handle);
            write(self.tx, MOVED, &moved)?;
        }
        Ok(())
    }

    /// Looks up what moved.
    pub(crate) fn owe_moved(&mut self) -> Result<(), Stop> {
        for handle in read::<String>(self.tx, MOVED)? {
            self.ask_for(&handle);
        }
        Ok(())
    }

    /// Whether the server said that this handle moved, and not yet where to.
    pub(crate) fn has_moved(&self, handle: &str) -> Result<bool, Stop> {
        Ok(read::<String>(self.tx, MOVED)?.iter().any(|known| known == handle))
    }

    /// The server has said whose a handle is.
    pub(crate) fn moved_is_known(&mut self, handle: &str) -> Result<(), Stop> {
        if self.has_moved(handle)? {
            let mut moved: Vec<String> = read(self.tx, MOVED)?;
            moved.retain(|known| known != handle);
            write(self.tx, MOVED, &moved)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_account_is_the_beginning_of_its_id() {
        let account = AccountId::new([0x5a; 32]);
        let code = account_code(&account);
        assert_eq!(code.len(), 19);
        assert!(account.to_string().to_ascii_uppercase().starts_with(&code.replace('-', "")));
    }
}
