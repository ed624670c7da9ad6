//! The texts of the pages, one file per language. A text that is missing or that no page uses is an error.

mod sections;

use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

pub(crate) use sections::Texts;

static ENGLISH: LazyLock<Result<Texts, toml::de::Error>> =
    LazyLock::new(|| toml::from_str(include_str!("../texts/en.toml")));

/// The texts in English.
///
/// # Errors
///
/// If the file that was built in is not complete, which the tests of this crate rule out.
pub(crate) fn english() -> askama::Result<&'static Texts> {
    ENGLISH.as_ref().map_err(askama::Error::custom)
}

/// A text, in which `{name}` stands for a value that [`Text::with`] fills in.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text(String);

impl Text {
    /// The text with `value` in the place of `{name}`.
    pub(crate) fn with(&self, name: &str, value: impl fmt::Display) -> Self {
        Self(self.0.replace(&format!("{{{name}}}"), &value.to_string()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl askama::FastWritable for Text {
    fn write_into(&self, out: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        Ok(out.write_str(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_complete() {
        assert_eq!(english().expect("a complete file").lang.to_string(), "en");
    }

    #[test]
    fn a_value_takes_the_place_of_its_name() {
        assert_eq!(
            Text("{a} of {b}".to_owned())
                .with("a", 1)
                .with("b", 2)
                .to_string(),
            "1 of 2"
        );
    }
}
