//! The model in the query of a request that has no body.

use url::form_urlencoded::{byte_serialize, parse};

use crate::BodyRefusal;

const MODEL: &str = "model";

/// The model that a query names, if it names one.
///
/// # Errors
/// [`BodyRefusal::Field`] when it names two: the model server might take the other one.
pub(crate) fn model(query: &str) -> Result<Option<String>, BodyRefusal> {
    let mut named = parse(query.as_bytes()).filter(|(name, _)| name == MODEL);
    let model = named.next().map(|(_, model)| model.into_owned());
    if named.next().is_some() {
        return Err(BodyRefusal::Field {
            field: MODEL,
            reason: "it stands in the query more than once",
        });
    }
    Ok(model)
}

/// `path` with `model` for the model in its query, where it names another. All else stays as it came.
pub(crate) fn with_model(path: &str, model: &str) -> String {
    let Some((path, query)) = path.split_once('?') else {
        return path.to_owned();
    };
    let pairs: Vec<_> = query.split('&').map(|pair| put(pair, model)).collect();
    format!("{path}?{}", pairs.join("&"))
}

fn put(pair: &str, model: &str) -> String {
    match parse(pair.as_bytes()).next() {
        Some((name, value)) if name == MODEL && value != model => {
            format!("{MODEL}={}", byte_serialize(model.as_bytes()).collect::<String>())
        }
        _ => pair.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_however_it_is_written() {
        assert_eq!(
            model("a=b&model=gpt%2Drealtime&c"),
            Ok(Some("gpt-realtime".to_owned()))
        );
        assert_eq!(model("m%6fdel=a+b"), Ok(Some("a b".to_owned())));
        assert_eq!(model("models=x&Model=y"), Ok(None));
        assert!(model("model=a&m%6fdel=b").is_err());
    }

    #[test]
    fn only_another_model_is_written_anew() {
        let path = "/v1/realtime?x=%7E1&model=m%2d1&intent=a+b&&y";
        assert_eq!(with_model(path, "m-1"), path);
        assert_eq!(
            with_model(path, "own/m&1"),
            "/v1/realtime?x=%7E1&model=own%2Fm%261&intent=a+b&&y"
        );
        assert_eq!(with_model("/v1/realtime", "m"), "/v1/realtime");
    }
}
