//! Reads an encrypted element (XML Encryption 1.1): which algorithms, and the bytes. Algorithms not listed here are
//! refused, RSA 1.5 padding among them.

use roxmltree::Node;

use crate::Refusal;
use crate::crypto::{ContentCipher, Encrypted, OaepHash, WrappedKey};
use crate::xml::{DSIG, XENC, XENC11, bytes, children, is, only, text};

/// A content key for each of a handful of recipients; more is work without end.
const MOST_KEYS: usize = 8;

pub(crate) fn read(element: Node<'_, '_>) -> Result<Encrypted, Refusal> {
    let data = only(element, XENC, "EncryptedData")?.ok_or(Refusal::Structure("no encrypted data"))?;
    let cipher = match algorithm(data)? {
        Some("http://www.w3.org/2001/04/xmlenc#aes128-cbc") => ContentCipher::Aes128Cbc,
        Some("http://www.w3.org/2001/04/xmlenc#aes256-cbc") => ContentCipher::Aes256Cbc,
        Some("http://www.w3.org/2009/xmlenc11#aes128-gcm") => ContentCipher::Aes128Gcm,
        Some("http://www.w3.org/2009/xmlenc11#aes256-gcm") => ContentCipher::Aes256Gcm,
        _ => return Err(Refusal::Algorithm("content encryption")),
    };
    // In the data's key information, or beside it (SAML core 2.3.4).
    let mut wrapped: Vec<_> = children(element, XENC, "EncryptedKey").collect();
    if let Some(info) = only(data, DSIG, "KeyInfo")? {
        let plain =
            |node: &Node<'_, '_>| is(*node, XENC, "EncryptedKey") || is(*node, DSIG, "RetrievalMethod");
        if !info.children().filter(Node::is_element).all(|node| plain(&node)) {
            return Err(Refusal::Structure(
                "key information of another kind than a wrapped key",
            ));
        }
        wrapped.extend(children(info, XENC, "EncryptedKey"));
    }
    if wrapped.is_empty() || wrapped.len() > MOST_KEYS {
        return Err(Refusal::Structure("no wrapped key, or too many"));
    }
    Ok(Encrypted {
        keys: wrapped.into_iter().map(wrapped_key).collect::<Result<_, _>>()?,
        cipher,
        content: cipher_value(data)?,
    })
}

fn wrapped_key(node: Node<'_, '_>) -> Result<WrappedKey, Refusal> {
    let method = only(node, XENC, "EncryptionMethod")?.ok_or(Refusal::Algorithm("key transport"))?;
    let digest = match only(method, DSIG, "DigestMethod")?.and_then(|node| node.attribute("Algorithm")) {
        None | Some("http://www.w3.org/2000/09/xmldsig#sha1") => OaepHash::Sha1,
        Some("http://www.w3.org/2001/04/xmlenc#sha256") => OaepHash::Sha256,
        Some("http://www.w3.org/2001/04/xmldsig-more#sha384") => OaepHash::Sha384,
        Some("http://www.w3.org/2001/04/xmlenc#sha512") => OaepHash::Sha512,
        Some(_) => return Err(Refusal::Algorithm("key transport's digest")),
    };
    let mask = match only(method, XENC11, "MGF")?.and_then(|node| node.attribute("Algorithm")) {
        None | Some("http://www.w3.org/2009/xmlenc11#mgf1sha1") => OaepHash::Sha1,
        Some("http://www.w3.org/2009/xmlenc11#mgf1sha256") => OaepHash::Sha256,
        Some("http://www.w3.org/2009/xmlenc11#mgf1sha384") => OaepHash::Sha384,
        Some("http://www.w3.org/2009/xmlenc11#mgf1sha512") => OaepHash::Sha512,
        Some(_) => return Err(Refusal::Algorithm("key transport's mask")),
    };
    match method.attribute("Algorithm") {
        Some("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p") if mask == OaepHash::Sha1 => {}
        Some("http://www.w3.org/2009/xmlenc11#rsa-oaep") => {}
        _ => return Err(Refusal::Algorithm("key transport")),
    }
    Ok(WrappedKey {
        digest,
        mask,
        bytes: cipher_value(node)?,
    })
}

fn algorithm<'a>(data: Node<'a, '_>) -> Result<Option<&'a str>, Refusal> {
    Ok(only(data, XENC, "EncryptionMethod")?.and_then(|method| method.attribute("Algorithm")))
}

// Never a reference: that is an address to fetch.
fn cipher_value(node: Node<'_, '_>) -> Result<Vec<u8>, Refusal> {
    let data = only(node, XENC, "CipherData")?.ok_or(Refusal::Structure("no cipher data"))?;
    let value = only(data, XENC, "CipherValue")?.ok_or(Refusal::Structure("no cipher value"))?;
    bytes(&text(value)?)
}
