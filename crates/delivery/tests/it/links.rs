//! Links: bytes between two connections that are not logged in.

use std::time::Duration;

use hushwire_wire::{ErrorCode, FindLink, LinkOpened, OpenLink, Response, SendLink};

use crate::world::{Line, World};

fn opened(world: &mut World, line: Line) -> LinkOpened {
    match world.ask(line, OpenLink { commitment: [7; 32] }) {
        Response::LinkOpened(opened) => opened,
        other => panic!("not opened: {other:?}"),
    }
}

fn message(pushes: Vec<Response>) -> Vec<u8> {
    match &pushes[..] {
        [Response::LinkMessage(message)] => message.body.to_vec(),
        other => panic!("not one message: {other:?}"),
    }
}

#[test]
fn two_connections_find_each_other_and_talk() {
    let mut world = World::new();
    let (new, old) = (world.connect(), world.connect());
    let code = opened(&mut world, new).code;
    let found = world.ask(old, FindLink { code: code.clone() });
    assert!(matches!(found, Response::LinkFound(found) if found.commitment == [7; 32]));
    for (from, to, body) in [(old, new, b"answer".as_slice()), (new, old, b"offer"), (old, new, b"draft")] {
        assert!(matches!(world.ask(from, SendLink { body: body.into() }), Response::LinkSent(_)));
        assert_eq!(message(world.pushes(to)), body);
        assert!(world.pushes(from).is_empty());
    }
    let third = world.connect();
    assert_eq!(world.refused(third, FindLink { code }).code, ErrorCode::LinkMissing);
    assert_eq!(
        world.refused(third, SendLink { body: b"hello".as_slice().into() }).code,
        ErrorCode::LinkMissing
    );
    world.direct.disconnect(old.connection);
    assert!(matches!(world.pushes(new)[..], [Response::LinkEnded(_)]));
    assert_eq!(
        world.refused(new, SendLink { body: b"hello".as_slice().into() }).code,
        ErrorCode::LinkMissing
    );
}

#[test]
fn a_code_ends_with_its_time_and_with_its_device() {
    let mut world = World::new();
    let (new, old) = (world.connect(), world.connect());
    let opened_at = world.now;
    let first = opened(&mut world, new);
    assert_eq!(first.expires_at.since(opened_at), Duration::from_secs(600));
    world.pass(Duration::from_secs(600));
    let late = FindLink { code: first.code };
    assert_eq!(world.refused(old, late).code, ErrorCode::LinkMissing);
    let (another, old) = (world.connect(), world.connect());
    let code = opened(&mut world, another).code;
    world.direct.disconnect(another.connection);
    assert_eq!(world.refused(old, FindLink { code }).code, ErrorCode::LinkMissing);
    assert_eq!(world.refused(old, FindLink { code: "not a code".into() }).code, ErrorCode::LinkMissing);
}

#[test]
fn who_is_logged_in_links_nobody_there() {
    let mut world = World::new();
    let alice = world.join("alice");
    assert_eq!(world.refused(alice.line, OpenLink { commitment: [7; 32] }).code, ErrorCode::NotNow);
}

#[test]
fn a_link_ends_with_whoever_is_put_out() {
    let mut world = World::new();
    let mut alice = world.join("alice");
    let (new, old) = (world.connect(), world.connect());
    let code = opened(&mut world, new).code;
    assert!(matches!(world.ask(old, FindLink { code }), Response::LinkFound(_)));
    world.try_login(&alice.keys, old).unwrap();
    assert!(world.pushes(new).is_empty());
    world.come_back(&mut alice, None);
    assert!(!world.direct.is_open(old.connection));
    assert!(matches!(world.pushes(new)[..], [Response::LinkEnded(_)]));
}
