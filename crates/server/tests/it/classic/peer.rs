//! A server in this process, and peers that say what a test tells them to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hushwire_classic::folder::Folder;
use hushwire_classic::frame::encode_request;
use hushwire_classic::message::PrivateKeys;
use hushwire_classic::{
    DhPublicKey, MessageBlob, Otp, Phone, PublicKeys, Request, Response, ResponseDecoder, RsaPem,
};
use hushwire_server::config::{Classic, Config, Driver};
use hushwire_server::{Server, classic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer takes longer, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../classic/tests/vectors")
}

/// A server, its folder and its configuration.
pub(super) struct Hub {
    pub(super) dir: tempfile::TempDir,
    pub(super) config: Config,
    pub(super) server: Server,
}

/// How codes go out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Codes {
    Echo,
    File,
    Nowhere,
}

impl Hub {
    pub(super) async fn start(codes: Codes) -> Self {
        Self::start_with(codes, |_| {}).await
    }

    pub(super) async fn start_with(codes: Codes, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::DirBuilder::new().mode(0o700).create(&data).unwrap();
        place_key(&data);
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut config = Config::dev(data);
        config.listen = loopback;
        config.classic =
            Classic { listen: Some(loopback), tls: false, insecure_otp_echo: codes == Codes::Echo };
        config.otp.phone = match codes {
            Codes::Nowhere => Driver::None,
            _ => Driver::File { path: dir.path().join("codes") },
        };
        change(&mut config);
        let server = Server::start(&config).await.unwrap();
        Self { dir, config, server }
    }

    /// Stops the server and starts it again on the same folder.
    pub(super) async fn restart(self) -> Self {
        self.server.stop().await;
        let server = Server::start(&self.config).await.unwrap();
        Self { server, ..self }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.classic_address().unwrap()
    }

    pub(super) async fn connect(&self, phone: &str) -> Peer {
        Peer::connect(self.address(), phone.parse().unwrap()).await
    }

    /// Somebody who has registered and is online.
    pub(super) async fn person(&self, phone: &str) -> Peer {
        let mut peer = self.connect(phone).await;
        let otp = match peer.ask(&Request::Register).await {
            Response::Registration(Some(otp)) => otp,
            Response::Registration(None) => self.codes().pop().unwrap(),
            other => panic!("not registered: {other:?}"),
        };
        assert_eq!(peer.ask(&Request::Otp(otp)).await, Response::OtpOk);
        assert_eq!(peer.ask(&Request::SendPublicKeys(public_keys(phone))).await, Response::KeysSet);
        peer
    }

    /// Somebody who was registered before and is online, with the answer to the login.
    pub(super) async fn back(&self, phone: &str) -> (Peer, Response) {
        let mut peer = self.connect(phone).await;
        let answer = peer.ask(&Request::Login).await;
        (peer, answer)
    }

    /// The codes that went out, oldest first.
    pub(super) fn codes(&self) -> Vec<Otp> {
        let text = std::fs::read_to_string(self.dir.path().join("codes")).unwrap_or_default();
        let code = |line: &str| {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            object["code"].as_str().unwrap().parse().unwrap()
        };
        text.lines().map(code).collect()
    }
}

/// The server's key of the vectors: making one takes seconds.
pub(super) fn place_key(data: &Path) {
    let text = std::fs::read(vectors().join("server/server_private_key.pem")).unwrap();
    let path = data.join(classic::KEY_FILE_NAME);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, &text).unwrap();
}

/// Alice's private keys: everybody here signs with hers, since a server does not look.
pub(super) fn private_keys() -> PrivateKeys {
    Folder::new(&vectors().join("alice")).private_keys(None).unwrap()
}

/// Keys of which each phone has others.
pub(super) fn public_keys(phone: &str) -> PublicKeys {
    let mut dh = [9; 32];
    dh[..phone.len()].copy_from_slice(phone.as_bytes());
    let pem = std::fs::read(vectors().join("alice.keys")).unwrap();
    let pem = pem[32..pem.len() - 1024].to_vec();
    PublicKeys { dh: DhPublicKey(dh), rsa: RsaPem::new(pem.into()).unwrap() }
}

/// A message that no other call returns.
pub(super) fn blob(number: u64) -> MessageBlob {
    let mut bytes = vec![7; 600];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    MessageBlob::new(bytes.into()).unwrap()
}

/// What a server pushes or answers for a message.
pub(super) fn from(sender: &Peer, number: u64) -> Response {
    Response::Message { sender: sender.phone, blob: blob(number) }
}

/// One end of a connection.
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    pub(super) phone: Phone,
    decoder: ResponseDecoder,
    heard: VecDeque<Response>,
}

impl Peer {
    pub(super) async fn connect(address: SocketAddr, phone: Phone) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, phone, decoder: ResponseDecoder::default(), heard: VecDeque::new() }
    }

    pub(super) async fn say(&mut self, request: &Request) {
        self.write(&encode_request(self.phone, request)).await;
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(super) async fn ask(&mut self, request: &Request) -> Response {
        self.say(request).await;
        self.hear().await
    }

    /// Sends a message; the server has it then.
    pub(super) async fn send(&mut self, to: &Peer, number: u64) {
        let request = Request::Message { recipient: to.phone, blob: blob(number) };
        assert_eq!(self.ask(&request).await, Response::MessageSent);
    }

    /// Acknowledges a message of a sender.
    pub(super) async fn read(&mut self, sender: &Peer) -> Response {
        self.ask(&Request::MessageReceived(sender.phone)).await
    }

    /// The next frame.
    pub(super) async fn hear(&mut self) -> Response {
        self.hear_or_end().await.expect("the server ended the connection")
    }

    /// The next frame, or that there is none to come.
    pub(super) async fn hear_or_end(&mut self) -> Option<Response> {
        loop {
            while let Some(response) = self.decoder.next_frame().unwrap() {
                self.heard.push_back(response);
            }
            if let Some(response) = self.heard.pop_front() {
                return Some(response);
            }
            let mut room = [0; 8192];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut room)).await;
            match read.expect("the server said nothing").unwrap_or(0) {
                0 => return None,
                count => self.decoder.push(&room[..count]),
            }
        }
    }
}
