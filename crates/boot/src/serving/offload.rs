//! Long work on actix's pool of threads for work that blocks.

use actix_web::web;
use async_trait::async_trait;
use llmgw_proxy::Offload;

/// Actix's threads for work that blocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockingPool;

#[async_trait]
impl Offload for BlockingPool {
    async fn run(&self, work: Box<dyn FnOnce() + Send>) {
        if web::block(work).await.is_err() {
            tracing::warn!("the process ends; work was dropped");
        }
    }
}
