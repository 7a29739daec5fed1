//! SIGKILL of hushd while ten thousand messages of wire version 1 are stored and fetched: what it said that it keeps is there, in
//! order and once; what was acknowledged is gone.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;

use hushwire_classic::frame::encode_request;
use hushwire_classic::{
    DhPublicKey, MessageBlob, Phone, PublicKeys, Request, Response, ResponseDecoder, RsaPem,
};

use crate::classic::{vectors, world_with};
use crate::support::{DEADLINE, Options, World};

const MESSAGES: u64 = 10_000;
/// After so many answers to what is stored, and so many messages that were fetched, hushd is killed.
const KILL_EVERY: u64 = 1_500;
/// Messages on their way at once.
const BURST: u64 = 60;

/// One end of a connection, which does without an answer where the server was killed.
struct Peer {
    stream: TcpStream,
    phone: Phone,
    decoder: ResponseDecoder,
}

impl Peer {
    fn connect(world: &World, phone: &str) -> Self {
        let stream = TcpStream::connect(world.server.classic_address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { stream, phone: phone.parse().unwrap(), decoder: ResponseDecoder::default() }
    }

    fn register(world: &World, phone: &str) -> Self {
        let mut peer = Self::connect(world, phone);
        let Response::Registration(Some(otp)) = peer.ask(&Request::Register) else { panic!("no code") };
        assert_eq!(peer.ask(&Request::Otp(otp)), Response::OtpOk);
        let signed = std::fs::read(vectors().join("alice.keys")).unwrap();
        let rsa = RsaPem::new(signed[32..signed.len() - 1024].to_vec().into()).unwrap();
        let keys = PublicKeys { dh: DhPublicKey([9; 32]), rsa };
        assert_eq!(peer.ask(&Request::SendPublicKeys(keys)), Response::KeysSet);
        peer
    }

    fn say(&mut self, request: &Request) {
        // A server that was killed does not hear it.
        let _ = self.stream.write_all(&encode_request(self.phone, request));
    }

    /// The next frame; none where the server is gone.
    fn hear(&mut self) -> Option<Response> {
        loop {
            if let Some(response) = self.decoder.next_frame().unwrap() {
                return Some(response);
            }
            let mut room = [0; 8192];
            match self.stream.read(&mut room) {
                Ok(0) => return None,
                Ok(count) => self.decoder.push(&room[..count]),
                Err(error) => {
                    assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the server says nothing");
                    return None;
                }
            }
        }
    }

    fn ask(&mut self, request: &Request) -> Response {
        self.say(request);
        self.hear().expect("the server is there")
    }
}

fn blob(number: u64) -> MessageBlob {
    let mut bytes = vec![7; 600];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    MessageBlob::new(bytes.into()).unwrap()
}

fn number(blob: &MessageBlob) -> u64 {
    u64::from_be_bytes(blob.as_bytes()[..8].try_into().unwrap())
}

#[test]
fn what_hushd_keeps_for_the_original_outlives_kills() {
    let environment = vec![("HUSHD_LIMITS__MESSAGES_PER_SECOND".to_owned(), "0".to_owned())];
    let classic = Some(vec!["--insecure-otp-echo"]);
    let mut world = world_with(Options { environment, classic, ..Options::default() });
    let alice = Peer::register(&world, "0501111111");
    let bob = Peer::register(&world, "0502222222").phone;
    let stores = store_all(&mut world, alice, bob);
    let (read, fetches) = fetch_all(&mut world);
    assert!(stores >= 5 && fetches >= 5, "{stores} kills while storing, {fetches} while fetching");
    let mut once = read.clone();
    once.dedup();
    assert_eq!(once, (0..MESSAGES).collect::<Vec<_>>(), "everything, in order");
    // Only what was acknowledged when hushd was killed may come again.
    assert!(read.len() - once.len() <= fetches, "{} came again", read.len() - once.len());
}

/// Stores all messages, killing hushd with some of them on their way; those that were not answered are said again. How often
/// it was killed.
fn store_all(world: &mut World, mut alice: Peer, bob: Phone) -> usize {
    let (mut kept, mut kills, mut kill_at) = (0, 0, KILL_EVERY);
    while kept < MESSAGES {
        let burst = kept..(kept + BURST).min(MESSAGES);
        let frames = burst.clone().map(|number| Request::Message { recipient: bob, blob: blob(number) });
        let bytes: Vec<u8> = frames.flat_map(|request| encode_request(alice.phone, &request)).collect();
        let _ = alice.stream.write_all(&bytes);
        let mut is_down = false;
        for _ in burst {
            if kept == kill_at {
                world.server.kill();
                (is_down, kills, kill_at) = (true, kills + 1, kill_at + KILL_EVERY + 7);
            }
            // What it had said before it was killed counts.
            match alice.hear() {
                Some(Response::MessageSent) => kept += 1,
                None if is_down => break,
                other => panic!("{other:?}"),
            }
        }
        if is_down {
            world.server.restart();
            alice = Peer::connect(world, "0501111111");
            assert_eq!(alice.ask(&Request::Login), Response::Login);
        }
    }
    kills
}

/// Fetches everything, killing hushd with acknowledgements on their way: what was read, and how often it was killed.
fn fetch_all(world: &mut World) -> (Vec<u64>, usize) {
    let (mut read, mut kills, mut kill_at) = (Vec::new(), 0, KILL_EVERY);
    let mut bob = Peer::connect(world, "0502222222");
    let mut answers = VecDeque::from([bob.ask(&Request::Login)]);
    while let Some(Response::Message { sender, blob }) = answers.pop_front() {
        read.push(number(&blob));
        bob.say(&Request::MessageReceived(sender));
        if u64::try_from(read.len()).unwrap() == kill_at {
            world.server.kill();
            world.server.restart();
            (kills, kill_at) = (kills + 1, kill_at + KILL_EVERY + 7);
            bob = Peer::connect(world, "0502222222");
            answers.push_back(bob.ask(&Request::Login));
        } else {
            answers.push_back(bob.hear().expect("the next message"));
        }
    }
    assert_eq!(bob.ask(&Request::Login), Response::Login, "nothing is left");
    (read, kills)
}
