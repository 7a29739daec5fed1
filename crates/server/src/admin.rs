//! What an operator asks of a server: through a Unix socket while it runs, straight from the store while it does not.
//!
//! ```text
//!  hushd invite create ──► admin.sock there? ──yes──► one JSON line each way ──► carry_out ──► sessions are fenced
//!                                  └──────no──► data folder's lock ──► store opened here ──► carry_out
//! ```
//!
//! The socket is mode 0600 in the data folder: who may open it may read the database as well.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hushwire_delivery::{AdminError, NewInvite, Outbound, Service};
use hushwire_server_store::account::{AccountState, Suspension};
use hushwire_server_store::registration::InviteUses;
use hushwire_server_store::report::ReportNumber;
use hushwire_types::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::node::Node;

mod report;

pub use report::{ReportPage, ReportRow, ReportedRow, Who};

/// Name of the socket in the data folder.
pub const SOCKET_NAME: &str = "admin.sock";
/// A request is a line of at most this many bytes.
const LINE: u64 = 64 * 1024;
/// Users of one page.
const PAGE: usize = 500;
/// How long one exchange may take; a backup of a large database is the longest.
const DEADLINE: Duration = Duration::from_secs(600);

/// What an operator asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// A new invite.
    CreateInvite {
        /// How many accounts may join with it; any number where absent.
        uses: Option<u32>,
        /// How many seconds it is good for; for ever where absent.
        lives_for_s: Option<u64>,
        /// A word of the operator's on what it is for.
        label: Option<String>,
    },
    /// All invites.
    Invites,
    /// An end to an invite, by its code or by the beginning of it that `Invites` shows.
    RevokeInvite {
        /// Which.
        which: String,
    },
    /// All accounts.
    Users,
    /// Nobody logs in to this account, nobody sends to it, until it is lifted.
    Suspend {
        /// A handle or an account id.
        who: String,
    },
    /// The end of a suspension.
    Unsuspend {
        /// A handle or an account id.
        who: String,
    },
    /// The account goes, with its queues and its handles.
    Delete {
        /// A handle or an account id.
        who: String,
    },
    /// All reports.
    Reports,
    /// A whole report.
    Report {
        /// Its number.
        number: u64,
    },
    /// The end of a report.
    DeleteReport {
        /// Its number.
        number: u64,
    },
    /// A copy of the database that is whole.
    Backup {
        /// The new file.
        to: PathBuf,
    },
}

/// What comes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// The new invite's code; it is shown once, the store keeps a keyed hash.
    Invite {
        /// The code.
        code: String,
    },
    /// All invites.
    Invites {
        /// The invites.
        invites: Vec<InviteRow>,
    },
    /// All accounts.
    Users {
        /// The accounts.
        users: Vec<UserRow>,
    },
    /// All reports.
    Reports {
        /// The reports, oldest first.
        reports: Vec<ReportRow>,
    },
    /// A whole report.
    Report {
        /// The report.
        report: ReportPage,
    },
    /// Done.
    Done,
    /// Not done, and why.
    Failed {
        /// One sentence.
        error: String,
    },
}

