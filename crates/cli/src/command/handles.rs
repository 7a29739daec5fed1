//! `hush handles`: one's own handles, and what others want with them (registration lock).

use hushwire_client::{ClaimAnswer, ClaimState, Client, Command, HandleClaim, Link, account_code};
use hushwire_content::display;
use hushwire_identity::Handle;
use hushwire_types::{AccountId, Timestamp};
use serde_json::{Value, json};

use crate::args::{Claim, Handles, HandlesAction};
use crate::command::shape;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;
use crate::when;

pub(crate) async fn run(context: &Context, handles: Handles) -> Outcome {
    let client = context.open()?;
    let done = match handles.action {
        None | Some(HandlesAction::List) => list(context, &client).await,
        Some(HandlesAction::Allow(claim)) => decide(context, &client, &claim, ClaimAnswer::Allow).await,
        Some(HandlesAction::Refuse(claim)) => decide(context, &client, &claim, ClaimAnswer::Refuse).await,
    };
    context.close(client).await;
    done
}

/// What this device knows, and what the server tells it meanwhile where it can be reached.
async fn list(context: &Context, client: &Client) -> Outcome {
    let link = context.caught_up(client).await;
    let handles = client.handles().await?;
    for handle in &handles.own {
        let line = || display::line(handle).into_owned();
        if context.say.data(&json!({ "type": "handle", "handle": handle }), line).is_err() {
            return Ok(Exit::Ok);
        }
    }
    for claim in &handles.claims {
        if context.say.data(&shape::claim(claim), || line(claim)).is_err() {
            return Ok(Exit::Ok);
        }
    }
    if !matches!(link, Link::Live) {
        context.say.note("The server cannot be reached: there may be newer claims.");
    }
    Ok(Exit::Ok)
}

fn line(claim: &HandleClaim) -> String {
    let (handle, code) = (display::line(&claim.handle), account_code(&claim.claimant));
    let at = |ms| when::person(Timestamp::from_ms(ms));
    let (from, until) = (at(claim.claimed_at_ms), at(claim.locked_until_ms));
    match claim.state {
        ClaimState::Claimed => format!(
            "  {handle} is claimed for the account {code} since {from}, until {until}. It stays yours unless you allow that: \
             hush handles allow {handle}, or hush handles refuse {handle}"
        ),
        ClaimState::Allowed => {
            format!(
                "  {handle}: the account {code} may take it over (claimed {from}). To take that back: hush handles refuse {handle}"
            )
        }
        ClaimState::Refused => format!("  {handle}: refused to the account {code} (claimed {from})"),
        ClaimState::Passed => format!("  {handle} belongs to the account {code} now (claimed {from})"),
    }
}

async fn decide(context: &Context, client: &Client, claim: &Claim, answer: ClaimAnswer) -> Outcome {
    let handle: Handle =
        claim.handle.trim().parse().map_err(|_| {
            Failure::usage("name a phone number or an e-mail address of yours that is claimed")
        })?;
    let link = context.caught_up(client).await;
    if !matches!(link, Link::Live) {
        return Err(Failure::of_link(&link));
    }
    let claims = client.handles().await?.claims;
    let claimant = claim.account.as_deref().map(|code| claimant(&claims, &handle, code)).transpose()?;
    client.command(Command::DecideClaim { handle: handle.clone(), claimant, answer }).await?;
    let (state, words) = match answer {
        ClaimAnswer::Allow => (
            "allowed",
            format!(
                "Allowed. {handle} goes to that account when it registers again with a code; yours goes on without it. Until then you \
                 can take it back: hush handles refuse {handle}"
            ),
        ),
        ClaimAnswer::Refuse => ("refused", format!("Refused. {handle} stays yours.")),
    };
    let object: Value = json!({ "handle": handle.to_string(), "state": state });
    let _ = context.say.data(&object, || words);
    Ok(Exit::Ok)
}

/// The claiming account that a code or an id names.
fn claimant(claims: &[HandleClaim], handle: &Handle, code: &str) -> Result<AccountId, Failure> {
    let plain = |text: &str| text.trim().replace('-', "").to_ascii_uppercase();
    let handle = handle.to_string();
    let fits = |claim: &&HandleClaim| {
        let (id, short) = (plain(&claim.claimant.to_string()), plain(&account_code(&claim.claimant)));
        claim.handle == handle && [id, short].contains(&plain(code))
    };
    let mut found = claims.iter().filter(fits).map(|claim| claim.claimant);
    match (found.next(), found.next()) {
        (Some(account), None) => Ok(account),
        _ => Err(Failure::usage(format!("no account {code} claims {handle}: hush handles lists who does"))),
    }
}
