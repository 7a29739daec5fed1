//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueHint};

/// A messenger's server of your own. It cannot read what it carries.
#[derive(Debug, Parser)]
#[command(name = "hushd", version, propagate_version = true)]
pub(crate) struct Args {
    /// Which server.
    #[command(flatten)]
    pub(crate) place: Place,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it out: on this machine only, with an invite for any number of accounts and codes on the console.
    Dev {
        /// Connections in clear text, ws:// instead of wss://.
        #[arg(long)]
        plain: bool,
        /// Wire version 1.
        #[command(flatten)]
        classic: Listener,
    },
    /// Run the server.
    Serve {
        /// Wire version 1.
        #[command(flatten)]
        classic: Listener,
    },
    /// Write a configuration file with every key and its default.
    Init {
        /// The new file.
        #[arg(default_value = "hushd.toml", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Invites.
    Invite {
        /// What to do.
        #[command(subcommand)]
        invite: Invite,
    },
    /// Accounts.
    User {
        /// What to do.
        #[command(subcommand)]
        user: User,
    },
    /// What people report of each other.
    Report {
        /// What to do.
        #[command(subcommand)]
        report: Report,
    },
    /// Wire version 1, the original program's protocol.
    Classic {
        /// What to do.
        #[command(subcommand)]
        classic: Classic,
    },
    /// Look for what is wrong with configuration, files, certificate and database.
    Doctor,
    /// Copy the database, also while the server runs. The server's identity is a file of its own.
    Backup {
        /// The new file.
        #[arg(value_hint = ValueHint::FilePath)]
        to: PathBuf,
    },
}

/// Which server, and what of its configuration is said here.
#[derive(Debug, Clone, Default, Group)]
pub(crate) struct Place {
    /// The configuration file; /etc/hushd.toml where that exists.
    #[arg(long, global = true, env = "HUSHD_CONFIG", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Where the database, the server's identity and its certificate live; for dev, $XDG_DATA_HOME/hushd-dev by default.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data_dir: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, global = true, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// The listener for wire version 1.
#[derive(Debug, Clone, Default, Group)]
pub(crate) struct Listener {
    /// Also serve the original program's clients, at this address. Whoever reaches it can say that they are anybody.
    #[arg(long, value_name = "ADDR")]
    pub classic: Option<SocketAddr>,
    /// Serve them inside TLS, with the server's certificate. The original's own client cannot do that.
    #[arg(long)]
    pub classic_tls: bool,
    /// Give one-time codes to whoever asks for them, which the original's own client needs. On loopback only.
    #[arg(long)]
    pub insecure_otp_echo: bool,
}

/// Wire version 1.
#[derive(Debug, Subcommand)]
pub(crate) enum Classic {
    /// Print the server's public key, which clients keep as server_public_key.pem. Made where there is none yet.
    ExportPublicKey,
    /// Take over accounts, keys and waiting messages of the original's server. Again is without harm.
    Import {
        /// Its database, E2EE_clients.db.
        #[arg(value_hint = ValueHint::FilePath)]
        database: PathBuf,
        /// Its key, server_private_key.pem.
        #[arg(value_hint = ValueHint::FilePath)]
        key: PathBuf,
        /// Read the password of the key from this file.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        password_file: Option<PathBuf>,
    },
}

/// Invites.
#[derive(Debug, Subcommand)]
pub(crate) enum Invite {
    /// Make an invite and print its link. The link is shown this once.
    Create {
        /// How many accounts may join with it.
        #[arg(long, default_value_t = 1, conflicts_with = "unlimited", value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// Any number of accounts may join with it.
        #[arg(long)]
        unlimited: bool,
        /// How many days it is good for; 0 means for ever.
        #[arg(long, default_value_t = 7, value_name = "DAYS")]
        days: u64,
        /// A word on what it is for, for your list.
        #[arg(long)]
        label: Option<String>,
    },
    /// List invites.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// End an invite.
    Revoke {
        /// Its code, or the first four characters, which the list shows.
        which: String,
    },
}

/// Accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// List accounts.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Nobody logs in to an account and nobody sends to it until it is resumed.
    Suspend {
        /// A handle or an account id.
        who: String,
    },
    /// End a suspension.
    Resume {
        /// A handle or an account id.
        who: String,
    },
    /// Delete an account, with its queues and its handles. What its devices hold stays on them.
    Delete {
        /// A handle or an account id.
        who: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// What people report of each other. Each report is its reporter's word, and goes after 90 days.
#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// List reports, oldest first.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read one, with the messages that its reporter chose.
    Show {
        /// Its number in the list.
        id: u64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete one.
    Delete {
        /// Its number in the list.
        id: u64,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
