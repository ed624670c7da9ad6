//! The whole measurement: starts everything, lets the sides take turns, writes the report.

use std::path::Path;
use std::process::ExitCode;

use llmgw_servers::{Mongod, Redis};

use crate::Failure;
use crate::admin::Admin;
use crate::args::RunOptions;
use crate::report::Report;
use crate::scenario::{Side, measure, warm_up};
use crate::servers::{self, Server};

/// Tokens of every answer of the mock.
const PROMPT: u64 = 12;
const COMPLETION: u64 = 20;

pub(crate) async fn run(options: &RunOptions) -> Result<ExitCode, Failure> {
    let folder = tempfile::Builder::new().prefix("llmgw-bench-").tempdir()?;
    let (sides, servers, stores) = start(options, folder.path()).await?;
    let mut report = Report::new(options);
    for scenario in options.loads() {
        for side in &sides {
            warm_up(scenario, side).await?;
        }
        for round in 1..=options.rounds() {
            // In turns, so that what else the machine does meets all of them.
            for side in &sides {
                let figures = measure(scenario, side, options.round()).await?;
                let (name, rate) = (side.name, figures["per_second"]);
                eprintln!(
                    "{} {round}/{}  {name:<8}{rate:>8.0}/s",
                    scenario.name(),
                    options.rounds()
                );
                report.add(scenario, name, figures);
            }
        }
    }
    for ledger in sides.iter().filter_map(|side| side.ledger.as_ref()) {
        check_ledger(ledger, &mut report).await?;
    }
    drop(servers);
    drop(stores);
    report.write(&options.out)?;
    Ok(if report.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The ways, and the servers in the order in which they may end: the mock, then the stores last.
type Started = (Vec<Side>, Vec<Server>, Option<(Redis, Mongod)>);

async fn start(options: &RunOptions, folder: &Path) -> Result<Started, Failure> {
    servers::work_in_batches().await?;
    let (mock_server, mock) = servers::start_mock(folder).await?;
    let (nginx_server, nginx) = servers::start_nginx(mock, folder).await?;
    let plain = |name, address, pid| Side {
        name,
        address,
        key: "none".to_owned(),
        pid,
        ledger: None,
    };
    let mut sides = vec![
        plain("direct", mock, None),
        plain("nginx", nginx, Some(nginx_server.pid)),
    ];
    let mut running = vec![nginx_server, mock_server];
    let mut stores = None;
    if let (Some(binary), false) = (&options.gateway, options.without_gateway) {
        let (server, address, admin) = match &options.admin {
            Some(command_line) => {
                let binaries = (binary.as_path(), command_line.as_path());
                let started = servers::start_production(binaries, mock, &options.keep_alive, folder).await?;
                stores = Some(started.stores);
                (started.server, started.api, started.admin)
            }
            None => {
                let (server, addresses) =
                    servers::start_gateway(binary, mock, &options.keep_alive, folder).await?;
                let admin = Admin::Api {
                    address: addresses.admin,
                    key: addresses.admin_key,
                };
                (server, addresses.api, admin)
            }
        };
        let key = admin.make_key().await?;
        sides.push(Side {
            name: "gateway",
            address,
            key,
            pid: Some(server.pid),
            ledger: Some(admin),
        });
        running.insert(0, server);
    }
    Ok((sides, running, stores))
}

/// Speed that loses tokens is worth nothing: the ledger must hold what the mock reported.
async fn check_ledger(ledger: &Admin, report: &mut Report) -> Result<(), Failure> {
    let total = ledger.total().await?;
    let wanted = (total.requests * PROMPT, total.requests * COMPLETION);
    if report.failed() == 0 && (total.prompt, total.completion) != wanted {
        return Err(format!("the ledger is wrong: {total:?}, but the tokens should be {wanted:?}").into());
    }
    report.ledger(total);
    Ok(())
}
