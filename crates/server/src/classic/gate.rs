//! All that the listener needs before anything runs: where one of it is missing, the server does not start.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hushwire_classic::SigningKey;
use hushwire_server_store::Store;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::desk::{Desk, OtpWay};
use super::{key, listener};
use crate::config::{Config, Driver, Limits};
use crate::node::Node;
use crate::run::{StartError, bind, cores};
use crate::tls::Protection;

/// A listener that nobody is let in at yet.
pub(crate) struct Gate {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    key: SigningKey,
    otp: OtpWay,
}

/// The listener that the configuration asks for, if it does. Makes the server's key where there is none, which takes seconds.
pub(crate) async fn gate(
    config: &Config,
    data_dir: &Path,
    protection: &Protection,
) -> Result<Option<Gate>, StartError> {
    let Some(address) = config.classic.listen else { return Ok(None) };
    if config.classic.insecure_otp_echo && !address.ip().is_loopback() {
        return Err(StartError::ClassicEcho { address });
    }
    let tls = match protection {
        Protection::Tls(tls) if config.classic.tls => Some(Arc::clone(tls)),
        _ if config.classic.tls => return Err(StartError::ClassicTls),
        _ => None,
    };
    let otp = match config.classic.insecure_otp_echo {
        true => OtpWay::Echo,
        false => OtpWay::Driver(config.otp.clone().into()),
    };
    if !config.classic.insecure_otp_echo && matches!(config.otp.phone, Driver::None) {
        tracing::warn!("otp.phone has no driver: nobody can register in wire version 1");
    }
    let (socket, address) = bind(address).await?;
    let key = key::load_or_create(data_dir)?;
    Ok(Some(Gate { socket, address, tls, key, otp }))
}

impl Gate {
    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets people in until `stopping` turns true.
    pub(crate) fn open(
        self,
        node: Arc<Node>,
        store: Arc<dyn Store>,
        limits: Limits,
        stopping: watch::Receiver<bool>,
    ) -> JoinHandle<()> {
        let Self { socket, address, tls, key, otp } = self;
        let desk = Arc::new(Desk::new(node, store, key, otp, cores()));
        tracing::warn!(
            %address,
            "listening for wire version 1, whose logins prove nothing: whoever reaches this address can say that they are anybody"
        );
        tokio::spawn(listener::serve(socket, tls, limits, desk, stopping))
    }
}
