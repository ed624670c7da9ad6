//! Addresses: where a service is for browsers, and where in it somebody wanted to go.

use url::Url;

/// Checks an address that pages and cookies can live at, and gives it as scheme, host and port: `https`, or plain
/// `http` on this machine, without a path.
///
/// # Errors
/// When it is another; the text says what to write.
pub fn base_url(base: &str) -> Result<String, String> {
    let wrong =
        || format!("`{base}` is not like `https://llm.example.org`: scheme, host and port, nothing else");
    let url = Url::parse(base).map_err(|_| wrong())?;
    let host = url.host_str().unwrap_or_default();
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost");
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" | "http" if !(bare && anonymous) => Err(wrong()),
        "https" => Ok(url.origin().ascii_serialization()),
        "http" if local => Ok(url.origin().ascii_serialization()),
        "http" => Err(format!(
            "`{base}` is not encrypted, and browsers send no cookie there; write https, or a name of this machine"
        )),
        _ => Err(wrong()),
    }
}

/// The path of ours that somebody wanted to go to; `/` where it is none, so that no link leads elsewhere.
#[must_use]
pub fn own_path(wanted: Option<&str>) -> &str {
    let Some(path) = wanted else {
        return "/";
    };
    let elsewhere = !path.starts_with('/') || path.starts_with("//") || path.contains('\\');
    // Browsers leave some characters out before they look.
    let odd = path
        .chars()
        .any(|character| character.is_control() || character.is_whitespace());
    if elsewhere || odd || path.len() > 1024 {
        "/"
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_live_at_encrypted_addresses_or_on_this_machine() {
        for (base, origin) in [
            ("https://llm.example.org", "https://llm.example.org"),
            ("https://llm.example.org:8443/", "https://llm.example.org:8443"),
            ("https://LLM.example.org:443", "https://llm.example.org"),
            ("http://localhost:8081", "http://localhost:8081"),
            ("http://127.0.0.1:8081/", "http://127.0.0.1:8081"),
        ] {
            assert_eq!(base_url(base).as_deref(), Ok(origin));
        }
        for base in [
            "http://llm.example.org",
            "https://llm.example.org/admin",
            "https://llm.example.org?x",
            "https://user@llm.example.org",
            "https://:word@llm.example.org",
            "ftp://llm.example.org",
            "llm.example.org",
            "",
        ] {
            assert!(base_url(base).is_err(), "{base}");
        }
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        for path in ["/", "/models", "/models/org/m?x=1#y"] {
            assert_eq!(own_path(Some(path)), path);
        }
        for path in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "evil",
            "",
            "/\t/evil.example",
            "/\n/evil.example",
        ] {
            assert_eq!(own_path(Some(path)), "/", "{path}");
        }
        assert_eq!(own_path(None), "/");
    }
}
