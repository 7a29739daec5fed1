//! Takes the words of erased texts out of the borders of the index's pages.
//!
//! FTS5 finds the page of a word by borders: for each page but the first of a segment, `search_idx` has the beginning of the first
//! word that stood on the page when it was written. `secure-delete` takes a word out of its page and leaves the border as it was, for
//! as long as anything is left on that page. So the words of what is erased are noted ([`note`]), and before the transaction ends each
//! border that one of them could have given is looked at ([`clear`]).
//!
//! Invariants:
//! - Each border begins the smallest word of the whole index that is not smaller than it, and no other border of its segment stands
//!   between them: it tells nothing that a page does not tell. FTS5 writes borders so; new words keep that true, as what stands
//!   between a border and a word that begins with it begins with it too; and of the words that go, only one that has that border as
//!   the last one before it can end it.
//! - A border is put in place of another only where every word of its page still stands behind it, and every word of the page before
//!   it in front: it grows, to the beginning of a word that is there, and stays below the next one.
//! - What is noted is in memory only, belongs to the transaction, and is empty when it ends.

use rusqlite::params;

use crate::{StoreError, Tx, View};

/// For each connection that writes: words of texts that were erased, cut up as the index does, and the index's own words.
pub(crate) const TABLES: &str = "
    CREATE VIRTUAL TABLE temp.gone USING fts5 (
        text, content = '', detail = none, tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE VIRTUAL TABLE temp.gone_word USING fts5vocab (temp, gone, row);
    CREATE VIRTUAL TABLE temp.word USING fts5vocab (main, search, row);";

/// The parts of the index: whole words, and their beginnings of two and of three letters. A word stands in it behind the name of the
/// part.
const PARTS: [Part; 3] = [
    Part { name: b'0', letters: None },
    Part { name: b'1', letters: Some(2) },
    Part { name: b'2', letters: Some(3) },
];

#[derive(Clone, Copy)]
struct Part {
    name: u8,
    /// How many letters of a word stand in it; words that have fewer do not.
    letters: Option<usize>,
}

impl Part {
    /// What of a word stands in this part, behind its name.
    fn key(self, word: &str) -> Option<Vec<u8>> {
        let end = match self.letters {
            None => word.len(),
            Some(letters) => word.char_indices().nth(letters - 1).map(|(at, last)| at + last.len_utf8())?,
        };
        let mut key = vec![self.name];
        key.extend_from_slice(word.as_bytes().get(..end)?);
        Some(key)
    }
}

/// Notes the words of rows of the index that are about to be erased: those that `rows`, an expression with the parameter `?1`, names.
pub(super) fn note(tx: &Tx<'_>, rows: &str, of: &dyn rusqlite::ToSql) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO temp.gone (text) SELECT text || ' ' || tags FROM search WHERE rowid IN ({rows})"
    );
    if tx.run(&sql, params![of])? > 0 {
        tx.owe_clearing();
    }
    Ok(())
}

/// Ends what was noted: no border tells of it any more.
pub(crate) fn clear(tx: &Tx<'_>) -> Result<(), StoreError> {
    // Before a savepoint FTS5 writes what it has in memory.
    tx.batch("SAVEPOINT words; RELEASE words")?;
    let segments = segments(tx)?;
    for word in tx.many("SELECT term FROM temp.gone_word", [], |row| row.get::<_, String>("term"))? {
        for key in PARTS.into_iter().filter_map(|part| part.key(&word)) {
            for segment in &segments {
                clear_one(tx, *segment, &key)?;
            }
        }
    }
    tx.batch("INSERT INTO temp.gone (gone) VALUES ('delete-all')")
}

/// The segments that have borders.
fn segments(view: &View<'_>) -> Result<Vec<i64>, StoreError> {
    view.many(
        "WITH RECURSIVE segment (id) AS (
             SELECT min(segid) FROM search_idx
             UNION ALL
             SELECT (SELECT min(segid) FROM search_idx WHERE segid > segment.id) FROM segment WHERE id IS NOT NULL
         )
         SELECT id FROM segment WHERE id IS NOT NULL",
        [],
        |row| row.get("id"),
    )
}

