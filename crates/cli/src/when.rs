//! Times, as people and programs read them.

use hushwire_types::Timestamp;
use jiff::tz::TimeZone;

fn instant(time: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(i64::try_from(time.as_ms()).ok()?).ok()
}

/// RFC 3339 in UTC, with milliseconds.
pub(crate) fn machine(time: Timestamp) -> String {
    instant(time).map_or_else(String::new, |time| time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// Day and time where this machine is.
pub(crate) fn person(time: Timestamp) -> String {
    let local = |time: jiff::Timestamp| {
        time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
    };
    instant(time).map_or_else(|| "?".to_owned(), local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_read_utc() {
        assert_eq!(machine(Timestamp::from_ms(1_700_000_000_123)), "2023-11-14T22:13:20.123Z");
    }
}
