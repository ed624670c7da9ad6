//! Makes what is there be what a file says: models, limits and service accounts. A document of it is done as a whole
//! or not at all: everything is checked before the first change, and a change that fails takes back those before it.
//! Who is killed in between runs it again: what is done already is no change any more.

mod diff;
mod document;
mod order;
mod plan;
mod step;

pub use diff::{Difference, FieldDifference, Kind};
pub use document::{Document, WantedAccount};
pub use plan::Plan;

use std::fmt;

use crate::admin::Admin;
use crate::caller::Caller;
use crate::problem::Problem;

/// Why a document was not done.
#[derive(Debug)]
pub struct Halted {
    /// What could not be changed, like `model llama-3`.
    pub at: String,
    /// Why.
    pub problem: Problem,
    /// Changes that could not be taken back, and why: they are still there.
    pub kept: Vec<(String, Problem)>,
}

impl fmt::Display for Halted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.problem)?;
        if self.kept.is_empty() {
            return f.write_str(" Nothing of this document is changed.");
        }
        f.write_str(" What was changed before could not all be taken back:")?;
        for (what, problem) in &self.kept {
            write!(f, " {what} ({problem})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Halted {}

impl Admin {
    /// Does what was planned, all of it or nothing. What somebody else changed since it was planned is not
    /// overwritten: the plan fails there.
    ///
    /// # Errors
    /// When a change was refused or a store failed; says what could not be taken back.
    pub async fn apply(&self, caller: &Caller, plan: &Plan) -> Result<(), Halted> {
        let mut done = Vec::new();
        for step in plan.steps() {
            match self.take(caller, step).await {
                Ok(back) => done.push(back),
                Err(problem) => {
                    return Err(Halted {
                        at: step.to_string(),
                        problem,
                        kept: self.take_back(caller, done).await,
                    });
                }
            }
        }
        Ok(())
    }

    async fn take_back(&self, caller: &Caller, done: Vec<step::Step>) -> Vec<(String, Problem)> {
        let mut kept = Vec::new();
        for back in done.iter().rev() {
            if let Err(problem) = self.take(caller, back).await {
                kept.push((back.to_string(), problem));
            }
        }
        kept
    }
}
