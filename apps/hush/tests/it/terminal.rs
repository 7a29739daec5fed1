//! What only a person at a terminal sees: prompts, control keys, colours; and a machine without a keyring.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{CTRL_C, CTRL_D, Daemon, Options, Terminal, World, soon};

const PASSPHRASE: &str = "correct horse battery staple";

#[test]
fn a_passphrase_is_asked_for_and_never_shown() {
    let world = World::new();
    let link = world.server.invite();
    let join = || world.command("alice", &["join", &link, "--name", "alice", "--lock", "passphrase"]);
    let mut terminal = Terminal::start(&join());
    terminal.shows("Passphrase of profile \"alice\": ");
    terminal.keys(&format!("{PASSPHRASE}\n"));
    terminal.shows("Once more: ");
    terminal.keys("something else\n");
    let (code, shown) = terminal.finish();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("the two passphrases are not the same"), "{shown}");

    let mut terminal = Terminal::start(&join());
    for prompt in ["Passphrase of profile \"alice\": ", "Once more: "] {
        terminal.shows(prompt);
        terminal.keys(&format!("{PASSPHRASE}\n"));
    }
    terminal.shows("recovery key");
    let (code, shown) = terminal.finish();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(PASSPHRASE), "{shown}");

    let ask = |passphrase: &str| {
        let mut terminal = Terminal::start(&world.command("alice", &["whoami"]));
        terminal.shows("Passphrase of profile \"alice\": ");
        terminal.keys(&format!("{passphrase}\n"));
        terminal.finish()
    };
    let (code, shown) = ask("wrong horse");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("passphrase"), "{shown}");
    let (code, shown) = ask(PASSPHRASE);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("@alice"), "{shown}");
    // Without a terminal nobody can be asked.
    world.run("alice", &["whoami"]).expect(1).sentence(&["--passphrase-file"]);
}

#[test]
fn a_code_is_asked_for_until_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let codes = folder.path().join("codes");
    let config = format!("[otp.phone]\ndriver = \"file\"\npath = \"{}\"\n", codes.display());
    let world = World::with(Options { config: Some(config), ..Options::default() });
    let link = world.server.bare_link();
    let words = ["join", &link, "--phone", "+15551234567", "--name", "bob", "--lock", "key-file"];
    let mut terminal = Terminal::start(&world.command("bob", &words));
    terminal.shows("Code: ");
    terminal.keys("12\n");
    terminal.shows("a code has 6 digits");
    terminal.shows("Code: ");
    let code = soon(|| {
        let text = std::fs::read_to_string(&codes).ok().filter(|text| text.ends_with('\n'))?;
        let message: Value = serde_json::from_str(&text).ok()?;
        Some(message["code"].as_str()?.to_owned())
    });
    let wrong: String = code.chars().map(|digit| if digit == '9' { '0' } else { '9' }).collect();
    terminal.keys(&format!("{wrong}\n"));
    terminal.shows("that code is wrong; 4 tries left");
    terminal.shows("Code: ");
    // As it stands in a message, in two parts.
    let (first, second) = code.split_at(3);
    terminal.keys(&format!("{first} {second}\n"));
    let (ended, shown) = terminal.finish();
    assert_eq!(ended, Some(0), "{shown}");
    assert!(shown.contains("recovery key"), "{shown}");
}

#[test]
fn a_chat_sends_lines_and_ends_with_the_usual_keys() {
    let world = World::of(&["alice", "bob"]);
    let mut chat = Terminal::start(&world.command("alice", &["chat", "@bob"]));
    chat.shows("Ctrl-D ends");
    chat.keys("from a terminal\n");
    let mut other = world.start("bob", &["receive", "--follow"]);
    other.line(|line| line.contains("from a terminal"));
    drop(other);
    world.run("bob", &["send", "@alice", "and back"]).expect(0);
    chat.shows("and back");
    chat.keys("the last one\n");
    chat.keys(CTRL_D);
    let (code, shown) = chat.finish();
    assert_eq!(code, Some(0), "{shown}");
    world.run("bob", &["receive"]).expect(0).shows("the last one");

    let mut chat = Terminal::start(&world.command("alice", &["chat", "@bob"]));
    chat.shows("Ctrl-D ends");
    chat.keys(CTRL_C);
    let (code, shown) = chat.finish();
    assert_eq!(code, Some(0), "{shown}");
}

