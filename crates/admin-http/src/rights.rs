//! What each route needs: the one table that doors and the description of the API read. A route that is not in it is
//! not there.

use actix_web::http::Method;
use llmgw_types::Role;

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: before anybody came in.
    Nothing,
    /// This role at least.
    Role(Role),
    /// The admin key itself: the calls of the system that this one replaces know no other door.
    AdminKey,
}

/// A method of a path, and what it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right {
    pub(crate) method: &'static str,
    /// As the description has it: `{id}` also where it may hold slashes.
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
}

const READ: Needs = Needs::Role(Role::Auditor);
const CHANGE: Needs = Needs::Role(Role::Admin);

const fn right(method: &'static str, path: &'static str, needs: Needs) -> Right {
    Right { method, path, needs }
}

/// The REST API, and the old calls.
pub(crate) const API: &[Right] = &[
    right("GET", "/api/v1/openapi.json", Needs::Nothing),
    right("GET", "/api/v1/models", READ),
    right("POST", "/api/v1/models", CHANGE),
    right("GET", "/api/v1/models/{id}", READ),
    right("PUT", "/api/v1/models/{id}", CHANGE),
    right("DELETE", "/api/v1/models/{id}", CHANGE),
    right("POST", "/api/v1/target-tests", CHANGE),
    right("GET", "/api/v1/keys", READ),
    right("POST", "/api/v1/keys", CHANGE),
    right("GET", "/api/v1/keys/{id}", READ),
    right("PATCH", "/api/v1/keys/{id}", CHANGE),
    right("DELETE", "/api/v1/keys/{id}", CHANGE),
    right("POST", "/api/v1/keys/{id}/rotate", CHANGE),
    right("GET", "/api/v1/keys/{id}/limits", READ),
    right("GET", "/api/v1/users", READ),
    right("POST", "/api/v1/users", CHANGE),
    right("GET", "/api/v1/users/{id}", READ),
    right("PATCH", "/api/v1/users/{id}", CHANGE),
    right("DELETE", "/api/v1/users/{id}", CHANGE),
    right("POST", "/api/v1/users/{id}/logout", CHANGE),
    right("GET", "/api/v1/users/{id}/export", READ),
    right("GET", "/api/v1/users/{id}/limits", READ),
    right("GET", "/api/v1/limits", READ),
    right("PUT", "/api/v1/limits", CHANGE),
    right("GET", "/api/v1/groups", READ),
    right("GET", "/api/v1/groups/{group}", READ),
    right("PUT", "/api/v1/groups/{group}", CHANGE),
    right("DELETE", "/api/v1/groups/{group}", CHANGE),
    right("GET", "/api/v1/usage", READ),
    right("GET", "/api/v1/usage.csv", READ),
    right("GET", "/api/v1/usage/chargeback", READ),
    right("GET", "/api/v1/usage/chargeback.csv", READ),
    right("GET", "/api/v1/usage/events", READ),
    right("GET", "/api/v1/usage/events/{request_id}", READ),
    right("GET", "/api/v1/audit", READ),
    right("GET", "/api/v1/audit/heads", READ),
    // It compares, and changes nothing.
    right("POST", "/api/v1/audit/verify", READ),
    right("GET", "/api/v1/audit/export", READ),
    right("POST", "/admin/addmodel", Needs::AdminKey),
    right("POST", "/admin/removemodel", Needs::AdminKey),
    right("POST", "/admin/addapikey", Needs::AdminKey),
    right("POST", "/admin/removeapikey", Needs::AdminKey),
    right("GET", "/admin/listkeys", Needs::AdminKey),
];

