//! Caps on the requests a target runs at once.

use std::sync::{Arc, Mutex, PoisonError};

use foldhash::HashMap;
use llmgw_models::Target;

/// Counts running requests of targets that have a cap. Targets are told apart by address and upstream model,
/// so that a change to a model's other fields does not forget what runs.
#[derive(Debug, Default)]
pub struct Slots(Mutex<HashMap<String, u32>>);

/// A slot at a target, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    name: String,
}

impl Slots {
    /// A slot at `target`; `None` when all are taken. A target without a cap needs none.
    pub(crate) fn take(self: &Arc<Self>, target: &Target) -> Option<Option<Slot>> {
        let Some(most) = target.max_in_flight else {
            return Some(None);
        };
        let name = format!("{} {}", target.base_url, target.model.as_deref().unwrap_or(""));
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = taken.entry(name.clone()).or_default();
        if *running >= most {
            return None;
        }
        *running += 1;
        Some(Some(Slot {
            slots: Arc::clone(self),
            name,
        }))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = taken.get_mut(&self.name) {
            *running -= 1;
            if *running == 0 {
                taken.remove(&self.name);
            }
        }
    }
}
