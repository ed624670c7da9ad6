//! Medians of all rounds, as a Markdown table for people and as JSON with every round.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::Failure;
use crate::admin::Total;
use crate::args::RunOptions;
use crate::scenario::{Figures, Scenario};

const DIRECT: &str = "direct";
const NGINX: &str = "nginx";
const GATEWAY: &str = "gateway";
/// Cores that others may take before the figures mean little.
const NOISE: f64 = 0.1;

#[derive(Debug)]
pub(crate) struct Report {
    settings: Value,
    rounds: BTreeMap<(Scenario, &'static str), Vec<Figures>>,
    ledger: Option<Total>,
}

/// One line of the table.
struct Row {
    label: &'static str,
    scenario: Scenario,
    figure: &'static str,
    /// Shown is what this side has more than the direct way.
    added: bool,
    decimals: usize,
}

const fn row(label: &'static str, scenario: Scenario, figure: &'static str, decimals: usize) -> Row {
    Row {
        label,
        scenario,
        figure,
        added: false,
        decimals,
    }
}

const fn added(label: &'static str, scenario: Scenario, figure: &'static str) -> Row {
    Row {
        label,
        scenario,
        figure,
        added: true,
        decimals: 3,
    }
}

const ROWS: [Row; 23] = [
    row("requests/s at 64", Scenario::Plain, "per_second", 0),
    row(
        "requests/s until the ledger held all",
        Scenario::Plain,
        "per_second_to_ledger",
        0,
    ),
    row("CPU per request, ms", Scenario::Plain, "cpu_ms", 4),
    row("p50 at 64, ms", Scenario::Plain, "p50_ms", 2),
    row("p99 at 64, ms", Scenario::Plain, "p99_ms", 2),
    added("added p50 at 1, ms", Scenario::Alone, "p50_ms"),
    added("added p99 at 1, ms", Scenario::Alone, "p99_ms"),
    row(
        "streams/s at 64, 20 writes each",
        Scenario::Streams,
        "per_second",
        0,
    ),
    row("first byte p50, ms", Scenario::Streams, "first_byte_p50_ms", 2),
    row("first byte p99, ms", Scenario::Streams, "first_byte_p99_ms", 2),
    row("CPU per stream, ms", Scenario::Streams, "cpu_ms", 4),
    row(
        "streams/s at 64, 20 chunks in a burst",
        Scenario::Bursts,
        "per_second",
        0,
    ),
    row("first byte p50, ms", Scenario::Bursts, "first_byte_p50_ms", 2),
    row("first byte p99, ms", Scenario::Bursts, "first_byte_p99_ms", 2),
    row("CPU per stream, ms", Scenario::Bursts, "cpu_ms", 4),
    row(
        "1,000 slow streams at once: completed",
        Scenario::Slow,
        "completed",
        0,
    ),
    row("peak memory, MB", Scenario::Slow, "peak_mb", 1),
    row("CPU per stream, ms", Scenario::Slow, "cpu_ms", 4),
    row("first byte p99, ms", Scenario::Slow, "first_byte_p99_ms", 0),
    row("whole stream p99, ms", Scenario::Slow, "p99_ms", 0),
    row(
        "1,000 slow streams held: completed",
        Scenario::Held,
        "completed",
        0,
    ),
    row("CPU per stream, ms", Scenario::Held, "cpu_ms", 4),
    row("whole stream p99, ms", Scenario::Held, "p99_ms", 0),
];

impl Report {
    pub(crate) fn new(options: &RunOptions) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let settings = json!({
            "cores": cores,
            "cpu": cpu_name(),
            "rounds": options.rounds(),
            "seconds": options.round().as_secs_f64(),
        });
        Self {
            settings,
            rounds: BTreeMap::new(),
            ledger: None,
        }
    }

    pub(crate) fn add(&mut self, scenario: Scenario, side: &'static str, figures: Figures) {
        self.rounds.entry((scenario, side)).or_default().push(figures);
    }

    pub(crate) fn ledger(&mut self, total: Total) {
        self.ledger = Some(total);
    }

    /// Requests that were not answered, or not rightly.
    pub(crate) fn failed(&self) -> u64 {
        self.rounds
            .values()
            .flatten()
            .map(|figures| figures["failed"] as u64)
            .sum()
    }

