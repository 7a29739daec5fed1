//! Wrong input: one sentence, the right exit code, and nothing lost.

use crate::support::{Faults, Options, World};

/// `hush join` with a username, and nothing printed but the outcome.
fn join(world: &World, profile: &str, link: &str, name: &str) -> crate::support::Finished {
    world.run(profile, &["join", link, "--name", name, "--lock", "key-file", "--quiet"])
}

#[test]
fn an_invite_that_is_not_one_is_refused_and_the_same_profile_can_join_later() {
    let world = World::new();
    let link = world.server.invite();
    let (address, rest) = link.split_once("/i/").unwrap();
    let (_, fingerprint) = rest.split_once('#').unwrap();
    let wrong = format!("{address}/i/2222-2222#{fingerprint}");
    join(&world, "alice", &wrong, "alice").expect(1).sentence(&["invite", "ask for a new one"]);
    let cut_off = link.split_once('#').unwrap().0;
    join(&world, "alice", cut_off, "alice").expect(2).sentence(&["fingerprint"]);
    join(&world, "alice", "https://example.org", "alice").expect(2).sentence(&["hush://"]);
    join(&world, "alice", &link, "alice").expect(0);
}

#[test]
fn an_invite_that_was_revoked_or_used_up_is_refused() {
    let world = World::new();
    let create = || world.server.operate("invite", &["create"]).expect(0).stdout.remove(0);
    let (once, revoked) = (create(), create());
    join(&world, "alice", &once, "alice").expect(0);
    join(&world, "bob", &once, "bob").expect(1).sentence(&["invite is not valid any more"]);
    let code = revoked.split_once("/i/").unwrap().1.split_once('#').unwrap().0.to_owned();
    world.server.operate("invite", &["revoke", &code]).expect(0);
    join(&world, "bob", &revoked, "bob").expect(1).sentence(&["invite is not valid any more"]);
}

#[test]
fn a_name_that_is_taken_or_looks_like_one_is_refused() {
    let world = World::of(&["paypal"]);
    let link = world.server.invite();
    for name in ["paypal", "PayPal", "paypa1"] {
        join(&world, "mallory", &link, name).expect(1).sentence(&["belongs to somebody already"]);
    }
    // Cyrillic letters among Latin ones.
    join(&world, "mallory", &link, "p\u{430}ypal").expect(2).sentence(&["one alphabet"]);
    join(&world, "mallory", &link, "a name").expect(2).sentence(&["a username has only letters"]);
    join(&world, "mallory", &link, "mallory").expect(0);
}

#[test]
fn a_wrong_code_can_be_corrected_and_not_for_ever() {
    let mut world = World::new();
    let link = world.server.bare_link();
    let number = "+15551234567";
    let words = ["join", &link, "--phone", number, "--code-stdin", "--lock", "key-file"];
    let mut joining = world.start("alice", &words);
    let prefix = format!("Code for {number}: ");
    let code = world.server.process().line(|line| line.starts_with(&prefix)).split_off(prefix.len());
    let wrong = if code == "123456" { "654321" } else { "123456" };
    joining.write(&format!("{wrong}\n"));
    joining.talk(|line| line.contains("that code is wrong; 4 tries left"));
    joining.write(&format!("{code}\n"));
    joining.finish().expect(0);

    let link = world.server.bare_link();
    let words = ["join", &link, "--phone", "+15557654321", "--code-stdin", "--lock", "key-file", "--quiet"];
    let guessing = world.run_with("bob", &words, "x\n000 001\n000002\n000003\n000004\n000005\n000006\n");
    let told = guessing.expect(1);
    assert!(told.stderr.first().unwrap().contains("a code has 6 digits"), "{told:#?}");
    assert!(told.stderr.last().unwrap().contains("wrong too often"), "{told:#?}");
    world.run_with("bob", &words, "").expect(1).sentence(&["no code was given"]);
    let nothing =
        world.run_with("bob", &["join", &link, "--phone", "+15557654321", "--lock", "key-file"], "1\n");
    nothing.expect(1).sentence(&["--code-stdin"]);
}

