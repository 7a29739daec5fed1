//! What can be said about accounts: made, linked, recovered, their devices and handles, and whom to trust.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::Switch;

/// Make an account on a server.
#[derive(Debug, Args)]
pub struct Join {
    /// The invite link, hush://host:port/i/CODE#FINGERPRINT, or the server's link without a code.
    pub link: String,
    /// The username you would like, without the at sign.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Register with this phone number (E.164); the server sends it a code.
    #[arg(long, value_name = "+NUMBER", conflicts_with = "email")]
    pub phone: Option<String>,
    /// Register with this e-mail address; the server sends it a code.
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Read the code that the server sent from standard input instead of the terminal.
    #[arg(long)]
    pub code_stdin: bool,
    /// How this device's database is locked.
    #[arg(long, value_enum, default_value_t = Lock::Auto)]
    pub lock: Lock,
    /// Connect in clear text; possible on this machine only.
    #[arg(long, hide = true)]
    pub plain: bool,
}

/// Make this a new device of an account that you have.
#[derive(Debug, Args)]
pub struct Link {
    /// The server's link, hush://host:port#FINGERPRINT; an invite's link will do.
    pub link: String,
    /// Begin without the past. `hush device history` gets it later.
    #[arg(long)]
    pub no_history: bool,
    /// What this device is called; the machine's name by default.
    #[arg(long, value_name = "NAME")]
    pub device_name: Option<String>,
    /// How this device's database is locked.
    #[arg(long, value_enum, default_value_t = Lock::Auto)]
    pub lock: Lock,
    /// Connect in clear text; possible on this machine only.
    #[arg(long, hide = true)]
    pub plain: bool,
}

/// All devices lost: make this a new device of your account with its recovery key.
#[derive(Debug, Args)]
pub struct Recover {
    /// The server's link, hush://host:port#FINGERPRINT; an invite's link will do.
    pub link: String,
    /// A handle of your account: @name, a phone number or an e-mail address.
    pub handle: String,
    /// Read the recovery key from this file instead of the terminal; - for standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,
    /// Bring the history back too, from this backup of your account.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub backup: Option<PathBuf>,
    /// Read the backup's key or passphrase from this file instead of the terminal.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "backup")]
    pub secret_file: Option<PathBuf>,
    /// What this device is called; the machine's name by default.
    #[arg(long, value_name = "NAME")]
    pub device_name: Option<String>,
    /// How this device's database is locked.
    #[arg(long, value_enum, default_value_t = Lock::Auto)]
    pub lock: Lock,
    /// Connect in clear text; possible on this machine only.
    #[arg(long, hide = true)]
    pub plain: bool,
}

/// What can be done with one's devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// List them.
    List,
    /// Let in the device that shows this code.
    Approve {
        /// The code, or the text that the QR code holds.
        code: String,
        /// Do not stay until the new device has the past; it gets it later, while a device of yours is online.
        #[arg(long)]
        no_wait: bool,
    },
    /// Get what is not here of the past from another device of yours, while both are online.
    History {
        /// From this one, by its name or the beginning of its id; whichever answers first otherwise.
        #[arg(long, value_name = "DEVICE")]
        from: Option<String>,
    },
    /// Call one otherwise.
    Rename {
        /// Its name or the beginning of its id.
        device: String,
        /// The new name, at most 64 bytes.
        name: String,
    },
    /// Put one out for ever: it is logged out at once and reads nothing more.
    Revoke {
        /// Its name or the beginning of its id.
        device: String,
    },
}

/// How a device's database is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Lock {
    /// The passphrase where one is given, else the system's keyring, else a key file.
    Auto,
    /// A passphrase, asked for or read from --passphrase-file.
    Passphrase,
    /// A random key in the system's keyring.
    Keyring,
    /// A random key in a file that only you can read. It protects against other users of this machine only.
    KeyFile,
}

/// Show your handles and who claims one of them; allow or refuse that.
#[derive(Debug, Args)]
pub struct Handles {
    /// What to do; without it, the list.
    #[command(subcommand)]
    pub action: Option<HandlesAction>,
}

/// What to do about a claim.
#[derive(Debug, Subcommand)]
pub enum HandlesAction {
    /// List your handles and the claims to them.
    List,
    /// Let the account that claims a handle have it; yours goes on without it.
    Allow(Claim),
    /// Keep a handle that somebody claims.
    Refuse(Claim),
}

/// Which claim is meant.
#[derive(Debug, Args)]
pub struct Claim {
    /// Your phone number or e-mail address that is claimed.
    pub handle: String,
    /// Whose claim is meant, where several accounts claim it: the account's code in the list, or its id.
    #[arg(long, value_name = "CODE")]
    pub account: Option<String>,
}

/// Show or confirm a contact's safety number.
#[derive(Debug, Args)]
pub struct Verify {
    /// Whose.
    pub who: String,
    /// The number is the same on both devices: trust this account from now on.
    #[arg(long, conflicts_with = "forget")]
    pub confirm: bool,
    /// Take the confirmation back.
    #[arg(long)]
    pub forget: bool,
    /// The handle belongs to another account now, and that is right: go on with the new one.
    #[arg(long, conflicts_with_all = ["confirm", "forget"])]
    pub accept_change: bool,
    /// The handle belongs to another account now, and that is wrong: stay with the one known here.
    #[arg(long, conflicts_with_all = ["confirm", "forget", "accept_change"])]
    pub refuse_change: bool,
    /// An alert has stopped sending to them; go on all the same.
    #[arg(long, conflicts_with_all = ["confirm", "forget", "accept_change", "refuse_change"])]
    pub resume: bool,
}

/// Show what is set for everything, and change it.
#[derive(Debug, Args)]
pub struct Settings {
    /// Whether others are told what you have read.
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub receipts: Option<Switch>,
    /// Whether others see that you are writing.
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub typing: Option<Switch>,
    /// Whether what strangers write, and groups that they add you to, wait until you accept them.
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub requests: Option<Switch>,
    /// What you call yourself, at most 64 characters; only those you talk with are told. Empty for nothing.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A few words about you, at most 500 characters; only those you talk with are told. Empty for nothing.
    #[arg(long, value_name = "WORDS")]
    pub about: Option<String>,
    /// A picture of you: a JPEG, PNG, WebP or GIF file. Only those you talk with are shown it, small and without where and when it was taken.
    #[arg(long, value_name = "FILE", conflicts_with = "no_picture")]
    pub picture: Option<PathBuf>,
    /// Show no picture any more.
    #[arg(long)]
    pub no_picture: bool,
}
