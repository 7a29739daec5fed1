//! `hush recover`: a new device by the recovery key, for whoever has no other one left.

use std::io::{IsTerminal, Read};
use std::path::Path;

use hushwire_client::{Recovery, Transport, World};
use hushwire_content::display;
use hushwire_identity::{Handle, InviteLink, RecoveryKey};
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::Recover;
use crate::command::join;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::place;
use crate::run::Context;

/// A key has 69 symbols; what is far longer is none.
const KEY_BYTES: u64 = 4096;

pub(crate) async fn run(context: &Context, recover: Recover) -> Outcome {
    let link: InviteLink = recover.link.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    let handle: Handle = recover
        .handle
        .trim()
        .parse()
        .map_err(|error| Failure::usage(format!("{}: {error}", recover.handle)))?;
    let name = match &recover.device_name {
        Some(name) => name.parse().map_err(|_| Failure::usage("that name cannot be used for a device"))?,
        None => join::device_name()?,
    };
    let key = key(recover.key_file.as_deref())?;
    let place = place::empty(&context.global, recover.lock, &context.say)?;
    let transport = if recover.plain { Transport::Plain } else { Transport::Tls };
    let client = {
        let _waiting = context.say.waiting("Asking for your account…");
        let recovery = Recovery { link: &link, transport, handle, key: &key, name };
        hushwire_client::recover(&place, recovery, World::default()).await?
    };
    let account = client.account().await?;
    let recovered = json!({
        "account": account.account.to_string(), "handle": account.handle, "device": account.device.to_string(),
        "device_name": account.device_name,
    });
    let words = || {
        format!(
            "This is \"{}\", a device of {}. Messages of before are gone with the devices that had them; conversations come back \
             as the others in them come online. Put out devices that somebody else may have: hush device list, hush device revoke.",
            display::line(&account.device_name),
            display::line(&account.handle)
        )
    };
    let _ = context.say.data(&recovered, words);
    let stands = context.caught_up(&client).await;
    context.close(client).await;
    if matches!(stands, hushwire_client::Link::Live) { Ok(Exit::Ok) } else { Err(Failure::of_link(&stands)) }
}

/// Never an argument: others on the machine could read it.
fn key(file: Option<&Path>) -> Result<RecoveryKey, Failure> {
    let text = match file {
        Some(path) if path == Path::new("-") => read(std::io::stdin().lock())?,
        Some(path) => {
            let unreadable = |error| Failure::error(format!("{} cannot be read: {error}", path.display()));
            read(std::fs::File::open(path).map_err(unreadable)?)?
        }
        None if std::io::stdin().is_terminal() => {
            let _silence = place::Silence::on_the_terminal();
            Zeroizing::new(rpassword::prompt_password("Recovery key: ")?)
        }
        None => {
            return Err(Failure::error(
                "the recovery key is needed: run hush in a terminal, or give --key-file",
            ));
        }
    };
    RecoveryKey::from_text(&text).map_err(|error| Failure::usage(error.to_string()))
}

fn read(from: impl Read) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    from.take(KEY_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
