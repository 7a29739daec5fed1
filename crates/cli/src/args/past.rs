//! What can be said about the past: searching in it, writing it out, backing it up.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::PlaceArgs;

/// Search in all messages that are here.
#[derive(Debug, Args)]
pub struct Search {
    /// Beginnings of words, in any case and with any accents; a message has all of them.
    #[arg(required = true)]
    pub words: Vec<String>,
    /// Only the conversation with this person.
    #[arg(long, value_name = "PERSON", conflicts_with = "group")]
    pub with: Option<String>,
    /// Only this group, by name or id.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Only what this person wrote.
    #[arg(long, value_name = "PERSON")]
    pub from: Option<String>,
    /// Only what was written on this day or later: 2026-11-23, or a time, 2026-11-23T18:00:00Z.
    #[arg(long, value_name = "DATE")]
    pub after: Option<String>,
    /// Only what was written before this day or time.
    #[arg(long, value_name = "DATE")]
    pub before: Option<String>,
    /// How many, the latest first.
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
    /// Go on where an earlier search ended, which printed this.
    #[arg(long, value_name = "PLACE")]
    pub page: Option<i64>,
}

/// Write a conversation to a file.
#[derive(Debug, Args)]
pub struct Export {
    /// Which conversation.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// For whom.
    #[arg(long, value_enum, default_value_t = ExportFormat::Html)]
    pub format: ExportFormat,
    /// The file, which must not be there yet; - for standard output.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// For programs: everything that is known, receipts too.
    Json,
    /// Lines.
    Text,
    /// A page for any browser.
    Html,
}

/// What can be done with backups.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Write the history of this account to a file. A key that opens it is shown once.
    Create {
        /// The file, which must not be there yet.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Ask for a passphrase that opens it, instead of showing a key.
        #[arg(long)]
        passphrase: bool,
        /// Read that passphrase from this file; - for standard input.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        secret_file: Option<PathBuf>,
    },
    /// Add what is missing here of the history in a backup of this account.
    Restore {
        /// The file.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Read the backup's key or passphrase from this file instead of the terminal; - for standard input.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        secret_file: Option<PathBuf>,
    },
}
