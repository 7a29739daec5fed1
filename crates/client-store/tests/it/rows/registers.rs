use hushwire_client_store::register::{self, Register};
use hushwire_types::{SendSeq, Subject};

use crate::support::{Profile, account, at, conversation};

const CODE: u32 = 7;

fn told(value: &[u8], ms: u64) -> Register {
    Register { subject: Subject::Everything, code: CODE, value: value.to_vec(), at: at(ms) }
}

fn value(profile: &mut Profile) -> Vec<u8> {
    let found = profile.read(|view| register::find(view, &Subject::Everything, CODE));
    found.map(|register| register.value).unwrap_or_default()
}

#[test]
fn the_latest_value_counts_in_whatever_order_it_comes_and_of_two_at_one_time_the_greater() {
    let values = [told(b"a", 1), told(b"c", 3), told(b"b", 3), told(b"z", 2)];
    for first in 0..values.len() {
        let mut profile = Profile::new();
        for turn in 0..values.len() {
            let next = &values[(first + turn) % values.len()];
            profile.write(|tx| register::merge(tx, next));
        }
        assert_eq!(value(&mut profile), b"c");
        assert!(!profile.write(|tx| register::merge(tx, &values[1])), "it is known");
    }
}

#[test]
fn what_is_set_here_is_later_than_all_that_is_known_whatever_the_clock_says() {
    let mut profile = Profile::new();
    profile.write(|tx| register::merge(tx, &told(b"of a clock that is ahead", u64::MAX >> 2)));
    let set = |profile: &mut Profile, value: &[u8]| {
        profile.write(|tx| register::set(tx, &Subject::Everything, CODE, value, at(5)))
    };
    assert!(set(&mut profile, b"mine"));
    assert_eq!(value(&mut profile), b"mine");
    assert!(!set(&mut profile, b"mine"), "nothing changed");
    // The largest time there is stays the largest.
    profile.write(|tx| register::merge(tx, &told(b"at the end of time", u64::MAX)));
    set(&mut profile, b"z");
    assert_eq!(value(&mut profile), b"z");
}

#[test]
fn each_subject_has_registers_of_its_own() {
    let mut profile = Profile::new();
    let content = crate::support::content(1);
    let message = Subject::Message { conversation: conversation(1), account: account(1), content };
    let subjects =
        [Subject::Everything, Subject::Account(account(1)), Subject::Conversation(conversation(1)), message];
    for (subject, value) in subjects.iter().zip(1_u8..) {
        profile.write(|tx| register::set(tx, subject, CODE, &[value], at(1)));
    }
    for (subject, value) in subjects.iter().zip(1_u8..) {
        let found = profile.read(|view| register::find(view, subject, CODE)).unwrap();
        assert_eq!((found.subject, found.value), (*subject, vec![value]));
    }
    assert_eq!(profile.read(|view| register::of_account(view, &account(1))).len(), 1);
    assert_eq!(profile.read(|view| register::of_conversation(view, &conversation(1))).len(), 1);
    assert_eq!(profile.read(|view| register::of_code(view, CODE)).len(), 4);
}

#[test]
fn what_was_told_is_untold_again_where_its_send_is_taken_back_or_a_device_is_added() {
    let mut profile = Profile::new();
    let untold = |profile: &mut Profile| profile.read(|view| register::untold(view, 10)).len();
    profile.write(|tx| register::set(tx, &Subject::Everything, CODE, b"a", at(1)));
    profile.write(|tx| register::merge(tx, &Register { code: 8, ..told(b"b", 1) }));
    assert_eq!(untold(&mut profile), 1, "what others told is told");
    let mine = profile.read(|view| register::untold(view, 10)).remove(0);
    profile.write(|tx| register::tell(tx, &mine, SendSeq(3)));
    assert_eq!(untold(&mut profile), 0);
    profile.write(|tx| register::renumber(tx, SendSeq(3), SendSeq(9)));
    profile.write(|tx| register::untell(tx, SendSeq(3)));
    assert_eq!(untold(&mut profile), 0);
    profile.write(|tx| register::untell(tx, SendSeq(9)));
    assert_eq!(untold(&mut profile), 1);
    profile.write(|tx| register::tell(tx, &mine, SendSeq(10)));
    // Set anew while it is on its way: that send tells the old value.
    profile.write(|tx| register::set(tx, &Subject::Everything, CODE, b"c", at(2)));
    assert_eq!(untold(&mut profile), 1);
    profile.write(register::untell_all);
    assert_eq!(untold(&mut profile), 2);
}
