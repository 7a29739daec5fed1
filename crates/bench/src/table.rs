//! Figures with their targets and limits, as a table for people and as JSON for scripts.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// One figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What is wanted; none for the machine's own limits and for context.
    pub target: Option<Target>,
    /// What the same machine does without ours in it, in the same unit, where that can be said.
    pub limit: Option<(String, f64)>,
}

/// What is wanted of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl Figure {
    /// A figure without target and limit.
    #[must_use]
    pub fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { what: what.into(), value, unit, target: None, limit: None }
    }

    /// With what is wanted.
    #[must_use]
    pub fn wanting(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// With what the machine does.
    #[must_use]
    pub fn beside(self, what: impl Into<String>, value: f64) -> Self {
        Self { limit: Some((what.into(), value)), ..self }
    }

    /// A line of the table.
    #[must_use]
    pub fn line(&self) -> String {
        let target = match self.target {
            None => String::new(),
            Some(target) => {
                let (sign, wanted) = match target {
                    Target::AtLeast(least) => ("≥", least),
                    Target::AtMost(most) => ("≤", most),
                };
                let verdict = if target.is_met(self.value) { "met" } else { "MISSED" };
                format!("{sign} {} {verdict}", number(wanted))
            }
        };
        let limit = self.limit.as_ref().map_or_else(String::new, |(what, limit)| {
            format!("{:.0} % of {what} ({})", 100.0 * self.value / limit, number(*limit))
        });
        let value = format!("{} {}", number(self.value), self.unit);
        format!("{:<58} {value:>18}  {target:<18}  {limit}", self.what).trim_end().to_owned()
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let target = self.target.map(|target| match target {
            Target::AtLeast(least) => json!({ "at_least": least, "met": target.is_met(self.value) }),
            Target::AtMost(most) => json!({ "at_most": most, "met": target.is_met(self.value) }),
        });
        let limit = self.limit.as_ref().map(|(what, value)| json!({ "what": what, "value": value }));
        json!({ "what": self.what, "value": self.value, "unit": self.unit, "target": target, "limit": limit })
    }
}

/// A percentile of times in microseconds, in milliseconds.
#[must_use]
pub fn milliseconds(times: &Histogram<u64>, at: f64) -> f64 {
    let micros = u32::try_from(times.value_at_percentile(at)).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

fn number(value: f64) -> String {
    if value >= 1000.0 {
        let whole = format!("{value:.0}");
        let mut out = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        out
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_value_target_and_share_of_the_limit() {
        let figure = Figure::new("messages", 31_234.0, "/s")
            .wanting(Target::AtLeast(30_000.0))
            .beside("bare TLS", 62_468.0);
        let line = figure.line();
        for part in ["31,234 /s", "≥ 30,000 met", "50 % of bare TLS (62,468)"] {
            assert!(line.contains(part), "{line}");
        }
        let missed = Figure::new("memory", 26.5, "MB").wanting(Target::AtMost(25.0)).line();
        assert!(missed.contains("26.5 MB") && missed.contains("≤ 25.0 MISSED"), "{missed}");
    }
}
