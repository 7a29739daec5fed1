//! `hush contacts`, `hush contact`, `hush settings` and `hush whoami`.

use std::fmt::Write as _;

use hushwire_content::display;
use hushwire_rpc::method::{self, AddContact, BlockContact, NameContact, UnblockContact};
use hushwire_rpc::shape::Contact;

use crate::args::{ContactCommand, Settings, Switch};
use crate::command::{report, shape};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;

pub(crate) async fn contacts(context: &Context) -> Outcome {
    context
        .with_profile(async |profile| {
            for contact in profile.call(method::Contacts {}).await? {
                if context.say.data(&contact, || contact_line(&contact)).is_err() {
                    break;
                }
            }
            Ok(Exit::Ok)
        })
        .await
}

fn contact_line(contact: &Contact) -> String {
    let trust = shape::trust(contact.trust);
    let mut line = format!("{}  {trust}  {}", display::line(&contact.name), contact.account);
    if contact.picture {
        line.push_str("  (picture)");
    }
    if contact.blocked {
        line.push_str("  (blocked)");
    }
    let says = [&contact.calls_itself, &contact.about];
    let says: Vec<_> =
        says.into_iter().filter(|words| !words.is_empty()).map(|words| display::line(words)).collect();
    if !says.is_empty() {
        let _ = write!(line, "  says: {}", says.join(" · "));
    }
    line
}

pub(crate) async fn contact(context: &Context, command: ContactCommand) -> Outcome {
    context
        .with_profile(async |profile| {
            let timeout_s = context.timeout_s();
            let contact = match command {
                ContactCommand::Add { who } => profile.call(AddContact { who, timeout_s }).await?,
                ContactCommand::Name { who, name } => {
                    profile.call(NameContact { who, name, timeout_s }).await?
                }
                ContactCommand::Block { who } => profile.call(BlockContact { who, timeout_s }).await?,
                ContactCommand::Unblock { who } => profile.call(UnblockContact { who, timeout_s }).await?,
                ContactCommand::Picture { who, to } => {
                    return super::picture::of_contact(context, profile, who, &to).await;
                }
                ContactCommand::Report(wanted) => return report::run(context, profile, wanted).await,
                ContactCommand::Reports => return report::list(context, profile).await,
            };
            let _ = context.say.data(&contact, || contact_line(&contact));
            Ok(Exit::Ok)
        })
        .await
}

pub(crate) async fn settings(context: &Context, settings: Settings) -> Outcome {
    let Settings { receipts, typing, requests, name, about, picture, no_picture } = settings;
    let picture = match picture {
        Some(file) => Some(super::picture::read(&file)?),
        None => no_picture.then(String::new),
    };
    let (receipts, typing) = (receipts.map(Switch::is_on), typing.map(Switch::is_on));
    let (requests, timeout_s) = (requests.map(Switch::is_on), context.timeout_s());
    let set = method::Settings { receipts, typing, requests, name, about, picture, timeout_s };
    context
        .with_profile(async |profile| {
            let now = profile.call(set).await?;
            let on = |is_on: bool| if is_on { "on" } else { "off" };
            let lines = || {
                format!(
                    "receipts  {}\ntyping    {}\nrequests  {}\nname      {}\nabout     {}\npicture   {}",
                    on(now.receipts),
                    on(now.typing),
                    on(now.requests),
                    display::line(&now.name),
                    display::line(&now.about),
                    if now.picture { "shown" } else { "none" },
                )
            };
            let _ = context.say.data(&now, lines);
            Ok(Exit::Ok)
        })
        .await
}

pub(crate) async fn whoami(context: &Context) -> Outcome {
    context
        .with_profile(async |profile| {
            let account = profile.call(method::Whoami {}).await?;
            let lines = || {
                format!(
                    "{}\naccount      {}\ndevice       {} ({})\nserver       {}\nfingerprint  {}\nsince        {}",
                    if account.handle.is_empty() { "(no handle any more)" } else { &account.handle },
                    account.account,
                    display::line(&account.device_name),
                    account.device,
                    account.server,
                    account.fingerprint,
                    account.created_at.local(),
                )
            };
            let _ = context.say.data(&account, lines);
            Ok(Exit::Ok)
        })
        .await
}
