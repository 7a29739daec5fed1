//! One layered configuration: defaults, then a TOML file, then `HUSHD_` environment variables, then flags.
//!
//! Every error names the source of the value that is wrong (the file, the environment, a flag), because the person
//! who reads it has three places to look in. Nothing here reads secrets: passwords and signing keys are named by
//! file, so that they are in no command line and in no environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::builder::DefaultState;
use config::{Config as Layers, ConfigBuilder, Environment, File, FileFormat};
use serde::{Deserialize, Serialize};

/// Everything that hushd can be told. `hushd init` writes it out with its defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the database, the server's identity and its certificate live.
    pub data_dir: PathBuf,
    /// The one port for clients.
    pub listen: SocketAddr,
    /// Host and port as clients reach it, for invite links; the listener's own where absent.
    pub public_address: Option<String>,
    /// Transport security.
    pub tls: Tls,
    /// Who may register.
    pub registration: Registration,
    /// How one-time codes go out.
    pub otp: Otp,
    /// Wire version 1, the original program's protocol.
    pub classic: Classic,
    /// Prometheus metrics.
    pub metrics: Metrics,
    /// What one server is willing to carry.
    pub limits: Limits,
    /// What is written about its work.
    pub log: Log,
}

/// Transport security.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Where the certificate comes from.
    pub mode: TlsMode,
    /// PEM file with the certificate chain, for `files`; the one that clients see, for `proxy`.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key, for `files`.
    pub key: Option<PathBuf>,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Made at first start; clients trust the server's pinned identity, not the certificate.
    SelfSigned,
    /// `certificate` and `key`.
    Files,
    /// A proxy in front ends TLS with `certificate`; hushd itself listens in clear on loopback (rule R6).
    Proxy,
    /// No TLS at all: only on loopback, for trying things out.
    Off,
}

/// Who may register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    /// Accepted ways in.
    pub methods: Vec<Method>,
}

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// An invite link.
    Invite,
    /// A phone number that receives a one-time code.
    Phone,
    /// An e-mail address that receives a one-time code.
    Email,
    /// Anybody.
    Open,
}

/// How one-time codes go out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Otp {
    /// To phone numbers.
    pub phone: Driver,
    /// To e-mail addresses.
    pub email: Driver,
}

/// One way for a one-time code to reach a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "lowercase", deny_unknown_fields)]
pub enum Driver {
    /// Nobody is sent anything: registrations that need a code are refused.
    #[default]
    None,
    /// Printed on the server's standard output, for trying things out.
    Console,
    /// Appended to a 0600 file, one JSON object a line.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A program that is given a JSON object on its standard input.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
    },
    /// An HTTPS POST whose body is signed.
    Webhook {
        /// Where to.
        url: String,
        /// File with the key of the HMAC-SHA-256 in `X-Hushwire-Signature`.
        key_file: PathBuf,
    },
    /// An e-mail.
    Smtp {
        /// The mail server's host name.
        host: String,
        /// Its port.
        #[serde(default = "default_smtp_port")]
        port: u16,
        /// How the connection is protected.
        #[serde(default)]
        security: SmtpSecurity,
        /// The sender's address.
        from: String,
        /// The account at the mail server, if it wants one.
        username: Option<String>,
        /// File with that account's password.
        password_file: Option<PathBuf>,
    },
}

const fn default_smtp_port() -> u16 {
    465
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// STARTTLS, required.
    Starttls,
    /// In clear: only to a mail server on loopback.
    None,
}

/// Wire version 1, the original program's protocol. Whoever can connect can say that they are anybody: it is off by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Classic {
    /// A listener of its own; none where absent.
    pub listen: Option<SocketAddr>,
    /// Inside TLS, with the certificate of `tls`. The original's client cannot do that.
    pub tls: bool,
    /// One-time codes are given to whoever asks for them, as the original does. On loopback only.
    pub insecure_otp_echo: bool,
}

/// Prometheus metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// A listener of its own, on loopback; none where absent.
    pub listen: Option<SocketAddr>,
}

/// What one server is willing to carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// Messages that one device may send each second, over long; twice as many at once. 0 for any number.
    pub messages_per_second: u32,
}

/// What is written about the server's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A `tracing` filter, for example `info` or `hushwire_server=debug`.
    pub filter: String,
    /// Lines for people or for machines.
    pub format: LogFormat,
}

/// Lines for people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("/var/lib/hushd"),
            listen: SocketAddr::from(([0, 0, 0, 0], 7900)),
            public_address: None,
            tls: Tls::default(),
            registration: Registration::default(),
            otp: Otp::default(),
            classic: Classic::default(),
            metrics: Metrics::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self { mode: TlsMode::SelfSigned, certificate: None, key: None }
    }
}

