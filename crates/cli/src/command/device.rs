//! `hush device`: this account's devices.

use hushwire_client::view::Device;
use hushwire_client::{Client, Command, approve};
use hushwire_content::display;
use serde_json::{Value, json};

use crate::args::DeviceCommand;
use crate::command::link::{PEOPLE, are_the_same, not_the_same};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

pub(crate) async fn run(context: &Context, command: DeviceCommand) -> Outcome {
    let client = context.open()?;
    let done = match command {
        DeviceCommand::List => list(context, &client).await,
        DeviceCommand::Approve { code } => let_in(context, &client, &code).await,
        DeviceCommand::Rename { device, name } => rename(context, &client, &device, &name).await,
        DeviceCommand::Revoke { device } => revoke(context, &client, &device).await,
    };
    context.close(client).await;
    done
}

/// What this device knows, and what the server tells it meanwhile where it can be reached.
async fn list(context: &Context, client: &Client) -> Outcome {
    let stands = context.caught_up(client).await;
    for device in client.devices().await?.all {
        if context.say.data(&object(&device), || line(&device)).is_err() {
            return Ok(Exit::Ok);
        }
    }
    if !matches!(stands, hushwire_client::Link::Live) {
        context.say.note("The server cannot be reached: there may be newer devices.");
    }
    Ok(Exit::Ok)
}

fn object(device: &Device) -> Value {
    json!({
        "device": device.id.to_string(), "name": device.name, "this": device.this, "active": device.active,
        "number": device.added.0,
    })
}

fn line(device: &Device) -> String {
    let what = match (device.this, device.active) {
        (true, _) => "  this device",
        (false, true) => "",
        (false, false) => "  put out",
    };
    format!("{}  {}{what}", device.id, display::line(&device.name))
}

async fn online(context: &Context, client: &Client) -> Result<(), Failure> {
    match context.caught_up(client).await {
        hushwire_client::Link::Live => Ok(()),
        stands => Err(Failure::of_link(&stands)),
    }
}

async fn let_in(context: &Context, client: &Client, code: &str) -> Outcome {
    online(context, client).await?;
    let mut approving = {
        let _waiting = context.say.waiting("Looking for the new device…");
        approve(client, code, PEOPLE).await?
    };
    let (name, digits) = (approving.name().clone(), approving.digits.clone());
    let shown = json!({ "digits": digits, "device_name": name.as_str() });
    let asked = || {
        format!("A device that calls itself \"{}\" wants in.\n\n  {digits}\n", display::line(name.as_str()))
    };
    if context.say.data(&shown, asked).is_err() {
        return Ok(Exit::Ok);
    }
    if !approving.hold(are_the_same()).await?? {
        return Err(not_the_same());
    }
    {
        let _waiting = context.say.waiting("Waiting for the new device…");
        approving.add(PEOPLE).await?;
    }
    settle(context, client, "Bringing it into your conversations…").await?;
    let added = json!({ "added": name.as_str() });
    let _ = context
        .say
        .data(&added, || format!("\"{}\" is a device of yours now.", display::line(name.as_str())));
    Ok(Exit::Ok)
}

async fn rename(context: &Context, client: &Client, device: &str, name: &str) -> Outcome {
    let name = name.parse().map_err(|_| Failure::usage("that name cannot be used for a device"))?;
    online(context, client).await?;
    let device = find(client, device).await?;
    client.command(Command::RenameDevice { device: device.id, name }).await?;
    list(context, client).await
}

async fn revoke(context: &Context, client: &Client, device: &str) -> Outcome {
    online(context, client).await?;
    let device = find(client, device).await?;
    client.command(Command::RevokeDevice { device: device.id }).await?;
    settle(context, client, "Taking it out of your conversations…").await?;
    let words = || {
        format!("\"{}\" is put out: it cannot log in and reads nothing more.", display::line(&device.name))
    };
    let _ = context.say.data(&json!({ "revoked": device.id.to_string() }), words);
    Ok(Exit::Ok)
}

/// The one active device that is meant.
async fn find(client: &Client, wanted: &str) -> Result<Device, Failure> {
    let all = client.devices().await?.all;
    let fits = |device: &&Device| {
        device.active && (device.name == wanted || device.id.to_string().starts_with(&wanted.to_lowercase()))
    };
    let mut found: Vec<&Device> = all.iter().filter(fits).collect();
    match (found.pop(), found.len()) {
        (Some(device), 0) => Ok(device.clone()),
        (Some(_), _) => {
            Err(Failure::usage(format!("several devices are meant by {wanted}: give more of the id")))
        }
        (None, _) => Err(Failure::usage(format!("you have no device {wanted}: hush device list shows them"))),
    }
}

/// Waits until all conversations have the devices that they should have.
async fn settle(context: &Context, client: &Client, for_what: &str) -> Result<(), Failure> {
    let _waiting = context.say.waiting(for_what);
    let mut changes = client.changes(client.last_change().await?);
    let all = async {
        while client.unsettled().await? > 0 {
            // Every Commit is a line in its conversation; where nothing can be done there is none, and the time is up.
            changes.next().await?;
        }
        Ok::<_, Failure>(())
    };
    if let Ok(done) = tokio::time::timeout(context.patience(), all).await {
        return done;
    }
    let left = client.unsettled().await?;
    context.say.note(&format!(
        "{left} conversations are not done yet: they follow while a device of yours is online."
    ));
    Ok(())
}