/// The last border that is not behind `key`, if it begins it and nothing that is left.
fn clear_one(tx: &Tx<'_>, segment: i64, key: &[u8]) -> Result<(), StoreError> {
    let border: Option<Vec<u8>> = tx.one(
        "SELECT term FROM search_idx WHERE segid = ?1 AND term <= ?2 ORDER BY term DESC LIMIT 1",
        params![segment, key],
        |row| row.get("term"),
    )?;
    // The border of a segment's first page is empty.
    let Some(border) = border.filter(|border| !border.is_empty() && key.starts_with(border)) else {
        return Ok(());
    };
    let next: Option<Vec<u8>> = tx.one(
        "SELECT term FROM search_idx WHERE segid = ?1 AND term > ?2 ORDER BY term LIMIT 1",
        params![segment, border],
        |row| row.get("term"),
    )?;
    match smallest_from(tx, &border)?.filter(|left| next.is_none_or(|next| *left < next)) {
        Some(left) if left.starts_with(&border) => {}
        Some(left) => {
            let differs = left.iter().zip(&border).take_while(|(left, border)| left == border).count();
            tx.erase(
                "UPDATE search_idx SET term = ?3 WHERE segid = ?1 AND term = ?2",
                params![segment, border, left.get(..=differs)],
            )?;
        }
        // Nothing is left on its page: what is sought from here is found from the border before it.
        None => {
            tx.erase("DELETE FROM search_idx WHERE segid = ?1 AND term = ?2", params![segment, border])?;
        }
    }
    Ok(())
}

/// The smallest key of the index that is not smaller than `border`.
fn smallest_from(view: &View<'_>, border: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Some((&name, bytes)) = border.split_first() else { return Ok(None) };
    for part in PARTS.into_iter().filter(|part| part.name >= name) {
        let mut from = if part.name == name { bytes.to_vec() } else { Vec::new() };
        while let Some(word) = next_word(view, &from)? {
            if let Some(key) = part.key(&word) {
                return Ok(Some(key));
            }
            from = [word.as_bytes(), b"\0"].concat();
        }
    }
    Ok(None)
}

