use std::fmt::Write as _;
use std::time::Duration;

use hushwire_types::{Clock, SystemClock};
use proptest::prelude::*;

use super::*;

/// Blocks as one line, with marks that no text here has.
fn told(text: &str) -> String {
    parse(text).iter().map(told_block).collect::<Vec<_>>().join(" | ")
}

fn told_block(block: &Block) -> String {
    let inner = |blocks: &[Block]| blocks.iter().map(told_block).collect::<Vec<_>>().join(" | ");
    match block {
        Block::Text(inlines) => inlines.iter().map(told_inline).collect(),
        Block::Code { info, text } => format!("CODE({info}: {text})"),
        Block::Quote(blocks) => format!("QUOTE({})", inner(blocks)),
        Block::List(items) => {
            let items = items.iter().map(|item| {
                let number = item.number.map_or_else(|| "•".to_owned(), |number| number.to_string());
                format!("{number} {}", inner(&item.blocks))
            });
            format!("LIST({})", items.collect::<Vec<_>>().join("; "))
        }
    }
}

fn told_inline(inline: &Inline) -> String {
    match inline {
        Inline::Span(span) => told_span(span),
        Inline::Link { address, words } => {
            format!("LINK({}, {address})", words.iter().map(told_span).collect::<String>())
        }
    }
}

fn told_span(span: &Span) -> String {
    let Look { bold, italic, struck, code } = span.look;
    let looks = [(bold, 'B'), (italic, 'I'), (struck, 'S'), (code, 'C')];
    let looks: String = looks.iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect();
    if looks.is_empty() { span.text.clone() } else { format!("{looks}({})", span.text) }
}

#[track_caller]
fn stays(text: &str) {
    assert_eq!(told(text), text);
}

#[test]
fn each_mark_within_a_line_is_understood() {
    for (text, expected) in [
        ("a **b** c", "a B(b) c"),
        ("a __b__ c", "a B(b) c"),
        ("*b* and _c_", "I(b) and I(c)"),
        ("~~gone~~", "S(gone)"),
        ("run `ls *.rs` now", "run C(ls *.rs) now"),
        ("`` a`b ``", "C(a`b)"),
        ("(*b*), \"**c**\"!", "(I(b)), \"B(c)\"!"),
        ("これは**重要**です", "これはB(重要)です"),
    ] {
        assert_eq!(told(text), expected);
    }
}

#[test]
fn marks_can_be_within_each_other() {
    for (text, expected) in [
        ("***a** b*", "BI(a)I( b)"),
        ("**a _b ~~c~~_ `d`**", "B(a )BI(b )BIS(c)B( )BC(d)"),
        ("[see **this** `x`](https://a.b/c)", "LINK(see B(this) C(x), https://a.b/c)"),
        ("> **a\n> b** c", "QUOTE(B(a\nb) c)"),
        ("- a\n  - b\n    1. c\n  - d", "LIST(• a | LIST(• b | LIST(1 c); • d))"),
        ("- a\n  > b\n- c", "LIST(• a | QUOTE(b); • c)"),
        ("> - a\n> - *b*\n>\n> c", "QUOTE(LIST(• a; • I(b)) | c)"),
        ("1. a\n   ```\n   x\n     y\n   ```", "LIST(1 a | CODE(: x\n  y))"),
        ("> ```rust\n> x\n> ```", "QUOTE(CODE(rust: x))"),
    ] {
        assert_eq!(told(text), expected, "{text:?}");
    }
}

#[test]
fn blocks_stand_on_lines_of_their_own() {
    for (text, expected) in [
        ("```rust\nlet a = 1;\n\n  *b*\n```", "CODE(rust: let a = 1;\n\n  *b*)"),
        ("see\n~~~\na\n~~~\nthere", "see | CODE(: a) | there"),
        ("> a\n> b\n>\n> c", "QUOTE(a\nb\n\nc)"),
        ("> a\n> > b", "QUOTE(a | QUOTE(b))"),
        ("- a\n- b\n* c", "LIST(• a; • b) | LIST(• c)"),
        ("3. a\n5. b", "LIST(3 a; 5 b)"),
        ("Shopping:\n- milk\n- *eggs*\nThanks!", "Shopping: | LIST(• milk; • I(eggs)) | Thanks!"),
        ("- a\n\n- b", "LIST(• a; • b)"),
        ("- a\n\n  b", "LIST(• a\n\nb)"),
    ] {
        assert_eq!(told(text), expected, "{text:?}");
    }
}

