//! Who made a change.

use std::fmt;
use std::str::FromStr;

use llmgw_types::UserId;
use serde::{Deserialize, Serialize};

use crate::ActorError;

const ADMIN_KEY: &str = "admin-key";
const SYSTEM: &str = "system";
const USER: &str = "user:";
const COMMAND_LINE: &str = "command-line:";

/// Who made a change. Never a person's name or mail: entries cannot be changed, and a person can be erased. As
/// text: `admin-key`, `user:UUID`, `command-line:ACCOUNT` or `system`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// Whoever holds the admin key.
    AdminKey,
    /// A person who logged in.
    User(UserId),
    /// Whoever ran a command.
    CommandLine {
        /// The machine's account that ran it.
        account: String,
    },
    /// The program itself.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminKey => f.write_str(ADMIN_KEY),
            Self::User(user) => write!(f, "{USER}{user}"),
            Self::CommandLine { account } => write!(f, "{COMMAND_LINE}{account}"),
            Self::System => f.write_str(SYSTEM),
        }
    }
}

impl FromStr for Actor {
    type Err = ActorError;

    fn from_str(text: &str) -> Result<Self, ActorError> {
        let bad = || ActorError(text.chars().take(64).collect());
        if let Some(user) = text.strip_prefix(USER) {
            let user: UserId = user.parse().map_err(|_| bad())?;
            // A UUID has several spellings; an actor has one.
            let actor = Self::User(user);
            return if actor.to_string() == text {
                Ok(actor)
            } else {
                Err(bad())
            };
        }
        if let Some(account) = text.strip_prefix(COMMAND_LINE) {
            return Ok(Self::CommandLine {
                account: account.to_owned(),
            });
        }
        match text {
            ADMIN_KEY => Ok(Self::AdminKey),
            SYSTEM => Ok(Self::System),
            _ => Err(bad()),
        }
    }
}

impl TryFrom<String> for Actor {
    type Error = ActorError;

    fn try_from(text: String) -> Result<Self, ActorError> {
        text.parse()
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_actor_has_one_text() {
        let user = UserId::from_bytes([0xab; 16]);
        let root = Actor::CommandLine {
            account: "root:0".to_owned(),
        };
        for actor in [Actor::AdminKey, Actor::User(user), root, Actor::System] {
            assert_eq!(actor.to_string().parse(), Ok(actor.clone()));
            let json = serde_json::to_string(&actor).unwrap();
            assert_eq!(json, format!("\"{actor}\""));
            assert_eq!(serde_json::from_str::<Actor>(&json).unwrap(), actor);
        }
        let shouting = format!("user:{}", user.to_string().to_uppercase());
        for bad in ["", "admin", "System", "user:", "user:ada", &shouting] {
            assert_eq!(bad.parse::<Actor>(), Err(ActorError(bad.to_owned())));
        }
    }
}
