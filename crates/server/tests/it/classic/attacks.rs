//! The table of what the original does unsafely, row by row.

use std::net::SocketAddr;

use hushwire_classic::frame::encode_request;
use hushwire_classic::{Otp, Request, Response};
use hushwire_server::Server;

use super::peer::{Codes, Hub, Peer, blob, from, public_keys};

const ALICE: &str = "0501111111";
const BOB: &str = "0502222222";
const MALLORY: &str = "0509999999";

/// The account of another one, as requests name it.
fn in_the_name_of(name: &str, request: &Request) -> Vec<u8> {
    encode_request(name.parse().unwrap(), request).to_vec()
}

#[tokio::test]
async fn a_code_is_not_given_to_who_asks() {
    let hub = Hub::start(Codes::File).await;
    let mut mallory = hub.connect(ALICE).await;
    assert_eq!(mallory.ask(&Request::Register).await, Response::Registration(None));
    let hub = Hub::start(Codes::Nowhere).await;
    let mut mallory = hub.connect(ALICE).await;
    assert_eq!(mallory.ask(&Request::Register).await, Response::RegistrationFailed, "no driver, no code");
}

#[tokio::test]
async fn codes_go_out_with_answers_on_loopback_alone() {
    let hub = Hub::start(Codes::Echo).await;
    let mut config = hub.config.clone();
    config.classic.listen = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    let file = hub.dir.path().join("hushd.toml");
    std::fs::write(&file, "[classic]\nlisten = \"0.0.0.0:8080\"\ninsecure_otp_echo = true\n").unwrap();
    let read = hushwire_server::config::load(&config, Some(&file), Some(Default::default()), vec![]);
    assert!(read.unwrap_err().to_string().contains("loopback"));
    hub.server.stop().await;
    assert!(Server::start(&config).await.is_err(), "nor where no file was read");
}

#[tokio::test]
async fn a_code_is_guessed_five_times_and_no_more() {
    let hub = Hub::start(Codes::File).await;
    let mut mallory = hub.connect(ALICE).await;
    mallory.ask(&Request::Register).await;
    let right = hub.codes().pop().unwrap();
    let wrong = (100_000..).map(|number| Otp::new(number).unwrap()).filter(|otp| *otp != right);
    for otp in wrong.take(5) {
        assert_eq!(mallory.ask(&Request::Otp(otp)).await, Response::Error);
    }
    assert_eq!(mallory.ask(&Request::Otp(right)).await, Response::Error, "the registration is over");
    assert_eq!(mallory.ask(&Request::SendPublicKeys(public_keys(ALICE))).await, Response::Error);
}

#[tokio::test]
async fn guesses_are_counted_over_all_registrations_and_restarts() {
    let mut hub = Hub::start(Codes::Echo).await;
    for _ in 0..2 {
        let mut mallory = hub.connect(ALICE).await;
        let Response::Registration(Some(right)) = mallory.ask(&Request::Register).await else {
            panic!("refused")
        };
        let wrong = (100_000..).map(|number| Otp::new(number).unwrap()).filter(|otp| *otp != right);
        for otp in wrong.take(5) {
            assert_eq!(mallory.ask(&Request::Otp(otp)).await, Response::Error);
        }
        hub = hub.restart().await;
    }
    let mut mallory = hub.connect(ALICE).await;
    assert_eq!(mallory.ask(&Request::Register).await, Response::RegistrationFailed);
    let mut other = hub.connect(BOB).await;
    assert!(matches!(other.ask(&Request::Register).await, Response::Registration(Some(_))));
}

#[tokio::test]
async fn a_code_is_worth_nothing_on_another_connection() {
    let hub = Hub::start(Codes::File).await;
    let mut alice = hub.connect(ALICE).await;
    alice.ask(&Request::Register).await;
    let otp = hub.codes().pop().unwrap();
    let mut mallory = hub.connect(ALICE).await;
    assert_eq!(mallory.ask(&Request::Otp(otp.clone())).await, Response::Error);
    assert_eq!(mallory.ask(&Request::SendPublicKeys(public_keys(MALLORY))).await, Response::Error);
    assert_eq!(alice.ask(&Request::Otp(otp)).await, Response::OtpOk);
    assert_eq!(mallory.ask(&Request::SendPublicKeys(public_keys(MALLORY))).await, Response::Error);
}

