//! `hush classic` and `hushd --classic` as people use them: inside TLS, with codes by a driver, keys behind a password.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{CTRL_D, Finished, Options, Running, Terminal, World, hush, soon};

const PASSWORD: &str = "correct horse";
const ALICE: &str = "0501111111";
const BOB: &str = "050222";

/// What the original's library made: two clients' folders and a server's key.
pub(crate) fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/classic/tests/vectors")
}

/// A server with the key of the vectors, which saves the seconds that making one takes.
pub(crate) fn world_with(options: Options) -> World {
    let place = |folder: &Path| {
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
        let key = folder.join("classic_private_key.pem");
        fs::copy(vectors().join("server/server_private_key.pem"), &key).unwrap();
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    };
    World::prepared(options, place)
}

/// People of wire version 1, whose codes come by a driver and whose connections are inside TLS.
struct Town {
    world: World,
    codes: tempfile::TempDir,
}

impl Town {
    fn new() -> Self {
        let codes = tempfile::tempdir().unwrap();
        let file = codes.path().join("codes");
        let config = format!("[otp.phone]\ndriver = \"file\"\npath = \"{}\"\n", file.display());
        let classic = Some(vec!["--classic-tls"]);
        let world = world_with(Options { config: Some(config), classic, ..Options::default() });
        fs::write(world.path("password"), format!("{PASSWORD}\n")).unwrap();
        Self { world, codes }
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.world.people().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn command(&self, name: &str, words: &[&str]) -> Command {
        self.command_with(name, &self.world.server.folder().join("tls-certificate.pem"), words)
    }

    fn command_with(&self, name: &str, certificate: &Path, words: &[&str]) -> Command {
        let mut command = hush(&self.world.people(), name, &["classic", "--dir"]);
        command.arg(self.folder(name)).args(["--server", &self.world.server.classic_address()]);
        command.arg("--tls-certificate").arg(certificate).args(words);
        command
    }

    /// With the password in a file.
    fn run(&self, name: &str, words: &[&str], input: &str) -> Finished {
        let mut command = self.command(name, words);
        command.arg("--passphrase-file").arg(self.world.path("password"));
        let mut running = Running::start(command);
        running.write(input);
        running.finish()
    }

    /// Registers somebody, typing the code that the driver brings.
    fn join(&self, name: &str, phone: &str) {
        let exported = self.world.server.operate("classic", &["export-public-key"]).expect(0);
        fs::write(self.folder(name).join("server_public_key.pem"), exported.stdout.join("\n")).unwrap();
        let mut command = self.command(name, &["register", phone, "--code-stdin"]);
        command.arg("--passphrase-file").arg(self.world.path("password"));
        let mut running = Running::start(command);
        let code = soon(|| self.code(phone));
        running.write(&format!("{code}\n"));
        let finished = running.finish().expect(0);
        assert!(!finished.stderr.concat().contains("whoever asks"), "no code was in an answer");
    }

    /// The last code that went out to a phone.
    fn code(&self, phone: &str) -> Option<String> {
        let text = fs::read_to_string(self.codes.path().join("codes")).unwrap_or_default();
        let lines = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut of_phone = lines.filter(|line| line.to_string().contains(phone));
        of_phone.next().map(|line| line["code"].as_str().unwrap().to_owned())
    }
}

#[test]
fn people_register_and_write_inside_tls() {
    let town = Town::new();
    town.join("alice", ALICE);
    town.join("bob", BOB);
    let key = fs::read_to_string(town.folder("alice").join("rsa_private_key.pem")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "new keys are encrypted");
    town.run("alice", &["login"], "").expect(0);
    town.run("alice", &["send", BOB, "hello"], "").expect(0);
    town.run("alice", &["send", BOB], "from standard input\n").expect(0);
    let received = town.run("bob", &["receive", "--json"], "").expect(0).json();
    let texts: Vec<_> = received.iter().map(|line| (&line["from"], &line["text"])).collect();
    assert_eq!(texts, [(&ALICE.into(), &"hello".into()), (&ALICE.into(), &"from standard input".into())]);
    assert!(town.run("bob", &["receive", "--json"], "").expect(0).json().is_empty(), "nothing comes twice");
    town.run("bob", &["chat", ALICE], "one\ntwo\n").expect(0);
    let received = town.run("alice", &["receive"], "").expect(0);
    assert_eq!(received.stdout, [format!("{BOB}: one"), format!("{BOB}: two")]);
    town.run("alice", &["send", "0599", "x"], "").expect(7);
    town.run("carol", &["login"], "").expect(3);
    // Another certificate than the server's.
    let other = town.world.path("other.pem");
    fs::write(&other, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let mut command = town.command_with("alice", &other, &["login"]);
    command.arg("--passphrase-file").arg(town.world.path("password"));
    Running::start(command).finish().expect(4).sentence(&["another certificate"]);
}

#[test]
fn a_registration_that_was_cut_off_at_its_last_step_is_finished() {
    let town = Town::new();
    town.join("alice", ALICE);
    town.join("bob", BOB);
    let note = town.folder("alice").join("me.info");
    fs::remove_file(&note).unwrap();
    // Another's number stays another's.
    town.run("alice", &["register", BOB], "").expect(1).sentence(&["registers nobody under this number"]);
    assert!(!note.exists());
    town.run("alice", &["register", ALICE], "").expect(0);
    town.run("alice", &["send", BOB, "hello"], "").expect(0);
    assert_eq!(town.run("bob", &["receive"], "").expect(0).stdout, [format!("{ALICE}: hello")]);
}

#[test]
fn a_password_is_asked_for_and_an_original_folder_is_protected() {
    let town = Town::new();
    for name in ["me.info", "dh_private_key.pem", "rsa_private_key.pem", "server_public_key.pem"] {
        fs::copy(vectors().join("alice").join(name), town.folder("alice").join(name)).unwrap();
    }
    let plain = fs::read(town.folder("alice").join("rsa_private_key.pem")).unwrap();
    let protect = |answers: [&str; 2]| {
        let mut terminal = Terminal::start(&town.command("alice", &["protect"]));
        for (prompt, answer) in ["New password for the private keys: ", "Once more: "].iter().zip(answers) {
            terminal.shows(prompt);
            terminal.keys(&format!("{answer}\n"));
        }
        terminal.finish()
    };
    let (code, shown) = protect([PASSWORD, "something else"]);
    assert_eq!(code, Some(1), "{shown}");
    assert_eq!(fs::read(town.folder("alice").join("rsa_private_key.pem")).unwrap(), plain);
    let (code, shown) = protect([PASSWORD, PASSWORD]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    for name in ["dh_private_key.pem", "rsa_private_key.pem"] {
        let path = town.folder("alice").join(name);
        assert!(fs::read_to_string(&path).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let login = |password: &str| {
        let mut terminal = Terminal::start(&town.command("alice", &["login"]));
        terminal.shows("Password of the private keys: ");
        terminal.keys(&format!("{password}\n{CTRL_D}"));
        terminal.finish()
    };
    let (code, shown) = login("wrong horse");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("the password is wrong"), "{shown}");
    let (code, shown) = login(PASSWORD);
    assert_eq!(code, Some(3), "nobody registered her here: {shown}");
    assert!(shown.contains("not registered"), "{shown}");
}
