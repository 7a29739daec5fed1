//! Failures as people and programs hear of them: one sentence, and a kind that stays the same over versions.

use std::fmt;

use hushwire_client::{
    BackupError, ClientError, ConnectError, DatabaseOpenError, FileError, JoinError, KeyFileError, Link,
    LinkingError, OpenError, Refusal, Trouble, TroubleKind, account_code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Something that was asked for and not done. `Display` is the sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// What kind it is: programs decide by this.
    pub kind: FaultKind,
    /// One sentence for a person.
    pub sentence: String,
}

/// What kind of failure it is; hush's exit codes are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Something failed.
    Error,
    /// What was asked for makes no sense.
    Usage,
    /// The profile has no account.
    NotRegistered,
    /// The server could not be reached. What was to be sent is kept.
    Network,
    /// A key is not trusted.
    Untrusted,
    /// The server asks to slow down.
    RateLimit,
    /// Nobody has that name.
    UnknownRecipient,
    /// Done for some, not for all.
    Partly,
}

impl Fault {
    /// A failure of this kind.
    pub fn new(kind: FaultKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }

    /// A failure of no special kind.
    pub fn error(sentence: impl fmt::Display) -> Self {
        Self::new(FaultKind::Error, sentence.to_string())
    }

    /// A request that makes no sense.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(FaultKind::Usage, sentence)
    }

    /// What a connection that is not there means for something that needed it.
    #[must_use]
    pub fn of_link(link: &Link) -> Self {
        match link {
            Link::Offline { reason: Some(trouble) } | Link::Ended { reason: trouble } => trouble.into(),
            _ => Self::new(FaultKind::Network, "the server did not answer in time"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Fault {}

/// A sentence with what lies behind it, for errors that keep their source.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = inner.source();
    }
    text
}

impl From<&Trouble> for Fault {
    fn from(trouble: &Trouble) -> Self {
        let kind = match trouble.kind {
            TroubleKind::Network => FaultKind::Network,
            TroubleKind::Untrusted => FaultKind::Untrusted,
            TroubleKind::RateLimit => FaultKind::RateLimit,
            _ => FaultKind::Error,
        };
        Self::new(kind, trouble.text.clone())
    }
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::NotRegistered | OpenError::Database(DatabaseOpenError::Missing { .. }) => {
                FaultKind::NotRegistered
            }
            _ => FaultKind::Error,
        };
        Self::new(kind, whole(&error))
    }
}

impl From<KeyFileError> for Fault {
    fn from(error: KeyFileError) -> Self {
        Self::error(whole(&error))
    }
}

impl From<ClientError> for Fault {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::Refused(refusal) => of_refusal(refusal),
            _ => FaultKind::Error,
        };
        Self::new(kind, whole(&error))
    }
}

fn of_refusal(refusal: &Refusal) -> FaultKind {
    match refusal {
        Refusal::UnknownRecipient(_) => FaultKind::UnknownRecipient,
        Refusal::Offline(_) | Refusal::Unreachable => FaultKind::Network,
        Refusal::Server { retry_after_ms, .. } | Refusal::Refused { retry_after_ms, .. }
            if *retry_after_ms > 0 =>
        {
            FaultKind::RateLimit
        }
        Refusal::AccountChanged(_) | Refusal::Stopped | Refusal::BadKeys(_) => FaultKind::Untrusted,
        Refusal::NotRegistered => FaultKind::NotRegistered,
        Refusal::Empty
        | Refusal::TooLong { .. }
        | Refusal::NameTooLong(_)
        | Refusal::SeveralClaims(_)
        | Refusal::NoName
        | Refusal::TooMuchHistory(_)
        | Refusal::DescriptionTooLong(_) => FaultKind::Usage,
        _ => FaultKind::Error,
    }
}

impl From<JoinError> for Fault {
    fn from(error: JoinError) -> Self {
        if let JoinError::Locked { until: Some(until), account } = &error {
            return Self::error(format!(
                "this number or address has an account already, and its devices were told. Run this command again when one of them has \
                 allowed the account {}, or after {} if none of them was there until then",
                account_code(account),
                Time(*until).local()
            ));
        }
        let kind = match &error {
            JoinError::Connect(ConnectError::Untrusted { .. } | ConnectError::ClearText { .. }) => {
                FaultKind::Untrusted
            }
            JoinError::Connect(_) | JoinError::Lost(_) | JoinError::Silent => FaultKind::Network,
            JoinError::RateLimited { .. } => FaultKind::RateLimit,
            JoinError::NoProof => FaultKind::Usage,
            _ => FaultKind::Error,
        };
        Self::new(kind, whole(&error))
    }
}

impl From<LinkingError> for Fault {
    fn from(error: LinkingError) -> Self {
        let kind = match &error {
            LinkingError::Connect(ConnectError::Untrusted { .. } | ConnectError::ClearText { .. })
            | LinkingError::Foreign => FaultKind::Untrusted,
            LinkingError::Connect(_) | LinkingError::Lost(_) | LinkingError::Silent => FaultKind::Network,
            LinkingError::Client(ClientError::Refused(refusal)) => of_refusal(refusal),
            _ => FaultKind::Error,
        };
        Self::new(kind, whole(&error))
    }
}

impl From<BackupError> for Fault {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Client(error) => error.into(),
            other => Self::error(whole(&other)),
        }
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        Self::error(whole(&error))
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::error(error)
    }
}
