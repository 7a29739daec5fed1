//! `hush handles`: one's own handles, and what others want with them (registration lock).

use hushwire_content::display;
use hushwire_rpc::Profile;
use hushwire_rpc::method;
use hushwire_rpc::shape::{Claim, ClaimStatus, HandleEntry};

use crate::args::{Handles, HandlesAction};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;

pub(crate) async fn run(context: &Context, handles: Handles) -> Outcome {
    context
        .with_profile(async |profile| {
            let timeout_s = context.timeout_s();
            let decided = match handles.action {
                None | Some(HandlesAction::List) => return list(context, profile).await,
                Some(HandlesAction::Allow(claim)) => {
                    let (handle, account) = (claim.handle, claim.account);
                    profile.call(method::AllowClaim { handle, account, timeout_s }).await?
                }
                Some(HandlesAction::Refuse(claim)) => {
                    let (handle, account) = (claim.handle, claim.account);
                    profile.call(method::RefuseClaim { handle, account, timeout_s }).await?
                }
            };
            let _ = context.say.data(&decided, || words(&decided));
            Ok(Exit::Ok)
        })
        .await
}

/// What this device knows, and what the server tells it meanwhile where it can be reached.
async fn list(context: &Context, profile: &Profile) -> Outcome {
    let handles = {
        let _waiting = context.say.waiting("Waiting for the server…");
        profile.call(method::ListHandles { timeout_s: context.timeout_s() }).await?
    };
    for entry in &handles.entries {
        let line = || match entry {
            HandleEntry::Handle { handle } => display::line(handle).into_owned(),
            HandleEntry::Claim(claim) => line(claim),
        };
        if context.say.data(entry, line).is_err() {
            return Ok(Exit::Ok);
        }
    }
    if !handles.fresh {
        context.say.note("The server cannot be reached: there may be newer claims.");
    }
    Ok(Exit::Ok)
}

fn line(claim: &Claim) -> String {
    let (handle, code) = (display::line(&claim.handle), &claim.code);
    let (from, until) = (claim.claimed_at.local(), claim.locked_until.local());
    match claim.state {
        ClaimStatus::Claimed => format!(
            "  {handle} is claimed for the account {code} since {from}, until {until}. It stays yours unless you allow that: \
             hush handles allow {handle}, or hush handles refuse {handle}"
        ),
        ClaimStatus::Allowed => {
            format!(
                "  {handle}: the account {code} may take it over (claimed {from}). To take that back: hush handles refuse {handle}"
            )
        }
        ClaimStatus::Refused => format!("  {handle}: refused to the account {code} (claimed {from})"),
        ClaimStatus::Passed => format!("  {handle} belongs to the account {code} now (claimed {from})"),
    }
}

fn words(decided: &method::DecidedClaim) -> String {
    let handle = &decided.handle;
    if decided.state == ClaimStatus::Allowed {
        return format!(
            "Allowed. {handle} goes to that account when it registers again with a code; yours goes on without it. Until then you \
             can take it back: hush handles refuse {handle}"
        );
    }
    format!("Refused. {handle} stays yours.")
}
