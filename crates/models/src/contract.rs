//! The cases every adapter of [`ModelCatalog`] must pass.
//!
//! Each case is a function over the port and works on ids nobody else has: a store may hold other things, and
//! other cases may run on it at the same time. A macro turns the cases into one test each:
//!
//! ```
//! # #[cfg(any())] // the tests a macro makes only exist in a test target
//! llmgw_models::model_catalog_contract!(futures_executor::block_on, (MyModels::connect(), ()));
//! ```
//!
//! The first argument is what runs a future to its end. The second is an expression that gives the adapter
//! and something to keep until the test is over (a temporary folder, say); it may `return` to skip the test.

#![expect(clippy::expect_used, reason = "a case fails by panicking, like any test")]

pub mod answers;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use llmgw_types::{
    Endpoint, GroupName, Limit, ModelId, Money, Price, Revision, StoreError, TargetId, Timestamp, Unit,
    Window,
};

use crate::{Access, Model, ModelCatalog, ModelState, Quirk, SecretRef, Target, Timeouts};

const WORKS: &str = "the store answers";

/// One test per case of this [module](crate::contract).
#[macro_export]
macro_rules! model_catalog_contract {
    ($block_on:path, $make:expr) => {
        $crate::model_catalog_contract!(@cases $block_on, $make;
            an_inserted_model_is_found_as_it_was,
            a_model_with_nothing_optional_is_found_as_it_was,
            an_unknown_model_is_none,
            an_alias_finds_nothing,
            ids_differ_by_case,
            an_id_is_kept_once,
            an_update_replaces_all_fields,
            an_update_of_an_unknown_model_is_missing,
            an_update_of_what_was_changed_meanwhile_is_refused,
            a_removal_of_what_was_changed_meanwhile_is_refused,
            a_removed_model_is_gone,
            a_removed_model_can_come_back,
            lists_are_complete_and_in_order,
        );
    };
    (@cases $block_on:path, $make:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let (store, _keep) = $make;
                $block_on($crate::contract::$case(&store));
            }
        )*
    };
}

/// All fields survive, also those with many values and odd text.
pub async fn an_inserted_model_is_found_as_it_was(store: &dyn ModelCatalog) {
    let model = inserted(store, full_model(fresh_id("m"))).await;
    assert_eq!(store.get(&model.id).await.expect(WORKS), Some(model));
}

/// Absent fields come back absent.
pub async fn a_model_with_nothing_optional_is_found_as_it_was(store: &dyn ModelCatalog) {
    let model = inserted(store, bare_model(fresh_id("m"))).await;
    assert_eq!(store.get(&model.id).await.expect(WORKS), Some(model));
}

/// Absence is no error.
pub async fn an_unknown_model_is_none(store: &dyn ModelCatalog) {
    assert_eq!(store.get(&fresh_id("m")).await.expect(WORKS), None);
}

/// Models are found by their id only; aliases are the catalogue's matter.
pub async fn an_alias_finds_nothing(store: &dyn ModelCatalog) {
    let alias = fresh_id("alias");
    inserted(
        store,
        Model {
            aliases: vec![alias.clone()],
            ..bare_model(fresh_id("m"))
        },
    )
    .await;
    assert_eq!(store.get(&alias).await.expect(WORKS), None);
    let refused = store.update(&bare_model(alias.clone())).await;
    assert!(matches!(refused, Err(StoreError::Missing { .. })), "{refused:?}");
    assert!(!store.remove(&alias, None).await.expect(WORKS));
}

/// Two ids that differ by case are two models.
pub async fn ids_differ_by_case(store: &dyn ModelCatalog) {
    let lower = fresh_id("m");
    let upper = ModelId::parse(&lower.as_str().to_uppercase()).expect("a model id");
    let lower = inserted(store, bare_model(lower)).await;
    assert_eq!(store.get(&upper).await.expect(WORKS), None);
    inserted(store, full_model(upper)).await;
    assert_eq!(store.get(&lower.id).await.expect(WORKS), Some(lower));
}

/// A second model with the same id is refused and leaves the first as it was.
pub async fn an_id_is_kept_once(store: &dyn ModelCatalog) {
    let model = inserted(store, full_model(fresh_id("m"))).await;
    let refused = store.insert(&bare_model(model.id.clone())).await;
    assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
    assert_eq!(store.get(&model.id).await.expect(WORKS), Some(model));
}

/// Nothing of the former model is left.
pub async fn an_update_replaces_all_fields(store: &dyn ModelCatalog) {
    let before = inserted(store, full_model(fresh_id("m"))).await;
    let bare = updated(store, bare_model(before.id.clone())).await;
    let full = Model {
        revision: bare.revision,
        ..before
    };
    let full = updated(store, full).await;
    // To what is there already is a change as well.
    updated(store, full).await;
}

/// Whoever changes what somebody else changed meanwhile is told so, and changes nothing.
pub async fn an_update_of_what_was_changed_meanwhile_is_refused(store: &dyn ModelCatalog) {
    let read = inserted(store, full_model(fresh_id("m"))).await;
    let owned = |by: &str| Model {
        owned_by: by.to_owned(),
        ..read.clone()
    };
    let first = updated(store, owned("first")).await;
    let second = store.update(&owned("second")).await;
    assert!(matches!(second, Err(StoreError::Changed { .. })), "{second:?}");
    assert_eq!(store.get(&read.id).await.expect(WORKS).as_ref(), Some(&first));
    updated(store, first).await;
}

