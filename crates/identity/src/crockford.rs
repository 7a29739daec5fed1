//! Base32 for people (Crockford's alphabet: no I, L, O or U), read forgivingly.

/// The 32 symbols in the order of their values.
pub(crate) const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The symbol that a person means by `symbol`, in its one form; `None` where no symbol looks like it.
pub(crate) fn normal(symbol: char) -> Option<char> {
    let upper = symbol.to_ascii_uppercase();
    let meant = match upper {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.contains(meant).then_some(meant)
}

/// What people put between symbols, and what programs make of it.
pub(crate) fn is_separator(symbol: char) -> bool {
    symbol.is_whitespace() || matches!(symbol, '-' | '\u{2010}'..='\u{2015}' | '.' | '_')
}

/// `symbols` in groups of four with a hyphen between.
pub(crate) fn grouped(symbols: &str) -> String {
    let mut out = String::new();
    for (at, symbol) in symbols.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            out.push('-');
        }
        out.push(symbol);
    }
    out
}
