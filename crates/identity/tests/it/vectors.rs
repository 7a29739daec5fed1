//! The published test vectors: what another implementation must reproduce, and what must never change.
//!
//! `HUSHWIRE_BLESS=1 cargo test -p hushwire-identity vectors` writes the files again after a deliberate change.

use std::fmt::Write as _;
use std::path::Path;

use hushwire_identity::{
    Author, ChannelBinding, LeafCredential, ListHead, Login, RecoveryKey, Registration, SafetyNumber,
    ServerHello, ServerKey,
};
use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber, Secret};

use crate::fixtures::{device, genesis, list, list_key, recovery_key};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn check(file: &str, about: &str, rows: &[(&str, String)]) {
    let text = rows.iter().fold(format!("# {about}\n"), |mut out, (name, value)| {
        writeln!(out, "{name} = {value}").unwrap();
        out
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    if std::env::var_os("HUSHWIRE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, golden, "{} differs", path.display());
}

#[test]
fn genesis_vector() {
    let genesis = genesis();
    check(
        "genesis.txt",
        "An account's genesis: seeds of the two keys, the bytes, and the ids that are their hashes.",
        &[
            ("first device's list key, seed", hex(list_key(1).seed().expose())),
            ("first device's list key, public", hex(list_key(1).public())),
            ("recovery key, seed", hex(recovery_key(1).seed().expose())),
            ("recovery key, public", hex(recovery_key(1).public())),
            ("genesis", hex(genesis.as_bytes())),
            ("account id", hex(genesis.account_id())),
            ("account id, text", genesis.account_id().to_string()),
            ("hash of number 0", hex(genesis.hash())),
            ("device id", hex(list_key(1).device_id())),
        ],
    );
}

#[test]
fn list_vector() {
    let mut list = list();
    let mut rows = vec![("genesis", hex(list.genesis().as_bytes()))];
    rows.extend(list.history().map(|entry| ("1: device 1 adds itself", hex(entry))));
    let add = list.add_device(Author::Device(&list_key(1)), &device(&list_key(2), 2)).unwrap();
    list.append(&add).unwrap();
    let rotate = list.rotate_recovery(&recovery_key(1), &recovery_key(2)).unwrap();
    list.append(&rotate).unwrap();
    let revoke = list.revoke(Author::Recovery(&recovery_key(2)), list_key(1).device_id()).unwrap();
    list.append(&revoke).unwrap();
    rows.push(("2: device 1 adds device 2", hex(add)));
    rows.push(("3: the recovery key is rotated", hex(rotate)));
    rows.push(("4: the new recovery key revokes device 1", hex(revoke)));
    rows.push(("hash of number 4", hex(list.head().hash)));
    check("device-list.txt", "A device list with every kind of entry, oldest first.", &rows);
}

#[test]
fn credential_vector() {
    let credential = LeafCredential {
        account: AccountId::new([0x11; 32]),
        device: DeviceId::new([0x22; 16]),
        list: ListHead { number: ListNumber(0x0102_0304), hash: EntryHash::new([0x33; 32]) },
    };
    check(
        "leaf-credential.txt",
        "Account 11…, device 22…, list number 0x01020304, list hash 33….",
        &[("credential", hex(credential.encode()))],
    );
}

#[test]
fn safety_number_vectors() {
    let ids = [[0x00; 32], [0x01; 32], [0xff; 32], *genesis().account_id().as_bytes()].map(AccountId::new);
    let mut rows = Vec::new();
    for (at, one) in ids.iter().enumerate() {
        for other in &ids[at + 1..] {
            let number = SafetyNumber::of(*one, *other);
            rows.push(("account", hex(one)));
            rows.push(("account", hex(other)));
            rows.push(("safety number", number.to_string()));
            rows.push(("QR code", number.qr_payload()));
        }
    }
    check("safety-numbers.txt", "Safety numbers of pairs of accounts.", &rows);
}

#[test]
fn server_vectors() {
    let server = ServerKey::from_seed(&Secret::new([0x55; 32]));
    let exporter = ChannelBinding::Exporter([0x66; 32]);
    let (account, device) = (AccountId::new([0x11; 32]), list_key(1).device_id());
    let hello = ServerHello { binding: &exporter, client_nonce: &[0x77; 32] };
    let login = Login {
        server: &server.public(),
        binding: &exporter,
        server_nonce: &[0x88; 32],
        account: &account,
        device: &device,
    };
    let handles = ["@alice".parse().unwrap()];
    let registration = Registration { server: &server.public(), handles: &handles, account: &account };
    check(
        "server.txt",
        "The server's identity, and what is signed (rule R6): exporter 66…, client nonce 77…, server nonce 88…, account 11….",
        &[
            ("server key, seed", hex(server.seed().expose())),
            ("server key, public", hex(server.public())),
            ("fingerprint", server.fingerprint().to_string()),
            ("server hello", hex(hello.sign(&server))),
            ("login by device 1", hex(login.sign(&list_key(1)))),
            ("registration of @alice by device 1", hex(registration.sign(&list_key(1)))),
        ],
    );
}

#[test]
fn recovery_text_vectors() {
    let text = |seed: [u8; 32]| RecoveryKey::from_seed(&Secret::new(seed)).to_text().to_string();
    check(
        "recovery-keys.txt",
        "Recovery keys as people write them down.",
        &[("seed 00…", text([0; 32])), ("seed 01…", text([1; 32])), ("seed ff…", text([0xff; 32]))],
    );
}
