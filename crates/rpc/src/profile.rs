//! A profile as commands reach it: opened by this very process, or through the daemon that has it open.

use std::path::Path;
use std::time::Duration;

use hushwire_client::{DatabaseOpenError, OpenError, Place, World};
use serde_json::Value;
use tokio::time::sleep;

use crate::desk::{Deadline, Desk, LONGEST_WAIT_S};
use crate::fault::Fault;
use crate::method::{CallError, Entry, Method};
use crate::remote::Remote;

/// How long a profile that another process has open is waited for: a daemon that has the lock listens soon, and one that has stopped
/// listening has closed it soon.
const LOCKED: Duration = Duration::from_secs(2);
/// How soon to look again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A profile. What is asked of it is done in the same way on both sides. Cheap to clone.
#[derive(Clone)]
pub enum Profile {
    /// This process has it open.
    Here(Desk),
    /// A daemon has it open.
    There(Remote),
}

impl Profile {
    /// The daemon of a profile's folder, where there is one. Needs no key.
    ///
    /// # Errors
    /// There is a socket, and it cannot be used.
    pub async fn find(folder: &Path) -> Result<Option<Self>, Fault> {
        Ok(Remote::find(folder).await?.map(Self::There))
    }

    /// Opens a profile, or finds the daemon that was quicker.
    ///
    /// # Errors
    /// The profile cannot be opened.
    pub async fn open(place: &Place) -> Result<Self, Fault> {
        let deadline = Deadline::after(LOCKED);
        loop {
            let error = match hushwire_client::open(place, World::default()) {
                Ok(client) => return Ok(Self::Here(Desk::new(client))),
                Err(error) => error,
            };
            if !matches!(error, OpenError::Database(DatabaseOpenError::Locked { .. })) {
                return Err(error.into());
            }
            if let Some(there) = Self::find(&place.folder).await? {
                return Ok(there);
            }
            if deadline.left().is_zero() {
                return Err(error.into());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Calls a method.
    ///
    /// # Errors
    /// What the method answered.
    pub async fn call<M: Method>(&self, method: M) -> Result<M::Answer, Fault> {
        match self {
            Self::Here(desk) => Box::pin(method.carry_out(desk)).await,
            Self::There(remote) => remote.call(method).await,
        }
    }

    /// Calls a method by its name.
    ///
    /// # Errors
    /// What the method answered, or that there is none of that name.
    pub async fn call_by_name(&self, method: &str, params: Value) -> Result<Value, Fault> {
        match self {
            Self::Here(desk) => {
                let entry = Entry::named(method);
                let entry = entry.ok_or_else(|| {
                    Fault::usage(format!("there is no method {method}: hush rpc schema shows those that are"))
                })?;
                entry.call(desk, params).await.map_err(|error| match error {
                    CallError::Params(why) => Fault::usage(format!("the parameters do not fit: {why}")),
                    CallError::Fault(fault) => fault,
                })
            }
            Self::There(remote) => {
                remote.ask(method, &params, std::time::Duration::from_secs(LONGEST_WAIT_S)).await
            }
        }
    }

    /// Ends it. What this process had open is closed when this returns.
    pub async fn close(self) {
        if let Self::Here(desk) = self {
            desk.client.close().await;
        }
    }
}
