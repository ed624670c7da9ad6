//! A service that has nothing to do with language models and no web framework, with the gateway's keys and limits: it
//! turns lines of text around. A line is `KEY TEXT`; the answer is the text backwards, or why there is none.
//!
//! `--once` asks itself three times and ends, else it serves until Ctrl-C.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "an example prints what it does, and ends where the system has no random bits"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use llmgw_keys::{KeyLookup, KeyService, MemoryKeys, MemoryUsers, NewKey, Pepper};
use llmgw_types::{
    Change, ChangeFeed, Clock, Entropy, Limit, NoObserver, RequestId, StoreError, Timestamp, Unit, Window,
    random,
};
use llmgw_usage::admission::{
    AdmissionStore, Calendar, Charge, MemoryAdmission, ReserveRequest, Reserved, Rule, Settled, Subject,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

// ANCHOR: service
/// What a line needs on its way.
struct Service {
    keys: KeyLookup,
    limits: MemoryAdmission,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Service {
    async fn answer(&self, line: &str) -> Result<String, StoreError> {
        let (key, text) = line.split_once(' ').unwrap_or((line, ""));
        let now = self.clock.now();
        let grant = match self.keys.find(key, now).await? {
            Ok(grant) => grant,
            Err(refusal) => return Ok(format!("refused: {refusal:?}")),
        };
        // The limits of this key. Those of its owner, of groups and of everyone are further rules.
        let subject = Subject::Key(grant.key.id);
        let rules: Vec<Rule> = (grant.key.limits.iter())
            .map(|limit| Rule {
                subject: subject.clone(),
                limit: *limit,
            })
            .collect();
        let id = RequestId::new(now, random(&*self.entropy));
        let charge = Charge {
            requests: 1,
            ..Charge::default()
        };
        let wanted = ReserveRequest {
            id,
            now,
            lease: Duration::from_secs(60),
            subjects: std::slice::from_ref(&subject),
            rules: &rules,
            estimate: charge,
        };
        if let Reserved::Refused(refusal) = self.limits.reserve(&wanted).await? {
            return Ok(format!("refused: {} is used up", refusal.state.rule.limit));
        }
        let turned: String = text.chars().rev().collect();
        // What it really took; here it is what was thought.
        let settled = Settled {
            id,
            reserved_at: now,
            subjects: vec![subject],
            actual: charge,
        };
        self.limits.settle(self.clock.now(), &[settled]).await?;
        Ok(turned)
    }
}
// ANCHOR_END: service

struct WallClock;

impl Clock for WallClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a service is the one place that reads the clock"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        // Good enough where nobody sets the clock back.
        Duration::from_millis(u64::try_from(self.now().as_millis()).unwrap_or_default())
    }
}

struct OsRandom;

impl Entropy for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        use std::io::Read;
        let mut source = std::fs::File::open("/dev/urandom").expect("/dev/urandom");
        source.read_exact(bytes).expect("random bytes");
    }
}

/// One process has nobody to tell.
struct Alone;

#[async_trait::async_trait]
impl ChangeFeed for Alone {
    async fn publish(&self, _: Change) -> Result<(), StoreError> {
        Ok(())
    }
}

async fn serve(service: Arc<Service>, connection: TcpStream) -> Result<(), Box<dyn Error>> {
    let (read, mut write) = connection.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = service.answer(&line).await?;
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn ask(connection: &mut BufReader<TcpStream>, line: &str) -> Result<String, Box<dyn Error>> {
    connection.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    connection.read_line(&mut answer).await?;
    println!("{}", answer.trim_end());
    Ok(answer)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (keys, users) = (Arc::new(MemoryKeys::default()), Arc::new(MemoryUsers::default()));
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(WallClock), Arc::new(OsRandom));
    // From a file, where keys shall outlive the process.
    let pepper = || Pepper::new(b"32 bytes or more that nobody guesses");
    let made = KeyService::new(
        keys.clone(),
        users.clone(),
        pepper()?,
        Arc::new(Alone),
        entropy.clone(),
    )
    .create(
        NewKey {
            owner: "ada".to_owned(),
            name: "example".to_owned(),
            limits: vec![Limit::new(Unit::Requests, Window::Day, 2)?],
            ..NewKey::default()
        },
        clock.now(),
    )
    .await?;
    let service = Arc::new(Service {
        keys: KeyLookup::new(keys, users, vec![pepper()?], clock.clone(), Arc::new(NoObserver)),
        limits: MemoryAdmission::new(Calendar::default()),
        clock,
        entropy,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let key = made.text.expose().to_owned();
    let once = std::env::args().any(|argument| argument == "--once");
    let serving = async {
        loop {
            let (connection, _) = listener.accept().await?;
            serve(Arc::clone(&service), connection).await?;
        }
    };
    if once {
        let asking = async {
            let mut connection = BufReader::new(TcpStream::connect(address).await?);
            ask(&mut connection, &format!("{key} hello")).await?;
            ask(&mut connection, &format!("{key} world")).await?;
            ask(&mut connection, &format!("{key} again")).await?;
            ask(&mut connection, "sk-llmgw-nobody hello").await
        };
        tokio::select! {
            done = asking => done.map(drop),
            failed = serving => failed,
        }
    } else {
        println!("nc {} {}, then: {key} hello", address.ip(), address.port());
        serving.await
    }
}
