//! What scripts say, read back.

use std::cmp::Reverse;

use llmgw_types::{StoreError, Timestamp};
use llmgw_usage::admission::{Charge, Generation, Refusal, Reserved, Rule, RuleState, Standing};

use super::windows::place;
use crate::error::corrupt;

/// The answer of `reserve.lua`.
pub(super) fn reserved(answer: &[u8], rules: &[Rule], estimate: &Charge) -> Result<Reserved, StoreError> {
    match answer.split_first() {
        Some((b'U', [])) => Ok(Reserved::Unready),
        Some((b'V', [])) => Ok(Reserved::Void),
        Some((b'G', rest)) => {
            let measured = measured(rest, rules)?;
            Ok(Reserved::Granted(
                measured.into_iter().map(|(state, _)| state).collect(),
            ))
        }
        Some((b'R', rest)) => refusal(measured(rest, rules)?, estimate),
        _ => Err(corrupt("an answer that no reserve gives")),
    }
}

/// The answer of `state.lua`.
pub(super) fn states(answer: &[u8], rules: &[Rule]) -> Result<Vec<RuleState>, StoreError> {
    let measured = measured(answer, rules)?;
    Ok(measured.into_iter().map(|(state, _)| state).collect())
}

/// What the books say of the counters; their layout stands in `prelude.lua`.
pub(super) fn standing(books: &[u8], now: Timestamp) -> Result<Standing, StoreError> {
    let numbers: Vec<f64> = books.chunks(8).filter_map(number).collect();
    let &[generation, ready, _, doubted, locked, _] =
        numbers.get(9..).ok_or_else(|| corrupt("no books of admission"))?
    else {
        return Err(corrupt("other books of admission"));
    };
    Ok(if ready == 1.0 {
        Standing::Ready {
            generation: Generation(generation as u64),
            doubted: doubted == 1.0,
        }
    } else if locked > now.as_micros() as f64 {
        Standing::Rebuilding
    } else {
        Standing::Unready
    })
}

/// One number.
pub(super) fn number(answer: &[u8]) -> Option<f64> {
    answer.try_into().ok().map(f64::from_le_bytes)
}

// Of the rules without room, the one that takes longest to free: one that never does, then the one whose window
// ends last, then running requests.
fn refusal(measured: Vec<(RuleState, bool)>, estimate: &Charge) -> Result<Reserved, StoreError> {
    let full = measured.into_iter().filter(|(_, full)| *full);
    full.map(|(state, _)| Refusal {
        asked: estimate.of(state.rule.limit.unit()),
        state,
    })
    .min_by_key(|refusal| (refusal.can_ever_fit(), Reverse(refusal.state.resets_at)))
    .map(|refusal| Reserved::Refused(Box::new(refusal)))
    .ok_or_else(|| corrupt("a refusal by no rule"))
}

// Each rule's state, and whether the request has no room in it.
fn measured(answer: &[u8], rules: &[Rule]) -> Result<Vec<(RuleState, bool)>, StoreError> {
    let (ends, counts) = answer
        .split_at_checked(32)
        .ok_or_else(|| corrupt("too short an answer"))?;
    if counts.len() != 17 * rules.len() {
        return Err(corrupt("an answer about other rules"));
    }
    let states = rules.iter().zip(counts.chunks_exact(17)).map(|(rule, counts)| {
        let state = RuleState {
            rule: rule.clone(),
            used: whole(&counts[..8]),
            reserved: whole(&counts[8..16]),
            resets_at: place(rule.limit.window()).map(|place| end(&ends[8 * place..][..8])),
        };
        (state, counts[16] == 1)
    });
    Ok(states.collect())
}

// Counters are never negative and never of a fraction.
fn whole(bytes: &[u8]) -> u64 {
    number(bytes).unwrap_or_default() as u64
}

fn end(bytes: &[u8]) -> Timestamp {
    Timestamp::from_micros(number(bytes).unwrap_or_default() as i64)
}
