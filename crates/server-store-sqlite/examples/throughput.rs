//! Durable appends a second: 50 pairs that send 1 KiB messages, in batches as the writer thread makes them, with the
//! receivers' acknowledgements in between.
//!
//!     cargo run --release -p hushwire-server-store-sqlite --example throughput [FOLDER]
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement that prints, by the wall clock"
)]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use hushwire_server_store::account::{CreateAccount, DeviceAddress, NewDevice};
use hushwire_server_store::conversation::{
    Append, Commit, ConversationKind, CreateConversation, GroupBase, SendId,
};
use hushwire_server_store::key_package::NewKeyPackages;
use hushwire_server_store::mailbox::{Acknowledge, MailboxKey};
use hushwire_server_store::registration::{SessionMethod, StartSession};
use hushwire_server_store::{Bounds, Store, Write, Written};
use hushwire_server_store_sqlite::SqliteStore;
use hushwire_types::{
    AccountId, ConversationId, DeviceId, EntryHash, Epoch, Generation, MailboxId, OsEntropy, SendSeq, Seq,
    SessionId, Timestamp, rng,
};

const PAIRS: usize = 50;
const IN_FLIGHT: u64 = 20;
const ROUNDS: u64 = 120;
const NOW: Timestamp = Timestamp::from_ms(1_700_000_000_000);

struct Pair {
    sender: MailboxKey,
    receiver: MailboxKey,
    conversation: ConversationId,
}

fn main() -> Result<(), Box<dyn Error>> {
    let kept = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = tempfile::tempdir_in(kept.unwrap_or_else(std::env::temp_dir))?;
    let store = SqliteStore::open(&folder.path().join("store.db"), Bounds::default(), &OsEntropy)?;
    let pairs = (0..PAIRS).map(|_| pair(&store)).collect::<Result<Vec<_>, _>>()?;
    let body = Bytes::from(rng::bytes::<1024>(&OsEntropy).to_vec());

    let begin = Instant::now();
    let mut slowest = std::time::Duration::ZERO;
    let mut sent = 0_u64;
    for round in 0..ROUNDS {
        let mut batch: Vec<Write> = Vec::new();
        for pair in &pairs {
            for number in 0..IN_FLIGHT {
                batch.push(message(pair, 2 + round * IN_FLIGHT + number, body.clone()));
            }
            let through = Seq(1 + round.saturating_sub(1) * IN_FLIGHT);
            batch.push(Acknowledge { mailbox: pair.receiver, through }.into());
        }
        let start = Instant::now();
        for outcome in store.write(batch, NOW)? {
            if let Written::Sent(_) = outcome? {
                sent += 1;
            }
        }
        slowest = slowest.max(start.elapsed());
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{sent} durable appends of 1 KiB in {seconds:.2} s: {:.0} a second", sent as f64 / seconds);
    println!("batches of {}: slowest {:.1} ms", PAIRS as u64 * IN_FLIGHT, slowest.as_secs_f64() * 1000.0);
    Ok(())
}

fn message(pair: &Pair, number: u64, body: Bytes) -> Write {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    let send = SendId { mailbox: pair.sender, send_seq: SendSeq(number), digest };
    let (conversation, generation, epoch) = (pair.conversation, Generation(1), Epoch(1));
    Append { send, conversation, generation, epoch, body }.into()
}

fn pair(store: &SqliteStore) -> Result<Pair, Box<dyn Error>> {
    let (one, other) = (account(store)?, account(store)?);
    let conversation = ConversationId::new(rng::bytes(&OsEntropy));
    let creation = CreateConversation {
        send: SendId { mailbox: one.1, send_seq: SendSeq(1), digest: [0; 32] },
        conversation,
        generation: Generation(1),
        kind: ConversationKind::direct(one.0.account, other.0.account),
        base: GroupBase { epoch: Epoch(0), snapshot: Bytes::new() },
        commit: Commit {
            commit: Bytes::from_static(b"commit"),
            group_info: Bytes::from_static(b"group info"),
            welcome: Some(Bytes::from_static(b"welcome")),
            added: vec![other.0],
            removed: Vec::new(),
            base: None,
        },
    };
    store.write(vec![creation.into()], NOW)?.remove(0)?;
    Ok(Pair { sender: one.1, receiver: other.1, conversation })
}

fn account(store: &SqliteStore) -> Result<(DeviceAddress, MailboxKey), Box<dyn Error>> {
    let address = DeviceAddress {
        account: AccountId::new(rng::bytes(&OsEntropy)),
        device: DeviceId::new(rng::bytes(&OsEntropy)),
    };
    let session = SessionId::new(rng::bytes(&OsEntropy));
    let start = StartSession {
        session,
        account: address.account,
        method: SessionMethod::Open,
        contact: None,
        username: None,
        otp: None,
        expires_at: NOW.after(std::time::Duration::from_secs(60)),
    };
    let creation = CreateAccount {
        session,
        account: address.account,
        genesis: Bytes::new(),
        entry: Bytes::new(),
        entry_hash: EntryHash::new([0; 32]),
        device: NewDevice {
            device: address.device,
            list_key: [0; 32],
            mailbox: MailboxId::new(rng::bytes(&OsEntropy)),
        },
        key_packages: NewKeyPackages::default(),
    };
    let mut outcomes = store.write(vec![start.into(), creation.into()], NOW)?;
    match outcomes.remove(1)? {
        Written::AccountCreated { mailbox, .. } => Ok((address, mailbox)),
        other => Err(format!("no account: {other:?}").into()),
    }
}
