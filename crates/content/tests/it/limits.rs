//! Limits hold when writing and when reading.

use hushwire_content::limits::{
    ABOUT_CHARS, BUNDLE_ACCOUNTS, BUNDLE_MESSAGES, CONTENT_BYTES, EMOJI_BYTES, EXCERPT_BYTES, FALLBACK_BYTES,
    LIVES_FOR_S, MENTIONS, NAME_CHARS, OPTION_CHARS, PICTURE_BYTES, PICTURES_SHOWN, PICTURES_WANTED,
    POLL_OPTIONS, RECEIPT_IDS, REGISTER_BYTES, REGISTERS, TEXT_BYTES, TEXT_CHARS,
};
use hushwire_content::{
    Content, DecodeError, Edit, Invalid, Kind, Poll, Profile, Quote, Reaction, Receipt, ReceiptKind, Text,
    Vote,
};
use hushwire_types::{AccountId, ContentId, Subject};

use crate::samples;

#[test]
fn a_text_of_the_largest_size_goes_and_one_character_more_does_not() {
    assert!(samples::text(&"a".repeat(TEXT_CHARS)).encode_padded().is_ok());
    let too_large = Err(Invalid::TooLarge { field: "body" });
    assert_eq!(samples::text(&"a".repeat(TEXT_CHARS + 1)).encode(), too_large);
    assert!(samples::text(&"🦀".repeat(TEXT_BYTES / 4)).encode_padded().is_ok());
    assert_eq!(samples::text(&"🦀".repeat(TEXT_BYTES / 4 + 1)).encode(), too_large);
}

#[test]
fn the_largest_text_fits_with_the_largest_fallback() {
    let mut content = samples::text(&"🦀".repeat(TEXT_BYTES / 4));
    content.fallback = "f".repeat(FALLBACK_BYTES);
    assert_eq!(content.encode_padded().unwrap().len(), CONTENT_BYTES);
    content.fallback.push('f');
    assert_eq!(content.encode(), Err(Invalid::TooLarge { field: "fallback" }));
}

#[test]
fn a_padded_content_over_the_limit_is_refused_unread() {
    let padded = vec![0x80; CONTENT_BYTES + 1];
    assert_eq!(Content::decode(&padded), Err(DecodeError::TooLarge { bytes: CONTENT_BYTES + 1 }));
}

#[test]
fn a_receipt_names_at_least_one_content_and_not_too_many() {
    let receipt = |count| {
        let content_ids = vec![ContentId::new([1; 16]); count];
        samples::content(Kind::Receipt(Receipt { kind: ReceiptKind::Delivered, content_ids, account: None }))
            .encode()
            .map(drop)
    };
    assert_eq!(receipt(RECEIPT_IDS), Ok(()));
    assert_eq!(receipt(RECEIPT_IDS + 1), Err(Invalid::TooLarge { field: "content_ids" }));
    assert_eq!(receipt(0), Err(Invalid::Missing { field: "content_ids" }));
}

#[test]
fn reactions_quotes_and_edits_have_limits() {
    let react = |emoji: &str| {
        let reaction = Reaction { target: samples::TARGET, emoji: emoji.to_owned() };
        samples::content(Kind::Reaction(reaction)).encode().map(drop)
    };
    assert_eq!(react(&"a".repeat(EMOJI_BYTES)), Ok(()));
    assert_eq!(react(&"a".repeat(EMOJI_BYTES + 1)), Err(Invalid::TooLarge { field: "emoji" }));
    for strange in ["\u{1b}[2J", "a b"] {
        assert_eq!(react(strange), Err(Invalid::Value { field: "emoji" }));
    }
    let reply = |bytes| {
        let quote = Quote { target: samples::TARGET, excerpt: "e".repeat(bytes) };
        samples::content(Kind::Text(Text { quote: Some(quote), ..Text::new("yes".into()) }))
            .encode()
            .map(drop)
    };
    assert_eq!(reply(EXCERPT_BYTES), Ok(()));
    assert_eq!(reply(EXCERPT_BYTES + 1), Err(Invalid::TooLarge { field: "excerpt" }));
    let edit = |body: String| {
        samples::content(Kind::Edit(Edit { content_id: samples::TARGET.content_id, body })).encode().map(drop)
    };
    assert_eq!(edit("e".repeat(TEXT_CHARS)), Ok(()));
    assert_eq!(edit("e".repeat(TEXT_CHARS + 1)), Err(Invalid::TooLarge { field: "body" }));
    assert_eq!(edit(String::new()), Err(Invalid::Missing { field: "body" }));
}

fn encoded(kind: Kind) -> Result<(), Invalid> {
    samples::content(kind).encode().map(drop)
}

#[test]
fn the_longest_text_fits_with_the_longest_quote_and_all_mentions() {
    let body = "🦀".repeat(TEXT_BYTES / 4);
    let quote = Quote { target: samples::TARGET, excerpt: "e".repeat(EXCERPT_BYTES) };
    let mentions = vec![AccountId::new([1; 32]); MENTIONS];
    let text = Text { quote: Some(quote), mentions, ..Text::new(body) };
    assert!(samples::content(Kind::Text(text.clone())).encode_padded().is_ok());
    let mentions = vec![AccountId::new([1; 32]); MENTIONS + 1];
    assert_eq!(encoded(Kind::Text(Text { mentions, ..text })), Err(Invalid::TooLarge { field: "mentions" }));
}

