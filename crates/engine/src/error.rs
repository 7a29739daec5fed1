//! What can fail in an engine, split by what the caller does about it.

use hushwire_client_store::StoreError;

/// A step failed and has changed nothing. Requests that were under way are forgotten: close the connection and
/// connect again, so that they are made anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The database: its own message says what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of ours does not hold what it must. Tell the person; trying again does not help.
    #[error("the profile's {0} cannot be read: it is damaged or of a newer version")]
    Damaged(&'static str),
    /// A bug. Tell the person; the next step may work.
    #[error("hush made a mistake: {0}")]
    Bug(&'static str),
}

/// A profile that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database: its own message says what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database has no profile: register first.
    #[error("nobody is registered in this profile: join a server first")]
    NoProfile,
    /// A row does not hold what it must.
    #[error("the profile's {0} cannot be read: it is damaged or of a newer version")]
    Damaged(&'static str),
}

/// A registration that could not be prepared, or a login that must not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The database: its own message says what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The profile has an account already.
    #[error("this profile has an account already: use another --profile")]
    Registered,
    /// A name, a handle or a key that was given cannot be used.
    #[error("{0}")]
    Unusable(&'static str),
    /// A row does not hold what it must.
    #[error("the profile's {0} cannot be read: it is damaged or of a newer version")]
    Damaged(&'static str),
    /// The server is not the one of the invite: its key or its signature is another. Nothing was sent to it.
    #[error("this is not the server that you joined: its key does not match. Nothing was sent to it")]
    WrongServer,
    /// The account's list does not have this device.
    #[error("the account's list of devices does not have this device: link it again")]
    NotListed,
    /// A bug.
    #[error("hush made a mistake: {0}")]
    Bug(&'static str),
}
