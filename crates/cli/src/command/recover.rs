//! `hush recover`: a new device by the recovery key, for whoever has no other one left; with its history, if there is a backup.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use hushwire_client::{Client, Link, Recovery, Transport, World, verify_backup};
use hushwire_content::display;
use hushwire_identity::{Handle, InviteLink, RecoveryKey};
use hushwire_rpc::Desk;
use hushwire_rpc::method::{Method as _, RestoreBackup, backup_opener};
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::Recover;
use crate::command::{backup, join};
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
    let past =
        recover.backup.as_deref().map(|file| Past::ask(file, recover.secret_file.as_deref())).transpose()?;
    if let Some(past) = &past {
        // Before there is a device that would have no history.
        let _waiting = context.say.waiting("Reading the backup…");
        verify_backup(past.file.clone(), backup_opener(&past.file, &past.secret)?).await?;
    }
    let place = place::empty(&context.global, recover.lock, &context.say)?;
    let transport = if recover.plain { Transport::Plain } else { Transport::Tls };
    let client = {
        let _waiting = context.say.waiting("Asking for your account…");
        let recovery = Recovery { link: &link, transport, handle, key: &key, name };
        hushwire_client::recover(&place, recovery, World::default()).await?
    };
    let done = finish(context, &client, past).await;
    let stands = context.caught_up(&client).await;
    context.close(client).await;
    done?;
    if matches!(stands, Link::Live) { Ok(Exit::Ok) } else { Err(Failure::of_link(&stands)) }
}

/// A backup, and what opens it.
struct Past {
    file: PathBuf,
    secret: String,
}

impl Past {
    fn ask(file: &Path, secret_file: Option<&Path>) -> Result<Self, Failure> {
        let secret = backup::ask(file, secret_file)?.to_string();
        Ok(Self { file: backup::whole(file)?, secret })
    }
}

/// Says what was recovered, and brings the history back.
async fn finish(context: &Context, client: &Client, past: Option<Past>) -> Outcome {
    let account = client.account().await?;
    let recovered = json!({
        "account": account.account.to_string(), "handle": account.handle, "device": account.device.to_string(),
        "device_name": account.device_name,
    });
    let gone = match past {
        Some(_) => "",
        None => {
            " Messages of before are gone with the devices that had them, or come from a backup (hush backup restore)."
        }
    };
    let words = || {
        format!(
            "This is \"{}\", a device of {}.{gone} Conversations come back as the others in them come online. Put out devices that \
             somebody else may have: hush device list, hush device revoke.",
            display::line(&account.device_name),
            display::line(&account.handle)
        )
    };
    let _ = context.say.data(&recovered, words);
    match past {
        Some(Past { file, secret }) => {
            let waiting = context.say.waiting("Reading the backup…");
            let restored = RestoreBackup { file, secret }.carry_out(&Desk::new(client.clone())).await?;
            drop(waiting);
            backup::tell(context, &restored);
            Ok(Exit::Ok)
        }
        None => Ok(Exit::Ok),
    }
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
