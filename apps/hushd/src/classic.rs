//! `hushd classic`: the public key for the original's clients, and moving over from the original's server.

use std::path::Path;

use anyhow::{Context, Result, bail};
use hushwire_server::Premises;
use hushwire_server::classic::{self, Imported};
use hushwire_server::config::Config;
use hushwire_types::SecretBytes;

use crate::args::{Classic, Place};
use crate::out;
use crate::serve::configuration;

pub(crate) fn run(place: &Place, classic: Classic) -> Result<()> {
    let config = configuration(place, &Config::default())?;
    match classic {
        Classic::ExportPublicKey => export_public_key(&config),
        Classic::Import { database, key, password_file } => {
            import(&config, &database, &key, password_file.as_deref())
        }
    }
}

fn export_public_key(config: &Config) -> Result<()> {
    if !config.data_dir.exists() {
        bail!("there is no server in {}: say where with --data-dir or --config", config.data_dir.display());
    }
    let pem = classic::export_public_key(&config.data_dir)?;
    out::line(format_args!("{}", pem.trim_end()));
    Ok(())
}

fn import(config: &Config, database: &Path, key: &Path, password_file: Option<&Path>) -> Result<()> {
    let password = match password_file {
        None => None,
        Some(path) => {
            let mut text =
                std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            text.truncate(text.trim_ascii_end().len());
            Some(SecretBytes::new(text))
        }
    };
    let imported = Premises::open(config)?.import_classic(database, key, password.as_ref())?;
    let Imported { accounts, accounts_before, accounts_unusable, accounts_taken, .. } = imported;
    let Imported { messages, messages_before, messages_of_nobody, messages_refused, .. } = imported;
    out::line(format_args!(
        "Accounts: {accounts} imported, {accounts_before} here before, {accounts_unusable} never finished, \
         {accounts_taken} with other keys here"
    ));
    out::line(format_args!(
        "Messages: {messages} imported, {messages_before} here before, {messages_refused} not imported"
    ));
    if messages_of_nobody > 0 {
        out::line(format_args!(
            "Left out: {messages_of_nobody} messages whose sender or recipient has no account, so that nobody could verify \
             or read them"
        ));
    }
    if accounts_taken > 0 || messages_of_nobody > 0 || messages_refused > 0 {
        bail!("not everything was imported; keep the original's files");
    }
    Ok(())
}
