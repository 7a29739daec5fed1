//! What an operator does: invites, accounts, backups. Through the running server, or on its data folder.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hushwire_identity::InviteCode;
use hushwire_server::admin::{self, Ask, InviteRow, Reply, UserRow};
use hushwire_server::config::{self, Config};
use hushwire_server::{Premises, run};
use jiff::Timestamp;

use crate::args::{Invite, Place, User};
use crate::out;
use crate::serve::configuration;

/// `hushd init`.
pub(crate) fn init(file: &Path) -> Result<()> {
    let mut new = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .with_context(|| format!("{} cannot be made; nothing was overwritten", file.display()))?;
    new.write_all(config::TEMPLATE.as_bytes())?;
    out::line(format_args!(
        "Wrote {}. Look through it, then: hushd serve --config {}",
        file.display(),
        file.display()
    ));
    Ok(())
}

/// `hushd invite`.
pub(crate) fn invite(place: &Place, invite: Invite) -> Result<()> {
    let config = configuration(place, &Config::default())?;
    match invite {
        Invite::Create { uses, unlimited, days, label } => {
            let uses = (!unlimited).then_some(uses);
            let lives_for_s = (days > 0).then(|| days.saturating_mul(86_400));
            let reply = ask(&config, Ask::CreateInvite { uses, lives_for_s, label })?;
            let Reply::Invite { code } = reply else { bail!("the server answered something else") };
            out::line(format_args!("{}", link(&config, &code.parse()?)?));
        }
        Invite::List { json } => {
            let Reply::Invites { invites } = ask(&config, Ask::Invites)? else {
                bail!("the server answered something else")
            };
            if json {
                out::line(format_args!("{}", serde_json::to_string_pretty(&invites)?));
            } else {
                invites.iter().for_each(print_invite);
            }
        }
        Invite::Revoke { which } => {
            ask(&config, Ask::RevokeInvite { which })?;
            out::line(format_args!("Revoked."));
        }
    }
    Ok(())
}

fn link(config: &Config, code: &InviteCode) -> Result<String> {
    let keys = hushwire_server::keys::load_or_create(&config.data_dir, &hushwire_types::OsEntropy)?;
    let public = config.public_address.clone().unwrap_or_else(|| config.listen.to_string());
    if config.public_address.is_none() && config.listen.ip().is_unspecified() {
        eprintln!(
            "hushd: set public_address in the configuration, so that links say where this server is reached"
        );
    }
    Ok(run::link(&public, keys.identity.fingerprint(), Some(code)))
}

fn print_invite(row: &InviteRow) {
    let left = row.left.map_or("any number".to_owned(), |left| left.to_string());
    let state = if row.valid { "valid" } else { "ended" };
    let until = row.expires_at_ms.map_or("for ever".to_owned(), |ms| format!("until {}", day(ms)));
    let label = row.label.as_deref().unwrap_or_default();
    out::line(format_args!("{}-….  {state}  used {}, left {left}  {until}  {label}", row.prefix, row.used));
}

pub(crate) fn day(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// `hushd user`.
pub(crate) fn user(place: &Place, user: User) -> Result<()> {
    let config = configuration(place, &Config::default())?;
    let done = match user {
        User::List { json } => {
            let Reply::Users { users } = ask(&config, Ask::Users)? else {
                bail!("the server answered something else")
            };
            if json {
                out::line(format_args!("{}", serde_json::to_string_pretty(&users)?));
            } else {
                users.iter().for_each(print_user);
            }
            return Ok(());
        }
        User::Suspend { who } => (ask(&config, Ask::Suspend { who })?, "Suspended."),
        User::Resume { who } => (ask(&config, Ask::Unsuspend { who })?, "Resumed."),
        User::Delete { who, yes } => {
            if !yes && !confirmed("an account", &format!("{who}, with everything that waits for it"))? {
                bail!("nothing was deleted");
            }
            (ask(&config, Ask::Delete { who })?, "Deleted.")
        }
    };
    out::line(format_args!("{}", done.1));
    Ok(())
}

fn print_user(row: &UserRow) {
    let devices = if row.devices == 1 { "1 device".to_owned() } else { format!("{} devices", row.devices) };
    out::line(format_args!(
        "{}  {}  {}  {devices}  since {}",
        row.account,
        row.handles.join(" "),
        row.state,
        day(row.created_at_ms)
    ));
}

/// Whether the operator types yes. `kind` is what is deleted, `what` which one.
pub(crate) fn confirmed(kind: &str, what: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("deleting {kind} cannot be undone: say --yes");
    }
    eprint!("Delete {what}? This cannot be undone. Type yes: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// `hushd backup`.
pub(crate) fn backup(place: &Place, to: PathBuf) -> Result<()> {
    let config = configuration(place, &Config::default())?;
    let to = std::path::absolute(&to)?;
    ask(&config, Ask::Backup { to: to.clone() })?;
    out::line(format_args!("Copied to {} and checked.", to.display()));
    out::line(format_args!(
        "Keep {} safe as well: without it no client trusts a restored server.",
        config.data_dir.join(hushwire_server::keys::FILE_NAME).display()
    ));
    Ok(())
}

/// Through the running server where there is one.
pub(crate) fn ask(config: &Config, ask: Ask) -> Result<Reply> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let running = runtime.block_on(admin::ask_running(&config.data_dir, &ask)).map_err(anyhow::Error::msg)?;
    let reply = match running {
        Some(reply) => reply,
        None if !config.data_dir.exists() => bail!(
            "there is no server in {}: say where with --data-dir or --config",
            config.data_dir.display()
        ),
        None => Premises::open(config)?.ask(ask),
    };
    match reply {
        Reply::Failed { error } => bail!("{error}"),
        reply => Ok(reply),
    }
}
