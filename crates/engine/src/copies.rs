//! The marks of logins: whether another copy of this profile is in use (rule R10).
//!
//! Each login has a mark, new and random, which is written here before the server hears of it; the server's answer names the mark of
//! the login before. A profile that goes on finds one of its own there, whatever was lost or came late. Two copies find each
//! other's, and so before either encrypts anything, however little the other has done: what is said and not kept, as that somebody
//! is writing, uses up keys that nothing else counts.
//!
//! Invariant: a mark is never given twice, and one that was given is known for as many logins as can be under way.

use hushwire_client_store::{StoreError, Tx, View, setting};
use hushwire_types::{Entropy, LoginMark, rng};

/// The setting that holds them, the last one at the end.
const MARKS: &str = "login marks";

/// Marks that are kept: logins that were given up and can still arrive are far fewer.
const KEPT: usize = 64;

/// The mark of the next login.
pub(crate) fn new_mark(tx: &Tx<'_>, entropy: &dyn Entropy) -> Result<LoginMark, StoreError> {
    let mark = LoginMark::new(rng::bytes(entropy));
    let mut all = setting::find(tx, MARKS)?.unwrap_or_default();
    all.extend(mark.as_bytes());
    let over = all.len().saturating_sub(KEPT * LoginMark::LEN);
    setting::put(tx, MARKS, all.get(over..).unwrap_or_default())?;
    Ok(mark)
}

/// Whether a login had a mark that this profile never gave.
pub(crate) fn is_foreign(view: &View<'_>, mark: LoginMark) -> Result<bool, StoreError> {
    let all = setting::find(view, MARKS)?.unwrap_or_default();
    Ok(all.chunks(LoginMark::LEN).all(|own| own != mark.as_bytes()))
}