impl Default for Registration {
    fn default() -> Self {
        Self { methods: vec![Method::Invite] }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, connections_per_address: 100, messages_per_second: 1_000 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// Why the configuration cannot be used. The person corrects the named place and starts again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value of the wrong kind, an unknown key, or an unreadable file; the text names the source.
    #[error("the configuration in {source_name} cannot be read: {reason}")]
    Unreadable {
        /// The file, the environment or the flags.
        source_name: String,
        /// Which key, and what is wrong with it.
        reason: String,
    },
    /// Values that do not go together.
    #[error("the configuration does not hold together: {0}")]
    Contradiction(String),
}

/// What `hushd init` writes: every key with its default and a word on what it does.
pub const TEMPLATE: &str = include_str!("../hushd.toml");

/// What the command line said, above everything else: dotted keys and their values.
pub type Flags = Vec<(&'static str, String)>;

/// Reads the layers: `defaults` below, then `file`, then the environment, then `flags`.
///
/// # Errors
/// [`ConfigError`], which names the layer that is wrong.
pub fn load(
    defaults: &Config,
    file: Option<&Path>,
    environment: Option<std::collections::HashMap<String, String>>,
    flags: Flags,
) -> Result<Config, ConfigError> {
    // Each layer is read on top of those below before the next one comes: the first that cannot be read is to blame.
    let mut layers =
        Layers::builder().add_source(Layers::try_from(defaults).map_err(|e| blame("the defaults", &e))?);
    if let Some(path) = file {
        layers = layers.add_source(File::from(path).format(FileFormat::Toml).required(true));
        read(&layers).map_err(|error| blame(&path.display().to_string(), &error))?;
    }
    let variables = Environment::with_prefix("HUSHD")
        .prefix_separator("_")
        .separator("__")
        .try_parsing(true)
        .list_separator(",")
        .with_list_parse_key("registration.methods")
        .source(environment);
    layers = layers.add_source(variables);
    read(&layers).map_err(|error| blame("the environment (HUSHD_…)", &error))?;
    for (key, value) in flags {
        layers = layers.set_override(key, value).map_err(|error| blame("the flags", &error))?;
    }
    let config = read(&layers).map_err(|error| blame("the flags", &error))?;
    config.check()?;
    Ok(config)
}

fn read(layers: &ConfigBuilder<DefaultState>) -> Result<Config, config::ConfigError> {
    layers.build_cloned()?.try_deserialize()
}

fn blame(source: &str, error: &config::ConfigError) -> ConfigError {
    ConfigError::Unreadable { source_name: source.to_owned(), reason: error.to_string() }
}

impl Config {
    /// The defaults of `hushd dev`: loopback, and codes on the console.
    #[must_use]
    pub fn dev(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            listen: SocketAddr::from(([127, 0, 0, 1], 7900)),
            registration: Registration { methods: vec![Method::Invite, Method::Phone, Method::Email] },
            otp: Otp { phone: Driver::Console, email: Driver::Console },
            ..Self::default()
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let contradiction = |text: &str| Err(ConfigError::Contradiction(text.to_owned()));
        match self.tls.mode {
            TlsMode::Files if self.tls.certificate.is_none() || self.tls.key.is_none() => {
                return contradiction("tls.mode = \"files\" needs tls.certificate and tls.key");
            }
            TlsMode::Proxy if self.tls.certificate.is_none() => {
                return contradiction("tls.mode = \"proxy\" needs tls.certificate, the one that clients see");
            }
            TlsMode::Proxy | TlsMode::Off if !self.listen.ip().is_loopback() => {
                return contradiction(
                    "without TLS of its own hushd listens on loopback only: set listen to 127.0.0.1",
                );
            }
            _ => {}
        }
        self.check_classic()?;
        if self.metrics.listen.is_some_and(|address| !address.ip().is_loopback()) {
            return contradiction(
                "metrics.listen must be a loopback address: metrics are not for the network",
            );
        }
        for (method, driver, key) in
            [(Method::Phone, &self.otp.phone, "otp.phone"), (Method::Email, &self.otp.email, "otp.email")]
        {
            if self.registration.methods.contains(&method) && *driver == Driver::None {
                return contradiction(
                    &format!("registration by {method:?} needs a driver in {key}").to_lowercase(),
                );
            }
        }
        if matches!(self.otp.phone, Driver::Smtp { .. }) {
            return contradiction("otp.phone cannot be sent by the smtp driver");
        }
        if let Driver::Smtp { host, security: SmtpSecurity::None, .. } = &self.otp.email
            && !matches!(host.as_str(), "127.0.0.1" | "localhost" | "::1")
        {
            return contradiction("otp.email: security = \"none\" is for a mail server on loopback only");
        }
        Ok(())
    }

    fn check_classic(&self) -> Result<(), ConfigError> {
        let contradiction = |text: &str| Err(ConfigError::Contradiction(text.to_owned()));
        if self.classic.listen.is_none() && (self.classic.tls || self.classic.insecure_otp_echo) {
            return contradiction(
                "classic.tls and classic.insecure_otp_echo say how to listen for wire version 1: give --classic or classic.listen",
            );
        }
        let on_loopback = self.classic.listen.is_some_and(|address| address.ip().is_loopback());
        if self.classic.insecure_otp_echo && !on_loopback {
            return contradiction(
                "classic.insecure_otp_echo gives codes to whoever asks: classic.listen must be a loopback address",
            );
        }
        if self.classic.tls && matches!(self.tls.mode, TlsMode::Proxy | TlsMode::Off) {
            return contradiction(
                "classic.tls needs a certificate of hushd's own: tls.mode = \"self-signed\" or \"files\"",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn from(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hushd.toml");
        std::fs::write(&path, file).unwrap();
        let environment: HashMap<String, String> =
            environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        load(&Config::default(), Some(&path), Some(environment), flags).map_err(|error| error.to_string())
    }

    #[test]
    fn each_layer_covers_the_one_below() {
        let file = "listen = \"127.0.0.1:1\"\n[limits]\nconnections = 7\n";
        let config = from(file, &[], vec![]).unwrap();
        assert_eq!((config.listen.port(), config.limits.connections), (1, 7));
        let environment = [("HUSHD_LISTEN", "127.0.0.1:2"), ("HUSHD_LIMITS__CONNECTIONS", "8")];
        let config = from(file, &environment, vec![]).unwrap();
        assert_eq!((config.listen.port(), config.limits.connections), (2, 8));
        let config = from(file, &environment, vec![("listen", "127.0.0.1:3".to_owned())]).unwrap();
        assert_eq!((config.listen.port(), config.limits.connections), (3, 8));
        assert_eq!(config.limits.connections_per_address, Config::default().limits.connections_per_address);
    }

    #[test]
    fn an_error_names_its_source() {
        let error = from("listen = 7\n", &[], vec![]).unwrap_err();
        assert!(error.contains("hushd.toml") && error.contains("listen"), "{error}");
        let error = from("", &[("HUSHD_LISTEN", "nowhere")], vec![]).unwrap_err();
        assert!(error.contains("listen") && error.contains("environment"), "{error}");
        let error = from("lisen = \"127.0.0.1:1\"\n", &[], vec![]).unwrap_err();
        assert!(error.contains("lisen"), "{error}");
    }

    #[test]
    fn a_driver_reads_from_file_and_environment() {
        let file = "[registration]\nmethods = [\"phone\"]\n[otp.phone]\ndriver = \"command\"\ncommand = [\"/bin/sms\"]\n";
        let config = from(file, &[], vec![]).unwrap();
        assert_eq!(config.otp.phone, Driver::Command { command: vec!["/bin/sms".to_owned()] });
        let environment = [("HUSHD_REGISTRATION__METHODS", "invite,open")];
        assert_eq!(
            from(file, &environment, vec![]).unwrap().registration.methods,
            [Method::Invite, Method::Open]
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let cases = [
            "[tls]\nmode = \"files\"\n",
            "listen = \"0.0.0.0:7900\"\n[tls]\nmode = \"off\"\n",
            "[metrics]\nlisten = \"0.0.0.0:9\"\n",
            "[registration]\nmethods = [\"phone\"]\n",
            "[classic]\nlisten = \"0.0.0.0:8080\"\ninsecure_otp_echo = true\n",
            "[classic]\ninsecure_otp_echo = true\n",
            "[classic]\ntls = true\n",
            "listen = \"127.0.0.1:7900\"\n[tls]\nmode = \"off\"\n[classic]\nlisten = \"127.0.0.1:8080\"\ntls = true\n",
        ];
        for case in cases {
            let error = from(case, &[], vec![]).unwrap_err();
            assert!(error.contains("hold together"), "{case}: {error}");
        }
    }

    #[test]
    fn what_is_said_of_a_listener_that_is_off_names_its_flag() {
        for case in ["[classic]\ninsecure_otp_echo = true\n", "[classic]\ntls = true\n"] {
            let error = from(case, &[], vec![]).unwrap_err();
            assert!(error.contains("give --classic"), "{error}");
        }
    }

    #[test]
    fn the_template_holds_the_defaults() {
        assert_eq!(from(TEMPLATE, &[], vec![]).unwrap(), Config::default());
    }
}
