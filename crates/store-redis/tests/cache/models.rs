//! Models.

use std::sync::Arc;
use std::time::Duration;

use llmgw_models::{MemoryModels, Model, ModelCatalog};
use llmgw_store_redis::{CachedModels, RedisFeed};
use llmgw_types::{Change, ChangeFeed, ModelId, Timestamp};

use super::shaky::Shaky;
use crate::server;

mod contract {
    use std::sync::Arc;

    use llmgw_models::MemoryModels;
    use llmgw_store_redis::CachedModels;

    use crate::server;

    llmgw_models::model_catalog_contract!(
        server::block_on,
        (
            CachedModels::new(
                server::open(&server::options()),
                Arc::new(MemoryModels::default())
            ),
            ()
        )
    );
}

#[test]
fn a_gateway_that_starts_while_the_store_is_away_knows_the_models() {
    let options = server::options();
    let store = Arc::new(Shaky::<MemoryModels>::default());
    let model = |id| Model::new(ModelId::parse(id).unwrap(), Timestamp::from_millis(5));
    let gateway = || CachedModels::new(server::open(&options), store.clone());
    let feed = RedisFeed::new(server::open(&options));
    let one = gateway();
    server::block_on(async {
        assert_eq!(one.list().await.unwrap(), []);
        store.inner.insert(&model("a")).await.unwrap();
        assert_eq!(one.list().await.unwrap(), []);
        feed.publish(Change::Model(model("a").id)).await.unwrap();
        assert_eq!(one.list().await.unwrap(), [model("a")]);
        one.insert(&model("b")).await.unwrap();
        assert_eq!(one.list().await.unwrap(), [model("a"), model("b")]);
        assert_eq!(one.list().await.unwrap().len(), 2);
        assert_eq!(store.asked(), 4);

        server::grow_older(&options.prefix, b"m", Duration::from_secs(3_600));
        store.set_away(true);
        assert_eq!(gateway().list().await.unwrap(), [model("a"), model("b")]);
    });
}
