//! Breaks everything around three gateways while load runs, and looks afterwards whether the ledger is true.

#![expect(
    clippy::disallowed_methods,
    reason = "it lives in real time and owns its tasks"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line: the table is its output"
)]

mod checks;
mod client;
mod director;
mod gateways;
mod load;
mod proxy;
mod session;
mod steady;
mod upstream;
mod verdict;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::checks::Size;
use crate::director::Timeline;
use crate::verdict::Verdict;
use crate::world::World;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Looks whether the ledger is true and limits hold, over three gateways on a real Redis and a real MongoDB.
#[derive(Debug, Parser)]
struct Args {
    /// The llm-gateway binary
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        default_value = "target/release/llm-gateway"
    )]
    gateway: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kills, freezes, flushes and cuts off everything while clients ask, leave, and model servers die; compares in
    /// the end the ledger with what the model server served
    Chaos(Chaos),
    /// Checks single promises, long
    Stores(Stores),
}

#[derive(Debug, clap::Args)]
struct Chaos {
    /// How many runs
    #[arg(long, default_value_t = 1)]
    seeds: u64,

    /// The first run's seed; the next ones follow
    #[arg(long, default_value_t = 1)]
    first: u64,

    /// Requests in each run
    #[arg(long, default_value_t = 20_000)]
    requests: u64,

    /// How long one trouble lasts at most, in seconds
    #[arg(long, default_value_t = 5)]
    longest: u64,

    /// Keep logs and journals of a run that went wrong
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, clap::Args)]
struct Stores {
    /// Only this check
    #[arg(long, value_name = "CHECK")]
    only: Option<String>,

    /// A short form
    #[arg(long)]
    quick: bool,

    /// Keep logs and journals where a promise was broken
    #[arg(long)]
    keep: bool,
}

impl Stores {
    fn size(&self) -> Size {
        if self.quick {
            return Size {
                attempts: 5_000,
                revocations: 10,
                unknown: 500,
                redis_away: Duration::from_secs(5),
                mongo_away: Duration::from_secs(12),
                phase: Duration::from_secs(4),
                patient: false,
            };
        }
        Size {
            attempts: 100_000,
            revocations: 200,
            unknown: 10_000,
            redis_away: Duration::from_mins(2),
            mongo_away: Duration::from_mins(10),
            phase: Duration::from_secs(20),
            patient: true,
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(until_stopped(&args))) {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => failed(&failure.to_string()),
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("llmgw-chaos: {why}");
    ExitCode::FAILURE
}

async fn until_stopped(args: &Args) -> Result<ExitCode, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    // Leaving drops what runs, and with it the processes it started.
    tokio::select! {
        code = run(args) => code,
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::FAILURE),
    }
}

async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let named = args.gateway.display();
    let gateway = args.gateway.canonicalize();
    let gateway = gateway.map_err(|error| format!("--gateway {named}: {error}"))?;
    match &args.command {
        Command::Chaos(chaos) => break_everything(chaos, &gateway).await,
        Command::Stores(stores) => check_stores(stores, &gateway).await,
    }
}

async fn check_stores(stores: &Stores, gateway: &Path) -> Result<ExitCode, Failure> {
    let good = checks::all(
        gateway,
        stores.size(),
        (stores.only.as_deref(), stores.keep),
        |name, found| {
            println!("## {name}\n");
            found.lines.iter().for_each(|line| println!("- {line}"));
            found
                .faults
                .iter()
                .for_each(|fault| println!("- BROKEN: {fault}"));
            println!();
        },
    );
    Ok(if good.await? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn break_everything(args: &Chaos, gateway: &Path) -> Result<ExitCode, Failure> {
    println!(
        "seed requests  served whole records lost doubled wrong roll-ups not-freed off  p99 ms longest ms  drained s  freed s"
    );
    let (mut bad, mut lost, mut doubled) = (0, 0, 0);
    for seed in args.first..args.first + args.seeds {
        let world = World::start(gateway).await?;
        let timeline = Timeline::default();
        let verdict = one(args, &world, seed, &timeline).await?;
        tell(seed, args.requests, &verdict);
        (lost, doubled) = (lost + verdict.lost.len(), doubled + verdict.doubled.len());
        if !verdict.is_good() {
            bad += 1;
            tell_why(&verdict, &timeline);
            if args.keep {
                println!("kept in {}", world.keep());
            }
        }
    }
    println!(
        "chaos: {} seeds, {} requests each, {lost} lost, {doubled} doubled, {bad} runs not as they must be",
        args.seeds, args.requests
    );
    Ok(if bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn one(args: &Chaos, world: &World, seed: u64, timeline: &Timeline) -> Result<Verdict, Failure> {
    let began = Instant::now();
    let longest = Duration::from_secs(args.longest);
    let outcomes = tokio::select! {
        outcomes = load::load(world, seed, args.requests) => outcomes,
        stopped = director::direct(world, seed, longest, timeline) => {
            return Err(stopped.err().unwrap_or_else(|| "the director left".into()));
        }
    };
    eprintln!(
        "seed {seed}: load done after {:.0} s",
        began.elapsed().as_secs_f64()
    );
    director::mend(world).await?;
    verdict::judge(world, &outcomes).await
}

fn tell(seed: u64, requests: u64, verdict: &Verdict) {
    println!(
        "{seed:>4} {requests:>8} {:>7} {:>5} {:>7} {:>4} {:>7} {:>5} {:>8} {:>9} {:>3} {:>7} {:>10} {:>10.1} {:>8.1}",
        verdict.served,
        verdict.whole,
        verdict.records,
        verdict.lost.len(),
        verdict.doubled.len(),
        verdict.wrong.len(),
        verdict.rollup_differences,
        verdict.not_freed.len(),
        verdict.counters_off.len(),
        verdict.p99.as_millis(),
        verdict.longest.as_millis(),
        verdict.drained.as_secs_f64(),
        verdict.freed.as_secs_f64(),
    );
}

fn tell_why(verdict: &Verdict, timeline: &Timeline) {
    for fault in verdict.faults().iter().take(20) {
        println!("  {fault}");
    }
    println!("  what was broken, and when:");
    for line in timeline.lines() {
        println!("  {line}");
    }
}
