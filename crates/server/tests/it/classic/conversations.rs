//! The flow of the specification, as honest peers go through it.

use hushwire_classic::folder::Folder;
use hushwire_classic::frame::encode_request;
use hushwire_classic::message::{self, Text};
use hushwire_classic::{Request, Response};
use hushwire_types::OsEntropy;

use super::peer::{Codes, Hub, from, private_keys, public_keys, vectors};

const ALICE: &str = "0501111111";
const BOB: &str = "0502222222";
const CAROL: &str = "05033";

#[tokio::test]
async fn somebody_registers_and_is_online() {
    let hub = Hub::start(Codes::File).await;
    let mut alice = hub.connect(ALICE).await;
    assert_eq!(alice.ask(&Request::Register).await, Response::Registration(None));
    let otp = hub.codes().pop().unwrap();
    assert_eq!(alice.ask(&Request::Otp(otp)).await, Response::OtpOk);
    assert_eq!(alice.ask(&Request::SendPublicKeys(public_keys(ALICE))).await, Response::KeysSet);
    let mut bob = hub.person(BOB).await;
    bob.send(&alice, 1).await;
    assert_eq!(alice.hear().await, from(&bob, 1));
}

#[tokio::test]
async fn keys_come_with_signatures_of_the_server_made_once() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, _bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    let bob = BOB.parse().unwrap();
    let Response::RecipientKeys(keys) = alice.ask(&Request::RecipientKeys(bob)).await else {
        panic!("no keys")
    };
    assert_eq!(keys.keys, public_keys(BOB));
    let server = Folder::new(&vectors().join("alice")).server_key().unwrap();
    assert!(keys.clone().verify(&server).is_ok());
    let again = alice.ask(&Request::SenderKeys(bob)).await;
    assert_eq!(
        again,
        Response::SenderKeys { phone: bob, keys },
        "PSS is random: equal signatures were made once"
    );
    let nobody = Request::RecipientKeys("1".parse().unwrap());
    assert_eq!(alice.ask(&nobody).await, Response::Error);
}

#[tokio::test]
async fn a_sealed_message_reaches_somebody_online() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    let keys = private_keys();
    let server = Folder::new(&vectors().join("alice")).server_key().unwrap();
    let own =
        hushwire_classic::PublicKeys { dh: keys.dh.public().unwrap(), rsa: keys.rsa.public_pem().unwrap() };
    let key = hushwire_classic::SigningKey::from_pem(
        &std::fs::read(vectors().join("server/server_private_key.pem")).unwrap(),
        None,
    );
    let verified = own.sign(&key.unwrap()).unwrap().verify(&server).unwrap();
    let text = Text::new("to myself".to_owned()).unwrap();
    let sealed = message::seal(&keys, &verified, &text, &OsEntropy).unwrap();
    let request = Request::Message { recipient: bob.phone, blob: sealed.clone() };
    assert_eq!(alice.ask(&request).await, Response::MessageSent);
    let Response::Message { sender, blob } = bob.hear().await else { panic!("no message") };
    assert_eq!((sender, &blob), (alice.phone, &sealed));
    assert_eq!(message::open(&keys.dh, &verified, &blob), Ok(text));
    assert_eq!(bob.read(&alice).await, Response::Listening);
}

