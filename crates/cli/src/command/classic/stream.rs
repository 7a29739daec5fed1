//! A connection to a server of the original's protocol, in clear or inside TLS.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hushwire_rpc::FaultKind;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};

use super::TICK;
use crate::failure::Failure;

/// A name for TLS, which wants one; the certificate is known by its bytes.
const NAME: &str = "hushd.invalid";

pub(super) enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Connects. Reads wait for a [`TICK`] at most.
    pub(super) fn open(
        server: &str,
        certificate: Option<&Path>,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let socket = connect(server, patience)?;
        let set = socket
            .set_nodelay(true)
            .and_then(|()| socket.set_read_timeout(Some(TICK)))
            .and_then(|()| socket.set_write_timeout(Some(patience)));
        set.map_err(Failure::error)?;
        let Some(path) = certificate else { return Ok(Self::Clear(socket)) };
        let unusable = |error: &dyn std::fmt::Display| Failure::error(format!("{}: {error}", path.display()));
        let certificate = CertificateDer::from_pem_file(path).map_err(|error| unusable(&error))?;
        let name = ServerName::try_from(NAME).map_err(Failure::error)?;
        let tls = ClientConnection::new(config(certificate).map_err(Failure::error)?, name)
            .map_err(Failure::error)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(tls, socket))))
    }
}

fn connect(server: &str, patience: Duration) -> Result<TcpStream, Failure> {
    let unreachable = |error: std::io::Error| {
        Failure::new(FaultKind::Network, format!("{server} cannot be reached: {error}"))
    };
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in server.to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

fn config(certificate: CertificateDer<'static>) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ThisCertificate { certificate, algorithms }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// One certificate and no other, whatever is written in it: the person who gave the file vouches for it.
#[derive(Debug)]
struct ThisCertificate {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for ThisCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("the server shows another certificate".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 is required".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(room),
            Self::Tls(tls) => tls.read(room),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Clear(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