/// An invite, as far as the server still knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteRow {
    /// The first four characters of the code.
    pub prefix: String,
    /// The operator's word on it.
    pub label: Option<String>,
    /// How often it was used.
    pub used: u32,
    /// How many accounts may still join with it; any number where absent.
    pub left: Option<u32>,
    /// When it ends, in milliseconds since 1970; never where absent.
    pub expires_at_ms: Option<u64>,
    /// Whether somebody could join with it now.
    pub valid: bool,
}

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserRow {
    /// Its id.
    pub account: String,
    /// Its handles.
    pub handles: Vec<String>,
    /// `active`, `suspended` or `deleted`.
    pub state: String,
    /// Its devices.
    pub devices: u32,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// Makes a copy of the database.
pub type Backup = dyn Fn(&Path) -> Result<(), String> + Send + Sync;

/// Carries out what an operator asks. What must be told to connections comes back beside the reply.
#[must_use]
pub fn carry_out(service: &Service, backup: &Backup, ask: Ask, now: Timestamp) -> (Reply, Vec<Outbound>) {
    match try_carry_out(service, backup, ask, now) {
        Ok(done) => done,
        Err(error) => (Reply::Failed { error }, Vec::new()),
    }
}

fn try_carry_out(
    service: &Service,
    backup: &Backup,
    ask: Ask,
    now: Timestamp,
) -> Result<(Reply, Vec<Outbound>), String> {
    let told = |error: AdminError| error.to_string();
    let quiet = |reply| Ok((reply, Vec::new()));
    match ask {
        Ask::CreateInvite { uses, lives_for_s, label } => {
            let uses = uses.map_or(InviteUses::Unlimited, InviteUses::Limited);
            let expires_at = lives_for_s.map(|seconds| now.after(Duration::from_secs(seconds)));
            let code = service.create_invite(NewInvite { label, uses, expires_at }, now).map_err(told)?;
            quiet(Reply::Invite { code: code.to_string() })
        }
        Ask::Invites => quiet(Reply::Invites { invites: invites(service, now).map_err(told)? }),
        Ask::RevokeInvite { which } => {
            service.revoke_invite(&which, now).map_err(told)?;
            quiet(Reply::Done)
        }
        Ask::Users => quiet(Reply::Users { users: users(service).map_err(told)? }),
        Ask::Suspend { who } => suspension(service, &who, Suspension::Suspended, now).map_err(told),
        Ask::Unsuspend { who } => suspension(service, &who, Suspension::Lifted, now).map_err(told),
        Ask::Delete { who } => {
            let account = service.find_user(&who).map_err(told)?;
            Ok((Reply::Done, service.delete_user(account, now).map_err(told)?))
        }
        Ask::Reports => quiet(Reply::Reports { reports: report::list(service).map_err(told)? }),
        Ask::Report { number } => {
            quiet(Reply::Report { report: report::whole(service, number).map_err(told)? })
        }
        Ask::DeleteReport { number } => {
            service.delete_report(ReportNumber(number), now).map_err(told)?;
            quiet(Reply::Done)
        }
        Ask::Backup { to } => {
            backup(&to)?;
            quiet(Reply::Done)
        }
    }
}

fn suspension(
    service: &Service,
    who: &str,
    to: Suspension,
    now: Timestamp,
) -> Result<(Reply, Vec<Outbound>), AdminError> {
    let account = service.find_user(who)?;
    Ok((Reply::Done, service.set_suspended(account, to, now)?))
}

fn invites(service: &Service, now: Timestamp) -> Result<Vec<InviteRow>, AdminError> {
    let row = |invite: hushwire_server_store::registration::Invite| InviteRow {
        valid: invite.is_valid(now),
        left: match invite.uses_left {
            InviteUses::Unlimited => None,
            InviteUses::Limited(uses) => Some(uses),
        },
        used: invite.used,
        expires_at_ms: invite.expires_at.map(Timestamp::as_ms),
        prefix: invite.prefix,
        label: invite.label,
    };
    Ok(service.invites()?.into_iter().map(row).collect())
}

fn users(service: &Service) -> Result<Vec<UserRow>, AdminError> {
    let mut rows: Vec<UserRow> = Vec::new();
    let mut after = None;
    loop {
        let page = service.users(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(rows) };
        after = Some(last.account);
        rows.extend(page.into_iter().map(|user| {
            UserRow {
                account: user.account.to_string(),
                handles: user.handles.into_iter().map(|handle| handle.canonical).collect(),
                state: match user.state {
                    AccountState::Active => "active",
                    AccountState::Suspended => "suspended",
                    AccountState::Deleted => "deleted",
                }
                .to_owned(),
                devices: user.devices,
                created_at_ms: user.created_at.as_ms(),
            }
        }));
    }
}

/// Listens on the socket in `data_dir` until it is dropped; a socket that an ended server left behind is replaced.
///
/// # Errors
/// The operating system's.
pub(crate) fn bind(data_dir: &Path) -> std::io::Result<UnixListener> {
    let path = data_dir.join(SOCKET_NAME);
    // The data folder's lock is held, so whatever is there belongs to nobody.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers operators.
pub(crate) async fn serve(listener: UnixListener, node: Arc<Node>, backup: Arc<Backup>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (node, backup) = (Arc::clone(&node), Arc::clone(&backup));
        tokio::spawn(async move {
            let answering = tokio::time::timeout(DEADLINE, answer(stream, node, backup)).await;
            if let Ok(Err(error)) = answering {
                tracing::warn!(%error, "an operator's request could not be answered");
            }
        });
    }
}

async fn answer(stream: UnixStream, node: Arc<Node>, backup: Arc<Backup>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(LINE)).read_line(&mut line).await?;
    let reply = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => {
            let worker = Arc::clone(&node);
            let work = move || carry_out(&worker.service, &*backup, ask, worker.clock.now());
            let (reply, outbound) = tokio::task::spawn_blocking(work).await?;
            node.inboxes.post(outbound);
            reply
        }
        Err(error) => {
            Reply::Failed { error: format!("this server does not understand the request: {error}") }
        }
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    write.write_all(&text).await
}

/// Asks a running server; `None` where none is running.
///
/// # Errors
/// A sentence where a server is there but does not answer.
pub async fn ask_running(data_dir: &Path, ask: &Ask) -> Result<Option<Reply>, String> {
    let Ok(stream) = UnixStream::connect(data_dir.join(SOCKET_NAME)).await else { return Ok(None) };
    let exchange = async {
        let (read, mut write) = stream.into_split();
        let mut text = serde_json::to_vec(ask)?;
        text.push(b'\n');
        write.write_all(&text).await?;
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).await?;
        Ok::<_, std::io::Error>(serde_json::from_str(&line)?)
    };
    match tokio::time::timeout(DEADLINE, exchange).await {
        Ok(Ok(reply)) => Ok(Some(reply)),
        Ok(Err(error)) => Err(format!("the running server did not answer: {error}")),
        Err(_) => Err("the running server did not answer in time".to_owned()),
    }
}
