//! Rule R7: external Commits.

use hushwire_group_policy::{Refusal, rules};

use crate::world::{Morals, Pair, account, follow_external, receive, refusal};

#[test]
fn r7_a_device_that_lost_its_state_rejoins_in_place_of_its_old_leaf() {
    let mut pair = Pair::new();
    let index = pair.group_b.current_member_index();
    let (mut rejoined, commit) = pair.b.rejoin(&pair.group_a, Some(index)).unwrap();
    let followed = follow_external(&pair.observer, &commit, &rejoined, pair.b.who()).unwrap();
    assert!(followed.summary.external);
    assert_eq!(followed.summary.committer, pair.b.credential);
    assert_eq!(followed.summary.removed, [pair.b.credential]);
    assert_eq!(followed.summary.roster.len(), 2);

    receive(&mut pair.group_a, &commit).unwrap();
    let sent = rejoined.encrypt_application_message(b"back", vec![]).unwrap();
    pair.group_a.process_incoming_message(sent).unwrap();
}

#[test]
fn r7_a_new_device_of_an_account_in_the_tree_joins_and_removes_nothing() {
    let mut pair = Pair::new();
    let b2 = pair.world.device(account(2));
    let (joined, commit) = b2.rejoin(&pair.group_a, None).unwrap();
    let followed = follow_external(&pair.observer, &commit, &joined, b2.who()).unwrap();
    assert_eq!(followed.summary.removed, []);
    assert_eq!(followed.summary.roster.len(), 3);
    receive(&mut pair.group_a, &commit).unwrap();
}

#[test]
fn r7_an_account_that_is_not_in_the_tree_is_refused() {
    let mut pair = Pair::new();
    let stranger = pair.world.device_with(account(3), Morals::Lawless);
    let (joined, commit) = stranger.rejoin(&pair.group_a, None).unwrap();
    let refused = Refusal::NotInGroup(account(3));
    assert_eq!(refusal(follow_external(&pair.observer, &commit, &joined, stranger.who())), refused);
    assert_eq!(receive(&mut pair.group_a, &commit).unwrap_err(), refused.into());
}

#[test]
fn r7_an_external_commit_without_the_remove_of_the_old_leaf_is_refused() {
    let mut pair = Pair::new();
    let again = pair.world.device_signing(
        pair.b.credential,
        &pair.b.secret,
        Morals::Lawless,
        pair.world.book.clone(),
    );
    // mls-rs refuses two leaves with one signature key while building, so the lawless device takes another.
    let seed = hushwire_types::Secret::new([7; 32]);
    let other_key = pair.world.device_of(again.credential, &seed, Morals::Lawless, pair.world.book.clone());
    let (joined, commit) = other_key.rejoin(&pair.group_a, None).unwrap();
    assert_eq!(
        refusal(follow_external(&pair.observer, &commit, &joined, other_key.who())),
        Refusal::ExternalRemoves
    );
    assert_eq!(receive(&mut pair.group_a, &commit).unwrap_err(), Refusal::ExternalRemoves.into());
}

#[test]
fn r7_an_external_commit_that_removes_another_leaf_is_refused() {
    let mut pair = Pair::new();
    let b2 = pair.world.device_with(account(2), Morals::Lawless);
    let index = pair.group_b.current_member_index();
    let (joined, commit) = b2.rejoin(&pair.group_a, Some(index)).unwrap();
    assert_eq!(
        refusal(follow_external(&pair.observer, &commit, &joined, b2.who())),
        Refusal::ExternalRemoves
    );
    assert_eq!(receive(&mut pair.group_a, &commit).unwrap_err(), Refusal::ExternalRemoves.into());
}

#[test]
fn r7_an_external_commit_does_nothing_else() {
    let pair = Pair::new();
    let b2 = pair.world.device(account(2));
    // mls-rs makes no such Commit; the pure rules are asked.
    let group = rules::Group {
        extension: pair.observer.extension().clone(),
        leaves: vec![
            rules::Leaf { index: 0, credential: pair.a.credential },
            rules::Leaf { index: 1, credential: pair.b.credential },
        ],
    };
    let join = rules::Change {
        committer: rules::Committer::External(b2.credential),
        added: vec![],
        removed: vec![],
        extension: None,
    };
    let judged = |change: &rules::Change| rules::check(&group, change, &pair.a.lists);
    assert_eq!(judged(&join), Ok(()));
    let added = vec![pair.world.device(account(2)).credential];
    assert_eq!(judged(&rules::Change { added, ..join.clone() }), Err(Refusal::ExternalRemoves.into()));
    let extension = Some(group.extension.clone());
    assert_eq!(judged(&rules::Change { extension, ..join }), Err(Refusal::ExternalRemoves.into()));
}