#[test]
fn the_answer_below_a_quote_is_no_part_of_it() {
    assert_eq!(told("> you owe me\nno"), "QUOTE(you owe me) | no");
    assert_eq!(told("> a\nb\n> c\n\nd"), "QUOTE(a) | b | QUOTE(c) | \nd");
    assert_eq!(told("> a\n\n> b"), "QUOTE(a) |  | QUOTE(b)");
    assert_eq!(told("> ```\n> a\nb"), "QUOTE(```\na) | b");
    assert_eq!(told("- ```\n  a\n  ```\n> b\nc"), "LIST(• CODE(: a)) | QUOTE(b) | c");
    assert_eq!(told("```\n> a\nb\n```"), "CODE(: > a\nb)");
}

#[test]
fn newlines_and_spaces_stay_where_they_are() {
    for text in ["a\nb", "a\n\n\n  b  \n   c", "  a  \nb ", "\ta\tb", "a\n\n    set in\n", "\n a", "a\\\nb"] {
        stays(text);
    }
    assert_eq!(told("a  \n  **b**  \n c "), "a  \n  B(b)  \n c ");
    assert_eq!(told("a\n\n\n> b\n\n\nc"), "a\n\n | QUOTE(b) | \n\nc");
}

#[test]
fn what_people_write_without_meaning_marks_stays() {
    for text in [
        "snake_case_name, __init",
        "2*3*4 = 24, 2**3**4, a***b***c",
        "5 * 3 * 2",
        "a * alone, ** too",
        "about ~5~ or ~10",
        ">_<",
        ">:( and more\nlines",
        "-",
        "1.",
        ">",
        "- a\n-",
        "a > b < c & d",
        "¯\\_(ツ)_/¯",
        "C:\\_temp\\*",
        "https://a.b/_c_/*d*?e_f_g",
        "unclosed `code and **bold",
        "```\nno end",
        "```\n```",
        "``` ```",
        "`two\nlines`",
        "line\n-",
        "-5 degrees",
    ] {
        // What was nearly a list stands in a block of its own.
        assert_eq!(told(text).replace(" | ", "\n"), text);
    }
    assert_eq!(told("2026. What a year"), "LIST(2026 What a year)", "which looks the same");
}

#[test]
fn what_is_outside_the_subset_stays_as_it_was_written() {
    for text in [
        "# Heading *x*",
        "Heading\n===\nmore",
        "Heading\n---",
        "a | b\n--|--\n1 | 2",
        "![an image](https://a.b/c.png)",
        "[![an image](https://a.b/c.png)](javascript:x)",
        "<b>bold</b> <!-- *x* -->",
        "<div>\n*a*\n</div>",
        "a[^1]\n\n[^1]: note",
        "a\n***\nb",
        "[ref]\n\n[ref]: https://a.b",
        "[text][ref] [ref][]\n\n[ref]: https://a.b \"title\"\n[ref]: https://c.d",
        "&amp; &#65; \\* \\\\ \\`",
        "[a](https://a.b \"a title\")",
        "- [ ] task is a list",
    ] {
        let shown = told(text);
        let expected =
            text.strip_prefix("- ").map_or_else(|| text.to_owned(), |rest| format!("LIST(• {rest})"));
        assert_eq!(shown, expected);
    }
    assert_eq!(told("> # a\n> ![b](c)\n>\n> [d]: e"), "QUOTE(# a\n![b](c)\n\n[d]: e)");
    assert_eq!(told("> a\n> >_<"), "QUOTE(a\n>_<)");
    assert_eq!(told("> <div>\n> *x*\n> </div>\n> *y*"), "QUOTE(<div>\n*x*\n</div>\n*y*)");
}

