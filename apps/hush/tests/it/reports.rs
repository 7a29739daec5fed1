//! Reports, from the person who makes one to the operator who reads it.

use serde_json::Value;

use crate::support::{Terminal, World};

impl World {
    /// Alice has written these texts to bob, who has them; their ids.
    fn written(texts: &[&str]) -> (Self, Vec<String>) {
        let world = Self::of(&["alice", "bob"]);
        for text in texts {
            world.run("alice", &["send", "@bob", text]).expect(0);
        }
        world.run("bob", &["receive"]).expect(0);
        let rows = world.history("bob", "@alice");
        let ids = texts.iter().map(|text| {
            let row = rows.iter().find(|row| row["text"] == *text).unwrap();
            row["id"].as_str().unwrap().to_owned()
        });
        let ids = ids.collect();
        (world, ids)
    }

    /// What the operator sees.
    fn reported(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.server.operate("report", words).expect(0).text()).unwrap()
    }

    #[track_caller]
    fn complains(&self, words: &[&str], sentence: &str) {
        let finished = self.server.operate("report", words).expect(1);
        assert!(finished.stderr.iter().any(|line| line.contains(sentence)), "{finished:#?}");
    }

    fn reports_of(&self, profile: &str) -> Vec<Value> {
        self.run(profile, &["contact", "reports", "--json"]).expect(0).json()
    }
}

const FORGED: &str = "buy\u{1b}[2J\u{202e} now\nReport 9  spam";

