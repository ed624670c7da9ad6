//! How every [`AuditLog`] lists entries.

use std::cmp::Reverse;

use super::fresh::{self, MICRO, NOW, about, append_all, chain_of, first_of, listed, next};
use crate::{Actor, AuditEntry, AuditLog, AuditQuery};

/// By time, whichever chain they are in and whenever they were appended.
pub async fn entries_are_newest_first(log: &dyn AuditLog) {
    let subject = fresh::subject();
    let mut all = Vec::new();
    for micros in [30, 10, 20] {
        let at = NOW.plus(micros * MICRO);
        let first = AuditEntry {
            at,
            ..first_of(&subject)
        }
        .sealed();
        all.extend([next(&first), first]);
    }
    for first in all.chunks(2) {
        append_all(log, &[first[1].clone(), first[0].clone()]).await;
    }
    all.sort_unstable_by_key(|entry| Reverse(entry.at));
    assert_eq!(listed(log, &about(&subject)).await, all);
}

/// So that pages have no doubt where they begin.
pub async fn entries_of_one_moment_are_in_the_order_of_chains_and_numbers(log: &dyn AuditLog) {
    let (subject, all) = of_one_moment(log).await;
    assert_eq!(listed(log, &about(&subject)).await, all);
}

/// Each entry is on one page, also where many have the same time.
pub async fn pages_follow_each_other(log: &dyn AuditLog) {
    let (subject, all) = of_one_moment(log).await;
    for limit in [1, 2, 5, 100] {
        let mut query = AuditQuery {
            limit,
            ..about(&subject)
        };
        let mut pages: Vec<AuditEntry> = Vec::new();
        loop {
            let page = listed(log, &query).await;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            query.before = Some(last.cursor());
            pages.extend(page);
            assert!(pages.len() <= all.len(), "by {limit}: an entry is on two pages");
        }
        assert_eq!(pages, all, "by {limit}");
    }
}

/// `from` is in, `to` is not.
pub async fn times_are_cut_to_the_microsecond(log: &dyn AuditLog) {
    let subject = fresh::subject();
    let entries = chain_of(4, &subject);
    append_all(log, &entries).await;
    let within = |from, to| AuditQuery {
        from: Some(NOW.plus(from * MICRO)),
        to: Some(NOW.plus(to * MICRO)),
        ..about(&subject)
    };
    for (from, to, seqs) in [
        (1, 3, vec![3, 2]),
        (0, 1, vec![1]),
        (3, 9, vec![4]),
        (2, 2, vec![]),
    ] {
        let found = listed(log, &within(from, to)).await;
        let found: Vec<_> = found.iter().map(|entry| entry.seq).collect();
        assert_eq!(found, seqs, "{from} to {to}");
    }
}

/// Letter by letter, from the first one on.
pub async fn actions_are_found_by_how_they_begin(log: &dyn AuditLog) {
    let actions = [
        "model.replace",
        "model.remove",
        "models",
        "Model.add",
        "a model.",
        "model",
    ];
    let subject = with_actions(log, &actions).await;
    for (prefix, found) in [
        ("model.", vec!["model.remove", "model.replace"]),
        ("model", vec!["model", "models", "model.remove", "model.replace"]),
        ("model.replace", vec!["model.replace"]),
        ("model.replaced", vec![]),
        (
            "",
            vec![
                "model",
                "a model.",
                "Model.add",
                "models",
                "model.remove",
                "model.replace",
            ],
        ),
    ] {
        assert_eq!(beginning(log, &subject, prefix).await, found, "{prefix:?}");
    }
}

/// What other languages take for any letter is a letter.
pub async fn nothing_in_an_action_is_a_pattern(log: &dyn AuditLog) {
    let actions = [
        "key.revoke",
        "key%",
        "k_y",
        "k.*",
        "k[e]",
        "\\k",
        "$k",
        "é\u{10ffff}x",
        "\0k",
    ];
    let subject = with_actions(log, &actions).await;
    for prefix in ["key%", "k_", "k.*", "k[", "\\", "$", "é\u{10ffff}", "\0"] {
        let found = beginning(log, &subject, prefix).await;
        assert!(
            found.len() == 1 && found[0].starts_with(prefix),
            "{prefix:?}: {found:?}"
        );
    }
    assert_eq!(beginning(log, &subject, "%").await, [""; 0]);
}

