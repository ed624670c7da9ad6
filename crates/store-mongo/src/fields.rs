//! How our types stand in documents.

use std::fmt::Display;
use std::str::FromStr;

use llmgw_types::{Revision, StoreError, Timestamp};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Decimal128, Document};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::error::corrupt;

pub(crate) fn uuid(bytes: &[u8; 16]) -> Bson {
    Bson::Binary(Binary {
        subtype: BinarySubtype::Uuid,
        bytes: bytes.to_vec(),
    })
}

pub(crate) fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary {
        subtype: BinarySubtype::Generic,
        bytes: bytes.to_vec(),
    })
}

pub(crate) fn time(time: Timestamp) -> Bson {
    Bson::String(time.to_string())
}

/// A limit as `find` takes it; nought would be no limit there.
pub(crate) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A value with the names and words it has in JSON. Unlike the driver's own way this holds all of `u64`.
pub(crate) fn to_bson<T: Serialize>(value: &T) -> Result<Bson, StoreError> {
    serde_json::to_value(value)
        .map(from_json)
        .map_err(|error| corrupt(error.to_string()))
}

/// The opposite of [`to_bson`].
pub(crate) fn from_bson<T: DeserializeOwned>(what: &str, value: &Bson) -> Result<T, StoreError> {
    serde_json::from_value(to_json(value)).map_err(|error| unreadable(what, &error))
}

pub(crate) fn get<T: DeserializeOwned>(document: &Document, field: &str) -> Result<T, StoreError> {
    from_bson(field, document.get(field).unwrap_or(&Bson::Null))
}

pub(crate) fn get_parsed<T>(document: &Document, field: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: Display,
{
    let text: String = get(document, field)?;
    text.parse().map_err(|error| unreadable(field, &error))
}

pub(crate) fn get_optional_time(document: &Document, field: &str) -> Result<Option<Timestamp>, StoreError> {
    match document.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(_) => get_parsed(document, field).map(Some),
    }
}

pub(crate) fn get_uuid(document: &Document, field: &str) -> Result<[u8; 16], StoreError> {
    get_bytes(document, field)
}

pub(crate) fn get_optional_uuid(document: &Document, field: &str) -> Result<Option<[u8; 16]>, StoreError> {
    match document.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(_) => get_uuid(document, field).map(Some),
    }
}

pub(crate) fn get_bytes<const N: usize>(document: &Document, field: &str) -> Result<[u8; N], StoreError> {
    match document.get(field) {
        Some(Bson::Binary(binary)) => {
            <[u8; N]>::try_from(binary.bytes.as_slice()).map_err(|error| unreadable(field, &error))
        }
        _ => Err(unreadable(field, &"no binary")),
    }
}

/// A whole number, whichever of MongoDB's kinds of number it is.
pub(crate) fn get_i64(document: &Document, field: &str) -> Result<i64, StoreError> {
    get::<Number>(document, field)?
        .as_i64()
        .ok_or_else(|| unreadable(field, &"no whole number"))
}

// What was kept before there were revisions has none.
pub(crate) fn get_revision(document: &Document) -> Result<Revision, StoreError> {
    let number: Option<u32> = get(document, "revision")?;
    Ok(Revision::new(number.unwrap_or_default()))
}

fn unreadable(field: &str, why: &dyn Display) -> StoreError {
    corrupt(format!("field {field}: {why}"))
}

fn from_json(value: Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(value) => Bson::Boolean(value),
        Value::String(text) => Bson::String(text),
        Value::Array(values) => Bson::Array(values.into_iter().map(from_json).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, from_json(value)));
            Bson::Document(fields.collect())
        }
        Value::Number(number) => number_from_json(&number),
    }
}

fn number_from_json(number: &Number) -> Bson {
    if let Some(value) = number.as_i64() {
        return Bson::Int64(value);
    }
    let decimal = number
        .as_u64()
        .and_then(|value| value.to_string().parse::<Decimal128>().ok());
    decimal.map_or_else(
        || Bson::Double(number.as_f64().unwrap_or_default()),
        Bson::Decimal128,
    )
}

fn to_json(value: &Bson) -> Value {
    match value {
        Bson::Boolean(value) => Value::Bool(*value),
        Bson::String(text) => Value::String(text.clone()),
        Bson::Array(values) => Value::Array(values.iter().map(to_json).collect()),
        Bson::Document(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), to_json(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Bson::Int32(value) => Value::from(*value),
        Bson::Int64(value) => Value::from(*value),
        Bson::Double(value) => number_to_json(&value.to_string()),
        Bson::Decimal128(value) => number_to_json(&value.to_string()),
        // Nothing of ours; what expects a value says that there is none.
        _ => Value::Null,
    }
}

// A number typed into mongosh is a double, and reads as a whole one where it is.
fn number_to_json(text: &str) -> Value {
    let whole = text
        .parse::<u64>()
        .map(Value::from)
        .or_else(|_| text.parse::<i64>().map(Value::from));
    whole.unwrap_or_else(|_| text.parse::<f64>().map_or(Value::Null, Value::from))
}
