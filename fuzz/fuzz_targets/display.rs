//! Text of strangers, as it is shown: no control character comes out, and showing twice is showing once.
#![no_main]

use hushwire_content::display;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|untrusted: &str| {
    let line = display::line(untrusted);
    assert!(!line.chars().any(char::is_control));
    assert_eq!(display::line(&line), line);
    let text = display::text(untrusted);
    assert!(!text.chars().any(|shown| shown.is_control() && shown != '\n' && shown != '\t'));
    assert_eq!(display::text(&text), text);
});
