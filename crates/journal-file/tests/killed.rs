//! kill -9 loses nothing that was noted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "the process that is killed says what it noted"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the test starts itself as the process that is killed"
)]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use llmgw_journal_file::{FileJournal, Options};
use llmgw_types::RequestId;
use llmgw_usage::journal::UsageJournal;
use llmgw_usage::journal::contract::{open_entry, seen};
use llmgw_usage::ledger::contract::record;
use llmgw_usage::ledger::{End, UsageRecord};

const CHILD: &str = "JOURNAL_TEST_CHILD_DIR";
const LINES: usize = 6_000;

// Notes requests in two threads until it is killed, and says what it noted, after it was noted.
fn write(dir: &Path) {
    let journal = FileJournal::open_dir(dir, Options::default()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| work(&*journal));
        }
    });
}

fn work(journal: &dyn UsageJournal) {
    let say = |what: &str, id: RequestId| println!("{what} {id}");
    for n in 0_u64.. {
        let record = record();
        let entry = journal.open(&open_entry(&record)).unwrap();
        say("open", record.id);
        entry.progress(&seen(7));
        say("seen", record.id);
        if n % 5 > 0 {
            entry.close(&record);
            say("closed", record.id);
        }
    }
}

#[test]
fn a_killed_process_loses_nothing() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return write(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let said = said_before_it_was_killed(dir.path());
        let journal = FileJournal::open_dir(dir.path(), Options::default()).unwrap();
        let batch = journal.next_batch(usize::MAX).unwrap();
        check(&said, &batch.records);
        journal.confirm(batch.mark).unwrap();
        assert_eq!(journal.lag().records, 0);
    }
}

// The last word about each request.
fn said_before_it_was_killed(dir: &Path) -> HashMap<String, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_process_loses_nothing", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said: Vec<_> = lines.by_ref().take(LINES).map(Result::unwrap).collect();
    let living = FileJournal::open_dir(dir, Options::default()).unwrap();
    assert!(living.next_batch(10).unwrap().records.is_empty());
    drop(living);
    child.kill().unwrap();
    // The rest of what it said before it died; the last line may be torn.
    said.extend(lines.map_while(Result::ok));
    child.wait().unwrap();
    let words = said.iter().filter_map(|line| line.split_once(' '));
    let words = words.filter(|(_, id)| id.parse::<RequestId>().is_ok());
    words.map(|(word, id)| (id.to_owned(), word.to_owned())).collect()
}

fn check(said: &HashMap<String, String>, records: &[UsageRecord]) {
    assert!(said.len() > 1_000);
    let found: HashMap<_, _> = records
        .iter()
        .map(|record| (record.id.to_string(), record))
        .collect();
    assert_eq!(found.len(), records.len(), "an id came twice");
    let mut seen_ends = HashSet::new();
    for (id, word) in said {
        assert!(found.contains_key(id), "{id} ({word}) is lost");
        let record = found[id];
        seen_ends.insert(word.as_str());
        match word.as_str() {
            "closed" => assert_eq!((record.end, record.tokens.completion), (End::Complete, 7)),
            // It may have come further than it said.
            "seen" => assert_eq!(record.tokens.completion, 7),
            _ => {}
        }
    }
    assert!(seen_ends.contains("seen") && seen_ends.contains("closed"));
    let crashed = records.iter().filter(|record| record.end == End::Crashed).count();
    assert!(crashed * 10 > records.len(), "{crashed} of {}", records.len());
}
