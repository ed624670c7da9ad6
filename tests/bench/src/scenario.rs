//! The six loads, and what is measured of each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::admin::Admin;
use crate::load::{self, Outcome, Work};
use crate::mock::{self, Pace};
use crate::procstat;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// Plain answers on 64 connections.
    Plain,
    /// Plain answers, one after the other.
    Alone,
    /// Streams of 20 chunks on 64 connections, each chunk in a write of its own.
    Streams,
    /// The same with all chunks in one write.
    Bursts,
    /// 1,000 streams at once, 20 chunks 100 ms apart, each on a new connection.
    Slow,
    /// The same streams one after the other on 1,000 connections.
    Held,
}

/// A way to the mock.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    /// Whose CPU and memory are the price of this way; the mock's own are of no interest.
    pub(crate) pid: Option<u32>,
    /// Where the ledger is, for the side that keeps one.
    pub(crate) ledger: Option<Admin>,
}

/// What was measured in one round, by name. Times in the unit of the name's end.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

impl Scenario {
    pub(crate) const ALL: [Self; 6] = [
        Self::Plain,
        Self::Alone,
        Self::Streams,
        Self::Bursts,
        Self::Slow,
        Self::Held,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Alone => "alone",
            Self::Streams => "streams",
            Self::Bursts => "bursts",
            Self::Slow => "slow",
            Self::Held => "held",
        }
    }

    const fn connections(self) -> usize {
        match self {
            Self::Plain | Self::Streams | Self::Bursts => 64,
            Self::Alone => 1,
            Self::Slow | Self::Held => 1000,
        }
    }

    const fn pace(self) -> Option<Pace> {
        match self {
            Self::Plain | Self::Alone => None,
            Self::Streams => Some(Pace::Separate),
            Self::Bursts => Some(Pace::Burst),
            Self::Slow | Self::Held => Some(Pace::Slow),
        }
    }

    fn work(self, side: &Side) -> Result<Arc<Work>, Failure> {
        let model = self.pace().unwrap_or(Pace::Separate).model();
        let stream = if self.pace().is_some() {
            r#""stream":true,"#
        } else {
            ""
        };
        let messages = r#"[{"role":"system","content":"You answer in one sentence."},{"role":"user","content":"What is a lighthouse for?"}]"#;
        let body = format!(r#"{{"model":"{model}",{stream}"max_tokens":64,"messages":{messages}}}"#);
        let expected = mock::expected(self.pace().is_some());
        Ok(Arc::new(Work::new(side.address, &side.key, body, expected)?))
    }

    async fn load(self, work: &Arc<Work>, time: Duration) -> Outcome {
        match self {
            Self::Slow => load::all_at_once(work, self.connections()).await,
            _ => load::keep_busy(work, self.connections(), time).await,
        }
    }
}

/// A short load that nobody counts: opens connections, fills caches.
pub(crate) async fn warm_up(scenario: Scenario, side: &Side) -> Result<(), Failure> {
    let before = held(side).await?;
    let outcome = scenario
        .load(&scenario.work(side)?, Duration::from_millis(300))
        .await;
    settle(side, before, &outcome).await
}

/// One round. It ends when the ledger, where there is one, holds every request.
pub(crate) async fn measure(scenario: Scenario, side: &Side, time: Duration) -> Result<Figures, Failure> {
    let work = scenario.work(side)?;
    let before = held(side).await?;
    if let Some(pid) = side.pid {
        procstat::forget_peak(pid)?;
    }
    let (cpu, others, began) = (cpu(side)?, others_cpu()?, Instant::now());
    let mut outcome = scenario.load(&work, time).await;
    settle(side, before, &outcome).await?;
    let whole = began.elapsed();
    let used = self::cpu(side)?.saturating_sub(cpu);
    let others = others_cpu()?.saturating_sub(others);

    let completed = outcome.completed as f64;
    let mut figures = Figures::from([
        ("completed", completed),
        ("failed", outcome.failed as f64),
        ("per_second", completed / outcome.elapsed.as_secs_f64()),
        ("per_second_to_ledger", completed / whole.as_secs_f64()),
        ("ledger_lag_s", (whole - outcome.elapsed).as_secs_f64()),
        ("others_cores", others.as_secs_f64() / whole.as_secs_f64()),
        ("p50_ms", percentile(&mut outcome.whole, 50)),
        ("p99_ms", percentile(&mut outcome.whole, 99)),
        ("first_byte_p50_ms", percentile(&mut outcome.first_byte, 50)),
        ("first_byte_p99_ms", percentile(&mut outcome.first_byte, 99)),
    ]);
    if let Some(pid) = side.pid {
        figures.insert("cpu_ms", used.as_secs_f64() * 1000.0 / completed);
        figures.insert("peak_mb", procstat::peak_memory(pid)? as f64 / 1e6);
    }
    if let Some(complaint) = outcome.complaint {
        eprintln!("  {} of {}: {complaint}", outcome.failed, side.name);
    }
    Ok(figures)
}

fn cpu(side: &Side) -> Result<Duration, Failure> {
    side.pid.map_or(Ok(Duration::ZERO), procstat::cpu)
}

/// CPU time that went to processes we did not start: a machine with much of it measures its other work.
fn others_cpu() -> Result<Duration, Failure> {
    Ok(procstat::machine_cpu()?.saturating_sub(procstat::cpu(std::process::id())?))
}

async fn held(side: &Side) -> Result<u64, Failure> {
    match &side.ledger {
        Some(ledger) => Ok(ledger.total().await?.requests),
        None => Ok(0),
    }
}

/// Failed requests may or may not have been admitted, so with any of them there is no number to wait for: the
/// run will end as failed, and a second is enough for what did complete.
async fn settle(side: &Side, before: u64, outcome: &Outcome) -> Result<(), Failure> {
    match &side.ledger {
        Some(ledger) if outcome.failed == 0 => ledger.holds(before + outcome.completed).await,
        Some(_) => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        }
        None => Ok(()),
    }
}

/// In milliseconds; nothing measured gives NaN, which the report shows as a dash.
fn percentile(nanoseconds: &mut [u64], percent: usize) -> f64 {
    if nanoseconds.is_empty() {
        return f64::NAN;
    }
    let index = (nanoseconds.len() - 1) * percent / 100;
    let (_, value, _) = nanoseconds.select_nth_unstable(index);
    *value as f64 / 1e6
}
