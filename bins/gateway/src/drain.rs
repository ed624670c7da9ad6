//! Takes a dead gateway's journal to the ledger.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use llmgw_boot::{Failure, chain};

use crate::checked::Checked;
use crate::output;
use crate::settings::Loaded;
use crate::wire;

/// Drains the journal in `dir`.
pub(crate) fn run(loaded: &Loaded, dir: &Path) -> Result<ExitCode, Failure> {
    let _log = loaded.start_logging()?;
    if !dir.is_dir() {
        return Err(format!("there is no folder {}", dir.display()).into());
    }
    let mut settings = loaded.settings.clone();
    settings.journal.dir = Some(dir.to_owned());
    // It takes nothing new, so a journal that is too long is no reason to stop.
    settings.journal.max_size = None;
    let checked = Checked::check(loaded)?;
    actix_rt::System::new().block_on(async {
        let parts = wire::build(&settings, checked)?;
        let begun = parts.watch.begin().await;
        if !begun.map_err(|fault| loaded.layers.blame(&fault))? {
            return Err("the ledger cannot be reached; nothing was changed, so try again"
                .to_owned()
                .into());
        }
        let journal = Arc::clone(&parts.shipper.journal);
        let waiting = journal.lag().records;
        let shipped = parts.shipper.ship_all().await;
        shipped.map_err(|error| format!("{}; what is left stays there, so try again", chain(&error)))?;
        Ok(output::drained(waiting - journal.lag().records.min(waiting)))
    })
}
