//! After a conversation, no file and no log line of either side holds a message or a key in clear.

use std::path::{Path, PathBuf};

use crate::support::{Options, World};

const PHONE: &str = "+15551234567";

#[test]
fn no_file_of_either_side_holds_a_message_or_a_key_in_clear() {
    let codes = tempfile::tempdir().unwrap();
    let codes = codes.path().join("codes");
    let config = format!("[otp.phone]\ndriver = \"file\"\npath = \"{}\"\n", codes.display());
    let mut world = World::with(Options { config: Some(config), ..Options::default() });
    let (invite, link) = (world.server.invite(), world.server.bare_link());
    let recovery = |words: &[&str], name: &str| {
        let joined = world.run(name, words).expect(0).json();
        joined[0]["recovery_key"].as_str().unwrap().to_owned()
    };
    let alice = recovery(&["join", &invite, "--name", "alice", "--lock", "key-file", "--json"], "alice");
    let words =
        ["join", &link, "--phone", PHONE, "--name", "bob", "--code-stdin", "--lock", "key-file", "--json"];
    let mut joining = world.start("bob", &words);
    let message = crate::support::soon(|| {
        let text = std::fs::read_to_string(&codes).ok().filter(|text| text.ends_with('\n'))?;
        serde_json::from_str::<serde_json::Value>(&text).ok()
    });
    let code = message["code"].as_str().unwrap();
    joining.write(&format!("{code}\n"));
    let bob = joining.finish().expect(0).json()[0]["recovery_key"].as_str().unwrap().to_owned();

    let canary = |n: u32| format!("canary-{n}-{}", "sings".repeat(3));
    world.run("alice", &["send", "@bob", &canary(0)]).expect(0);
    let mut follow = world.start("bob", &["receive", "--follow", "--json"]);
    let mut chat = world.start("alice", &["chat", "@bob"]);
    for n in 1..50 {
        chat.write(&format!("{}\n", canary(n)));
    }
    follow.line(|line| line.contains(&canary(49)));
    // Killed, not closed: what was under way stays in the write-ahead logs.
    chat.kill();
    follow.kill();
    let said = world.server.kill();

    let secrets = secrets(&world, &[("alice", &alice), ("bob", &bob)]);
    let mut searched = 0;
    for file in files(&world.people()).into_iter().chain(files(world.server.folder())) {
        let bytes = std::fs::read(&file).unwrap();
        for (what, secret) in &secrets {
            let is_its_home = file == key_file(&world, "alice") || file == key_file(&world, "bob");
            assert!(is_its_home || !holds(&bytes, secret), "{what} is in {}", file.display());
        }
        searched += bytes.len();
    }
    assert!(searched > 500_000, "only {searched} bytes were searched");
    let control = files(world.server.folder())
        .iter()
        .any(|file| holds(&std::fs::read(file).unwrap(), b"SQLite format 3"));
    assert!(control, "what is there in clear is found");
    // What the server needs is not what it says.
    let log = [said.stdout, said.stderr].concat().join("\n");
    for private in [PHONE, PHONE.trim_start_matches('+'), code, "canary-", "@alice", "@bob"] {
        assert!(!log.contains(private), "{private} is in the log: {log}");
    }
    // The database of the client does not even tell with whom its owner talks.
    for file in files(&world.people().join("profiles/alice")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!holds(&bytes, b"@bob") && !holds(&bytes, b"SQLite format"), "{}", file.display());
    }
}

/// What must not be found: messages, recovery keys in each way to write them, and what opens the databases.
fn secrets(world: &World, recovery_keys: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let mut secrets: Vec<(String, Vec<u8>)> = vec![("a message".to_owned(), b"canary-".to_vec())];
    for &(name, key) in recovery_keys {
        secrets.extend(spellings(&format!("the recovery key of {name}"), key.as_bytes()));
        let bare: String = key.chars().filter(|symbol| symbol.is_alphanumeric()).collect();
        secrets.extend(spellings(&format!("the bare recovery key of {name}"), bare.as_bytes()));
        secrets.push((format!("the bare recovery key of {name}, small"), bare.to_lowercase().into_bytes()));
        let key = std::fs::read(key_file(world, name)).unwrap();
        secrets.extend(spellings(&format!("the key file of {name}"), &key));
    }
    secrets
}

fn key_file(world: &World, name: &str) -> PathBuf {
    world.people().join("keys").join(format!("{name}.key"))
}

/// The same bytes as they are and in hexadecimal.
fn spellings(what: &str, bytes: &[u8]) -> [(String, Vec<u8>); 2] {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [(what.to_owned(), bytes.to_vec()), (format!("{what} in hexadecimal"), digits.into_bytes())]
}

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found
}
