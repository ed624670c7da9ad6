//! The static files. Their names change with their content, so that a browser may keep them for ever.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The parts of the style sheet, in an order that matters: later rules win.
const STYLES: &str = concat!(
    include_str!("../../static/frame.css"),
    include_str!("../../static/parts.css"),
    include_str!("../../static/views.css"),
);

static STYLE: LazyLock<File> =
    LazyLock::new(|| File::new("portal", "css", "text/css; charset=utf-8", STYLES.as_bytes()));
static SCRIPT: LazyLock<File> = LazyLock::new(|| {
    File::new(
        "portal",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/portal.js"),
    )
});
static ICON: LazyLock<File> = LazyLock::new(|| {
    File::new(
        "icon",
        "svg",
        "image/svg+xml",
        include_bytes!("../../static/icon.svg"),
    )
});

/// A static file as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The bytes of the file.
    pub body: &'static [u8],
    /// The value of the header `Content-Type`.
    pub content_type: &'static str,
}

/// The file under `path`, which is one that [`style_path`], [`script_path`] or [`icon_path`] gave.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    [&*STYLE, &*SCRIPT, &*ICON]
        .into_iter()
        .find(|file| file.path == path)
        .map(|file| file.asset)
}

/// The path of the style sheet: `/static/portal-<8 hex digits>.css`.
#[must_use]
pub fn style_path() -> &'static str {
    &STYLE.path
}

/// The path of the script: `/static/portal-<8 hex digits>.js`.
#[must_use]
pub fn script_path() -> &'static str {
    &SCRIPT.path
}

/// The path of the logo, which is the favicon as well: `/static/icon-<8 hex digits>.svg`.
#[must_use]
pub fn icon_path() -> &'static str {
    &ICON.path
}

struct File {
    path: String,
    asset: Asset,
}

impl File {
    fn new(stem: &str, ending: &str, content_type: &'static str, body: &'static [u8]) -> Self {
        let hash: String = Sha256::digest(body)
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            path: format!("/static/{stem}-{hash}.{ending}"),
            asset: Asset { body, content_type },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_has_another_path() {
        let path = |body| File::new("portal", "css", "text/css", body).path;
        assert_ne!(path(b"a{}"), path(b"b{}"));
        assert_eq!(path(b"a{}").len(), "/static/portal-12345678.css".len());
    }

    #[test]
    fn each_path_leads_to_its_file() {
        for (path, content_type) in [
            (style_path(), "text/css"),
            (script_path(), "text/javascript"),
            (icon_path(), "image/svg+xml"),
        ] {
            let found = asset(path).expect("a path of ours");
            assert!(found.content_type.starts_with(content_type));
            assert!(!found.body.is_empty());
        }
        assert_eq!(asset("/static/portal-00000000.css"), None);
    }
}
