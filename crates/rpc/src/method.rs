//! Methods: what can be asked of a profile, one type each, and the list of all.

#[macro_use]
mod macros;

mod asks;
mod conversation;
mod device;
mod events;
mod group;
mod handles;
mod look;
mod message;
mod past;
mod picture;
mod poll;
mod report;
mod running;
mod send;
mod settings;
mod verify;

use std::future::Future;
use std::pin;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::desk::Desk;
use crate::fault::Fault;

pub use asks::{AdmitToGroup, JoinGroup, LinkGroup, LinkedGroup, RefuseInGroup};
pub use conversation::{SetConversation, ShowConversation, Told};
pub use device::{
    ApproveDevice, ConfirmDevice, Decided, Digits, FetchHistory, HistoryFetched, ListDevices, NOT_THE_SAME,
    RenameDevice, RevokeDevice, Revoked,
};
pub(crate) use events::start as events_start;
pub use events::{Ack, Acked, GetEvents, Subscribe, Subscribed, Sync, Unsubscribe, Unsubscribed};
pub use group::{
    AddToGroup, AllowInGroup, ChangedGroup, CreateGroup, DescribeGroup, LeaveGroup, ListGroups, MadeGroup,
    RemoveFromGroup, RenameGroup, SetRole, ShowGroup,
};
pub use handles::{AllowClaim, DecidedClaim, ListHandles, RefuseClaim};
pub use look::{Contacts, Conversations, FindConversation, History, Page, Whoami};
pub use message::{
    Delete, Done, Edit, Flush, Forward, Pin, Pinned, React, Read, Reply, SendCard, Star, Starred, Typing,
    TypingTold, Unpin, Unstar,
};
pub use past::{
    BackupMade, BackupRestored, CreateBackup, Export, ExportPage, RestoreBackup, Search,
    opener as backup_opener,
};
pub use picture::{ContactPicture, GroupPicture, GroupShown, Shown};
pub use poll::{AskPoll, ClosePoll, Vote};
pub use report::{ListReports, ReportContact, Reported};
pub use running::{DaemonStatus, Status, Stop, Stopped};
pub use send::{Fate, FateState, Send, Sent, Until};
pub use settings::{
    AcceptRequest, AddContact, BlockContact, DeclineRequest, ListRequests, NameContact, Settings,
    UnblockContact,
};
pub use verify::{Decision, Verify};

/// Something that can be asked of a profile. The implementing type is the parameters; its doc comment describes the method.
pub trait Method: Serialize + DeserializeOwned + JsonSchema + std::marker::Send + 'static {
    /// Its name: the words of the command that does the same, with dots.
    const NAME: &'static str;
    /// What it answers with.
    type Answer: Serialize + DeserializeOwned + JsonSchema + std::marker::Send;

    /// Does it.
    fn carry_out(self, desk: &Desk) -> impl Future<Output = Result<Self::Answer, Fault>> + std::marker::Send;

    /// How long it may wait before it answers, in seconds; none for the usual time.
    fn timeout_s(&self) -> Option<u64> {
        None
    }
}

