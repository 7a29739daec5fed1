use hushwire_client_store::search::{self, Query};
use hushwire_client_store::timeline::{self, NewEntry, RowId};
use hushwire_types::Timestamp;
use proptest::prelude::*;

use crate::support::{Profile, account, at, conversation, insert, received};

fn indexed(texts: &[&str]) -> (Profile, Vec<RowId>) {
    let mut profile = Profile::new();
    let rows = profile.write(|tx| {
        let mut rows = Vec::new();
        for (n, text) in (1..).zip(texts) {
            let row = insert(tx, &received(n, n.into()))?;
            search::put(tx, row, text)?;
            rows.push(row);
        }
        Ok(rows)
    });
    (profile, rows)
}

fn found(profile: &mut Profile, words: &str) -> Vec<RowId> {
    looked_for(profile, &Query::of(words, 10))
}

fn looked_for(profile: &mut Profile, query: &Query) -> Vec<RowId> {
    profile.read(|view| search::find(view, query)).iter().map(|hit| hit.entry.row).collect()
}

/// Rows with the same word: of which conversation, by whom, when it was written and accepted.
fn scattered(rows: &[(u8, u8, u64, u64)]) -> (Profile, Vec<RowId>) {
    let mut profile = Profile::new();
    let rows = profile.write(|tx| {
        let mut written = Vec::new();
        for (n, (place, author, sent, accepted)) in (1..).zip(rows) {
            let entry = NewEntry {
                conversation: conversation(*place),
                account: account(*author),
                sent_at: at(*sent),
                accepted_at: Some(at(*accepted)),
                ..received(n, n.into())
            };
            let row = insert(tx, &entry)?;
            search::put(tx, row, "a common word")?;
            written.push(row);
        }
        Ok(written)
    });
    (profile, rows)
}

#[test]
fn beginnings_of_words_are_found_whatever_their_case_and_accents() {
    let (mut profile, rows) = indexed(&["Crème brûlée for two", "the Cremona violin", "nothing"]);
    assert_eq!(found(&mut profile, "creme"), [rows[0]]);
    assert_eq!(found(&mut profile, "CRÈM"), [rows[1], rows[0]]);
    assert_eq!(found(&mut profile, "brulee cre"), [rows[0]]);
    assert_eq!(found(&mut profile, "brulee violin"), []);
}

#[test]
fn a_search_can_stay_in_one_conversation_and_with_one_author() {
    let (mut profile, rows) = scattered(&[(1, 2, 10, 10), (2, 2, 20, 20), (1, 3, 30, 30), (1, 2, 40, 40)]);
    let all = Query::of("comm", 10);
    assert_eq!(looked_for(&mut profile, &all), [rows[3], rows[2], rows[1], rows[0]]);
    let here = Query { conversation: Some(conversation(1)), ..all.clone() };
    assert_eq!(looked_for(&mut profile, &here), [rows[3], rows[2], rows[0]]);
    let by_one = Query { account: Some(account(2)), ..all };
    assert_eq!(looked_for(&mut profile, &by_one), [rows[3], rows[1], rows[0]]);
    let both = Query { account: Some(account(2)), ..here };
    assert_eq!(looked_for(&mut profile, &both), [rows[3], rows[0]]);
    let nobody = Query { account: Some(account(9)), ..both };
    assert_eq!(looked_for(&mut profile, &nobody), []);
}

#[test]
fn the_latest_written_come_first_whenever_they_came_and_a_span_of_time_has_its_own() {
    // The second row came last from a backup; the third one's author has a clock that is years ahead.
    let far = 4_000_000_000_000_000;
    let (mut profile, rows) = scattered(&[(1, 2, 2_000, 2_000), (1, 2, 1_000, 1_000), (1, 2, far, 3_000)]);
    let all = Query::of("word", 10);
    assert_eq!(looked_for(&mut profile, &all), [rows[2], rows[0], rows[1]]);
    let after = Query { after: Some(at(2_000)), ..all.clone() };
    assert_eq!(looked_for(&mut profile, &after), [rows[2], rows[0]]);
    let before = Query { before: Some(at(2_000)), ..all.clone() };
    assert_eq!(looked_for(&mut profile, &before), [rows[1]]);
    let never = Query { after: Some(Timestamp::from_ms(u64::MAX)), before: Some(at(0)), ..all };
    assert_eq!(looked_for(&mut profile, &never), []);
}

#[test]
fn pages_follow_each_other_without_a_gap_even_within_a_millisecond() {
    let moments: Vec<(u8, u8, u64, u64)> = (0..25).map(|n| (1, 2, 7 + n / 10, 7 + n / 10)).collect();
    let (mut profile, rows) = scattered(&moments);
    let mut query = Query::of("word", 4);
    let mut found = Vec::new();
    loop {
        let hits = profile.read(|view| search::find(view, &query));
        let Some(last) = hits.last() else { break };
        query.page = Some(last.place);
        found.extend(hits.iter().map(|hit| hit.entry.row));
    }
    assert_eq!(found, rows.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn a_snippet_says_what_was_found_and_nothing_that_the_text_pretends() {
    let (mut profile, _) = indexed(&["we met \u{fdd0}a\u{fdd1} café near the Cafeteria"]);
    let hits = profile.read(|view| search::find(view, &Query::of("cafe", 10)));
    let pieces = |wanted| {
        let pieces = hits[0].snippet.iter().filter(move |piece| piece.found == wanted);
        pieces.map(|piece| piece.text.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(pieces(true), ["café", "Cafeteria"]);
    assert_eq!(pieces(false), ["we met a ", " near the "]);
    assert_eq!(format!("{:?}", hits[0].snippet[0]), "Piece { found: false, .. }");
}

#[test]
fn the_words_of_the_index_for_people_are_no_words_of_texts() {
    let (mut profile, rows) = scattered(&[(1, 2, 10, 10)]);
    for words in ["c0101", "0101010101010101", "a0202", "\u{e000}c0101010101010101", "text", "tags"] {
        assert_eq!(found(&mut profile, words), [], "{words}");
    }
    assert_eq!(found(&mut profile, "a"), rows);
}

#[test]
fn an_edited_text_is_found_by_its_new_words_only() {
    let (mut profile, rows) = indexed(&["before"]);
    profile.write(|tx| search::put(tx, rows[0], "after"));
    assert_eq!(found(&mut profile, "before"), []);
    assert_eq!(found(&mut profile, "after"), [rows[0]]);
}

#[test]
fn what_is_removed_or_erased_is_not_found() {
    let (mut profile, rows) = indexed(&["one word", "two word"]);
    profile.write(|tx| search::remove(tx, rows[0]));
    profile.write(|tx| timeline::erase(tx, rows[1]));
    assert_eq!(found(&mut profile, "word"), []);
}

#[test]
fn no_words_find_nothing() {
    let (mut profile, _) = indexed(&["word"]);
    for words in ["", "   ", "*", "\"", "( -"] {
        assert_eq!(found(&mut profile, words), [], "{words:?}");
    }
}

#[test]
fn the_query_language_of_the_index_is_never_spoken() {
    let (mut profile, rows) = indexed(&["a OR b", "text: x"]);
    assert_eq!(found(&mut profile, "zzz OR b"), []);
    assert_eq!(found(&mut profile, "a OR"), [rows[0]]);
    assert_eq!(found(&mut profile, "text:"), [rows[1]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_words_are_an_answer_and_never_an_error(queries in prop::collection::vec(".{0,20}", 40)) {
        let (mut profile, _) = indexed(&["some words"]);
        for words in queries {
            found(&mut profile, &words);
        }
    }
}
