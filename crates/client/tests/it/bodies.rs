//! The HTTPS routes as anybody on the network can call them: who gets what, and what the others are told.

use std::time::Duration;

use hushwire_client::connect::{Connection, connect};
use hushwire_client::{Link, ServerAddress, Transport};
use hushwire_identity::{Fingerprint, ListKey, statement};
use hushwire_server::config::{Tls, TlsMode};
use hushwire_server::{Config, Server};
use hushwire_types::{BodyDigest, OsEntropy, Secret};
use hushwire_wire::bodies::{authorization, upload_path};
use hushwire_wire::{
    BodyRef, ErrorCode, LoggedIn, Login, Request, Response, SendUploaded, ServerFrame, limits,
};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::large::profile_of;
use crate::{join_over, place};

/// A server without TLS, with alice, whose client is gone, and her device's login.
struct Scene {
    server: Server,
    config: Config,
    address: ServerAddress,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::dev(folder.path().join("server"));
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.tls = Tls { mode: TlsMode::Off, ..Tls::default() };
        let server = Server::start(&config).await.unwrap();
        config.listen = server.address();
        let link = crate::invite(&server);
        for name in ["alice", "bob"] {
            let joined = join_over(folder.path(), name, &link, Transport::Plain).await.ok().unwrap();
            assert_eq!(joined.client.caught_up(Duration::from_secs(60)).await, Link::Live);
            joined.client.close().await;
        }
        let address = ServerAddress {
            host: "127.0.0.1".parse().unwrap(),
            port: server.address().port(),
            fingerprint: server.fingerprint(),
            transport: Transport::Plain,
        };
        Self { server, config, address, folder }
    }

    /// Logs a device in, as its client would.
    async fn log_in(&self, name: &str) -> (Connection, LoggedIn) {
        let profile = profile_of(&place(self.folder.path(), name));
        let mut connection = connect(&self.address, &OsEntropy).await.unwrap();
        let greeting = connection.greeting().clone();
        assert_eq!(Fingerprint::of(&greeting.server_key), self.address.fingerprint);
        let statement = statement::Login {
            server: &greeting.server_key,
            binding: &greeting.binding,
            server_nonce: &greeting.welcomed.nonce,
            account: &profile.account,
            device: &profile.device,
        };
        let signature = *statement.sign(&ListKey::from_seed(&profile.list_key)).as_bytes();
        let (account_id, device_id) = (profile.account, profile.device);
        let login = Login { account_id, device_id, signature, cursor: None, mark: None };
        let frame = ask(&mut connection, login.into()).await;
        let Response::LoggedIn(logged_in) = frame.response else { panic!("not logged in: {frame:?}") };
        (connection, logged_in)
    }

    async fn ticket(&self, name: &str) -> (Connection, Secret<32>) {
        let (connection, logged_in) = self.log_in(name).await;
        (connection, logged_in.body_ticket.unwrap())
    }

    /// One request by HTTP: head as it is, body, and everything that is answered.
    async fn http(&self, head: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.server.address()).await.unwrap();
        let head = format!("{head}Host: hushd.invalid\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get(&self, path: &str, ticket: Option<&Secret<32>>) -> String {
        self.http(&format!("GET {path} HTTP/1.1\r\n{}", bearer(ticket)), b"").await
    }

    async fn put(&self, digest: BodyDigest, ticket: Option<&Secret<32>>, body: &[u8]) -> String {
        let path = upload_path(digest);
        let head = format!("PUT {path} HTTP/1.1\r\n{}Content-Length: {}\r\n", bearer(ticket), body.len());
        self.http(&head, body).await
    }
}

fn bearer(ticket: Option<&Secret<32>>) -> String {
    ticket.map(|ticket| format!("Authorization: {}\r\n", authorization(ticket))).unwrap_or_default()
}

async fn ask(connection: &mut Connection, request: Request) -> ServerFrame {
    let id = connection.send(&request).await.unwrap();
    loop {
        let frame = connection.receive().await.unwrap();
        if frame.request_id == Some(id) {
            return frame;
        }
    }
}

fn digest(bytes: &[u8]) -> BodyDigest {
    BodyDigest::new(Sha256::digest(bytes).into())
}

#[track_caller]
fn assert_refused(answer: &str, status: u16, code: ErrorCode, words: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.contains(&format!("hushwire-error: {}\r\n", code.code())), "{answer}");
    assert!(answer.contains(words), "{answer}");
}

