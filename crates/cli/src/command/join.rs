//! `hush join`.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};

use hushwire_client::{CODE_DIGITS, CodeSource, Codes, Transport, Wish, World};
use hushwire_identity::{DeviceName, Handle, InviteLink};
use serde_json::json;

use crate::args::Join;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::place;
use crate::run::Context;
use crate::say::Say;

pub(crate) async fn run(context: &Context, join: Join) -> Outcome {
    let wish = wish(&join)?;
    let place = place::new(&context.global, join.lock, &context.say)?;
    let codes: Codes = Arc::new(Mutex::new(Prompt { stdin: join.code_stdin }));
    let joined = {
        // No spinner while a code may be asked for.
        let _waiting = wish.proof.is_none().then(|| context.say.waiting("Making your account…"));
        hushwire_client::join(&place, &wish, &codes, World::default()).await?
    };
    let account = joined.client.account().await?;
    let recovery = joined.recovery_key.map(|key| key.to_text());
    let object = json!({
        "account": account.account.to_string(),
        "handle": account.handle,
        "device": account.device.to_string(),
        "server": account.server,
        "fingerprint": account.fingerprint.to_string(),
        "recovery_key": recovery.as_ref().map(|text| text.as_str()),
    });
    let told = context.say.data(&object, || {
        let mut text = format!("Welcome, {}.", account.handle);
        if let Some(recovery) = &recovery {
            text.push_str("\n\nYour recovery key. Write it down now: it is not shown again, and it is the only way back if\nyou lose all your devices. Whoever has it can take your account.\n\n  ");
            text.push_str(recovery);
            text.push('\n');
        }
        text
    });
    if told.is_ok() {
        joined.client.forget_recovery_key().await?;
    }
    // The first login uploads what others need to write to this device.
    let link = context.caught_up(&joined.client).await;
    context.close(joined.client).await;
    if matches!(link, hushwire_client::Link::Live) { Ok(Exit::Ok) } else { Err(Failure::of_link(&link)) }
}

fn wish(join: &Join) -> Result<Wish, Failure> {
    let link: InviteLink = join.link.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    let username = join.name.as_deref().map(username).transpose()?;
    let proof = match (&join.phone, &join.email) {
        (Some(phone), _) => {
            Some(proof(phone, "phone number, like +15551234567", |h| matches!(h, Handle::Phone(_)))?)
        }
        (None, Some(email)) => Some(proof(email, "e-mail address", |h| matches!(h, Handle::Email(_)))?),
        (None, None) => None,
    };
    if username.is_none() && proof.is_none() {
        return Err(Failure::usage("say what you would like to be called: --name NAME"));
    }
    let transport = if join.plain { Transport::Plain } else { Transport::Tls };
    Ok(Wish { link, username, proof, device_name: device_name()?, transport })
}

fn username(name: &str) -> Result<Handle, Failure> {
    let text = format!("@{}", name.trim().trim_start_matches('@'));
    text.parse().map_err(|error| Failure::usage(format!("--name: {error}")))
}

fn proof(text: &str, what: &str, fits: impl Fn(&Handle) -> bool) -> Result<Handle, Failure> {
    let handle = text.trim().parse::<Handle>().ok().filter(fits);
    handle.ok_or_else(|| Failure::usage(format!("that is not a {what}")))
}

/// The machine's name, as far as it makes a name of a device.
pub(crate) fn device_name() -> Result<DeviceName, Failure> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host: String = host.chars().filter(|symbol| !symbol.is_control()).take(40).collect();
    host.parse().or_else(|_| "hush".parse()).map_err(|_| Failure::error("this machine's name cannot be used"))
}

struct Prompt {
    stdin: bool,
}

impl CodeSource for Prompt {
    fn code(&mut self, wrong: Option<u32>) -> Result<String, String> {
        if let Some(left) = wrong {
            Say::warn(&format!("that code is wrong; {left} tries left"));
        }
        if !self.stdin && !std::io::stdin().is_terminal() {
            return Err("a code is needed: run hush in a terminal, or give it with --code-stdin".to_owned());
        }
        loop {
            if std::io::stdin().is_terminal() {
                let _ = write!(std::io::stderr(), "Code: ");
                let _ = std::io::stderr().flush();
            }
            let mut line = String::new();
            match std::io::stdin().read_line(&mut line) {
                Ok(0) => return Err("no code was given: nothing was registered".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(format!("the code cannot be read: {error}")),
            }
            let code: String =
                line.chars().filter(|symbol| !symbol.is_whitespace() && *symbol != '-').collect();
            if code.len() == CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit()) {
                return Ok(code);
            }
            // No try is spent on what cannot be a code.
            Say::warn(&format!("a code has {CODE_DIGITS} digits"));
        }
    }
}