#[test]
fn what_is_reported_while_the_server_is_down_reaches_its_operator_later_once_and_alone() {
    let (mut world, ids) = World::written(&["cheap watches", FORGED, "how is your mother?"]);
    world.server.kill();
    let (beginning, _) = ids[1].split_at(10);
    let mut words = vec!["contact", "report", "@alice", "--message", &ids[0], "--message", beginning];
    words.extend([
        "--reason",
        "spam",
        "--note",
        "every\nday",
        "--block",
        "--yes",
        "--timeout",
        "2",
        "--json",
    ]);
    let told = world.run("bob", &words).expect(4).sentence(&["cannot be reached", "kept"]).json().remove(0);
    assert_eq!((&told["arrived"], &told["blocked"]), (&false.into(), &true.into()));
    assert_eq!(told["person"]["name"], "@alice");
    let texts = |messages: &Value| -> Vec<String> {
        messages.as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&told["messages"]), ["cheap watches", FORGED]);
    let kept = world.reports_of("bob").remove(0);
    assert_eq!((&kept["state"], &kept["report"]), (&"waiting".into(), &told["report"]));
    // The operator has nothing, also where the server does not run.
    assert_eq!(world.reported(&["list", "--json"]), Value::Array(Vec::new()));

    world.server.restart();
    let arrived = world.reports_of("bob").remove(0);
    assert_eq!((&arrived["state"], &arrived["messages"]), (&"arrived".into(), &2.into()));
    world.run("bob", &["contact", "reports"]).expect(0).shows("@alice");
    world.run("bob", &["receive"]).expect(0);

    let list = world.reported(&["list", "--json"]);
    let [line] = &list.as_array().unwrap()[..] else { panic!("one report: {list:#}") };
    assert_eq!((&line["reason"], &line["messages"]), (&"spam".into(), &2.into()));
    assert_eq!(
        (&line["reporter"]["handles"][0], &line["reported"]["handles"][0]),
        (&"@bob".into(), &"@alice".into())
    );
    assert_eq!(line["reported"]["account"], told["person"]["account"]);
    let number = line["id"].to_string();
    let whole = world.reported(&["show", &number, "--json"]);
    assert_eq!((&whole["note"], texts(&whole["messages"])), (&"every\nday".into(), texts(&told["messages"])));
    assert_eq!(whole["messages"][0]["id"], ids[0].as_str());
    let page = world.server.operate("report", &["show", &number]).expect(0).text();
    assert!(page.contains("nothing proves") && page.contains("    cheap watches"), "{page}");
    assert!(page.lines().any(|line| line.starts_with("    Report 9")), "{page}");
    assert!(!page.contains(['\u{1b}', '\u{202e}']) && !page.contains("mother"), "{page:?}");
    world.server.operate("report", &["list"]).expect(0).shows("@alice, by @bob  2 messages");

    world.run("alice", &["send", "@bob", "hello?"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    assert!(world.received("bob", "@alice").iter().all(|text| text != "hello?"), "blocked");
    let alices = world.run("alice", &["receive", "--json"]).expect(0).json();
    assert!(alices.iter().all(|event| event["type"] != "report"), "{alices:#?}");

    world.complains(&["delete", &number], "cannot be undone: say --yes");
    world.server.operate("report", &["delete", &number, "--yes"]).expect(0).shows("Deleted.");
    world.complains(&["delete", &number, "--yes"], "no such report");
    world.complains(&["show", &number], "no such report");
    assert_eq!(world.reported(&["list", "--json"]), Value::Array(Vec::new()));
    let log = world.server.kill();
    let log = format!("{:?}", (log.stdout, log.stderr));
    assert!(!log.contains("watches") && !log.contains("every"), "{log}");
}

#[test]
fn nothing_is_sent_before_the_person_has_seen_it_and_said_so() {
    let (world, ids) = World::written(&["you fool", FORGED]);
    let words = ["contact", "report", "@alice", "--message", &ids[0], "--message", &ids[1], "--note", "rude"];
    world.run("bob", &words).expect(2).sentence(&["cannot be taken back", "--yes"]);
    let ask = || {
        let mut terminal = Terminal::start(&world.command("bob", &words));
        for shown in
            ["who can read it, in your name", "@alice", "other", "rude", "you fool", "buy", "Send this?"]
        {
            terminal.shows(shown);
        }
        terminal
    };
    let mut no = ask();
    no.keys("\n");
    let (code, screen) = no.finish();
    assert_eq!(code, Some(1));
    assert!(screen.contains("nothing was reported") && !screen.contains("\u{1b}[2J"), "{screen:?}");
    assert_eq!(world.reported(&["list", "--json"]), Value::Array(Vec::new()));
    assert!(world.reports_of("bob").is_empty());
    let mut yes = ask();
    yes.keys("y\n");
    yes.shows("Reported @alice");
    yes.shows("The server has it.");
    assert_eq!(yes.finish().0, Some(0));
    assert_eq!(world.reported(&["show", "1", "--json"])["messages"].as_array().unwrap().len(), 2);
}

#[test]
fn only_what_they_wrote_can_be_reported_wherever_they_wrote_it() {
    let (world, ids) = World::written(&["you fool"]);
    world.run("bob", &["request", "accept", "--with", "@alice"]).expect(0);
    let own = world.run("bob", &["send", "@alice", "stop it", "--json"]).expect(0).json().remove(0);
    let report =
        |words: &[&str]| world.run("bob", &[&["contact", "report", "@alice", "--yes"], words].concat());
    let own = own["id"].as_str().unwrap();
    report(&["--message", own]).expect(1).sentence(&[own, "only its own can be reported"]);
    report(&["--message", "nothing"]).expect(2).sentence(&["no message nothing"]);
    world.run("alice", &["message", "delete", "--with", "@bob", &ids[0]]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    report(&["--message", &ids[0]]).expect(1).sentence(&["was deleted"]);
    let long = "n".repeat(501);
    report(&["--note", &long]).expect(1).sentence(&["at most 500 characters"]);
    world.run("bob", &["contact", "report", "@nobody", "--yes"]).expect(7);
    world.run("bob", &["contact", "report", "@bob", "--yes"]).expect(1).sentence(&["your own account"]);
    assert_eq!(world.reported(&["list", "--json"]), Value::Array(Vec::new()));

    world.run("alice", &["group", "create", "Choir", "@bob"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("alice", &["send", "--group", "Choir", "you all sing badly"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    let rows = world.run("bob", &["history", "--group", "Choir", "--json"]).expect(0).json();
    let row = rows.iter().find(|row| row["text"] == "you all sing badly").unwrap();
    let id = row["id"].as_str().unwrap();
    report(&["--message", id]).expect(2).sentence(&["no message"]);
    let notice = rows.iter().find(|row| row["type"] == "notice").unwrap()["id"].as_str().unwrap();
    report(&["--group", "Choir", "--message", notice]).expect(1).sentence(&["line of the system"]);
    report(&["--group", "Choir", "--message", id]).expect(0).shows("with 1 message. The server has it.");
    assert_eq!(world.reported(&["show", "1", "--json"])["messages"][0]["text"], "you all sing badly");
}