async fn uploaded(connection: &mut Connection, bytes: &[u8]) -> Response {
    let upload = BodyRef { digest: digest(bytes), length: u32::try_from(bytes.len()).unwrap() };
    ask(connection, SendUploaded { upload }.into()).await.response
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_ticket_of_a_living_login_opens_the_routes() {
    let scene = Scene::new().await;
    let (connection, ticket) = scene.ticket("alice").await;
    let body = b"not a request";
    for wrong in [None, Some(&Secret::new([1; 32]))] {
        assert_refused(
            &scene.put(digest(body), wrong, body).await,
            401,
            ErrorCode::NotLoggedIn,
            "log in first",
        );
        assert_refused(&scene.get("/v2/mailbox/1", wrong).await, 401, ErrorCode::NotLoggedIn, "log in first");
    }
    assert!(scene.put(digest(body), Some(&ticket), body).await.starts_with("HTTP/1.1 204 "));
    // A newer login of the same device ends the older one, and its ticket.
    let (newer, other) = scene.ticket("alice").await;
    assert_refused(
        &scene.get("/v2/mailbox/1", Some(&ticket)).await,
        401,
        ErrorCode::NotLoggedIn,
        "log in first",
    );
    assert_refused(&scene.get("/v2/mailbox/1", Some(&other)).await, 404, ErrorCode::BodyMissing, "not here");
    drop((connection, newer));
    scene.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upload_is_not_it_is_told() {
    let scene = Scene::new().await;
    let (mut connection, ticket) = scene.ticket("alice").await;
    let body = b"not a request";
    let wrong = scene.put(digest(b"something else"), Some(&ticket), body).await;
    assert_refused(&wrong, 400, ErrorCode::Malformed, "another digest");
    let path = upload_path(digest(body));
    let most = limits::UPLOAD_BYTES;
    let head = format!("PUT {path} HTTP/1.1\r\n{}Content-Length: {}\r\n", bearer(Some(&ticket)), most + 1);
    // The rest never comes: the answer comes all the same.
    assert_refused(&scene.http(&head, b"a beginning").await, 413, ErrorCode::TooLarge, "at most");
    let head = format!("PUT {path} HTTP/1.1\r\n{}Transfer-Encoding: chunked\r\n", bearer(Some(&ticket)));
    assert_refused(&scene.http(&head, b"0\r\n\r\n").await, 400, ErrorCode::Malformed, "Content-Length");
    let missing = uploaded(&mut connection, body).await;
    assert!(
        matches!(&missing, Response::Error(error) if error.code == ErrorCode::BodyMissing),
        "{missing:?}"
    );
    assert!(scene.put(digest(body), Some(&ticket), body).await.starts_with("HTTP/1.1 204 "));
    let nonsense = uploaded(&mut connection, body).await;
    assert!(
        matches!(&nonsense, Response::Error(error) if error.code == ErrorCode::Malformed),
        "{nonsense:?}"
    );
    let path = scene.get("/v2/groups/nonsense/1/1/tree", Some(&ticket)).await;
    assert_refused(&path, 400, ErrorCode::Malformed, "does not name");
    let unknown = format!("/v2/groups/{}/1/1/tree", hushwire_types::ConversationId::new([7; 32]));
    let unknown = scene.get(&unknown, Some(&ticket)).await;
    assert_refused(&unknown, 404, ErrorCode::UnknownConversation, "no such conversation");
    scene.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_of_its_device_and_does_not_outlive_the_server() {
    let mut scene = Scene::new().await;
    let (mut alice, ticket) = scene.ticket("alice").await;
    let (mut bob, _) = scene.ticket("bob").await;
    let body = b"not a request";
    assert!(scene.put(digest(body), Some(&ticket), body).await.starts_with("HTTP/1.1 204 "));
    let foreign = uploaded(&mut bob, body).await;
    assert!(
        matches!(&foreign, Response::Error(error) if error.code == ErrorCode::BodyMissing),
        "{foreign:?}"
    );
    alice.close().await;
    scene.server.stop().await;
    scene.server = Server::start(&scene.config).await.unwrap();
    let (again, new_ticket) = scene.ticket("alice").await;
    alice = again;
    assert_refused(
        &scene.get("/v2/mailbox/1", Some(&ticket)).await,
        401,
        ErrorCode::NotLoggedIn,
        "log in first",
    );
    let lost = uploaded(&mut alice, body).await;
    assert!(matches!(&lost, Response::Error(error) if error.code == ErrorCode::BodyMissing), "{lost:?}");
    assert!(scene.put(digest(body), Some(&new_ticket), body).await.starts_with("HTTP/1.1 204 "));
    let there = uploaded(&mut alice, body).await;
    assert!(matches!(&there, Response::Error(error) if error.code == ErrorCode::Malformed), "{there:?}");
    scene.server.stop().await;
}
