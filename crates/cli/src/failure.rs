//! Failures as a person hears of them: one sentence, and an exit code for scripts.

use hushwire_client::{
    ClientError, ConnectError, JoinError, KeyFileError, Link, LinkingError, OpenError, Refusal, Trouble,
    TroubleKind, account_code,
};

use crate::exit::Exit;
use crate::when;

/// A command that did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) sentence: String,
}

/// What commands return.
pub(crate) type Outcome = Result<Exit, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into() }
    }

    pub(crate) fn error(sentence: impl std::fmt::Display) -> Self {
        Self::new(Exit::Error, sentence.to_string())
    }

    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }

    /// What a connection that is not there means for a command that needed it.
    pub(crate) fn of_link(link: &Link) -> Self {
        match link {
            Link::Offline { reason: Some(trouble) } | Link::Ended { reason: trouble } => trouble.into(),
            _ => Self::new(Exit::Network, "the server did not answer in time"),
        }
    }
}

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

impl From<&Trouble> for Failure {
    fn from(trouble: &Trouble) -> Self {
        let exit = match trouble.kind {
            TroubleKind::Network => Exit::Network,
            TroubleKind::Untrusted => Exit::Untrusted,
            TroubleKind::RateLimit => Exit::RateLimit,
            _ => Exit::Error,
        };
        Self::new(exit, trouble.text.clone())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let exit = match &error {
            OpenError::NotRegistered
            | OpenError::Database(hushwire_client::DatabaseOpenError::Missing { .. }) => Exit::NotRegistered,
            _ => Exit::Error,
        };
        Self::new(exit, whole(&error))
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        Self::error(whole(&error))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Refused(refusal) => of_refusal(refusal),
            _ => Exit::Error,
        };
        Self::new(exit, whole(&error))
    }
}

fn of_refusal(refusal: &Refusal) -> Exit {
    match refusal {
        Refusal::UnknownRecipient(_) => Exit::UnknownRecipient,
        Refusal::Offline(_) | Refusal::Unreachable => Exit::Network,
        Refusal::Server { retry_after_ms, .. } | Refusal::Refused { retry_after_ms, .. }
            if *retry_after_ms > 0 =>
        {
            Exit::RateLimit
        }
        Refusal::AccountChanged(_) | Refusal::Stopped | Refusal::BadKeys(_) => Exit::Untrusted,
        Refusal::NotRegistered => Exit::NotRegistered,
        Refusal::Empty
        | Refusal::TooLong { .. }
        | Refusal::NameTooLong(_)
        | Refusal::SeveralClaims(_)
        | Refusal::NoName
        | Refusal::DescriptionTooLong(_) => Exit::Usage,
        _ => Exit::Error,
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        if let JoinError::Locked { until: Some(until), account } = &error {
            return Self::error(format!(
                "this number or address has an account already, and its devices were told. Run this command again when one of them has \
                 allowed the account {}, or after {} if none of them was there until then",
                account_code(account),
                when::person(*until)
            ));
        }
        let exit = match &error {
            JoinError::Connect(ConnectError::Untrusted { .. } | ConnectError::ClearText { .. }) => {
                Exit::Untrusted
            }
            JoinError::Connect(_) | JoinError::Lost(_) | JoinError::Silent => Exit::Network,
            JoinError::RateLimited { .. } => Exit::RateLimit,
            JoinError::NoProof => Exit::Usage,
            _ => Exit::Error,
        };
        Self::new(exit, whole(&error))
    }
}

impl From<LinkingError> for Failure {
    fn from(error: LinkingError) -> Self {
        let exit = match &error {
            LinkingError::Connect(ConnectError::Untrusted { .. } | ConnectError::ClearText { .. })
            | LinkingError::Foreign => Exit::Untrusted,
            LinkingError::Connect(_) | LinkingError::Lost(_) | LinkingError::Silent => Exit::Network,
            LinkingError::Client(ClientError::Refused(refusal)) => of_refusal(refusal),
            _ => Exit::Error,
        };
        Self::new(exit, whole(&error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::error(error)
    }
}