#[test]
fn settings_have_limits_and_the_largest_fits() {
    let largest = samples::register(Subject::Everything, &vec![1; REGISTER_BYTES]);
    assert!(samples::content(Kind::Registers(vec![largest])).encode_padded().is_ok());
    let larger = samples::register(Subject::Everything, &vec![1; REGISTER_BYTES + 1]);
    assert_eq!(encoded(Kind::Registers(vec![larger])), Err(Invalid::TooLarge { field: "value" }));
    let small = samples::register(Subject::Everything, b"1");
    let many = vec![small; REGISTERS + 1];
    assert_eq!(encoded(Kind::Registers(many)), Err(Invalid::TooLarge { field: "registers" }));
    assert_eq!(encoded(Kind::Registers(vec![])), Err(Invalid::Missing { field: "registers" }));
}

#[test]
fn polls_votes_timers_and_profiles_have_limits() {
    let poll = |options: &[&str]| encoded(Kind::Poll(samples::poll(options)));
    assert_eq!(poll(&["a", "b"]), Ok(()));
    assert_eq!(poll(&["a"]), Err(Invalid::Missing { field: "options" }));
    assert_eq!(poll(&["a", " "]), Err(Invalid::Missing { field: "options" }));
    assert_eq!(poll(&["a"; POLL_OPTIONS + 1]), Err(Invalid::TooLarge { field: "options" }));
    assert_eq!(poll(&["a", &"b".repeat(OPTION_CHARS + 1)]), Err(Invalid::TooLarge { field: "options" }));
    let nothing = Poll { question: " ".into(), ..samples::poll(&["a", "b"]) };
    assert_eq!(encoded(Kind::Poll(nothing)), Err(Invalid::Missing { field: "question" }));
    for choices in [vec![1, 0], vec![1, 1], vec![24]] {
        let vote = Vote { target: samples::TARGET, choices, closes: false };
        assert_eq!(encoded(Kind::Vote(vote)), Err(Invalid::Value { field: "choices" }));
    }
    assert_eq!(encoded(Kind::Timer(LIVES_FOR_S)), Ok(()));
    assert_eq!(encoded(Kind::Timer(LIVES_FOR_S + 1)), Err(Invalid::TooLarge { field: "lives_for_s" }));
    let name = "n".repeat(NAME_CHARS + 1);
    let profile = Kind::Profile(Profile { name, ..Profile::default() });
    assert_eq!(encoded(profile), Err(Invalid::TooLarge { field: "name" }));
}

#[test]
fn the_longest_profile_fits_into_the_same_bucket_as_a_picture_alone() {
    let (name, about) = ("😀".repeat(NAME_CHARS), "😀".repeat(ABOUT_CHARS));
    let picture = Some(samples::picture(PICTURE_BYTES));
    let length = |kind| samples::content(kind).encode_padded().unwrap().len();
    let profile = length(Kind::Profile(Profile { name, about, picture: picture.clone(), version: 1 << 62 }));
    assert_eq!(profile, length(Kind::GroupPicture(picture)));
}

#[test]
fn as_many_pictures_as_may_be_shown_fit_and_no_more_are_wanted_or_shown() {
    for (wanted, shown, field) in [
        (PICTURES_WANTED, PICTURES_SHOWN, None),
        (PICTURES_WANTED + 1, 0, Some("wanted")),
        (0, PICTURES_SHOWN + 1, Some("shown")),
    ] {
        let bytes = if field.is_none() { PICTURE_BYTES } else { 9 };
        let content = samples::content(Kind::Pictures(samples::pictures(wanted, shown, bytes)));
        let refused = content.encode_padded().map(drop);
        assert_eq!(refused, field.map_or(Ok(()), |field| Err(Invalid::TooLarge { field })));
    }
}

#[test]
fn an_empty_text_is_refused() {
    assert_eq!(samples::text("").encode(), Err(Invalid::Missing { field: "body" }));
}

#[test]
fn a_witness_needs_its_counter_and_its_transcript_hash() {
    let mut content = samples::text("hello");
    content.witness.counter = 0;
    assert_eq!(content.encode(), Err(Invalid::Missing { field: "counter" }));
    content.witness.counter = 1;
    content.witness.transcript_hash.clear();
    assert_eq!(content.encode(), Err(Invalid::Missing { field: "transcript_hash" }));
}

#[test]
fn a_bundle_is_for_somebody_and_has_limits() {
    let bundle = |accounts, records, messages| {
        encoded(Kind::HistoryBundle(samples::history_bundle(accounts, records, messages)))
    };
    let most = u32::try_from(BUNDLE_MESSAGES).unwrap();
    assert_eq!(bundle(BUNDLE_ACCOUNTS, BUNDLE_MESSAGES, most), Ok(()));
    assert_eq!(bundle(0, 1, 1), Err(Invalid::Missing { field: "accounts" }));
    assert_eq!(bundle(BUNDLE_ACCOUNTS + 1, 1, 1), Err(Invalid::TooLarge { field: "accounts" }));
    assert_eq!(bundle(1, BUNDLE_MESSAGES + 1, 1), Err(Invalid::TooLarge { field: "records" }));
    assert_eq!(bundle(1, 1, most + 1), Err(Invalid::TooLarge { field: "messages" }));
}
