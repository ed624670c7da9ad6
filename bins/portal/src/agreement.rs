//! The agreement that people accept, from a file.

use std::path::Path;

use llmgw_boot::config::{Fault, PortalSection};
use llmgw_portal_http::Agreement;
use sha2::{Digest, Sha256};

/// The agreement that the settings name.
pub(crate) fn read(portal: &PortalSection) -> Result<Option<Agreement>, Fault> {
    let Some(file) = &portal.agreement_file else {
        return match portal.agreement_version {
            None => Ok(None),
            Some(_) => Err(Fault::new(
                "portal.agreement_version",
                "there is no agreement; set portal.agreement_file as well",
            )),
        };
    };
    let text = text(file)?;
    let version = portal.agreement_version.clone().unwrap_or_else(|| version(&text));
    Ok(Some(Agreement { version, text }))
}

fn text(file: &Path) -> Result<String, Fault> {
    let fault = |what: String| Fault::new("portal.agreement_file", what);
    let text = std::fs::read_to_string(file).map_err(|error| {
        fault(format!(
            "cannot read {}: {error}; make the file readable for this user, or name another",
            file.display()
        ))
    })?;
    if text.trim().is_empty() {
        return Err(fault(format!(
            "{} is empty; write the agreement into it",
            file.display()
        )));
    }
    Ok(text)
}

// Another text is another agreement.
fn version(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_is_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agreement.md");
        let mut portal = PortalSection {
            agreement_file: Some(file.clone()),
            ..PortalSection::default()
        };
        std::fs::write(&file, "Be kind.").unwrap();
        let first = read(&portal).unwrap().unwrap();
        std::fs::write(&file, "Be very kind.").unwrap();
        assert_ne!(read(&portal).unwrap().unwrap().version, first.version);
        portal.agreement_version = Some("2026".to_owned());
        assert_eq!(read(&portal).unwrap().unwrap().version, "2026");
        std::fs::write(&file, " \n").unwrap();
        assert_eq!(read(&portal).unwrap_err().key, "portal.agreement_file");
        portal.agreement_file = None;
        assert_eq!(read(&portal).unwrap_err().key, "portal.agreement_version");
    }
}