/// All methods. One line here makes a method known to every transport, to the schema and to the tests.
pub const METHODS: &[Entry] = &[
    Entry::of::<Send>(),
    Entry::of::<Reply>(),
    Entry::of::<React>(),
    Entry::of::<Edit>(),
    Entry::of::<Delete>(),
    Entry::of::<Read>(),
    Entry::of::<Typing>(),
    Entry::of::<Forward>(),
    Entry::of::<SendCard>(),
    Entry::of::<Pin>(),
    Entry::of::<Unpin>(),
    Entry::of::<Pinned>(),
    Entry::of::<Star>(),
    Entry::of::<Unstar>(),
    Entry::of::<Starred>(),
    Entry::of::<AskPoll>(),
    Entry::of::<Vote>(),
    Entry::of::<ClosePoll>(),
    Entry::of::<Flush>(),
    Entry::of::<Conversations>(),
    Entry::of::<FindConversation>(),
    Entry::of::<ShowConversation>(),
    Entry::of::<SetConversation>(),
    Entry::of::<ListRequests>(),
    Entry::of::<AcceptRequest>(),
    Entry::of::<DeclineRequest>(),
    Entry::of::<Contacts>(),
    Entry::of::<AddContact>(),
    Entry::of::<NameContact>(),
    Entry::of::<BlockContact>(),
    Entry::of::<UnblockContact>(),
    Entry::of::<ContactPicture>(),
    Entry::of::<ReportContact>(),
    Entry::of::<ListReports>(),
    Entry::of::<Settings>(),
    Entry::of::<Whoami>(),
    Entry::of::<History>(),
    Entry::of::<Search>(),
    Entry::of::<Export>(),
    Entry::of::<CreateBackup>(),
    Entry::of::<RestoreBackup>(),
    Entry::of::<Verify>(),
    Entry::of::<ListHandles>(),
    Entry::of::<AllowClaim>(),
    Entry::of::<RefuseClaim>(),
    Entry::of::<CreateGroup>(),
    Entry::of::<ListGroups>(),
    Entry::of::<ShowGroup>(),
    Entry::of::<AddToGroup>(),
    Entry::of::<RemoveFromGroup>(),
    Entry::of::<SetRole>(),
    Entry::of::<RenameGroup>(),
    Entry::of::<DescribeGroup>(),
    Entry::of::<GroupPicture>(),
    Entry::of::<AllowInGroup>(),
    Entry::of::<LinkGroup>(),
    Entry::of::<JoinGroup>(),
    Entry::of::<AdmitToGroup>(),
    Entry::of::<RefuseInGroup>(),
    Entry::of::<LeaveGroup>(),
    Entry::of::<ListDevices>(),
    Entry::of::<ApproveDevice>(),
    Entry::of::<ConfirmDevice>(),
    Entry::of::<FetchHistory>(),
    Entry::of::<RenameDevice>(),
    Entry::of::<RevokeDevice>(),
    Entry::of::<GetEvents>(),
    Entry::of::<Subscribe>(),
    Entry::of::<Unsubscribe>(),
    Entry::of::<Ack>(),
    Entry::of::<Sync>(),
    Entry::of::<Status>(),
    Entry::of::<Stop>(),
];

/// A future that is kept on the heap.
pub(crate) type Boxed<'a, T> = pin::Pin<Box<dyn Future<Output = T> + std::marker::Send + 'a>>;

/// A method, whatever its types.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    call: for<'a> fn(&'a Desk, Value) -> Boxed<'a, Result<Value, CallError>>,
    /// The schema of its parameters.
    pub(crate) params: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of its answer.
    pub(crate) answer: fn(&mut SchemaGenerator) -> Schema,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The parameters do not fit.
    #[error("{0}")]
    Params(String),
    /// The method did not do it.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Entry {
    /// The entry of a method.
    pub(crate) const fn of<M: Method>() -> Self {
        Self {
            name: M::NAME,
            call: call::<M>,
            params: |generator| M::json_schema(generator),
            answer: |generator| generator.subschema_for::<M::Answer>(),
        }
    }

    /// The method of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|entry| entry.name == name)
    }

    /// Calls it with an object of parameters.
    pub(crate) fn call<'a>(&self, desk: &'a Desk, params: Value) -> Boxed<'a, Result<Value, CallError>> {
        (self.call)(desk, params)
    }
}

fn call<M: Method>(desk: &Desk, params: Value) -> Boxed<'_, Result<Value, CallError>> {
    Box::pin(async move {
        let params: M =
            serde_json::from_value(params).map_err(|error| CallError::Params(error.to_string()))?;
        let answer = params.carry_out(desk).await?;
        serde_json::to_value(answer).map_err(|error| Fault::error(error).into())
    })
}
