//! A profile of years: how long it takes to open it and show its conversations, and to search in it.
//!
//! The account is registered by the engine itself; its rows are written as the engine writes them, contents, index and all, but
//! many in a transaction. Words and conversations are as uneven as people's: few make up most. Everything is measured through
//! the API of the front ends, so that names, reactions and wordings are in it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use hushwire_client::{BackupOpener, Place, Query, World};
use hushwire_client_store::about::{self, About, Aspect};
use hushwire_client_store::account::{self, Account, Says, Trust};
use hushwire_client_store::conversation::{self, Conversation, ConversationKind, ConversationState};
use hushwire_client_store::timeline::{self, EntryState, Inserted, NewEntry};
use hushwire_client_store::{Database, StoreError, Tx, search};
use hushwire_content::{Content, Kind, Reaction, SeenList, Target, Text, Witness};
use hushwire_types::{
    AccountId, ContentId, ConversationId, DeviceId, EntryHash, Epoch, Generation, ListNumber, Order, Secret,
    Timestamp,
};

use crate::engine;

/// Conversations, and people with whom they are.
const CONVERSATIONS: u32 = 500;
/// Different words.
const WORDS: u32 = 20_000;
/// Messages of a transaction.
const TOGETHER: u32 = 10_000;
/// One in so many messages has a reaction.
const REACTIONS: u32 = 20;
/// Between two messages.
const PACE_MS: u64 = 150_000;
/// The first message, in 2021.
const BEGIN_MS: u64 = 1_620_000_000_000;

/// How long things took, in microseconds.
#[derive(Debug)]
pub struct Times {
    /// What.
    pub what: &'static str,
    /// How long.
    pub times: Histogram<u64>,
}

/// What was measured of a profile.
#[derive(Debug)]
pub struct Measured {
    /// Writing it, per message.
    pub written: Duration,
    /// Size of its database.
    pub bytes: u64,
    /// Opening it and showing its conversations.
    pub opened: Histogram<u64>,
    /// Kinds of searches.
    pub searches: Vec<Times>,
    /// Its backup.
    pub backup: Backup,
}

/// What was measured of a backup.
#[derive(Debug)]
pub struct Backup {
    /// Writing it.
    pub written: Duration,
    /// Reading it to its end, as is done before anything of it is used.
    pub verified: Duration,
    /// Its size.
    pub bytes: u64,
}

/// Writes a profile of `messages` messages into `folder`, opens it and searches in it, each `times` times.
///
/// # Errors
/// A database, or a search that finds nothing.
pub fn measure(
    folder: &Path,
    messages: u32,
    times: u32,
    runtime: &tokio::runtime::Runtime,
) -> Result<Measured> {
    let place = engine::registered(folder)?;
    let begin = Instant::now();
    write(&place, messages)?;
    let written = begin.elapsed() / messages.max(1);
    let bytes = std::fs::metadata(place.folder.join("hush.db"))?.len();
    let mut opened = histogram()?;
    for _ in 0..times {
        let begin = Instant::now();
        runtime.block_on(async {
            let client = hushwire_client::open(&place, World::default())?;
            let shown = client.conversations().await?;
            opened.saturating_record(micros(begin.elapsed()));
            anyhow::ensure!(shown.iter().filter(|one| one.last.is_some()).count() > 1, "no conversations");
            client.close().await;
            Ok(())
        })?;
    }
    let searches = runtime.block_on(searches(&place, messages, times))?;
    let backup = runtime.block_on(backup(&place, &folder.join("backup")))?;
    Ok(Measured { written, bytes, opened, searches, backup })
}

async fn backup(place: &Place, file: &Path) -> Result<Backup> {
    let client = hushwire_client::open(place, World::default())?;
    let key = BackupOpener::Random(Secret::new([7; 32]));
    let begin = Instant::now();
    client.create_backup(file.to_owned(), key.clone()).await?;
    let written = begin.elapsed();
    client.close().await;
    let begin = Instant::now();
    hushwire_client::verify_backup(file.to_owned(), key).await?;
    Ok(Backup { written, verified: begin.elapsed(), bytes: std::fs::metadata(file)?.len() })
}

