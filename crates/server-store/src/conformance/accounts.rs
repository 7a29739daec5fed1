//! Accounts, handles, lists, devices.

use bytes::Bytes;
use hushwire_types::{EntryHash, ListNumber, Seq};

use super::{Actor, Backend, World, run};
use crate::account::{
    AccountState, AppendListEntry, DeleteAccount, DeviceAddress, Handle, HandleKind, ListHead, NewDevice,
    SetSuspended, Suspension,
};
use crate::key_package::{ClaimKeyPackages, LastResort};
use crate::mailbox::{EntryKind, MailboxKey, RecordLogin};
use crate::registration::StartSession;
use crate::{Bounds, Refusal, Written};

fn username(name: &str, skeleton: &str) -> Option<Handle> {
    Some(Handle { canonical: name.into(), kind: HandleKind::Username { skeleton: skeleton.into() } })
}

fn named(world: &mut World, name: &str, skeleton: &str) -> StartSession {
    StartSession { username: username(name, skeleton), ..world.open_session() }
}

/// The next entry of a list, which adds and revokes nothing yet.
pub(super) fn next_entry(world: &mut World, actor: &Actor) -> AppendListEntry {
    AppendListEntry {
        account: actor.address.account,
        head: actor.head,
        number: actor.head.number.next(),
        hash: EntryHash::new(world.unique()),
        entry: Bytes::copy_from_slice(&world.unique::<44>()),
        added: Vec::new(),
        revoked: Vec::new(),
    }
}

fn head_of(entry: &AppendListEntry) -> ListHead {
    ListHead { number: entry.number, hash: entry.hash }
}

fn appended(world: &mut World, entry: AppendListEntry) -> Vec<MailboxKey> {
    match world.write(entry).unwrap() {
        Written::ListAppended { closed, .. } => closed,
        other => panic!("not appended: {other:?}"),
    }
}

/// Adds a device to an account.
pub(super) fn second_device(world: &mut World, actor: &Actor) -> Actor {
    let device = world.device();
    let entry = AppendListEntry { added: vec![device.clone()], ..next_entry(world, actor) };
    let head = head_of(&entry);
    appended(world, entry);
    let address = DeviceAddress { account: actor.address.account, device: device.device };
    let mailbox = world.store().device(address.account, address.device).unwrap().unwrap().mailbox;
    Actor { address, mailbox, head }
}

pub fn an_account_is_made_all_at_once<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let session = named(world, "@alice", "alice");
        world.write(session.clone()).unwrap();
        let creation = world.creation(&session);
        let actor = world.create(creation.clone()).unwrap();
        let store = world.store();
        let account = store.account(session.account).unwrap().unwrap();
        assert_eq!((account.username(), account.state), (Some("@alice"), AccountState::Active));
        assert_eq!((account.head, account.created_at), (actor.head, world.now));
        let list = store.list(session.account, ListNumber(0)).unwrap().unwrap();
        assert_eq!((list.genesis, list.entries), (creation.genesis, vec![creation.entry]));
        assert_eq!(list.first, ListNumber(1));
        let devices = store.devices(session.account).unwrap();
        assert_eq!(devices.len(), 1);
        assert_eq!(devices[0].list_key, creation.device.list_key);
        assert_eq!(
            Some(&devices[0]),
            store.device(session.account, creation.device.device).unwrap().as_ref()
        );
        assert_eq!(store.key_packages(actor.mailbox).unwrap().left, 1);
        assert_eq!(store.key_packages(actor.mailbox).unwrap().last_resort, LastResort::Fresh);
        let mailbox = store.mailbox(actor.mailbox).unwrap().unwrap();
        assert_eq!((mailbox.owner, mailbox.last, mailbox.acked), (actor.address, Seq(0), Seq(0)));
        assert_eq!(store.session(session.session).unwrap(), None);
        assert_eq!(store.counts().unwrap().accounts, 1);
    });
}

pub fn the_same_creation_again_gets_the_same_answer<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let session = world.open_session();
        world.write(session.clone()).unwrap();
        let creation = world.creation(&session);
        let first = world.create(creation.clone()).unwrap();
        assert_eq!(world.create(creation.clone()).unwrap().mailbox, first.mailbox);
        let mut other = creation;
        other.entry = Bytes::from_static(b"another");
        assert_eq!(world.create(other).unwrap_err(), Refusal::AccountExists);
        let again = StartSession { account: session.account, ..world.open_session() };
        assert_eq!(world.write(again), Err(Refusal::AccountExists));
    });
}

