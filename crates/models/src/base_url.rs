//! The address of a model server, as people write it and as it is kept.

use url::Url;

use crate::ModelError;

/// The address in `text` as a target keeps it: no slash and no `/v1` at its end. OpenAI's own base URLs end in
/// `/v1`, so people write it; requests put it there themselves.
///
/// # Errors
/// [`ModelError::Invalid`] as for [`check_base_url`].
pub fn base_url(text: &str) -> Result<String, ModelError> {
    check_base_url(text)?;
    let text = text.trim_end_matches('/');
    let text = text.strip_suffix("/v1").unwrap_or(text);
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether `text` is an address of a model server.
///
/// # Errors
/// [`ModelError::Invalid`] when it is no `http` or `https` URL with a host, or holds a user, password, query or
/// fragment. The text is not repeated: it may hold a password.
pub fn check_base_url(text: &str) -> Result<(), ModelError> {
    let url = Url::parse(text).map_err(|error| invalid(format!("is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(invalid("must begin with http:// or https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("must not hold a password: name it by `secret`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("must not have a query or fragment"));
    }
    Ok(())
}

fn invalid(reason: impl Into<String>) -> ModelError {
    ModelError::Invalid {
        field: "base_url",
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_without_slash_and_version() {
        for text in [
            "http://h:1",
            "http://h:1/",
            "http://h:1/v1",
            "http://h:1/v1/",
            "http://h:1//v1//",
        ] {
            assert_eq!(base_url(text).unwrap(), "http://h:1", "{text}");
        }
        assert_eq!(base_url("https://h/openai/v1").unwrap(), "https://h/openai");
        assert_eq!(base_url("http://h/xv1").unwrap(), "http://h/xv1");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in [
            "",
            "secret",
            "ftp://secret",
            "http://",
            "http://u:secret@h",
            "http://h/?secret",
            "http://h#secret",
        ] {
            let error = base_url(text).unwrap_err().to_string();
            assert!(
                error.starts_with("base_url: ") && !error.contains("secret@"),
                "{error}"
            );
            assert!(
                !error.contains("?secret") && !error.contains("#secret"),
                "{error}"
            );
        }
    }
}