#[tokio::test]
async fn nobody_speaks_in_the_name_of_another() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    let mut mallory = hub.person(MALLORY).await;
    alice.send(&bob, 1).await;
    let requests = [
        Request::Login,
        Request::Register,
        Request::MessageReceived(alice.phone),
        Request::Message { recipient: alice.phone, blob: blob(2) },
        Request::RecipientKeys(alice.phone),
        Request::SenderKeys(alice.phone),
        Request::SendPublicKeys(public_keys(MALLORY)),
        Request::Otp(Otp::new(123_456).unwrap()),
    ];
    for request in requests {
        mallory.write(&in_the_name_of(BOB, &request)).await;
        assert_eq!(mallory.hear().await, Response::Error, "{request:?}");
    }
    assert_eq!(bob.hear().await, from(&alice, 1), "Bob's queue is as it was");
    assert_eq!(bob.read(&alice).await, Response::Listening, "and nothing came from him");
}

#[tokio::test]
async fn a_phone_that_is_online_stays_with_its_connection() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    let (mut mallory, answer) = hub.back(BOB).await;
    assert_eq!(answer, Response::LoginFailed);
    alice.send(&bob, 1).await;
    assert_eq!(mallory.read(&alice).await, Response::Error, "who is nobody drains nothing");
    assert_eq!(bob.hear().await, from(&alice, 1));
}

#[tokio::test]
async fn a_queue_is_not_emptied_by_reading_it() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    drop(bob);
    let (bob, _) = hub.back(BOB).await;
    for number in 1..=3 {
        alice.send(&bob, number).await;
    }
    drop(bob);
    for _ in 0..3 {
        let (_gone, answer) = hub.back(BOB).await;
        assert_eq!(answer, from(&alice, 1), "what nobody acknowledged is there again");
    }
    let (mut bob, _) = hub.back(BOB).await;
    // Of a sender of whom nothing was sent, there is nothing to acknowledge.
    assert_eq!(bob.ask(&Request::MessageReceived(MALLORY.parse().unwrap())).await, Response::Listening);
    assert_eq!(bob.read(&alice).await, from(&alice, 2));
}

#[tokio::test]
async fn keys_are_never_replaced() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    assert_eq!(bob.ask(&Request::SendPublicKeys(public_keys(MALLORY))).await, Response::Error);
    assert_eq!(
        bob.ask(&Request::SendPublicKeys(public_keys(BOB))).await,
        Response::Error,
        "not even by themselves"
    );
    let mut mallory = hub.connect(BOB).await;
    assert_eq!(mallory.ask(&Request::Register).await, Response::RegistrationFailed);
    let Response::RecipientKeys(keys) = alice.ask(&Request::RecipientKeys(bob.phone)).await else {
        panic!("no keys")
    };
    assert_eq!(keys.keys, public_keys(BOB));
}

#[tokio::test]
async fn a_replay_is_delivered_to_nobody() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    alice.send(&bob, 1).await;
    assert_eq!(bob.hear().await, from(&alice, 1));
    assert_eq!(bob.read(&alice).await, Response::Listening);
    drop(alice);
    // Mallory has heard the message on the network, and says that she is Alice.
    let (mut mallory, _) = hub.back(ALICE).await;
    mallory.send(&bob, 1).await;
    let hub = hub.restart().await;
    let (mut mallory, _) = hub.back(ALICE).await;
    mallory.send(&bob, 1).await;
    assert_eq!(hub.back(BOB).await.1, Response::Login);
}