async fn searches(place: &Place, messages: u32, times: u32) -> Result<Vec<Times>> {
    let client = hushwire_client::open(place, World::default())?;
    let all = |words: String| Query::of(words, 50);
    let common = word(0);
    // Both are in a few hundred messages.
    let (rare, small) = (WORDS / 3 * 2, CONVERSATIONS / 10 * 9);
    let middle = Timestamp::from_ms(BEGIN_MS + u64::from(messages) / 2 * PACE_MS);
    let month = middle.after(Duration::from_secs(30 * 24 * 3600));
    let queries = [
        ("a word of every third message", all(common.clone())),
        ("a word of few messages", all(word(rare))),
        ("two letters", all(common.chars().take(2).collect())),
        ("one letter", all(common.chars().take(1).collect())),
        ("four letters", all(common.chars().take(4).collect())),
        ("two common words", all(format!("{} {}", word(0), word(1)))),
        ("a common and a rare word", all(format!("{} {}", word(0), word(WORDS / 2)))),
        (
            "a common word in a quiet conversation",
            Query { conversation: Some(conversation_id(small)), ..all(common.clone()) },
        ),
        (
            "a common word by somebody quiet",
            Query { account: Some(account_id(small)), ..all(common.clone()) },
        ),
        (
            "a common word in a month long ago",
            Query { after: Some(middle), before: Some(month), ..all(common) },
        ),
    ];
    let mut measured = Vec::new();
    for (what, query) in queries {
        let mut histogram = histogram()?;
        for _ in 0..times {
            let begin = Instant::now();
            let found = client.search(query.clone()).await?;
            histogram.saturating_record(micros(begin.elapsed()));
            // In a small profile nobody may have said it.
            let nobody = found.hits.is_empty() && messages >= 1_000_000;
            anyhow::ensure!(!nobody && found.whole, "{what}: nothing found");
        }
        measured.push(Times { what, times: histogram });
    }
    client.close().await;
    Ok(measured)
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

fn write(place: &Place, messages: u32) -> Result<()> {
    let mut db = Database::open(&place.folder, &place.key)?;
    let me = db.read(hushwire_client_store::profile::find)?.context("no profile")?.account;
    db.step(|tx| (0..CONVERSATIONS).try_for_each(|number| begin(tx, number)))?;
    let mut chance = Chance(7);
    let mut next = 0;
    while next < messages {
        let end = messages.min(next + TOGETHER);
        db.step(|tx| (next..end).try_for_each(|number| message(tx, me, number, &mut chance)))?;
        next = end;
    }
    // Somebody who was away for a while: a tenth is not read yet.
    db.step(|tx| {
        let read = Order(u64::from(messages) / 10 * 9);
        let all = conversation::all(tx)?;
        all.iter().try_for_each(|one| about::read_to(tx, &one.id, Generation(1), read).map(drop))
    })?;
    Ok(db.close()?)
}

fn begin(tx: &Tx<'_>, number: u32) -> Result<(), StoreError> {
    let peer = account_id(number);
    account::insert(
        tx,
        &Account {
            account: peer,
            genesis: Vec::new(),
            head_number: ListNumber(1),
            head_hash: EntryHash::new([1; 32]),
            handle: Some(format!("@person{number}")),
            username: None,
            local_name: None,
            says: Says::default(),
            trust: Trust::Unverified,
            learned_at: Timestamp::from_ms(BEGIN_MS),
        },
    )?;
    conversation::insert(
        tx,
        &Conversation {
            id: conversation_id(number),
            kind: ConversationKind::Direct { peer },
            generation: Generation(1),
            group: None,
            state: ConversationState::Active,
            attempts: 0,
            known_epoch: Epoch(1),
            refreshed_at: Timestamp::from_ms(BEGIN_MS),
            last_activity: Timestamp::from_ms(BEGIN_MS),
        },
    )
}

fn message(tx: &Tx<'_>, me: AccountId, number: u32, chance: &mut Chance) -> Result<(), StoreError> {
    let place = chance.uneven(CONVERSATIONS, 2);
    let own = chance.below(2) == 0;
    let words: Vec<String> = (0..6 + chance.below(8)).map(|_| word(chance.uneven(WORDS, 3))).collect();
    let words = words.join(" ");
    let entry = entry(number, place, if own { me } else { account_id(place) }, own, text(&words));
    let Inserted::New(row) = timeline::insert(tx, &entry)? else { return Ok(()) };
    search::put(tx, row, &words)?;
    conversation::touch(tx, &entry.conversation, entry.sent_at)?;
    if chance.below(REACTIONS) == 0 {
        let target = Target { account: entry.account, content_id: entry.content_id };
        let kind = Kind::Reaction(Reaction { target, emoji: "👍".to_owned() });
        let reaction = self::entry(number | 1 << 31, place, account_id(place), false, kind);
        if let Inserted::New(row) = timeline::insert(tx, &reaction)? {
            let about = About { account: entry.account, content: entry.content_id };
            about::hide(tx, row, Aspect::Reaction, Some(&about))?;
        }
    }
    Ok(())
}

fn text(words: &str) -> Kind {
    Kind::Text(Text::new(words.to_owned()))
}

fn entry(number: u32, place: u32, account: AccountId, own: bool, kind: Kind) -> NewEntry {
    let at = Timestamp::from_ms(BEGIN_MS + u64::from(number & !(1 << 31)) * PACE_MS);
    let mut id = [0; ContentId::LEN];
    id.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    let content_id = ContentId::new(id);
    let list = SeenList { number: ListNumber(1), hash: EntryHash::new([1; 32]) };
    let witness = Witness {
        counter: 1,
        previous: Some([2; 32]),
        list,
        transcript_hash: vec![3; 48],
        peer_list: Some(list),
    };
    let content = Content { content_id, sent_at: at, fallback: String::new(), witness, lives_for_s: 0, kind };
    NewEntry {
        conversation: conversation_id(place),
        generation: Generation(1),
        order: Some(Order(u64::from(number & !(1 << 31)))),
        content_id,
        account,
        device: DeviceId::new([5; DeviceId::LEN]),
        sent_at: at,
        accepted_at: Some(at),
        content: content.encode().map(|encoded| encoded.as_slice().to_vec()).unwrap_or_default(),
        state: if own { EntryState::Sent } else { EntryState::Received },
        client_key: None,
    }
}

fn spread(number: u32, salt: u8) -> [u8; 32] {
    // Ids are hashes, so their first bytes differ.
    let mut chance = Chance(u64::from(number) << 8 | u64::from(salt));
    std::array::from_fn(|_| u8::try_from(chance.below(256)).unwrap_or_default())
}

fn conversation_id(number: u32) -> ConversationId {
    ConversationId::new(spread(number, 1))
}

fn account_id(number: u32) -> AccountId {
    AccountId::new(spread(number, 2))
}

/// A word that can be pronounced, another for each number.
fn word(number: u32) -> String {
    const SYLLABLES: [&str; 20] = [
        "ka", "mo", "ri", "te", "su", "lo", "ne", "vi", "da", "po", "gu", "sha", "be", "ti", "ro", "ma",
        "fe", "zu", "li", "wo",
    ];
    let syllable = |at: u32| {
        let index = usize::try_from(at % 20).unwrap_or_default();
        SYLLABLES.get(index).copied().unwrap_or_default()
    };
    [syllable(number), syllable(number / 20), syllable(number / 400), syllable(number / 8_000)].concat()
}

/// The same numbers in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = self.0 >> 33;
        u32::try_from(high % u64::from(end.max(1))).unwrap_or_default()
    }

    /// The lower the likelier: of `power` tries the product.
    fn uneven(&mut self, end: u32, power: u32) -> u32 {
        let product =
            (0..power).map(|_| f64::from(self.below(1 << 20)) / f64::from(1 << 20)).product::<f64>();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below a 32-bit number")]
        let number = (product * f64::from(end)) as u32;
        number
    }
}
