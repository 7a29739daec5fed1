//! Invites, sessions, OTPs.

use std::time::Duration;

use super::{Backend, World, run};
use crate::account::{Handle, HandleKind};
use crate::registration::{
    CodeHash, CreateInvite, InviteRef, InviteUses, NewOtp, OtpOutcome, RevokeInvite, SessionMethod,
    StartSession, TryOtp,
};
use crate::{Bounds, Refusal, Written};

const MINUTE: Duration = Duration::from_secs(60);

fn invite(world: &mut World, uses: InviteUses, prefix: &str) -> CreateInvite {
    CreateInvite {
        code: CodeHash(world.unique()),
        prefix: prefix.into(),
        label: Some("for a friend".into()),
        uses,
        expires_at: Some(world.now.after(10 * MINUTE)),
    }
}

fn with_invite(world: &mut World, code: CodeHash) -> StartSession {
    StartSession { method: SessionMethod::Invite(code), ..world.open_session() }
}

/// A session with an OTP for a phone number.
pub(super) fn with_otp(world: &mut World, phone: &str) -> (StartSession, CodeHash) {
    let code = CodeHash(world.unique());
    let otp = NewOtp { code, expires_at: world.now.after(MINUTE), tries: 3 };
    let contact = Some(Handle { canonical: phone.into(), kind: HandleKind::Phone });
    let session =
        StartSession { method: SessionMethod::Otp, contact, otp: Some(otp), ..world.open_session() };
    (session, code)
}

pub fn an_invite_is_used_up<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let invite = invite(world, InviteUses::Limited(1), "K7QF");
        world.write(invite.clone()).unwrap();
        assert_eq!(world.write(invite.clone()), Err(Refusal::InviteExists));
        let (first, second) = (with_invite(world, invite.code), with_invite(world, invite.code));
        world.write(first.clone()).unwrap();
        world.write(second.clone()).unwrap();
        let creation = world.creation(&first);
        world.create(creation).unwrap();
        let creation = world.creation(&second);
        assert_eq!(world.create(creation).unwrap_err(), Refusal::InviteInvalid);
        let third = with_invite(world, invite.code);
        assert_eq!(world.write(third), Err(Refusal::InviteInvalid));
        let stored = world.store().invite(invite.code).unwrap().unwrap();
        assert_eq!((stored.uses_left, stored.used), (InviteUses::Limited(0), 1));
        assert_eq!(stored.label.as_deref(), Some("for a friend"));
    });
}

pub fn an_invite_expires<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let invite = invite(world, InviteUses::Unlimited, "K7QF");
        world.write(invite.clone()).unwrap();
        let session = with_invite(world, invite.code);
        world.write(session.clone()).unwrap();
        let creation = world.creation(&session);
        world.create(creation).unwrap();
        assert_eq!(world.store().invite(invite.code).unwrap().unwrap().used, 1);
        world.pass(10 * MINUTE);
        let late = with_invite(world, invite.code);
        assert_eq!(world.write(late), Err(Refusal::InviteInvalid));
    });
}

pub fn an_invite_is_revoked_by_code_or_unique_prefix<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let invites = ["AAAA", "AAAA", "BBBB"].map(|prefix| invite(world, InviteUses::Unlimited, prefix));
        for invite in &invites {
            world.write(invite.clone()).unwrap();
        }
        let by = |prefix: &str| RevokeInvite { invite: InviteRef::Prefix(prefix.into()) };
        assert_eq!(world.write(by("AAAA")), Err(Refusal::InviteAmbiguous));
        assert_eq!(world.write(by("CCCC")), Err(Refusal::InviteInvalid));
        world.write(by("BBBB")).unwrap();
        let session = with_invite(world, invites[0].code);
        world.write(session.clone()).unwrap();
        let revocation = RevokeInvite { invite: InviteRef::Code(invites[0].code) };
        world.write(revocation.clone()).unwrap();
        assert_eq!(world.write(revocation), Err(Refusal::InviteInvalid));
        let creation = world.creation(&session);
        assert_eq!(world.create(creation).unwrap_err(), Refusal::InviteInvalid);
        let left: Vec<CodeHash> = world.store().invites().unwrap().iter().map(|invite| invite.code).collect();
        assert_eq!(left, [invites[1].code]);
    });
}

