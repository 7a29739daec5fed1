//! One's own handles, and what others want with them (registration lock).

use hushwire_client::{ClaimAnswer, Command, HandleClaim, account_code};
use hushwire_identity::Handle;
use hushwire_types::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Method;
use crate::desk::{Desk, patience};
use crate::fault::Fault;
use crate::shape::{ClaimStatus, HandleEntry, Handles};

/// Lists your handles and the claims to them: what this device knows, and what the server tells it meanwhile where it can be reached.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListHandles {
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for ListHandles {
    const NAME: &'static str = "handles.list";
    type Answer = Handles;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Handles, Fault> {
        let fresh = desk.caught_up(patience(self.timeout_s)).await.is_live();
        let handles = desk.client.handles().await?;
        let own = handles.own.into_iter().map(|handle| HandleEntry::Handle { handle });
        let claims = handles.claims.iter().map(|claim| HandleEntry::Claim(claim.into()));
        Ok(Handles { entries: own.chain(claims).collect(), fresh })
    }
}

/// A decision about a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecidedClaim {
    /// The handle.
    pub handle: String,
    /// What was decided.
    pub state: ClaimStatus,
}

/// Lets the account that claims a handle of yours have it; your account goes on without it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowClaim {
    /// Your phone number or e-mail address that is claimed.
    pub handle: String,
    /// Whose claim is meant, where several accounts claim it: the account's code or id.
    #[serde(default)]
    pub account: Option<String>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for AllowClaim {
    const NAME: &'static str = "handles.allow";
    type Answer = DecidedClaim;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<DecidedClaim, Fault> {
        decide(desk, &self.handle, self.account.as_deref(), self.timeout_s, ClaimAnswer::Allow).await
    }
}

/// Keeps a handle of yours that somebody claims.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseClaim {
    /// Your phone number or e-mail address that is claimed.
    pub handle: String,
    /// Whose claim is meant, where several accounts claim it: the account's code or id.
    #[serde(default)]
    pub account: Option<String>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for RefuseClaim {
    const NAME: &'static str = "handles.refuse";
    type Answer = DecidedClaim;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<DecidedClaim, Fault> {
        decide(desk, &self.handle, self.account.as_deref(), self.timeout_s, ClaimAnswer::Refuse).await
    }
}

async fn decide(
    desk: &Desk,
    handle: &str,
    account: Option<&str>,
    timeout_s: Option<u64>,
    answer: ClaimAnswer,
) -> Result<DecidedClaim, Fault> {
    let handle: Handle = handle
        .trim()
        .parse()
        .map_err(|_| Fault::usage("name a phone number or an e-mail address of yours that is claimed"))?;
    desk.online(patience(timeout_s)).await?;
    let claims = desk.client.handles().await?.claims;
    let claimant = account.map(|code| claimant(&claims, &handle, code)).transpose()?;
    desk.client.command(Command::DecideClaim { handle: handle.clone(), claimant, answer }).await?;
    let state = match answer {
        ClaimAnswer::Allow => ClaimStatus::Allowed,
        ClaimAnswer::Refuse => ClaimStatus::Refused,
    };
    Ok(DecidedClaim { handle: handle.to_string(), state })
}

/// The claiming account that a code or an id names.
fn claimant(claims: &[HandleClaim], handle: &Handle, code: &str) -> Result<AccountId, Fault> {
    let plain = |text: &str| text.trim().replace('-', "").to_ascii_uppercase();
    let handle = handle.to_string();
    let fits = |claim: &&HandleClaim| {
        let (id, short) = (plain(&claim.claimant.to_string()), plain(&account_code(&claim.claimant)));
        claim.handle == handle && [id, short].contains(&plain(code))
    };
    let mut found = claims.iter().filter(fits).map(|claim| claim.claimant);
    match (found.next(), found.next()) {
        (Some(account), None) => Ok(account),
        _ => Err(Fault::usage(format!("no account {code} claims {handle}: hush handles lists who does"))),
    }
}
