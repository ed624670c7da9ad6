use figment::Jail;
use llmgw_types::ExposeSecret;
use serde::Deserialize;

use super::*;
use crate::config::{
    AdminSection, GatewaySection, JournalSection, KeysSection, LimitsSection, LogSection, MongoSection,
    PortalSection, RedisSection, ReportsSection, SamlSection, SecretsSection, StoreSection, UpstreamSection,
};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Settings {
    gateway: GatewaySection,
    store: StoreSection,
    mongo: MongoSection,
    redis: RedisSection,
    keys: KeysSection,
    admin: AdminSection,
    upstream: UpstreamSection,
    limits: LimitsSection,
    reports: ReportsSection,
    journal: JournalSection,
    secrets: SecretsSection,
    portal: PortalSection,
    saml: SamlSection,
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
        let layers = Layers::over(&Settings::default())
            .file(Path::new("settings.toml"))
            .environment();
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
    let empty = [
        "ADMIN_KEY",
        "LLMGW_ADMIN__KEY",
        "LLMGW_UPSTREAM__DEFAULT_URL",
        "MONGOHOST",
    ];
    let settings = read(file, &empty.map(|name| (name, ""))).unwrap();
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

#[test]
fn the_table_has_every_setting_and_no_other() {
    let data = Serialized::defaults(Settings::default()).data().unwrap();
    let mut there: Vec<String> = Vec::new();
    for (section, value) in &data[&Profile::Default] {
        let names = value.as_dict().unwrap().keys();
        there.extend(names.map(|name| format!("{section}.{name}")));
    }
    let mut listed: Vec<_> = table::all().map(table::Setting::key).collect();
    listed.sort();
    there.sort();
    assert_eq!(listed, there);
    for section in data[&Profile::Default].keys() {
        assert!(
            table::SECTIONS.iter().any(|(name, _)| name == section),
            "{section}"
        );
    }
}

#[test]
fn older_names_of_stores_make_addresses() {
    for (variables, mongo, redis) in [
        (
            &[("MONGOHOST", "db"), ("REDISHOST", "cache"), ("REDISPORT", "7000")][..],
            "mongodb://db/?directConnection=true",
            "redis://cache:7000/0",
        ),
        (
            &[("MONGOHOST", "db:27018"), ("REDISHOST", "cache:7001")],
            "mongodb://db:27018/?directConnection=true",
            "redis://cache:7001/0",
        ),
        (
            &[("MONGOHOST", "a:1,b:2"), ("REDISPORT", "7000")],
            "mongodb://a:1,b:2/?replicaSet=rs0",
            "redis://127.0.0.1:7000/0",
        ),
        (
            &[
                ("MONGOHOST", "db"),
                ("LLMGW_MONGO__URL", "mongodb://new/"),
                ("REDISHOST", "cache"),
            ],
            "mongodb://new/",
            "redis://cache/0",
        ),
    ] {
        let settings = read("", variables).unwrap();
        assert_eq!((&*settings.mongo.url.0, &*settings.redis.url.0), (mongo, redis));
    }
    let names = [("MONGOUSER", "0012"), ("MONGOPASSWORD", "0013")];
    let mongo = read("", &names).unwrap().mongo;
    let password = mongo.secret().unwrap().unwrap();
    assert_eq!(
        (mongo.user.as_deref(), password.expose_secret()),
        (Some("0012"), "0013")
    );
}

#[test]
#[expect(clippy::result_large_err, reason = "figment's error")]
fn what_is_printed_is_what_was_read_and_no_secret_is_in_it() {
    let file = "[admin]\nkey = 'sesame'\n[redis]\nurl = 'redis://u:sesame@h/0'\ncluster = ['redis://:sesame@i']\n\
                [limits]\ndefault = [{ unit = 'tokens', window = 'day', amount = 5 }]\n";
    Jail::expect_with(|jail| {
        jail.clear_env();
        jail.create_file("settings.toml", file)?;
        jail.set_env("MONGOPASSWORD", "sesame");
        jail.set_env("LLMGW_GATEWAY__MAX_IN_FLIGHT", "7");
        let layers = Layers::over(&Settings::default())
            .file(Path::new("settings.toml"))
            .environment()
            .flag("--listen", "gateway.listen", Some("127.0.0.1:1"));
        let printed = layers.print();
        assert!(!printed.contains("sesame"), "{printed}");
        for line in [
            "listen = \"127.0.0.1:1\"  # flag --listen\n",
            "max_in_flight = 7  # environment variable LLMGW_GATEWAY__MAX_IN_FLIGHT\n",
            "password = \"[hidden]\"  # environment variable MONGOPASSWORD\n",
            "url = \"redis://[hidden]@h/0\"  # ",
            "max_body = \"32MiB\"  # the defaults\n",
            "# key_file is not set\n",
        ] {
            assert!(printed.contains(line), "{line}: {printed}");
        }
        jail.create_file("printed.toml", &printed)?;
        let again = Layers::over(&Settings::default()).file(Path::new("printed.toml"));
        let again: Settings = again.read().unwrap();
        assert_eq!((again.limits.default.len(), again.gateway.max_in_flight), (1, 7));
        Ok(())
    });
}

#[test]
#[expect(clippy::result_large_err, reason = "figment's error")]
fn a_higher_layer_has_the_last_word_and_is_named() {
    Jail::expect_with(|jail| {
        jail.clear_env();
        jail.create_file("settings.toml", "[upstream]\ndefault_url = 'http://file'")?;
        let url = |layers: &Layers| {
            let settings: Settings = layers.read().unwrap();
            let url = settings.upstream.default_url.map(|url| url.0);
            (url, layers.layer("upstream.default_url"))
        };
        let file = || Layers::over(&Settings::default()).file(Path::new("settings.toml"));
        let told = |url: &str, layer: &str| (Some(format!("http://{url}")), layer.to_owned());
        let defaults = Layers::over(&Settings::default());
        assert_eq!(url(&defaults), (None, "the defaults".to_owned()));
        assert_eq!(url(&file()), told("file", "settings.toml"));
        jail.set_env("LLM_DEFAULT_URL", "http://old");
        let old = "environment variable LLM_DEFAULT_URL";
        assert_eq!(url(&file().environment()), told("old", old));
        jail.set_env("LLMGW_UPSTREAM__DEFAULT_URL", "http://new");
        let new = "environment variable LLMGW_UPSTREAM__DEFAULT_URL";
        assert_eq!(url(&file().environment()), told("new", new));
        let flag = |value| file().environment().flag("--url", "upstream.default_url", value);
        assert_eq!(url(&flag(Some("http://flag"))), told("flag", "flag --url"));
        assert_eq!(url(&flag(None)), told("new", new));
        Ok(())
    });
}

#[test]
fn lists_in_the_environment_need_no_brackets() {
    for cluster in ["redis://a:1, redis://b:2", "[\"redis://a:1\", \"redis://b:2\"]"] {
        let variables = [
            ("LLMGW_REDIS__CLUSTER", cluster),
            ("LLMGW_GATEWAY__TRUSTED_PROXIES", "10.0.0.0/8,::1"),
        ];
        let settings = read("", &variables).unwrap();
        let urls: Vec<_> = settings.redis.cluster.iter().map(|url| &*url.0).collect();
        assert_eq!(urls, ["redis://a:1", "redis://b:2"]);
        let proxies = settings.gateway.trusted_proxies.iter().map(ToString::to_string);
        assert_eq!(proxies.collect::<Vec<_>>(), ["10.0.0.0/8", "::1/128"]);
    }
}
