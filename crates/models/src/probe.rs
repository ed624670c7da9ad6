//! Asking a target whether it is there: the port of those who can.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use llmgw_types::SecretString;

use crate::Target;

/// What became of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The status of the answer; `None`: there was none.
    pub status: Option<u16>,
    /// Whether the model is among those that it lists; `None` where it lists none.
    pub serves_model: Option<bool>,
    /// Why there was no answer. No secret is in it, and nothing that the target said.
    pub problem: Option<String>,
    /// How long it took.
    pub duration: Duration,
}

/// Asks targets, from where it is.
pub trait TargetProbe: Send + Sync {
    /// Asks `target` for the list of its models, with its secret, and looks for `model` in it. No model has to work for
    /// it.
    fn probe<'a>(
        &'a self,
        target: &'a Target,
        model: &'a str,
        secret: Option<SecretString>,
    ) -> Pin<Box<dyn Future<Output = Probed> + 'a>>;
}
