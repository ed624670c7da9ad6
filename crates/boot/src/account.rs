//! Who runs a command.

/// The account that runs this process, as `uid:0`: what the machine knows, whatever its environment says.
#[must_use]
pub fn account() -> String {
    #[cfg(unix)]
    if let Ok(own) = std::fs::metadata("/proc/self") {
        return format!("uid:{}", std::os::unix::fs::MetadataExt::uid(&own));
    }
    "unknown".to_owned()
}
