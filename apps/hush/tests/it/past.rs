//! The past: searched, written out, backed up and brought back on another device.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Faults, Terminal, World, soon};

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn found(world: &World, profile: &str, words: &[&str]) -> Vec<String> {
    let hits = world.run(profile, &[&["search", "--json"], words].concat()).expect(0).json();
    hits.iter().map(|hit| hit["text"].as_str().unwrap().to_owned()).collect()
}

/// Alice and bob, who have talked; alice's recovery key.
fn talked() -> (World, String) {
    let world = World::new();
    let link = world.server.invite();
    let join = |name: &str| {
        let words = ["join", &link, "--name", name, "--lock", "key-file", "--json"];
        world.run(name, &words).expect(0).json()[0]["recovery_key"].as_str().unwrap().to_owned()
    };
    let key = join("alice");
    join("bob");
    world.run("alice", &["send", "@bob", "Shall we meet at the café?"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["send", "@alice", "Yes, <b>the</b> café & the \"harbour\""]).expect(0);
    world.run("alice", &["receive"]).expect(0);
    world.run("alice", &["send", "@bob", "Meeting at eight"]).expect(0);
    let rows = world.history("alice", "@bob");
    let eight = rows.iter().find(|row| row["text"] == "Meeting at eight").unwrap()["id"].as_str().unwrap();
    world.run("alice", &["message", "edit", "--with", "@bob", eight, "Meeting at nine"]).expect(0);
    let first = rows.iter().find(|row| row["own"] == true).unwrap()["id"].as_str().unwrap();
    world.run("alice", &["message", "react", "--with", "@bob", first, "👍"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    (world, key)
}

#[test]
fn all_devices_lost_a_new_one_comes_with_its_history_in_one_step() {
    let (world, key) = talked();
    let (file, secret) = (world.path("alice.backup"), world.path("secret"));
    let backup_key = back_up(&world, &file);
    let link = world.server.bare_link();
    let recover = |profile: &str| {
        let words = [
            "recover",
            &link,
            "@alice",
            "--key-file",
            "-",
            "--backup",
            path(&file),
            "--secret-file",
            path(&secret),
            "--lock",
            "key-file",
            "--json",
        ];
        world.run_with(profile, &words, &key)
    };
    // Each backup has a key of its own.
    fs::write(&secret, back_up(&world, &world.path("other.backup"))).unwrap();
    recover("new").expect(1).sentence(&["does not open this backup"]);
    world.run("new", &["whoami"]).expect(3);
    fs::write(&secret, &backup_key).unwrap();
    let said = recover("new").expect(0).json();
    assert!(said[0]["device"].is_string() && said[1]["messages"].as_u64().unwrap() >= 3, "{said:#?}");
    assert_eq!(texts(&world, "new"), texts(&world, "alice"));
}

/// A new device of alice's account.
fn recover(world: &World, profile: &str, key: &str) {
    let link = world.server.bare_link();
    let words =
        ["recover", &link, "@alice", "--key-file", "-", "--device-name", profile, "--lock", "key-file"];
    world.run_with(profile, &words, key).expect(0);
}

fn back_up(world: &World, file: &Path) -> String {
    let made = world.run("alice", &["backup", "create", path(file), "--json"]).expect(0).json();
    made[0]["backup_key"].as_str().unwrap().to_owned()
}

fn texts(world: &World, profile: &str) -> Vec<Value> {
    let rows = world.history(profile, "@bob");
    rows.into_iter()
        .filter(|row| row["type"] == "text")
        .map(|row| Value::from(vec![row["text"].clone(), row["earlier"].clone(), row["own"].clone()]))
        .collect()
}

#[test]
fn messages_are_found_by_beginnings_of_words_people_and_days() {
    let (world, _) = talked();
    assert_eq!(found(&world, "alice", &["CAFE"]).len(), 2);
    assert_eq!(found(&world, "alice", &["meet"]), ["Meeting at nine", "Shall we meet at the café?"]);
    assert_eq!(found(&world, "alice", &["eight"]), Vec::<String>::new(), "it says nine now");
    assert_eq!(found(&world, "alice", &["caf", "--from", "@bob"]).len(), 1);
    assert_eq!(found(&world, "alice", &["caf", "--with", "@bob", "--limit", "1"]).len(), 1);
    assert_eq!(found(&world, "alice", &["caf", "--after", "2100-01-01"]), Vec::<String>::new());
    assert_eq!(found(&world, "alice", &["caf", "--before", "2100-01-01"]).len(), 2);
    world.run("alice", &["search", "harb"]).expect(0).shows("@bob: Yes, <b>the</b> café");
    let hit = world.run("alice", &["search", "harb", "--json"]).expect(0).json().remove(0);
    let marked = hit["snippet"].as_array().unwrap().iter().find(|piece| piece["found"] == true).unwrap();
    assert_eq!((&marked["text"], &hit["with"]["name"]), (&Value::from("harbour"), &Value::from("@bob")));
    world.run("alice", &["search", "x", "--from", "@nobody"]).expect(7).sentence(&["@nobody"]);
    world.run("alice", &["search", "x", "--after", "soon"]).expect(2).sentence(&["2026-11-23"]);
}

#[test]
fn a_conversation_is_written_for_people_and_for_programs() {
    let (world, _) = talked();
    // Receipts that come between two looks would make a difference.
    world.run("alice", &["receive"]).expect(0);
    let (json, page) = (world.path("talk.json"), world.path("talk.html"));
    let export = |format: &str, file: &str| {
        world.run("alice", &["export", "--with", "@bob", "--format", format, file])
    };
    export("json", path(&json)).expect(0).shows("messages written");
    let document: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let rows = document["messages"].as_array().unwrap();
    assert_eq!(rows, &world.history("alice", "@bob"));
    let nine = rows.iter().find(|row| row["text"] == "Meeting at nine").unwrap();
    assert_eq!(
        (&nine["earlier"][0], &nine["edited"]),
        (&Value::from("Meeting at eight"), &Value::from(true))
    );
    assert!(rows.iter().any(|row| row["reactions"][0]["emoji"] == "👍"));
    assert!(rows.iter().any(|row| row["readers"][0]["person"]["name"] == "@bob"));

    export("html", path(&page)).expect(0);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("Yes, &lt;b&gt;the&lt;/b&gt; café &amp; the &quot;harbour&quot;"), "{text}");
    assert!(!text.contains("<b>the") && !text.contains("<script"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    }
    export("html", path(&page)).expect(1).sentence(&["is there already"]);
    export("html", path(&world.path("missing/talk.html"))).expect(1).sentence(&["cannot be written"]);
    assert_eq!(fs::read_to_string(&page).unwrap(), text);

    let lines = export("text", "-").expect(0);
    assert!(
        lines.stdout.iter().any(|line| line.contains("you: Meeting at nine  (edited)")),
        "{:?}",
        lines.stdout
    );
    world.run("alice", &["export", "--with", "@nobody", "-"]).expect(7).sentence(&["@nobody"]);
}

#[test]
fn marks_are_shown_to_people_and_left_to_programs() {
    const TEXT: &str = "**bold** <b>&</b> snake_case [here](https://a.b/c) [x](javascript:alert(1))\n> quoted\nanswer\n\n1. `one`\u{1b}[5m";
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", TEXT]).expect(0);
    world.run("bob", &["receive", "--json"]).expect(0).shows("**bold** <b>");
    let at_terminal = |words: &[&str], variable: Option<&str>| {
        let mut command = world.command("bob", words);
        command.env_remove("NO_COLOR").envs(variable.map(|name| (name, "1")));
        Terminal::start(&command).finish().1.replace("\r\n", "\n")
    };
    let screen = at_terminal(&["history", "@alice"], None);
    for line in [
        "@alice: \u{1b}[1mbold\u{1b}[0m <b>&</b> snake_case \u{1b}[4mhere\u{1b}[0m (https://a.b/c) [x](javascript:alert(1))\n",
        "\n    \u{1b}[2m│\u{1b}[0m quoted\n    answer\n    \n    1. \u{1b}[36mone\u{1b}[0m␛[5m",
    ] {
        assert!(screen.contains(line), "{line:?} is not in {screen:?}");
    }
    assert!(at_terminal(&["receive", "--after", "0"], None).contains("\u{1b}[1mbold\u{1b}[0m"));
    assert!(at_terminal(&["search", "snake"], None).contains("\u{1b}[1mbold\u{1b}[0m"));
    let plain = "@alice: **bold** <b>&</b> snake_case [here](https://a.b/c)";
    assert!(at_terminal(&["history", "@alice"], Some("NO_COLOR")).contains(plain));
    assert_eq!(world.received("bob", "@alice"), [TEXT]);
    let mut forced = world.command("bob", &["history", "@alice"]);
    forced.env("CLICOLOR_FORCE", "1");
    crate::support::Running::start(forced).finish().expect(0).shows(plain);

    let export = |format: &str| {
        world.run("bob", &["export", "--with", "@alice", "--format", format, "-"]).expect(0).text()
    };
    let page = export("html");
    for element in [
        "<p dir=\"auto\"><strong>bold</strong> &lt;b&gt;&amp;&lt;/b&gt; snake_case ",
        "<a rel=\"noreferrer noopener\" href=\"https://a.b/c\">here</a> <span class=\"to\">(https://a.b/c)</span> [x](javascript:alert(1))</p>",
        "<blockquote dir=\"auto\"><p dir=\"auto\">quoted</p></blockquote><p dir=\"auto\">answer",
        "<ol dir=\"auto\"><li value=\"1\"><code>one</code>␛[5m</li></ol>",
    ] {
        assert!(page.contains(element), "{element} is not in {page}");
    }
    assert!(export("text").contains(plain));
    let document: Value = serde_json::from_str(&export("json")).unwrap();
    assert!(document["messages"].as_array().unwrap().iter().any(|row| row["text"] == TEXT));
}

#[test]
fn a_history_comes_back_on_a_new_device_and_goes_on_there() {
    let (world, key) = talked();
    let file = world.path("alice.backup");
    let backup_key = back_up(&world, &file);
    let sealed = fs::read(&file).unwrap();
    for word in ["café", "harbour", "@bob"] {
        assert!(!sealed.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
    recover(&world, "new", &key);
    let restore = |profile: &str, file: &Path, key: &str| {
        world.run_with(profile, &["backup", "restore", path(file), "--secret-file", "-", "--json"], key)
    };
    restore("bob", &file, &backup_key).expect(1).sentence(&["another account"]);
    restore("new", &file, &key).expect(2).sentence(&["recovery key"]);
    let restored = restore("new", &file, &backup_key.to_lowercase()).expect(0).json();
    assert_eq!(restored[0]["messages"], world.history("alice", "@bob").len());
    assert_eq!(texts(&world, "new"), texts(&world, "alice"));
    assert_eq!(found(&world, "new", &["harb"]).len(), 1);
    let told = world.run("new", &["receive", "--json", "--cursor", "bot"]).expect(0).json();
    assert!(told.iter().all(|change| change["type"] != "message"), "{told:#?}");

    // It goes on where the others let the new device in; a second restore adds nothing.
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["send", "@alice", "welcome back"]).expect(0);
    world.run("new", &["receive"]).expect(0).shows("welcome back");
    let again = restore("new", &file, &backup_key).expect(0).json();
    assert_eq!((&again[0]["messages"], &again[0]["contacts"]), (&Value::from(0), &Value::from(0)));
    let all = texts(&world, "new");
    assert_eq!(all.len(), texts(&world, "alice").len() + 1, "{all:#?}");
    world.run("new", &["send", "@bob", "here again"]).expect(0);
    world.run("bob", &["receive"]).expect(0).shows("here again");
}

#[test]
fn a_damaged_backup_changes_nothing_and_says_so() {
    let (world, key) = talked();
    let (file, hurt) = (world.path("alice.backup"), world.path("hurt.backup"));
    let words = ["backup", "create", path(&file), "--secret-file", "-"];
    world.run_with("alice", &words, "correct horse").expect(0).shows("Only the passphrase");
    world.run_with("alice", &words, "correct horse").expect(1).sentence(&["is there already"]);
    let whole = fs::read(&file).unwrap();
    recover(&world, "new", &key);
    let before = world.run("new", &["conversations", "--json"]).expect(0).stdout;
    let restore = |bytes: &[u8], secret: &str| {
        fs::write(&hurt, bytes).unwrap();
        world.run_with("new", &["backup", "restore", path(&hurt), "--secret-file", "-"], secret)
    };
    restore(&whole, "correct mule").expect(1).sentence(&["does not open this backup"]);
    restore(&whole[..whole.len() - 1], "correct horse").expect(1).sentence(&["damaged"]);
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    restore(&flipped, "correct horse").expect(1).sentence(&["damaged"]);
    restore(b"something else of some length", "correct horse").expect(1).sentence(&["no backup of hush"]);
    let mut newer = whole.clone();
    newer[16] = 9;
    restore(&newer, "correct horse").expect(1).sentence(&["upgrade hush"]);
    assert_eq!(world.run("new", &["conversations", "--json"]).expect(0).stdout, before);
    restore(&whole, "correct horse").expect(0).shows("Restored");
    world.run("new", &["backup", "restore", "/nonexistent"]).expect(1).sentence(&["cannot be read"]);
}

#[test]
fn a_full_disk_leaves_no_half_backup() {
    let (world, _) = talked();
    let faults = Faults::new();
    faults.fill_disk();
    let file = world.path("alice.backup");
    let mut command = world.command("alice", &["backup", "create", path(&file)]);
    command.envs(faults.environment());
    crate::support::Running::start(command).finish().expect(1);
    let left: Vec<_> =
        fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("backup")), "{left:?}");
    faults.clear_disk();
    back_up(&world, &file);
}

/// Bytes of the new device's database and its log.
fn size(world: &World) -> u64 {
    let folder = world.people().join("profiles").join("new");
    let files =
        ["hush.db", "hush.db-wal"].map(|name| fs::metadata(folder.join(name)).map_or(0, |file| file.len()));
    files.iter().sum()
}

#[test]
fn a_restore_that_is_killed_again_and_again_ends_with_everything_once() {
    let (world, key) = talked();
    let many: String = (0..600).map(|n| format!("line {n}\n")).collect();
    world.run_with("alice", &["chat", "@bob"], &many).expect(0);
    let file = world.path("alice.backup");
    let backup_key = back_up(&world, &file);
    recover(&world, "new", &key);
    let secret = world.path("secret");
    fs::write(&secret, &backup_key).unwrap();
    let words = ["backup", "restore", path(&file), "--secret-file", path(&secret)];
    // It dies further on each time: what is there is not written again, so the same growth is later work.
    for killed in 1..=4 {
        let before = size(&world);
        let mut running = RefCell::new(world.start("new", &words));
        soon(|| {
            let ended = running.borrow_mut().has_ended();
            (ended || size(&world) > before + killed * 8192).then_some(())
        });
        running.get_mut().kill();
    }
    world.run("new", &words).expect(0);
    let lines = |profile: &str| {
        let all = texts(&world, profile);
        assert!(all.len() >= 600);
        all
    };
    assert_eq!(lines("new"), lines("alice"));
    assert_eq!(found(&world, "new", &["line", "599"]).len(), 1);
}