/// The first word of the index from these bytes on, which need not be whole letters.
fn next_word(view: &View<'_>, from: &[u8]) -> Result<Option<String>, StoreError> {
    view.one(
        "SELECT term FROM temp.word WHERE term >= CAST(?1 AS TEXT) ORDER BY term LIMIT 1",
        params![from],
        |row| row.get("term"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use hushwire_types::{
        AccountId, ContentId, ConversationId, DeviceId, Generation, Order, OsEntropy, Secret, Timestamp,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::search::{self, Query};
    use crate::timeline::{EntryState, Inserted, NewEntry, RowId};
    use crate::{Database, KeySource, timeline};

    const CONVERSATION: ConversationId = ConversationId::new([7; 32]);
    const ACCOUNT: AccountId = AccountId::new([9; 32]);

    /// A database, and what it should find.
    struct World {
        database: Database,
        texts: BTreeMap<i64, String>,
        inserted: u64,
        _folder: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let key = KeySource::Key(Secret::new([1; 32]));
            let database = Database::create(folder.path(), &key, &OsEntropy).unwrap();
            Self { database, texts: BTreeMap::new(), inserted: 0, _folder: folder }
        }

        fn insert(&mut self, texts: Vec<String>) {
            let Self { database, texts: known, inserted, .. } = self;
            database
                .step::<_, StoreError>(|tx| {
                    for text in texts {
                        *inserted += 1;
                        let row = insert(tx, *inserted);
                        search::put(tx, row, &text)?;
                        known.insert(row.0, text);
                    }
                    Ok(())
                })
                .unwrap();
        }

        /// Erases some rows and puts some otherwise, in one step.
        fn change(&mut self, choose: impl Fn(usize) -> Option<Change>) {
            let Self { database, texts, .. } = self;
            let changes: Vec<(i64, Change)> =
                texts.keys().enumerate().filter_map(|(n, row)| Some((*row, choose(n)?))).collect();
            database
                .step::<_, StoreError>(|tx| {
                    for (row, change) in changes {
                        match change {
                            Change::Erase => {
                                timeline::erase(tx, RowId(row))?;
                                texts.remove(&row);
                            }
                            Change::Reword(text) => {
                                search::put(tx, RowId(row), &text)?;
                                texts.insert(row, text);
                            }
                        }
                    }
                    Ok(())
                })
                .unwrap();
        }

        fn keys(&self) -> BTreeSet<Vec<u8>> {
            let tags = [search::conversation_tag(&CONVERSATION), search::account_tag(&ACCOUNT)];
            let texts = self.texts.values().flat_map(|text| text.split(' ')).map(str::to_owned);
            let words = texts.chain(tags.into_iter().filter(|_| !self.texts.is_empty()));
            words.flat_map(|word| PARTS.map(|part| part.key(&word))).flatten().collect()
        }

        /// Each border begins a word that is there, FTS5 finds nothing wrong, and each word finds what it should.
        fn check(&mut self) -> usize {
            let keys = self.keys();
            let borders: Vec<Vec<u8>> = self
                .database
                .read(|view| view.many("SELECT term FROM search_idx", [], |row| row.get("term")))
                .unwrap();
            for border in borders.iter().filter(|border| !border.is_empty()) {
                let left = keys.range(border.clone()..).next();
                let told = String::from_utf8_lossy(border);
                assert!(left.is_some_and(|left| left.starts_with(border)), "{told} is told");
            }
            self.database
                .step::<_, StoreError>(|tx| {
                    tx.batch("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
                })
                .unwrap();
            for (row, text) in self.texts.iter().step_by(37) {
                for word in text.split(' ') {
                    let found = "SELECT rowid FROM search WHERE search MATCH '\"' || ?1 || '\"'
                        AND rowid = (SELECT found_at FROM timeline WHERE id = ?2)";
                    let found = self.database.read(|view| view.one(found, params![word, row], |_| Ok(())));
                    assert!(found.unwrap().is_some(), "{word} does not find its text");
                }
            }
            borders.len()
        }
    }

    enum Change {
        Erase,
        Reword(String),
    }

    fn insert(tx: &Tx<'_>, n: u64) -> RowId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        let entry = NewEntry {
            conversation: CONVERSATION,
            generation: Generation(1),
            order: Some(Order(n)),
            content_id: ContentId::new(id),
            account: ACCOUNT,
            device: DeviceId::new([1; 16]),
            sent_at: Timestamp::from_ms(n),
            accepted_at: Some(Timestamp::from_ms(n)),
            content: vec![1],
            state: EntryState::Received,
            client_key: None,
        };
        match timeline::insert(tx, &entry).unwrap() {
            Inserted::New(row) => row,
            other => panic!("{other:?}"),
        }
    }

    /// Words that share beginnings, of one letter to many, in several alphabets.
    fn text(mut seed: u64) -> String {
        let mut draw = |from: &[&str]| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            from[usize::try_from(seed >> 33).unwrap() % from.len()].to_owned()
        };
        let words = (0..4).map(|_| {
            let syllables = draw(&["1", "2", "3", "4", "5"]).parse().unwrap();
            (0..syllables).map(|_| draw(&["a", "b", "sec", "ret", "жы", "да", "語", "z9", "q"])).collect()
        });
        words.collect::<Vec<String>>().join(" ")
    }

    #[test]
    fn words_that_go_leave_no_border() {
        let mut world = World::new();
        for batch in 0..6_u64 {
            world.insert((0..500).map(|n| text(batch * 500 + n)).collect());
        }
        assert!(world.check() > 40, "there are borders to look at");
        world.change(|n| (n % 3 == 0).then_some(Change::Erase));
        world.check();
        world.change(|n| (n % 2 == 0).then(|| Change::Reword(text(1_000_000 + n as u64))));
        world.check();
        for n in 0..20 {
            world.change(|row| (row % 40 == n).then_some(Change::Erase));
        }
        world.check();
        world.database.step(|tx| timeline::erase_conversation(tx, &CONVERSATION)).unwrap();
        world.texts.clear();
        world.check();
        let noted: Option<String> = world
            .database
            .read(|view| view.one("SELECT term FROM temp.gone_word", [], |row| row.get("term")))
            .unwrap();
        assert_eq!(noted, None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]
        #[test]
        fn borders_tell_of_nothing_that_is_gone(seed: u64, steps in prop::collection::vec((0..4_u8, 1..9_usize), 1..12)) {
            let mut world = World::new();
            for (n, (kind, share)) in steps.into_iter().enumerate() {
                let seed = seed.wrapping_add(n as u64 * 10_000);
                match kind {
                    0 | 1 => world.insert((0..share as u64 * 80).map(|n| text(seed.wrapping_add(n))).collect()),
                    2 => world.change(|row| (row % 9 < share).then_some(Change::Erase)),
                    _ => world.change(|row| {
                        (row % 9 < share).then(|| Change::Reword(text(seed.wrapping_add(row as u64))))
                    }),
                }
                world.check();
            }
        }
    }

    #[test]
    fn a_step_that_fails_erases_no_word() {
        let mut world = World::new();
        world.insert(vec!["kept".into()]);
        let failed = world.database.step::<(), _>(|tx| {
            timeline::erase_conversation(tx, &CONVERSATION)?;
            Err(StoreError::Absent("anything"))
        });
        assert!(failed.is_err());
        world.check();
        assert_eq!(world.database.read(|view| search::find(view, &Query::of("kept", 1))).unwrap().len(), 1);
    }
}
