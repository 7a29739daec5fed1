//! The client against a scripted server, byte by byte.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};

use hushwire_classic::client::{Arrival, Client, ClientError, Connection, Received};
use hushwire_classic::folder::Folder;
use hushwire_classic::frame::encode_response;
use hushwire_classic::message::{self, Text};
use hushwire_classic::{MessageBlob, Otp, Request, RequestDecoder, Response, SignedKeys};
use hushwire_types::OsEntropy;

use crate::samples::{alice, blob, bob, bobs_password, private_keys, server_key, signed_keys, vectors};

/// A server that answers each request with what the script has next, in pieces of one byte, and then is quiet.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: VecDeque<Vec<Response>>,
    decoder: RequestDecoder,
    asked: Vec<Request>,
    out: VecDeque<u8>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Vec<Response>>) -> Self {
        let script = Self::default();
        script.0.lock().unwrap().answers.extend(answers);
        script
    }

    fn push(&self, response: &Response) {
        self.0.lock().unwrap().out.extend(encode_response(response));
    }

    fn asked(&self) -> Vec<u16> {
        self.0.lock().unwrap().asked.iter().map(Request::code).collect()
    }
}

impl Read for Script {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let byte = self.0.lock().unwrap().out.pop_front().ok_or(ErrorKind::WouldBlock)?;
        room[0] = byte;
        Ok(1)
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let state = &mut *self.0.lock().unwrap();
        state.decoder.push(bytes);
        while let Some(frame) = state.decoder.next_frame().unwrap() {
            assert_eq!(frame.phone, bob());
            state.asked.push(frame.request);
            for response in state.answers.pop_front().unwrap_or_default() {
                state.out.extend(encode_response(&response));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    for name in ["dh_private_key.pem", "rsa_private_key.pem", "server_public_key.pem"] {
        std::fs::copy(vectors().join("bob").join(name), dir.path().join(name)).unwrap();
    }
    let folder = Folder::new(dir.path());
    folder.write_phone(bob()).unwrap();
    (dir, folder)
}

fn client(script: &Script, folder: &Folder) -> Client<Script> {
    let own = folder.private_keys(Some(&bobs_password())).unwrap();
    Client::new(Connection::new(script.clone(), bob(), 3), folder, own).unwrap()
}

fn message(blob: MessageBlob) -> Response {
    Response::Message { sender: alice(), blob }
}

fn alices_keys(keys: SignedKeys) -> Response {
    Response::SenderKeys { phone: alice(), keys }
}

fn receive(client: &mut Client<Script>) -> (Option<Arrival>, Result<Option<Received>, ClientError>) {
    let mut seen = None;
    let received = client.receive(|arrival| {
        seen = Some(arrival.clone());
        Ok(())
    });
    (seen, received)
}

#[test]
fn somebody_registers() {
    let script =
        Script::new([vec![Response::Registration(None)], vec![Response::OtpOk], vec![Response::KeysSet]]);
    let mut connection = Connection::new(script.clone(), bob(), 3);
    assert_eq!(connection.register().unwrap(), None);
    connection.confirm(Otp::new(123_456).unwrap()).unwrap();
    connection.send_keys(&private_keys("bob")).unwrap();
    assert_eq!(script.asked(), [825, 831, 826]);
    let Request::SendPublicKeys(keys) = script.0.lock().unwrap().asked.pop().unwrap() else {
        panic!("no keys")
    };
    assert_eq!(keys, signed_keys("bob").keys);
}

#[test]
fn refusals_are_told_apart() {
    let script = Script::new([
        vec![Response::RegistrationFailed],
        vec![Response::Error],
        vec![Response::LoginFailed],
        vec![Response::OtpOk],
        vec![],
    ]);
    let mut connection = Connection::new(script, bob(), 3);
    assert!(matches!(connection.register(), Err(ClientError::RegistrationRefused)));
    assert!(matches!(connection.confirm(Otp::new(123_456).unwrap()), Err(ClientError::WrongCode)));
    assert!(matches!(connection.login(), Err(ClientError::LoginRefused)));
    assert!(matches!(connection.login(), Err(ClientError::Unexpected(1604))));
    assert!(matches!(connection.login(), Err(ClientError::Silent)));
}

#[test]
fn a_message_is_verified_shown_noted_and_acknowledged() {
    let (_dir, folder) = folder();
    let script = Script::new([vec![alices_keys(signed_keys("alice"))], vec![Response::Listening]]);
    let mut client = client(&script, &folder);
    script.push(&message(blob()));
    let (seen, received) = receive(&mut client);
    let Some(Arrival::Text { sender, text }) = seen else { panic!("{seen:?}") };
    assert_eq!((sender, text.as_str()), (alice(), "hello from the original: ünïcödé ✓"));
    assert_eq!(received.unwrap(), Some(Received::LastOfSender));
    assert_eq!(script.asked(), [832, 830]);
    assert_eq!(receive(&mut client).1.unwrap(), None);
}

#[test]
fn a_replay_is_acknowledged_and_shown_to_nobody() {
    let (_dir, folder) = folder();
    let script = Script::new([
        vec![alices_keys(signed_keys("alice"))],
        vec![message(blob())],
        vec![Response::Listening],
    ]);
    let mut one = client(&script, &folder);
    script.push(&message(blob()));
    assert_eq!(receive(&mut one).1.unwrap(), Some(Received::MoreWait));
    assert_eq!(receive(&mut one).0, Some(Arrival::Repeated(alice())));
    drop(one);
    let script = Script::new([vec![Response::Listening]]);
    let mut later = client(&script, &folder);
    script.push(&message(blob()));
    assert_eq!(receive(&mut later).0, Some(Arrival::Repeated(alice())), "also after a restart");
    assert_eq!(script.asked(), [830]);
}

#[test]
fn a_message_that_its_sender_did_not_sign_is_not_shown() {
    let (_dir, folder) = folder();
    let mut forged = blob().as_bytes().to_vec();
    forged[545] ^= 1;
    let script = Script::new([vec![alices_keys(signed_keys("alice"))], vec![Response::Listening]]);
    let mut client = client(&script, &folder);
    script.push(&message(MessageBlob::new(forged.into()).unwrap()));
    assert!(matches!(receive(&mut client).0, Some(Arrival::Unshowable { .. })));
}

#[test]
fn a_message_that_could_not_be_shown_is_not_acknowledged() {
    let (_dir, folder) = folder();
    let script = Script::new([vec![alices_keys(signed_keys("alice"))]]);
    let mut client = client(&script, &folder);
    script.push(&message(blob()));
    let received = client.receive(|_| Err(ErrorKind::BrokenPipe.into()));
    assert!(matches!(received, Err(ClientError::NotShown(_))));
    assert_eq!(script.asked(), [832]);
    assert!(!folder.shown().unwrap().contains(alice(), &blob()));
}

#[test]
fn keys_that_the_server_did_not_sign_stop_everything() {
    let (_dir, folder) = folder();
    let forged = SignedKeys { dh_signature: signed_keys("bob").dh_signature, ..signed_keys("alice") };
    let script = Script::new([vec![alices_keys(forged.clone())], vec![Response::RecipientKeys(forged)]]);
    let mut client = client(&script, &folder);
    script.push(&message(blob()));
    let (seen, received) = receive(&mut client);
    assert_eq!(seen, None);
    assert!(matches!(received, Err(ClientError::ForgedKeys { .. })));
    let text = Text::new("x".to_owned()).unwrap();
    assert!(matches!(client.send(alice(), &text, &OsEntropy), Err(ClientError::ForgedKeys { .. })));
    assert_eq!(script.asked(), [832, 828], "nothing was acknowledged, nothing was sent");
}

#[test]
fn keys_that_change_stop_everything() {
    let (_dir, folder) = folder();
    let other = signed_keys("bob").keys.sign(&server_key()).unwrap();
    let script = Script::new([
        vec![Response::RecipientKeys(signed_keys("alice"))],
        vec![Response::MessageSent],
        vec![Response::RecipientKeys(other)],
    ]);
    let mut client = client(&script, &folder);
    let text = Text::new("x".to_owned()).unwrap();
    client.send(alice(), &text, &OsEntropy).unwrap();
    assert!(matches!(client.send(alice(), &text, &OsEntropy), Err(ClientError::ChangedKeys(_))));
    assert_eq!(script.asked(), [828, 829, 828]);
}

#[test]
fn what_is_sent_can_be_read_by_its_recipient() {
    let (_dir, folder) = folder();
    let script = Script::new([
        vec![message(blob()), Response::RecipientKeys(signed_keys("alice"))],
        vec![Response::MessageSent],
        vec![alices_keys(signed_keys("alice"))],
        vec![Response::Listening],
    ]);
    let mut client = client(&script, &folder);
    let text = Text::new("hello, original".to_owned()).unwrap();
    client.send(alice(), &text, &OsEntropy).unwrap();
    let Request::Message { recipient, blob } = script.0.lock().unwrap().asked.pop().unwrap() else {
        panic!("no message")
    };
    let bobs = signed_keys("bob").verify(&server_key().verifying().unwrap()).unwrap();
    assert_eq!((recipient, message::open(&private_keys("alice").dh, &bobs, &blob)), (alice(), Ok(text)));
    assert!(matches!(receive(&mut client).0, Some(Arrival::Text { .. })), "what came meanwhile is kept");
}