#[test]
fn a_chat_says_who_is_writing() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["send", "@alice", "hello yourself"]).expect(0);
    let daemon = Daemon::start(&world, "bob", &[]);
    let (mut bob, mut typist) = (daemon.connect(), daemon.connect());
    bob.call("sync", &json!({}));
    let mut say =
        |text: &str| drop(bob.call("send", &json!({ "to": ["@alice"], "text": text, "key": text })));
    let chat = |variable: &str| {
        let mut command = world.command("alice", &["chat", "@bob"]);
        command.env_remove("NO_COLOR").env(variable, "1");
        Terminal::start(&command)
    };
    for (variable, words) in
        [("OF_NO_USE", "\u{1b}[2m@bob is writing …\u{1b}[0m\r\n"), ("NO_COLOR", "\n@bob is writing …\r\n")]
    {
        // The second time through a daemon.
        let alice = (variable == "NO_COLOR").then(|| Daemon::start(&world, "alice", &[]));
        let mut chat = chat(variable);
        chat.shows("Ctrl-D ends");
        std::thread::scope(|scope| {
            let (stop, stopped) = channel::<()>();
            // As a front end does: on and on. What comes at a bad moment is lost, and the next one is not.
            scope.spawn(|| {
                let stopped = stopped;
                while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                    typist.call("message.typing", &json!({ "with": "@alice" }));
                }
            });
            chat.shows(words);
            drop(stop);
        });
        say(variable);
        chat.shows(&format!("@bob: {variable}"));
        chat.keys(CTRL_D);
        let (code, shown) = chat.finish();
        assert_eq!((code, shown.matches("is writing").count()), (Some(0), 1), "{shown}");
        drop(alice);
    }
    // Scripts see what they always saw.
    let mut piped = world.start("alice", &["chat", "@bob"]);
    say("to a script");
    piped.line(|line| line.contains("to a script"));
    typist.call("message.typing", &json!({ "with": "@alice", "stopped": true }));
    typist.call("message.typing", &json!({ "with": "@alice" }));
    say("and on");
    piped.line(|line| line.contains("and on"));
    let ended = piped.finish().expect(0);
    assert!(!ended.stderr.iter().chain(&ended.stdout).any(|line| line.contains("writing")), "{ended:?}");
}

#[test]
fn no_color_means_none() {
    let world = World::of(&["alice"]);
    let shown = |words: &[&str], plain: bool| {
        let mut command = world.command("alice", words);
        command.env_remove("NO_COLOR");
        if plain {
            command.env("NO_COLOR", "1");
        }
        Terminal::start(&command).finish().1
    };
    let is_coloured = |shown: &str| shown.contains("\u{1b}[1m") || shown.contains("\u{1b}[3");
    assert!(is_coloured(&shown(&["--help"], false)), "the help has colours at a terminal");
    for words in [["--help"].as_slice(), &["no-such-command"], &["whoami"], &["send", "@nobody", "x"]] {
        let shown = shown(words, true);
        assert!(!is_coloured(&shown), "{shown:?}");
    }
}

#[test]
fn without_a_keyring_there_is_a_key_file_and_a_word_about_it() {
    let world = World::new();
    let link = world.server.invite();
    let without = |words: &[&str]| {
        let mut command = world.command("alice", words);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent").env_remove("DISPLAY");
        crate::support::Running::start(command).finish()
    };
    let asked = without(&["join", &link, "--name", "alice", "--lock", "keyring"]);
    asked.expect(1).sentence(&["keyring cannot be used"]);
    let fallen_back = without(&["join", &link, "--name", "alice"]).expect(0);
    let said = fallen_back.stderr.join("\n");
    assert!(said.contains("locked with the key file") && said.contains("whoever takes the disk"), "{said}");
    without(&["whoami"]).expect(0).shows("@alice");
}
