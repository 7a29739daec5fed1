//! People who are away: what is written to them is stored, and taken when they come.

use anyhow::{Context, Result};
use hushwire_types::SendSeq;

use super::crowd::return_at_once;
use super::{Ground, per_second};
use crate::load::{self, Plan, Readers, Shape};
use crate::meter::Meter;
use crate::people::Chat;
use crate::table::{Figure, Target};

/// Unanswered messages of each sender.
const IN_FLIGHT: u64 = 5;

/// Stores, then drains.
///
/// # Errors
/// A message was refused, or did not come once and only once.
pub fn offline(ground: &Ground, pairs: &[Chat]) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let before = hushd.resident_bytes()?;
    let shape = Shape::Closed { in_flight: IN_FLIGHT };
    let plan = Plan {
        sizes: ground.scale.sizes,
        readers: Readers::Away,
        ..Plan::new(SendSeq(2), shape, ground.warm_up(), ground.scale.time)
    };
    let meter = Meter::start(&hushd)?;
    let stored =
        ground.runtime.block_on(load::run(hushd.address(), pairs, plan)).context("to people who are away")?;
    let usage = meter.read(&hushd)?;
    let what = format!("offline: messages of {} pairs stored, durable", pairs.len());
    let mut figures = vec![
        Figure::new(what, per_second(stored.accepted, stored.elapsed), "/s")
            .wanting(Target::AtLeast(40_000.0))
            .beside("bare SQLite", ground.limits.rows),
    ];
    figures.extend(usage.figures(stored.sent, &ground.limits));

    let devices = pairs
        .iter()
        .zip(&stored.accepted_by)
        .flat_map(|(pair, count)| pair.receivers.iter().map(move |receiver| (receiver.clone(), *count)));
    let meter = Meter::start(&hushd)?;
    let drained = ground.runtime.block_on(return_at_once(hushd.address(), devices.collect()));
    let drained = drained.context("fetching what was stored")?;
    let usage = meter.read(&hushd)?;
    let what = format!("offline: {} messages that waited, taken", drained.messages);
    figures.push(Figure::new(what, per_second(drained.messages, drained.elapsed), "/s"));
    figures.extend(usage.figures(drained.messages, &ground.limits));
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    figures.push(Figure::new("  memory before anything was stored", before as f64 / 1e6, "MB"));
    Ok(figures)
}
