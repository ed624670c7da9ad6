//! Asks a target for its models.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::timeout;
use llmgw_models::{AllowedTargets, Probed, Target, TargetProbe};
use llmgw_types::SecretString;
use serde::Deserialize;
use tokio::time::Instant;

use crate::{AwcUpstream, Connecting};

/// How long a target may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The longest list of models that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// [`TargetProbe`] by awc; under the same rules as requests are.
#[derive(Debug)]
pub struct AwcProbe {
    connect_timeout: Duration,
    allowed: Arc<AllowedTargets>,
}

impl AwcProbe {
    /// A probe that waits `connect_timeout` for a connection, and connects to no address that is not `allowed`.
    #[must_use]
    pub const fn new(connect_timeout: Duration, allowed: Arc<AllowedTargets>) -> Self {
        Self {
            connect_timeout,
            allowed,
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    data: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

impl TargetProbe for AwcProbe {
    fn probe<'a>(
        &'a self,
        target: &'a Target,
        model: &'a str,
        secret: Option<SecretString>,
    ) -> Pin<Box<dyn Future<Output = Probed> + 'a>> {
        Box::pin(async move {
            let begun = Instant::now();
            // Connections belong to a thread, and this one is needed once.
            let connecting = Connecting {
                within: self.connect_timeout,
                keep_alive: Duration::ZERO,
            };
            let upstream = AwcUpstream::new(connecting, Arc::clone(&self.allowed));
            let url = format!("{}/v1/models", target.base_url);
            let asked = timeout(ANSWER_WITHIN, upstream.get(&url, secret.as_ref(), LONGEST)).await;
            let (status, body, problem) = match asked {
                Ok(Ok((status, body))) => (Some(status), body, None),
                Ok(Err(error)) => (None, None, Some(error.to_string())),
                Err(_) => (None, None, Some(format!("no answer within {ANSWER_WITHIN:?}"))),
            };
            let listed: Option<Listed> = body.and_then(|body| serde_json::from_slice(&body).ok());
            Probed {
                status,
                serves_model: listed.map(|listed| listed.data.iter().any(|named| named.id == model)),
                problem,
                duration: begun.elapsed(),
            }
        })
    }
}
