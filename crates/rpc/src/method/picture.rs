//! Small pictures of people and groups.

use data_encoding::BASE64;
use hushwire_client::{Granted, Picture, limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Method;
use crate::desk::{Desk, patience};
use crate::fault::Fault;

/// Shows the picture that somebody has shown you.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactPicture {
    /// Who: @name, phone number, e-mail address, account id, or what you call them.
    pub who: String,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// A JPEG in base64 that can be opened; none where there is none.
    pub picture: Option<String>,
}

impl Method for ContactPicture {
    const NAME: &'static str = "contact.picture";
    type Answer = Shown;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Shown, Fault> {
        let account = desk.person(&self.who, patience(self.timeout_s)).await?;
        Ok(Shown { picture: shown(desk.client.picture_of(account).await?) })
    }
}

/// Shows the picture of a group, after giving it one or taking it away.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupPicture {
    /// The group's name or id.
    pub group: String,
    /// A JPEG, PNG, WebP or GIF file in base64, which becomes the group's picture, small and without anything beside its pixels; empty takes
    /// the picture away; nothing leaves it as it is.
    #[serde(default)]
    pub set: Option<String>,
    /// How long to wait for the group, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// The picture of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupShown {
    /// The group's id.
    pub id: String,
    /// Whether it has one. Who came into the group a moment ago may wait for the picture itself.
    pub has_picture: bool,
    /// A JPEG in base64 that can be opened; none where it is not here.
    pub picture: Option<String>,
    /// Why what was asked for is not so yet: it is kept here, and comes true when the server can be reached.
    pub waiting: Option<Fault>,
}

impl Method for GroupPicture {
    const NAME: &'static str = "group.picture";
    type Answer = GroupShown;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<GroupShown, Fault> {
        let wanted = self.set.as_deref().map(chosen).transpose()?;
        let id = desk.group(&self.group).await?.id;
        let mut waiting = None;
        if let Some(wanted) = wanted {
            match desk.client.set_group_picture(id, wanted, patience(self.timeout_s)).await? {
                Granted::Done => {}
                Granted::Waiting => waiting = Some(desk.standing().fault()),
                Granted::Refused { reason } => return Err(Fault::error(reason)),
            }
        }
        let has_picture = desk.client.group(id).await?.is_some_and(|group| group.picture);
        let picture = shown(desk.client.group_picture(id).await?);
        Ok(GroupShown { id: id.to_string(), has_picture, picture, waiting })
    }
}

/// What somebody chose, made small; none where it is to be taken away.
pub(super) fn chosen(base64: &str) -> Result<Option<Picture>, Fault> {
    if base64.is_empty() {
        return Ok(None);
    }
    let file = BASE64.decode(base64.as_bytes()).map_err(|_| Fault::usage("the picture is not in base64"))?;
    let small = hushwire_picture::shrink(&file, limits::PICTURE_BYTES);
    let small = small.map_err(|unfit| Fault::usage(unfit.to_string()))?;
    Picture::new(small).map(Some).map_err(|invalid| Fault::error(invalid.to_string()))
}

/// What somebody sent, if it can be opened.
fn shown(picture: Option<Picture>) -> Option<String> {
    let picture = picture.filter(|picture| hushwire_picture::check(picture.as_bytes()).is_ok())?;
    Some(BASE64.encode(picture.as_bytes()))
}