#[tokio::test]
async fn frames_come_in_any_pieces() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    let message = |number| Request::Message { recipient: BOB.parse().unwrap(), blob: blob(number) };
    let coalesced: Vec<u8> =
        (1..=5).flat_map(|number| encode_request(alice.phone, &message(number)).to_vec()).collect();
    alice.write(&coalesced).await;
    for _ in 1..=5 {
        assert_eq!(alice.hear().await, Response::MessageSent);
    }
    for byte in encode_request(alice.phone, &message(6)) {
        alice.write(&[byte]).await;
    }
    assert_eq!(alice.hear().await, Response::MessageSent);
    assert_eq!(bob.hear().await, from(&alice, 1));
    for number in 2..=6 {
        assert_eq!(bob.read(&alice).await, from(&alice, number));
    }
    assert_eq!(bob.read(&alice).await, Response::Listening);
}

#[tokio::test]
async fn what_is_too_large_ends_its_connection_alone() {
    let hub = Hub::start(Codes::Echo).await;
    let mut alice = hub.person(ALICE).await;
    for size in [2042_u32, u32::MAX] {
        let mut mallory = hub.connect(MALLORY).await;
        let header = [MALLORY.as_bytes(), &[1], &829_u16.to_be_bytes(), &size.to_be_bytes()].concat();
        mallory.write(&header).await;
        assert_eq!(mallory.hear_or_end().await, Some(Response::Error));
        assert_eq!(mallory.hear_or_end().await, None);
    }
    let mut stranger = hub.connect(MALLORY).await;
    stranger.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(stranger.hear_or_end().await, Some(Response::Error));
    assert_eq!(alice.ask(&Request::Login).await, Response::Login, "others are not disturbed");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_the_connection_goes_on() {
    let hub = Hub::start(Codes::Echo).await;
    let mut alice = hub.person(ALICE).await;
    for (code, payload) in [(999_u16, &b""[..]), (825, b"x"), (831, b"\0\0\0\0"), (829, b"0501111111 short")]
    {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        alice.write(&[ALICE.as_bytes(), &[1], &code.to_be_bytes(), &size, payload].concat()).await;
        assert_eq!(alice.hear().await, Response::Error, "{code}");
    }
    assert_eq!(alice.ask(&Request::Login).await, Response::Login);
}

#[tokio::test]
async fn connections_are_as_many_as_configured() {
    let hub = Hub::start_with(Codes::Echo, |config| config.limits.connections = 12).await;
    let mut peers = Vec::new();
    for number in 0..12 {
        // More than the original's ten.
        let mut peer = hub.connect(&format!("05{number}")).await;
        assert_eq!(peer.ask(&Request::Login).await, Response::LoginFailed);
        peers.push(peer);
    }
    let mut one_too_many = hub.connect("0599").await;
    assert_eq!(one_too_many.hear_or_end().await, None);
}

#[tokio::test]
async fn accounts_of_both_protocols_are_apart() {
    let hub = Hub::start(Codes::Echo).await;
    let _alice = hub.person(ALICE).await;
    let reply = hub.server.ask(hushwire_server::admin::Ask::Users);
    let hushwire_server::admin::Reply::Users { users } = reply else { panic!("no list") };
    assert!(users.is_empty());
}

#[tokio::test]
async fn a_listener_inside_tls_takes_no_clear_text() {
    let hub = Hub::start_with(Codes::Echo, |config| config.classic.tls = true).await;
    let mut clear = Peer::connect(hub.address(), ALICE.parse().unwrap()).await;
    clear.say(&Request::Login).await;
    // What TLS answers is an alert, which is no frame of this protocol.
    let mut heard = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut clear.stream, &mut heard).await.unwrap_or_default();
    assert!(heard.is_empty() || heard[0] == 21, "{heard:?}");
}

#[tokio::test]
async fn there_is_no_listener_unless_one_is_asked_for() {
    let hub = Hub::start_with(Codes::Echo, |config| config.classic = Default::default()).await;
    assert_eq!(hub.server.classic_address(), None);
    assert_eq!(hushwire_server::Config::default().classic.listen, None);
}
