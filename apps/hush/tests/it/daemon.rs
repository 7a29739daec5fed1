//! `hush daemon`: one process serves all others, loses nothing when it is killed, and lets nobody else in.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{DEADLINE, Daemon, Running, World, soon};

fn signal(process: &Running, name: &str) {
    let id = process.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn commands_go_through_a_daemon_that_runs_and_are_the_same_as_without() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    let looks: [&[&str]; 6] = [
        &["whoami", "--json"],
        &["contacts", "--json"],
        &["conversations", "--json"],
        &["verify", "@alice"],
        &["handles"],
        &["device", "list", "--json"],
    ];
    let alone = looks.map(|words| world.run("bob", words).expect(0).stdout);
    let mut daemon = Daemon::start(&world, "bob", &[]);
    assert_eq!(looks.map(|words| world.run("bob", words).expect(0).stdout), alone);

    world.run("alice", &["send", "@bob", "to the daemon"]).expect(0);
    world.run("bob", &["receive"]).expect(0).shows("to the daemon");
    world.run("bob", &["send", "@alice", "through the daemon"]).expect(0).shows("Sent to @alice.");
    world.run("bob", &["send", "@nobody", "hi"]).expect(7).sentence(&["knows no @nobody"]);
    world.run("bob", &["send", "@alice", ""]).expect(2).sentence(&["empty"]);
    let rows = world.history("bob", "@alice");
    let id = rows.iter().find(|row| row["text"] == "to the daemon").unwrap()["id"].as_str().unwrap();
    world.run("bob", &["message", "react", "--with", "@alice", id, "👍"]).expect(0).shows("reacted");
    world.run("bob", &["group", "create", "Family", "@alice"]).expect(0).shows("@alice");
    world.run("bob", &["send", "--group", "Family", "hello all"]).expect(0);
    world.run("alice", &["receive"]).expect(0).shows("hello all");
    assert_eq!(world.received("alice", "@bob"), ["through the daemon"]);

    let shown = world.run("bob", &["daemon", "--status", "--json"]).expect(0).json().remove(0);
    assert_eq!(shown["pid"], daemon.process.id());
    assert_eq!(shown["link"]["state"], "live");
    let pid = format!("process {}", daemon.process.id());
    world.run("bob", &["daemon"]).expect(1).sentence(&["runs already", &pid]);
    world.run("bob", &["daemon", "--stop"]).expect(0).shows("has ended");
    daemon.process.finish().expect(0);
    assert!(!daemon.socket().exists());
    world.run("bob", &["daemon", "--status"]).expect(1).sentence(&["no daemon runs"]);
    world.run("bob", &["receive"]).expect(0);
}

#[test]
fn two_people_chat_and_follow_through_daemons() {
    let world = World::of(&["alice", "bob"]);
    let (_a, _b) = (Daemon::start(&world, "alice", &[]), Daemon::start(&world, "bob", &[]));
    let mut follow = world.start("bob", &["receive", "--follow", "--json"]);
    let mut alice = world.start("alice", &["chat", "@bob"]);
    alice.talk(|line| line.contains("Ctrl-D"));
    alice.write("are you there?\n");
    follow.line(|line| line.contains("\"text\":\"are you there?\""));
    let mut bob = world.start("bob", &["chat", "@alice"]);
    bob.line(|line| line.ends_with("@alice: are you there?"));
    bob.write("yes\n");
    alice.line(|line| line.ends_with("@bob: yes"));
    bob.finish().expect(0);
    alice.finish().expect(0);
    signal(&follow, "TERM");
    follow.finish().expect(0);
}

#[test]
fn a_device_is_let_in_through_a_daemon() {
    let world = World::of(&["alice"]);
    let _daemon = Daemon::start(&world, "alice", &[]);
    let link = world.server.bare_link();
    let words = ["link", &link, "--device-name", "the laptop", "--lock", "key-file", "--json"];
    let digits = |running: &mut Running| {
        let shown: Value = serde_json::from_str(&running.line(|line| line.contains("\"digits\""))).unwrap();
        shown["digits"].clone()
    };
    let mut new = world.start("laptop", &words);
    let code: Value = serde_json::from_str(&new.line(|line| line.contains("\"code\""))).unwrap();
    let mut approving =
        world.start("alice", &["device", "approve", code["code"].as_str().unwrap(), "--json"]);
    assert_eq!(digits(&mut new), digits(&mut approving));
    new.write("y\n");
    approving.write("y\n");
    approving.finish().expect(0).shows("the laptop");
    new.finish().expect(0);
    world.run("alice", &["device", "list"]).expect(0).shows("the laptop");
}

