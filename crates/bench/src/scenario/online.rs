//! People who are there.

use anyhow::{Context, Result};
use hushwire_types::SendSeq;

use super::{Ground, Pace, per_second, percentiles};
use crate::hushd::Hushd;
use crate::load::{self, Plan, Shape};
use crate::meter::Meter;
use crate::people::Chat;
use crate::table::{Figure, Target};

/// Unanswered messages of each sender.
pub(super) const IN_FLIGHT: u64 = 20;

/// Pairs write to each other as fast as they are answered, then in an open loop.
///
/// # Errors
/// A message was refused or did not arrive.
pub fn online(ground: &Ground, pairs: &[Chat]) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let meter = Meter::start(&hushd)?;
    let closed = plan(ground, SendSeq(2), Shape::Closed { in_flight: IN_FLIGHT });
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
    figures.extend(usage.figures(full.sent, &ground.limits));
    let pace = match ground.scale.paced {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate")]
        Pace::HalfOfFull => (rate / 2.0).max(1.0) as u64,
        Pace::PerSecond(count) => count,
    };
    // Numbers go on where the first run ended: no sender wrote more than all of them together.
    let open = plan(ground, SendSeq(2 + full.sent), Shape::Open { per_second: pace });
    figures.extend(paced(ground, &hushd, pairs, pace, open)?);
    Ok(figures)
}

/// At a rate, whatever the server does.
fn paced(ground: &Ground, hushd: &Hushd, pairs: &[Chat], pace: u64, open: Plan) -> Result<Vec<Figure>> {
    let meter = Meter::start(hushd)?;
    let run = ground.runtime.block_on(load::run(hushd.address(), pairs, open)).context("in an open loop")?;
    let usage = meter.read(hushd)?;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (wanted, busy) = (pace as f64, run.busy as f64);
    let what = format!("online: at {pace}/s, open loop");
    let mut figures = vec![
        Figure::new(what, per_second(run.accepted, run.elapsed), "/s").beside("what was wanted", wanted),
    ];
    figures.extend(percentiles("delivered", &run.latency).into_iter().map(|figure| {
        if figure.what.ends_with("p99") { figure.wanting(Target::AtMost(10.0)) } else { figure }
    }));
    figures.push(Figure::new("  refused as too many at that moment", busy, "messages"));
    figures.extend(usage.figures(run.sent, &ground.limits));
    Ok(figures)
}

/// One of many writes; each delivery is acknowledged.
///
/// # Errors
/// A message was refused or did not arrive.
pub fn fan_out(ground: &Ground, group: &Chat) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let plan = plan(ground, SendSeq(2), Shape::Closed { in_flight: IN_FLIGHT });
    let meter = Meter::start(&hushd)?;
    let groups = std::slice::from_ref(group);
    let run = ground.runtime.block_on(load::run(hushd.address(), groups, plan)).context("into a group")?;
    let usage = meter.read(&hushd)?;
    let what = format!("fan-out: deliveries in a group of {}, durable", group.receivers.len() + 1);
    let mut figures = vec![
        Figure::new(what, per_second(run.delivered, run.elapsed), "/s").wanting(Target::AtLeast(100_000.0)),
    ];
    figures.extend(percentiles("delivered", &run.latency));
    figures.extend(usage.figures(run.received, &ground.limits));
    Ok(figures)
}

pub(super) fn plan(ground: &Ground, first: SendSeq, shape: Shape) -> Plan {
    Plan { sizes: ground.scale.sizes, ..Plan::new(first, shape, ground.warm_up(), ground.scale.time) }
}
