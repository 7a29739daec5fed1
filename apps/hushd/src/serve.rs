//! `hushd serve` and `hushd dev`.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hushwire_identity::InviteCode;
use hushwire_server::Server;
use hushwire_server::admin::{Ask, Reply};
use hushwire_server::config::{self, Config, Log, LogFormat, TlsMode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Listener, Place};

/// File in the data folder that keeps the invite of `hushd dev` between its starts.
const DEV_INVITE: &str = "dev-invite";

/// The configuration of a place.
pub(crate) fn configuration(place: &Place, defaults: &Config) -> Result<Config> {
    with_classic(place, defaults, &Listener::default())
}

fn with_classic(place: &Place, defaults: &Config, classic: &Listener) -> Result<Config> {
    let system = Path::new("/etc/hushd.toml");
    let file = place.config.as_deref().or_else(|| system.exists().then_some(system));
    let mut flags = Vec::new();
    if let Some(data_dir) = &place.data_dir {
        flags.push(("data_dir", data_dir.display().to_string()));
    }
    if let Some(listen) = place.listen {
        flags.push(("listen", listen.to_string()));
    }
    if let Some(listen) = classic.classic {
        flags.push(("classic.listen", listen.to_string()));
    }
    for (key, is_set) in
        [("classic.tls", classic.classic_tls), ("classic.insecure_otp_echo", classic.insecure_otp_echo)]
    {
        if is_set {
            flags.push((key, "true".to_owned()));
        }
    }
    Ok(config::load(defaults, file, None, flags)?)
}

/// `hushd serve`.
pub(crate) fn serve(place: &Place, classic: &Listener) -> Result<()> {
    let config = with_classic(place, &Config::default(), classic)?;
    run(&config, |server| {
        let (address, classic) = (address(&config, server), classic_line(&config, server));
        Ok(format!("Listening on {address}\n{classic}Link: {}\n", server.link(None)))
    })
}

/// `hushd dev`.
pub(crate) fn dev(place: &Place, plain: bool, classic: &Listener) -> Result<()> {
    let mut config = with_classic(place, &Config::dev(dev_folder()?), classic)?;
    let addresses = [Some(config.listen), config.classic.listen];
    if !addresses.iter().flatten().all(|address| address.ip().is_loopback()) {
        bail!(
            "hushd dev listens on this machine only; for others, write a configuration (hushd init) and run hushd serve"
        );
    }
    if plain && config.classic.tls {
        bail!("--classic-tls needs the certificate that --plain leaves out");
    }
    if plain {
        config.tls.mode = TlsMode::Off;
    }
    run(&config, |server| {
        let code = dev_invite(&config.data_dir, server)?;
        Ok(format!(
            "Listening on {}\n{}Invite (any number of accounts): {}\nData: {}\n",
            address(&config, server),
            classic_line(&config, server),
            server.link(Some(&code)),
            config.data_dir.display()
        ))
    })
}

fn address(config: &Config, server: &Server) -> String {
    let scheme = if config.tls.mode == TlsMode::Off { "ws" } else { "wss" };
    format!("{scheme}://{}", server.address())
}

fn classic_line(config: &Config, server: &Server) -> String {
    let Some(address) = server.classic_address() else { return String::new() };
    let inside = if config.classic.tls { " inside TLS" } else { "" };
    format!("Listening on {address} for wire version 1{inside}\n")
}

fn dev_folder() -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = from("XDG_DATA_HOME").or_else(|| from("HOME").map(|home| home.join(".local/share")));
    let data = data.context("there is no home folder: say where to keep data with --data-dir")?;
    Ok(data.join("hushd-dev"))
}

/// The invite of the last start, as long as it is good, else a new one.
fn dev_invite(data_dir: &Path, server: &Server) -> Result<InviteCode> {
    let path = data_dir.join(DEV_INVITE);
    if let Some(code) = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
        return Ok(code);
    }
    let ask = Ask::CreateInvite { uses: None, lives_for_s: None, label: Some("hushd dev".to_owned()) };
    let code = match server.ask(ask) {
        Reply::Invite { code } => code,
        Reply::Failed { error } => bail!("{error}"),
        _ => bail!("the server made no invite"),
    };
    let write = || {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        writeln!(file, "{code}")
    };
    write().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(code.parse()?)
}

/// Runs a server until it is told to stop; `started` gives what is printed once it listens.
fn run(config: &Config, started: impl FnOnce(&Server) -> Result<String>) -> Result<()> {
    log_to_stderr(&config.log)?;
    make_room_for_connections(config.limits.connections);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anybody is told that it runs: who reads that may stop it at once.
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let server = Server::start(config).await?;
        let words = started(&server)?;
        // A server outlives whoever read its first lines.
        let mut out = std::io::stdout();
        let _ = out.write_all(words.as_bytes()).and_then(|()| out.flush());
        // Without systemd there is nobody to notify.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        server.stop().await;
        Ok(())
    })
}

/// Each connection is an open file, and systems allow few of them until a program asks for more.
fn make_room_for_connections(connections: usize) {
    /// The database, listeners, bodies under way.
    const OTHERS: u64 = 256;
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    // No limit is a `None`.
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return };
    let room = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(room), maximum: limit.maximum }).is_ok();
    let room = if raised { room } else { current };
    if room < wanted {
        tracing::warn!(
            "only {room} files may be open: limits.connections is {connections}, and some of these will be refused; \
             raise the limit (systemd: LimitNOFILE={wanted})"
        );
    }
}

fn log_to_stderr(log: &Log) -> Result<()> {
    let filter = log.filter.parse::<tracing_subscriber::EnvFilter>().context("log.filter cannot be read")?;
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