#[test]
fn an_event_that_was_not_acknowledged_comes_again_after_a_kill() {
    let world = World::of(&["alice", "bob"]);
    let mut daemon = Daemon::start(&world, "bob", &[]);
    let mut line = daemon.connect();
    let begun = line.call("subscribe", &json!({ "cursor": "bot" }));
    assert_eq!((&begun["subscription"], &begun["after"]), (&json!(1), &json!(0)));
    world.run("alice", &["send", "@bob", "one"]).expect(0);
    let first = line.event("message");
    assert_eq!((&first["text"], &first["own"]), (&json!("one"), &json!(false)));
    daemon.process.kill();

    let mut daemon = Daemon::start(&world, "bob", &[]);
    let mut line = daemon.connect();
    line.call("subscribe", &json!({ "cursor": "bot" }));
    assert_eq!(line.event("message"), first, "it comes again, and is the same");
    assert_eq!(line.call("ack", &json!({ "cursor": "bot", "seq": first["seq"] }))["seq"], first["seq"]);
    let beyond = line.ask("ack", &json!({ "cursor": "bot", "seq": 1_000_000 }));
    assert_eq!(beyond["error"]["data"]["kind"], "usage", "what has not been cannot be dealt with");
    daemon.process.kill();

    world.run("alice", &["send", "@bob", "two"]).expect(0);
    let daemon = Daemon::start(&world, "bob", &[]);
    let mut line = daemon.connect();
    line.call("subscribe", &json!({ "cursor": "bot" }));
    assert_eq!(line.event("message")["text"], "two");
    // Another cursor has its own pace, and a number is one's own.
    let all = line.call("events", &json!({ "cursor": "other", "limit": 1000 }));
    assert!(all["events"].as_array().unwrap().contains(&first), "{all:#}");
    let after = line.call("events", &json!({ "after": first["seq"], "limit": 1000 }));
    assert!(!after["events"].as_array().unwrap().contains(&first), "{after:#}");
}

#[test]
fn a_key_sends_once_over_kills_and_connections() {
    let world = World::of(&["alice", "bob"]);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut daemon = Daemon::start(&world, "alice", &[]);
        for _ in 0..2 {
            let send = json!({ "to": ["@bob"], "text": "once", "key": "k" });
            let sent = daemon.connect().call("send", &send);
            assert_eq!(sent["fates"][0]["state"], "sent", "{sent:#}");
            ids.push(sent["fates"][0]["id"].clone());
        }
        daemon.process.kill();
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(world.received("bob", "@alice"), ["once"]);
}

#[test]
fn a_killed_daemon_is_in_nobodys_way() {
    let world = World::of(&["alice"]);
    let mut daemon = Daemon::start(&world, "alice", &["--http"]);
    daemon.process.kill();
    assert!(daemon.socket().exists(), "nobody removed it");
    world.run("alice", &["whoami"]).expect(0).shows("@alice");
    let before = daemon.token();
    let daemon = Daemon::start(&world, "alice", &["--http"]);
    assert_ne!(daemon.token(), before, "a token is new with each start");
    assert_eq!(daemon.connect().call("whoami", &json!({}))["handle"], "@alice");
}

