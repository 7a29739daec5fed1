//! What can be said on the command line, and nothing of what it does.
//!
//! No secret is ever an argument: recovery keys and passphrases are asked for on the terminal or read from files.

mod classic;
mod daemon;
mod past;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

pub use classic::{Classic, ClassicCommand};
pub use daemon::{Daemon, RpcCommand};
pub use past::{BackupCommand, Export, ExportFormat, Search};

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
    /// Reply to a message, react to it, put it otherwise, delete it; say what you have read.
    Message {
        /// What to do.
        #[command(subcommand)]
        command: MessageCommand,
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
    /// List conversations, the liveliest first.
    Conversations,
    /// List contacts.
    Contacts,
    /// Show this account and this device.
    Whoami,
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

/// What can be done to messages.
#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// Reply to a message.
    Reply {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// What you say.
        text: String,
    },
    /// React with an emoji; without one, take the reaction back.
    React {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// The emoji.
        emoji: Option<String>,
    },
    /// Put a text of yours otherwise; the earlier wording stays known.
    Edit {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// What it says from now on.
        text: String,
    },
    /// Delete a message for everyone.
    Delete {
        /// Where it is and which.
        #[command(flatten)]
        message: MessageArgs,
        /// On this device alone; nobody hears of it.
        #[arg(long)]
        here: bool,
    },
    /// Say that you have read a conversation, all of it or up to a message.
    Read {
        /// Where.
        #[command(flatten)]
        place: PlaceArgs,
        /// The message, by its id or the beginning of that.
        id: Option<String>,
    },
    /// Whether others are told what you have read.
    Receipts {
        /// Whether they are.
        tell: Switch,
    },
    /// Whether others see that you are writing.
    Typing {
        /// Whether they do.
        show: Switch,
    },
}

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
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

/// Which message.
#[derive(Debug, Args)]
pub struct MessageArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Its id as --json shows it, or the beginning of that.
    pub id: String,
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

/// Send a text.
#[derive(Debug, Args)]
pub struct Send {
    /// To whom: @name, a phone number, an e-mail address or an account id. The last word is the text, unless --stdin is given.
    #[arg(value_name = "RECIPIENT")]
    pub words: Vec<String>,
    /// Send to this group, by name or id; may be given several times.
    #[arg(long, short, value_name = "GROUP")]
    pub group: Vec<String>,
    /// Read the text from standard input.
    #[arg(long)]
    pub stdin: bool,
    /// Sending twice with the same key sends once.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// Print what arrives.
#[derive(Debug, Args)]
pub struct Receive {
    /// Stay and print what comes.
    #[arg(long, short)]
    pub follow: bool,
    /// Name of the cursor: each reader sees everything once, at its own pace.
    #[arg(long, default_value = "receive", value_name = "NAME")]
    pub cursor: String,
    /// Print everything after this seq again, and leave the cursor alone.
    #[arg(long, value_name = "SEQ")]
    pub after: Option<u64>,
}

/// A plain conversation, line by line.
#[derive(Debug, Args)]
pub struct Chat {
    /// With whom.
    #[arg(required_unless_present = "group", conflicts_with = "group")]
    pub with: Option<String>,
    /// In this group, by name or id.
    #[arg(long, short, value_name = "GROUP")]
    pub group: Option<String>,
}

/// Make groups, look at them, change them.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Make a group; you are its owner.
    Create {
        /// What it is called, at most 64 characters. Only members can read it.
        name: String,
        /// Who is in it besides you.
        members: Vec<String>,
    },
    /// List the groups of this profile.
    List,
    /// Show who is in a group and who may do what.
    Show {
        /// Its name or id.
        group: String,
    },
    /// Add people. They read what is written from then on.
    Add {
        /// The group's name or id.
        group: String,
        /// Whom.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Put people out. They read nothing that is written afterwards.
    Remove {
        /// The group's name or id.
        group: String,
        /// Whom.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Make somebody owner, admin or plain member.
    Role {
        /// The group's name or id.
        group: String,
        /// Whom.
        member: String,
        /// What.
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Give a group another name.
    Rename {
        /// Its name or id.
        group: String,
        /// The new name.
        name: String,
    },
    /// Describe a group, in at most 500 characters; an empty text takes the description away.
    Describe {
        /// Its name or id.
        group: String,
        /// The description.
        text: String,
    },
    /// Say who may do what.
    Allow {
        /// The group's name or id.
        group: String,
        /// Who may add people.
        #[arg(long, value_enum, value_name = "WHO")]
        add: Option<WhoName>,
        /// Who may change name and description.
        #[arg(long, value_enum, value_name = "WHO")]
        details: Option<WhoName>,
        /// Who may write.
        #[arg(long, value_enum, value_name = "WHO")]
        write: Option<WhoName>,
    },
    /// Leave a group.
    Leave {
        /// Its name or id.
        group: String,
    },
}

/// A role in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RoleName {
    /// Says who is owner and admin, and all that an admin may.
    Owner,
    /// Adds and removes members, says who may do what.
    Admin,
    /// Neither.
    Member,
}

/// Who may do something in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WhoName {
    /// Every member.
    Everybody,
    /// Admins and owners.
    Admins,
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

/// Show the messages of a conversation.
#[derive(Debug, Args)]
pub struct History {
    /// With whom.
    #[arg(required_unless_present = "group", conflicts_with = "group")]
    pub with: Option<String>,
    /// Of this group, by name or id.
    #[arg(long, short, value_name = "GROUP")]
    pub group: Option<String>,
    /// How many, the latest.
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Only what is older than this cursor, which an earlier page printed.
    #[arg(long, value_name = "CURSOR")]
    pub before: Option<String>,
}