#[tokio::test]
async fn messages_wait_for_who_is_away_in_order() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut carol) = (hub.person(ALICE).await, hub.person(CAROL).await);
    let bob = hub.person(BOB).await;
    drop(bob);
    let (bob, answer) = hub.back(BOB).await;
    assert_eq!(answer, Response::Login, "nothing waits yet");
    for number in 1..=3 {
        alice.send(&bob, number).await;
    }
    carol.send(&bob, 4).await;
    drop(bob);
    let (mut bob, answer) = hub.back(BOB).await;
    assert_eq!(answer, from(&alice, 1), "the first push was not acknowledged");
    assert_eq!(bob.read(&alice).await, from(&alice, 2));
    assert_eq!(bob.read(&alice).await, from(&alice, 3));
    assert_eq!(bob.read(&alice).await, Response::Listening);
    assert_eq!(bob.hear().await, from(&carol, 4), "of another sender: unasked");
    assert_eq!(bob.read(&carol).await, Response::Listening);
    drop(bob);
    assert_eq!(hub.back(BOB).await.1, Response::Login);
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_after_a_restart_too() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    alice.send(&bob, 1).await;
    alice.send(&bob, 2).await;
    assert_eq!(bob.hear().await, from(&alice, 1));
    assert_eq!(bob.read(&alice).await, from(&alice, 2));
    let hub = hub.restart().await;
    assert_eq!(bob.hear_or_end().await, None);
    let (mut bob, answer) = hub.back(BOB).await;
    assert_eq!(answer, from(&alice, 2), "the first was acknowledged, the second was not");
    assert_eq!(bob.read(&alice).await, Response::Listening);
}

#[tokio::test]
async fn a_login_again_sends_nothing_twice() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    alice.send(&bob, 1).await;
    drop(bob);
    let (mut bob, answer) = hub.back(BOB).await;
    assert_eq!(answer, from(&alice, 1));
    assert_eq!(bob.ask(&Request::Login).await, Response::Login, "it is on its way already");
    assert_eq!(bob.read(&alice).await, Response::Listening);
}

#[tokio::test]
async fn what_is_said_twice_before_it_is_answered_is_answered_once() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    for number in 1..=3 {
        alice.send(&bob, number).await;
    }
    assert_eq!(bob.hear().await, from(&alice, 1));
    let read = encode_request(bob.phone, &Request::MessageReceived(alice.phone));
    bob.write(&[&read[..], &read, &read].concat()).await;
    assert_eq!(bob.hear().await, from(&alice, 2));
    // The next frame is the answer to the next request: the repeats had none, and deleted nothing.
    assert_eq!(bob.ask(&Request::SendPublicKeys(public_keys(BOB))).await, Response::Error);
    drop(bob);
    assert_eq!(hub.back(BOB).await.1, from(&alice, 2));
}

#[tokio::test]
async fn a_message_said_twice_is_delivered_once() {
    let hub = Hub::start(Codes::Echo).await;
    let (mut alice, mut bob) = (hub.person(ALICE).await, hub.person(BOB).await);
    alice.send(&bob, 1).await;
    alice.send(&bob, 1).await;
    alice.send(&bob, 2).await;
    assert_eq!(bob.hear().await, from(&alice, 1));
    assert_eq!(bob.read(&alice).await, from(&alice, 2));
}

#[tokio::test]
async fn a_registration_asked_for_again_keeps_its_code() {
    let hub = Hub::start(Codes::File).await;
    let mut alice = hub.connect(ALICE).await;
    assert_eq!(alice.ask(&Request::Register).await, Response::Registration(None));
    assert_eq!(alice.ask(&Request::Register).await, Response::Registration(None));
    let codes = hub.codes();
    assert_eq!(codes.len(), 1, "one code went out");
    assert_eq!(alice.ask(&Request::Otp(codes[0].clone())).await, Response::OtpOk);
    assert_eq!(alice.ask(&Request::Otp(codes[0].clone())).await, Response::OtpOk);
}

#[tokio::test]
async fn a_registration_that_breaks_off_leaves_the_phone_free() {
    let hub = Hub::start(Codes::Echo).await;
    let mut first = hub.connect(ALICE).await;
    assert!(matches!(first.ask(&Request::Register).await, Response::Registration(Some(_))));
    let mut second = hub.connect(ALICE).await;
    assert_eq!(second.ask(&Request::Register).await, Response::RegistrationFailed, "somebody is at it");
    assert_eq!(second.ask(&Request::Login).await, Response::LoginFailed, "nobody is registered");
    drop(first);
    loop {
        // The end of the first connection is no event that a client hears.
        if let Response::Registration(Some(_)) = second.ask(&Request::Register).await {
            break;
        }
    }
}
