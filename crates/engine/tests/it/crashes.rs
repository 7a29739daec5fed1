//! The process dies between any two steps, the server's answers are lost, and nothing is.

use std::time::Duration;

use hushwire_engine::Input;

use crate::world::{Line, World};

/// A short talk in which `victim` is killed after its `at`-th step from here on.
fn talk_with_a_kill(victim: usize, at: u64) {
    let mut world = World::with(&["alice", "bob"]);
    world.client(victim).kill_at = Some(world.clients[victim].steps + at);
    let mut sent = Vec::new();
    for round in 0..4 {
        for (index, to) in [(0, "@bob"), (1, "@alice")] {
            let text = format!("{index} {round}");
            // Who is dead says nothing; what is said is kept once the step was made.
            if world.clients[index].engine.is_none() {
                world.start(index);
                world.go_online(index);
            }
            let id = world.send(index, to, &text);
            world.pass(Duration::from_secs(1));
            sent.push((index, id, text));
        }
    }
    for index in 0..2 {
        if world.clients[index].engine.is_none() {
            world.start(index);
            world.go_online(index);
        }
    }
    world.pass(Duration::from_secs(200));
    let (alices, bobs) = (world.texts(0), world.texts(1));
    assert_eq!(alices, bobs, "victim {victim}, step {at}");
    for (index, id, text) in sent {
        let queued =
            matches!(world.clients[index].outcomes.get(&id), Some(hushwire_engine::Outcome::Queued { .. }));
        let shown = alices.iter().filter(|(_, body)| *body == text).count();
        assert!(shown <= 1, "victim {victim}, step {at}: {text} is shown {shown} times");
        assert!(!queued || shown == 1, "victim {victim}, step {at}: {text} was queued and is lost");
    }
    let epochs: Vec<_> = (0..2).map(|index| world.conversations(index)[0].known_epoch).collect();
    assert_eq!(epochs[0], epochs[1], "victim {victim}, step {at}");
    for index in 0..2 {
        assert_eq!(world.alerts(index), [], "victim {victim}, step {at}");
        assert_eq!(world.notices(index), [], "victim {victim}, step {at}");
    }
}

#[test]
fn the_first_writer_may_die_after_any_step() {
    for at in 1..16 {
        talk_with_a_kill(0, at);
    }
}

#[test]
fn the_one_written_to_may_die_after_any_step() {
    for at in 1..16 {
        talk_with_a_kill(1, at);
    }
}

#[test]
fn lost_answers_repeat_nothing() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(90));
    for round in 0..5 {
        world.client(0).line = Line::Deaf;
        world.send(0, "@bob", &format!("{round}"));
        world.settle();
        world.client(0).line = Line::Good;
        // The answer is gone with the connection; the same bytes go out again.
        world.go_online(0);
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(world.texts(1).len(), 6);
    assert_eq!(world.texts(0), world.texts(1));
    assert_eq!(world.alerts(1), []);
}

#[test]
fn a_ciphertext_is_sent_again_with_the_same_bytes() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(90));
    let connection = world.clients[0].connection.unwrap();
    world.direct.disconnect(connection);
    let first = sends(&world.send_effects(0, "again"));
    assert_eq!(first.len(), 1);
    world.go_offline(0);
    let again = world.online_effects(0);
    assert_eq!(sends(&again), first);
}

fn sends(effects: &[hushwire_engine::Effect]) -> Vec<hushwire_wire::Request> {
    let request = |effect: &hushwire_engine::Effect| match effect {
        hushwire_engine::Effect::Request {
            request: request @ hushwire_wire::Request::SendMessage(_),
            ..
        } => Some(request.clone()),
        _ => None,
    };
    effects.iter().filter_map(request).collect()
}

#[test]
fn deliveries_that_come_twice_are_shown_once() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(90));
    world.record = true;
    for round in 0..5 {
        world.send(0, "@bob", &format!("{round}"));
    }
    world.pass(Duration::from_secs(2));
    let seen: Vec<Input> = std::mem::take(&mut world.recorded)
        .into_iter()
        .filter(|(index, input)| *index == 1 && matches!(input, Input::Deliveries(_)))
        .map(|(_, input)| input)
        .collect();
    assert!(!seen.is_empty());
    world.step(1, seen);
    world.settle();
    assert_eq!(world.texts(1).len(), 6);
    assert_eq!(world.alerts(1), []);
}
