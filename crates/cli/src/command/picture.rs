//! Pictures of people and groups: out of a file, and into one.

use std::io::Write;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use hushwire_client::{Draft, World};
use hushwire_content::{display, limits};
use hushwire_rpc::method::{ContactPicture, GroupPicture};
use hushwire_rpc::{FaultKind, Profile, picture};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

/// A picture out of a file, small and in base64: a photo as it is would be too long for a request.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(FaultKind::Usage, format!("{} cannot be used: {error}", path.display()))
    };
    let length = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if length > u64::try_from(picture::FILE_BYTES).unwrap_or(u64::MAX) {
        return Err(unreadable(&picture::Unfit::TooLarge));
    }
    let file = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let small = picture::shrink(&file, limits::PICTURE_BYTES).map_err(|unfit| unreadable(&unfit))?;
    Ok(BASE64.encode(&small))
}

pub(super) async fn of_contact(context: &Context, profile: &Profile, who: String, to: &Path) -> Outcome {
    let timeout_s = context.timeout_s();
    let shown = profile.call(ContactPicture { who: who.clone(), timeout_s }).await?;
    let nothing = || format!("{} has shown you no picture", display::line(&who));
    write(context, shown.picture.ok_or_else(|| Failure::error(nothing()))?, to)
}

/// What is asked about a group's picture.
pub(super) struct Wanted {
    pub(super) group: String,
    pub(super) set: Option<PathBuf>,
    pub(super) remove: bool,
    pub(super) to: Option<PathBuf>,
}

pub(super) async fn of_group(context: &Context, profile: &Profile, wanted: Wanted) -> Outcome {
    let Wanted { group, set, remove, to } = wanted;
    let set = match set {
        Some(file) => Some(read(&file)?),
        None => remove.then(String::new),
    };
    let timeout_s = context.timeout_s();
    let now = {
        let _waiting = context.say.waiting("Waiting for the group…");
        profile.call(GroupPicture { group: group.clone(), set, timeout_s }).await?
    };
    if let Some(why) = now.waiting {
        context.say.note("The change is kept and will be made the next time hush is online.");
        return Err(why);
    }
    let name = display::line(&group).into_owned();
    match (to, now.picture) {
        (Some(to), Some(jpeg)) => write(context, jpeg, &to),
        (Some(_), None) if now.has_picture => {
            Err(Failure::error(format!("the picture of {name} is not here yet: try again in a minute")))
        }
        (Some(_), None) => Err(Failure::error(format!("{name} has no picture"))),
        (None, _) => {
            let told = if now.has_picture { "has a picture" } else { "has no picture" };
            let data = json!({ "id": now.id, "picture": now.has_picture });
            let _ = context.say.data(&data, || format!("{name} {told}"));
            Ok(Exit::Ok)
        }
    }
}

fn write(context: &Context, base64: String, to: &Path) -> Outcome {
    let jpeg = BASE64.decode(base64.as_bytes()).map_err(|_| Failure::error("the picture is damaged"))?;
    let mut draft = Draft::create(to, &*World::default().entropy)?;
    draft.write_all(&jpeg)?;
    draft.finish()?;
    let done = json!({ "file": to, "bytes": jpeg.len() });
    let _ = context.say.data(&done, || format!("picture written to {}", to.display()));
    Ok(Exit::Ok)
}
