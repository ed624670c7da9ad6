//! What the routes share, and how a change is written down.

use std::fmt;
use std::sync::Arc;

use llmgw_audit::{AuditLog, Auditor, Deed};
use llmgw_keys::{Failures, KeyService, UserService};
use llmgw_models::{ModelService, SecretResolver, SecretSealer, TargetProbe};
use llmgw_sessions::SessionStore;
use llmgw_types::{ChangeFeed, Clock};
use llmgw_usage::admission::{AdmissionStore, Calendar, StandingLimits};
use llmgw_usage::ledger::UsageLedger;
use serde_json::Value;

use crate::caller::Caller;
use crate::problem::Problem;

/// Everything the administration needs. One per process.
pub struct Admin {
    /// Makes, lists and revokes keys.
    pub keys: KeyService,
    /// Looks after users.
    pub users: UserService,
    /// Makes, changes and removes models.
    pub models: ModelService,
    /// Seals secrets of targets that are given; `None` where there is no master key.
    pub sealer: Option<Arc<dyn SecretSealer>>,
    /// Asks targets whether they are there.
    pub probe: Arc<dyn TargetProbe>,
    /// Finds the secrets of targets, as far as they are to be had here.
    pub secrets: Arc<dyn SecretResolver>,
    /// Limits of everyone, of each user and of groups.
    pub limits: StandingLimits,
    /// How far limits are used up.
    pub admission: Arc<dyn AdmissionStore>,
    /// What was used.
    pub ledger: Arc<dyn UsageLedger>,
    /// Who is logged in, here and at the portal.
    pub sessions: Arc<dyn SessionStore>,
    /// Writes down every change.
    pub auditor: Auditor,
    /// Where that is kept.
    pub audit: Arc<dyn AuditLog>,
    /// Who is told of changes.
    pub feed: Arc<dyn ChangeFeed>,
    /// Where models are that have no target of their own.
    pub default_upstream: Option<String>,
    /// Counts refused logins.
    pub failures: Failures,
    /// Where a day and a month of a report begin.
    pub calendar: Calendar,
    /// What costs are in.
    pub currency: String,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

/// A change that is about to be made.
pub(crate) struct Planned {
    /// What is done, like `model.replace`.
    pub(crate) action: &'static str,
    /// To what, like `model:llama-3`.
    pub(crate) subject: String,
    /// What stands there now.
    pub(crate) before: Option<Value>,
    /// What is to stand there.
    pub(crate) after: Option<Value>,
}

impl Admin {
    pub(crate) fn sealer(&self) -> Option<&dyn SecretSealer> {
        self.sealer.as_deref()
    }

    /// Makes a change and writes it down: what is to be done before, and what came of it after. `work` gives what it
    /// made, and how that looks where it is not what was planned.
    pub(crate) async fn audited<T>(
        &self,
        caller: &Caller,
        planned: Planned,
        work: impl Future<Output = Result<(T, Option<Value>), Problem>>,
    ) -> Result<T, Problem> {
        let (action, subject) = (planned.action, planned.subject.clone());
        let deed = Deed {
            actor: caller.actor.clone(),
            origin: caller.origin.clone(),
            action: action.to_owned(),
            subject: planned.subject,
            before: planned.before,
            after: planned.after,
        };
        let intended = self.auditor.intend(deed).await?;
        let (done, told) = match work.await {
            Ok((made, after)) => {
                tracing::info!(actor = %caller.actor, action, subject, "changed");
                (Ok(made), self.auditor.done(intended, after).await)
            }
            Err(problem) => {
                let told = self.auditor.failed(intended, problem.to_string()).await;
                (Err(problem), told)
            }
        };
        // What was intended is written down; its end may be missing, as after a crash.
        if let Err(error) = told {
            tracing::error!(%error, action, subject, "the end of a change is not in the audit log");
        }
        done
    }
}
