//! Ids. Each kind is its own type, so that a user can never be passed where a key is wanted.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not a UUID.
    #[error("`{0}` is not a UUID")]
    NotUuid(String),
    /// The text breaks the rule for model names.
    #[error(
        "`{0}` is not a model id: 1 to 256 characters, first a letter or digit, then letters, digits or any of . _ : / @ -, without `..`"
    )]
    BadModel(String),
    /// A name is empty or too long.
    #[error("a {what} is 1 to 256 characters of text, not `{text}`")]
    BadName {
        /// What the name is of.
        what: &'static str,
        /// The text given.
        text: String,
    },
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id made at `now` from 80 random bits (UUID version 7, RFC 9562 5.7): ids sort by the
            /// time they were made.
            #[must_use]
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(now.as_millis().unsigned_abs(), &random).into_uuid())
            }

            /// The 16 bytes of the UUID, big end first.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id with these 16 bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError::NotUuid(text.to_owned()))
            }
        }
    };
}

uuid_id! {
    /// One request of a client: made by the gateway, the record's id in the ledger, `x-request-id` in the answer.
    RequestId
}
uuid_id! {
    /// An API key's record. Not a secret.
    KeyId
}
uuid_id! {
    /// A person or service account that owns keys and pays.
    UserId
}
uuid_id! {
    /// A chain of audit entries: each process that changes something has one of its own.
    ChainId
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The checked id.
            ///
            /// # Errors
            /// When the text breaks the rule for this kind of id.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> Result<(), IdError> = $check;
                check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The text of the id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// A model's public name, as clients send it: `^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,255}$`, without `..`
    /// (it becomes part of a path towards the model server).
    ModelId, check_model
}
text_id! {
    /// A place a request can be sent to, unique within its model (`host:port/path` unless named).
    TargetId, |text| check_name("target id", text)
}
text_id! {
    /// A group of people, as the institution names it.
    GroupName, |text| check_name("group name", text)
}

fn check_model(text: &str) -> Result<(), IdError> {
    let bytes = text.as_bytes();
    let starts_well = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"._:/@-".contains(b);
    if starts_well && bytes.len() <= 256 && bytes.iter().all(allowed) && !text.contains("..") {
        return Ok(());
    }
    Err(IdError::BadModel(text.chars().take(64).collect()))
}

fn check_name(what: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
        return Err(IdError::BadName {
            what,
            text: text.chars().take(64).collect(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_ids_follow_their_rule() {
        for good in ["m", "gpt-4o", "meta/Llama-3.1@fp8", "a:b_c.d", &"x".repeat(256)] {
            assert!(ModelId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".hidden", "a..b", "a b", "-x", "é", "a\n", &"x".repeat(257)] {
            assert!(ModelId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn request_ids_sort_by_time_and_survive_text() {
        let early = RequestId::new(Timestamp::from_millis(1_000), [255; 10]);
        let late = RequestId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
    }
}