/// The pages.
pub(crate) const PAGES: &[Right] = &[
    right("GET", "/static/{name}", Needs::Nothing),
    right("GET", "/favicon.ico", Needs::Nothing),
    right("GET", "/sign-in", Needs::Nothing),
    right("POST", "/sign-in", Needs::Nothing),
    right("POST", "/handover", Needs::Nothing),
    right("POST", "/logout", READ),
    right("GET", "/", READ),
    right("GET", "/models", READ),
    right("GET", "/new-model", CHANGE),
    right("POST", "/new-model", CHANGE),
    right("GET", "/models/{id}", READ),
    right("POST", "/models/{id}", CHANGE),
    right("GET", "/remove-model/{id}", CHANGE),
    right("POST", "/remove-model/{id}", CHANGE),
    right("GET", "/keys", READ),
    right("GET", "/new-key", CHANGE),
    right("POST", "/new-key", CHANGE),
    right("GET", "/keys/{id}", READ),
    right("POST", "/keys/{id}", CHANGE),
    right("POST", "/keys/{id}/rotate", CHANGE),
    right("GET", "/keys/{id}/revoke", CHANGE),
    right("POST", "/keys/{id}/revoke", CHANGE),
    right("GET", "/users", READ),
    right("GET", "/new-user", CHANGE),
    right("POST", "/new-user", CHANGE),
    right("GET", "/users/{id}", READ),
    right("POST", "/users/{id}", CHANGE),
    right("POST", "/users/{id}/resume", CHANGE),
    right("GET", "/users/{id}/suspend", CHANGE),
    right("POST", "/users/{id}/suspend", CHANGE),
    right("GET", "/users/{id}/sign-out", CHANGE),
    right("POST", "/users/{id}/sign-out", CHANGE),
    right("GET", "/users/{id}/erase", CHANGE),
    right("POST", "/users/{id}/erase", CHANGE),
    right("GET", "/limits", READ),
    right("POST", "/limits", CHANGE),
    right("GET", "/group", READ),
    right("POST", "/group", CHANGE),
    right("GET", "/unset-group", CHANGE),
    right("POST", "/unset-group", CHANGE),
    right("GET", "/reports", READ),
    right("GET", "/chargeback", READ),
    right("GET", "/audit", READ),
    right("GET", "/audit/check", READ),
];

/// What there is for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A route that needs this.
    Route(Needs),
    /// The path, but not by this method.
    OtherMethod,
    /// Nothing.
    Nothing,
}

/// What a request for `pattern` needs; `pattern` is the path that actix found, such as `/models/{id:.+}`.
pub(crate) fn find(method: &Method, pattern: Option<&str>) -> Found {
    let Some(path) = pattern.map(described) else {
        return Found::Nothing;
    };
    let mut found = Found::Nothing;
    for right in API.iter().chain(PAGES).filter(|right| right.path == path) {
        if right.method == method.as_str() {
            return Found::Route(right.needs);
        }
        found = Found::OtherMethod;
    }
    found
}

/// The methods of `pattern`, as `Allow` names them (RFC 9110 10.2.1).
pub(crate) fn methods(pattern: Option<&str>) -> String {
    let path = pattern.map(described).unwrap_or_default();
    let rights = API.iter().chain(PAGES).filter(|right| right.path == path);
    rights.map(|right| right.method).collect::<Vec<_>>().join(", ")
}

// `{id:.+}` is described as `{id}`. No pattern of ours holds braces of its own.
fn described(pattern: &str) -> String {
    let mut path = String::with_capacity(pattern.len());
    let mut skipping = false;
    for character in pattern.chars() {
        skipping = match (skipping, character) {
            (false, ':') => true,
            (true, '}') => false,
            (skipping, _) => skipping,
        };
        if !skipping {
            path.push(character);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_route_has_one_row() {
        let all: Vec<(&str, &str)> = API
            .iter()
            .chain(PAGES)
            .map(|right| (right.method, right.path))
            .collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn a_path_with_slashes_is_found_by_its_description() {
        let find = |method: Method, pattern| find(&method, Some(pattern));
        assert_eq!(find(Method::PUT, "/api/v1/models/{id:.+}"), Found::Route(CHANGE));
        assert_eq!(find(Method::GET, "/api/v1/groups/{group:.+}"), Found::Route(READ));
        assert_eq!(find(Method::PATCH, "/api/v1/models/{id:.+}"), Found::OtherMethod);
        assert_eq!(find(Method::GET, "/api/v1/models/{id:.+}/x"), Found::Nothing);
        assert_eq!(super::find(&Method::GET, None), Found::Nothing);
    }

    #[test]
    fn what_changes_something_is_for_administrators() {
        let others = [
            ("/api/v1/audit/verify", READ),
            ("/sign-in", Needs::Nothing),
            ("/handover", Needs::Nothing),
            ("/logout", READ),
        ];
        for right in API.iter().chain(PAGES) {
            let other = others.iter().find(|(path, _)| *path == right.path);
            let expected = match (right.method, other) {
                ("GET", _) => continue,
                (_, Some((_, needs))) => *needs,
                _ if right.path.starts_with("/admin/") => Needs::AdminKey,
                _ => CHANGE,
            };
            assert_eq!(right.needs, expected, "{} {}", right.method, right.path);
        }
    }

    #[test]
    fn the_methods_of_a_path_are_named() {
        assert_eq!(methods(Some("/api/v1/models/{id:.+}")), "GET, PUT, DELETE");
        assert_eq!(methods(Some("/admin/listkeys")), "GET");
        assert_eq!(methods(None), "");
    }

    #[test]
    fn what_the_admin_key_alone_opens_is_old() {
        for right in API.iter().chain(PAGES) {
            assert_eq!(
                right.needs == Needs::AdminKey,
                right.path.starts_with("/admin/"),
                "{}",
                right.path
            );
        }
    }
}
