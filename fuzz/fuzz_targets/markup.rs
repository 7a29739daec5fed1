//! What a stranger's text says: no control character comes out, and no address that leads elsewhere.
#![no_main]

use hushwire_content::markup::{self, Block, Inline};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|untrusted: &str| check(&markup::parse(untrusted)));

fn check(blocks: &[Block]) {
    for block in blocks {
        match block {
            Block::Text(inlines) => inlines.iter().for_each(check_inline),
            Block::Code { info, text } => [info, text].into_iter().for_each(|text| check_text(text)),
            Block::Quote(blocks) => check(blocks),
            Block::List(items) => items.iter().for_each(|item| check(&item.blocks)),
        }
    }
}

fn check_inline(inline: &Inline) {
    match inline {
        Inline::Span(span) => check_text(&span.text),
        Inline::Link { address, words } => {
            let lower = address.to_lowercase();
            assert!(["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme)));
            assert!(!address.chars().any(|letter| letter.is_control() || letter.is_whitespace()));
            words.iter().for_each(|span| check_text(&span.text));
        }
    }
}

fn check_text(text: &str) {
    assert!(!text.chars().any(|shown| shown.is_control() && shown != '\n' && shown != '\t'));
}
