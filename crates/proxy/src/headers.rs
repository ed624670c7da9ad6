//! Which headers pass. An allow-list each way: what is not named here stays behind, so that no credential
//! of the client reaches a model server and nothing of the model server's inside reaches a client.

use bytes::Bytes;

/// Header fields in order, names in lower case. Values are opaque bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderList(Vec<(Box<str>, Bytes)>);

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
const TO_CLIENT: [&str; 14] = [
    "anthropic-version",
    "cache-control",
    "content-disposition",
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
    pub fn push(&mut self, name: &str, value: Bytes) {
        self.0.push((name.into(), value));
    }

    /// The first field of this name, if its value is text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(field, _)| &**field == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

/// Whether a client's header goes on to the model server; `name` in lower case.
#[must_use]
pub fn passes_to_upstream(name: &str) -> bool {
    TO_UPSTREAM.contains(&name)
}

/// Whether a model server's header goes back to the client; `name` in lower case.
#[must_use]
pub fn passes_to_client(name: &str) -> bool {
    TO_CLIENT.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_and_no_hop_by_hop_header_is_on_a_list() {
        let never = [
            "authorization", "cookie", "set-cookie", "x-api-key", "connection", "keep-alive", "te", "trailer",
            "transfer-encoding", "upgrade", "proxy-authorization", "proxy-authenticate", "proxy-connection",
            "server", "host", "content-length", "accept-encoding", "x-forwarded-for", "x-request-id",
        ];
        for name in never {
            assert!(!passes_to_upstream(name) && !passes_to_client(name), "{name}");
        }
    }
}
