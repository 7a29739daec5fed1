//! Direct conversations: the two accounts' leaves alone, and an extension of which only floors rise.

use hushwire_group_policy::{GroupExtension, Refusal, rules};
use hushwire_types::Generation;
use mls_rs::ExtensionList;

use crate::world::{Morals, Pair, account, mls_now, receive};

#[test]
fn each_account_may_add_devices_of_either() {
    let mut pair = Pair::new();
    let second = pair.world.device(account(2));
    let group = pair.add(&second);
    assert_eq!(group.roster().members().len(), 3);
    assert_eq!(pair.observer.roster().unwrap().len(), 3);
}

#[test]
fn a_leaf_of_a_third_account_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let stranger = pair.world.device(account(3));
    let output = crate::world::add(&mut pair.group_a, &[&stranger]);
    assert_eq!(pair.refused(&output), Refusal::ForeignAccount(account(3)));
}

#[test]
fn a_honest_device_does_not_even_make_a_commit_that_adds_a_third_account() {
    let mut pair = Pair::new();
    let stranger = pair.world.device(account(3));
    let builder = pair.group_a.commit_builder().commit_time(mls_now().unwrap());
    assert!(builder.add_member(stranger.key_package()).unwrap().build().is_err());
}

#[test]
fn the_extension_does_not_change() {
    let other_accounts = GroupExtension::direct(account(1), account(3), Generation(1));
    let other_generation = GroupExtension::direct(account(1), account(2), Generation(2));
    for changed in [other_accounts, other_generation] {
        let mut pair = Pair::with(Morals::Lawless);
        let output = change_extensions(&mut pair, changed.to_context().unwrap());
        assert_eq!(pair.refused(&output), Refusal::ExtensionChanged);
    }
}

#[test]
fn the_context_keeps_its_two_extensions() {
    let mut pair = Pair::with(Morals::Lawless);
    let output = change_extensions(&mut pair, ExtensionList::new());
    assert_eq!(pair.refused(&output), Refusal::Extensions);
}

#[test]
fn no_account_is_put_out_of_its_conversation() {
    let mut pair = Pair::with(Morals::Lawless);
    let index = pair.group_b.current_member_index();
    let output = pair.group_a.commit_builder().remove_member(index).unwrap().build().unwrap();
    // The member that is put out would see its own removal; it refuses as well.
    assert_eq!(pair.refused(&output), Refusal::AccountRemoved(account(2)));
}

#[test]
fn a_remove_of_a_leaf_that_is_not_there_is_refused() {
    let pair = Pair::new();
    // mls-rs makes no such Commit; the pure rules are asked.
    let group = rules::Group {
        extension: pair.observer.extension().clone(),
        leaves: vec![rules::Leaf { index: 0, credential: pair.a.credential }],
    };
    let change = rules::Change {
        committer: rules::Committer::Member(pair.a.credential),
        added: vec![],
        removed: vec![7],
        extension: None,
    };
    assert_eq!(rules::check(&group, &change, &pair.a.lists), Err(Refusal::NoSuchLeaf.into()));
}

#[test]
fn one_of_several_devices_of_an_account_may_be_removed() {
    let mut pair = Pair::new();
    let second = pair.world.device(account(2));
    let index = pair.add(&second).current_member_index();
    let output = pair.group_a.commit_builder().remove_member(index).unwrap().build().unwrap();
    let summary = crate::world::follow(&pair.observer, &output, pair.a.who()).unwrap().summary;
    assert_eq!(summary.removed, [second.credential]);
    receive(&mut pair.group_b, &output.commit_message).unwrap();
}

#[test]
fn an_account_alone_has_a_conversation_with_itself() {
    let world = crate::world::World::default();
    let (one, two) = (world.device(account(1)), world.device(account(1)));
    let mut group = one.create(&GroupExtension::direct(account(1), account(1), Generation(1)));
    let observer = crate::world::start(&world, &group, one.who()).unwrap();
    let output = crate::world::add(&mut group, &[&two]);
    let summary = crate::world::follow(&observer, &output, one.who()).unwrap().summary;
    assert_eq!(summary.added, [two.credential]);
}

pub(crate) fn change_extensions(pair: &mut Pair, extensions: ExtensionList) -> mls_rs::group::CommitOutput {
    pair.group_a.commit_builder().set_group_context_ext(extensions).unwrap().build().unwrap()
}
