//! The bots in `examples/`, run as their first lines say.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Daemon, Running, World, hush, soon};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// Sends a text and waits for the answer.
fn answer(world: &World, text: &str, beginning: &str) -> String {
    world.run("alice", &["send", "@bot", text]).expect(0);
    soon(|| world.received("alice", "@bot").into_iter().rev().find(|answer| answer.starts_with(beginning)))
}

#[test]
fn the_echo_bot_answers_each_message_once_however_often_it_is_killed() {
    let world = World::of(&["alice", "bot"]);
    let _alice = Daemon::start(&world, "alice", &[]);
    let mut daemon = Daemon::start(&world, "bot", &[]);
    let start = |daemon: &Daemon| {
        let mut command = Command::new("python3");
        command.arg(example("echo-bot.py")).arg(daemon.socket());
        let mut bot = Running::start(command);
        bot.line(|line| line == "listening");
        bot
    };
    let mut bot = start(&daemon);
    answer(&world, "hello", "You said: hello");
    bot.kill();
    world.run("alice", &["send", "@bot", "while you were away"]).expect(0);
    // Its cursor stands where it was, so it is given again what it did not acknowledge.
    let mut bot = start(&daemon);
    answer(&world, "back?", "You said: back?");
    daemon.process.kill();
    let ended = bot.finish().expect(1);
    assert!(ended.stderr.concat().contains("the daemon has ended"), "{ended:#?}");
    let daemon = Daemon::start(&world, "bot", &[]);
    let mut bot = start(&daemon);
    answer(&world, "bye \"and\" \u{1b}[31m", "You said: bye");
    bot.kill();
    let said = ["hello", "while you were away", "back?", "bye \"and\" \u{1b}[31m"];
    assert_eq!(world.received("alice", "@bot"), said.map(|text| format!("You said: {text}")));
}

#[test]
fn the_time_bot_tells_the_time_to_who_asks_for_it() {
    let world = World::of(&["alice", "bot"]);
    let (_alice, _daemon) = (Daemon::start(&world, "alice", &[]), Daemon::start(&world, "bot", &[]));
    let programs = Path::new(env!("CARGO_BIN_EXE_hush")).parent().unwrap().to_owned();
    let start = || {
        // The environment of hush, and the profile in it, as the script's first lines say.
        let mut command = Command::new("sh");
        command.arg(example("time-bot.sh")).process_group(0);
        command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        command.env("HUSH_DATA_DIR", world.people()).env("HUSH_PROFILE", "bot").env("HOME", world.people());
        let mut bot = Running::start(command);
        bot.line(|line| line == "listening");
        bot
    };
    // The script and what it waits for.
    let kill = |bot: &mut Running| {
        let group = format!("-{}", bot.id());
        assert!(Command::new("kill").args(["-s", "KILL", "--", &group]).status().unwrap().success());
        bot.finish()
    };
    assert!(hush(&world.people(), "bot", &["whoami"]).status().unwrap().success());
    let mut bot = start();
    for forged in ["no time", "x\",\"own\":false,\"text\":\"time", "\\\",\"own\":false,\"text\":\"time"] {
        world.run("alice", &["send", "@bot", forged]).expect(0);
    }
    answer(&world, "time", "It is ");
    kill(&mut bot);
    let mut bot = start();
    world.run("alice", &["send", "@bot", "time"]).expect(0);
    soon(|| (world.received("alice", "@bot").len() == 2).then_some(()));
    kill(&mut bot);
    assert_eq!(world.received("alice", "@bot").len(), 2, "what was no question got no answer");
}
