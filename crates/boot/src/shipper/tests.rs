use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use llmgw_keys::{ApiKey, KeyHash, KeyState, MemoryKeys, Page};
use llmgw_types::{
    Endpoint, ManualClock, ModelId, NoObserver, Price, RequestId, Revision, StoreError, Timestamp, UserId,
};
use llmgw_usage::admission::{Calendar, MemoryAdmission};
use llmgw_usage::journal::{MemoryJournal, OpenEntry};
use llmgw_usage::ledger::MemoryLedger;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Keys in memory; counts how often their use is noted.
#[derive(Default)]
struct Counting {
    inner: MemoryKeys,
    touches: AtomicUsize,
}

#[async_trait]
impl KeyStore for Counting {
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.inner.insert(key).await
    }

    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.inner.by_hash(hash).await
    }

    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.inner.get(id).await
    }

    async fn list(&self, owner: Option<UserId>, page: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError> {
        self.inner.list(owner, page).await
    }

    async fn update(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.inner.update(key).await
    }

    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        self.touches.fetch_add(1, Ordering::SeqCst);
        self.inner.touch(used).await
    }
}

struct World {
    shipper: Shipper,
    keys: Arc<Counting>,
    clock: Arc<ManualClock>,
    key: KeyId,
    made: AtomicUsize,
}

async fn world() -> World {
    let keys = Arc::new(Counting::default());
    let clock = Arc::new(ManualClock::at(NOW));
    let user = UserId::new(NOW, [1; 10]);
    let key = KeyId::new(NOW, [2; 10]);
    let kept = ApiKey {
        id: key,
        hash: KeyHash::from_bytes([3; 32]),
        hint: String::new(),
        name: String::new(),
        owner: user,
        models: Vec::new(),
        limits: Vec::new(),
        expires_at: None,
        state: KeyState::Active,
        created_at: NOW,
        revision: Revision::default(),
        last_used_at: None,
        replaces: None,
    };
    keys.insert(&kept).await.unwrap();
    let shipper = Shipper {
        journal: Arc::new(MemoryJournal::default()),
        ledger: Arc::new(MemoryLedger::default()),
        limits: ShippedTo::Own(Arc::new(MemoryAdmission::new(Calendar::default()))),
        keys: keys.clone(),
        observer: Arc::new(NoObserver),
        clock: clock.clone(),
    };
    World {
        shipper,
        keys,
        clock,
        key,
        made: AtomicUsize::new(0),
    }
}

impl World {
    // A request that ended, so many milliseconds after the start.
    fn request(&self, millis: u64) {
        let number = u8::try_from(self.made.fetch_add(1, Ordering::SeqCst)).unwrap();
        let entry = OpenEntry {
            id: RequestId::new(NOW, [number; 10]),
            time: NOW.plus(Duration::from_millis(millis)),
            key: self.key,
            user: UserId::new(NOW, [1; 10]),
            groups: Vec::new(),
            model: ModelId::parse("m").unwrap(),
            target: None,
            endpoint: Endpoint::ALL[0],
            streamed: false,
            prompt_estimate: 1,
            price: Price::default(),
        };
        let open = self.shipper.journal.open(&entry).unwrap();
        open.close(&entry.crashed(None));
    }

    async fn shipped(&self) {
        self.until("everything is shipped", || {
            self.shipper.journal.lag().records == 0
        })
        .await;
    }

    async fn until(&self, what: &str, is: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if is() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("not within ten seconds: {what}");
    }

    fn touches(&self) -> usize {
        self.keys.touches.load(Ordering::SeqCst)
    }

    async fn last_used(&self) -> Option<Timestamp> {
        self.keys.get(self.key).await.unwrap().unwrap().last_used_at
    }
}

#[test]
fn the_last_use_of_keys_is_noted_once_in_ten_seconds_and_at_the_end() {
    actix_rt::System::new().block_on(async {
        let world = world().await;
        let (stop, stops) = watch::channel(false);
        let test = async {
            for millis in [7, 9, 8] {
                world.request(millis);
                world.shipped().await;
            }
            assert_eq!(world.touches(), 0);
            world.clock.advance(NOTE_USE_EVERY);
            world.until("the use is noted", || world.touches() == 1).await;
            assert_eq!(world.last_used().await, Some(NOW.plus(Duration::from_millis(9))));
            world.request(20);
            world.shipped().await;
            assert_eq!(world.touches(), 1);
            stop.send(true).unwrap();
        };
        tokio::join!(world.shipper.run(stops, Duration::from_secs(10)), test);
        assert_eq!(world.touches(), 2);
        assert_eq!(world.last_used().await, Some(NOW.plus(Duration::from_millis(20))));
    });
}

#[test]
fn it_rests_longer_while_nothing_flows_and_less_once_something_does() {
    actix_rt::System::new().block_on(async {
        let world = world().await;
        let mut used = LastUse::new();
        let mut rests = vec![REST];
        for _ in 0..4 {
            rests.push(world.shipper.round(&mut used, rests[rests.len() - 1]).await);
        }
        assert_eq!(rests, [50, 100, 200, 250, 250].map(Duration::from_millis));
        world.request(1);
        assert_eq!(world.shipper.round(&mut used, IDLE_REST).await, REST);
    });
}

#[test]
fn what_earlier_processes_left_is_shipped_and_noted_at_once() {
    actix_rt::System::new().block_on(async {
        let world = world().await;
        world.request(5);
        world.shipper.ship_all().await.unwrap();
        assert_eq!(world.shipper.journal.lag().records, 0);
        assert_eq!(world.last_used().await, Some(NOW.plus(Duration::from_millis(5))));
    });
}
