//! What can be said on the command line, and nothing of what it does.
//!
//! No secret is ever an argument: recovery keys and passphrases are asked for on the terminal or read from files.

mod account;
mod classic;
mod conversation;
mod daemon;
mod group;
mod message;
mod past;
mod talk;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

pub use account::{
    Claim, DeviceCommand, Handles, HandlesAction, Join, Link, Lock, Recover, Settings, Verify,
};
pub use classic::{Classic, ClassicCommand};
pub use conversation::{
    ContactCommand, ConversationCommand, Conversations, Reason, Report, RequestCommand, SetConversation,
    Tell, Timer,
};
pub use daemon::{Daemon, RpcCommand};
pub use group::{GroupCommand, RoleName, WhoName};
pub use message::{MessageArgs, MessageCommand, PollCommand};
pub use past::{BackupCommand, Export, ExportFormat, Search};
pub use talk::{Chat, History, Receive, Send};

/// Exit codes, as the man page lists them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  ok
  1  error
  2  wrong usage
  3  this profile is not registered
  4  the server could not be reached; what was to be sent is kept and sent later
  5  a key is not trusted: the server's or a contact's
  6  the server asks to slow down
  7  unknown recipient
  8  sent to some of the recipients, not to all";

/// Hushwire's client: end-to-end encrypted messages over a server of your own.
#[derive(Debug, Parser)]
#[command(name = "hush", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What applies to every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Which profile: an account of yours on this machine.
    #[arg(long, short, global = true, env = "HUSH_PROFILE", default_value = "default", value_name = "NAME")]
    pub profile: String,
    /// Folder of all profiles; $XDG_DATA_HOME/hush by default.
    #[arg(long, global = true, env = "HUSH_DATA_DIR", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data_dir: Option<PathBuf>,
    /// Print JSON on standard output.
    #[arg(long, global = true, env = "HUSH_JSON")]
    pub json: bool,
    /// Say nothing but results and errors.
    #[arg(long, short, global = true, env = "HUSH_QUIET")]
    pub quiet: bool,
    /// Read the profile's passphrase from this file.
    #[arg(long, global = true, env = "HUSH_PASSPHRASE_FILE", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub passphrase_file: Option<PathBuf>,
    /// How long to wait for the server, in seconds.
    #[arg(long, global = true, env = "HUSH_TIMEOUT", default_value_t = 30, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account on a server.
    Join(Join),
    /// Make this a new device of an account that you have.
    Link(Link),
    /// All devices lost: make this a new device of your account with its recovery key.
    Recover(Recover),
    /// Look at your devices; let a new one in, rename one, put one out.
    Device {
        /// What to do.
        #[command(subcommand)]
        command: DeviceCommand,
    },
    /// Send a text.
    Send(Send),
    /// Reply to messages, react to them, put them otherwise, delete, forward, pin and star them; say what you have read.
    Message {
        /// What to do.
        #[command(subcommand)]
        command: MessageCommand,
    },
    /// Ask a conversation something, and answer.
    Poll {
        /// What to do.
        #[command(subcommand)]
        command: PollCommand,
    },
    /// Print what arrives.
    Receive(Receive),
    /// A plain conversation, line by line.
    Chat(Chat),
    /// Make groups, look at them, change them.
    Group {
        /// What to do.
        #[command(subcommand)]
        command: GroupCommand,
    },
    /// List conversations: those that are pinned first, then the liveliest.
    Conversations(Conversations),
    /// Look at one conversation, mute it, put it away, label it; say how long its messages live.
    Conversation {
        /// What to do.
        #[command(subcommand)]
        command: ConversationCommand,
    },
    /// What strangers want from you: look at it, accept or decline it.
    Request {
        /// What to do.
        #[command(subcommand)]
        command: RequestCommand,
    },
    /// List contacts.
    Contacts,
    /// Add somebody, give them a name of your own, block them, report them.
    Contact {
        /// What to do.
        #[command(subcommand)]
        command: ContactCommand,
    },
    /// Show this account and this device.
    Whoami,
    /// Show what is set for everything, and change it; say who you are.
    Settings(Settings),
    /// Show your handles and who claims one of them; allow or refuse that.
    Handles(Handles),
    /// Show or confirm a contact's safety number.
    Verify(Verify),
    /// Show the messages of a conversation.
    History(History),
    /// Search in all messages that are here, by beginnings of words.
    Search(Search),
    /// Write a conversation to a file that people or programs read. It is not encrypted.
    Export(Export),
    /// Back up your history, encrypted, or restore it on another device of your account.
    Backup {
        /// What to do.
        #[command(subcommand)]
        command: BackupCommand,
    },
    /// Keep the profile open for scripts, bots and other commands (JSON-RPC); ends on Ctrl-C.
    Daemon(Daemon),
    /// Call a method of the JSON-RPC interface, or print its schema.
    Rpc {
        /// What to do.
        #[command(subcommand)]
        command: RpcCommand,
    },
    /// Talk with clients and servers of the original program.
    Classic(Classic),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff).
    Manual,
}

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl Switch {
    /// Whether it is on.
    #[must_use]
    pub const fn is_on(self) -> bool {
        matches!(self, Self::On)
    }
}

/// Which conversation.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// The one with this person.
    #[arg(long, value_name = "PERSON", required_unless_present = "group", conflicts_with = "group")]
    pub with: Option<String>,
    /// This group, by name or id.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
}
