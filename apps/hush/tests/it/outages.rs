//! A server that is away or another one, a clock that is wrong, a disk that is full: one sentence, and nothing lost.

use crate::support::{Faults, Server, World, texts};

const YEAR_S: i64 = 365 * 86_400;

#[test]
fn a_server_that_is_down_costs_nothing() {
    let mut world = World::of(&["alice", "bob", "carol"]);
    world.run("alice", &["send", "@bob", "one"]).expect(0);
    let link = world.server.invite();
    world.server.kill();
    let soon = |words: &[&'static str]| [&["--timeout", "2"], words].concat();

    let kept = world.run("alice", &soon(&["send", "@bob", "two", "--json"])).expect(4);
    let kept = kept.sentence(&["cannot be reached", "kept"]);
    assert_eq!(kept.json()[0]["state"], "queued");
    let mut chat = world.start("alice", &soon(&["chat", "@bob"]));
    chat.write("three\n");
    chat.finish().expect(4);
    // Whom this profile has never seen cannot be looked up.
    let lost = world.run("alice", &soon(&["send", "@carol", "hello", "--json"])).expect(4);
    assert_eq!(lost.sentence(&["@carol", "again when online"]).json()[0]["state"], "failed");
    world.run("alice", &soon(&["receive"])).expect(4).sentence(&["cannot be reached"]);
    for words in
        [&["whoami"][..], &["contacts"], &["conversations"], &["history", "@bob"], &["verify", "@bob"]]
    {
        let local = world.run("alice", words).expect(0);
        assert!(!local.stdout.is_empty(), "{local:#?}");
    }
    let mut join = vec!["join", &link, "--name", "dave", "--lock", "key-file", "--quiet"];
    world.run("dave", &join).expect(4).sentence(&["cannot be reached"]);

    world.server.restart();
    world.run("alice", &["receive"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(world.received("bob", "@alice"), ["one", "two", "three"]);
    join.truncate(6);
    world.run("dave", &join).expect(0);
}

#[test]
fn a_chat_lives_through_a_restart_of_the_server() {
    let mut world = World::of(&["alice", "bob"]);
    let mut alice = world.start("alice", &["chat", "@bob"]);
    let mut bob = world.start("bob", &["chat", "@alice"]);
    alice.write("before\n");
    bob.line(|line| line.ends_with("before"));
    world.server.kill();
    alice.talk(|line| line.contains("Offline: "));
    alice.write("meanwhile\n");
    world.server.restart();
    bob.line(|line| line.ends_with("meanwhile"));
    bob.write("welcome back\n");
    alice.line(|line| line.ends_with("welcome back"));
}

#[test]
fn a_server_with_another_identity_is_told_nothing() {
    let mut world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "one"]).expect(0);
    let link = world.server.invite();
    world.server.kill();
    let impostor = Server::impostor(&world.path("impostor"), &world.server);
    let proof = &["did not prove the identity"];
    world
        .run("carol", &["join", &link, "--name", "carol", "--lock", "key-file", "--quiet"])
        .expect(5)
        .sentence(proof);
    let kept = world.run("alice", &["send", "@bob", "two", "--json"]).expect(5).sentence(proof);
    assert_eq!(kept.json()[0]["state"], "queued");
    world.run("alice", &["receive"]).expect(5).sentence(proof);
    world.run("alice", &["receive", "--follow"]).expect(5).sentence(proof);
    world.start("alice", &["chat", "@bob"]).talk(|line| line.contains(proof[0]));
    drop(impostor);

    world.server.restart();
    world.run("alice", &["receive"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(world.received("bob", "@alice"), ["one", "two"]);
}

#[test]
fn a_clock_that_is_a_year_off_is_told_and_breaks_nothing() {
    for (offset, words) in [(YEAR_S, "365 days ahead of"), (-YEAR_S, "365 days behind")] {
        let world = World::of(&["alice", "bob"]);
        let faults = Faults::new();
        faults.set_clock(offset);
        let run = |profile: &str, words: &[&str]| {
            let mut command = world.command(profile, words);
            command.envs(faults.environment());
            crate::support::Running::start(command).finish()
        };
        // In a conversation that is there, in a new one, and from a new account.
        run("alice", &["send", "@bob", "one"]).expect(0).sentence(&["clock", words]);
        world.run("bob", &["receive"]).expect(0);
        world.run("bob", &["send", "@alice", "two"]).expect(0);
        run("alice", &["receive"]).expect(0).sentence(&[words]);
        assert_eq!(world.received("alice", "@bob"), ["two"]);
        let link = world.server.invite();
        run("carol", &["join", &link, "--name", "carol", "--lock", "key-file"]).expect(0);
        run("carol", &["send", "@bob", "three"]).expect(0);
        world.run("bob", &["receive"]).expect(0);
        world.run("bob", &["send", "@carol", "four"]).expect(0);
        run("carol", &["receive"]).expect(0);
        assert_eq!(world.received("bob", "@carol"), ["three"]);
        assert_eq!(world.received("carol", "@bob"), ["four"]);
        // And once the clock is right again.
        world.run("carol", &["send", "@alice", "five"]).expect(0);
        world.run("alice", &["receive"]).expect(0);
        assert_eq!(world.received("alice", "@carol"), ["five"]);
    }
}

#[test]
fn a_full_disk_is_one_sentence_and_loses_nothing() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "one"]).expect(0);
    let faults = Faults::new();
    let run = |profile: &str, words: &[&str]| {
        let mut command = world.command(profile, words);
        command.envs(faults.environment());
        crate::support::Running::start(command).finish()
    };
    faults.fill_disk();
    run("alice", &["send", "@bob", "lost"]).expect(1).sentence(&["disk"]);
    run("bob", &["receive"]).expect(1).sentence(&["disk"]);
    let link = world.server.invite();
    run("carol", &["join", &link, "--name", "carol", "--lock", "key-file"]).expect(1).sentence(&["disk"]);
    faults.clear_disk();
    run("alice", &["send", "@bob", "two"]).expect(0);
    run("bob", &["receive"]).expect(0);
    assert_eq!(world.received("bob", "@alice"), ["one", "two"]);
    run("carol", &["join", &link, "--name", "carol", "--lock", "key-file"]).expect(0);
    assert_eq!(
        texts(&world.history("alice", "@bob"), "sent").len()
            + texts(&world.history("alice", "@bob"), "delivered").len(),
        2
    );
}
