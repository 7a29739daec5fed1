//! Wire version 1: accounts, the queue, repeats.

use std::time::Duration;

use bytes::Bytes;

use super::{Backend, World, run};
use crate::classic::{
    AcknowledgeClassic, BeginClassic, ClassicId, ClassicKeys, ClassicMessage, ClassicPhone, ClassicStored,
    ClassicWaiting, CountClassicGuess, CreateClassic, StoreClassic,
};
use crate::upkeep::Expire;
use crate::{Bounds, Refusal, Written};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn phone(world: &mut World) -> ClassicPhone {
    let [number @ .., _] = world.unique::<9>();
    let digits = format!("{:010}", u64::from_be_bytes(number));
    ClassicPhone::try_from(digits.as_bytes()).unwrap()
}

fn keys(world: &mut World) -> ClassicKeys {
    ClassicKeys {
        dh: world.unique(),
        rsa: Bytes::copy_from_slice(&world.unique::<80>()),
        dh_signature: Bytes::copy_from_slice(&world.unique::<64>()),
        rsa_signature: Bytes::copy_from_slice(&world.unique::<64>()),
    }
}

fn person(world: &mut World) -> ClassicPhone {
    let creation = CreateClassic { phone: phone(world), keys: keys(world) };
    assert_eq!(world.write(creation.clone()), Ok(Written::Done));
    creation.phone
}

fn message(world: &mut World, sender: ClassicPhone, recipient: ClassicPhone) -> StoreClassic {
    let digest = world.unique();
    StoreClassic { recipient, sender, digest, blob: Bytes::copy_from_slice(&digest) }
}

fn store(world: &mut World, sender: ClassicPhone, recipient: ClassicPhone) -> Bytes {
    let message = message(world, sender, recipient);
    assert_eq!(world.write(message.clone()), Ok(Written::ClassicStored(ClassicStored::New)));
    message.blob
}

fn next(
    world: &mut World,
    recipient: ClassicPhone,
    sender: ClassicPhone,
    read: Option<ClassicId>,
) -> Option<ClassicMessage> {
    match world.write(AcknowledgeClassic { recipient, sender, read }) {
        Ok(Written::ClassicNext(next)) => next,
        other => panic!("not acknowledged: {other:?}"),
    }
}

pub fn classic_keys_are_set_once<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (phone, first, other) = (phone(world), keys(world), keys(world));
        assert_eq!(world.store().classic_account(phone).unwrap(), None);
        assert_eq!(world.write(BeginClassic { phone }), Ok(Written::Done));
        world.write(CreateClassic { phone, keys: first.clone() }).unwrap();
        let account = world.store().classic_account(phone).unwrap().unwrap();
        assert_eq!((account.keys, account.created_at), (first.clone(), world.now));
        assert_eq!(world.write(BeginClassic { phone }), Err(Refusal::ClassicTaken));
        assert_eq!(world.write(CreateClassic { phone, keys: other }), Err(Refusal::ClassicTaken));
        let signed_again = ClassicKeys { dh_signature: Bytes::from_static(b"new"), ..first.clone() };
        assert_eq!(world.write(CreateClassic { phone, keys: signed_again }), Ok(Written::Done));
        assert_eq!(
            world.store().classic_account(phone).unwrap().unwrap().keys,
            first,
            "the first one is kept"
        );
        assert_eq!(world.store().classic_accounts().unwrap(), 1);
    });
}

pub fn classic_guesses_are_counted<B: Backend>() {
    let bounds = Bounds { wrong_codes: 2, ..Bounds::default() };
    run::<B>(&bounds, |world| {
        let (phone, other, start) = (phone(world), phone(world), world.now);
        for _ in 0..2 {
            assert_eq!(world.write(BeginClassic { phone }), Ok(Written::Done));
            world.write(CountClassicGuess { phone }).unwrap();
        }
        let refused = Err(Refusal::TooManyWrongCodes { until: start.after(DAY) });
        assert_eq!(world.write(BeginClassic { phone }), refused);
        assert_eq!(world.write(BeginClassic { phone: other }), Ok(Written::Done));
        world.pass(DAY);
        assert_eq!(world.write(BeginClassic { phone }), Ok(Written::Done));
    });
}