#[test]
fn a_code_that_came_too_late_is_refused() {
    let faults = Faults::new();
    let mut world = World::with(Options { environment: faults.environment(), ..Options::default() });
    let link = world.server.bare_link();
    let mut joining = world.start(
        "alice",
        &["join", &link, "--phone", "+15551234567", "--code-stdin", "--lock", "key-file", "--quiet"],
    );
    let line = world.server.process().line(|line| line.starts_with("Code for "));
    faults.set_clock(61);
    joining.write(&format!("{}\n", line.rsplit(' ').next().unwrap()));
    joining.finish().expect(1).sentence(&["too late", "begin again"]);
}

#[test]
fn asking_for_code_after_code_is_slowed_down() {
    let world = World::new();
    let link = world.server.bare_link();
    let words = ["join", &link, "--phone", "+15551234567", "--code-stdin", "--lock", "key-file", "--quiet"];
    let tries = (0..30).map(|_| world.run_with("alice", &words, ""));
    let slowed = tries.into_iter().find(|refused| refused.code != Some(1)).expect("an end of it");
    slowed.expect(6).sentence(&["asks to slow down: try again in"]);
}

#[test]
fn a_name_that_belongs_to_another_account_now_stops_sending_until_a_person_decides() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    world.server.operate("user", &["delete", "@bob", "--yes"]).expect(0);
    world.run("bob", &["receive"]).expect(1).sentence(&["does not know this account"]);
    world.run("alice", &["send", "@bob", "lost"]).expect(1).sentence(&["nobody here has this name"]);
    let link = world.server.invite();
    join(&world, "mallory", &link, "bob").expect(0);
    // A name that was not looked up lately is looked up before anything is sent to it.
    let faults = Faults::new();
    faults.set_clock(11 * 60);
    let mut look = world.command("alice", &["send", "@bob", "to whom?"]);
    look.envs(faults.environment());
    let refused = crate::support::Running::start(look).finish().expect(5);
    assert!(
        refused.stderr.iter().any(|line| line.contains("@bob belongs to another account now")),
        "{refused:#?}"
    );
    world.run("alice", &["receive"]).expect(0).shows("@bob belongs to another account now");
    world.run("alice", &["send", "@bob", "secret"]).expect(5).sentence(&["another account now"]);
    let shown = world.run("alice", &["verify", "@bob"]).expect(0);
    shown.shows("--accept-change");
    world.run("mallory", &["receive"]).expect(0);
    world.run("mallory", &["history", "@alice"]).expect(7);
    world.run("alice", &["verify", "@bob", "--accept-change"]).expect(0);
    world.run("alice", &["send", "@bob", "welcome"]).expect(0);
    world.run("mallory", &["receive"]).expect(0);
    assert_eq!(world.received("mallory", "@alice"), ["welcome"]);
}

#[test]
fn somebody_whom_nobody_knows_is_an_unknown_recipient() {
    let world = World::of(&["alice"]);
    for words in [&["send", "@nobody", "hello"][..], &["chat", "@nobody"], &["verify", "@nobody"]] {
        world.run("alice", words).expect(7).sentence(&["@nobody"]);
    }
    world.run("alice", &["history", "@nobody"]).expect(7).sentence(&["@nobody"]);
    world.run("alice", &["send", "not a name", "hello"]).expect(7).sentence(&["is nobody"]);
    world.run("alice", &["send", "@nobody"]).expect(2).sentence(&["recipient and a text"]);
    assert_eq!(world.run("alice", &["conversations"]).expect(0).stdout, Vec::<String>::new());
}

#[test]
fn a_text_that_is_empty_or_too_long_is_refused() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", ""]).expect(2).sentence(&["empty"]);
    let long = "x".repeat(100_000);
    world.run_with("alice", &["send", "--stdin", "@bob"], &long).expect(2).sentence(&["100000 characters"]);
}

