//! A journal without room takes no new request and loses none that runs.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use llmgw_tests::answers::{chat, ok, usage};
use llmgw_tests::{Call, Connection, Gateway, Setup, Tap, eventually};
use serde_json::json;

const CHAT: &str = r#"{"model":"smollm2","messages":[]}"#;
const HELD: &str = r#"{"model":"held","messages":[]}"#;
/// More than any journal of these tests has room for.
const TOO_MANY: usize = 20_000;

/// A file system of a few megabytes.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `path`; says why not, where only root may.
    fn mount(path: &Path) -> Result<Self, String> {
        fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(path)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self(path.to_owned())),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        while file.write_all(&[0; 4_096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// A gateway with a model that answers at once, and one that is held until it is told.
async fn start(setup: Setup, quick: &Tap, held: &Tap) -> Gateway {
    let gateway = setup.upstream(quick).start().await;
    gateway
        .admin
        .new_model(json!({"id": "held", "targets": [{"id": "t", "base_url": held.url()}]}))
        .await;
    gateway
}

async fn hold(gateway: &Gateway, held: &mut Tap) -> (Connection, Call) {
    (gateway.begin(HELD).await, held.call().await)
}

async fn end((mut client, mut call): (Connection, Call)) {
    call.write(ok(&chat(&usage(5, 0, 5)))).await;
    assert_eq!(client.answer().await.status(), 200);
}

/// Asks until it is refused; how many were served before.
async fn served_until_full(gateway: &Gateway) -> usize {
    let mut client = gateway.connect().await;
    for served in 0..TOO_MANY {
        let answer = client.ask(&gateway.request("/v1/chat/completions", CHAT)).await;
        if answer.status() != 200 {
            assert_eq!(
                (answer.status(), answer.code()),
                (503, "journal_unavailable".to_owned())
            );
            assert!(answer.head.get("retry-after").is_some());
            return served;
        }
    }
    panic!("{TOO_MANY} requests, and the journal is not full");
}

#[tokio::test]
async fn a_full_disk_refuses_new_requests_and_loses_none() {
    let setup = Setup::default();
    // The folder stays until nothing is mounted in it any more.
    let _folder = setup.clone();
    let dir = setup.folder().join("disk");
    let disk = match SmallDisk::mount(&dir) {
        Ok(disk) => disk,
        Err(reason) => {
            let required = std::env::var_os("LLMGW_REQUIRE_STORES").is_some_and(|value| value == "1");
            assert!(!required, "cannot mount a small disk: {reason}");
            eprintln!("SKIPPED a_full_disk_refuses_new_requests_and_loses_none: cannot mount: {reason}");
            return;
        }
    };
    let quick = Tap::answering(|_| ok(&chat(&usage(3, 0, 3))));
    let mut held = Tap::by_hand();
    let mut gateway = start(
        setup.env("LLMGW_JOURNAL__DIR", dir.to_str().unwrap()),
        &quick,
        &held,
    )
    .await;
    let mut running = Vec::new();
    for _ in 0..10 {
        running.push(hold(&gateway, &mut held).await);
    }
    disk.fill();
    let served = served_until_full(&gateway).await;
    let refused = gateway.post("/v1/chat/completions", CHAT).await;
    let before = quick.received().len();
    for request in running {
        end(request).await;
    }
    disk.make_room();
    eventually("there is room again", async || {
        (gateway.post("/v1/chat/completions", CHAT).await.status() == 200).then_some(())
    })
    .await;
    let events = gateway.ledger().await;
    assert_eq!(events.len(), quick.received().len() + 10);
    assert!(
        events
            .iter()
            .all(|event| event.end == "complete" && event.source == "reported")
    );
    assert!(
        before >= served
            && !events
                .iter()
                .any(|event| event.request_id == refused.id() && refused.status() == 503)
    );
    gateway.kill9().await;
    gateway.start_again().await;
    assert_eq!(gateway.ledger().await, events);
    drop(gateway);
}

#[tokio::test]
async fn a_journal_of_its_largest_size_refuses_until_there_is_room() {
    let quick = Tap::answering(|_| ok(&chat(&usage(3, 0, 3))));
    let mut held = Tap::by_hand();
    let gateway = start(
        Setup::default().env("LLMGW_JOURNAL__MAX_SIZE", "256KiB"),
        &quick,
        &held,
    )
    .await;
    let mut running = Vec::new();
    // Requests that run keep their room.
    let refused = loop {
        let mut client = gateway.begin(HELD).await;
        tokio::select! {
            call = held.call() => running.push((client, call)),
            answer = client.answer() => break answer,
        }
        assert!(running.len() < 5_000, "the journal has no end");
    };
    assert_eq!(
        (refused.status(), refused.code()),
        (503, "journal_unavailable".to_owned())
    );
    assert!(running.len() > 10, "only {} fit", running.len());
    let kept = running.len();
    for request in running {
        end(request).await;
    }
    eventually("there is room again", async || {
        (gateway.post("/v1/chat/completions", CHAT).await.status() == 200).then_some(())
    })
    .await;
    let events = gateway.ledger().await;
    assert_eq!(events.len(), kept + quick.received().len());
    assert!(
        events
            .iter()
            .all(|event| event.end == "complete" && event.source == "reported")
    );
}

#[tokio::test]
async fn a_full_journal_may_be_told_to_let_requests_run() {
    let quick = Tap::answering(|_| ok(&chat(&usage(3, 0, 3))));
    let mut held = Tap::by_hand();
    let setup = Setup::default()
        .env("LLMGW_JOURNAL__MAX_SIZE", "64KiB")
        .env("LLMGW_JOURNAL__WHEN_FULL", "allow");
    let gateway = start(setup, &quick, &held).await;
    let mut running = Vec::new();
    for _ in 0..400 {
        running.push(hold(&gateway, &mut held).await);
    }
    for request in running {
        end(request).await;
    }
}
