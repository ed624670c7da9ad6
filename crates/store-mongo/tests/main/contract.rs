//! The contracts of all ports, each case on a database of its own. They run on an executor that knows
//! nothing of tokio, as the store promises.

macro_rules! made {
    ($adapter:ident) => {
        (crate::setup::store().$adapter(), ())
    };
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

mod audit {
    llmgw_audit::audit_log_contract!(futures_executor::block_on, made!(audit));
}
