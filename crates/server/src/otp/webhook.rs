//! An HTTPS POST whose body is signed: `X-Hushwire-Signature: sha256=<hex HMAC-SHA-256 of "<timestamp>.<body>">`, with
//! the timestamp in seconds in `X-Hushwire-Timestamp`, so that a receiver can refuse forged and old requests.

use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use hushwire_types::{Clock, SystemClock};
use sha2::Sha256;
use ureq::tls::{RootCerts, TlsConfig};
use zeroize::Zeroizing;

use super::{DEADLINE, Message, OtpError};

pub(super) async fn post(url: &str, key_file: &Path, message: &Message) -> Result<(), OtpError> {
    let failed = |reason: String| OtpError::failed("webhook", reason);
    if !is_allowed(url) {
        return Err(failed("the address must begin with https:// (http:// only on loopback)".to_owned()));
    }
    let key = tokio::fs::read(key_file).await.map(Zeroizing::new);
    let key = key.map_err(|error| failed(format!("{}: {error}", key_file.display())))?;
    let (url, body) = (url.to_owned(), message.to_json());
    let now = SystemClock.now().as_secs();
    let signature =
        sign(key.trim_ascii_end(), now, &body).ok_or_else(|| failed("the key is empty".to_owned()))?;
    let request = move || {
        agent()
            .post(&url)
            .header("Content-Type", "application/json")
            .header("X-Hushwire-Timestamp", now.to_string())
            .header("X-Hushwire-Signature", format!("sha256={signature}"))
            .send(body.as_slice())
            .map(|_| ())
    };
    let sent = tokio::task::spawn_blocking(request).await.map_err(|error| failed(error.to_string()))?;
    sent.map_err(|error| failed(error.to_string()))
}

fn is_allowed(url: &str) -> bool {
    let loopback = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
    url.starts_with("https://")
        || loopback.iter().any(|prefix| {
            url.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        })
}

/// Hex HMAC-SHA-256 over `"<timestamp>.<body>"`, or `None` for an empty key.
fn sign(key: &[u8], timestamp: u64, body: &[u8]) -> Option<String> {
    if key.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    Some(HEXLOWER.encode(&mac.finalize().into_bytes()))
}

fn agent() -> ureq::Agent {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(DEADLINE))
        .max_redirects(0)
        .build()
        .new_agent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_hmac_of_timestamp_and_body() {
        // printf '7.{}' | openssl dgst -sha256 -hmac key
        let expected = "77bc83bd1f40422311e47918b203449aecf84b02c1568bb1b570ac2a474cc2d8";
        assert_eq!(sign(b"key", 7, b"{}").as_deref(), Some(expected));
        assert_ne!(sign(b"key", 8, b"{}").as_deref(), Some(expected));
        assert_eq!(sign(b"", 7, b"{}"), None);
    }

    #[test]
    fn clear_http_is_for_loopback_only() {
        assert!(is_allowed("https://sms.example/send"));
        assert!(is_allowed("http://127.0.0.1:9/send"));
        assert!(!is_allowed("http://127.0.0.1.example.org/send"));
        assert!(!is_allowed("http://sms.example/send"));
    }
}