#[test]
fn a_second_hush_on_the_same_profile_says_who_is_there() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    let mut first = world.start("bob", &["receive", "--follow", "--json"]);
    first.line(|line| line.contains("hello"));
    let owner = format!("process {}", first.id());
    for words in [&["receive"][..], &["send", "@alice", "hi"], &["whoami"]] {
        world.run("bob", words).expect(1).sentence(&["in use by another hush", &owner]);
    }
    // A kill leaves no lock behind.
    first.kill();
    world.run("bob", &["receive"]).expect(0);
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_breaks_nothing() {
    let world = World::new();
    let (right, wrong) = (world.path("right"), world.path("wrong"));
    std::fs::write(&right, "correct horse battery\n").unwrap();
    std::fs::write(&wrong, "correct horse batterie\n").unwrap();
    let link = world.server.invite();
    let with = |file: &std::path::Path, words: &[&str]| {
        let file = file.display().to_string();
        world.run("alice", &[&["--passphrase-file", &file], words].concat())
    };
    with(&right, &["join", &link, "--name", "alice"]).expect(0);
    with(&wrong, &["whoami"]).expect(1).sentence(&["that passphrase does not open this profile"]);
    with(&world.path("missing"), &["whoami"]).expect(1).sentence(&["missing", "cannot be read"]);
    world.run("alice", &["whoami"]).expect(1).sentence(&["passphrase is needed"]);
    with(&right, &["whoami"]).expect(0);
}

#[test]
fn a_profile_of_a_newer_version_is_left_alone() {
    let world = World::of(&["alice"]);
    let header = world.people().join("profiles/alice/hush.key.toml");
    let text = std::fs::read_to_string(&header).unwrap();
    std::fs::write(&header, text.replace("version = 1", "version = 2")).unwrap();
    world.run("alice", &["whoami"]).expect(1).sentence(&["newer hush", "upgrade"]);
    std::fs::write(&header, text).unwrap();
    world.run("alice", &["whoami"]).expect(0);
}

#[test]
fn a_suspended_account_receives_nothing_and_cannot_log_in_until_it_is_resumed() {
    let world = World::of(&["alice", "bob", "carol"]);
    world.run("alice", &["send", "@bob", "before"]).expect(0);
    world.server.operate("user", &["suspend", "@bob"]).expect(0);
    // Known here or not: the sentence is the same.
    for name in ["alice", "carol"] {
        world.run(name, &["send", "@bob", "while"]).expect(1).sentence(&["suspended"]);
    }
    world.run("bob", &["receive"]).expect(1).sentence(&["this account is suspended"]);
    world.server.operate("user", &["resume", "@bob"]).expect(0);
    world.run("alice", &["send", "@bob", "after"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    let received = world.received("bob", "@alice");
    assert_eq!((received.first().unwrap().as_str(), received.last().unwrap().as_str()), ("before", "after"));
}

#[test]
fn escape_sequences_are_shown_harmless_and_kept_as_they_are() {
    let world = World::of(&["alice", "bob"]);
    let text = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31mred\r2026-11-23 10:00  @carol: me\n2026-11-23 10:00  @carol: me\u{202e}txt";
    world.run_with("alice", &["send", "--stdin", "@bob"], text).expect(0);
    let printed = world.run("bob", &["receive"]).expect(0);
    let chatted = world.run("bob", &["chat", "@alice"]).expect(0);
    let lists = world.run("bob", &["conversations"]).expect(0);
    let history = world.run("bob", &["history", "@alice"]).expect(0);
    for shown in [&printed, &chatted, &lists, &history] {
        let shown = shown.text();
        assert!(shown.contains("owned"), "{shown}");
        let harmful = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!shown.contains(harmful), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("2026-11-23 10:00  @carol")), "{shown}");
    }
    let rows = world.history("bob", "@alice");
    assert!(rows.iter().any(|row| row["text"] == text), "{rows:#?}");
}
