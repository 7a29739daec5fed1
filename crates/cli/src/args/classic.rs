//! `hush classic`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// The original program's protocol (wire version 1), with a folder of its client as it stands.
#[derive(Debug, Args)]
pub struct Classic {
    /// The client's folder: me.info, two private keys, and server_public_key.pem, which whoever runs the server gives out.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// The server.
    #[arg(
        long,
        global = true,
        env = "HUSH_CLASSIC_SERVER",
        default_value = "127.0.0.1:8080",
        value_name = "HOST:PORT"
    )]
    pub server: String,
    /// Connect inside TLS, to the server with exactly this certificate (PEM).
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_certificate: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: ClassicCommand,
}

/// What can be done in the original's protocol.
#[derive(Debug, Subcommand)]
pub enum ClassicCommand {
    /// Make an account for a phone number, and new keys in the folder.
    Register {
        /// One to ten digits.
        phone: String,
        /// Leave the private keys without a password, as the original's client does.
        #[arg(long)]
        unprotected: bool,
        /// Read the code from standard input.
        #[arg(long)]
        code_stdin: bool,
    },
    /// See whether the server lets this account in.
    Login,
    /// Send a text.
    Send {
        /// The recipient's phone number.
        to: String,
        /// The text; standard input where it is left out.
        text: Option<String>,
    },
    /// Print what waits.
    Receive {
        /// Stay and print what comes; Ctrl-C ends.
        #[arg(long, short)]
        follow: bool,
    },
    /// A plain conversation, line by line.
    Chat {
        /// The other's phone number.
        with: String,
    },
    /// Encrypt the private keys with a password, or with another one.
    Protect,
}