/// Not by how they begin, and not whichever the case.
pub async fn subjects_and_actors_are_compared_exactly(log: &dyn AuditLog) {
    let subject = fresh::subject();
    let entries = chain_of(2, &subject);
    append_all(log, &entries).await;
    for other in [
        &subject[..subject.len() - 1],
        &subject.to_uppercase(),
        &format!("{subject} "),
    ] {
        assert_eq!(listed(log, &about(other)).await, [], "{other:?}");
    }
    let by = |actor| AuditQuery {
        actor: Some(actor),
        limit: 100,
        ..AuditQuery::default()
    };
    let found = listed(log, &by(entries[0].actor.clone())).await;
    assert_eq!(found, [entries[1].clone(), entries[0].clone()]);
    assert_eq!(listed(log, &by(fresh::user())).await, []);
}

/// What is found matches all of them.
pub async fn filters_narrow_together(log: &dyn AuditLog) {
    let subject = fresh::subject();
    let entries = chain_of(6, &subject);
    append_all(log, &entries).await;
    append_all(log, &chain_of(6, &subject)).await;
    let wanted = AuditQuery {
        chain: Some(entries[0].chain),
        actor: Some(entries[0].actor.clone()),
        action: Some("model.".to_owned()),
        from: Some(entries[1].at),
        to: Some(entries[5].at),
        before: Some(entries[4].cursor()),
        limit: 2,
        ..about(&subject)
    };
    let found = listed(log, &wanted).await;
    assert_eq!(found, [entries[3].clone(), entries[2].clone()]);
    let query = || wanted.clone();
    for other in [
        AuditQuery {
            chain: Some(fresh::chain()),
            ..query()
        },
        AuditQuery {
            actor: Some(Actor::System),
            ..query()
        },
        AuditQuery {
            action: Some("key.".to_owned()),
            ..query()
        },
        AuditQuery {
            subject: Some(fresh::subject()),
            ..query()
        },
        AuditQuery {
            from: Some(entries[5].at),
            ..query()
        },
        AuditQuery {
            to: Some(entries[1].at),
            ..query()
        },
        AuditQuery {
            before: Some(entries[1].cursor()),
            ..query()
        },
    ] {
        assert_eq!(listed(log, &other).await, [], "{other:?}");
    }
}

/// To some databases it would be no limit.
pub async fn a_limit_of_nought_finds_nothing(log: &dyn AuditLog) {
    let subject = fresh::subject();
    append_all(log, &chain_of(2, &subject)).await;
    let none = AuditQuery {
        limit: 0,
        ..about(&subject)
    };
    assert_eq!(listed(log, &none).await, []);
}

// Three chains of three entries that all have one time, in the order they are listed in.
async fn of_one_moment(log: &dyn AuditLog) -> (String, Vec<AuditEntry>) {
    let subject = fresh::subject();
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut entries = vec![first_of(&subject)];
        for nth in 0..2 {
            let entry = AuditEntry {
                at: NOW,
                ..next(&entries[nth])
            };
            entries.push(entry.sealed());
        }
        append_all(log, &entries).await;
        all.extend(entries);
    }
    all.sort_unstable_by_key(|entry| Reverse(entry.cursor()));
    (subject, all)
}

// One entry for each, in this order.
async fn with_actions(log: &dyn AuditLog, actions: &[&str]) -> String {
    let subject = fresh::subject();
    let mut last: Option<AuditEntry> = None;
    for action in actions {
        let entry = last.as_ref().map_or_else(|| first_of(&subject), next);
        let entry = AuditEntry {
            action: (*action).to_owned(),
            ..entry
        };
        last = Some(entry.sealed());
        append_all(log, last.as_slice()).await;
    }
    subject
}

async fn beginning(log: &dyn AuditLog, subject: &str, prefix: &str) -> Vec<String> {
    let query = AuditQuery {
        action: Some(prefix.to_owned()),
        ..about(subject)
    };
    let found = listed(log, &query).await;
    found.into_iter().map(|entry| entry.action).collect()
}
