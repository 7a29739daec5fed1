//! Many at once, and much.

use hushwire_classic::{Request, Response};
use tokio::task::JoinSet;

use super::peer::{Codes, Hub, Peer, blob, from};

const MESSAGES: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_talk_at_once() {
    let hub = Hub::start(Codes::Echo).await;
    let mut people = Vec::new();
    for number in 0..100 {
        people.push(hub.person(&format!("05{number:08}")).await);
    }
    let phones: Vec<_> = people.iter().map(|peer| peer.phone).collect();
    let mut talking = JoinSet::new();
    for (number, peer) in people.into_iter().enumerate() {
        let (before, after) = (phones[(number + 99) % 100], phones[(number + 1) % 100]);
        talking.spawn(talk(peer, u64::try_from(number).unwrap(), before, after));
    }
    while let Some(done) = talking.join_next().await {
        done.unwrap();
    }
}

/// Sends twenty messages to the next one, and hears as many from the one before, in order.
async fn talk(mut peer: Peer, number: u64, before: hushwire_classic::Phone, after: hushwire_classic::Phone) {
    const EACH: u64 = 20;
    let theirs = (number + 99) % 100;
    let (mut sent, mut answered, mut heard) = (0, 0, 0);
    while answered < EACH || heard < EACH {
        if sent == answered && sent < EACH {
            peer.say(&Request::Message { recipient: after, blob: blob(number * EACH + sent) }).await;
            sent += 1;
        }
        match peer.hear().await {
            Response::MessageSent => answered += 1,
            Response::Message { sender, blob: heard_blob } => {
                assert_eq!((sender, heard_blob), (before, blob(theirs * EACH + heard)));
                heard += 1;
                peer.say(&Request::MessageReceived(before)).await;
            }
            Response::Listening => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_messages_wait_and_are_fetched_in_order() {
    let hub = Hub::start_with(Codes::Echo, |config| config.limits.messages_per_second = 0).await;
    let (mut alice, bob) = (hub.person("0501111111").await, hub.person("0502222222").await);
    let recipient = bob.phone;
    drop(bob);
    let mut bytes = Vec::new();
    for number in 0..MESSAGES {
        let request = Request::Message { recipient, blob: blob(number) };
        bytes.extend_from_slice(&hushwire_classic::frame::encode_request(alice.phone, &request));
        if bytes.len() > 30_000 || number + 1 == MESSAGES {
            let count = bytes.len() / (17 + 10 + 600);
            alice.write(&std::mem::take(&mut bytes)).await;
            for _ in 0..count {
                assert_eq!(alice.hear().await, Response::MessageSent);
            }
        }
    }
    let hub = hub.restart().await;
    let (mut bob, mut answer) = hub.back("0502222222").await;
    for number in 0..MESSAGES {
        assert_eq!(answer, from(&alice, number));
        answer = bob.read(&alice).await;
    }
    assert_eq!(answer, Response::Listening);
}
