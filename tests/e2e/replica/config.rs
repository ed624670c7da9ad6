//! Settings: what is wrong is named with its layer and what mends it, before anything is touched.

use std::fs;

use super::process::{Ended, Replica};

/// A broken configuration: its file, its variables, its arguments, and what the error must say.
struct Broken {
    file: &'static str,
    env: &'static [(&'static str, &'static str)],
    key: &'static str,
    layer: &'static str,
    mend: &'static str,
}

const fn in_file(file: &'static str, key: &'static str, mend: &'static str) -> Broken {
    Broken {
        file,
        env: &[],
        key,
        layer: "(in settings.toml)",
        mend,
    }
}

const fn in_env(
    env: &'static [(&'static str, &'static str)],
    key: &'static str,
    layer: &'static str,
    mend: &'static str,
) -> Broken {
    Broken {
        file: "",
        env,
        key,
        layer,
        mend,
    }
}

const BROKEN: [Broken; 39] = [
    // Keys that do not exist.
    in_file(
        "[gateway]\nlistne = 'x'",
        "gateway.listne:",
        "did you mean gateway.listen?",
    ),
    in_file(
        "[gatway]\nlisten = 'x'",
        "gatway.listen:",
        "did you mean gateway.listen?",
    ),
    in_file("[mongo]\nuri = 'x'", "mongo.uri:", "did you mean mongo.url?"),
    in_file("[redis]\nuser = 'x'", "redis.user:", "did you mean mongo.user?"),
    in_file(
        "[redis]\nbanana = 1",
        "redis.banana:",
        "[redis] has url, url_file",
    ),
    in_file("[banana]\nx = 1", "banana.x:", "the sections are"),
    in_file("listen = 'x'", "listen:", "did you mean gateway.listen?"),
    in_file("gateway = 'x'", "gateway:", "below [gateway]"),
    in_env(
        &[("LLMGW_REDIS__URI", "x")],
        "redis.uri:",
        "(in environment variable LLMGW_REDIS__URI)",
        "did you mean redis.url?",
    ),
    in_env(
        &[("LLMGW_MONGO__URL__X", "x")],
        "mongo.url:",
        "LLMGW_MONGO__URL__X",
        "write an address in quotes",
    ),
    // Values that do not fit.
    in_file(
        "[gateway]\nlisten = 'here'",
        "gateway.listen:",
        "like `127.0.0.1:8080`",
    ),
    in_file(
        "[gateway]\nlisten = 8080",
        "gateway.listen:",
        "like `127.0.0.1:8080`",
    ),
    in_file(
        "[gateway]\ndrain = 30",
        "gateway.drain:",
        "like `50ms`, `30s` or `5m`",
    ),
    in_file(
        "[gateway]\nmax_body = 'lots'",
        "gateway.max_body:",
        "like `32MiB`",
    ),
    in_file(
        "[gateway]\nmax_in_flight = -1",
        "gateway.max_in_flight:",
        "a whole number",
    ),
    in_file(
        "[gateway]\nmax_in_flight = 0",
        "gateway.max_in_flight:",
        "1 or more",
    ),
    in_file(
        "[gateway]\ntrusted_proxies = ['10.0.0.0/99']",
        "gateway.trusted_proxies:",
        "like `[\"10.0.0.0/8\"",
    ),
    in_file(
        "[store]\nkind = 'oracle'",
        "store.kind:",
        "one of `mongo`, `sqlite`",
    ),
    in_file("[store]\nkind = 'sqlite'", "store.kind:", "set store.path"),
    in_file(
        "[mongo]\nretention = '12h'",
        "mongo.retention:",
        "`forever`, or days like `400d`",
    ),
    in_file("[mongo]\nurl = 'db:27017'", "mongo.url:", "mongodb://HOST:27017"),
    in_file(
        "[mongo]\npassword = 'sesame'",
        "mongo.password:",
        "set mongo.user",
    ),
    in_file("[redis]\nurl = 'http://h'", "redis.url:", "redis://host:6379/0"),
    in_file(
        "[redis]\ncluster = 'redis://:sesame@h'",
        "redis.cluster:",
        "a list of addresses",
    ),
    in_file(
        "[redis]\npassword = ['sesame']",
        "redis.password:",
        "a text in quotes",
    ),
    in_file("[redis]\nconnections = 0", "redis.connections:", "1 or more"),
    in_file("[redis]\nca_file = 'pepper'", "redis.ca_file:", "rediss://"),
    in_file(
        "[upstream]\ndefault_url = 'ftp://h'",
        "upstream.default_url:",
        "like `http://10.0.0.5:8000`",
    ),
    in_file(
        "[limits]\ntimezone = 'Mars/Olympus'",
        "limits.timezone:",
        "`Europe/Berlin`",
    ),
    in_file(
        "[limits]\ndefault = [{ unit = 'joules', window = 'day', amount = 1 }]",
        "limits.default:",
        "units are requests",
    ),
    in_file(
        "[limits]\nwhen_unavailable = 'panic'",
        "limits.when_unavailable:",
        "`local`, `refuse`, `allow`",
    ),
    in_file("[secrets]\ndir = 'nowhere'", "secrets.dir:", "make it"),
    // Secrets and files.
    in_file(
        "[keys]\npepper_file = 'nowhere'",
        "keys.pepper_file:",
        "cannot read nowhere",
    ),
    in_env(
        &[("LLMGW_KEYS__PEPPER", "sesame")],
        "keys.pepper_file:",
        "(in environment variable LLMGW_KEYS__PEPPER_FILE)",
        "use one of them",
    ),
    in_env(
        &[("LLMGW_KEYS__PEPPER_FILE", "short")],
        "keys.pepper_file:",
        "LLMGW_KEYS__PEPPER_FILE",
        "head -c 33",
    ),
    in_env(
        &[("REDISPORT", "sesame")],
        "redis.url:",
        "(in environment variable REDISPORT)",
        "redis://host:6379/0",
    ),
    in_file(
        "[log]\nlevel = 'llmgw=loud'",
        "log.level:",
        "`warn,llmgw_proxy=debug`",
    ),
    in_file("[log]\n\nlevel =", "line 3", "mend that line"),
    in_file("[admin]\nkey = 'sesame", "line 2", "mend that line"),
];

