use hushwire_client_store::conversation::{self, Conversation, ConversationKind};
use hushwire_client_store::group_facts::{self, GroupFacts, Who};
use hushwire_client_store::member::{self, Role};
use hushwire_client_store::wish;

use crate::support::{Profile, account, at, conversation as id, direct};

fn facts(name: &str) -> GroupFacts {
    GroupFacts {
        name: Some(name.to_owned()),
        description: None,
        picture: Some([7; 32]),
        add_by: Who::Admins,
        details_by: Who::Everybody,
        write_by: Who::Everybody,
        timer_secs: 60,
    }
}

#[test]
fn a_groups_conversation_has_no_peer() {
    let mut profile = Profile::new();
    let row = Conversation { kind: ConversationKind::Group, ..direct(2) };
    profile.write(|tx| conversation::insert(tx, &row));
    assert_eq!(profile.read(|view| conversation::find(view, &id(2))), Some(row));
    assert_eq!(profile.read(|view| conversation::direct_with(view, &account(2))), None);
}

#[test]
fn members_are_replaced_as_a_whole_and_found_by_account() {
    let mut profile = Profile::new();
    let first = [(account(1), Role::Owner), (account(2), Role::Member)];
    let then = [(account(1), Role::Owner), (account(3), Role::Leaving)];
    profile.write(|tx| {
        member::replace(tx, &id(7), &first)?;
        member::replace(tx, &id(8), &first)
    });
    assert_eq!(profile.read(|view| member::conversations_of(view, &account(2))), [id(7), id(8)]);
    profile.write(|tx| member::replace(tx, &id(7), &then));
    assert_eq!(profile.read(|view| member::of(view, &id(7))), then);
    let count = u32::try_from(then.len()).unwrap();
    let mut are_at_most = |of: u8, most| profile.read(|view| member::are_at_most(view, &id(of), most));
    assert_eq!((are_at_most(7, count), are_at_most(7, count - 1), are_at_most(9, 0)), (true, false, true));
    assert_eq!(profile.read(|view| member::conversations_of(view, &account(2))), [id(8)]);
}

#[test]
fn the_facts_of_a_group_are_the_newest() {
    let mut profile = Profile::new();
    profile.write(|tx| {
        group_facts::put(tx, &id(7), &facts("before"))?;
        group_facts::put(tx, &id(7), &facts("after"))
    });
    assert_eq!(profile.read(|view| group_facts::find(view, &id(7))), Some(facts("after")));
    assert!(!format!("{:?}", facts("secret name")).contains("secret"));
}

#[test]
fn wishes_stay_in_order_until_they_are_erased() {
    let mut profile = Profile::new();
    let first = profile.write(|tx| wish::insert(tx, &id(7), b"one", at(1)));
    profile.write(|tx| wish::insert(tx, &id(7), b"two", at(2)));
    profile.write(|tx| wish::insert(tx, &id(8), b"three", at(3)));
    assert_eq!(profile.read(wish::conversations), [id(7), id(8)]);
    profile.write(|tx| wish::delete(tx, first));
    let left: Vec<_> = profile.read(|view| wish::of(view, &id(7))).into_iter().map(|w| w.bytes).collect();
    assert_eq!(left, [b"two"]);
}
