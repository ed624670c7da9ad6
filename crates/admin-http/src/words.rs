//! How the words of the domain look in JSON, for the API's description: the crates that have them know nothing of it.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

macro_rules! words {
    ($($name:ident: $schema:tt)*) => {
        $(
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let read = serde_json::from_value(json!($schema));
                    read.unwrap_or_else(|_| RefOr::T(ObjectBuilder::new().build().into()))
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )*

        #[cfg(test)]
        const ALL: &[(&str, fn() -> RefOr<Schema>)] = &[$((stringify!($name), $name::schema)),*];
    };
}

words! {
    Id: {
        "description": "A UUID.",
        "type": "string", "format": "uuid"
    }
    Time: {
        "description": "A moment (RFC 3339).",
        "type": "string", "format": "date-time"
    }
    Name: {
        "description": "A text of 1 to 128 characters.",
        "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    }
    ModelName: {
        "description": "A model's name, as clients send it; without `..`.",
        "type": "string", "maxLength": 256, "pattern": "^[A-Za-z0-9](?:[A-Za-z0-9_:/@-]|\\.(?!\\.))*$"
    }
    TargetName: {
        "description": "A place to send requests to, unique within its model.",
        "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9._:/-]+$"
    }
    Group: {
        "description": "A group of users.",
        "type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[ -~]+$"
    }
    SecretText: {
        "description": "A model server's secret; visible ASCII characters.",
        "type": "string", "minLength": 1, "maxLength": 4096, "pattern": "^[!-~](?:[ -~]*[!-~])?$", "writeOnly": true
    }
    Address: {
        "description": "Where a model server is: `http` or `https`, host and port, and a path if any; without `/v1`.",
        "type": "string", "maxLength": 2048
    }
    Limit: {
        "description": "At most `amount` of a unit in each calendar window, or at the same time. Cost is in billionths of the currency.",
        "oneOf": [
            {
                "type": "object", "additionalProperties": false, "required": ["unit", "window", "amount"],
                "properties": {
                    "unit": {"type": "string", "enum": ["requests", "tokens", "cost"]},
                    "window": {"type": "string", "enum": ["minute", "hour", "day", "month"]},
                    "amount": {"type": "integer", "minimum": 0, "maximum": 9007199254740991_i64}
                }
            },
            {
                "type": "object", "additionalProperties": false, "required": ["unit", "amount"],
                "properties": {
                    "unit": {"type": "string", "enum": ["in_flight"]},
                    "window": {"type": "string", "enum": ["none"]},
                    "amount": {"type": "integer", "minimum": 0, "maximum": 9007199254740991_i64}
                }
            }
        ]
    }
    Price: {
        "description": "What a million tokens cost, in billionths of the currency: of the prompt, of the prompt from the model server's cache, of the answer; and a million units of what is not counted in tokens: seconds of sound, pictures, texts to embed, documents to rank.",
        "type": "object", "additionalProperties": false,
        "properties": {
            "prompt": {"type": "integer", "minimum": 0, "maximum": 9007199254740991_i64},
            "cached_prompt": {"type": "integer", "minimum": 0, "maximum": 9007199254740991_i64},
            "completion": {"type": "integer", "minimum": 0, "maximum": 9007199254740991_i64},
            "unit": {"type": "integer", "minimum": 0, "maximum": 9007199254740991_i64}
        }
    }
    Timeouts: {
        "description": "How long to wait for a model server, in milliseconds: for the head of its answer, and between two parts of it.",
        "type": "object", "additionalProperties": false,
        "properties": {
            "first_byte_ms": {"type": "integer", "minimum": 1, "maximum": 9007199254740991_i64},
            "idle_ms": {"type": "integer", "minimum": 1, "maximum": 9007199254740991_i64}
        }
    }
    Access: {
        "description": "Who may use it: `everyone`, or users in any of some groups.",
        "oneOf": [
            {"type": "string", "enum": ["everyone"]},
            {
                "type": "object", "additionalProperties": false, "required": ["groups"],
                "properties": {"groups": {"type": "array", "items": {"$ref": "#/components/schemas/Group"}}}
            }
        ]
    }
    EndpointName: {
        "description": "An endpoint of the LLM API.",
        "type": "string", "enum": [
            "chat_completions", "completions", "embeddings", "responses", "messages", "count_tokens",
            "rerank", "score", "moderations", "tokenize", "detokenize", "image_generations", "image_edits",
            "image_variations", "audio_speech", "audio_transcriptions", "audio_translations", "realtime"
        ]
    }
    QuirkName: {
        "description": "A way in which a model server differs from its dialect.",
        "type": "string", "enum": ["no_stream_usage", "first_choice_only", "cumulative"]
    }
    Switch: {
        "description": "Whether a model is served.",
        "type": "string", "enum": ["active", "disabled"]
    }
    KeyStateName: {
        "description": "Whether a key may be used.",
        "type": "string", "enum": ["active", "revoked"]
    }
    UserStateName: {
        "description": "Whether a user may act. Nothing brings an erased one back.",
        "type": "string", "enum": ["active", "suspended", "erased"]
    }
    By: {
        "description": "What to break a report down by, with commas.",
        "type": "string", "pattern": "^((user|key|model|endpoint|target|groups|group)(,(user|key|model|endpoint|target|groups|group))*)?$"
    }
    BucketName: {
        "description": "How to cut time.",
        "type": "string", "enum": ["none", "hour", "day", "month"]
    }
    MonthName: {
        "description": "A calendar month.",
        "type": "string", "pattern": "^(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])$"
    }
    ActorName: {
        "description": "Who acted: `admin-key`, `user:UUID`, `command-line:ACCOUNT` or `system`.",
        "type": "string", "pattern": "^(admin-key|system|command-line:.*|user:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
    }
    CursorText: {
        "description": "A place in a list, as `next` gave it.",
        "type": "string", "pattern": "^[0-9]{1,15}_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}_[0-9]{1,15}$"
    }
    AuditHead: {
        "description": "The end of a chain of the audit log.",
        "type": "object", "additionalProperties": false, "required": ["chain", "seq", "hash", "at"],
        "properties": {
            "chain": {"type": "string", "format": "uuid"},
            "seq": {"type": "integer", "minimum": 0},
            "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "at": {"type": "string", "format": "date-time"}
        }
    }
    Acting: {
        "description": "Whether a user may act.",
        "type": "string", "enum": ["active", "suspended"]
    }
    RoleName: {
        "description": "What a user may do beyond own keys: nothing, look at everything, change everything.",
        "type": "string", "enum": ["user", "auditor", "admin"]
    }
    Tokens: {
        "description": "Tokens: of the prompt, of these from a cache, of the answer, of these for reasoning.",
        "type": "object", "required": ["prompt", "cached", "completion", "reasoning"],
        "properties": {
            "prompt": {"type": "integer"},
            "cached": {"type": "integer"},
            "completion": {"type": "integer"},
            "reasoning": {"type": "integer"}
        }
    }
}

#[cfg(test)]
mod tests {
    use llmgw_models::Quirk;
    use llmgw_types::Endpoint;
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_word_is_described() {
        for (name, schema) in ALL {
            let schema = serde_json::to_value(schema()).unwrap();
            assert!(schema["description"].is_string(), "{name}: {schema}");
        }
    }

    #[test]
    fn every_quirk_is_named() {
        let schema = serde_json::to_value(QuirkName::schema()).unwrap();
        let all: Vec<Value> = Quirk::ALL.iter().map(|one| one.as_str().into()).collect();
        assert_eq!(schema["enum"], Value::Array(all));
        for quirk in Quirk::ALL {
            assert_eq!(serde_json::to_value(quirk).unwrap(), quirk.as_str());
        }
    }

    #[test]
    fn every_endpoint_is_named() {
        let schema = serde_json::to_value(EndpointName::schema()).unwrap();
        let all: Vec<Value> = Endpoint::ALL.iter().map(|one| one.as_str().into()).collect();
        assert_eq!(schema["enum"], Value::Array(all));
    }
}
