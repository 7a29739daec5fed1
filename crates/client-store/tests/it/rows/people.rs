use hushwire_client_store::account::{self, Account, Says, Trust};
use hushwire_client_store::list::{self, ListEntry};
use hushwire_client_store::profile::{self, Profile as Me, ProfileState};
use hushwire_client_store::wanted::{self, Wanted};
use hushwire_client_store::{StoreError, picture};
use hushwire_types::{EntryHash, ListNumber, Secret, SecretBytes};

use crate::support::{Profile, account as id, at, conversation, device};

fn me() -> Me {
    Me {
        account: id(1),
        device: device(1),
        device_name: "laptop".into(),
        handle: "@alice".into(),
        list_key: Secret::new([1; 32]),
        mls_key: Secret::new([2; 32]),
        genesis: vec![3; 100],
        server: "localhost:7900".into(),
        server_key: [4; 32],
        state: ProfileState::Registering,
        recovery_key: Some(Secret::new([5; 32])),
        registration: Some(SecretBytes::new(vec![6; 9])),
        created_at: at(7),
    }
}

fn bob() -> Account {
    Account {
        account: id(2),
        genesis: vec![1; 50],
        head_number: ListNumber(1),
        head_hash: EntryHash::new([1; 32]),
        handle: Some("@bob".into()),
        username: None,
        local_name: None,
        says: Says::default(),
        trust: Trust::Unverified,
        learned_at: at(5),
    }
}

#[test]
fn a_profile_is_read_as_it_was_written() {
    let mut profile = Profile::new();
    assert_eq!(profile.read(profile::find), None);
    profile.write(|tx| profile::insert(tx, &me()));
    assert_eq!(profile.reopen().read(profile::find), Some(me()));
}