fn check(replica: &Replica, args: &[&str]) -> Ended {
    replica.run(&[&["config", "check"], args].concat())
}

#[test]
fn broken_settings_are_named_with_their_layer_and_what_mends_them() {
    for broken in BROKEN {
        // Of the file's pepper and the variable's the variable counts.
        let replica = if broken.file.contains("pepper_file") {
            Replica::new().without("LLMGW_KEYS__PEPPER_FILE")
        } else {
            Replica::new()
        };
        let replica = broken
            .env
            .iter()
            .fold(replica, |replica, (name, value)| replica.env(name, value));
        fs::write(replica.folder().join("settings.toml"), broken.file).unwrap();
        fs::write(replica.folder().join("short"), "short\n").unwrap();
        let ended = check(&replica, &["--config", "settings.toml"]);
        let said = ended.stderr;
        assert_eq!(ended.code, Some(78), "{}{}: {said}", broken.file, broken.key);
        for words in [broken.key, broken.layer, broken.mend] {
            assert!(said.contains(words), "{words}, for {:?}: {said}", broken.file);
        }
        assert!(!said.contains("sesame"), "a secret shows: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let ended = check(&Replica::new(), &["--config", "nowhere.toml"]);
    assert_eq!(ended.code, Some(78));
    assert!(
        ended.stderr.contains("--config: cannot read nowhere.toml"),
        "{}",
        ended.stderr
    );
    let ended = check(&Replica::new().without("LLMGW_KEYS__PEPPER_FILE"), &[]);
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("keys.pepper_file: ") && ended.stderr.contains("head -c 33"));
}

#[test]
fn a_check_touches_no_network_and_makes_nothing() {
    // Nobody answers there, and a look-up of these names would take seconds or fail.
    let replica = Replica::new()
        .env("LLMGW_MONGO__URL", "mongodb+srv://nowhere.invalid/")
        .env("LLMGW_REDIS__URL", "redis://192.0.2.1:6379/0");
    fs::write(
        replica.folder().join("settings.toml"),
        "[admin]\nkey = 'of another program in the same file'\n[mongo]\nretention = 'forever'\n",
    )
    .unwrap();
    let ended = check(&replica, &["--config", "settings.toml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.lines().any(|line| line == "ok  [mongo]"),
        "{}",
        ended.stdout
    );
    assert!(!replica.journal().exists());
}

#[test]
fn what_is_printed_names_layers_and_hides_secrets() {
    let replica = Replica::new()
        .env("LLMGW_GATEWAY__MAX_BODY", "1MiB")
        .env("MONGOUSER", "0012")
        .env("MONGOPASSWORD", "0013-sesame")
        .env("LLMGW_REDIS__URL", "redis://u:sesame@h/0");
    fs::write(
        replica.folder().join("settings.toml"),
        "[gateway]\nmax_body = '2MiB'\nmax_in_flight = 7\n",
    )
    .unwrap();
    let printed = replica
        .run(&["config", "print", "--config", "settings.toml"])
        .stdout;
    for line in [
        "max_body = \"1MiB\"  # environment variable LLMGW_GATEWAY__MAX_BODY",
        "max_in_flight = 7  # settings.toml",
        "drain = \"300s\"  # the defaults",
        "linger = \"0s\"  # environment variable LLMGW_GATEWAY__LINGER",
        "user = \"0012\"  # environment variable MONGOUSER",
        "password = \"[hidden]\"  # environment variable MONGOPASSWORD",
        "url = \"redis://[hidden]@h/0\"  # environment variable LLMGW_REDIS__URL",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line}: {printed}"
        );
    }
    assert!(!printed.contains("sesame"), "{printed}");
}

#[test]
fn the_reference_is_current() {
    let made = Replica::new().run(&["config", "reference"]).stdout;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/configuration.md");
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert!(
        made == kept,
        "make it anew: llm-gateway config reference > docs/reference/configuration.md"
    );
}
