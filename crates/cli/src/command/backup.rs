//! `hush backup`: the account's history in an encrypted file, and back on another device.

use std::io::{IsTerminal, Read};
use std::path::{self, Path, PathBuf};

use hushwire_client::{BackupKind, backup_kind};
use hushwire_rpc::Profile;
use hushwire_rpc::method::{BackupMade, BackupRestored, CreateBackup, RestoreBackup};
use zeroize::Zeroizing;

use crate::args::BackupCommand;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::place::Silence;
use crate::run::Context;

/// A key has 69 symbols, and nobody types a passphrase of more.
const SECRET_BYTES: u64 = 4096;

pub(crate) async fn run(context: &Context, command: BackupCommand) -> Outcome {
    // What is asked for is asked first, so that nobody waits at an open profile.
    match command {
        BackupCommand::Create { file, passphrase, secret_file } => {
            let asked = passphrase || secret_file.is_some();
            let chosen = if asked { Some(choose(secret_file.as_deref())?) } else { None };
            let passphrase = chosen.map(|text| text.to_string());
            let create = CreateBackup { file: whole(&file)?, passphrase };
            context.with_profile(async |profile| make(context, profile, create).await).await
        }
        BackupCommand::Restore { file, secret_file } => {
            let secret = ask(&file, secret_file.as_deref())?.to_string();
            let restore = RestoreBackup { file: whole(&file)?, secret };
            context
                .with_profile(async |profile| {
                    let waiting = context.say.waiting("Reading the backup…");
                    let restored = profile.call(restore).await?;
                    drop(waiting);
                    tell(context, &restored);
                    Ok(Exit::Ok)
                })
                .await
        }
    }
}

async fn make(context: &Context, profile: &Profile, create: CreateBackup) -> Outcome {
    let made = {
        let _waiting = context.say.waiting("Writing the backup…");
        profile.call(create).await?
    };
    let BackupMade { file, messages, backup_key } = &made;
    let words = || match backup_key {
        Some(key) => format!(
            "{messages} messages backed up to {}.\n\n    {key}\n\nThis backup key opens it, and nothing else does. It is shown once: \
             write it down, and keep it apart from the file.",
            file.display(),
        ),
        None => format!("{messages} messages backed up to {}. Only the passphrase opens it.", file.display()),
    };
    let _ = context.say.data(&made, words);
    Ok(Exit::Ok)
}

/// Says what a backup brought back.
pub(crate) fn tell(context: &Context, restored: &BackupRestored) {
    let words = || {
        format!(
            "Restored: {} messages, {} conversations and {} contacts that were not here.",
            restored.messages, restored.conversations, restored.contacts
        )
    };
    let _ = context.say.data(restored, words);
}

/// Asks for what opens an existing backup; which of the two it is, its header says.
pub(crate) fn ask(file: &Path, from: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    match backup_kind(file)? {
        BackupKind::Random => secret(from, "Backup key: "),
        BackupKind::Passphrase => secret(from, "Backup passphrase: "),
    }
}

/// The daemon that has the profile open may have been started in another folder.
pub(crate) fn whole(file: &Path) -> Result<PathBuf, Failure> {
    path::absolute(file).map_err(|error| Failure::error(format!("{}: {error}", file.display())))
}

fn choose(from: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let text = secret(from, "Passphrase of the backup: ")?;
    if from.is_none() && *secret(None, "Once more: ")? != *text {
        return Err(Failure::error("the two passphrases are not the same: nothing was made"));
    }
    Ok(text)
}

/// Never an argument: others on the machine could read it.
fn secret(from: Option<&Path>, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let text = match from {
        Some(path) if path == Path::new("-") => read(std::io::stdin().lock())?,
        Some(path) => {
            let unreadable = |error| Failure::error(format!("{} cannot be read: {error}", path.display()));
            read(std::fs::File::open(path).map_err(unreadable)?)?
        }
        None if std::io::stdin().is_terminal() => {
            let _silence = Silence::on_the_terminal();
            Zeroizing::new(rpassword::prompt_password(prompt)?)
        }
        None => {
            return Err(Failure::error(
                "the backup's key or passphrase is needed: run hush in a terminal, or give --secret-file",
            ));
        }
    };
    Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn read(from: impl Read) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    from.take(SECRET_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
