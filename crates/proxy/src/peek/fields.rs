//! The fields of a JSON body that matter, as they stand there.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

macro_rules! fields {
    ($($name:ident),+ $(,)?) => {
        /// The values of these fields, `null` too.
        #[derive(Debug, Default)]
        pub(super) struct Fields<'a> {
            $(pub(super) $name: Option<&'a RawValue>,)+
            /// One of them that stands there in other letters. Model servers written in Go take it for the same.
            pub(super) in_other_letters: Option<&'static str>,
        }

        const NAMES: &[&str] = &[$(stringify!($name)),+];

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(Name(name)) = map.next_key()? {
                    match &*name {
                        $(stringify!($name) => {
                            if fields.$name.replace(map.next_value()?).is_some() {
                                return Err(A::Error::duplicate_field(stringify!($name)));
                            }
                        })+
                        other => {
                            fields.in_other_letters = fields.in_other_letters.or_else(|| twin(other));
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(fields)
            }
        }
    };
}

fields! {
    model, stream, stream_options, prompt, n, best_of, max_tokens, max_completion_tokens, max_output_tokens, store,
    background, input, documents, text_2, previous_response_id, request_id,
}

struct FieldsVisitor;

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(body: D) -> Result<Self, D::Error> {
        body.deserialize_map(FieldsVisitor)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

// The field that this is in other letters.
fn twin(name: &str) -> Option<&'static str> {
    let same = |known: &&&str| known.len() <= name.len() && known.chars().eq(name.chars().map(folded));
    NAMES.iter().find(same).copied()
}

// As Go's encoding/json does: the long s and the sign for kelvin are letters too.
fn folded(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    }
}
