//! People who are there.

use anyhow::{Context, Result};
use hushwire_types::SendSeq;

use super::{Ground, per_second, percentiles};
use crate::load::{self, Plan, Shape};
use crate::meter::Meter;
use crate::people::Chat;
use crate::table::{Figure, Target};

/// Unanswered messages of each sender.
const IN_FLIGHT: u64 = 20;

/// Pairs write to each other as fast as they are answered, then at half of that.
///
/// # Errors
/// A message was refused or did not arrive.
pub fn online(ground: &Ground, pairs: &[Chat]) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let plan = |first, shape| Plan {
        sizes: ground.scale.sizes,
        ..Plan::new(first, shape, ground.warm_up(), ground.scale.time)
    };
    let meter = Meter::start(&hushd)?;
    let closed = plan(SendSeq(2), Shape::Closed { in_flight: IN_FLIGHT });
    let full = ground.runtime.block_on(load::run(hushd.address(), pairs, closed)).context("at full speed")?;
    let usage = meter.read(&hushd)?;
    let rate = per_second(full.accepted, full.elapsed);
    let what = format!("online: messages of {} pairs, {IN_FLIGHT} in flight, durable", pairs.len());
    let mut figures = vec![
        Figure::new(what, rate, "/s")
            .wanting(Target::AtLeast(50_000.0))
            .beside("bare SQLite", ground.limits.rows),
    ];
    figures.extend(percentiles("delivered", &full.latency));
    figures.extend(usage.figures(full.sent));

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate")]
    let half = (rate / 2.0).max(1.0) as u64;
    // Numbers go on where the first run ended: no sender wrote more than all of them together.
    let open = plan(SendSeq(2 + full.sent), Shape::Open { per_second: half });
    let meter = Meter::start(&hushd)?;
    let paced = ground.runtime.block_on(load::run(hushd.address(), pairs, open)).context("at half speed")?;
    let usage = meter.read(&hushd)?;
    let rate = per_second(paced.accepted, paced.elapsed);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    figures.push(
        Figure::new("online: at half of that, open loop", rate, "/s").beside("what was wanted", half as f64),
    );
    figures.extend(percentiles("delivered", &paced.latency).into_iter().map(|figure| {
        if figure.what.ends_with("p99") { figure.wanting(Target::AtMost(10.0)) } else { figure }
    }));
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    figures.push(Figure::new("  refused as too many at that moment", paced.busy as f64, "messages"));
    figures.extend(usage.figures(paced.sent));
    Ok(figures)
}

/// One of many writes; each delivery is acknowledged.
///
/// # Errors
/// A message was refused or did not arrive.
pub fn fan_out(ground: &Ground, group: &Chat) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let shape = Shape::Closed { in_flight: IN_FLIGHT };
    let plan = Plan {
        sizes: ground.scale.sizes,
        ..Plan::new(SendSeq(2), shape, ground.warm_up(), ground.scale.time)
    };
    let meter = Meter::start(&hushd)?;
    let groups = std::slice::from_ref(group);
    let run = ground.runtime.block_on(load::run(hushd.address(), groups, plan)).context("into a group")?;
    let usage = meter.read(&hushd)?;
    let what = format!("fan-out: deliveries in a group of {}, durable", group.receivers.len() + 1);
    let mut figures = vec![
        Figure::new(what, per_second(run.delivered, run.elapsed), "/s").wanting(Target::AtLeast(100_000.0)),
    ];
    figures.extend(percentiles("delivered", &run.latency));
    figures.extend(usage.figures(run.received));
    Ok(figures)
}