pub fn a_session_needs_what_it_says<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let unknown = with_invite(world, CodeHash([9; 32]));
        assert_eq!(world.write(unknown), Err(Refusal::InviteInvalid));
        let (session, _) = with_otp(world, "+15551234567");
        world.write(session.clone()).unwrap();
        assert_eq!(world.write(session.clone()), Err(Refusal::SessionInvalid));
        let creation = world.creation(&session);
        assert_eq!(world.create(creation).unwrap_err(), Refusal::OtpRequired);
        let session = world.open_session();
        world.write(session.clone()).unwrap();
        let mut creation = world.creation(&session);
        creation.account = hushwire_types::AccountId::new([3; 32]);
        assert_eq!(world.create(creation).unwrap_err(), Refusal::SessionInvalid);
        let stored = world.store().session(session.session).unwrap().unwrap();
        assert_eq!((stored.account, stored.method), (session.account, SessionMethod::Open));
    });
}

pub fn a_session_ends<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (session, code) = with_otp(world, "+15551234567");
        world.write(session.clone()).unwrap();
        world.pass(10 * MINUTE);
        let attempt = TryOtp { session: session.session, code };
        assert_eq!(world.write(attempt), Err(Refusal::SessionInvalid));
        let creation = world.creation(&session);
        assert_eq!(world.create(creation).unwrap_err(), Refusal::SessionInvalid);
    });
}

pub fn an_otp_is_right_once_and_bound_to_its_session<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (session, code) = with_otp(world, "+15551234567");
        let (other, _) = with_otp(world, "+15557654321");
        world.write(session.clone()).unwrap();
        world.write(other.clone()).unwrap();
        let wrong = world.write(TryOtp { session: other.session, code });
        assert_eq!(wrong, Ok(Written::Otp(OtpOutcome::Wrong { tries_left: 2 })));
        let right = world.write(TryOtp { session: session.session, code });
        assert_eq!(right, Ok(Written::Otp(OtpOutcome::Right)));
        let creation = world.creation(&session);
        let actor = world.create(creation).unwrap();
        assert_eq!(world.store().account_by_handle("+15551234567").unwrap(), Some(actor.address.account));
        assert_eq!(world.write(TryOtp { session: session.session, code }), Err(Refusal::SessionInvalid));
        let open = world.open_session();
        world.write(open.clone()).unwrap();
        assert_eq!(world.write(TryOtp { session: open.session, code }), Err(Refusal::SessionInvalid));
    });
}

pub fn an_otp_expires_and_its_tries_are_counted<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (session, code) = with_otp(world, "+15551234567");
        world.write(session.clone()).unwrap();
        let wrong = TryOtp { session: session.session, code: CodeHash([0; 32]) };
        for tries_left in [2, 1, 0] {
            assert_eq!(world.write(wrong), Ok(Written::Otp(OtpOutcome::Wrong { tries_left })));
        }
        let right = TryOtp { session: session.session, code };
        assert_eq!(world.write(right), Err(Refusal::OtpSpent));
        let (late, code) = with_otp(world, "+15557654321");
        world.write(late.clone()).unwrap();
        world.pass(MINUTE);
        assert_eq!(world.write(TryOtp { session: late.session, code }), Err(Refusal::OtpExpired));
    });
}

pub fn wrong_codes_are_counted_over_all_sessions<B: Backend>() {
    let bounds = Bounds { wrong_codes: 4, ..Bounds::default() };
    run::<B>(&bounds, |world| {
        let first_wrong_at = world.now;
        let (first, _) = with_otp(world, "+15551234567");
        let (second, code) = with_otp(world, "+15551234567");
        world.write(first.clone()).unwrap();
        world.write(second.clone()).unwrap();
        for session in [&first, &first, &first, &second] {
            world.write(TryOtp { session: session.session, code: CodeHash([0; 32]) }).unwrap();
        }
        let until = first_wrong_at.after(Duration::from_secs(24 * 60 * 60));
        let refused = Err(Refusal::TooManyWrongCodes { until });
        assert_eq!(world.write(TryOtp { session: second.session, code }), refused);
        let (third, _) = with_otp(world, "+15551234567");
        assert_eq!(world.write(third), refused);
        let (other, _) = with_otp(world, "+15550000000");
        world.write(other).unwrap();
        world.now = until;
        let (tomorrow, _) = with_otp(world, "+15551234567");
        world.write(tomorrow).unwrap();
    });
}
