//! Round trips, newer kinds, bytes of strangers, what `Debug` shows.

use hushwire_content::padding::BUCKETS;
use hushwire_content::{
    Card, Content, DecodeError, Edit, Encoded, Kind, Picture, Pin, Poll, Profile, Quote, Reaction, Receipt,
    ReceiptKind, Register, SeenList, Target, Text, Vote, Witness,
};
use hushwire_types::{AccountId, ContentId, ConversationId, EntryHash, ListNumber, Subject, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::samples;

#[test]
fn an_unknown_kind_keeps_its_fallback_and_its_bytes() {
    let mut content = samples::content(Kind::Presence);
    content.fallback = "A poll: pizza or pasta?".into();
    let known = content.encode().unwrap();
    // Presence is field 18, empty: the last two bytes of three. As field 99 it is a kind of the future.
    let presence = [0x92, 0x01, 0x00];
    let head = known.as_slice().strip_suffix(&presence[..]).unwrap();
    let bytes = [head, &[0x9a, 0x06, 0x03], b"new"].concat();
    let newer = Encoded::from_row(bytes.clone());
    let (decoded, kept) = Content::decode(&newer.padded().unwrap()).unwrap();
    assert_eq!(decoded.kind, Kind::Unknown);
    assert_eq!(decoded.fallback, content.fallback);
    assert_eq!(decoded.witness, content.witness);
    assert_eq!(kept.as_slice(), bytes);
    assert_eq!(kept.hash(), newer.hash());
    assert!(decoded.encode().is_err(), "only its author can write it");
}

#[test]
fn what_is_not_padded_is_refused() {
    let encoded = samples::text("hello").encode().unwrap();
    assert_eq!(Content::decode(encoded.as_slice()).unwrap_err(), DecodeError::NotPadded);
    assert_eq!(Content::decode(&[]).unwrap_err(), DecodeError::NotPadded);
}

#[test]
fn short_texts_receipts_and_presences_have_one_length() {
    for content in [samples::text("ok"), samples::receipt(1), samples::content(Kind::Presence)] {
        assert_eq!(content.encode_padded().unwrap().len(), BUCKETS[0]);
    }
}

#[test]
fn debug_shows_nothing_that_was_written() {
    let mut content = samples::text("canary");
    content.fallback = "canary".into();
    let encoded = content.encode().unwrap();
    let debug = format!("{content:?} {content:#?} {encoded:?}");
    assert!(!debug.contains("canary"));
    assert!(!debug.contains("99, 97, 110, 97, 114, 121"));
}

fn list() -> impl Strategy<Value = SeenList> {
    (any::<u64>(), any::<[u8; 32]>())
        .prop_map(|(number, hash)| SeenList { number: ListNumber(number), hash: EntryHash::new(hash) })
}

fn target() -> impl Strategy<Value = Target> {
    (any::<[u8; 32]>(), any::<[u8; 16]>()).prop_map(|(account, content_id)| Target {
        account: AccountId::new(account),
        content_id: ContentId::new(content_id),
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    let id = any::<[u8; 16]>().prop_map(ContentId::new);
    let body = || vec(any::<char>(), 1..3_000).prop_map(|body| body.into_iter().collect::<String>());
    let quote = (target(), "[ -~]{0,100}").prop_map(|(target, excerpt)| Quote { target, excerpt });
    let receipt = (any::<bool>(), vec(id.clone(), 1..64), option::of(any::<[u8; 32]>()));
    prop_oneof![
        (body(), option::of(quote), vec(account(), 0..8), any::<bool>()).prop_map(
            |(body, quote, mentions, forwarded)| Kind::Text(Text { body, quote, mentions, forwarded })
        ),
        short(),
        receipt.prop_map(|(read, content_ids, account)| {
            let kind = if read { ReceiptKind::Read } else { ReceiptKind::Delivered };
            Kind::Receipt(Receipt { kind, content_ids, account: account.map(AccountId::new) })
        }),
        (target(), "[!-~]{0,16}").prop_map(|(target, emoji)| Kind::Reaction(Reaction { target, emoji })),
        (id, body()).prop_map(|(content_id, body)| Kind::Edit(Edit { content_id, body })),
        target().prop_map(Kind::Delete),
        any::<bool>().prop_map(|stopped| Kind::Typing { stopped }),
        Just(Kind::Presence),
    ]
}

fn account() -> impl Strategy<Value = AccountId> {
    any::<[u8; 32]>().prop_map(AccountId::new)
}

fn register() -> impl Strategy<Value = Register> {
    let conversation = any::<[u8; 32]>().prop_map(ConversationId::new);
    let message = (conversation.clone(), target()).prop_map(|(conversation, target)| Subject::Message {
        conversation,
        account: target.account,
        content: target.content_id,
    });
    let subject = prop_oneof![
        Just(Subject::Everything),
        account().prop_map(Subject::Account),
        conversation.prop_map(Subject::Conversation),
        message,
    ];
    (subject, any::<u32>(), vec(any::<u8>(), 0..64), any::<u64>())
        .prop_map(|(subject, code, value, ms)| Register { subject, code, value, at: Timestamp::from_ms(ms) })
}

fn picture() -> impl Strategy<Value = Picture> {
    (5_usize..2_000).prop_map(samples::picture)
}

/// The kinds that fit on a line.
fn short() -> impl Strategy<Value = Kind> {
    let poll = ("[ -~]{0,9}x", vec("[ -~]{0,9}x", 2..24), any::<bool>());
    let vote = (target(), prop::collection::btree_set(0_u32..24, 0..24), any::<bool>());
    prop_oneof![
        vec(register(), 1..9).prop_map(Kind::Registers),
        (0_u32..1_000_000).prop_map(Kind::Timer),
        poll.prop_map(|(question, options, multiple)| Kind::Poll(Poll { question, options, multiple })),
        vote.prop_map(|(target, choices, closes)| {
            Kind::Vote(Vote { target, choices: choices.into_iter().collect(), closes })
        }),
        (target(), any::<bool>()).prop_map(|(target, unpinned)| Kind::Pin(Pin { target, unpinned })),
        (account(), "[!-~]{0,64}", "[ -~]{0,64}").prop_map(|(account, handle, name)| Kind::Card(Card {
            account,
            handle,
            name
        })),
        ("[ -~]{0,64}", "[ -~]{0,99}", option::of(picture()), any::<u64>()).prop_map(
            |(name, about, picture, version)| Kind::Profile(Profile { name, about, picture, version })
        ),
        (
            0..=hushwire_content::limits::PICTURES_WANTED,
            0..=hushwire_content::limits::PICTURES_SHOWN,
            5_usize..2_000
        )
            .prop_map(|(wanted, shown, bytes)| Kind::Pictures(samples::pictures(wanted, shown, bytes))),
        option::of(picture()).prop_map(Kind::GroupPicture),
    ]
}

prop_compose! {
    fn witness()(
        counter in 1_u64.., previous in option::of(any::<[u8; 32]>()), list in list(),
        transcript_hash in vec(any::<u8>(), 1..64), peer_list in option::of(list()),
    ) -> Witness {
        Witness { counter, previous, list, transcript_hash, peer_list }
    }
}

prop_compose! {
    fn content()(
        id: [u8; 16], ms: u64, fallback in "[ -~]{0,80}", witness in witness(), lives_for_s in 0_u32..1_000_000,
        kind in kind(),
    ) -> Content {
        let sent_at = Timestamp::from_ms(ms);
        Content { content_id: ContentId::new(id), sent_at, fallback, witness, lives_for_s, kind }
    }
}

proptest! {
    #[test]
    fn every_content_round_trips_in_a_bucket(content in content()) {
        let padded = content.encode_padded().unwrap();
        prop_assert!(BUCKETS.contains(&padded.len()));
        let (decoded, encoded) = Content::decode(&padded).unwrap();
        prop_assert_eq!(&decoded, &content);
        prop_assert_eq!(encoded.decode().unwrap(), content);
        prop_assert_eq!(encoded.padded().unwrap(), padded);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..512)) {
        let _ = Content::decode(&bytes);
        let _ = Encoded::from_row(bytes).decode();
    }

    #[test]
    fn changed_contents_never_panic(
        content in content(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = content.encode().unwrap().as_slice().to_vec();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let _ = Encoded::from_row(bytes).decode();
    }
}
