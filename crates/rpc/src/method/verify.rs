//! Safety numbers, and what follows from comparing them.

use hushwire_client::view::Person;
use hushwire_client::{Command, Recipient};
use hushwire_types::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Method;
use crate::desk::{Desk, patience};
use crate::fault::{Fault, FaultKind};
use crate::shape::Contact;
use crate::target;

/// Shows a contact's safety number, after what a person decided about it, if anything.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Whose.
    pub who: String,
    /// What a person decided.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// What a person decided about a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The number is the same on both devices: trust this account from now on.
    Confirm,
    /// Take the confirmation back.
    Forget,
    /// The handle belongs to another account now, and that is right: go on with the new one.
    AcceptChange,
    /// The handle belongs to another account now, and that is wrong: stay with the one known here.
    RefuseChange,
    /// An alert has stopped sending to them; go on all the same.
    Resume,
}

impl Decision {
    fn command(self, account: AccountId, own: AccountId) -> Command {
        match self {
            Self::Confirm => Command::Verify { account },
            Self::Forget => Command::Unverify { account },
            Self::AcceptChange => Command::AcceptChange { account },
            Self::RefuseChange => Command::RefuseChange { account },
            Self::Resume => {
                let conversation = hushwire_client::direct_conversation_id(own, account);
                Command::Resume { conversation }
            }
        }
    }
}

impl Method for Verify {
    const NAME: &'static str = "verify";
    type Answer = Contact;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Contact, Fault> {
        let account = known(desk, &self).await?.account;
        let own = desk.client.account().await?.account;
        if let Some(decision) = self.decision {
            desk.client.command(decision.command(account, own)).await?;
        }
        let contacts = desk.client.contacts().await?;
        let contact = contacts.iter().find(|contact| contact.person.account == account);
        contact.map(Contact::from).ok_or_else(|| Fault::usage("that is your own account"))
    }
}

/// Whoever is meant, asking the server where this profile does not know them yet.
async fn known(desk: &Desk, verify: &Verify) -> Result<Person, Fault> {
    let name = &verify.who;
    if let Some(person) = desk.client.find(name.clone()).await? {
        return Ok(person);
    }
    if let Recipient::Handle(handle) = target::recipient(name)? {
        desk.online(patience(verify.timeout_s)).await?;
        desk.client.look_up(handle).await?;
    }
    let found = desk.client.find(name.clone()).await?;
    found.ok_or_else(|| Fault::new(FaultKind::UnknownRecipient, format!("nobody here is called {name}")))
}
