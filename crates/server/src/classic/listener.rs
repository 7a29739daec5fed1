//! The listener of wire version 1.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::connection;
use super::desk::Desk;
use crate::config::Limits;
use crate::listener::{HANDSHAKE_DEADLINE, Seat, Seats, stopped};

/// The protocol has no ping: the system asks, so that a phone is not held for ever by a client that has gone without a word.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// Accepts until `stop` turns true.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    desk: Arc<Desk>,
    mut stop: watch::Receiver<bool>,
) {
    let seats = Seats::new(limits);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: let some connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(seat) = Seats::take(&seats, address.ip()) else {
            metrics::counter!("hushd_connections_refused_total").increment(1);
            continue;
        };
        tokio::spawn(one(stream, address, tls.clone(), Arc::clone(&desk), seat, stop.clone()));
    }
}

async fn one(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    desk: Arc<Desk>,
    _seat: Seat,
    stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    // Behind a proxy everybody comes from loopback: limits of an address would be limits of all.
    let remote = Some(address.ip()).filter(|address| !address.is_loopback());
    let Some(tls) = tls else {
        connection::serve(desk, stream, remote, stop).await;
        return;
    };
    match tokio::time::timeout(HANDSHAKE_DEADLINE, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => connection::serve(desk, stream, remote, stop).await,
        _ => metrics::counter!("hushd_tls_handshakes_failed_total").increment(1),
    }
}
