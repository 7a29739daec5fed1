//! Twenty devices want to change one group at once, each a process of its own: no wish is lost, nobody is stuck, and all agree.
//!
//! `HUSH_RACERS` says how many (20), `HUSH_RACES` how often each (2).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kills::number;
use crate::support::{Running, World};

#[test]
fn twenty_devices_commit_at_once_and_all_agree_in_the_end() {
    let (racers, rounds) = (number("HUSH_RACERS", 20), number("HUSH_RACES", 2));
    let names: Vec<String> = (0..racers).map(|number| format!("racer{number}")).collect();
    let people: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = World::of(&people);
    let handles: Vec<String> = names.iter().skip(1).map(|name| format!("@{name}")).collect();
    let mut create = vec!["--timeout", "120", "group", "create", "Race"];
    create.extend(handles.iter().map(String::as_str));
    world.run(people[0], &create).expect(0);
    for name in &people {
        world.run(name, &["receive", "--json"]).expect(0);
    }

    for round in 0..rounds {
        let running: Vec<(String, Running)> = people
            .iter()
            .map(|name| {
                let wish = format!("{name} in round {round}");
                let words = ["--timeout", "110", "group", "describe", "Race", &wish];
                let process = Running::start(world.command(name, &words));
                (wish, process)
            })
            .collect();
        for (wish, mut process) in running {
            // Each came true for a moment at least, and was waited for.
            let finished = process.finish();
            assert_eq!(finished.code, Some(0), "{wish}: {finished:?}");
        }
    }

    for _ in 0..2 {
        for name in &people {
            world.run(name, &["receive", "--json"]).expect(0);
        }
    }
    let shown = |name: &str| -> Value {
        let mut group = world.run(name, &["group", "show", "Race", "--json"]).expect(0).json().remove(0);
        // Whom one has met by a handle is called by it.
        for member in group["members"].as_array_mut().unwrap() {
            member.as_object_mut().unwrap().retain(|key, _| key == "account" || key == "role");
        }
        group["members"].as_array_mut().unwrap().sort_by_key(|member| member["account"].to_string());
        group
    };
    let first = shown(people[0]);
    assert_eq!(first["members"].as_array().unwrap().len(), people.len());
    for name in &people {
        assert_eq!(shown(name), first, "{name}");
    }
    let mut described: BTreeMap<String, u64> = BTreeMap::new();
    for row in world.of_group(people[0], "Race") {
        let words = row["text"].as_str().or(row["words"].as_str()).unwrap_or_default().to_owned();
        if words.contains("changed the group's description") {
            *described.entry(words).or_default() += 1;
        }
    }
    assert_eq!(described.values().sum::<u64>(), racers * rounds, "every change is told once: {described:#?}");
}
