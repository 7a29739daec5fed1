//! A client that does not play by the rules, on a bare WebSocket. The server answers or hangs up, and serves others on.

use std::net::TcpStream;

use hushwire_types::SessionId;
use hushwire_wire::{self as wire, ErrorCode, Request, RequestId, Response, Sensitive, frame, limits};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

use crate::support::{DEADLINE, Options, World};

struct Rude {
    socket: WebSocket<TcpStream>,
}

impl Rude {
    fn connect(world: &World) -> Self {
        let stream = TcpStream::connect(world.server.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut request = format!("ws://{}/v2/ws", world.server.address()).into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("hushwire.v2"));
        Self { socket: client(request, stream).unwrap().0 }
    }

    fn greeted(world: &World) -> Self {
        let mut rude = Self::connect(world);
        let nonce = [7; 32];
        let hello = wire::Hello {
            min_version: wire::VERSION,
            max_version: wire::VERSION,
            features: Vec::new(),
            nonce,
        };
        assert!(matches!(rude.ask(1, &hello.into()), Response::Welcomed(_)));
        rude
    }

    fn ask(&mut self, number: u64, request: &Request) -> Response {
        let bytes = frame::encode_client(RequestId::new(number).unwrap(), request).unwrap();
        self.answer(Message::Binary(bytes)).expect("an answer")
    }

    /// Sends anything, and says what came back; none where the server hung up.
    fn answer(&mut self, message: Message) -> Option<Response> {
        // A server that hung up half-way is seen when reading.
        let _ = self.socket.send(message);
        loop {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => return Some(frame::decode_server(bytes).unwrap().response),
                Ok(Message::Close(_)) => return None,
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("the server neither answers nor hangs up")
                }
                Err(_) => return None,
            }
        }
    }

    /// The error code of what came back.
    fn error(&mut self, message: Message) -> Option<ErrorCode> {
        self.answer(message).map(|response| match response {
            Response::Error(error) => error.code,
            other => panic!("an error, not {other:?}"),
        })
    }
}

fn plain() -> World {
    World::with(Options { plain: true, ..Options::default() })
}

/// Two people talk in clear text over loopback, so that the same server can be tried without TLS.
fn still_works(world: &World) {
    let link = world.server.invite();
    for name in ["alice", "bob"] {
        let words = ["join", &link, "--name", name, "--lock", "key-file", "--plain"];
        world.run(name, &words).expect(0);
    }
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(world.received("bob", "@alice"), ["hello"]);
}

#[test]
fn frames_that_are_none_are_answered_or_hung_up_on() {
    let world = plain();
    let garbage: [&[u8]; 5] = [b"", b"\0", b"hello", &[0xff; 300], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]];
    for bytes in garbage {
        let answered = Rude::connect(&world).error(Message::binary(bytes.to_vec()));
        assert!(matches!(answered, None | Some(ErrorCode::Malformed)), "{bytes:?}: {answered:?}");
    }
    let answered = Rude::greeted(&world).error(Message::text("{\"hello\": true}"));
    assert_eq!(answered, Some(ErrorCode::Malformed));
    still_works(&world);
}

#[test]
fn frames_that_are_too_long_are_refused() {
    let world = plain();
    for bytes in [limits::FRAME_BYTES + 1, 2 * limits::FRAME_BYTES + 1, 16 * 1024 * 1024] {
        let answered = Rude::greeted(&world).error(Message::binary(vec![8; bytes]));
        assert!(matches!(answered, None | Some(ErrorCode::TooLarge)), "{bytes} bytes: {answered:?}");
    }
    still_works(&world);
}

#[test]
fn nothing_can_be_asked_before_the_login() {
    let world = plain();
    let look_up: Request = wire::LookUp { handle: Sensitive::from("@alice".to_owned()) }.into();
    let otp: Request =
        wire::Otp { session_id: SessionId::new([1; 16]), code: Sensitive::from("123456".to_owned()) }.into();
    // Not even a greeting.
    for request in [&look_up, &otp] {
        match Rude::connect(&world).ask(1, request) {
            Response::Error(error) => assert_eq!(error.code, ErrorCode::NotNow),
            other => panic!("{other:?}"),
        }
    }
    // A greeting, and no login.
    let mut rude = Rude::greeted(&world);
    match rude.ask(2, &look_up) {
        Response::Error(error) => assert!(matches!(error.code, ErrorCode::NotNow | ErrorCode::NotLoggedIn)),
        other => panic!("{other:?}"),
    }
    // A registration that never began.
    match rude.ask(3, &otp) {
        Response::RegistrationFailed(failed) => {
            assert_eq!(failed.failure, wire::RegistrationFailure::SessionInvalid);
        }
        other => panic!("{other:?}"),
    }
    still_works(&world);
}
