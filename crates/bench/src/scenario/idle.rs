//! Connections that do nothing.

use std::time::Duration;

use anyhow::Result;

use super::Ground;
use crate::line::Line;
use crate::people::Person;
use crate::table::{Figure, Target};

/// What a server holds that does nothing, and what each connection adds.
///
/// # Errors
/// A login was refused.
pub fn idle(ground: &Ground, people: &[Person]) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let second = || ground.runtime.block_on(async { tokio::time::sleep(Duration::from_secs(1)).await });
    second();
    let at_rest = hushd.resident_bytes()?;
    let lines = ground.runtime.block_on(async {
        let mut lines = Vec::new();
        for person in people {
            lines.push(Line::open(hushd.address(), person).await?);
        }
        Ok::<_, anyhow::Error>(lines)
    })?;
    second();
    let connected = hushd.resident_bytes()?;
    drop(lines);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (at_rest, grown, count) =
        (at_rest as f64, connected.saturating_sub(at_rest) as f64, people.len().max(1) as f64);
    Ok(vec![
        Figure::new("idle: hushd at rest, resident", at_rest / 1e6, "MB").wanting(Target::AtMost(25.0)),
        Figure::new(format!("idle: each of {} TLS connections", people.len()), grown / count / 1024.0, "KiB")
            .wanting(Target::AtMost(18.0)),
    ])
}
