use figment::Jail;
use llmgw_types::ExposeSecret;
use serde::Deserialize;

use super::*;
use crate::config::{AdminSection, GatewaySection, LimitsSection, LogSection, UpstreamSection};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    gateway: GatewaySection,
    admin: AdminSection,
    upstream: UpstreamSection,
    limits: LimitsSection,
    log: LogSection,
}

impl Settings {
    fn secrets(&self) -> [Option<String>; 2] {
        [self.admin.secret(), self.upstream.secret()]
            .map(|secret| Some(secret.unwrap()?.expose_secret().to_owned()))
    }
}

// Reads `file` and these variables, and no others.
#[expect(clippy::result_large_err, reason = "figment's error")]
fn read(file: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let mut settings = None;
    Jail::expect_with(|jail| {
        jail.clear_env();
        jail.create_file("settings.toml", file)?;
        for (name, value) in variables {
            jail.set_env(name, value);
        }
        let layers = Layers::default().file(Path::new("settings.toml")).environment();
        settings = Some(layers.read().map_err(|error| error.to_string()));
        Ok(())
    });
    settings.unwrap()
}

#[test]
fn secrets_from_the_environment_are_taken_as_they_are() {
    for value in [
        "0012345678901234",
        "1.5",
        "1e5",
        "true",
        "[a, b]",
        "{a=1}",
        "\"quoted\"",
        "12345678901234567890123456789012345678901234567890",
    ] {
        for names in [
            ["ADMIN_KEY", "INFERENCE_KEY"],
            ["LLMGW_ADMIN__KEY", "LLMGW_UPSTREAM__DEFAULT_KEY"],
        ] {
            let settings = read("", &names.map(|name| (name, value))).unwrap();
            assert_eq!(settings.secrets(), [(); 2].map(|()| Some(value.to_owned())));
        }
    }
}

#[test]
fn an_empty_text_in_the_environment_is_not_set() {
    let file = "[admin]\nkey = 'from-the-file'\n";
    let empty = TEXTS.map(|(name, _)| (name, ""));
    let settings = read(file, &empty).unwrap();
    assert_eq!(settings.secrets(), [Some("from-the-file".to_owned()), None]);
    assert_eq!(settings.upstream.default_url, None);
}

#[test]
fn new_names_go_before_old_and_the_environment_before_the_file() {
    let file = "[admin]\nkey = 'file'\n[upstream]\ndefault_key = 'file'\n[gateway]\nmax_in_flight = 1\n";
    let variables = [
        ("ADMIN_KEY", "old"),
        ("LLMGW_ADMIN__KEY", "new"),
        ("INFERENCE_KEY", "old"),
        ("LLMGW_GATEWAY__MAX_IN_FLIGHT", "2"),
    ];
    let settings = read(file, &variables).unwrap();
    let [admin, upstream] = settings.secrets();
    assert_eq!(
        (admin.as_deref(), upstream.as_deref()),
        (Some("new"), Some("old"))
    );
    assert_eq!(settings.gateway.max_in_flight, 2);
}

#[test]
fn secrets_of_targets_are_no_settings() {
    read(
        "",
        &[("LLMGW_UPSTREAM_X__Y", "secret"), ("LLMGW_UPSTREAM_A", "secret")],
    )
    .unwrap();
    let error = read("", &[("LLMGW_UPSTREAM__X", "secret")]).unwrap_err();
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn mistakes_are_named_by_key_and_layer() {
    for (file, variable, words) in [
        ("[gateway]\nlistne = 1", None, ["listne", "settings.toml"]),
        ("[gatway]\nlisten = 1", None, ["gatway", "settings.toml"]),
        (
            "[gateway]\nmax_in_flight = -1",
            None,
            ["gateway.max_in_flight", "settings.toml"],
        ),
        (
            "[limits]\ntimezone = 'Mars/Olympus'",
            None,
            ["limits.timezone", "settings.toml"],
        ),
        (
            "[upstream]\ndefault_url = 'h:1'",
            None,
            ["upstream.default_url", "settings.toml"],
        ),
        ("[log]\nlevel = 3", None, ["log.level", "settings.toml"]),
        ("[log]\n\nlevel =", None, ["line 3", "settings.toml"]),
        (
            "",
            Some(("LLMGW_GATEWAY__LISTNE", "x")),
            ["listne", "environment"],
        ),
        ("", Some(("LLMGW_GATWAY__LISTEN", "x")), ["gatway", "environment"]),
        (
            "",
            Some(("LLMGW_GATEWAY__MAX_BODY", "lots")),
            ["gateway.max_body", "environment"],
        ),
        (
            "",
            Some(("LLMGW_GATEWAY__DRAIN", "30")),
            ["gateway.drain", "environment"],
        ),
        (
            "",
            Some(("LLM_DEFAULT_URL", "ftp://h")),
            ["upstream.default_url", "LLM_DEFAULT_URL"],
        ),
    ] {
        let error = read(file, variable.as_slice()).unwrap_err();
        for word in words {
            assert!(
                error.to_lowercase().contains(&word.to_lowercase()),
                "{word}: {error}"
            );
        }
    }
}

#[test]
fn no_mistake_shows_a_secret() {
    for (file, variable) in [
        ("[admin]\nkey = 'sesame", None),
        ("[admin]\nkey = 'sesame'\nkey = 'sesame'", None),
        ("[admin]\nkey = ['sesame']", None),
        ("[admin.key]\nkey = 'sesame'", None),
        ("[admin]\nkeey = 'sesame'", None),
        ("", Some(("LLMGW_ADMIN__KEY__X", "sesame"))),
        ("", Some(("LLM_DEFAULT_URL", "http://u:sesame@h"))),
    ] {
        let error = read(file, variable.as_slice()).unwrap_err();
        assert!(!error.contains("sesame"), "{error}");
    }
    let settings = read("[admin]\nkey = 'sesame'", &[("INFERENCE_KEY", "sesame")]).unwrap();
    assert!(!format!("{settings:?}").contains("sesame"));
}
