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

fn connection(script: &Script, folder: &Folder) -> Connection<Script> {
    Connection::new(script.clone(), bob(), 3, folder.waiting().unwrap())
}

fn client(script: &Script, folder: &Folder) -> Client<Script> {
    let own = folder.private_keys(Some(&bobs_password())).unwrap();
    Client::new(connection(script, folder), folder, own).unwrap()
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
    let (_dir, folder) = folder();
    let mut connection = connection(&script, &folder);
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
    let (_dir, folder) = folder();
    let mut connection = connection(&script, &folder);
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

/// A message that nobody waits for comes while `act` goes on, and the client ends before it shows it.
fn comes_while(answers: Vec<Response>, act: impl FnOnce(&mut Client<Script>)) {
    let (dir, folder) = folder();
    let script = Script::new([answers, vec![Response::MessageSent]]);
    let mut ended = client(&script, &folder);
    act(&mut ended);
    assert!(!script.asked().contains(&830), "it is not acknowledged before it was shown");
    drop(ended);
    // Later there is no trace of it at the server.
    let script = Script::new([
        vec![Response::Login],
        vec![alices_keys(signed_keys("alice"))],
        vec![Response::Listening],
    ]);
    let mut later = client(&script, &folder);
    later.login().unwrap();
    assert!(matches!(receive(&mut later).0, Some(Arrival::Text { .. })), "it was kept");
    assert_eq!(receive(&mut later).0, None, "and is shown once");
    drop(later);
    assert_eq!(std::fs::read(dir.path().join("hush_waiting")).unwrap(), b"");
    assert_eq!(receive(&mut client(&Script::default(), &folder)).0, None);
}

fn say_hello(client: &mut Client<Script>) {
    client.send(alice(), &Text::new("hello".to_owned()).unwrap(), &OsEntropy).unwrap();
}

#[test]
fn a_message_that_answers_a_login_outlives_the_client() {
    comes_while(vec![message(blob())], |client| client.login().unwrap());
}

#[test]
fn a_message_that_follows_the_answer_to_a_login_outlives_the_client() {
    comes_while(vec![Response::Login, message(blob())], |client| {
        client.login().unwrap();
        client.settle().unwrap();
    });
}

#[test]
fn a_message_that_comes_while_one_is_sent_outlives_the_client() {
    // The script knows Alice's keys only from the server, here and later.
    let keys = || Response::RecipientKeys(signed_keys("alice"));
    let (_dir, folder) = folder();
    let script = Script::new([vec![message(blob()), keys()], vec![Response::MessageSent]]);
    let mut ended = client(&script, &folder);
    say_hello(&mut ended);
    drop(ended);
    let script = Script::new([vec![Response::Listening]]);
    let mut later = client(&script, &folder);
    assert!(matches!(receive(&mut later).0, Some(Arrival::Text { .. })));
    assert_eq!(script.asked(), [830]);
    assert_eq!(receive(&mut later).0, None);
}

#[test]
fn two_messages_in_one_packet_are_both_kept() {
    let (_dir, folder) = folder();
    let forged = |byte: usize| {
        let mut bytes = blob().as_bytes().to_vec();
        bytes[byte] ^= 1;
        message(MessageBlob::new(bytes.into()).unwrap())
    };
    let script = Script::new([vec![Response::Login, message(blob()), forged(545), forged(546)]]);
    let mut ended = client(&script, &folder);
    ended.login().unwrap();
    ended.settle().unwrap();
    drop(ended);
    let keys = vec![alices_keys(signed_keys("alice"))];
    let script =
        Script::new([keys, vec![Response::Listening], vec![Response::Listening], vec![Response::Listening]]);
    let mut later = client(&script, &folder);
    assert!(matches!(receive(&mut later).0, Some(Arrival::Text { .. })), "in the order in which they came");
    assert!(matches!(receive(&mut later).0, Some(Arrival::Unshowable { .. })));
    drop(later);
    // Cut off in between, what was shown is not shown again, and what was not is.
    let script = Script::new([vec![Response::Listening]]);
    let mut last = client(&script, &folder);
    assert!(matches!(receive(&mut last).0, Some(Arrival::Unshowable { .. })));
    assert_eq!(receive(&mut last).0, None);
}

#[test]
fn a_message_that_could_not_be_shown_is_shown_later() {
    let (_dir, folder) = folder();
    let script = Script::new([vec![alices_keys(signed_keys("alice"))]]);
    let mut ended = client(&script, &folder);
    script.push(&message(blob()));
    assert!(ended.receive(|_| Err(ErrorKind::BrokenPipe.into())).is_err());
    drop(ended);
    // A server that has it still sends it again: it is one message.
    let script = Script::new([vec![message(blob())], vec![Response::Listening]]);
    let mut later = client(&script, &folder);
    later.login().unwrap();
    assert!(matches!(receive(&mut later).0, Some(Arrival::Text { .. })));
    assert_eq!(receive(&mut later).0, None);
}

#[test]
fn a_message_of_somebody_without_an_account_does_not_block_others() {
    let (_dir, folder) = folder();
    let nobody = Response::Message { sender: "0599".parse().unwrap(), blob: blob() };
    let script = Script::new([
        vec![nobody, message(blob())],
        vec![Response::Error],
        vec![Response::RecipientKeys(signed_keys("bob"))],
        vec![Response::Listening],
        vec![alices_keys(signed_keys("alice"))],
        vec![Response::Listening],
    ]);
    let mut client = client(&script, &folder);
    client.login().unwrap();
    let (seen, received) = receive(&mut client);
    assert!(
        matches!(seen, Some(Arrival::Unshowable { why: message::OpenError::UnknownSender, .. })),
        "{seen:?}"
    );
    assert_eq!(received.unwrap(), Some(Received::LastOfSender), "acknowledged: it does not come again");
    assert!(matches!(receive(&mut client).0, Some(Arrival::Text { .. })));
    assert_eq!(script.asked(), [827, 832, 828, 830, 832, 830]);
}

#[test]
fn a_message_stays_where_the_server_cannot_look_accounts_up_at_that_moment() {
    let (_dir, folder) = folder();
    let script = Script::new([
        vec![message(blob())],
        vec![Response::Error],
        vec![Response::Error],
        vec![alices_keys(signed_keys("alice"))],
        vec![Response::Listening],
    ]);
    let mut client = client(&script, &folder);
    client.login().unwrap();
    let (seen, received) = receive(&mut client);
    assert!(seen.is_none() && matches!(received, Err(ClientError::UnknownPhone(_))), "{received:?}");
    assert!(matches!(receive(&mut client).0, Some(Arrival::Text { .. })));
    assert_eq!(script.asked(), [827, 832, 828, 832, 830]);
}

#[test]
fn an_account_is_ones_own_if_the_server_vouches_for_the_keys() {
    let (_dir, folder) = folder();
    let server = server_key().verifying().unwrap();
    let keys = |who| vec![Response::RecipientKeys(signed_keys(who))];
    let forged = SignedKeys { dh_signature: signed_keys("alice").dh_signature, ..signed_keys("bob") };
    let script = Script::new([
        // One that tells strangers, one that wants a login first, another's account, a lie, and one that lets nobody in.
        keys("bob"),
        vec![Response::Error],
        vec![Response::Login],
        keys("bob"),
        keys("alice"),
        vec![Response::RecipientKeys(forged)],
        vec![Response::Error],
        vec![Response::LoginFailed],
    ]);
    let mut connection = connection(&script, &folder);
    let mut ask = || connection.is_account_of(&private_keys("bob"), &server);
    assert!(ask().unwrap());
    assert!(ask().unwrap());
    assert!(!ask().unwrap());
    assert!(matches!(ask(), Err(ClientError::ForgedKeys { .. })));
    assert!(matches!(ask(), Err(ClientError::LoginRefused)));
    assert_eq!(script.asked(), [828, 828, 827, 828, 828, 828, 828, 827]);
}
