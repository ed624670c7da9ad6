//! Which headers pass. An allow-list each way: what is not named here stays behind, so that no credential
//! of the client reaches a model server and nothing of the model server's inside reaches a client.

use bytes::Bytes;

/// Header fields in order. Names are those of the lists below, in lower case; values are opaque bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderList(Vec<(&'static str, Bytes)>);

/// To the model server. `Authorization`, `Cookie`, `x-api-key` and hop-by-hop headers (RFC 9110 7.6.1) are
/// not here and must never be; neither is `accept-encoding`: usage is read from plain bytes.
const TO_UPSTREAM: [&str; 8] = [
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "content-type",
    "openai-beta",
    "traceparent",
    "tracestate",
    "user-agent",
];

/// Back to the client. `Set-Cookie`, `Server`, hop-by-hop headers and the model server's own
/// `x-request-id` stay behind; `content-length` is handled with the body.
const TO_CLIENT: [&str; 15] = [
    "anthropic-version",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "retry-after-ms",
    "traceparent",
    "vary",
    "x-accel-buffering",
    "x-should-retry",
];

impl HeaderList {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a field; `name` in lower case.
    pub fn push(&mut self, name: &'static str, value: Bytes) {
        self.0.push((name, value));
    }

    /// The first field of this name, if its value is text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(field, _)| *field == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Bytes)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }
}

/// Whether a message's `Connection` field names `name`: such a field is for the next hop only (RFC 9110 7.6.1).
#[must_use]
pub fn named_by_connection(connection: &[u8], name: &str) -> bool {
    connection
        .split(|byte| *byte == b',')
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

/// The name under which a client's header goes on to the model server, if it does; `name` in lower case.
#[must_use]
pub fn to_upstream(name: &str) -> Option<&'static str> {
    TO_UPSTREAM.into_iter().find(|passes| *passes == name)
}

/// The name under which a model server's header goes back to the client, if it does; `name` in lower case.
#[must_use]
pub fn to_client(name: &str) -> Option<&'static str> {
    TO_CLIENT.into_iter().find(|passes| *passes == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_named_by_connection_are_told() {
        assert!(named_by_connection(b"keep-alive, Retry-After ,x", "retry-after"));
        assert!(!named_by_connection(b"keep-alive, x-retry-after", "retry-after"));
    }

    #[test]
    fn no_credential_and_no_hop_by_hop_header_is_on_a_list() {
        let never = [
            "authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "proxy-authorization",
            "proxy-authenticate",
            "proxy-connection",
            "server",
            "host",
            "content-length",
            "accept-encoding",
            "x-forwarded-for",
            "x-request-id",
        ];
        for name in never {
            assert!(to_upstream(name).is_none() && to_client(name).is_none(), "{name}");
        }
    }
}
