//! Sending, receiving, and both at once.

use std::io::{BufRead, ErrorKind, Read};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use hushwire_classic::Phone;
use hushwire_classic::client::{Arrival, Client, ClientError};
use hushwire_classic::folder::Folder;
use hushwire_classic::message::Text;
use hushwire_content::display;
use hushwire_types::OsEntropy;
use serde_json::json;

use super::{Done, Stream, online};
use crate::args::Classic;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::Context;
use crate::say::Say;

pub(super) fn send(
    context: &Context,
    classic: &Classic,
    folder: &Folder,
    to: Phone,
    text: Option<&str>,
) -> Done<Exit> {
    let text = match text {
        Some(text) => text.to_owned(),
        None => {
            let mut all = String::new();
            std::io::stdin().read_to_string(&mut all).map_err(Failure::from)?;
            all.trim_end_matches(['\n', '\r']).to_owned()
        }
    };
    let text = Text::new(text).map_err(|error| Failure::usage(error.to_string()))?;
    let (mut client, _) = online(context, classic, folder)?;
    let sent = client.send(to, &text, &OsEntropy);
    client.settle()?;
    sent?;
    let _ = context.say.data(&json!({ "to": to.to_string(), "sent": true }), || format!("Sent to {to}."));
    Ok(Exit::Ok)
}

pub(super) fn receive(context: &Context, classic: &Classic, folder: &Folder, follow: bool) -> Done<Exit> {
    let (mut client, _) = online(context, classic, folder)?;
    let mut is_read = drain(context, &mut client)?;
    while follow && is_read {
        is_read = show_next(context, &mut client)?;
    }
    Ok(Exit::Ok)
}

pub(super) fn chat(context: &Context, classic: &Classic, folder: &Folder, with: Phone) -> Done<Exit> {
    let (mut client, _) = online(context, classic, folder)?;
    if !drain(context, &mut client)? {
        return Ok(Exit::Ok);
    }
    context.say.note("Type a line and press Enter to send it; Ctrl-D ends.");
    let lines = typed();
    loop {
        match lines.try_recv() {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => match Text::new(line) {
                Ok(text) => client.send(with, &text, &OsEntropy)?,
                Err(error) => Say::warn(&error.to_string()),
            },
            Err(TryRecvError::Empty) => {
                if !show_next(context, &mut client)? {
                    return Ok(Exit::Ok);
                }
            }
            Err(TryRecvError::Disconnected) => {
                client.settle()?;
                drain(context, &mut client)?;
                return Ok(Exit::Ok);
            }
        }
    }
}

/// Shows all that waits: a server gives the oldest message at each login, and the next of the same sender after it. False
/// when nobody reads any more.
fn drain(context: &Context, client: &mut Client<Stream>) -> Done<bool> {
    while client.has_arrivals() {
        while client.has_arrivals() {
            if !show_next(context, client)? {
                return Ok(false);
            }
        }
        client.login()?;
    }
    Ok(true)
}

/// Shows what comes next, waiting for a moment. False when nobody reads any more.
fn show_next(context: &Context, client: &mut Client<Stream>) -> Done<bool> {
    let received =
        client.receive(|arrival| show(context, arrival).map_err(|()| ErrorKind::BrokenPipe.into()));
    match received {
        Err(ClientError::NotShown(_)) => Ok(false),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(true),
    }
}

fn show(context: &Context, arrival: &Arrival) -> Result<(), ()> {
    match arrival {
        Arrival::Text { sender, text } => {
            let object = json!({ "from": sender.to_string(), "text": text.as_str() });
            context.say.data(&object, || format!("{sender}: {}", display::text(text.as_str()))).map_err(drop)
        }
        Arrival::Unshowable { sender, why } => {
            Say::warn(&format!("something that is said to be from {sender} is not shown: {why}"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Lines from standard input, read on a thread of their own, because a terminal cannot be waited for otherwise.
fn typed() -> Receiver<String> {
    let (line, lines) = sync_channel(16);
    std::thread::spawn(move || {
        for text in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line.send(text).is_err() {
                return;
            }
        }
    });
    lines
}
