//! What the machine can do at this moment, without any of ours in it: the limits that figures are compared with.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use rusqlite::Connection;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const KIB: usize = 1024;

/// How long one `fdatasync` of a page that was just appended takes, in microseconds.
///
/// # Errors
/// The disk.
pub fn sync_times(folder: &Path, how_long: Duration) -> Result<Histogram<u64>> {
    let mut file = tempfile::tempfile_in(folder)?;
    let mut times = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let begin = Instant::now();
    while begin.elapsed() < how_long {
        file.write_all(&[7; 4 * KIB])?;
        let start = Instant::now();
        file.sync_data()?;
        times.saturating_record(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1));
    }
    Ok(times)
}

/// Rows of 1 KiB a second into one table of plain SQLite, 1,000 a transaction, WAL and `synchronous=FULL`.
///
/// # Errors
/// The disk.
pub fn sqlite_rows_per_second(folder: &Path, how_long: Duration) -> Result<f64> {
    let folder = tempfile::tempdir_in(folder)?;
    let mut connection = Connection::open(folder.path().join("bare.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE payload(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")?;
    let body = [7_u8; KIB];
    let begin = Instant::now();
    let mut rows = 0_u32;
    while begin.elapsed() < how_long {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO payload(body) VALUES (?1)")?;
            for _ in 0..1_000 {
                insert.execute([body.as_slice()])?;
            }
        }
        transaction.commit()?;
        rows += 1_000;
    }
    Ok(f64::from(rows) / begin.elapsed().as_secs_f64())
}

/// Round trips of 1 KiB a second through bare rustls on loopback: 50 connections with 20 in flight each, both ends here.
///
/// # Errors
/// The network.
pub async fn tls_echoes_per_second(how_long: Duration) -> Result<f64> {
    per_second(Answer::Echo, how_long).await
}

/// Full handshakes a second of bare rustls on loopback, 50 connections at a time, no session resumed: both ends here.
///
/// # Errors
/// The network.
pub async fn tls_handshakes_per_second(how_long: Duration) -> Result<f64> {
    per_second(Answer::Nothing, how_long).await
}

/// What the server of a measurement does once TLS stands.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// Sends everything back.
    Echo,
    /// Nothing, until the client goes.
    Nothing,
}

/// What 50 clients do together in a second, at a server beside them.
async fn per_second(answer: Answer, how_long: Duration) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let acceptor = TlsAcceptor::from(Arc::new(self_signed()?));
    let serving = tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve(acceptor.clone(), tcp, answer));
        }
    });
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..50 {
        match answer {
            Answer::Echo => clients.spawn(echo(address, how_long)),
            Answer::Nothing => clients.spawn(shake_hands(address, how_long)),
        };
    }
    let mut done = 0;
    while let Some(ended) = clients.join_next().await {
        done += ended??;
    }
    serving.abort();
    Ok(f64::from(done) / how_long.as_secs_f64())
}

async fn serve(acceptor: TlsAcceptor, tcp: TcpStream, answer: Answer) {
    let _ = tcp.set_nodelay(true);
    let Ok(mut tls) = acceptor.accept(tcp).await else { return };
    let mut buffer = [0; KIB];
    while tls.read_exact(&mut buffer).await.is_ok() {
        let Answer::Echo = answer else { continue };
        if tls.write_all(&buffer).await.is_err() || tls.flush().await.is_err() {
            return;
        }
    }
}

async fn shake_hands(address: std::net::SocketAddr, how_long: Duration) -> Result<u32> {
    let (begin, mut made) = (Instant::now(), 0);
    while begin.elapsed() < how_long {
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::IpAddress(address.ip().into());
        drop(TlsConnector::from(trusting()?).connect(name, tcp).await?);
        made += 1;
    }
    Ok(made)
}

async fn echo(address: std::net::SocketAddr, how_long: Duration) -> Result<u32> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::IpAddress(address.ip().into());
    let mut tls = TlsConnector::from(trusting()?).connect(name, tcp).await?;
    let begin = Instant::now();
    let (mut buffer, mut trips) = ([0; KIB], 0);
    for _ in 0..20 {
        tls.write_all(&[7; KIB]).await?;
    }
    tls.flush().await?;
    while begin.elapsed() < how_long {
        tls.read_exact(&mut buffer).await?;
        trips += 1;
        tls.write_all(&buffer).await?;
        tls.flush().await?;
    }
    Ok(trips)
}

fn self_signed() -> Result<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?)
}

/// TLS 1.3 to whoever answers: a program on this machine that this one has started.
///
/// # Errors
/// None with the provider that is built in.
pub fn trusting() -> Result<Arc<ClientConfig>> {
    // Made once: it holds the randomness and the algorithms of all connections.
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody { algorithms }))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

#[derive(Debug)]
struct Anybody {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 is required".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