pub fn classic_messages_wait_until_they_are_acknowledged<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob, carol) = (person(world), person(world), person(world));
        let first = store(world, alice, bob);
        let second = store(world, carol, bob);
        let third = store(world, alice, bob);
        let oldest = |world: &World, except: &[ClassicPhone]| {
            world.store().classic_oldest(bob, except).unwrap().map(|message| message.blob)
        };
        assert_eq!(oldest(world, &[]), Some(first.clone()));
        assert_eq!(oldest(world, &[alice]), Some(second.clone()));
        assert_eq!(oldest(world, &[alice, carol]), None);
        let waiting = next(world, bob, alice, None).unwrap();
        assert_eq!((waiting.sender, &waiting.blob), (alice, &first));
        let after = next(world, bob, alice, Some(waiting.id)).unwrap();
        assert_eq!(after.blob, third);
        assert_eq!(
            next(world, bob, alice, Some(waiting.id)),
            Some(after.clone()),
            "once more deletes nothing"
        );
        assert_eq!(next(world, bob, alice, Some(after.id)), None);
        assert_eq!(oldest(world, &[]), Some(second));
        let account = world.store().classic_account(bob).unwrap().unwrap();
        assert_eq!(account.waiting, ClassicWaiting { messages: 1, bytes: 32 });
    });
}

pub fn classic_messages_are_their_recipients_alone<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob, carol) = (person(world), person(world), person(world));
        let blob = store(world, alice, bob);
        let id = world.store().classic_oldest(bob, &[]).unwrap().unwrap().id;
        assert_eq!(next(world, carol, alice, Some(id)), None);
        assert_eq!(next(world, bob, carol, Some(id)), None);
        assert_eq!(next(world, bob, alice, None).map(|message| message.blob), Some(blob));
    });
}

pub fn a_classic_message_again_is_stored_once<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (person(world), person(world));
        let message = message(world, alice, bob);
        let before = Ok(Written::ClassicStored(ClassicStored::Before));
        world.write(message.clone()).unwrap();
        assert_eq!(world.write(message.clone()), before);
        let id = world.store().classic_oldest(bob, &[]).unwrap().unwrap().id;
        assert_eq!(next(world, bob, alice, Some(id)), None);
        world.pass(300 * DAY);
        world.write(Expire { mailboxes: 9 }).unwrap();
        assert_eq!(world.write(message.clone()), before, "also after it was read");
        assert_eq!(world.store().classic_oldest(bob, &[]).unwrap(), None);
        world.pass(101 * DAY);
        world.write(Expire { mailboxes: 9 }).unwrap();
        assert_eq!(world.write(message), Ok(Written::ClassicStored(ClassicStored::New)));
        let newer = world.store().classic_oldest(bob, &[]).unwrap().unwrap().id;
        assert!(newer > id, "a number is never given twice");
    });
}

pub fn a_full_classic_queue_refuses<B: Backend>() {
    let bounds = Bounds { entries: 3, message_bytes: 96, ..Bounds::default() };
    run::<B>(&bounds, |world| {
        let (alice, bob) = (person(world), person(world));
        let nobody = phone(world);
        let to_nobody = message(world, alice, nobody);
        assert_eq!(world.write(to_nobody), Err(Refusal::UnknownClassic));
        for _ in 0..3 {
            store(world, alice, bob);
        }
        let fourth = message(world, alice, bob);
        assert_eq!(world.write(fourth.clone()), Err(Refusal::ClassicFull));
        let first = world.store().classic_oldest(bob, &[]).unwrap().unwrap();
        next(world, bob, alice, Some(first.id));
        let large = StoreClassic { blob: Bytes::from_static(&[7; 33]), ..message(world, alice, bob) };
        assert_eq!(world.write(large), Err(Refusal::ClassicFull), "bytes are bounded, too");
        assert_eq!(
            world.write(fourth),
            Ok(Written::ClassicStored(ClassicStored::New)),
            "a refusal is no memory"
        );
        world.pass(100 * DAY);
        world.write(Expire { mailboxes: 9 }).unwrap();
        assert_eq!(
            world.store().classic_account(bob).unwrap().unwrap().waiting.messages,
            3,
            "what is kept is kept"
        );
    });
}
