//! Who may register, and what a one-time code is worth.

use hushwire_types::{AccountId, Timestamp};

use crate::bounds::Bounds;
use crate::error::Refusal;
use crate::registration::{CodeHash, Invite, OtpGiven, OtpOutcome, Session, SessionMethod};

/// An invite that still makes an account.
///
/// # Errors
/// `InviteInvalid`.
pub fn invite(invite: Option<&Invite>, now: Timestamp) -> Result<&Invite, Refusal> {
    invite.filter(|invite| invite.is_valid(now)).ok_or(Refusal::InviteInvalid)
}

/// A session that has not ended.
///
/// # Errors
/// `SessionInvalid`.
pub fn session(session: Option<Session>, now: Timestamp) -> Result<Session, Refusal> {
    session.filter(|session| now < session.expires_at).ok_or(Refusal::SessionInvalid)
}

/// Whether a session may make this account.
///
/// # Errors
/// `SessionInvalid` for another account, `OtpRequired` while its OTP was not given.
pub fn ready(session: &Session, account: AccountId) -> Result<(), Refusal> {
    if session.account != account {
        return Err(Refusal::SessionInvalid);
    }
    let proof_needed =
        session.method == SessionMethod::Otp || session.contact.is_some() || session.otp.is_some();
    let proven = session.otp.is_some_and(|otp| otp.given == OtpGiven::Yes);
    if proof_needed && !proven { Err(Refusal::OtpRequired) } else { Ok(()) }
}

/// Whether more codes may be tried for a handle, given when wrong ones were.
///
/// # Errors
/// `TooManyWrongCodes`.
pub fn may_try(wrong: &[Timestamp], bounds: &Bounds, now: Timestamp) -> Result<(), Refusal> {
    let since = now.before(bounds.wrong_codes_window);
    let mut counted: Vec<Timestamp> = wrong.iter().copied().filter(|at| *at > since).collect();
    counted.sort_unstable();
    let allowed = usize::try_from(bounds.wrong_codes).unwrap_or(usize::MAX);
    match counted.len().checked_sub(allowed).and_then(|over| counted.get(over)) {
        None => Ok(()),
        Some(oldest) => Err(Refusal::TooManyWrongCodes { until: oldest.after(bounds.wrong_codes_window) }),
    }
}

/// Tries a code in a live session; `wrong` is when wrong codes were given for its handle. The caller stores the session
/// as it is afterwards, and counts a wrong code.
///
/// # Errors
/// `SessionInvalid` for a session without OTP, `TooManyWrongCodes`, `OtpSpent`, `OtpExpired`.
pub fn try_otp(
    session: &mut Session,
    code: CodeHash,
    wrong: &[Timestamp],
    bounds: &Bounds,
    now: Timestamp,
) -> Result<OtpOutcome, Refusal> {
    let otp = session.otp.as_mut().ok_or(Refusal::SessionInvalid)?;
    may_try(wrong, bounds, now)?;
    if otp.tries_left == 0 {
        return Err(Refusal::OtpSpent);
    }
    if now >= otp.expires_at {
        return Err(Refusal::OtpExpired);
    }
    if otp.code == code {
        otp.given = OtpGiven::Yes;
        return Ok(OtpOutcome::Right);
    }
    otp.tries_left = otp.tries_left.saturating_sub(1);
    Ok(OtpOutcome::Wrong { tries_left: otp.tries_left })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn wrong_codes_are_counted_within_the_window_only() {
        let bounds =
            Bounds { wrong_codes: 2, wrong_codes_window: Duration::from_millis(100), ..Bounds::default() };
        let wrong = [10, 60].map(Timestamp::from_ms);
        let at = |ms| may_try(&wrong, &bounds, Timestamp::from_ms(ms));
        assert_eq!(at(70), Err(Refusal::TooManyWrongCodes { until: Timestamp::from_ms(110) }));
        assert_eq!(at(110), Ok(()));
        assert_eq!(may_try(&wrong[..1], &bounds, Timestamp::from_ms(70)), Ok(()));
    }
}
