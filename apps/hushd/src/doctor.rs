//! `hushd doctor`: one line for each thing that must be right.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, bail};
use hushwire_server::admin::{self, Ask};
use hushwire_server::config::{Config, Driver, Method};
use hushwire_server::{Premises, keys, tls};

use crate::args::Place;
use crate::out;
use crate::serve::configuration;

/// What was found.
enum Finding {
    Good(String),
    Bad(String),
}

/// Looks at everything, then fails if anything is bad.
pub(crate) fn examine(place: &Place) -> Result<()> {
    let config = configuration(place, &Config::default())?;
    let mut findings = vec![Finding::Good("the configuration can be read and holds together".to_owned())];
    findings.push(folder(&config.data_dir));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let running = runtime.block_on(admin::ask_running(&config.data_dir, &Ask::Invites));
    if config.data_dir.join(keys::FILE_NAME).exists() {
        findings.push(identity(&config));
    } else {
        findings
            .push(Finding::Good("the server has not been started yet: its identity is made then".to_owned()));
    }
    match running {
        Ok(Some(_)) => findings.push(Finding::Good("the server is running and answers".to_owned())),
        Ok(None) => findings.extend(stopped(&config)),
        Err(error) => findings.push(Finding::Bad(error)),
    }
    findings.extend(codes(&config));
    let mut bad = 0;
    for finding in &findings {
        match finding {
            Finding::Good(text) => out::line(format_args!("good: {text}")),
            Finding::Bad(text) => {
                bad += 1;
                out::line(format_args!("BAD:  {text}"));
            }
        }
    }
    if bad > 0 {
        bail!("{bad} of {} things are not right", findings.len());
    }
    Ok(())
}

fn folder(data_dir: &Path) -> Finding {
    match std::fs::metadata(data_dir) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            Finding::Bad(format!("{} can be read by other users: chmod 700 it", data_dir.display()))
        }
        Ok(_) => Finding::Good(format!("the data folder {} is private", data_dir.display())),
        Err(_) => {
            Finding::Good(format!("the data folder {} will be made at the first start", data_dir.display()))
        }
    }
}

fn identity(config: &Config) -> Finding {
    match keys::load_or_create(&config.data_dir, &hushwire_types::OsEntropy) {
        Ok(keys) => Finding::Good(format!("the server's fingerprint is {}", keys.identity.fingerprint())),
        Err(error) => Finding::Bad(error.to_string()),
    }
}

/// What can be looked at only while no server runs: the database, the certificate, the port.
fn stopped(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.data_dir.join(hushwire_server::run::DATABASE_NAME).exists() {
        findings.push(match Premises::open(config) {
            Ok(_) => Finding::Good("the database can be opened".to_owned()),
            Err(error) => Finding::Bad(error.to_string()),
        });
    }
    if config.tls.certificate.is_some() {
        findings.push(match tls::protection(&config.tls, &config.data_dir) {
            Ok(_) => Finding::Good("the certificate can be used".to_owned()),
            Err(error) => Finding::Bad(error.to_string()),
        });
    }
    findings.push(match TcpListener::bind(config.listen) {
        Ok(_) => Finding::Good(format!("{} can be listened on", config.listen)),
        Err(error) => Finding::Bad(format!("{} cannot be listened on: {error}", config.listen)),
    });
    findings
}

/// Whether codes can go out, as far as that shows without sending one.
fn codes(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (method, driver) in [(Method::Phone, &config.otp.phone), (Method::Email, &config.otp.email)] {
        if !config.registration.methods.contains(&method) {
            continue;
        }
        let missing = |path: &Path| !path.exists();
        findings.push(match driver {
            Driver::Console => {
                Finding::Bad(format!("{method:?}: codes go to the console, which is for trying things out"))
            }
            Driver::Webhook { key_file, .. } if missing(key_file) => {
                Finding::Bad(format!("{method:?}: the key file {} is missing", key_file.display()))
            }
            Driver::Smtp { password_file: Some(path), .. } if missing(path) => {
                Finding::Bad(format!("{method:?}: the password file {} is missing", path.display()))
            }
            Driver::Command { command }
                if command.first().is_none_or(|program| missing(Path::new(program))) =>
            {
                Finding::Bad(format!(
                    "{method:?}: the program to send codes with is missing (give its whole path)"
                ))
            }
            _ => Finding::Good(format!("{method:?}: codes have a way out")),
        });
    }
    findings
}
