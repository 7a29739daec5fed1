use hushwire_client_store::search;
use hushwire_client_store::timeline::{self, NewEntry, RowId};
use proptest::prelude::*;

use crate::support::{Profile, conversation, insert, received};

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
    profile.read(|view| search::find(view, words, None, 10)).iter().map(|entry| entry.row).collect()
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
fn a_search_can_stay_in_one_conversation() {
    let mut profile = Profile::new();
    let here = profile.write(|tx| {
        let here = insert(tx, &received(1, 1))?;
        let there = insert(tx, &NewEntry { conversation: conversation(2), ..received(2, 1) })?;
        search::put(tx, here, "word")?;
        search::put(tx, there, "word")?;
        Ok(here)
    });
    assert_eq!(found(&mut profile, "word").len(), 2);
    let one = profile.read(|view| search::find(view, "word", Some(&conversation(1)), 10));
    assert_eq!(one.iter().map(|entry| entry.row).collect::<Vec<_>>(), [here]);
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