#[test]
fn it_ends_in_order_and_answers_what_was_asked() {
    let world = World::of(&["alice"]);
    for name in ["TERM", "INT"] {
        let mut daemon = Daemon::start(&world, "alice", &["--http"]);
        let mut line = daemon.connect();
        let last = line.call("daemon.status", &json!({}))["last_event"].clone();
        let polls = json!({ "jsonrpc": "2.0", "id": 7, "method": "events", "params": { "after": 1_000_000, "wait_s": 60 } });
        line.write(&format!("{polls}\n"));
        // Answered behind the poll, so the poll is in work.
        line.call("whoami", &json!({}));
        signal(&daemon.process, name);
        let answer = line.read().unwrap();
        assert_eq!((&answer["id"], &answer["result"]["events"]), (&json!(7), &json!([])));
        assert!(answer["result"]["last"].as_u64() >= last.as_u64());
        assert_eq!(line.read(), None, "then the connection closes");
        daemon.process.finish().expect(0);
        let token = daemon.status["token_file"].as_str().unwrap();
        assert!(!daemon.socket().exists() && !Path::new(token).exists());
    }
}

#[test]
fn a_passphrase_is_asked_for_once() {
    let world = World::new();
    let file = world.path("passphrase");
    std::fs::write(&file, "correct horse battery\n").unwrap();
    let file = file.display().to_string();
    let link = world.server.invite();
    world.run("alice", &["--passphrase-file", &file, "join", &link, "--name", "alice"]).expect(0);
    world.run("alice", &["whoami"]).expect(1).sentence(&["passphrase is needed"]);
    let daemon = Daemon::start(&world, "alice", &["--passphrase-file", &file]);
    world.run("alice", &["whoami"]).expect(0).shows("@alice");
    drop(daemon);
    world.run("alice", &["whoami"]).expect(1).sentence(&["passphrase is needed"]);
}

#[test]
fn only_the_owner_gets_in() {
    let world = World::of(&["alice"]);
    let mut daemon = Daemon::start(&world, "alice", &["--http"]);
    let socket = daemon.socket();
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    assert_eq!(mode(Path::new(daemon.status["token_file"].as_str().unwrap())), 0o600);

    let (host, token) = (daemon.address(), daemon.token());
    assert_eq!(token.len(), 64);
    let here = format!("Host: {host}");
    let bearer = format!("Authorization: Bearer {token}");
    let json = "Content-Type: application/json";
    let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "whoami" }).to_string();
    let post = |headers: &[&str]| daemon.http("POST /", headers, &ask).0;
    let right = daemon.http("POST /", &[&here, &bearer, json], &ask);
    assert_eq!(right.0, 200, "{right:?}");
    let answer: Value = serde_json::from_str(&right.1).unwrap();
    assert_eq!(answer["result"]["handle"], "@alice");
    let wrong = format!("Authorization: Bearer {}", "0".repeat(64));
    assert_eq!(post(&[&here, json]), 401);
    assert_eq!(post(&[&here, &wrong, json]), 401);
    assert_eq!(post(&["Host: evil.example", &bearer, json]), 403);
    assert_eq!(post(&[&here, &bearer, json, "Origin: http://evil.example"]), 403);
    assert_eq!(post(&[&here, &bearer, json, "Origin: null"]), 403);
    assert_eq!(post(&[&here, &bearer, json, &format!("Origin: http://{host}")]), 200);
    assert_eq!(post(&[&here, &bearer, "Content-Type: text/plain"]), 415);
    assert_eq!(daemon.http("GET /", &[&here, &bearer], "").0, 405);
    let upgrade =
        ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    let ws = |headers: &[&str]| daemon.http("GET /ws", &[&upgrade, headers].concat(), "").0;
    assert_eq!(ws(&[&here]), 401);
    assert_eq!(ws(&[&here, &wrong]), 401);
    assert_eq!(ws(&[&here, &bearer, "Origin: http://evil.example"]), 403);
    let huge = format!("{}{ask}", " ".repeat(1 << 20));
    assert_eq!(daemon.http("POST /", &[&here, &bearer, json], &huge).0, 413);

    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let elsewhere = world.run("alice", &["daemon", "--http", address]);
        elsewhere.expect(1).sentence(&["runs already"]);
    }
    world.run("alice", &["daemon", "--stop"]).expect(0);
    let said = daemon.process.finish().expect(0);
    assert!(!said.stdout.concat().contains(&token) && !said.stderr.concat().contains(&token));
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        world.run("alice", &["daemon", "--http", address]).expect(2).sentence(&["not on loopback"]);
    }
}

