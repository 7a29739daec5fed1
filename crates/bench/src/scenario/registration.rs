//! Accounts, made over the network: TLS, hello, name, keys. What the new devices compute for themselves is done before.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use hushwire_identity::PublicKey;
use hushwire_wire::Response;
use tokio::task::JoinSet;

use super::{Ground, per_second, percentiles};
use crate::line::Greeted;
use crate::meter::Meter;
use crate::people::{Newcomer, Newcomers};
use crate::table::Figure;

/// Registrations that are under way at the same time.
const AT_ONCE: usize = 50;

/// As many accounts as the scale says.
///
/// # Errors
/// A registration was refused.
pub fn registration(ground: &Ground) -> Result<Vec<Figure>> {
    let mut newcomers = Newcomers::named('r');
    let prepared = super::people(ground.scale.registrations, || newcomers.another())?;
    let count = prepared.len();
    let hushd = ground.start()?;
    let meter = Meter::start(&hushd)?;
    let begin = Instant::now();
    let times = ground.runtime.block_on(async {
        let mut times = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
        let mut under_way = JoinSet::new();
        let mut ended = |took: u64| times.saturating_record(took.max(1));
        for newcomer in prepared {
            under_way.spawn(register(hushd.address(), newcomer));
            if under_way.len() >= AT_ONCE {
                ended(under_way.join_next().await.context("nobody registers")???);
            }
        }
        while let Some(last) = under_way.join_next().await {
            ended(last??);
        }
        Ok::<_, anyhow::Error>(times)
    })?;
    let elapsed = begin.elapsed();
    let usage = meter.read(&hushd)?;
    let what = format!("registration: {count} accounts over TLS, durable");
    let mut figures = vec![
        Figure::new(what, per_second(times.len(), elapsed), "/s")
            .beside("bare TLS handshakes", ground.limits.handshakes),
    ];
    figures.extend(percentiles("from the connection to the answer", &times));
    figures.extend(usage.figures(times.len(), &ground.limits));
    Ok(figures)
}

/// How many microseconds one took.
async fn register(address: SocketAddr, newcomer: Newcomer) -> Result<u64> {
    let begin = Instant::now();
    let Greeted { mut sink, mut source, welcomed, .. } = Greeted::open(address).await?;
    let server = PublicKey::from_bytes(&welcomed.server_key)?;
    sink.send(newcomer.register()).await?;
    let session = match source.next().await?.response {
        Response::Registration(session) => session.session_id,
        other => bail!("a registration was answered with {other:?}"),
    };
    sink.send(newcomer.keys(&server, session)?).await?;
    match source.next().await?.response {
        Response::KeysSet(_) => Ok(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX)),
        other => bail!("keys were answered with {other:?}"),
    }
}
