//! The daemon itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Method;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::shape::Standing;

/// Shows the daemon and how its connection to the server stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {}

/// A daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonStatus {
    /// The process's id.
    pub pid: u32,
    /// The version of hush that it runs.
    pub version: String,
    /// Its Unix socket.
    pub socket: String,
    /// `address:port` of HTTP and WebSocket, where they were asked for.
    pub http: Option<String>,
    /// The file that holds the bearer token for them.
    pub token_file: Option<String>,
    /// How the connection to the server stands.
    pub link: Standing,
    /// The number of the last event.
    pub last_event: u64,
}

impl Method for Status {
    const NAME: &'static str = "daemon.status";
    type Answer = DaemonStatus;

    async fn carry_out(self, desk: &Desk) -> Result<DaemonStatus, Fault> {
        let facts = desk.daemon().ok_or_else(no_daemon)?;
        Ok(DaemonStatus {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            socket: facts.socket.clone(),
            http: facts.http.clone(),
            token_file: facts.token_file.clone(),
            link: desk.standing(),
            last_event: desk.client.last_change().await?.0,
        })
    }
}

/// Has the daemon end. What it was asked before is answered; the connection closes when the profile is closed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {}

/// The daemon ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// Its process's id.
    pub stopping: u32,
}

impl Method for Stop {
    const NAME: &'static str = "daemon.stop";
    type Answer = Stopped;

    async fn carry_out(self, desk: &Desk) -> Result<Stopped, Fault> {
        desk.daemon().ok_or_else(no_daemon)?;
        desk.stop();
        Ok(Stopped { stopping: std::process::id() })
    }
}

fn no_daemon() -> Fault {
    Fault::error("no daemon runs for this profile: hush daemon")
}
