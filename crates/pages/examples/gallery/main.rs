//! Writes every page in several states, and the static files, into the folder given as the argument.

mod administration;
mod doors;
mod figures;
mod lists;
mod samples;
mod views;
mod words;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use llmgw_pages::look::{asset, icon_path, script_path, style_path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("give the folder to write into")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder.join("static"))?;
    for path in [style_path(), script_path(), icon_path()] {
        let file = asset(path).ok_or("a static file is missing")?;
        fs::write(folder.join(path.trim_start_matches('/')), file.body)?;
    }
    for words in [words::usual(), words::long(), words::hostile()] {
        for (name, page) in samples::all(&words)? {
            fs::write(folder.join(format!("{}-{name}.html", words.kind)), page)?;
        }
    }
    Ok(())
}
