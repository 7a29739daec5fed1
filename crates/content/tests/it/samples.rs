//! One fixed content of each kind. Golden files are named after these.

use hushwire_content::{Content, Kind, Receipt, ReceiptKind, SeenList, Text, Witness};
use hushwire_types::{ContentId, EntryHash, ListNumber, Timestamp};

pub(crate) fn content(kind: Kind) -> Content {
    Content {
        content_id: ContentId::new([0xc0; 16]),
        sent_at: Timestamp::from_ms(1_800_000_000_000),
        fallback: String::new(),
        witness: Witness {
            counter: 3,
            previous: Some([0xb0; 32]),
            list: SeenList { number: ListNumber(1), hash: EntryHash::new([0xe1; 32]) },
            transcript_hash: vec![0x74; 48],
            peer_list: Some(SeenList { number: ListNumber(2), hash: EntryHash::new([0xe2; 32]) }),
        },
        kind,
    }
}

pub(crate) fn text(body: &str) -> Content {
    content(Kind::Text(Text { body: body.into() }))
}

pub(crate) fn receipt(count: u8) -> Content {
    let content_ids = (0..count).map(|number| ContentId::new([number; 16])).collect();
    content(Kind::Receipt(Receipt { kind: ReceiptKind::Delivered, content_ids }))
}

/// Every kind, and a first content whose witness has nothing before it.
pub(crate) fn all() -> Vec<(&'static str, Content)> {
    let mut first = text("hello");
    first.witness = Witness { counter: 1, previous: None, peer_list: None, ..first.witness };
    first.fallback = "A text.".into();
    vec![
        ("text", text("Grüße, **Bob** 👋")),
        ("text_first", first),
        ("receipt", receipt(2)),
        ("presence", content(Kind::Presence)),
    ]
}
