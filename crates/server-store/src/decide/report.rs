//! Whether a report is stored.

use crate::account::AccountState;
use crate::bounds::Bounds;
use crate::error::Refusal;

/// How many reports are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Of the same reporter.
    pub of_reporter: u64,
    /// Of all.
    pub all: u64,
}

/// Whether one more report may be stored, of an account that stands so; `None` where there is none.
///
/// # Errors
/// `UnknownAccount`, `TooManyReports`.
pub fn may_store(reported: Option<AccountState>, kept: Kept, bounds: &Bounds) -> Result<(), Refusal> {
    match reported {
        Some(AccountState::Active | AccountState::Suspended) => {}
        Some(AccountState::Deleted) | None => return Err(Refusal::UnknownAccount),
    }
    let is_full =
        kept.of_reporter >= u64::from(bounds.reports_of_one) || kept.all >= u64::from(bounds.reports);
    if is_full { Err(Refusal::TooManyReports) } else { Ok(()) }
}