#[test]
fn links_lead_where_they_say_or_are_no_links() {
    for (text, expected) in [
        ("[a](https://a.b/c?d=e&f#g)", "LINK(a, https://a.b/c?d=e&f#g)"),
        ("[a](HTTP://a.b)", "LINK(a, HTTP://a.b)"),
        ("[a](mailto:b@c.d)", "LINK(a, mailto:b@c.d)"),
        ("<https://a.b>", "LINK(https://a.b, https://a.b)"),
        ("<b@c.d>", "LINK(b@c.d, mailto:b@c.d)"),
        ("[a [b]](https://c.d/(e))", "LINK(a [b], https://c.d/(e))"),
    ] {
        assert_eq!(told(text), expected);
    }
    for text in [
        "[click](javascript:alert(1))",
        "[click](JavaScript:alert(1))",
        "[click](java&#115;cript:alert(1))",
        "[click](data:text/html,x)",
        "[click](file:///etc/passwd)",
        "[click](//a.b)",
        "[click](/a)",
        "[click](https:a)",
        "[click](https://)",
        "[click](<https://a.b c>)",
        "[click](https://a&#x1b;[31m)",
        "[click](https://a\\_b)",
        "[](https://a.b)",
        "[ ](https://a.b)",
        "<javascript:alert(1)>",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
    ] {
        stays(text);
    }
    let says = |text: &str| {
        let blocks = parse(text);
        let Some(Block::Text(line)) = blocks.first() else { panic!("{blocks:?}") };
        line[0].says_its_address()
    };
    assert!(says("<https://a.b>") && says("<b@c.d>") && says("[https://a.b](https://a.b)"));
    assert!(!says("[https://a.b](https://a.b.evil)") && !says("[a](https://a.b)"));
}

#[test]
fn escapes_for_terminals_and_for_the_reading_order_are_taken_away_before() {
    assert_eq!(told("**\u{1b}[31mred**"), "B(␛[31mred)");
    assert_eq!(told("`\u{1b}]0;x\u{7}`"), "C(␛]0;x␇)");
    assert_eq!(told("```\u{9b}\na\u{202e}b\n```"), "CODE(\u{fffd}: a\u{fffd}b)");
    assert_eq!(told("[a](https://b/\u{202e}c)"), "LINK(a, https://b/\u{fffd}c)");
    assert_eq!(told("**a\u{200b}**\u{ad}"), "B(a)");
    assert_eq!(told("> a\r\n> b\rc"), "QUOTE(a\nb␍c)");
    // Each part alone has few enough.
    let marks = "\u{301}".repeat(8);
    let pile = format!("a{marks} **{marks}**{marks} *{marks}*").replace(' ', "");
    stays(&pile);
}

#[test]
fn what_is_too_deep_stays_as_it_was_written() {
    let quotes = |depth: usize| format!("{}x", "> ".repeat(depth));
    let shown = told(&quotes(DEPTH));
    assert_eq!(shown.matches("QUOTE(").count(), DEPTH);
    let shown = told(&quotes(DEPTH + 3));
    assert_eq!(shown.matches("QUOTE(").count(), DEPTH);
    assert!(shown.contains("> > > x"), "{shown}");
    let list: String = (0..12).fold(String::new(), |mut list, depth| {
        let _ = writeln!(list, "{}- a", "  ".repeat(depth));
        list
    });
    assert_eq!(told(&list).matches("LIST(").count(), DEPTH);
    let marks = |depth: usize| format!("{}x{}", "*a _b ".repeat(depth), " c_ d*".repeat(depth));
    assert!(!told(&marks(DEPTH / 2)).contains(['*', '_']), "{}", told(&marks(DEPTH / 2)));
    assert!(told(&marks(DEPTH)).contains("*a _b x c_ d*"), "{}", told(&marks(DEPTH)));
}

/// Parses texts that are as long as a message can be. Each takes milliseconds; one whose time grew with its square would take many
/// seconds.
fn take_no_time(texts: impl IntoIterator<Item = String>) {
    let clock = SystemClock;
    for text in texts {
        let begun = clock.now();
        assert!(!parse(&text).is_empty());
        let took = clock.now().since(begun);
        let begins: String = text.chars().take(20).collect();
        assert!(took < Duration::from_secs(2), "{begins:?} takes {took:?}");
    }
}

const BYTES: usize = 64 * 1024;

