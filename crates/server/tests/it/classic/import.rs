//! Moving over from the original's server.

use std::path::{Path, PathBuf};

use hushwire_classic::folder::Folder;
use hushwire_classic::{Request, Response};
use hushwire_server::classic::{ImportError, Imported};
use hushwire_server::{Premises, Server};
use rusqlite::Connection;

use super::peer::{Codes, Hub, Peer, blob, public_keys, vectors};

const ALICE: &str = "0501111111";
const BOB: &str = "0502222222";

/// A database as the original leaves it: two accounts, one that was never verified, one without keys, three messages
/// between accounts and three that are not.
fn original(folder: &Path) -> PathBuf {
    let path = folder.join("E2EE_clients.db");
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE CLIENT_TABLE(Phone TEXT PRIMARY KEY, DHKey BLOB, RSAKey BLOB, Verified BOOLEAN,
             LastSeen TIMESTAMP, OTP INTEGER);
             CREATE TABLE MESSAGE_TABLE(Receiver TEXT, Sender TEXT, Message TEXT, Time TIMESTAMP,
             PRIMARY KEY (Receiver, Sender, Time));
             INSERT INTO CLIENT_TABLE VALUES ('0503333333', NULL, NULL, 0, '2024-01-01', 123456),
             ('0504444444', NULL, NULL, 1, '2024-01-01', NULL);",
        )
        .unwrap();
    for phone in [ALICE, BOB] {
        let keys = public_keys(phone);
        let row = (phone, keys.dh.0, &keys.rsa.as_bytes()[..]);
        database.execute("INSERT INTO CLIENT_TABLE VALUES (?1, ?2, ?3, 1, '2024-01-01', NULL)", row).unwrap();
    }
    let insert = "INSERT INTO MESSAGE_TABLE VALUES (?1, ?2, ?3, ?4)";
    let hex = data_encoding::HEXLOWER.encode(blob(2).as_bytes());
    let base64 = data_encoding::BASE64.encode(blob(3).as_bytes());
    database.execute(insert, (BOB, ALICE, hex, "2024-01-02 10:00:00.2")).unwrap();
    database.execute(insert, (BOB, ALICE, &blob(1).as_bytes()[..], "2024-01-02 10:00:00.1")).unwrap();
    database.execute(insert, (BOB, ALICE, base64, "2024-01-02 10:00:00.3")).unwrap();
    // Of a sender or for a recipient without an account: one that never finished, two that were never there.
    for (number, receiver, sender) in [(4, BOB, "0503333333"), (5, BOB, "0599"), (6, "0599", ALICE)] {
        let blob = blob(number);
        let row = (receiver, sender, &blob.as_bytes()[..], "2024-01-02 10:00:00.4");
        database.execute(insert, row).unwrap();
    }
    path
}

fn key() -> PathBuf {
    vectors().join("server/server_private_key.pem")
}

const FIRST: Imported = Imported {
    accounts: 2,
    accounts_before: 0,
    accounts_unusable: 2,
    accounts_taken: 0,
    messages: 3,
    messages_before: 0,
    messages_of_nobody: 3,
    messages_refused: 0,
};

#[tokio::test]
async fn accounts_keys_and_messages_come_along_once() {
    let Hub { dir, config, server } = Hub::start(Codes::Echo).await;
    server.stop().await;
    let database = original(dir.path());
    std::fs::remove_file(config.data_dir.join(hushwire_server::classic::KEY_FILE_NAME)).unwrap();
    let import = || Premises::open(&config).unwrap().import_classic(&database, &key(), None).unwrap();
    assert_eq!(import(), FIRST);
    let again = Imported { accounts: 0, accounts_before: 2, messages: 0, messages_before: 3, ..FIRST };
    assert_eq!(import(), again);

    let hub = Hub { server: Server::start(&config).await.unwrap(), dir, config };
    let (mut bob, mut answer) = hub.back(BOB).await;
    let alice = ALICE.parse().unwrap();
    for number in 1..=3 {
        assert_eq!(answer, Response::Message { sender: alice, blob: blob(number) });
        answer = bob.ask(&Request::MessageReceived(alice)).await;
    }
    assert_eq!(answer, Response::Listening);
    let Response::SenderKeys { keys, .. } = bob.ask(&Request::SenderKeys(alice)).await else {
        panic!("no keys")
    };
    assert_eq!(keys.keys, public_keys(ALICE));
    let server = Folder::new(&vectors().join("alice")).server_key().unwrap();
    assert!(keys.verify(&server).is_ok(), "signed with the key that the original's clients hold");
    hub.server.stop().await;
    let premises = Premises::open(&hub.config).unwrap();
    assert_eq!(premises.import_classic(&database, &key(), None).unwrap(), again, "also after they were read");
    drop(premises);
    let hub = Hub { server: Server::start(&hub.config).await.unwrap(), ..hub };
    assert_eq!(hub.back(BOB).await.1, Response::Login);
    let mut unverified = hub.connect("0503333333").await;
    assert!(
        matches!(unverified.ask(&Request::Register).await, Response::Registration(_)),
        "is free to register"
    );
}

#[tokio::test]
async fn another_key_is_refused_once_somebody_trusts_this_one() {
    let hub = Hub::start(Codes::Echo).await;
    let _alice: Peer = hub.person(ALICE).await;
    hub.server.stop().await;
    let database = original(hub.dir.path());
    let premises = Premises::open(&hub.config).unwrap();
    let other = vectors().join("alice/rsa_private_key.pem");
    assert!(matches!(premises.import_classic(&database, &other, None), Err(ImportError::OtherKey)));
    let imported = premises.import_classic(&database, &key(), None).unwrap();
    assert_eq!((imported.accounts, imported.accounts_before), (1, 1), "with the same key it goes on");
}

#[tokio::test]
async fn what_is_no_database_of_the_original_is_left_alone() {
    let hub = Hub::start(Codes::Echo).await;
    hub.server.stop().await;
    let premises = Premises::open(&hub.config).unwrap();
    let path = hub.dir.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs(x)").unwrap();
    assert!(matches!(premises.import_classic(&path, &key(), None), Err(ImportError::Original(_))));
    std::fs::write(&path, "no database").unwrap();
    assert!(matches!(premises.import_classic(&path, &key(), None), Err(ImportError::Original(_))));
    assert!(matches!(premises.import_classic(&path, &path, None), Err(ImportError::KeyFile(_))));
    let encrypted = vectors().join("bob/rsa_private_key.pem");
    let refused = premises.import_classic(&path, &encrypted, None).unwrap_err();
    assert_eq!(refused.to_string(), "the key file is encrypted: give its password with --password-file");
}
