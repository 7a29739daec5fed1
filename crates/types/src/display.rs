//! Showing text that strangers wrote: names, messages, a server's sentences.
//!
//! Such text may hold terminal escape sequences, characters that turn the reading order around and characters
//! that nobody sees. What comes out of here moves no cursor, changes no colour, reads in the order in which it was
//! written and hides nothing; ordinary text of any script, emoji included, comes out unchanged. It is for the moment
//! of display alone: rows keep what was written.

use std::borrow::Cow;

/// Stands for a character that must not be shown.
const HIDDEN: char = char::REPLACEMENT_CHARACTER;

/// Combining marks in a row that any script needs, with room; the rest of a pile climbs over other lines.
const MARKS_MAX: usize = 8;

/// The flags of England, Scotland and Wales are this character with tags behind it.
const BLACK_FLAG: char = '\u{1f3f4}';

/// Tags of such a flag: country, region and the closing one.
const FLAG_LETTERS_MAX: usize = 7;

/// The text of a message: newlines and tabs stay.
#[must_use]
pub fn text(untrusted: &str) -> Cow<'_, str> {
    harmless(untrusted, Lines::Keep)
}

/// A name or a sentence that must stay on its line: newlines and tabs become visible.
#[must_use]
pub fn line(untrusted: &str) -> Cow<'_, str> {
    harmless(untrusted, Lines::Join)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    Keep,
    Join,
}

fn harmless(untrusted: &str, lines: Lines) -> Cow<'_, str> {
    if untrusted.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(untrusted);
    }
    let mut out = String::with_capacity(untrusted.len());
    let mut marks = 0;
    let mut flag_letters = 0;
    let mut characters = untrusted.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\r' && characters.peek() == Some(&'\n') {
            continue;
        }
        if is_tag(character) {
            if flag_letters > 0 {
                flag_letters -= 1;
                out.push(character);
            }
            continue;
        }
        flag_letters = if character == BLACK_FLAG { FLAG_LETTERS_MAX } else { 0 };
        let Some(shown) = shown(character, lines) else { continue };
        // One selector chooses a glyph; a row of them is hidden data.
        if is_selector(shown) && out.chars().next_back().is_none_or(is_selector) {
            continue;
        }
        marks = if is_mark(shown) { marks + 1 } else { 0 };
        if marks <= MARKS_MAX {
            out.push(shown);
        }
    }
    if out == untrusted { Cow::Borrowed(untrusted) } else { Cow::Owned(out) }
}

/// What stands for a character; none for one that nobody would see.
fn shown(character: char, lines: Lines) -> Option<char> {
    Some(match character {
        '\n' | '\t' if lines == Lines::Keep => character,
        '\u{2028}' | '\u{2029}' if lines == Lines::Keep => '\n',
        // C0 controls and DEL, the escape character among them, as the pictures that Unicode has for them.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(HIDDEN),
        '\u{7f}' => '\u{2421}',
        // C1 controls, of which U+009B begins escape sequences too.
        '\u{80}'..='\u{9f}' => HIDDEN,
        '\u{2028}' | '\u{2029}' => '\u{2424}',
        // Bidirectional embeddings, overrides and isolates (UAX 9). The marks LRM, RLM and ALM only place a
        // neighbour, and right-to-left text needs them.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => HIDDEN,
        // Deprecated format characters, interlinear annotations.
        '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' => HIDDEN,
        // Nothing to see: soft hyphen, zero-width space, word joiner and invisible operators, Hangul fillers,
        // byte order mark. The joiners U+200C and U+200D stay: Persian, Indic scripts and emoji need them.
        '\u{ad}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{feff}' => return None,
        ordinary => ordinary,
    })
}

/// Invisible letters, which can carry a whole hidden text.
const fn is_tag(character: char) -> bool {
    matches!(character, '\u{e0000}'..='\u{e007f}')
}

/// Variation selectors: the plain or the coloured form of an emoji, the form of an ideograph in a name.
const fn is_selector(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// The blocks of combining marks that piles are made of.
const fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_text_of_any_script_is_unchanged() {
        for ordinary in [
            "hello",
            "zwei\nZeilen\tmit Tab",
            "Ελληνικά, עברית\u{200f}, العربية, 日本語, हिन्दी",
            "می\u{200c}خواهم",
            "👩\u{200d}🚀 ❤\u{fe0f} 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "Tiê\u{301}ng",
        ] {
            assert!(matches!(text(ordinary), Cow::Borrowed(same) if same == ordinary), "{ordinary}");
        }
    }

    #[test]
    fn terminal_escapes_become_pictures() {
        assert_eq!(text("\u{1b}[31mred\u{1b}]0;title\u{7}"), "␛[31mred␛]0;title␇");
        assert_eq!(text("\u{9b}2J\u{7f}\u{8}"), "\u{fffd}2J␡␈");
    }

    #[test]
    fn a_carriage_return_cannot_overwrite_a_line() {
        assert_eq!(text("paid\rnot "), "paid␍not ");
        assert_eq!(text("two\r\nlines"), "two\nlines");
    }

    #[test]
    fn the_reading_order_cannot_be_turned_around() {
        assert_eq!(text("\u{202e}evil\u{202c} \u{2067}x\u{2069}"), "\u{fffd}evil\u{fffd} \u{fffd}x\u{fffd}");
    }

    #[test]
    fn invisible_characters_vanish() {
        assert_eq!(line("a\u{fe0f}\u{fe01}\u{e0110}b"), "a\u{fe0f}b");
        assert_eq!(line("\u{1f3f4}\u{200b}\u{e0067}"), "\u{1f3f4}");
        assert_eq!(line("ali\u{200b}ce\u{feff}\u{e0041}\u{3164}"), "alice");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(line("bob\n[verified]\u{2028}\t"), "bob␊[verified]\u{2424}␉");
    }

    #[test]
    fn a_pile_of_marks_is_cut() {
        let pile = format!("a{}b", "\u{301}".repeat(100));
        assert_eq!(text(&pile), format!("a{}b", "\u{301}".repeat(MARKS_MAX)));
        let hidden = format!("a{}b", "\u{301}\u{200b}".repeat(100));
        assert_eq!(text(&hidden), text(&pile));
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop::collection::vec(any::<char>(), 0..80).prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn no_control_character_comes_out(untrusted in any_text()) {
            prop_assert!(!line(&untrusted).chars().any(char::is_control));
            prop_assert!(!text(&untrusted).chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        }

        #[test]
        fn showing_twice_is_showing_once(untrusted in any_text()) {
            let once = text(&untrusted).into_owned();
            prop_assert_eq!(&text(&once), &once);
        }
    }
}
