//! Values that settings may have, read leniently: an environment variable's `12345` is a text where a text is
//! wanted.

use std::fmt;
use std::time::Duration;

use llmgw_models::{ModelError, check_base_url};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// A text; also from a number or a flag. Not shown by `Debug`: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text([hidden])")
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyText;

        impl Visitor<'_> for AnyText {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_u128<E: de::Error>(self, number: u128) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Text, E> {
                Ok(Text(flag.to_string()))
            }
        }

        deserializer.deserialize_any(AnyText)
    }
}

/// A length of time: `300s`, `5m`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        let parsed = text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|span| Duration::try_from(span).ok());
        parsed
            .map(Self)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a length of time like `30s` or `5m`")))
    }
}

/// A number of bytes: `32MiB`, `512KiB`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub usize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        let parsed = text
            .parse::<bytesize::ByteSize>()
            .ok()
            .and_then(|size| usize::try_from(size.as_u64()).ok());
        parsed
            .map(Self)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a number of bytes like `32MiB`")))
    }
}

/// The address of model servers: an `http` or `https` URL, and no password in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(pub String);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        check_base_url(&text).map_err(|error| match error {
            ModelError::Invalid { reason, .. } => de::Error::custom(reason),
            other => de::Error::custom(other),
        })?;
        Ok(Self(text))
    }
}

/// The IANA name of a time zone: `Europe/Berlin`, `UTC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(pub String);

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Text::deserialize(deserializer)?.0;
        match jiff::tz::TimeZone::get(&name) {
            Ok(_) => Ok(Self(name)),
            Err(_) => Err(de::Error::custom(format!(
                "`{name}` is not a time zone like `Europe/Berlin` or `UTC`"
            ))),
        }
    }
}
