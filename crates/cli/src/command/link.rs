//! `hush link`: this machine becomes a new device of an account, which a device of the account lets in.

use std::io::{BufRead, IsTerminal, Write};

use hushwire_client::{Client, HistoryProgress, Transport, Waiting, World, wait_to_be_found};
use hushwire_content::display;
use hushwire_identity::InviteLink;
use hushwire_rpc::method::HistoryFetched;
use hushwire_rpc::{FaultKind, PEOPLE, Time};
use qrcode::QrCode;
use qrcode::render::unicode;
use serde_json::json;

use crate::args::Link;
use crate::command::{device, join};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::place;
use crate::run::Context;

pub(crate) async fn run(context: &Context, link: Link) -> Outcome {
    let server: InviteLink = link.link.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    let name = match &link.device_name {
        Some(name) => name.parse().map_err(|_| Failure::usage("that name cannot be used for a device"))?,
        None => join::device_name()?,
    };
    let place = place::empty(&context.global, link.lock, &context.say)?;
    let transport = if link.plain { Transport::Plain } else { Transport::Tls };
    let waiting = wait_to_be_found(&server, transport, name, World::default()).await?;
    let shown = json!({
        "code": waiting.code.to_string(), "text": waiting.text(), "expires_at": Time(waiting.expires_at),
    });
    if context.say.data(&shown, || words(&waiting)).is_err() {
        return Ok(Exit::Ok);
    }
    let mut comparing = {
        let _waiting = context.say.waiting("Waiting for a device of yours…");
        waiting.compare(PEOPLE).await?
    };
    let handle = display::line(&comparing.handle()).into_owned();
    let shown = json!({ "digits": comparing.digits, "handle": handle });
    let digits = comparing.digits.clone();
    let asked = || format!("This device is to be one of {handle}.\n\n  {digits}\n");
    if context.say.data(&shown, asked).is_err() {
        return Ok(Exit::Ok);
    }
    if !comparing.hold(are_the_same()).await?? {
        return Err(not_the_same());
    }
    let client = {
        let _waiting = context.say.waiting("Waiting for the other device…");
        comparing.join(&place, PEOPLE).await?
    };
    let account = client.account().await?;
    let joined = json!({
        "account": account.account.to_string(), "handle": account.handle, "device": account.device.to_string(),
        "device_name": account.device_name,
    });
    let welcome = || format!("This is \"{}\", a device of {}.", display::line(&account.device_name), handle);
    let _ = context.say.data(&joined, welcome);
    // The first login uploads what others need to add this device.
    let stands = context.caught_up(&client).await;
    if matches!(stands, hushwire_client::Link::Live) {
        past(context, &client, link.no_history).await?;
    }
    context.close(client).await;
    if matches!(stands, hushwire_client::Link::Live) { Ok(Exit::Ok) } else { Err(Failure::of_link(&stands)) }
}

/// The past comes along, unless it is not wanted.
async fn past(context: &Context, client: &Client, no_history: bool) -> Result<(), Failure> {
    if no_history {
        return Ok(client.forgo_history(context.patience()).await?);
    }
    let waiting = context.say.waiting("Getting the past from your other device…");
    let progress = |now: HistoryProgress| {
        let percent = now.done.saturating_mul(100).checked_div(now.whole).unwrap_or_default();
        waiting.say(&format!("Getting the past from your other device: {percent} %"));
    };
    let fetched = client.fetch_history(None, context.patience(), progress).await?;
    drop(waiting);
    device::tell_of_history(context, &HistoryFetched::of(fetched));
    Ok(())
}

fn words(waiting: &Waiting) -> String {
    let code = &waiting.code;
    let picture = QrCode::new(waiting.text()).map(|code| {
        // Dark on light, whatever the terminal's colours: readers want a light border.
        code.render::<unicode::Dense1x2>()
            .dark_color(unicode::Dense1x2::Light)
            .light_color(unicode::Dense1x2::Dark)
            .build()
    });
    let picture = picture.map(|picture| format!("{picture}\n\n")).unwrap_or_default();
    format!(
        "{picture}On a device of yours:  hush device approve {code}\n(good until {})",
        Time(waiting.expires_at).local()
    )
}

/// Asks the person at the terminal, or reads the answer of a script.
pub(crate) async fn are_the_same() -> Result<bool, Failure> {
    if std::io::stdin().is_terminal() {
        let _ = write!(std::io::stderr(), "Does the other device show the same digits? [y/N] ");
        let _ = std::io::stderr().flush();
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = read.await.map_err(Failure::error)??;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

pub(crate) fn not_the_same() -> Failure {
    Failure::new(FaultKind::Untrusted, hushwire_rpc::method::NOT_THE_SAME)
}
