//! Why a program ends without having done its work, and the exit code that says so.

/// Bad configuration (`EX_CONFIG` of sysexits.h).
const BAD_CONFIGURATION: u8 = 78;

/// Why the program ends.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What is told, on one line.
    pub text: String,
}

impl Failure {
    /// A setting makes no sense; `text` names it.
    #[must_use]
    pub fn configuration(text: impl Into<String>) -> Self {
        Self {
            code: BAD_CONFIGURATION,
            text: text.into(),
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { code: 1, text }
    }
}

/// An error and its causes, on one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |cause| cause.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::configuration(error.to_string())
    }
}
