//! What is set for everything, what this account says of itself, and people: named, blocked, accepted.

use hushwire_client::{Command, Granted, Setting};
use hushwire_types::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Method, picture};
use crate::desk::{Desk, patience};
use crate::fault::{Fault, FaultKind};
use crate::shape::{Contact, Conversation, SettingsNow};

/// Shows what is set for everything and changes what is named. All devices of the account share it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether others are told what you have read.
    #[serde(default)]
    pub receipts: Option<bool>,
    /// Whether others see that you are writing.
    #[serde(default)]
    pub typing: Option<bool>,
    /// Whether what strangers write, and groups that they add you to, wait until you accept them. Off for bots.
    #[serde(default)]
    pub requests: Option<bool>,
    /// What you call yourself, at most 64 characters; only those you talk with are told.
    #[serde(default)]
    pub name: Option<String>,
    /// A few words about you, at most 500 characters; only those you talk with are told.
    #[serde(default)]
    pub about: Option<String>,
    /// A picture of you, a JPEG, PNG, WebP or GIF file in base64; only those you talk with are shown it, small and without anything
    /// beside its pixels. Empty takes it away.
    #[serde(default)]
    pub picture: Option<String>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for Settings {
    const NAME: &'static str = "settings";
    type Answer = SettingsNow;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<SettingsNow, Fault> {
        let picture = self.picture.as_deref().map(picture::chosen).transpose()?;
        let switches = [
            self.receipts.map(|on| Setting::ReadReceipts { on }),
            self.typing.map(|on| Setting::TypingShown { on }),
            self.requests.map(|on| Setting::Requests { on }),
            picture.map(|picture| Setting::Picture { picture }),
        ];
        for setting in switches.into_iter().flatten() {
            desk.client.command(Command::Set(setting)).await?;
        }
        let (name, about) = desk.client.own_profile().await?.unwrap_or_default();
        if self.name.is_some() || self.about.is_some() {
            let (name, about) = (self.name.unwrap_or(name), self.about.unwrap_or(about));
            desk.client.command(Command::Set(Setting::Profile { name, about })).await?;
        }
        desk.tell_own_devices(patience(self.timeout_s)).await?;
        let words = desk.client.own_profile().await?.unwrap_or_default();
        let has_picture = desk.client.own_picture().await?.is_some();
        Ok(SettingsNow::new(desk.client.settings().await?, words, has_picture))
    }
}

/// Declares a method about one person: what more there is to say, and what is done about their account.
macro_rules! about_a_person {
    (
        $(#[$about:meta])*
        $name:ident $method:literal { $($(#[$field_about:meta])* $field:ident: $type:ty,)* }
        |$this:ident, $account:ident| $command:expr
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Who: @name, phone number, e-mail address, account id, or what you call them.
            pub who: String,
            $($(#[$field_about])* pub $field: $type,)*
            /// How long to wait for the server, in seconds.
            #[serde(default)]
            pub timeout_s: Option<u64>,
        }

        impl Method for $name {
            const NAME: &'static str = $method;
            type Answer = Contact;

            fn timeout_s(&self) -> Option<u64> {
                self.timeout_s
            }

            async fn carry_out(self, desk: &Desk) -> Result<Contact, Fault> {
                let $this = self;
                let $account = desk.person(&$this.who, patience($this.timeout_s)).await?;
                let command: Option<Command> = $command;
                if let Some(command) = command {
                    desk.client.command(command).await?;
                    desk.tell_own_devices(patience($this.timeout_s)).await?;
                }
                contact(desk, $account, &$this.who).await
            }
        }
    };
}

about_a_person! {
    /// Adds somebody to the contacts, whom the server is asked about where this profile does not know them.
    AddContact "contact.add" {} |_add, account| None
}

about_a_person! {
    /// Gives a contact a name of your own. Only your devices know it.
    NameContact "contact.name" {
        /// The name, at most 64 characters; none takes it away.
        #[serde(default)]
        name: Option<String>,
    } |called, account| {
        let name = called.name.clone().filter(|name| !name.is_empty());
        Some(Command::Name { account, name })
    }
}

about_a_person! {
    /// Blocks somebody: nothing that they send is shown, and nothing is sent to them. They are not told.
    BlockContact "contact.block" {} |_block, account| {
        Some(Command::Set(Setting::Blocked { account, on: true }))
    }
}

about_a_person! {
    /// Lets somebody write again who was blocked.
    UnblockContact "contact.unblock" {} |_unblock, account| {
        Some(Command::Set(Setting::Blocked { account, on: false }))
    }
}

async fn contact(desk: &Desk, account: AccountId, who: &str) -> Result<Contact, Fault> {
    let all = desk.client.contacts().await?;
    let found = all.iter().find(|contact| contact.person.account == account);
    found.map(Contact::from).ok_or_else(|| {
        Fault::new(FaultKind::UnknownRecipient, format!("{who} is no contact of this profile"))
    })
}

/// Lists what waits for you to accept it: messages of strangers, and groups that strangers have added you to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRequests {}

impl Method for ListRequests {
    const NAME: &'static str = "request.list";
    type Answer = Vec<Conversation>;

    async fn carry_out(self, desk: &Desk) -> Result<Vec<Conversation>, Fault> {
        let now = desk.client.now();
        let all = desk.client.conversations().await?;
        let waiting = all.iter().filter(|conversation| conversation.request);
        Ok(waiting.map(|conversation| Conversation::of(conversation, now)).collect())
    }
}

about_a_conversation! {
    /// Accepts what a stranger wrote, or a group that one has added you to. Its author is told that you have it from then on.
    AcceptRequest "request.accept" -> super::Done {} |accept, desk, conversation| {
        desk.client.command(Command::Accept { conversation }).await?;
        super::message::all_sent(desk, conversation, "accepted", patience(accept.timeout_s)).await
    }
}

about_a_conversation! {
    /// Declines it: the messages go, a group is left. A stranger is not told.
    DeclineRequest "request.decline" -> super::Done {} |decline, desk, conversation| {
        let patience = patience(decline.timeout_s);
        let why = match desk.client.decline(conversation, patience).await? {
            Granted::Done => None,
            Granted::Waiting => Some(desk.standing().fault()),
            Granted::Refused { reason } => return Err(Fault::error(reason)),
        };
        desk.tell_own_devices(patience).await?;
        Ok(super::Done { done: "declined".to_owned(), sent: why.is_none(), why })
    }
}
