//! The registration lock as people meet it: a number that has an account, claimed by somebody else.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Faults, Options, Running, World};

const NUMBER: &str = "+15551234567";

/// A server that writes its codes into a file.
struct Town {
    world: World,
    folder: TempDir,
}

impl Town {
    fn new(environment: Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let codes = folder.path().join("codes").display().to_string();
        let config = format!("[otp.phone]\ndriver = \"file\"\npath = \"{codes}\"\n");
        let world = World::with(Options { config: Some(config), environment, ..Options::default() });
        Self { world, folder }
    }

    fn codes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("codes")).unwrap_or_default();
        // The last line may be half written.
        let text = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let code =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["code"].as_str().unwrap().to_owned();
        text.lines().map(code).collect()
    }

    /// `hush join` with the number and the code that comes.
    fn join(&self, profile: &str) -> crate::support::Finished {
        let before = self.codes().len();
        let link = self.world.server.bare_link();
        let words = ["join", &link, "--phone", NUMBER, "--code-stdin", "--lock", "key-file", "--quiet"];
        let mut joining = self.world.start(profile, &words);
        let code = crate::support::soon(|| self.codes().into_iter().nth(before));
        joining.write(&format!("{code}\n"));
        joining.finish()
    }
}

/// The code of the account that asks, as the sentence of a refused `hush join` names it.
fn code_of(refused: &crate::support::Finished) -> String {
    let sentence = refused.stderr.last().unwrap();
    let (_, rest) = sentence.split_once("allowed the account ").unwrap();
    rest.chars().take(19).collect()
}

#[test]
fn a_number_that_somebody_claims_stays_until_its_owner_allows_it() {
    let town = Town::new(Vec::new());
    let world = &town.world;
    town.join("alice").expect(0);
    world.join("carol");
    world.run("carol", &["send", NUMBER, "hello alice"]).expect(0);
    world.run("alice", &["receive"]).expect(0);

    // Somebody else reads a code that went to the number.
    let refused = town.join("bob").expect(1).sentence(&["has an account already", "its devices were told"]);
    let code = code_of(&refused);
    world.run("bob", &["whoami"]).expect(3);
    let shown = world.run("alice", &["receive"]).expect(0);
    shown.shows(&format!("!! somebody has proved {NUMBER} with a code and wants it for the account {code}"));
    shown.shows("until 20");
    let journal = world.run("alice", &["receive", "--json", "--after", "0"]).expect(0).json();
    let alert = journal.iter().find(|change| change["alert"]["alert"] == "handle_claim").unwrap();
    assert_eq!((&alert["alert"]["handle"], &alert["alert"]["state"]), (&NUMBER.into(), &"claimed".into()));

    let list = world.run("alice", &["handles", "--json"]).expect(0).json();
    assert_eq!((&list[0]["type"], &list[0]["handle"]), (&"handle".into(), &NUMBER.into()));
    assert_eq!((&list[1]["type"], &list[1]["code"]), (&"claim".into(), &code.clone().into()));
    world.run("alice", &["handles"]).expect(0).shows(&format!("hush handles allow {NUMBER}"));

    // Refused: however often the number is proved, nothing happens and nobody is told again.
    world.run("alice", &["handles", "refuse", NUMBER]).expect(0).shows("stays yours");
    town.join("bob").expect(1).sentence(&["has an account already", &code]);
    let quiet = world.run("alice", &["receive"]).expect(0);
    assert!(!quiet.text().contains("somebody has proved"), "{quiet:#?}");
    world.run("alice", &["handles", "allow", "+15550000000"]).expect(1).sentence(&["nobody claims"]);
    world.run("alice", &["handles", "allow", "nonsense"]).expect(2).sentence(&["phone number"]);
    world.run("alice", &["handles", "allow", NUMBER, "--account", "AAAA"]).expect(2).sentence(&["AAAA"]);

    // Allowed: the same command makes the account at once.
    world.run("alice", &["handles", "allow", NUMBER, "--account", &code]).expect(0).shows("Allowed");
    town.join("bob").expect(0);
    let lost = world.run("alice", &["receive"]).expect(0);
    lost.shows(&format!("{NUMBER} is not yours any more: it belongs to the account {code} now"));
    world.run("alice", &["handles", "allow", NUMBER]).expect(1).sentence(&["nobody claims"]);
    let own = world.run("alice", &["handles", "--json"]).expect(0).json();
    assert!(own.iter().all(|line| line["type"] != "handle"), "{own:#?}");
    world.run("alice", &["whoami"]).expect(0).shows("(no handle any more)");

    // Her friend hears of it at once, and writes to nobody before having decided.
    world.run("carol", &["receive"]).expect(0).shows(&format!("{NUMBER} belongs to another account now"));
    world.run("carol", &["send", NUMBER, "secret"]).expect(5).sentence(&["another account now"]);
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(world.run("bob", &["conversations"]).expect(0).stdout, Vec::<String>::new());
    world.run("carol", &["verify", NUMBER, "--accept-change"]).expect(0);
    world.run("carol", &["send", NUMBER, "welcome bob"]).expect(0);
    world.run("bob", &["receive"]).expect(0).shows("welcome bob");
    let alice = world.run("alice", &["receive", "--after", "0"]).expect(0);
    assert!(!alice.text().contains("welcome bob"));
}

#[test]
fn a_number_passes_after_a_week_of_silence_to_the_profile_that_waited() {
    let faults = Faults::new();
    let town = Town::new(faults.environment());
    town.join("alice").expect(0);
    let code = code_of(&town.join("bob").expect(1).sentence(&["or after 20"]));
    faults.set_clock(7 * 86_400 + 60);
    town.join("bob").expect(0);
    let mut lost = town.world.command("alice", &["receive"]);
    lost.envs(faults.environment());
    let lost = Running::start(lost).finish().expect(0);
    lost.shows(&format!("it belongs to the account {code} now"));
}