#[test]
fn debug_shows_no_handle_name_or_key() {
    let account = Account { local_name: Some("Bob".into()), ..bob() };
    let shown = format!("{:?} {account:?}", me());
    for hidden in ["alice", "bob", "Bob", "key", "laptop"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn there_is_only_one_profile() {
    let mut profile = Profile::new();
    profile.write(|tx| profile::insert(tx, &me()));
    let second = profile.database.step(|tx| profile::insert(tx, &me()));
    assert!(matches!(second, Err(StoreError::Conflict(_))));
}

#[test]
fn a_registered_profile_keeps_no_notes_and_a_seen_recovery_key_is_forgotten() {
    let mut profile = Profile::new();
    profile.write(|tx| profile::insert(tx, &me()));
    profile.write(|tx| profile::set_registration(tx, &SecretBytes::new(vec![9])));
    assert_eq!(profile.read(profile::find).unwrap().registration, Some(SecretBytes::new(vec![9])));
    profile.write(profile::set_registered);
    profile.write(profile::forget_recovery_key);
    profile.write(|tx| profile::set_server(tx, "other:1"));
    let expected = Me {
        state: ProfileState::Registered,
        recovery_key: None,
        registration: None,
        server: "other:1".into(),
        ..me()
    };
    assert_eq!(profile.read(profile::find), Some(expected));
}

#[test]
fn only_a_profile_that_is_registering_can_be_abandoned() {
    let mut profile = Profile::new();
    profile.write(|tx| profile::insert(tx, &me()));
    profile.write(profile::abandon);
    assert_eq!(profile.read(profile::find), None);
    profile.write(|tx| profile::insert(tx, &me()));
    profile.write(profile::set_registered);
    assert!(matches!(profile.database.step(profile::abandon), Err(StoreError::Absent(_))));
}

#[test]
fn without_a_profile_there_is_nothing_to_change() {
    let mut profile = Profile::new();
    assert!(matches!(profile.database.step(profile::set_registered), Err(StoreError::Absent(_))));
    let server = profile.database.step(|tx| profile::set_server(tx, "x"));
    assert!(matches!(server, Err(StoreError::Absent(_))));
}

#[test]
fn an_account_is_found_by_id_and_by_handle() {
    let mut profile = Profile::new();
    profile.write(|tx| account::insert(tx, &bob()));
    assert_eq!(profile.read(|view| account::find(view, &id(2))), Some(bob()));
    assert_eq!(profile.read(|view| account::by_handle(view, "@bob")), Some(bob()));
    assert_eq!(profile.read(|view| account::by_handle(view, "@carol")), None);
    assert_eq!(profile.read(account::all), [bob()]);
}

#[test]
fn every_degree_of_trust_is_read_as_it_was_written() {
    let mut profile = Profile::new();
    profile.write(|tx| account::insert(tx, &bob()));
    for trust in
        [Trust::Verified { at: at(8) }, Trust::Changed { at: at(9), successor: id(3) }, Trust::Unverified]
    {
        profile.write(|tx| account::set_trust(tx, &id(2), &trust));
        assert_eq!(profile.read(|view| account::find(view, &id(2))).unwrap().trust, trust);
    }
}

#[test]
fn a_handle_moves_from_one_account_to_another() {
    let mut profile = Profile::new();
    profile.write(|tx| account::insert(tx, &bob()));
    let other = Account { account: id(3), handle: None, learned_at: at(6), ..bob() };
    profile.write(|tx| account::insert(tx, &other));
    profile.write(|tx| account::set_handle(tx, &id(3), Some("@bob")));
    assert_eq!(profile.read(|view| account::by_handle(view, "@bob")).unwrap().account, id(3));
    assert_eq!(profile.read(|view| account::find(view, &id(2))).unwrap().handle, None);
    profile.write(|tx| account::set_handle(tx, &id(3), None));
    assert_eq!(profile.read(|view| account::by_handle(view, "@bob")), None);
}

#[test]
fn names_are_set_and_taken_away() {
    let mut profile = Profile::new();
    profile.write(|tx| account::insert(tx, &bob()));
    profile.write(|tx| account::set_local_name(tx, &id(2), Some("Bob from work")));
    profile.write(|tx| account::set_username(tx, &id(2), Some("@bob")));
    let read = profile.read(|view| account::find(view, &id(2))).unwrap();
    assert_eq!(read.local_name.as_deref(), Some("Bob from work"));
    assert_eq!(read.username.as_deref(), Some("@bob"));
    profile.write(|tx| account::set_local_name(tx, &id(2), None));
    assert_eq!(profile.read(|view| account::find(view, &id(2))).unwrap().local_name, None);
}

#[test]
fn the_verified_head_never_goes_back() {
    let mut profile = Profile::new();
    profile.write(|tx| account::insert(tx, &bob()));
    profile.write(|tx| account::set_head(tx, &id(2), ListNumber(4), &EntryHash::new([4; 32])));
    let back =
        profile.database.step(|tx| account::set_head(tx, &id(2), ListNumber(3), &EntryHash::new([3; 32])));
    assert!(matches!(back, Err(StoreError::Absent(_))));
    let read = profile.read(|view| account::find(view, &id(2))).unwrap();
    assert_eq!((read.head_number, read.head_hash), (ListNumber(4), EntryHash::new([4; 32])));
}

#[test]
fn a_list_is_read_in_the_order_of_its_coming_and_keeps_what_was_displaced() {
    let entry = |number: u64, mark: u8| ListEntry {
        number: ListNumber(number),
        hash: EntryHash::new([mark; 32]),
        bytes: vec![mark; 10],
    };
    let mut profile = Profile::new();
    profile.write(|tx| {
        list::append(tx, &id(2), &entry(1, 1))?;
        list::append(tx, &id(2), &entry(2, 2))?;
        list::append(tx, &id(3), &entry(1, 9))
    });
    let twice = profile.database.step(|tx| list::append(tx, &id(2), &entry(2, 2)));
    assert!(matches!(twice, Err(StoreError::Conflict(_))));
    profile.write(|tx| list::append(tx, &id(2), &entry(2, 5)));
    assert_eq!(profile.read(|view| list::of(view, &id(2))), [entry(1, 1), entry(2, 2), entry(2, 5)]);
    assert_eq!(profile.read(|view| list::of(view, &id(3))), [entry(1, 9)]);
}

#[test]
fn of_the_heads_that_were_spoken_of_the_furthest_is_wanted() {
    let head = |number: u64| Wanted {
        account: id(2),
        number: ListNumber(number),
        hash: EntryHash::new([u8::try_from(number).unwrap(); 32]),
        conversation: (number > 3).then(|| conversation(1)),
        witness: (number > 3).then(|| id(3)),
    };
    let mut profile = Profile::new();
    for number in [3, 5, 4] {
        profile.write(|tx| wanted::put(tx, &head(number)));
    }
    assert_eq!(profile.read(|view| wanted::find(view, &id(2))), Some(head(5)));
    assert_eq!(profile.read(wanted::all), [head(5)]);
    profile.write(|tx| wanted::delete(tx, &id(2)));
    assert_eq!(profile.read(wanted::all), []);
}

#[test]
fn a_picture_is_kept_once_and_erased_when_nobody_has_it_any_more() {
    let mut profile = Profile::new();
    let (ours, theirs) = ([7; 32], [8; 32]);
    let (bob, carol) = (bob(), Account { account: id(9), handle: None, ..bob() });
    let shows = |picture| Says { picture, ..Says::default() };
    profile.write(|tx| {
        account::insert(tx, &bob)?;
        account::insert(tx, &carol)?;
        for (hash, jpeg) in [(ours, b"one"), (ours, b"one"), (theirs, b"two")] {
            picture::put(tx, &hash, jpeg)?;
        }
        assert!(account::set_says(tx, &bob.account, &shows(Some(ours)))?);
        assert!(!account::set_says(tx, &bob.account, &shows(Some(ours)))?);
        account::set_says(tx, &carol.account, &shows(Some(ours)))?;
        picture::sweep(tx, &[theirs])
    });
    let kept = |profile: &mut Profile, hash: [u8; 32]| profile.read(|view| picture::is_kept(view, &hash));
    assert!(kept(&mut profile, ours) && kept(&mut profile, theirs), "the one is shown, the other excepted");
    for (account, is_kept) in [(bob.account, true), (carol.account, false)] {
        profile.write(|tx| {
            account::set_says(tx, &account, &shows(None))?;
            picture::sweep(tx, &[])
        });
        assert_eq!(kept(&mut profile, ours), is_kept);
        assert!(!kept(&mut profile, theirs));
    }
}
