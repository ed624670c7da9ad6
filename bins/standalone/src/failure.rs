//! Why nothing is served, and the exit code that says so.

/// Bad configuration (`EX_CONFIG` of sysexits.h).
const BAD_CONFIGURATION: u8 = 78;

/// Why the program ends.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) text: String,
}

impl Failure {
    /// A setting makes no sense; `text` names it.
    pub(crate) fn configuration(text: impl Into<String>) -> Self {
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
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |cause| cause.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
