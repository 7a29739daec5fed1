//! `hush verify`: safety numbers, and what follows from comparing them.

use hushwire_client::view::{Contact, Person};
use hushwire_client::{Client, Command, Link, Recipient, Trust};

use hushwire_types::AccountId;

use crate::args::Verify;
use crate::command::{send, shape};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

pub(crate) async fn run(context: &Context, verify: Verify) -> Outcome {
    let client = context.open()?;
    let done = look(context, &client, &verify).await;
    context.close(client).await;
    done
}

async fn look(context: &Context, client: &Client, verify: &Verify) -> Outcome {
    let person = known(context, client, &verify.who).await?;
    let account = person.account;
    let own = client.account().await?.account;
    if let Some(command) = decision(verify, account, own) {
        client.command(command).await?;
    }
    let contacts = client.contacts().await?;
    let contact = contacts.iter().find(|contact| contact.person.account == account);
    let contact = contact.ok_or_else(|| Failure::usage("that is your own account"))?;
    let _ = context.say.data(&shape::contact(contact), || words(contact, verify));
    Ok(Exit::Ok)
}

/// What the person decided, if anything.
fn decision(verify: &Verify, account: AccountId, own: AccountId) -> Option<Command> {
    if verify.confirm {
        Some(Command::Verify { account })
    } else if verify.forget {
        Some(Command::Unverify { account })
    } else if verify.accept_change {
        Some(Command::AcceptChange { account })
    } else if verify.refuse_change {
        Some(Command::RefuseChange { account })
    } else if verify.resume {
        let conversation = hushwire_client::direct_conversation_id(own, account);
        Some(Command::Resume { conversation })
    } else {
        None
    }
}

fn words(contact: &Contact, verify: &Verify) -> String {
    let name = shape::name(&contact.person);
    let trust = shape::trust(&contact.person.trust);
    let number = contact.safety_number.to_string();
    if verify.resume {
        return format!("Sending to {name} goes on.");
    }
    if verify.confirm || verify.forget || verify.accept_change || verify.refuse_change {
        return format!("{name} is {trust} now.");
    }
    if matches!(contact.person.trust, Trust::Changed { .. }) {
        return format!(
            "The server says that {name} belongs to another account now, and nothing is sent to them meanwhile. Ask them, face \
             to face or in a call. If they made a new account: hush verify {name} --accept-change. If not: hush verify \
             {name} --refuse-change"
        );
    }
    format!(
        "{name} is {trust}. The safety number of your two accounts:\n\n  {number}\n\nCompare it with what their device \
         shows, face to face or in a call. If it is the same: hush verify {name} --confirm"
    )
}

/// Whoever is meant, asking the server where this profile does not know them yet.
async fn known(context: &Context, client: &Client, name: &str) -> Result<Person, Failure> {
    if let Some(person) = client.find(name.to_owned()).await? {
        return Ok(person);
    }
    if let Recipient::Handle(handle) = send::recipient(name)? {
        let link = context.caught_up(client).await;
        if !matches!(link, Link::Live) {
            return Err(Failure::of_link(&link));
        }
        client.look_up(handle).await?;
    }
    let found = client.find(name.to_owned()).await?;
    found.ok_or_else(|| Failure::new(Exit::UnknownRecipient, format!("nobody here is called {name}")))
}