pub fn handles_are_unique<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (first, second) = (named(world, "@alice", "alice"), named(world, "@alice", "alice"));
        world.write(first.clone()).unwrap();
        world.write(second.clone()).unwrap();
        let creation = world.creation(&first);
        world.create(creation).unwrap();
        let taken = Refusal::HandleTaken { handle: "@alice".into() };
        let creation = world.creation(&second);
        assert_eq!(world.create(creation).unwrap_err(), taken);
        let third = named(world, "@alice", "alice");
        assert_eq!(world.write(third), Err(taken));
        assert_eq!(world.store().account_by_handle("@alice").unwrap(), Some(first.account));
        assert_eq!(world.store().account_by_handle("@bob").unwrap(), None);
        assert_eq!(world.store().account(second.account).unwrap(), None);
    });
}

pub fn look_alikes_are_refused<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let session = named(world, "@paypal", "paypal");
        world.write(session.clone()).unwrap();
        let late = named(world, "@paypa1", "paypal");
        world.write(late.clone()).unwrap();
        let creation = world.creation(&session);
        world.create(creation).unwrap();
        let alike = Refusal::HandleLooksAlike { handle: "@paypa1".into() };
        let creation = world.creation(&late);
        assert_eq!(world.create(creation).unwrap_err(), alike);
        let again = named(world, "@paypa1", "paypal");
        assert_eq!(world.write(again), Err(alike));
    });
}

pub fn a_list_grows_by_compare_and_swap<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actor = world.actor();
        let entry = next_entry(world, &actor);
        let rival = next_entry(world, &actor);
        appended(world, entry.clone());
        appended(world, entry.clone());
        let head = head_of(&entry);
        assert_eq!(world.write(rival), Err(Refusal::ListConflict { head }));
        let skipping = AppendListEntry { head, number: ListNumber(4), ..next_entry(world, &actor) };
        assert_eq!(world.write(skipping), Err(Refusal::ListConflict { head }));
        let list = world.store().list(actor.address.account, ListNumber(2)).unwrap().unwrap();
        assert_eq!((list.head, list.entries), (head, vec![entry.entry]));
        let mut unknown = next_entry(world, &actor);
        unknown.account = hushwire_types::AccountId::new([7; 32]);
        assert_eq!(world.write(unknown), Err(Refusal::UnknownAccount));
    });
}

pub fn a_revoked_device_loses_everything<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let phone = second_device(world, &alice);
        let conversation = world.converse(&bob, &[alice, phone]);
        let message = world.message(&bob, conversation, 1);
        world.sent(message);
        let alice = Actor { head: phone.head, ..alice };
        let revoked = vec![phone.address.device];
        let entry = AppendListEntry { revoked, ..next_entry(world, &alice) };
        assert_eq!(appended(world, entry), [phone.mailbox]);
        let store = world.store();
        assert_eq!(store.device(phone.address.account, phone.address.device).unwrap(), None);
        assert_eq!(store.mailbox(phone.mailbox).unwrap(), None);
        assert!(world.waiting(&phone).is_empty());
        assert!(
            !store
                .conversation(conversation)
                .unwrap()
                .unwrap()
                .members
                .iter()
                .any(|m| m.mailbox == phone.mailbox)
        );
        let message = world.message(&bob, conversation, 1);
        let sent = world.sent(message);
        assert_eq!(sent.publications[0].to.len(), 1);
        let orphan = world.message(&phone, conversation, 1);
        assert_eq!(world.write(orphan), Err(Refusal::UnknownMailbox));
    });
}

pub fn r2_a_displacement_takes_the_place_of_the_tail_and_keeps_it<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let owner = world.actor();
        let thief = second_device(world, &owner);
        let theft = AppendListEntry { revoked: vec![owner.address.device], ..next_entry(world, &thief) };
        let head = head_of(&theft);
        appended(world, theft);
        assert_eq!(world.store().mailbox(owner.mailbox).unwrap(), None);
        let back = NewDevice { device: owner.address.device, ..world.device() };
        let displacement = AppendListEntry {
            head,
            number: ListNumber(2),
            added: vec![back],
            revoked: vec![thief.address.device],
            ..next_entry(world, &owner)
        };
        assert_eq!(appended(world, displacement.clone()), [thief.mailbox]);
        let store = world.store();
        let list = store.list(owner.address.account, ListNumber(1)).unwrap().unwrap();
        assert_eq!(list.head, head_of(&displacement));
        // The first entry, the thief's addition, the theft: leaves of that time are judged by them (rule R3).
        assert_eq!((list.entries.len(), &list.entries[3]), (4, &displacement.entry));
        let newest = store.list(owner.address.account, ListNumber(4)).unwrap().unwrap();
        assert_eq!((newest.first, newest.entries), (ListNumber(4), vec![displacement.entry.clone()]));
        assert!(store.list(owner.address.account, ListNumber(5)).unwrap().unwrap().entries.is_empty());
        let devices = store.devices(owner.address.account).unwrap();
        assert_eq!(devices.len(), 1);
        assert_eq!(devices[0].address, owner.address);
        assert!(devices[0].mailbox != owner.mailbox && devices[0].mailbox != thief.mailbox);
        // It goes on from there.
        let owner = Actor { head: head_of(&displacement), ..owner };
        let next = next_entry(world, &owner);
        assert_eq!(next.number, ListNumber(3));
        appended(world, next.clone());
        let list = world.store().list(owner.address.account, ListNumber(1)).unwrap().unwrap();
        assert_eq!((list.head, list.entries.len()), (head_of(&next), 5));
    });
}