#[test]
fn a_web_socket_carries_events() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    use tokio_tungstenite::tungstenite::{Message, client};

    let world = World::of(&["alice", "bob"]);
    let daemon = Daemon::start(&world, "bob", &["--http", "127.0.0.1:0"]);
    let stream = std::net::TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut request = format!("ws://{}/ws", daemon.address()).into_client_request().unwrap();
    request.headers_mut().insert("Authorization", format!("Bearer {}", daemon.token()).parse().unwrap());
    let (mut socket, _) = client(request, stream).unwrap();
    let subscribe = json!({ "jsonrpc": "2.0", "id": "s", "method": "subscribe" });
    socket.send(Message::from(subscribe.to_string())).unwrap();
    let mut read = || loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str::<Value>(&text).unwrap();
        }
    };
    assert_eq!(read()["id"], "s");
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    let message = loop {
        let event = read()["params"]["event"].take();
        if event["type"] == "message" {
            break event;
        }
    };
    assert_eq!((&message["text"], &message["message"]["from"]["name"]), (&json!("hello"), &json!("@alice")));
}

#[test]
fn standard_input_and_output_are_a_connection() {
    let world = World::of(&["alice"]);
    let mut daemon = world.start("alice", &["daemon", "--stdio"]);
    daemon.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"whoami\"}\n");
    let answer: Value = serde_json::from_str(&daemon.line(|line| line.contains("\"id\":1"))).unwrap();
    assert_eq!(answer["result"]["handle"], "@alice");
    // Commands go through it all the same.
    world.run("alice", &["whoami"]).expect(0).shows("@alice");
    let ended = daemon.finish().expect(0);
    assert_eq!(ended.json(), [answer], "nothing else is on standard output");
    world.run("alice", &["whoami"]).expect(0);
}

#[test]
fn a_subscriber_that_does_not_read_holds_up_nobody_and_misses_nothing() {
    const TEXTS: usize = 40;
    let world = World::of(&["alice", "bob"]);
    let bob = Daemon::start(&world, "bob", &[]);
    let mut slow = bob.connect();
    slow.call("subscribe", &json!({ "cursor": "slow" }));
    let alice = Daemon::start(&world, "alice", &[]);
    let mut sender = alice.connect();
    // Far more than a socket holds.
    let filler = "x".repeat(16_000);
    for n in 0..TEXTS {
        let send = json!({ "to": ["@bob"], "text": format!("{n} {filler}"), "until": "stored" });
        assert_eq!(sender.call("send", &send)["fates"][0]["state"], "queued");
    }
    let mut quick = bob.connect();
    let last = format!("{} {filler}", TEXTS - 1);
    soon(|| {
        // There is no such conversation before the first one has come.
        let page = bob.connect().ask("history", &json!({ "with": "@alice", "limit": 1 }));
        (page["result"]["messages"][0]["text"] == last.as_str()).then_some(())
    });
    assert_eq!(quick.call("whoami", &json!({}))["handle"], "@bob");
    for n in 0..TEXTS {
        assert_eq!(slow.event("message")["text"], format!("{n} {filler}"));
    }
}

#[test]
fn who_writes_is_told_to_subscribers_that_ask_for_it() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["send", "@alice", "hello yourself"]).expect(0);
    let (alice, bob) = (Daemon::start(&world, "alice", &[]), Daemon::start(&world, "bob", &[]));
    let (mut alice, mut bob) = (alice.connect(), bob.connect());
    alice.call("sync", &json!({}));
    bob.call("sync", &json!({}));
    let me = alice.call("whoami", &json!({}))["account"].clone();
    let place = bob.call("conversation.find", &json!({ "with": "@alice" }))["conversation"].clone();
    bob.call("subscribe", &json!({ "typing": true }));
    for stopped in [false, true] {
        alice.call("message.typing", &json!({ "with": "@bob", "stopped": stopped }));
        let told = loop {
            let notification = bob.read().unwrap();
            if notification["method"] == "typing" {
                break notification["params"].clone();
            }
        };
        let expected = json!({ "subscription": 1, "conversation": place, "account": me, "stopped": stopped });
        assert_eq!(told, expected);
    }
}
