//! Values that settings may have, read leniently: an environment variable's `12345` is a text where a text is
//! wanted. How a value is to be written is said by [`Kind`](super::table::Kind).

use std::fmt;
use std::time::Duration;

use llmgw_models::{ModelError, check_base_url};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

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

// Only defaults are ever written, and no secret has one.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("a secret is not written out"))
    }
}

/// The address of a store; it may have a password in it, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(pub String);

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl([hidden])")
    }
}

impl<'de> Deserialize<'de> for StoreUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self(text.0))
    }
}

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.contains('@') {
            return Err(ser::Error::custom("a secret is not written out"));
        }
        serializer.serialize_str(&self.0)
    }
}

/// A length of time: `300s`, `5m`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        span(&text)
            .map(Self)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a length of time")))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1_000) {
            serializer.collect_str(&format_args!("{}s", millis / 1_000))
        } else {
            serializer.collect_str(&format_args!("{millis}ms"))
        }
    }
}

/// How long something is kept: `400d`, a [`Span`], or `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(pub Option<Duration>);

const DAY: u64 = 86_400;

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        if text == "forever" {
            return Ok(Self(None));
        }
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
        let span = match days.and_then(|days| days.checked_mul(DAY)) {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => span(&text),
        };
        match span {
            Some(span) if span >= Duration::from_secs(DAY) => Ok(Self(Some(span))),
            Some(_) => Err(de::Error::custom(format!("`{text}` is less than a day"))),
            None => Err(de::Error::custom(format!("`{text}` is not a length of time"))),
        }
    }
}

impl Serialize for Keep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_str("forever"),
            Some(kept) if kept.as_secs().is_multiple_of(DAY) => {
                serializer.collect_str(&format_args!("{}d", kept.as_secs() / DAY))
            }
            Some(kept) => Span(kept).serialize(serializer),
        }
    }
}

fn span(text: &str) -> Option<Duration> {
    let span = text.parse::<jiff::SignedDuration>().ok()?;
    Duration::try_from(span).ok()
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
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a number of bytes")))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        let unit = units
            .into_iter()
            .find(|(_, bytes)| self.0 > 0 && self.0.is_multiple_of(*bytes));
        let (name, bytes) = unit.unwrap_or(("", 1));
        serializer.collect_str(&format_args!("{}{name}", self.0 / bytes))
    }
}

/// The address of model servers: an `http` or `https` URL, and no password in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Zone(pub String);

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Text::deserialize(deserializer)?.0;
        match jiff::tz::TimeZone::get(&name) {
            Ok(_) => Ok(Self(name)),
            Err(_) => Err(de::Error::custom(format!(
                "`{name}` is not the name of a time zone"
            ))),
        }
    }
}
