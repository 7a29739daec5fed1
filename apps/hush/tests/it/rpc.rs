//! JSON-RPC as a program meets it: requests of all shapes, and answers that fit the schema.

use serde_json::{Value, json};

use crate::support::{Daemon, Line, World};

#[test]
fn requests_that_make_no_sense_are_refused_and_harm_nothing() {
    let world = World::of(&["alice"]);
    let daemon = Daemon::start(&world, "alice", &[]);
    let mut line = daemon.connect();
    let mut code = |text: &str| {
        line.write(&format!("{text}\n"));
        line.read().unwrap()["error"]["code"].as_i64().unwrap()
    };
    assert_eq!(code("nonsense"), -32_700);
    for text in [
        "1",
        "[]",
        "{}",
        r#"{"jsonrpc":"1.0","id":1,"method":"whoami"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"whoami"}"#,
    ] {
        assert_eq!(code(text), -32_600, "{text}");
    }
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"nothing"}"#), -32_601);
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"send","params":["@bob"]}"#), -32_602);
    // A misspelt key would send twice.
    let misspelt =
        r#"{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":["@bob"],"text":"hi","kye":"k"}}"#;
    assert_eq!(code(misspelt), -32_602);
    assert_eq!(
        code(r#"{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":["@nobody at all"],"text":"hi"}}"#),
        -32_007
    );
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"group.show","params":{"group":"none"}}"#), -32_007);

    line.write("[1,{\"jsonrpc\":\"2.0\",\"method\":\"whoami\"},{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"whoami\"}]\n");
    let batch = line.read().unwrap();
    assert_eq!((batch[0]["error"]["code"].as_i64(), &batch[1]["id"]), (Some(-32_600), &json!("b")));
    assert_eq!(batch.as_array().unwrap().len(), 2, "a notification has no answer");
    // Neither has one alone: the next answer is the next request's.
    line.write("{\"jsonrpc\":\"2.0\",\"method\":\"whoami\"}\n\n");
    assert_eq!(line.call("whoami", &json!({}))["handle"], "@alice");

    line.write(&"x".repeat(1 << 20));
    assert_eq!(line.read().unwrap()["error"]["code"], -32_600);
    assert_eq!(daemon.connect().call("whoami", &json!({}))["handle"], "@alice");
}

/// Holds an answer to what the document says of the method.
struct Schema(Value);

impl Schema {
    fn printed(world: &World) -> Self {
        // Needs no profile.
        Self(world.run("nobody", &["rpc", "schema", "--json"]).expect(0).json().remove(0))
    }

    #[track_caller]
    fn check(&self, method: &str, params: &Value, answer: &Value) {
        let methods = self.0["methods"].as_array().unwrap();
        let described = methods.iter().find(|described| described["name"] == method);
        let described = described.unwrap_or_else(|| panic!("{method} is not in the document"));
        self.fits(&described["result"]["schema"], answer);
        for param in described["params"].as_array().unwrap() {
            let given = &params[param["name"].as_str().unwrap()];
            assert!(!given.is_null() || param["required"] == false, "{method} needs {param:#}");
            if !given.is_null() {
                self.fits(&param["schema"], given);
            }
        }
    }

    #[track_caller]
    fn fits(&self, schema: &Value, value: &Value) {
        // References lead into the document.
        let mut schema = schema.clone();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("components".to_owned(), self.0["components"].clone());
        }
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<String> = validator.iter_errors(value).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:#?} in {value:#}");
    }
}

/// Calls methods, and holds what is given and answered to the document.
struct Checked {
    line: Line,
    schema: Schema,
}

impl Checked {
    #[track_caller]
    fn call(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.line.call(method, params);
        self.schema.check(method, params, &answer);
        answer
    }
}

