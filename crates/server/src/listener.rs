//! The one port: accepts, ends TLS, and hands each connection to the routes together with what it binds to.
//!
//! Every wait has a bound: a peer that says nothing is gone after [`HANDSHAKE_DEADLINE`]; one that opens too many
//! connections is closed at once, before it costs a handshake.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hushwire_delivery::Peer;
use hushwire_identity::ChannelBinding;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::config::Limits;
use crate::tls::{EXPORTER_LABEL, Protection};

/// How long TLS and the request's head may take.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// How long a connection may last that does not become a WebSocket: who takes a body slower than that tries again.
const HTTP_LIFETIME: Duration = Duration::from_secs(300);

/// Accepts until `stop` turns true; connections that are open then are told by their own copy of `stop`.
pub async fn serve(
    listener: TcpListener,
    protection: Protection,
    limits: Limits,
    routes: Router,
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
        tokio::spawn(one(stream, address, protection.clone(), routes.clone(), seat, stop.clone()));
    }
}

/// Returns once the server stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The sender is gone only when the whole server is.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn one(
    stream: TcpStream,
    address: SocketAddr,
    protection: Protection,
    routes: Router,
    seat: Seat,
    stop: watch::Receiver<bool>,
) {
    // Small frames go out at once: a message is one write.
    let _ = stream.set_nodelay(true);
    // Behind a proxy everybody comes from loopback: limits of an address would be limits of all.
    let remote = Some(address.ip()).filter(|address| !address.is_loopback());
    let peer = |binding| Peer { binding, address: remote };
    match protection {
        Protection::Tls(config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_DEADLINE, handshake).await else {
                metrics::counter!("hushd_tls_handshakes_failed_total").increment(1);
                return;
            };
            let exported = stream.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None);
            let Ok(exporter) = exported else { return };
            http(stream, peer(ChannelBinding::Exporter(exporter)), routes, seat, stop).await;
        }
        Protection::Proxy(hash) => {
            http(stream, peer(ChannelBinding::EndPoint(hash)), routes, seat, stop).await
        }
        Protection::Off => http(stream, peer(ChannelBinding::None), routes, seat, stop).await,
    }
}

async fn http<S>(stream: S, peer: Peer, routes: Router, seat: Seat, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let seat = Arc::new(seat);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer.clone());
        // The seat is kept by an upgraded connection for as long as that lives.
        request.extensions_mut().insert(Arc::clone(&seat));
        routes.clone().oneshot(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_DEADLINE)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = &mut connection => {}
        () = tokio::time::sleep(HTTP_LIFETIME) => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// How many connections there are, in all and from each address.
pub(crate) struct Seats {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; given back when it is dropped.
pub struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Seats {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    pub(crate) fn take(seats: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let address = prefix(address);
        let mut taken = seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= seats.limits.connections {
            return None;
        }
        let count = taken.by_address.entry(address).or_default();
        if *count >= seats.limits.connections_per_address && !address.is_loopback() {
            return None;
        }
        *count += 1;
        taken.total += 1;
        Some(Seat { seats: Arc::clone(seats), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// An IPv6 customer owns a /64: it counts as one address.
fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(connections: usize, connections_per_address: usize) -> Arc<Seats> {
        Seats::new(Limits { connections, connections_per_address, ..Limits::default() })
    }

    #[test]
    fn one_address_takes_its_share_and_gives_it_back() {
        let seats = seats(10, 1);
        let address = IpAddr::from([192, 0, 2, 1]);
        let seat = Seats::take(&seats, address);
        assert!(seat.is_some());
        assert!(Seats::take(&seats, address).is_none());
        drop(seat);
        assert!(Seats::take(&seats, address).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let seats = seats(10, 1);
        let _first = Seats::take(&seats, "2001:db8::1".parse().unwrap()).unwrap();
        assert!(Seats::take(&seats, "2001:db8::2".parse().unwrap()).is_none());
        assert!(Seats::take(&seats, "2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
