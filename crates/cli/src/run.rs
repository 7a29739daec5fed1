//! One run of hush.

use std::cell::Cell;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hushwire_client::{Client, Link};
use hushwire_rpc::Profile;
use hushwire_rpc::shape::Standing;

use crate::args::{Cli, Command, Global, RpcCommand};
use crate::command;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::place;
use crate::say::Say;

/// How long threads may take to end; those that are idle need no time.
const FAREWELL: Duration = Duration::from_secs(1);

/// What every command is given.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) say: Say,
    told_of_clock: Cell<bool>,
}

impl Context {
    /// How long to wait for the server.
    pub(crate) const fn patience(&self) -> Duration {
        Duration::from_secs(self.global.timeout)
    }

    /// How long methods wait for the server.
    pub(crate) const fn timeout_s(&self) -> Option<u64> {
        Some(self.global.timeout)
    }

    /// Does something with the profile, through its daemon where one runs.
    pub(crate) async fn with_profile(&self, what: impl AsyncFnOnce(&Profile) -> Outcome) -> Outcome {
        let profile = match Profile::find(&place::folder(&self.global)?).await? {
            Some(profile) => profile,
            None => self.open().await?,
        };
        let done = what(&profile).await;
        if let Profile::Here(desk) = profile {
            self.close(desk.client).await;
        }
        done
    }

    /// Opens the profile in this process and begins to connect, unless a daemon was quicker.
    pub(crate) async fn open(&self) -> Result<Profile, Failure> {
        let place = place::existing(&self.global)?;
        let _waiting = self.say.waiting("Opening the profile…");
        Profile::open(&place).await
    }

    /// Says once if a clock is wrong.
    pub(crate) fn tell_of_clock(&self, standing: &Standing) {
        if let Standing::Live { clock: Some(skew) } = standing {
            self.tell_of_skew(skew);
        }
    }

    fn tell_of_skew(&self, skew: &dyn std::fmt::Display) {
        if !self.told_of_clock.replace(true) {
            self.say.note(&format!("hush: {skew}"));
        }
    }

    /// Ends a command that may have been online.
    pub(crate) async fn close(&self, client: Client) {
        if let Some(skew) = client.clock_skew() {
            self.tell_of_skew(&skew);
        }
        client.close().await;
    }

    /// Waits until all that the server had has come.
    pub(crate) async fn caught_up(&self, client: &Client) -> Link {
        let _waiting = self.say.waiting("Waiting for the server…");
        client.caught_up(self.patience()).await
    }
}

/// Runs hush with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    log_to_stderr();
    let context = Context { say: Say::new(&global), global, told_of_clock: Cell::new(false) };
    let exit = match carry_out(&context, command) {
        Ok(exit) => exit,
        Err(failure) => {
            Say::warn(&failure.sentence);
            failure.kind.into()
        }
    };
    exit.into()
}

fn carry_out(context: &Context, command: Command) -> Outcome {
    let command = match command {
        Command::Completions { shell } => return Ok(command::paper::completions(shell)),
        Command::Manual => return command::paper::manual(),
        Command::Rpc { command: RpcCommand::Schema } => return Ok(command::rpc::schema(context)),
        Command::Classic(classic) => return command::classic::run(context, &classic),
        command => command,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::error(format!("hush cannot start: {error}")))?;
    let exit = runtime.block_on(async {
        match command {
            Command::Join(join) => command::join::run(context, join).await,
            Command::Link(link) => command::link::run(context, link).await,
            Command::Recover(recover) => command::recover::run(context, recover).await,
            Command::Device { command } => command::device::run(context, command).await,
            Command::Send(send) => command::send::run(context, send).await,
            Command::Message { command } => command::message::run(context, command).await,
            Command::Receive(receive) => command::receive::run(context, receive).await,
            Command::Chat(chat) => command::chat::run(context, chat).await,
            Command::Group { command } => command::group::run(context, command).await,
            Command::Poll { command } => command::message::poll(context, command).await,
            Command::Conversations(wanted) => command::conversation::list(context, wanted).await,
            Command::Conversation { command } => command::conversation::run(context, command).await,
            Command::Request { command } => command::conversation::requests(context, command).await,
            Command::Contact { command } => command::list::contact(context, command).await,
            Command::Settings(settings) => command::list::settings(context, settings).await,
            Command::Contacts => command::list::contacts(context).await,
            Command::Whoami => command::list::whoami(context).await,
            Command::Handles(handles) => command::handles::run(context, handles).await,
            Command::Verify(verify) => command::verify::run(context, verify).await,
            Command::History(history) => command::history::run(context, history).await,
            Command::Daemon(daemon) => command::daemon::run(context, daemon).await,
            Command::Rpc { command } => command::rpc::run(context, command).await,
            Command::Search(search) => command::search::run(context, search).await,
            Command::Export(export) => command::export::run(context, export).await,
            Command::Backup { command } => command::backup::run(context, command).await,
            Command::Completions { .. } | Command::Manual | Command::Classic(_) => Ok(Exit::Ok),
        }
    });
    // The runtime's threads end before the process does: OpenSSL, inside the database, frees what is each thread's when
    // the thread ends, and everything when the process does, and the two must not meet. One that still waits for the
    // terminal has freed nothing yet and does not hold the program.
    runtime.shutdown_timeout(FAREWELL);
    exit
}

/// Only where `HUSH_LOG` asks for it: hush talks to people, not to log files.
fn log_to_stderr() {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("HUSH_LOG") {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}
