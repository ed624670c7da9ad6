//! From a record to what it charges: the same whether a guard settles it or the journal ships it.

use llmgw_types::{GroupName, KeyId, ModelId, UserId};

use crate::admission::{Charge, Settled, Subject};
use crate::ledger::UsageRecord;

/// Whose counters a request is charged to.
#[must_use]
pub fn subjects(user: UserId, key: KeyId, groups: &[GroupName], model: &ModelId) -> Vec<Subject> {
    let mut subjects = vec![
        Subject::Everyone,
        Subject::Model(model.clone()),
        Subject::User(user),
        Subject::Key(key),
    ];
    subjects.extend(groups.iter().cloned().map(Subject::Group));
    subjects
}

/// What a record charges: nothing where the request was given back whole.
#[must_use]
pub fn settled(record: &UsageRecord) -> Settled {
    let actual = if record.charged() {
        Charge {
            requests: 1,
            tokens: record.tokens.total(),
            cost: record.cost,
        }
    } else {
        Charge::default()
    };
    Settled {
        id: record.id,
        reserved_at: record.time,
        subjects: subjects(record.user, record.key, &record.groups, &record.model),
        actual,
    }
}
