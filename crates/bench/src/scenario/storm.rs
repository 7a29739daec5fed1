//! After an outage everybody returns at once.

use anyhow::{Context, Result};
use hushwire_types::SendSeq;
use std::time::Duration;

use super::crowd::return_at_once;
use super::{Ground, per_second};
use crate::load::{self, Plan, Readers, Shape};
use crate::meter::Meter;
use crate::people::Chat;
use crate::table::{Figure, Target, milliseconds};

/// Messages a second of all groups together, while nobody is there.
const WRITTEN_PER_SECOND: u64 = 200;
/// How long they write.
const WRITING: Duration = Duration::from_secs(1);

/// Something is written into each group; then all its members come at the same moment and take it.
///
/// # Errors
/// A device did not get in, or not everything.
pub fn storm(ground: &Ground, groups: &[Chat]) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let shape = Shape::Open { per_second: WRITTEN_PER_SECOND };
    let plan = Plan {
        sizes: ground.scale.sizes,
        readers: Readers::Away,
        ..Plan::new(SendSeq(2), shape, Duration::ZERO, WRITING)
    };
    let written =
        ground.runtime.block_on(load::run(hushd.address(), groups, plan)).context("before the storm")?;
    drop(hushd);

    let hushd = ground.start()?;
    let devices = groups
        .iter()
        .zip(&written.accepted_by)
        .flat_map(|(group, count)| group.receivers.iter().map(move |receiver| (receiver.clone(), *count)));
    let devices: Vec<_> = devices.collect();
    let count = devices.len() as u64;
    let meter = Meter::start(&hushd)?;
    let storm = ground.runtime.block_on(return_at_once(hushd.address(), devices)).context("in the storm")?;
    let usage = meter.read(&hushd)?;
    let what = format!("storm: {count} devices back and caught up with {} messages", storm.messages);
    let mut figures = vec![
        Figure::new(what, storm.elapsed.as_secs_f64(), "s").wanting(Target::AtMost(10.0)),
        Figure::new("  devices", per_second(count, storm.elapsed), "/s")
            .beside("bare TLS handshakes", ground.limits.handshakes),
        Figure::new("  the device in the middle, from its connection", milliseconds(&storm.each, 50.0), "ms"),
        Figure::new("  the slowest device", milliseconds(&storm.each, 100.0), "ms"),
    ];
    figures.extend(usage.figures(count, &ground.limits));
    Ok(figures)
}
