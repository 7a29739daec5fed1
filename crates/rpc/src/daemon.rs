//! The daemon: one open profile, served until it is told to end.
//!
//! Invariants:
//! - Whoever has the profile's lock is its only daemon; a socket that lies there without one is removed.
//! - It ends in order: nothing new is taken, what was asked is answered, the profile is closed, then the connections. Whoever saw its
//!   connection close can open the profile.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hushwire_client::Client;
use hushwire_types::OsEntropy;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::desk::{DaemonFacts, Desk};
use crate::fault::Fault;
use crate::method::{DaemonStatus, Method, Status};
use crate::web::{self, Token};
use crate::{connection, lines, place};

/// Connections to the socket at a time.
const CONNECTIONS: usize = 64;

/// How a daemon serves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The profile's folder, where the socket lies.
    pub folder: PathBuf,
    /// Where HTTP and WebSocket are served, on loopback.
    pub http: Option<SocketAddr>,
    /// Whether standard input and output are a connection; the daemon ends with it.
    pub stdio: bool,
}

/// A daemon that listens.
pub struct Daemon {
    desk: Desk,
    options: Options,
    socket: PathBuf,
    listener: UnixListener,
    http: Option<(tokio::net::TcpListener, Token)>,
    closed: watch::Sender<bool>,
}

impl Daemon {
    /// Listens. The profile's lock is what makes this the only one.
    ///
    /// # Errors
    /// A sentence for the person; the profile is closed then.
    pub async fn start(client: Client, options: Options) -> Result<Self, Fault> {
        match listen(&options).await {
            Ok((socket, listener, http)) => {
                let facts = facts(&options.folder, &socket, http.as_ref());
                let desk = Desk::of_daemon(client, facts);
                Ok(Self { desk, options, socket, listener, http, closed: watch::Sender::new(false) })
            }
            Err(fault) => {
                client.close().await;
                Err(fault)
            }
        }
    }

    /// What there is to tell of it.
    ///
    /// # Errors
    /// The database.
    pub async fn status(&self) -> Result<DaemonStatus, Fault> {
        Status {}.carry_out(&self.desk).await
    }

    /// The profile.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.desk.client
    }

    /// Serves until a signal, a request or, where it is served, the end of standard input ends it.
    ///
    /// # Errors
    /// The system gives no signals.
    pub async fn run(self) -> Result<(), Fault> {
        let Self { desk, options, socket, listener, http, closed } = self;
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut serving = JoinSet::new();
        if let Some((listener, token)) = http {
            serving.spawn(web::serve(listener, desk.clone(), token, closed.subscribe()));
        }
        serving.spawn(accept(listener, desk.clone(), closed.subscribe()));
        if options.stdio {
            let (desk, closed) = (desk.clone(), closed.subscribe());
            serving.spawn(async move {
                let (incoming, outgoing) =
                    (lines::incoming(tokio::io::stdin()), lines::outgoing(tokio::io::stdout()));
                connection::serve(desk.clone(), incoming, outgoing, closed).await;
                desk.stop();
            });
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        tokio::select! {
            _ = interrupt.recv() => desk.stop(),
            _ = terminate.recv() => desk.stop(),
            () = desk.stopped() => {}
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        // A second signal ends it where it stands; everything that was accepted is on disk.
        let end = async {
            place::remove(&place::token(&options.folder))?;
            desk.answered().await;
            // While the profile is still this process's: later, it could be the socket of the next daemon.
            place::remove(&socket)?;
            desk.client.clone().close().await;
            closed.send_replace(true);
            while serving.join_next().await.is_some() {}
            Ok(())
        };
        tokio::select! {
            done = end => done,
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    }
}

type Listening = (PathBuf, UnixListener, Option<(tokio::net::TcpListener, Token)>);

async fn listen(options: &Options) -> Result<Listening, Fault> {
    let socket = place::socket(&options.folder)?;
    let http = match options.http {
        Some(address) => {
            let listener = web::listen(address).await?;
            Some((listener, Token::create(&place::token(&options.folder), &OsEntropy)?))
        }
        None => None,
    };
    let listener = place::listen(&socket)?;
    Ok((socket, listener, http))
}

fn facts(folder: &Path, socket: &Path, http: Option<&(tokio::net::TcpListener, Token)>) -> DaemonFacts {
    let address = http.and_then(|(listener, _)| listener.local_addr().ok());
    DaemonFacts {
        socket: socket.display().to_string(),
        http: address.map(|address| address.to_string()),
        token_file: address.map(|_| place::token(folder).display().to_string()),
    }
}

/// Takes connections to the socket until the daemon ends. Whoever comes then is not served, and sees the connection close when the profile
/// is closed.
async fn accept(listener: UnixListener, desk: Desk, mut closed: watch::Receiver<bool>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await.ok()?;
            Some((seat, place::accepted(|| listener.accept()).await))
        };
        let next = tokio::select! {
            next = next => next,
            () = desk.stopped() => None,
        };
        let Some((seat, stream)) = next else { break };
        while connections.try_join_next().is_some() {}
        if !is_owner(&stream) {
            continue;
        }
        let (desk, closed) = (desk.clone(), closed.clone());
        connections.spawn(async move {
            let (reader, writer) = stream.into_split();
            connection::serve(desk, lines::incoming(reader), lines::outgoing(writer), closed).await;
            drop(seat);
        });
    }
    let _ = closed.wait_for(|closed| *closed).await;
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The file's mode says it already, where the system heeds it.
fn is_owner(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}
