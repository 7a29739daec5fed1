//! A man in the middle: he ends TLS with a certificate of his own, which any client would take, and passes every byte on to
//! the real server, whose signatures are genuine (rule R6).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hushwire_client::{ConnectError, JoinError, Link, TroubleKind, World, open};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::{join_as, place, server};

/// Listens on a port of his own and relays to `upstream`, whose certificate he knows.
async fn man_in_the_middle(
    upstream: SocketAddr,
    upstream_certificate: CertificateDer<'static>,
) -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let facing_client = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(upstream_certificate).unwrap();
    let facing_server = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (acceptor, connector) =
        (TlsAcceptor::from(Arc::new(facing_client)), TlsConnector::from(Arc::new(facing_server)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, connector) = (acceptor.clone(), connector.clone());
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await.unwrap();
                let name = ServerName::try_from("hushd.invalid").unwrap();
                let server = TcpStream::connect(upstream).await.unwrap();
                let mut server = connector.connect(name, server).await.unwrap();
                // He relays until one side has had enough.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

/// The certificate that the server made for itself.
fn certificate(folder: &std::path::Path) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_file(folder.join("server/tls-certificate.pem")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_nobody_registers_through_a_man_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let (server, link) = server(folder.path()).await;
    let relay = man_in_the_middle(server.address(), certificate(folder.path())).await;
    let through_him = link.replace(&server.address().to_string(), &relay.to_string());
    let refused = join_as(folder.path(), "alice", &through_him).await.err().unwrap();
    let JoinError::Connect(ConnectError::Untrusted { reason, .. }) = refused else { panic!("{refused}") };
    assert_eq!(reason, "its signature over this connection does not hold");
    assert!(!place(folder.path(), "alice").folder.exists(), "nothing was made or said");
    // The same invite to the server itself is good.
    let joined = join_as(folder.path(), "alice", &link).await.ok().unwrap();
    joined.client.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_no_login_is_relayed_and_the_person_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (server, link) = server(folder.path()).await;
    let joined = join_as(folder.path(), "alice", &link).await.ok().unwrap();
    assert_eq!(joined.client.caught_up(Duration::from_secs(60)).await, Link::Live);
    joined.client.close().await;

    // The network now leads to him.
    let relay = man_in_the_middle(server.address(), certificate(folder.path())).await;
    let alice = place(folder.path(), "alice");
    let mut db = hushwire_client::Database::open(&alice.folder, &alice.key).unwrap();
    let redirected = relay.to_string();
    db.step::<_, hushwire_client::StoreError>(|tx| {
        hushwire_client_store::profile::set_server(tx, &redirected)
    })
    .unwrap();
    db.close().unwrap();

    let client = open(&alice, World::default()).unwrap();
    let Link::Ended { reason } = client.caught_up(Duration::from_secs(60)).await else {
        panic!("he was believed")
    };
    assert_eq!(reason.kind, TroubleKind::Untrusted);
    assert!(reason.text.contains("did not prove the identity"), "{reason}");
    client.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_identity_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (one, link) = server(&folder.path().join("one")).await;
    let (two, _) = server(&folder.path().join("two")).await;
    let wrong = link.replace(&one.address().to_string(), &two.address().to_string());
    let refused = join_as(folder.path(), "alice", &wrong).await.err().unwrap();
    assert!(matches!(refused, JoinError::Connect(ConnectError::Untrusted { .. })), "{refused}");
    one.stop().await;
    two.stop().await;
}
