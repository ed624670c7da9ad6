//! Settings that make no sense are named.

use std::fs;
use std::path::Path;

use llmgw_boot::config::{Address, SamlKey, SamlRule, Text};
use llmgw_idp::keys;

use super::*;

const METADATA: &str = r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example/idp"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>CERT</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/login"/></md:IDPSSODescriptor></md:EntityDescriptor>"#;

// Everything is as it must be.
fn right(folder: &Path) -> Settings {
    let (key, certificate) = keys().sp.pem();
    fs::write(folder.join("sp.key"), key).unwrap();
    let body: String = String::from_utf8(keys().idp.pem().1)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("---"))
        .collect();
    fs::write(folder.join("sp.crt"), certificate).unwrap();
    fs::write(folder.join("idp.xml"), METADATA.replace("CERT", &body)).unwrap();
    let mut settings = Settings::default();
    settings.portal.public_base_url = Some(Address("https://llm.example".to_owned()));
    settings.keys.pepper = Some(Text("p".repeat(40)));
    settings.saml.idp_metadata = Some(folder.join("idp.xml").display().to_string());
    settings.saml.sp_keys = vec![SamlKey {
        key_file: folder.join("sp.key"),
        cert_file: folder.join("sp.crt"),
    }];
    settings.saml.allow = vec![SamlRule {
        attribute: "affiliation".to_owned(),
        any: vec!["staff".to_owned()],
    }];
    settings
}

fn fault(change: impl FnOnce(&mut Settings, &Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = right(folder.path());
    change(&mut settings, folder.path());
    match Checked::of(&settings) {
        Ok(_) => String::new(),
        Err(fault) => fault.key,
    }
}

#[test]
fn what_cannot_work_is_named_before_anything_starts() {
    assert_eq!(fault(|_, _| {}), "");
    let at = |url: &str| Some(Address(url.to_owned()));
    for plain in [
        "http://llm.example",
        "http://10.0.0.5:8082",
        "https://llm.example/portal",
    ] {
        let key = fault(|settings, _| settings.portal.public_base_url = at(plain));
        assert_eq!(key, "portal.public_base_url", "{plain}");
    }
    assert_eq!(
        fault(|settings, _| settings.portal.public_base_url = at("http://localhost:8082")),
        ""
    );
    let open = "0.0.0.0:8082".parse().unwrap();
    assert_eq!(
        fault(|settings, _| {
            settings.portal.public_base_url = None;
            settings.portal.listen = open;
        }),
        "portal.public_base_url"
    );
    assert_eq!(fault(|settings, _| settings.saml.allow.clear()), "saml.allow");
    assert_eq!(
        fault(|settings, _| settings.saml.allow[0].any.clear()),
        "saml.allow"
    );
    assert_eq!(fault(|settings, _| settings.saml.sp_keys.clear()), "saml.sp_keys");
    assert_eq!(
        fault(|settings, folder| settings.saml.sp_keys[0].cert_file = folder.join("sp.key")),
        "saml.sp_keys"
    );
    assert_eq!(
        fault(|settings, _| settings.saml.idp_metadata = None),
        "saml.idp_metadata"
    );
    assert_eq!(
        fault(|settings, folder| {
            let unchecked = METADATA.replace("KeyDescriptor", "Other");
            fs::write(folder.join("idp.xml"), unchecked).unwrap();
            settings.saml.entity_id = None;
        }),
        "saml.idp_metadata"
    );
    assert_eq!(
        fault(|settings, folder| settings.saml.idp_metadata_signer = Some(folder.join("sp.crt"))),
        "saml.idp_metadata",
        "it is not signed"
    );
    assert_eq!(
        fault(|settings, _| settings.portal.admin_url = at("https://admin.example")),
        "portal.handover_key_file"
    );
    assert_eq!(
        fault(|settings, _| settings.keys.pepper = None),
        "keys.pepper_file"
    );
}

#[test]
fn a_link_is_for_this_machine_and_not_beside_an_institution() {
    let local = |change: fn(&mut Settings)| {
        fault(|settings, _| {
            settings.portal.login = PortalLogin::Local;
            settings.portal.public_base_url = None;
            settings.saml = llmgw_boot::config::SamlSection::default();
            change(settings);
        })
    };
    assert_eq!(local(|_| {}), "");
    assert_eq!(
        local(|settings| settings.saml.idp_metadata = Some("x".to_owned())),
        "portal.login"
    );
    assert_eq!(
        local(|settings| settings.portal.public_base_url = Some(Address("https://llm.example".to_owned()))),
        "portal.login"
    );
    assert_eq!(
        local(|settings| {
            settings.portal.public_base_url = Some(Address("http://localhost:8082".to_owned()));
            settings.portal.listen = "0.0.0.0:8082".parse().unwrap();
        }),
        "portal.login"
    );
}
