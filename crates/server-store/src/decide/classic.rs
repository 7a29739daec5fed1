//! What is accepted of wire version 1.

use hushwire_types::Timestamp;

use super::registration;
use crate::bounds::Bounds;
use crate::classic::{ClassicAccount, ClassicKeys, ClassicWaiting};
use crate::error::Refusal;

/// Whether a phone may register, given its account and when wrong codes were given for it.
///
/// # Errors
/// `ClassicTaken`, `TooManyWrongCodes`.
pub fn may_begin(
    account: Option<&ClassicAccount>,
    wrong: &[Timestamp],
    bounds: &Bounds,
    now: Timestamp,
) -> Result<(), Refusal> {
    if account.is_some() {
        return Err(Refusal::ClassicTaken);
    }
    registration::may_try(wrong, bounds, now)
}

/// Whether an account is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// Yes.
    New,
    /// It is there, with the same keys.
    Done,
}

/// Keys are set once. Signatures may differ: each one is random.
///
/// # Errors
/// `ClassicTaken` where there is an account with other keys.
pub fn creation(account: Option<&ClassicAccount>, keys: &ClassicKeys) -> Result<Creation, Refusal> {
    match account {
        None => Ok(Creation::New),
        Some(account) if account.keys.dh == keys.dh && account.keys.rsa == keys.rsa => Ok(Creation::Done),
        Some(_) => Err(Refusal::ClassicTaken),
    }
}

/// Whether so many bytes more may wait for somebody; `None` is nobody.
///
/// # Errors
/// `UnknownClassic`, `ClassicFull`.
pub fn may_store(waiting: Option<ClassicWaiting>, bytes: u64, bounds: &Bounds) -> Result<(), Refusal> {
    let waiting = waiting.ok_or(Refusal::UnknownClassic)?;
    let full =
        waiting.messages >= bounds.entries || waiting.bytes.saturating_add(bytes) > bounds.message_bytes;
    if full { Err(Refusal::ClassicFull) } else { Ok(()) }
}
