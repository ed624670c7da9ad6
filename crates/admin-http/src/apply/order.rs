//! In which order models are changed: a name can be taken only when nobody has it any more.

use std::collections::HashMap;

use llmgw_models::Model;
use llmgw_types::ModelId;

use crate::problem::Problem;

/// A model that is made (`before` is `None`), changed or removed (`after` is `None`).
#[derive(Debug, Clone)]
pub(super) struct ModelChange {
    pub(super) before: Option<Model>,
    pub(super) after: Option<Model>,
}

/// The changes in an order in which each finds its names free, in the given order where that goes.
///
/// # Errors
/// When a name belongs to a model that keeps it, or names are passed round in a ring.
pub(super) fn in_order(models: &[Model], changes: Vec<ModelChange>) -> Result<Vec<ModelChange>, Problem> {
    let mut owners: HashMap<ModelId, ModelId> = HashMap::new();
    for model in models {
        hold(&mut owners, model);
    }
    let (mut ordered, mut waiting) = (Vec::new(), changes);
    while !waiting.is_empty() {
        let free = waiting.iter().position(|change| taken(&owners, change).is_none());
        let Some(next) = free else {
            return Err(stuck(&owners, &waiting));
        };
        let change = waiting.remove(next);
        if let Some(before) = &change.before {
            owners.retain(|_, owner| *owner != before.id);
        }
        if let Some(after) = &change.after {
            hold(&mut owners, after);
        }
        ordered.push(change);
    }
    Ok(ordered)
}

fn hold(owners: &mut HashMap<ModelId, ModelId>, model: &Model) {
    for name in names(model) {
        owners.insert(name.clone(), model.id.clone());
    }
}

fn names(model: &Model) -> impl Iterator<Item = &ModelId> {
    std::iter::once(&model.id).chain(&model.aliases)
}

// A name it wants that another model has, and who that is.
fn taken<'a>(
    owners: &'a HashMap<ModelId, ModelId>,
    change: &'a ModelChange,
) -> Option<(&'a ModelId, &'a Model, &'a ModelId)> {
    let after = change.after.as_ref()?;
    names(after).find_map(|name| {
        let owner = owners.get(name).filter(|owner| **owner != after.id)?;
        Some((name, after, owner))
    })
}

fn stuck(owners: &HashMap<ModelId, ModelId>, waiting: &[ModelChange]) -> Problem {
    let first = waiting.iter().find_map(|change| taken(owners, change));
    first.map_or_else(Problem::broken, |(name, wants, has)| {
        let moves = waiting.iter().any(|change| {
            let kept = |after: &Model| names(after).any(|held| held == name);
            let before = change.before.as_ref();
            before.is_some_and(|before| before.id == *has) && !change.after.as_ref().is_some_and(kept)
        });
        let advice = if moves {
            "names go round in a ring; take one of them away first, in a document of its own"
        } else {
            "take it away there, or choose another"
        };
        Problem::conflict(format!(
            "model {}: the name `{name}` is that of model {has}: {advice}.",
            wants.id
        ))
    })
}
