//! A Prosody or ejabberd process with a configuration and data of its own.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::hushd::{Cores, cpu_seconds, on, resident_bytes};

/// The name that both have for themselves.
pub(super) const DOMAIN: &str = "localhost";
/// The password of everybody.
pub(super) const PASSWORD: &str = "x";
/// How often it is looked whether one that was started listens.
const LOOK: Duration = Duration::from_millis(100);
/// After so many looks it is given up.
const LOOKS: u32 = 300;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Prosody, in Lua.
    Prosody,
    /// ejabberd, in Erlang.
    Ejabberd,
}

impl Program {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Prosody, Self::Ejabberd];

    /// Debian's package.
    #[must_use]
    pub const fn package(self) -> &'static str {
        match self {
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
        }
    }

    /// Whether it can be started here.
    #[must_use]
    pub fn is_installed(self) -> bool {
        match self {
            Self::Prosody => Path::new("/usr/bin/prosody").exists(),
            Self::Ejabberd => Path::new("/usr/bin/erl").exists() && erlang_libraries().is_some(),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prosody => "Prosody",
            Self::Ejabberd => "ejabberd",
        })
    }
}

/// Whether messages are kept for people who are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// Nothing is.
    Without,
    /// Each is written for both sides, and not synced.
    With,
}

impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Without => "nothing kept, nothing durable",
            Self::With => "archived, nothing synced",
        })
    }
}

/// A running server. It ends when this is dropped, and its data with it.
pub struct Host {
    child: Child,
    address: SocketAddr,
    _data: TempDir,
}

impl Host {
    /// Starts one in a folder of its own inside `folder`, at a port that was free a moment before, and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or does not listen.
    pub fn start(
        program: Program,
        archive: Archive,
        pairs: usize,
        folder: &Path,
        cores: Cores,
    ) -> Result<Self> {
        let data = tempfile::tempdir_in(folder)?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        certificate(data.path())?;
        let mut command = match program {
            Program::Prosody => prosody(data.path(), address, archive, pairs, cores)?,
            Program::Ejabberd => ejabberd(data.path(), address, archive, cores)?,
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir(data.path());
        let child = command.spawn().with_context(|| format!("{program} cannot be started"))?;
        let mut host = Self { child, address, _data: data };
        for _ in 0..LOOKS {
            if TcpStream::connect(address).is_ok() {
                return Ok(host);
            }
            if let Some(status) = host.child.try_wait()? {
                bail!("{program} ended before it listened ({status})");
            }
            std::thread::sleep(LOOK);
        }
        bail!("{program} does not listen at {address}")
    }

    /// Where it listens, with TLS from the first byte.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Seconds of processor time that it used.
    ///
    /// # Errors
    /// The system does not say.
    pub fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&format!("/proc/{}/stat", self.child.id()))
    }

    /// Bytes of memory that it holds.
    ///
    /// # Errors
    /// The system does not say.
    pub fn resident_bytes(&self) -> Result<u64> {
        resident_bytes(self.child.id())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a certificate and its key, apart and together.
fn certificate(folder: &Path) -> Result<()> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new([DOMAIN.to_owned()])?;
    // ejabberd fails at the end of time that is taken where nothing is said.
    parameters.not_after = rcgen::date_time_ymd(2049, 1, 1);
    let (certificate, key) = (parameters.self_signed(&key)?.pem(), key.serialize_pem());
    std::fs::write(folder.join("both.pem"), format!("{certificate}{key}"))?;
    std::fs::write(folder.join("certificate.pem"), certificate)?;
    Ok(std::fs::write(folder.join("key.pem"), key)?)
}

fn prosody(
    folder: &Path,
    address: SocketAddr,
    archive: Archive,
    pairs: usize,
    cores: Cores,
) -> Result<Command> {
    let accounts = folder.join("data").join(DOMAIN).join("accounts");
    std::fs::create_dir_all(&accounts)?;
    for name in super::talk::names(pairs) {
        std::fs::write(
            accounts.join(format!("{name}.dat")),
            format!("return {{ password = \"{PASSWORD}\" }};"),
        )?;
    }
    let (mam, place, port) =
        (if archive == Archive::With { "\"mam\";" } else { "" }, folder.display(), address.port());
    let text = format!(
        r#"run_as_root = true
pidfile = "{place}/pid"
data_path = "{place}/data"
modules_enabled = {{ "saslauth"; "tls"; "disco"; "offline"; {mam} }}
modules_disabled = {{ "s2s"; }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ }}
s2s_ports = {{ }}
c2s_direct_tls_ports = {{ {port} }}
authentication = "internal_plain"
storage = "internal"
default_archive_policy = true
limits = {{ }}
log = {{ error = "{place}/log" }}
ssl = {{ key = "{place}/key.pem"; certificate = "{place}/certificate.pem" }}
VirtualHost "{DOMAIN}"
"#
    );
    let configuration = folder.join("prosody.cfg.lua");
    std::fs::write(&configuration, text)?;
    let mut command = on(cores, Path::new("/usr/bin/prosody"));
    command.arg("-F").arg("--config").arg(configuration);
    Ok(command)
}

/// Without its own starter, which changes to a user of its own.
fn ejabberd(folder: &Path, address: SocketAddr, archive: Archive, cores: Cores) -> Result<Command> {
    let mam = if archive == Archive::With { "  mod_mam: { default: always }\n" } else { "" };
    let (place, port) = (folder.display(), address.port());
    let text = format!(
        r#"hosts: [{DOMAIN}]
loglevel: error
certfiles: ["{place}/both.pem"]
auth_method: [anonymous]
anonymous_protocol: login_anon
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    tls: true
    access: c2s
    shaper: none
    max_stanza_size: 262144
access_rules:
  c2s: {{ allow: all }}
modules:
  mod_offline: {{}}
{mam}"#
    );
    let configuration = folder.join("ejabberd.yml");
    std::fs::write(&configuration, text)?;
    let libraries = erlang_libraries().context("ejabberd's libraries are not where Debian puts them")?;
    let mut command = on(cores, Path::new("/usr/bin/erl"));
    command
        .args(["-noinput", "+K", "true", "-mnesia", "dir"])
        .arg(format!("\"{place}/spool\""))
        .args(["-s", "ejabberd"])
        .env("EJABBERD_CONFIG_PATH", configuration)
        .env("EJABBERD_LOG_PATH", folder.join("log"))
        .env("ERL_LIBS", libraries)
        .env("HOME", folder);
    Ok(command)
}

/// The folder that ejabberd's own library is in, as Debian has it.
fn erlang_libraries() -> Option<PathBuf> {
    let machines = std::fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok).map(|entry| entry.path());
    machines.into_iter().find(|machine| {
        let entries = std::fs::read_dir(machine).into_iter().flatten().filter_map(Result::ok);
        entries.into_iter().any(|entry| entry.path().join("ebin/ejabberd.beam").exists())
    })
}
