//! Times, as people and programs read them.

use std::borrow::Cow;
use std::fmt;

use hushwire_types::Timestamp;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, SpanRound, Unit};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time; its text, `Display` and JSON alike, is RFC 3339 in UTC, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl Time {
    /// Day and time where this machine is.
    #[must_use]
    pub fn local(self) -> String {
        let local = |time: jiff::Timestamp| {
            time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
        };
        self.instant().map_or_else(|| "?".to_owned(), local)
    }

    /// The day where this machine is, in words.
    #[must_use]
    pub fn day(self) -> String {
        let local = |time: jiff::Timestamp| {
            time.to_zoned_datetime(TimeZone::system()).strftime("%A, %-d %B %Y").to_string()
        };
        self.instant().map_or_else(|| "?".to_owned(), local)
    }

    /// A time as RFC 3339 has it, or the begin of a day where this machine is; none of what is neither or before 1970.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let instant = match text.parse::<jiff::Timestamp>() {
            Ok(instant) => instant,
            Err(_) => {
                let day: jiff::civil::Date = text.parse().ok()?;
                day.to_zoned_datetime(TimeZone::system()).ok()?.timestamp()
            }
        };
        u64::try_from(instant.as_millisecond()).ok().map(Timestamp::from_ms).map(Self)
    }

    /// Whether it is one that clocks show; the end of time is none.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.instant().is_some()
    }

    fn instant(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_millisecond(i64::try_from(self.0.as_ms()).ok()?).ok()
    }
}

/// How many whole seconds a length of time has, as people write it: `8h`, `30m`, `7d`, `1w 2d`; none of what is no such length.
#[must_use]
pub fn seconds(text: &str) -> Option<u64> {
    let span: Span = text.trim().parse().ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    u64::try_from(length.as_secs()).ok()
}

/// A length of time as [`seconds`] reads it.
#[must_use]
pub fn length(seconds: u32) -> String {
    let rounded = SpanRound::new().largest(Unit::Week).days_are_24_hours();
    match Span::new().seconds(seconds).round(rounded) {
        Ok(span) => format!("{span:#}"),
        Err(_) => format!("{seconds}s"),
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instant() {
            Some(time) => write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")),
            None => Ok(()),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        let ms = u64::try_from(time.as_millisecond()).map_err(D::Error::custom)?;
        Ok(Self(Timestamp::from_ms(ms)))
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 in UTC, with milliseconds.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_days_are_read() {
        assert_eq!(Time::read("2023-11-14T22:13:20.123Z"), Some(Time(Timestamp::from_ms(1_700_000_000_123))));
        assert_eq!(Time::read("2023-11-14").map(Time::local), Some("2023-11-14 00:00".to_owned()));
        for text in ["", "yesterday", "14.11.2023", "1969-12-31T00:00:00Z", "2023-13-01"] {
            assert_eq!(Time::read(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_are_written_as_they_are_read() {
        for (text, whole) in [("1w", 604_800), ("1d 12h", 129_600), ("30m", 1_800), ("5s", 5)] {
            assert_eq!((length(whole).as_str(), seconds(text)), (text, Some(u64::from(whole))));
        }
        for text in ["", "soon", "1month", "-5s"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn programs_read_utc_and_write_it_back() {
        let time = Time(Timestamp::from_ms(1_700_000_000_123));
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "\"2023-11-14T22:13:20.123Z\"");
        assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time);
    }
}