#[test]
fn what_is_answered_fits_the_schema() {
    let world = World::of(&["alice", "bob"]);
    let daemon = Daemon::start(&world, "alice", &["--http"]);
    let mut alice = Checked { line: daemon.connect(), schema: Schema::printed(&world) };
    for (method, params) in [
        ("group.create", json!({ "name": "Family", "members": ["@bob"] })),
        ("group.describe", json!({ "group": "Family", "text": "us" })),
        ("group.allow", json!({ "group": "Family", "write": "admins" })),
        ("group.role", json!({ "group": "Family", "member": "@bob", "role": "admin" })),
        ("group.rename", json!({ "group": "Family", "name": "We" })),
        ("group.show", json!({ "group": "We" })),
        ("group.list", json!({})),
        ("group.remove", json!({ "group": "We", "members": ["@bob"] })),
        ("verify", json!({ "who": "@bob", "decision": "confirm" })),
        ("contact.report", json!({ "who": "@bob", "reason": "spam", "preview": true })),
        ("contact.report", json!({ "who": "@bob", "note": "mails me", "block": true })),
        ("contact.reports", json!({})),
        ("contacts", json!({})),
        ("conversations", json!({})),
        ("whoami", json!({})),
        ("handles.list", json!({})),
        ("device.list", json!({})),
        ("settings", json!({ "receipts": false, "typing": true })),
        ("sync", json!({})),
        ("daemon.status", json!({})),
    ] {
        alice.call(method, &params);
    }
    assert_eq!(alice.line.call("rpc.discover", &json!({})), alice.schema.0);
    alice.call("daemon.stop", &json!({}));
}

#[test]
fn messages_and_events_fit_the_schema() {
    let world = World::of(&["alice", "bob"]);
    let (daemon, bob) = (Daemon::start(&world, "alice", &[]), Daemon::start(&world, "bob", &[]));
    let mut alice = Checked { line: daemon.connect(), schema: Schema::printed(&world) };
    let sent = alice.call("send", &json!({ "to": ["@bob", "@nobody"], "text": "hello", "key": "1" }));
    assert_eq!(sent["fates"][1]["kind"], "unknown_recipient");
    let id = &sent["fates"][0]["id"];
    for (method, params) in [
        ("message.reply", json!({ "with": "@bob", "id": id, "text": "to that", "key": "r" })),
        ("message.react", json!({ "with": "@bob", "id": id, "emoji": "👍" })),
        ("message.edit", json!({ "with": "@bob", "id": id, "text": "hello!" })),
        ("message.read", json!({ "with": "@bob" })),
    ] {
        alice.call(method, &params);
    }
    let found = alice.call("conversation.find", &json!({ "with": "@bob" }));
    let conversation = &found["conversation"];
    alice.call("conversation.flush", &json!({ "conversation": conversation }));
    let page = alice.call("history", &json!({ "conversation": conversation, "limit": 2 }));
    alice.call("history", &json!({ "with": "@bob", "before": page["before"] }));
    alice.call("message.delete", &json!({ "with": "@bob", "id": id }));
    bob.connect().call("sync", &json!({}));
    let live = json!({ "state": "live", "clock": null });
    let events = alice.call("events", &json!({ "after": 0, "limit": 1000, "wait_s": 1, "link": live }));
    let last = &events["events"].as_array().unwrap().last().unwrap()["seq"];
    alice.call("ack", &json!({ "seq": last, "cursor": "c" }));
    let subscribed = alice.call("subscribe", &json!({ "after": 0 }));
    alice.call("unsubscribe", &json!({ "subscription": subscribed["subscription"] }));
}

#[test]
fn a_method_is_called_from_the_command_line_with_a_daemon_and_without() {
    let world = World::of(&["alice", "bob"]);
    let call = |words: &[&str]| world.run("alice", &[&["rpc", "call"], words].concat());
    let send = r#"{"to": ["@bob"], "text": "hello", "key": "k"}"#;
    call(&["send", send]).expect(0).shows("\"sent\"");
    let _daemon = Daemon::start(&world, "alice", &[]);
    call(&["send", send]).expect(0).shows("\"sent\"");
    world.run_with("alice", &["rpc", "call", "send", "-"], send).expect(0).shows("\"sent\"");
    call(&["nothing"]).expect(1).sentence(&["no method", "nothing"]);
    call(&["send", "{"]).expect(2).sentence(&["no JSON object"]);
    call(&["group.show", r#"{"group": "none"}"#]).expect(7).sentence(&["no group"]);
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(world.received("bob", "@alice"), ["hello"]);
}
