//! `hush device`: this account's devices.

use hushwire_content::display;
use hushwire_rpc::Profile;
use hushwire_rpc::method::{self, HistoryFetched};
use hushwire_rpc::shape::{Device, Devices};
use serde_json::json;

use crate::args::DeviceCommand;
use crate::command::link::{are_the_same, not_the_same};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;

pub(crate) async fn run(context: &Context, command: DeviceCommand) -> Outcome {
    context.with_profile(async |profile| carry_out(context, profile, command).await).await
}

async fn carry_out(context: &Context, profile: &Profile, command: DeviceCommand) -> Outcome {
    let timeout_s = context.timeout_s();
    match command {
        DeviceCommand::List => {
            let devices = {
                let _waiting = context.say.waiting("Waiting for the server…");
                profile.call(method::ListDevices { timeout_s }).await?
            };
            Ok(list(context, &devices))
        }
        DeviceCommand::Approve { code, no_wait } => let_in(context, profile, code, !no_wait).await,
        DeviceCommand::History { from } => {
            let fetched = {
                let _waiting = context.say.waiting("Getting the past…");
                profile.call(method::FetchHistory { from, timeout_s }).await?
            };
            Ok(tell_of_history(context, &fetched))
        }
        DeviceCommand::Rename { device, name } => {
            let devices = profile.call(method::RenameDevice { device, name, timeout_s }).await?;
            Ok(list(context, &devices))
        }
        DeviceCommand::Revoke { device } => {
            let revoked = {
                let _waiting = context.say.waiting("Taking it out of your conversations…");
                profile.call(method::RevokeDevice { device, timeout_s }).await?
            };
            tell_of_unsettled(context, revoked.unsettled);
            let words = || {
                let name = display::line(&revoked.name);
                format!("\"{name}\" is put out: it cannot log in and reads nothing more.")
            };
            let _ = context.say.data(&json!({ "revoked": revoked.revoked }), words);
            Ok(Exit::Ok)
        }
    }
}

fn list(context: &Context, devices: &Devices) -> Exit {
    for device in &devices.devices {
        if context.say.data(device, || line(device)).is_err() {
            return Exit::Ok;
        }
    }
    if !devices.fresh {
        context.say.note("The server cannot be reached: there may be newer devices.");
    }
    Exit::Ok
}

fn line(device: &Device) -> String {
    let what = match (device.this, device.active) {
        (true, _) => "  this device",
        (false, true) => "",
        (false, false) => "  put out",
    };
    format!("{}  {}{what}", device.device, display::line(&device.name))
}

async fn let_in(context: &Context, profile: &Profile, code: String, hand_over: bool) -> Outcome {
    let timeout_s = context.timeout_s();
    let found = {
        let _waiting = context.say.waiting("Looking for the new device…");
        profile.call(method::ApproveDevice { code, timeout_s }).await?
    };
    let shown = json!({ "digits": found.digits, "device_name": found.device_name });
    let asked = || {
        let name = display::line(&found.device_name);
        format!("A device that calls itself \"{name}\" wants in.\n\n  {}\n", found.digits)
    };
    let same = context.say.data(&shown, asked).is_ok() && are_the_same().await?;
    let decided = {
        let _waiting = context.say.waiting("Bringing it into your conversations, and the past to it…");
        let approval = found.approval;
        profile.call(method::ConfirmDevice { approval, same, hand_over, timeout_s }).await
    };
    if !same {
        return Err(not_the_same());
    }
    let decided = decided?;
    tell_of_unsettled(context, decided.unsettled);
    let words = || format!("\"{}\" is a device of yours now.", display::line(&decided.added));
    let _ = context.say.data(&json!({ "added": decided.added, "has_past": decided.has_past }), words);
    if hand_over && !decided.has_past {
        context.say.note("It has not all of the past yet: that goes on while this device and it are online.");
    }
    Ok(Exit::Ok)
}

/// How far the past is here.
pub(crate) fn tell_of_history(context: &Context, fetched: &HistoryFetched) -> Exit {
    let words = || match (fetched.whole, fetched.percent) {
        (true, _) => format!("The past is here: {} messages were new.", fetched.messages),
        (false, Some(percent)) => format!("{percent} percent of the past is here."),
        (false, None) => "No device of yours has answered yet.".to_owned(),
    };
    let _ = context.say.data(&json!({ "history": fetched }), words);
    if !fetched.whole {
        context.say.note("It goes on while this device and another one of yours are online.");
    }
    Exit::Ok
}

fn tell_of_unsettled(context: &Context, unsettled: usize) {
    if unsettled > 0 {
        context.say.note(&format!(
            "{unsettled} conversations are not done yet: they follow while a device of yours is online."
        ));
    }
}
