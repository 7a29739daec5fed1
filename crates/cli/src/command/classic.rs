//! `hush classic`: the original program's protocol, over a folder of its client.

mod password;
mod stream;
mod talk;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use hushwire_classic::client::{Client, ClientError, Connection};
use hushwire_classic::folder::{Folder, FolderError};
use hushwire_classic::{Otp, Phone};
use hushwire_rpc::FaultKind;
use serde_json::json;

use self::stream::Stream;
use crate::args::{Classic, ClassicCommand};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;
use crate::say::Say;

/// How long a read of the socket waits at most.
pub(super) const TICK: Duration = Duration::from_millis(100);

pub(crate) fn run(context: &Context, classic: &Classic) -> Outcome {
    carry_out(context, classic).map_err(|Stopped(failure)| failure)
}

fn carry_out(context: &Context, classic: &Classic) -> Done<Exit> {
    let folder = Folder::new(&classic.dir);
    match &classic.command {
        ClassicCommand::Register { phone, unprotected, code_stdin } => {
            let protect = if *unprotected { password::Wish::None } else { password::Wish::Choose };
            register(context, classic, &folder, number(phone)?, protect, *code_stdin)
        }
        ClassicCommand::Login => {
            let (mut client, phone) = online(context, classic, &folder)?;
            client.settle()?;
            let object = json!({ "phone": phone.to_string(), "online": true });
            let _ = context.say.data(&object, || format!("{phone} is let in."));
            Ok(Exit::Ok)
        }
        ClassicCommand::Send { to, text } => {
            talk::send(context, classic, &folder, number(to)?, text.as_deref())
        }
        ClassicCommand::Receive { follow } => talk::receive(context, classic, &folder, *follow),
        ClassicCommand::Chat { with } => talk::chat(context, classic, &folder, number(with)?),
        ClassicCommand::Protect => protect(context, &folder),
    }
}

fn number(text: &str) -> Result<Phone, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("{text:?} is {error}")))
}

fn register(
    context: &Context,
    classic: &Classic,
    folder: &Folder,
    phone: Phone,
    protect: password::Wish,
    code_stdin: bool,
) -> Done<Exit> {
    folder.must_be_free()?;
    // Without the server's key no answer of it could be believed.
    let server = folder.server_key()?;
    let began_before = folder.has_keys();
    let password = match folder.needs_password() {
        Ok(true) => Some(password::ask(&context.global, password::Asking::Open)?),
        Ok(false) => None,
        Err(_) => password::wanted(&context.global, protect)?,
    };
    let keys = {
        let _waiting = context.say.waiting("Making your keys…");
        folder.keys_for_registration(password.as_ref())?
    };
    let mut connection = connect(context, classic, folder, phone)?;
    match connection.register() {
        // Cut off after the server had the keys: all that is missing is the note of it.
        Err(ClientError::RegistrationRefused) if began_before => match connection
            .is_account_of(&keys, &server)
        {
            Ok(true) => {}
            Ok(false) | Err(ClientError::LoginRefused) => return Err(ClientError::RegistrationRefused.into()),
            Err(error) => return Err(error.into()),
        },
        otp => {
            let otp = given_or_asked(context, otp?, code_stdin)?;
            connection.confirm(otp)?;
            connection.send_keys(&keys)?;
        }
    }
    folder.write_phone(phone)?;
    let object = json!({ "phone": phone.to_string(), "dir": classic.dir.display().to_string() });
    let _ = context.say.data(&object, || format!("{phone} is registered."));
    Ok(Exit::Ok)
}

fn given_or_asked(context: &Context, given: Option<Otp>, code_stdin: bool) -> Result<Otp, Failure> {
    let Some(otp) = given else { return code(code_stdin) };
    context.say.note("The server gives codes to whoever asks: anybody can register any number there.");
    Ok(otp)
}

fn code(from_stdin: bool) -> Result<Otp, Failure> {
    let is_terminal = std::io::stdin().is_terminal();
    if !from_stdin && !is_terminal {
        return Err(Failure::error("a code is needed: run hush in a terminal, or give it with --code-stdin"));
    }
    loop {
        if is_terminal {
            let _ = write!(std::io::stderr(), "Code: ");
            let _ = std::io::stderr().flush();
        }
        let mut line = String::new();
        if std::io::stdin().read_line(&mut line)? == 0 {
            return Err(Failure::error("no code was given: nothing was registered"));
        }
        match line.trim().parse() {
            Ok(otp) => return Ok(otp),
            // No try is spent on what cannot be a code.
            Err(error) => Say::warn(&format!("that is {error}")),
        }
    }
}

fn protect(context: &Context, folder: &Folder) -> Done<Exit> {
    let password = match folder.needs_password()? {
        true => Some(password::ask(&context.global, password::Asking::Open)?),
        false => None,
    };
    let keys = folder.private_keys(password.as_ref())?;
    let new = password::choose(&context.global, password.is_some())?;
    folder.write_keys(&keys, Some(&new))?;
    context
        .say
        .note("The private keys are encrypted. Copies of the plain ones, in backups for example, are not.");
    Ok(Exit::Ok)
}

fn connect(context: &Context, classic: &Classic, folder: &Folder, phone: Phone) -> Done<Connection<Stream>> {
    let waiting = folder.waiting()?;
    let stream = Stream::open(&classic.server, classic.tls_certificate.as_deref(), context.patience())?;
    let ticks = context.patience().as_millis() / TICK.as_millis();
    Ok(Connection::new(stream, phone, u32::try_from(ticks).unwrap_or(u32::MAX), waiting))
}

/// A client of the folder that the server has let in.
fn online(context: &Context, classic: &Classic, folder: &Folder) -> Done<(Client<Stream>, Phone)> {
    let phone = folder.phone()?;
    let password = match folder.needs_password()? {
        true => Some(password::ask(&context.global, password::Asking::Open)?),
        false => None,
    };
    let keys = folder.private_keys(password.as_ref())?;
    let connection = connect(context, classic, folder, phone)?;
    let mut client = Client::new(connection, folder, keys)?;
    client.login()?;
    Ok((client, phone))
}

/// A failure with the kinds of this protocol in it: neither those nor [`Failure`] are this crate's own.
struct Stopped(Failure);

type Done<T> = Result<T, Stopped>;

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<FolderError> for Stopped {
    fn from(error: FolderError) -> Self {
        let kind = match &error {
            FolderError::NotRegistered { .. } => FaultKind::NotRegistered,
            _ => FaultKind::Error,
        };
        Self(Failure::new(kind, error.to_string()))
    }
}

impl From<ClientError> for Stopped {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::Connection(_) | ClientError::Silent => FaultKind::Network,
            ClientError::ForgedKeys { .. } | ClientError::ChangedKeys(_) => FaultKind::Untrusted,
            ClientError::UnknownPhone(_) => FaultKind::UnknownRecipient,
            ClientError::LoginRefused => FaultKind::NotRegistered,
            _ => FaultKind::Error,
        };
        Self(Failure::new(kind, error.to_string()))
    }
}
