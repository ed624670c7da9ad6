//! The contracts of all ports, each case on a file of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use llmgw_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

fn store() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let reports_timezone = llmgw_usage::ledger::contract::zone();
    let options = Options {
        reports_timezone,
        ..Options::default()
    };
    let store = SqliteStore::open(&folder.path().join("llmgw.db"), &options).unwrap();
    (store, folder)
}

macro_rules! made {
    ($adapter:ident) => {{
        let (store, folder) = crate::store();
        (store.$adapter(), folder)
    }};
}

mod keys {
    llmgw_keys::key_store_contract!(futures_executor::block_on, made!(keys));
}

mod users {
    llmgw_keys::user_store_contract!(futures_executor::block_on, made!(users));
}

mod models {
    llmgw_models::model_catalog_contract!(futures_executor::block_on, made!(models));
}

mod limits {
    llmgw_usage::limit_store_contract!(futures_executor::block_on, made!(limits));
}

mod ledger {
    llmgw_usage::ledger_contract!(futures_executor::block_on, made!(ledger));
}

mod sessions {
    llmgw_sessions::session_store_contract!(futures_executor::block_on, made!(sessions));
}

mod one_time {
    llmgw_sessions::one_time_store_contract!(futures_executor::block_on, made!(one_time));
}

mod answers {
    llmgw_models::answer_places_contract!(futures_executor::block_on, made!(answers));
}

mod audit {
    llmgw_audit::audit_log_contract!(futures_executor::block_on, made!(audit));
}
