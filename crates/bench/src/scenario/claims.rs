//! KeyPackages, claimed as fast as they are given: what a large group costs that somebody makes, and what a flood would ask for.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use hushwire_wire::{RecipientKeys, Response};
use tokio::task::JoinSet;

use super::{Ground, per_second, percentiles};
use crate::line::Line;
use crate::meter::Meter;
use crate::people::Person;
use crate::table::Figure;

/// Whose KeyPackages each claims: below what one account may claim at once.
const EACH: usize = 100;
/// Claimants who are connected at the same time.
const AT_ONCE: usize = 50;

/// Everybody claims those of the people who come after them.
///
/// # Errors
/// A claim was refused.
pub fn claims(ground: &Ground, people: &[Person]) -> Result<Vec<Figure>> {
    let hushd = ground.start()?;
    let each = EACH.min(people.len().saturating_sub(1));
    let meter = Meter::start(&hushd)?;
    let begin = Instant::now();
    let times = ground.runtime.block_on(async {
        let mut times = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
        let mut claiming = JoinSet::new();
        for (index, person) in people.iter().enumerate() {
            let others = people.iter().cycle().skip(index + 1).take(each).cloned().collect();
            claiming.spawn(claim(hushd.address(), person.clone(), others));
            if claiming.len() >= AT_ONCE {
                times.add(claiming.join_next().await.context("nobody claims")???)?;
            }
        }
        while let Some(ended) = claiming.join_next().await {
            times.add(ended??)?;
        }
        Ok::<_, anyhow::Error>(times)
    })?;
    let elapsed = begin.elapsed();
    let usage = meter.read(&hushd)?;
    let what = format!("claims: KeyPackages, {} people with {each} claims each, durable", people.len());
    let mut figures = vec![Figure::new(what, per_second(times.len(), elapsed), "/s")];
    figures.extend(percentiles("answered", &times));
    figures.extend(usage.figures(times.len(), &ground.limits));
    Ok(figures)
}

async fn claim(address: SocketAddr, person: Person, others: Vec<Person>) -> Result<Histogram<u64>> {
    let mut times = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let Line { mut sink, mut source, .. } = Line::open(address, &person).await?;
    for other in others {
        let asked = Instant::now();
        sink.send(RecipientKeys { account_id: other.account, device_ids: Vec::new() }).await?;
        loop {
            let frame = source.next().await?;
            match frame.response {
                Response::ClaimedKeyPackages(_) => break,
                Response::Error(error) => bail!("a claim was refused: {:?}: {}", error.code, error.text),
                _ => {}
            }
        }
        times.saturating_record(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX).max(1));
    }
    Ok(times)
}
