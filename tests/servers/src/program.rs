//! Where the servers' programs are.

use std::env;
use std::path::PathBuf;

// Both are fetch.py's.
const FETCH_MONGOD: &str = "python3 tests/modelserver/fetch.py --mongod";
const MONGOD_IN_CACHE: &str = "mongodb/mongod-6.0.5";

pub(crate) fn redis() -> PathBuf {
    on_path("redis-server").unwrap_or_else(|| {
        panic!("redis-server is missing; `scripts/install-test-deps.sh` or `apt-get install redis-server` brings it")
    })
}

/// `$LLMGW_MONGOD`, else what `fetch.py` put into the cache folder, else the one on the path.
pub(crate) fn mongod() -> PathBuf {
    if let Some(named) = variable("LLMGW_MONGOD") {
        assert!(
            named.is_file(),
            "LLMGW_MONGOD names {}, which is no file; `{FETCH_MONGOD}` brings a mongod",
            named.display()
        );
        return named;
    }
    cache()
        .map(|cache| cache.join(MONGOD_IN_CACHE))
        .filter(|path| path.is_file())
        .or_else(|| on_path("mongod"))
        .unwrap_or_else(|| panic!("mongod is missing; `{FETCH_MONGOD}` brings it"))
}

fn cache() -> Option<PathBuf> {
    variable("LLMGW_CACHE").or_else(|| {
        let base = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
        Some(base.join("llmgw"))
    })
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
