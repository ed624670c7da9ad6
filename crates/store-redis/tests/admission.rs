//! Limits: the port's contract, agreement with the adapter that defines the port, and rebuilding.

mod agreement;
mod forgetting;
mod rebuilding;

mod contract {
    use crate::server;

    llmgw_usage::admission_contract!(server::block_on, (server::admission(), ()));
}