pub fn a_moved_list_is_told_to_everybody_in_a_conversation<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob, stranger) = (world.actor(), world.actor(), world.actor());
        world.converse(&bob, &[alice]);
        for actor in [alice, bob] {
            world.acknowledge_all(&actor);
        }
        let phone = second_device(world, &alice);
        for actor in [alice, bob, phone] {
            let kinds: Vec<EntryKind> =
                world.waiting(&actor).iter().map(|entry| entry.entry.kind.clone()).collect();
            let notice = EntryKind::ListChanged { account: alice.address.account, head: phone.head };
            assert_eq!(kinds, [notice], "{actor:?}");
        }
        assert!(world.waiting(&stranger).is_empty());
    });
}

pub fn a_suspended_account_is_silent<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let account = alice.address.account;
        world.write(SetSuspended { account, to: Suspension::Suspended }).unwrap();
        assert_eq!(world.store().account(account).unwrap().unwrap().state, AccountState::Suspended);
        let message = world.message(&alice, conversation, 1);
        assert_eq!(world.write(message.clone()), Err(Refusal::AccountSuspended));
        assert_eq!(
            world.write(RecordLogin { mailbox: alice.mailbox, mark: None }),
            Err(Refusal::AccountSuspended)
        );
        let claim = ClaimKeyPackages { account, devices: Vec::new() };
        assert_eq!(world.write(claim.clone()), Err(Refusal::AccountSuspended));
        world.write(SetSuspended { account, to: Suspension::Lifted }).unwrap();
        world.sent(message);
        world.write(claim).unwrap();
        let unknown = hushwire_types::AccountId::new([8; 32]);
        let suspension = SetSuspended { account: unknown, to: Suspension::Suspended };
        assert_eq!(world.write(suspension), Err(Refusal::UnknownAccount));
    });
}

pub fn a_deleted_account_leaves_its_list_only<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let session = named(world, "@alice", "alice");
        world.write(session.clone()).unwrap();
        let creation = world.creation(&session);
        let alice = world.create(creation).unwrap();
        let bob = world.actor();
        let conversation = world.converse(&bob, &[alice]);
        let account = alice.address.account;
        let deleted = world.write(DeleteAccount { account });
        assert_eq!(deleted, Ok(Written::Deleted { closed: vec![alice.mailbox] }));
        assert_eq!(world.write(DeleteAccount { account }), Err(Refusal::UnknownAccount));
        let store = world.store();
        assert_eq!(store.account(account).unwrap().unwrap().state, AccountState::Deleted);
        assert_eq!(store.list(account, ListNumber(1)).unwrap().unwrap().entries.len(), 1);
        assert_eq!(store.account_by_handle("@alice").unwrap(), None);
        assert!(store.devices(account).unwrap().is_empty());
        assert_eq!(store.mailbox(alice.mailbox).unwrap(), None);
        assert_eq!(store.counts().unwrap().accounts, 1);
        let message = world.message(&bob, conversation, 1);
        assert_eq!(world.write(message), Err(Refusal::UnknownAccount));
        let claim = ClaimKeyPackages { account, devices: Vec::new() };
        assert_eq!(world.write(claim), Err(Refusal::UnknownAccount));
        let entry = next_entry(world, &alice);
        assert_eq!(world.write(entry), Err(Refusal::UnknownAccount));
        let again = StartSession { account, ..world.open_session() };
        assert_eq!(world.write(again), Err(Refusal::AccountExists));
        let heir = named(world, "@alice", "alice");
        world.write(heir).unwrap();
    });
}

pub fn users_are_listed_in_pages<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actors = [world.actor(), world.actor(), world.actor()];
        second_device(world, &actors[1]);
        world.write(DeleteAccount { account: actors[2].address.account }).unwrap();
        let store = world.store();
        let first = store.users(None, 1).unwrap();
        let rest = store.users(Some(first[0].account), 9).unwrap();
        let mut all: Vec<_> = first.iter().chain(&rest).map(|user| (user.account, user.devices)).collect();
        assert_eq!((first.len(), all.len()), (1, 2));
        let sorted = all.clone();
        all.sort_unstable();
        assert_eq!(all, sorted);
        assert!(all.contains(&(actors[1].address.account, 2)));
        assert_eq!(first[0].last_seen, Some(world.now));
    });
}