/// An update makes no model.
pub async fn an_update_of_an_unknown_model_is_missing(store: &dyn ModelCatalog) {
    let model = bare_model(fresh_id("m"));
    let refused = store.update(&model).await;
    assert!(matches!(refused, Err(StoreError::Missing { .. })), "{refused:?}");
    assert_eq!(store.get(&model.id).await.expect(WORKS), None);
}

/// Whoever removes what somebody else changed meanwhile is told so, and removes nothing; what is gone is gone for
/// whoever saw it as well.
pub async fn a_removal_of_what_was_changed_meanwhile_is_refused(store: &dyn ModelCatalog) {
    let read = inserted(store, full_model(fresh_id("m"))).await;
    let changed = updated(store, read.clone()).await;
    let refused = store.remove(&read.id, Some(read.revision)).await;
    assert!(matches!(refused, Err(StoreError::Changed { .. })), "{refused:?}");
    assert_eq!(store.get(&read.id).await.expect(WORKS).as_ref(), Some(&changed));
    assert!(store.remove(&read.id, Some(changed.revision)).await.expect(WORKS));
    assert!(!store.remove(&read.id, Some(changed.revision)).await.expect(WORKS));
}

/// Removing tells whether there was something to remove.
pub async fn a_removed_model_is_gone(store: &dyn ModelCatalog) {
    let model = inserted(store, full_model(fresh_id("m"))).await;
    let other = inserted(store, full_model(fresh_id("m"))).await;
    assert!(store.remove(&model.id, None).await.expect(WORKS));
    assert!(!store.remove(&model.id, None).await.expect(WORKS));
    assert_eq!(store.get(&model.id).await.expect(WORKS), None);
    assert!(!store.list().await.expect(WORKS).contains(&model));
    assert_eq!(store.get(&other.id).await.expect(WORKS), Some(other));
}

/// An id is free again once its model is removed.
pub async fn a_removed_model_can_come_back(store: &dyn ModelCatalog) {
    let model = inserted(store, full_model(fresh_id("m"))).await;
    assert!(store.remove(&model.id, None).await.expect(WORKS));
    let model = inserted(store, bare_model(model.id)).await;
    assert_eq!(store.get(&model.id).await.expect(WORKS), Some(model));
}

/// Every model is listed, disabled ones too, by the bytes of their ids.
pub async fn lists_are_complete_and_in_order(store: &dyn ModelCatalog) {
    let mut wanted = Vec::new();
    for prefix in ["b", "a/x", "Z", "a", "a-", "0"] {
        wanted.push(inserted(store, full_model(fresh_id(prefix))).await);
    }
    wanted.sort_by(|a, b| a.id.cmp(&b.id));
    let mut listed = store.list().await.expect(WORKS);
    assert!(listed.is_sorted_by(|a, b| a.id < b.id), "the list is in order");
    listed.retain(|model| wanted.iter().any(|other| other.id == model.id));
    assert_eq!(listed, wanted);
}

async fn inserted(store: &dyn ModelCatalog, model: Model) -> Model {
    store.insert(&model).await.expect(WORKS);
    model
}

// As it is there now.
async fn updated(store: &dyn ModelCatalog, model: Model) -> Model {
    store.update(&model).await.expect(WORKS);
    let revision = model.revision.next();
    let kept = Model { revision, ..model };
    assert_eq!(store.get(&kept.id).await.expect(WORKS).as_ref(), Some(&kept));
    kept
}

// An id nobody else has, also on a server that other tests use at the same time. The standard library seeds
// its hash maps from the system's entropy.
fn fresh_id(prefix: &str) -> ModelId {
    static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    ModelId::parse(&format!("{prefix}{:x}-{count}", *RUN)).expect("a model id")
}

fn bare_model(id: ModelId) -> Model {
    Model::new(id, Timestamp::from_micros(1_800_000_000_000_001))
}

fn full_model(id: ModelId) -> Model {
    let model = |text| ModelId::parse(text).expect("a model id");
    let group = |text| GroupName::parse(text).expect("a group name");
    Model {
        aliases: vec![model("z:alias"), model("a/alias@1")],
        owned_by: "Größe \"x\" \\".to_owned(),
        endpoints: Endpoint::ALL.to_vec(),
        targets: full_targets(),
        price: Price {
            prompt: Money::from_nanos(i64::MAX),
            cached_prompt: Money::from_nanos(1),
            completion: Money::from_nanos(1 << 53),
            unit: Money::from_nanos(3),
        },
        access: Access::Groups(vec![group("cn=staff, ou='x'"), group("a")]),
        fallbacks: vec![model("other")],
        timeouts: Timeouts {
            first_byte_ms: u64::MAX,
            idle_ms: 1,
        },
        limits: vec![Limit::new(Unit::Tokens, Window::Minute, u64::MAX).expect("a limit")],
        default_answer_tokens: u64::MAX,
        context: Some(u32::MAX),
        state: ModelState::Disabled,
        created_at: Timestamp::from_micros(1_800_000_000_654_321),
        revision: Revision::default(),
        id,
    }
}

fn full_targets() -> Vec<Target> {
    let target = |id, secret| Target {
        id: TargetId::parse(id).expect("a target id"),
        base_url: "http://10.0.0.1:8000/päth?no".to_owned(),
        model: Some("org/Name with blanks".to_owned()),
        secret,
        weight: 1_000,
        max_in_flight: Some(u32::MAX),
        quirks: Quirk::ALL.to_vec(),
    };
    vec![
        target("second", SecretRef::Env("LLMGW_UPSTREAM_A".to_owned())),
        target("first", SecretRef::File("vllm.key".to_owned())),
        target("third", SecretRef::Default),
        Target {
            model: None,
            max_in_flight: None,
            quirks: Vec::new(),
            ..target("fourth", SecretRef::None)
        },
    ]
}
