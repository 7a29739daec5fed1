//! TLS 1.3 with X25519MLKEM768 first (rustls over aws-lc-rs), and what of a connection binds to its channel.
//!
//! The certificate is not what clients trust: they pin the server's identity, which signs over the channel
//! (rule R6). A self-signed certificate is therefore as safe as one of the Web PKI.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use sha2::{Digest, Sha256};

use crate::config::{Tls, TlsMode};

/// Label of the TLS exporter (RFC 8446, section 7.5) that hello and login sign.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-hushwire-v2";

/// How connections are protected.
#[derive(Clone)]
pub enum Protection {
    /// hushd ends TLS itself; each connection binds to its exporter.
    Tls(Arc<ServerConfig>),
    /// A proxy ends TLS with the certificate of this SHA-256 (RFC 5929, tls-server-end-point).
    Proxy([u8; 32]),
    /// Clear text on loopback, bound to nothing.
    Off,
}

/// Why TLS cannot be set up. The operator corrects the file that is named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file that cannot be read or holds something else.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key are not accepted.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// A certificate could not be made.
    #[error("a self-signed certificate cannot be made: {0}")]
    Generate(#[from] rcgen::Error),
}

fn at(path: &Path, reason: impl std::fmt::Display) -> TlsError {
    TlsError::File { path: path.to_owned(), reason: reason.to_string() }
}

/// Sets up what the configuration asks for; a self-signed certificate is made once and kept in `data_dir`.
///
/// # Errors
/// [`TlsError`].
pub fn protection(tls: &Tls, data_dir: &Path) -> Result<Protection, TlsError> {
    match tls.mode {
        TlsMode::Off => Ok(Protection::Off),
        TlsMode::Proxy => {
            let path = tls.certificate.clone().unwrap_or_default();
            let chain = certificates(&path)?;
            let leaf = chain.first().ok_or_else(|| at(&path, "no certificate in it"))?;
            Ok(Protection::Proxy(Sha256::digest(leaf).into()))
        }
        TlsMode::Files => {
            let (chain, key) =
                (tls.certificate.clone().unwrap_or_default(), tls.key.clone().unwrap_or_default());
            server_config(&chain, &key)
        }
        TlsMode::SelfSigned => {
            let (chain, key) = (data_dir.join("tls-certificate.pem"), data_dir.join("tls-key.pem"));
            if !chain.exists() || !key.exists() {
                generate(&chain, &key)?;
            }
            server_config(&chain, &key)
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| at(path, error))
}

fn server_config(chain: &Path, key: &Path) -> Result<Protection, TlsError> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| at(key, error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // No resumption: a reconnect costs one handshake more, an idle server keeps no session secrets, and there is
    // no 0-RTT to be replayed.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(Protection::Tls(Arc::new(config)))
}

fn generate(chain: &Path, key: &Path) -> Result<(), TlsError> {
    let made = rcgen::generate_simple_self_signed(vec!["hushd.invalid".to_owned()])?;
    write_private(key, made.signing_key.serialize_pem().as_bytes())?;
    write_private(chain, made.cert.pem().as_bytes())
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), TlsError> {
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| at(path, error))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| at(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(protection(&Tls::default(), dir.path()), Ok(Protection::Tls(_))));
        let first = std::fs::read(dir.path().join("tls-certificate.pem")).unwrap();
        assert!(matches!(protection(&Tls::default(), dir.path()), Ok(Protection::Tls(_))));
        assert_eq!(first, std::fs::read(dir.path().join("tls-certificate.pem")).unwrap());
    }

    #[test]
    fn a_file_that_is_no_certificate_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cert.pem");
        std::fs::write(&path, "nonsense").unwrap();
        let tls = Tls { mode: TlsMode::Proxy, certificate: Some(path.clone()), key: None };
        let error = protection(&tls, dir.path()).err().unwrap();
        assert!(error.to_string().contains("cert.pem"), "{error}");
    }
}
