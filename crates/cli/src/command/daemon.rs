//! `hush daemon`: keeps the profile open for scripts, bots and other commands.

use hushwire_client::{Client, Link};
use hushwire_rpc::method::{DaemonStatus, Status, Stop};
use hushwire_rpc::shape::Standing;
use hushwire_rpc::{Options, Profile, Remote};

use crate::args::Daemon;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::place;
use crate::run::Context;

pub(crate) async fn run(context: &Context, daemon: Daemon) -> Outcome {
    let folder = place::folder(&context.global)?;
    let running = Remote::find(&folder).await?;
    if daemon.status || daemon.stop {
        let running = running.ok_or_else(|| Failure::error("no daemon runs for this profile"))?;
        return if daemon.stop { stop(context, running).await } else { status(context, running).await };
    }
    if let Some(running) = running {
        return Err(runs_already(&running).await?);
    }
    let client = match context.open().await? {
        Profile::Here(desk) => desk.client,
        Profile::There(running) => return Err(runs_already(&running).await?),
    };
    let options = Options { folder, http: daemon.http, stdio: daemon.stdio };
    let daemon_runs = hushwire_rpc::Daemon::start(client, options).await?;
    let status = daemon_runs.status().await?;
    // Standard output may be a connection.
    if daemon.stdio {
        context.say.note(&words(&status));
    } else if context.say.data(&status, || words(&status)).is_err() {
        return Ok(Exit::Ok);
    }
    let client = daemon_runs.client().clone();
    tokio::select! {
        done = daemon_runs.run() => done?,
        () = watch(context, &client) => {}
    }
    Ok(Exit::Ok)
}

async fn runs_already(running: &Remote) -> Result<Failure, Failure> {
    let pid = running.call(Status {}).await?.pid;
    Ok(Failure::error(format!("a daemon of this profile runs already: process {pid}")))
}

/// Tells how the connection stands, for as long as the daemon runs.
async fn watch(context: &Context, client: &Client) {
    let mut link = client.link();
    drop(link.borrow_and_update());
    while link.changed().await.is_ok() {
        let stands = link.borrow_and_update().clone();
        match stands {
            Link::Offline { reason: Some(reason) } => {
                context.say.note(&format!("Offline: {reason}. Trying again…"));
            }
            Link::Ended { reason } => context.say.note(&format!("hush: {reason}")),
            Link::Live => {
                if let Some(skew) = client.clock_skew() {
                    context.tell_of_clock(&Standing::Live { clock: Some(skew.to_string()) });
                }
            }
            _ => {}
        }
    }
    // The profile is closed, and the daemon about to end.
    std::future::pending().await
}

async fn status(context: &Context, running: Remote) -> Outcome {
    let status = running.call(Status {}).await?;
    let _ = context.say.data(&status, || words(&status));
    Ok(Exit::Ok)
}

async fn stop(context: &Context, running: Remote) -> Outcome {
    let stopped = running.call(Stop {}).await?;
    {
        let _waiting = context.say.waiting("Waiting for its end…");
        // It closes its connections when it has closed the profile.
        running.closed().await;
    }
    let _ = context.say.data(&stopped, || format!("Process {} has ended.", stopped.stopping));
    Ok(Exit::Ok)
}

fn words(status: &DaemonStatus) -> String {
    let mut words = format!("Listening on {} (process {})", status.socket, status.pid);
    if let (Some(http), Some(token)) = (&status.http, &status.token_file) {
        words.push_str(&format!(
            "\nand on http://{http}/ and ws://{http}/ws, with the bearer token in {token}"
        ));
    }
    words
}
