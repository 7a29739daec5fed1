//! What can be said about groups.

use std::path::PathBuf;

use clap::Subcommand;

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
    /// Add people. They read what is written from then on, and what you hand them of before.
    Add {
        /// The group's name or id.
        group: String,
        /// Whom.
        #[arg(required = true)]
        members: Vec<String>,
        /// Hand them the last N messages, at most 200: not what disappears or was deleted. They see that it is you who tells them.
        #[arg(long, value_name = "N")]
        history: Option<u32>,
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
    /// Give a group a picture, take it away, or write it to a file.
    Picture {
        /// The group's name or id.
        group: String,
        /// A JPEG, PNG, WebP or GIF file. The group is shown it small, and without where and when it was taken.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["remove", "to"])]
        set: Option<PathBuf>,
        /// Take it away.
        #[arg(long, conflicts_with = "to")]
        remove: bool,
        /// Write it to this file, which may not exist yet.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
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
    /// Show the link by which people ask to be let into a group. An admin decides about each.
    Link {
        /// The group's name or id.
        group: String,
        /// Make another one; the one before is void.
        #[arg(long, conflicts_with = "off")]
        new: bool,
        /// Let nobody ask by a link any more.
        #[arg(long)]
        off: bool,
    },
    /// Ask to be let into a group, by its link.
    Join {
        /// The link, in quotes because of the #.
        link: String,
    },
    /// Let people in who asked by the link.
    Admit {
        /// The group's name or id.
        group: String,
        /// Whom.
        #[arg(required = true)]
        members: Vec<String>,
        /// Hand them the last N messages, at most 200: not what disappears or was deleted. They see that it is you who tells them.
        #[arg(long, value_name = "N")]
        history: Option<u32>,
    },
    /// Do not let people in who asked by the link. They are not told.
    Refuse {
        /// The group's name or id.
        group: String,
        /// Whom.
        #[arg(required = true)]
        members: Vec<String>,
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
