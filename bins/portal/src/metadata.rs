//! Where the identity provider's metadata comes from, and that it stays up to date: the last good one is kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::sleep;
use llmgw_auth_saml::{Certificate, IdentityProvider, LONGEST_METADATA, Refusal, XmlSignature};
use llmgw_boot::config::{Fault, SamlSection};
use llmgw_portal_http::IdpMetadata;
use llmgw_types::{Clock, Timestamp};

use crate::saml;

const KEY: &str = "saml.idp_metadata";

/// How long an address may take to answer.
const FETCH_WITHIN: Duration = Duration::from_secs(10);

/// How soon it is tried again while nothing is known.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// From when on before its end metadata is warned of.
const WARN_BEFORE: Duration = Duration::from_hours(7 * 24);

/// A file or an address, and who must have signed it.
#[derive(Clone)]
pub(crate) struct Source {
    place: Place,
    every: Duration,
    signer: Option<(Certificate, Arc<dyn XmlSignature>)>,
}

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Address(String),
}

impl Source {
    /// What the settings say; a file is looked at.
    pub(crate) fn of(
        saml: &SamlSection,
        signer: Option<Certificate>,
        signature: Arc<dyn XmlSignature>,
    ) -> Result<Self, Fault> {
        let Some(place) = &saml.idp_metadata else {
            let what = "there is none; set it to a file or an https address that your institution gives";
            return Err(Fault::new(KEY, what));
        };
        Ok(Self {
            place: place_of(place)?,
            every: saml.idp_metadata_refresh.0.max(TRY_AGAIN),
            signer: signer.map(|signer| (signer, signature)),
        })
    }

    /// Reads the file, where it is one: what is wrong with it is found at start.
    pub(crate) fn check(&self, now: Timestamp) -> Result<Option<IdentityProvider>, Fault> {
        match &self.place {
            Place::Address(_) => Ok(None),
            Place::File(file) => {
                let idp = self.read(&saml::read(KEY, file)?, now);
                let named = |refusal| Fault::new(KEY, format!("{}: {refusal}", file.display()));
                idp.map(Some).map_err(named)
            }
        }
    }

    fn read(&self, bytes: &[u8], now: Timestamp) -> Result<IdentityProvider, Refusal> {
        match &self.signer {
            Some((signer, signature)) => IdentityProvider::read_signed(bytes, signer, &**signature, now),
            None => IdentityProvider::read(bytes, now),
        }
    }

    async fn fetch(&self, now: Timestamp) -> Result<IdentityProvider, String> {
        let source = self.clone();
        let fetching = actix_rt::task::spawn_blocking(move || {
            let bytes = match &source.place {
                Place::File(file) => std::fs::read(file).map_err(|error| error.to_string())?,
                Place::Address(address) => get(address)?,
            };
            source.read(&bytes, now).map_err(|refusal| refusal.to_string())
        });
        fetching.await.map_err(|error| error.to_string())?
    }

    /// Reads it once; where that fails it is said, and what was known stays.
    pub(crate) async fn refresh(&self, known: &IdpMetadata, now: Timestamp) {
        match self.fetch(now).await {
            Ok(idp) => {
                warn_of_its_end(&idp, now);
                note(known, idp);
            }
            Err(error) => {
                let kept = known.get().is_some();
                tracing::warn!(error, kept, "the identity provider's metadata cannot be read");
            }
        }
    }

    /// Reads it again and again into `known`. Never ends.
    pub(crate) async fn keep(self, known: IdpMetadata, clock: Arc<dyn Clock>) {
        loop {
            let rest = if known.get().is_some() {
                self.every
            } else {
                TRY_AGAIN
            };
            sleep(rest).await;
            self.refresh(&known, clock.now()).await;
        }
    }
}

fn note(known: &IdpMetadata, idp: IdentityProvider) {
    match known.get() {
        Some(before) if *before == idp => {}
        Some(before) if before.entity_id != idp.entity_id => {
            // Accounts belong to an identity provider: another one under the same address is nobody's word.
            tracing::error!(
                known = before.entity_id,
                now = idp.entity_id,
                "the metadata names another identity provider; it is passed over until this portal is started anew"
            );
        }
        before => {
            let (entity_id, keys) = (idp.entity_id.as_str(), idp.signing.len());
            let news = before.is_some();
            tracing::info!(entity_id, keys, news, "the identity provider's metadata was read");
            known.set(idp);
        }
    }
}

fn warn_of_its_end(idp: &IdentityProvider, now: Timestamp) {
    if let Some(end) = idp.valid_until
        && end < now.plus(WARN_BEFORE)
    {
        tracing::warn!(valid_until = %end, "the identity provider's metadata ends soon; nobody can log in then");
    }
}

fn place_of(text: &str) -> Result<Place, Fault> {
    let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
    let is_local = local.iter().any(|start| {
        text.strip_prefix(start)
            .is_some_and(|rest| rest.starts_with([':', '/']) || rest.is_empty())
    });
    if text.starts_with("https://") || is_local {
        Ok(Place::Address(text.to_owned()))
    } else if text.starts_with("http://") {
        let what = "plain http can be forged on its way; use https, or download it and name the file";
        Err(Fault::new(KEY, what))
    } else {
        Ok(Place::File(PathBuf::from(text)))
    }
}

fn get(address: &str) -> Result<Vec<u8>, String> {
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::PlatformVerifier)
        .build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(FETCH_WITHIN))
        .max_redirects(0)
        .tls_config(tls)
        .build()
        .into();
    let mut answer = agent.get(address).call().map_err(|error| error.to_string())?;
    if answer.status() != 200 {
        return Err(format!("the address answers {}", answer.status()));
    }
    let longest = u64::try_from(LONGEST_METADATA).unwrap_or(u64::MAX);
    let body = answer.body_mut().with_config().limit(longest).read_to_vec();
    body.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        assert!(matches!(place_of("https://idp.example/x"), Ok(Place::Address(_))));
        assert!(matches!(
            place_of("http://127.0.0.1:8080/x"),
            Ok(Place::Address(_))
        ));
        assert!(matches!(place_of("/etc/idp.xml"), Ok(Place::File(_))));
        for forged in [
            "http://idp.example/x",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
        ] {
            assert!(place_of(forged).is_err(), "{forged}");
        }
    }
}
