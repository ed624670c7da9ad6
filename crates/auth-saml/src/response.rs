//! From the bytes of a response to what a signature covers: decode, filter, verify, decrypt. What this module gives out
//! is genuine; whether it is for us, now, is asked in [`checks`](crate::checks).

use llmgw_types::Timestamp;
use roxmltree::{Document, Node};

use crate::Refusal;
use crate::crypto::{XmlDecryption, XmlSignature};
use crate::encrypted;
use crate::filter::{Filtered, Kind, LONGEST_MESSAGE};
use crate::metadata::IdentityProvider;
use crate::xml::{SAML, SAMLP, bytes, moment, only, signed, text};

/// The envelope. Where it was not signed it is checked all the same, but nothing is taken from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) destination: Option<String>,
    pub(crate) in_response_to: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) issued: Timestamp,
}

/// An assertion as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Genuine {
    pub(crate) envelope: Envelope,
    // Canonical text whose outermost element is the assertion or the response that holds it.
    signed: String,
}

impl Genuine {
    /// Hands the assertion's element to `read`.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(Node<'_, '_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let document = signed(&self.signed)?;
        let root = document.root_element();
        let assertion = if crate::xml::is(root, SAML, "Assertion") {
            root
        } else {
            only(root, SAML, "Assertion")?.ok_or(Refusal::Structure("nothing signed is an assertion"))?
        };
        read(assertion)
    }
}

/// The bytes of a message from a form (SAML bindings 3.5.4): base64, lines allowed.
pub(crate) fn decode(form: &str) -> Result<Vec<u8>, Refusal> {
    if form.len() > LONGEST_MESSAGE * 2 {
        return Err(Refusal::Malformed("longer than a message may be"));
    }
    bytes(form)
}

/// Opens a response.
pub(crate) fn open(
    form: &str,
    idp: &IdentityProvider,
    signature: &dyn XmlSignature,
    decryption: &dyn XmlDecryption,
) -> Result<Genuine, Refusal> {
    let bytes = decode(form)?;
    let response = Filtered::new(&bytes, Kind::Response)?;
    let verified = verified(&response, idp, signature)?;
    let believed = verified.as_ref().map(|text| signed(text)).transpose()?;
    let signed_response = believed
        .as_ref()
        .map(Document::root_element)
        .filter(|root| crate::xml::is(*root, SAMLP, "Response"));
    let outer = signed_response.unwrap_or_else(|| response.root());
    let envelope = envelope(outer)?;
    let Some(encrypted) = only(outer, SAML, "EncryptedAssertion")? else {
        let signed = verified.ok_or(Refusal::Signature("neither response nor assertion is signed"))?;
        return Ok(Genuine { envelope, signed });
    };
    let content = decryption
        .decrypt(&encrypted::read(encrypted)?)
        .map_err(|_| Refusal::Decryption)?;
    let signed = inner(&content, signed_response.is_some(), idp, signature)?;
    Ok(Genuine { envelope, signed })
}

// What was inside the encryption: signed itself, or part of what was. Any fault of it is one and the same, since
// whoever made the ciphertext may not be who signs.
fn inner(
    content: &[u8],
    outer_is_signed: bool,
    idp: &IdentityProvider,
    signature: &dyn XmlSignature,
) -> Result<String, Refusal> {
    let opened = Filtered::new(content, Kind::Assertion).map_err(|_| Refusal::Decryption)?;
    match verified(&opened, idp, signature).map_err(|_| Refusal::Decryption)? {
        Some(signed) => Ok(signed),
        None if outer_is_signed => Ok(opened.text().to_owned()),
        None => Err(Refusal::Decryption),
    }
}

// All signatures must fit; what the outermost covers is given.
fn verified(
    message: &Filtered<'_>,
    idp: &IdentityProvider,
    signature: &dyn XmlSignature,
) -> Result<Option<String>, Refusal> {
    if message.signatures() == 0 {
        return Ok(None);
    }
    signature
        .verify(message, &idp.signing)
        .map(Some)
        .map_err(|_| Refusal::Signature("fits none of the identity provider's certificates"))
}

// Top-level status only: the second level is the identity provider's reason.
fn status(response: Node<'_, '_>) -> Result<(), Refusal> {
    let status = only(response, SAMLP, "Status")?.ok_or(Refusal::Malformed("no status"))?;
    let code = only(status, SAMLP, "StatusCode")?.ok_or(Refusal::Malformed("no status code"))?;
    if code.attribute("Value") == Some("urn:oasis:names:tc:SAML:2.0:status:Success") {
        Ok(())
    } else {
        Err(Refusal::Status)
    }
}

fn envelope(response: Node<'_, '_>) -> Result<Envelope, Refusal> {
    if response.attribute("Version") != Some("2.0") {
        return Err(Refusal::Check("the response is not of SAML 2.0"));
    }
    status(response)?;
    Ok(Envelope {
        destination: response.attribute("Destination").map(str::to_owned),
        in_response_to: response.attribute("InResponseTo").map(str::to_owned),
        issuer: only(response, SAML, "Issuer")?.map(text).transpose()?,
        issued: moment(response, "IssueInstant")?.ok_or(Refusal::Malformed("no time of issue"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_field_is_decoded_and_no_longer_one() {
        let longest = "A".repeat(LONGEST_MESSAGE * 2);
        assert_eq!(decode(&longest).unwrap().len(), LONGEST_MESSAGE * 3 / 2);
        let refused = decode(&format!("{longest}AAAA")).unwrap_err();
        assert_eq!(refused, Refusal::Malformed("longer than a message may be"));
    }
}
