//! Logout messages by redirect.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use llmgw_types::Timestamp;
use openssl::hash::MessageDigest;
use openssl::sign::Signer;
use url::form_urlencoded::byte_serialize;

use crate::forge::{NAMESPACES, RSA_SHA256};
use crate::keys::Pair;

/// A logout request of one login.
#[must_use]
pub fn logout_request(
    idp: &str,
    destination: &str,
    name_id: &str,
    index: Option<&str>,
    now: Timestamp,
) -> String {
    let index = index.map_or(String::new(), |index| {
        format!("<samlp:SessionIndex>{index}</samlp:SessionIndex>")
    });
    format!(
        "<samlp:LogoutRequest {NAMESPACES} ID=\"_l1\" Version=\"2.0\" IssueInstant=\"{now}\" \
         Destination=\"{destination}\"><saml:Issuer>{idp}</saml:Issuer><saml:NameID>{name_id}</saml:NameID>{index}\
         </samlp:LogoutRequest>"
    )
}

/// A query that carries `message`, signed as by the standard.
#[must_use]
pub fn logout_query(parameter: &str, message: &str, relay_state: Option<&str>, signer: &Pair) -> String {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(message.as_bytes()).expect("memory");
    let packed = deflate.finish().expect("memory");
    let mut query = format!("{parameter}={}", encoded(&STANDARD.encode(packed)));
    if let Some(state) = relay_state {
        query.push_str(&format!("&RelayState={}", encoded(state)));
    }
    signed_query(&format!("{query}&SigAlg={}", encoded(RSA_SHA256)), signer)
}

/// A query with its signature.
#[must_use]
pub fn signed_query(query: &str, signer: &Pair) -> String {
    let sign = || {
        let mut signing = Signer::new(MessageDigest::sha256(), &signer.key)?;
        signing.sign_oneshot_to_vec(query.as_bytes())
    };
    let signature: Vec<u8> = sign().expect("a signature");
    format!("{query}&Signature={}", encoded(&STANDARD.encode(signature)))
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
