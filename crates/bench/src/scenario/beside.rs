//! Other servers that people host, under the same load: see [`crate::xmpp`].

use anyhow::{Context, Result};
use hushwire_types::SendSeq;

use super::online::{IN_FLIGHT, plan};
use super::{Ground, per_second, percentiles};
use crate::load::{self, Plan, Shape};
use crate::meter::Meter;
use crate::people::Chat;
use crate::sizes::Sizes;
use crate::table::Figure;
use crate::{load::MESSAGE_BYTES, xmpp};

/// Pairs write messages of 1 KiB to each other, through hushd and then through each of the others that are installed.
///
/// # Errors
/// A message was refused or did not arrive.
pub fn beside(ground: &Ground, pairs: &[Chat]) -> Result<Vec<Figure>> {
    let mut figures = ours(ground, pairs)?;
    let plan = xmpp::Plan { pairs: pairs.len(), warm_up: ground.warm_up(), measured: ground.scale.time };
    figures.extend(xmpp::others(ground, plan));
    Ok(figures)
}

fn ours(ground: &Ground, pairs: &[Chat]) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let meter = Meter::start(&hushd)?;
    let closed = plan(ground, SendSeq(2), Shape::Closed { in_flight: IN_FLIGHT });
    let closed = Plan { sizes: Sizes::Fixed(MESSAGE_BYTES), ..closed };
    let run = ground.runtime.block_on(load::run(hushd.address(), pairs, closed)).context("through hushd")?;
    let usage = meter.read(&hushd)?;
    let what = format!("beside: hushd, {} pairs, 1 KiB, all synced", pairs.len());
    let mut figures = vec![Figure::new(what, per_second(run.accepted, run.elapsed), "/s")];
    figures.extend(percentiles("delivered", &run.latency));
    figures.extend(usage.figures(run.sent, &ground.limits));
    Ok(figures)
}