    /// Shows the table, and keeps it and the JSON in `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let table = self.markdown()?;
        println!("\n{table}");
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("bench.md"), table)?;
        std::fs::write(
            folder.join("bench.json"),
            serde_json::to_string_pretty(&self.json())? + "\n",
        )?;
        eprintln!("written to {}/bench.md and bench.json", folder.display());
        Ok(())
    }

    fn markdown(&self) -> Result<String, Failure> {
        let mut out = String::new();
        let s = &self.settings;
        writeln!(
            out,
            "{} cores ({}), {} rounds of {} s, medians; load, mock and the measured share the cores.\n",
            s["cores"],
            s["cpu"].as_str().unwrap_or("?"),
            s["rounds"],
            s["seconds"]
        )?;
        writeln!(
            out,
            "| | direct | nginx | gateway | gateway / nginx |\n|---|--:|--:|--:|--:|"
        )?;
        for row in &ROWS {
            let [direct, nginx, gateway] = [DIRECT, NGINX, GATEWAY].map(|side| self.median(row, side));
            if direct.or(nginx).or(gateway).is_none() {
                continue;
            }
            let ratio = gateway.zip(nginx).map(|(gateway, nginx)| gateway / nginx);
            let cells = [direct, nginx, gateway].map(|value| number(value, row.decimals));
            writeln!(
                out,
                "| {} | {} | {} |",
                row.label,
                cells.join(" | "),
                number(ratio, 2)
            )?;
        }
        writeln!(
            out,
            "\nRequests that failed or were answered wrongly: {}.",
            self.failed()
        )?;
        let others = self.others();
        writeln!(
            out,
            "Other work on the machine took {others:.2} cores (median of all rounds)."
        )?;
        if others > NOISE {
            writeln!(
                out,
                "**That is too much to trust these figures: run this again on a quiet machine.**"
            )?;
        }
        if let Some(total) = self.ledger {
            let Total {
                requests,
                prompt,
                completion,
            } = total;
            writeln!(
                out,
                "The ledger holds {requests} requests with {prompt} + {completion} tokens, as reported."
            )?;
        }
        Ok(out)
    }

    /// The median over the rounds of what `row` shows of a side.
    fn median(&self, row: &Row, side: &'static str) -> Option<f64> {
        if row.added && side == DIRECT {
            return None;
        }
        let rounds = self.rounds.get(&(row.scenario, side))?;
        let direct = self.rounds.get(&(row.scenario, DIRECT))?;
        let values = rounds.iter().zip(direct).filter_map(|(figures, direct)| {
            let base = if row.added { *direct.get(row.figure)? } else { 0.0 };
            Some(figures.get(row.figure)? - base)
        });
        median(values.collect())
    }

    fn others(&self) -> f64 {
        let rounds = self.rounds.values().flatten();
        median(
            rounds
                .filter_map(|figures| figures.get("others_cores").copied())
                .collect(),
        )
        .unwrap_or_default()
    }

    fn json(&self) -> Value {
        let mut scenarios = serde_json::Map::new();
        for ((scenario, side), rounds) in &self.rounds {
            let sides = scenarios.entry(scenario.name()).or_insert_with(|| json!({}));
            sides[side] = json!({ "median": medians(rounds), "rounds": rounds });
        }
        let ledger = self.ledger.map(|total| {
            json!({"requests": total.requests, "prompt": total.prompt, "completion": total.completion})
        });
        json!({ "settings": self.settings, "failed": self.failed(), "others_cores": self.others(), "ledger": ledger, "scenarios": scenarios })
    }
}

fn medians(rounds: &[Figures]) -> BTreeMap<&'static str, Option<f64>> {
    let names = rounds.first().into_iter().flat_map(Figures::keys);
    let of = |name| {
        median(
            rounds
                .iter()
                .filter_map(|figures| figures.get(name).copied())
                .collect(),
        )
    };
    names.map(|name| (*name, of(name))).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}

/// With a comma every three digits; a dash for what was not measured.
fn number(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return "-".to_owned();
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let follow = whole.len() - index;
        if follow % 3 == 0 && index > 0 && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("unknown CPU", |(_, name)| name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_or_between_two() {
        assert_eq!(median(vec![3.0, 1.0, f64::NAN, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![f64::NAN]), None);
    }

    #[test]
    fn numbers_have_commas() {
        let shown = [85_574.0, 1_234_567.0, -1234.5, 12.0].map(|value| number(Some(value), 1));
        assert_eq!(shown, ["85,574.0", "1,234,567.0", "-1,234.5", "12.0"]);
        assert_eq!(number(None, 1), "-");
    }
}