#[test]
fn the_same_thing_again_and_again_takes_no_time_and_no_stack() {
    let pieces = "* _ ~ ` > [ ![ < ( *a a* **a. _a* [a]( [a](b) ``` ~~~ [a] &#1 \\* <a@b.c> <a <!-- :// https://a*_ a\u{301}* |- ] ]( ***a**b*";
    take_no_time(pieces.split(' ').map(|piece| piece.repeat(BYTES / piece.len())));
    let pieces = [
        "> ",
        "- ",
        "1. ",
        "**a ",
        "> a\n",
        "> a\nb\n",
        "- a\n",
        "- a\nb\n",
        "-\n",
        ">\n",
        "```\n",
        "```a\n> ",
        "~~~\n",
        "[a]: b\n",
        "[a]\n",
        "://a ",
        "[*a*](https://b) ",
        "\n\n> ",
        "  - \n",
        "\t",
        " \n",
        "a|b\n-|-\n",
        "*a* ",
        "`a` ",
    ];
    take_no_time(pieces.iter().map(|piece| piece.repeat(BYTES / piece.len())));
}

#[test]
fn things_within_each_other_take_no_time_and_no_stack() {
    let pairs = [
        ("*", "*"),
        ("**", "**"),
        ("[", "](https://a)"),
        ("*_", "_*"),
        ("~~", "~~"),
        ("*a _b ", " c_ d*"),
        ("[*", "*](https://a)"),
    ];
    take_no_time(pairs.iter().map(|(open, close)| {
        let half = BYTES / (open.len() + close.len());
        format!("{}x{}", open.repeat(half), close.repeat(half))
    }));
    let steps = [("- ", " "), ("- ", "- "), ("", ">"), ("", "> "), ("`", "`"), ("*", "_")];
    take_no_time(steps.iter().map(|(mark, step)| {
        (0..250).fold(String::new(), |mut text, depth| {
            let _ = writeln!(text, "{}{mark}a", step.repeat(depth));
            text
        })
    }));
}

fn marked_text() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b1",
        " ",
        "  ",
        "\n",
        "\n\n",
        "*",
        "**",
        "_",
        "~~",
        "~",
        "`",
        "```",
        "```\n",
        "> ",
        ">",
        "- ",
        "+ ",
        "* ",
        "1. ",
        "2) ",
        "[",
        "]",
        "](",
        "](https://a.b)",
        "](x)",
        ")",
        "(",
        "<",
        ">",
        "<b>",
        "<https://a.b>",
        "<!--",
        "-->",
        "![",
        "\\",
        "&amp;",
        "# ",
        "---",
        "===",
        "|",
        "[a]: b",
        "[a]: b\n",
        "[a]",
        "    ",
        "\t",
        "https://a",
        "\u{301}",
        "é",
        "日",
        "\"",
        "'",
        ":",
        "\r\n",
        "\u{1b}[m",
        "\u{202e}",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

fn depth(blocks: &[Block]) -> usize {
    let of = |block: &Block| match block {
        Block::Text(_) | Block::Code { .. } => 0,
        Block::Quote(blocks) => 1 + depth(blocks),
        Block::List(items) => 1 + items.iter().map(|item| depth(&item.blocks)).max().unwrap_or(0),
    };
    blocks.iter().map(of).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_letter_that_was_written_is_shown(text in marked_text()) {
        let blocks = parse(&text);
        let mut shown = String::new();
        tell(&blocks, &mut shown);
        prop_assert_eq!(letters(&shown), letters(&display::text(&text)), "{:?}", blocks);
    }

    #[test]
    fn nothing_harmful_comes_out(text in marked_text()) {
        let blocks = parse(&text);
        let mut shown = String::new();
        tell(&blocks, &mut shown);
        prop_assert_eq!(display::text(&shown).into_owned(), shown);
        prop_assert!(depth(&blocks) <= DEPTH);
    }

    #[test]
    fn text_without_marks_is_what_it_was(text in "[a-zA-Z0-9 ,;.?!'\n\u{e0}-\u{ff}]{0,80}") {
        let is_list = text.lines().any(|line| {
            line.trim_start().trim_start_matches(|digit: char| digit.is_ascii_digit()).starts_with('.')
        });
        if !text.is_empty() && !is_list {
            let span = Span { text: text.clone(), look: Look::default() };
            prop_assert_eq!(parse(&text), vec![Block::Text(vec![Inline::Span(span)])]);
        }
    }
}
