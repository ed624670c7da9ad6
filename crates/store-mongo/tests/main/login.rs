//! A server that asks for a login.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use futures_executor::block_on;
use llmgw_models::ModelCatalog;
use llmgw_servers::Mongod;
use llmgw_store_mongo::Options;
use llmgw_types::{SecretString, StoreError};
use mongodb::bson::doc;

use crate::setup::{beside, chain, client, open, options_on};

/// Looks like a number, and like the end of a URL.
const USER: &str = "0123";
const PASSWORD: &str = "p@ss:/w%rd?#[1]";

fn guarded() -> (Mongod, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, "a key that members of the set share").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let mongod = Mongod::start_with(&["--keyFile", file.to_str().unwrap()]);
    let admin = client(&mongod.url()).database("admin");
    let user = doc! { "createUser": USER, "pwd": PASSWORD, "roles": ["readWriteAnyDatabase"] };
    beside(admin.run_command(user));
    (mongod, folder)
}

#[test]
fn user_and_password_are_plain_text() {
    let (mongod, _folder) = guarded();
    let with = |user: Option<&str>, password: Option<&str>| Options {
        user: user.map(str::to_owned),
        password: password.map(SecretString::from),
        ..options_on(&mongod)
    };
    let list = |options: &Options| block_on(open(options).models().list());
    assert!(list(&with(Some(USER), Some(PASSWORD))).unwrap().is_empty());
    let encoded = mongod
        .url()
        .replace("127.", "0123:p%40ss%3A%2Fw%25rd%3F%23%5B1%5D@127.");
    let in_url = Options {
        url: SecretString::from(encoded),
        ..with(None, None)
    };
    assert!(list(&in_url).unwrap().is_empty());
    let source = Options {
        url: SecretString::from(format!(
            "{}&authSource=admin",
            mongod.url().replace("/?", "/other?")
        )),
        ..with(Some(USER), Some(PASSWORD))
    };
    assert!(list(&source).unwrap().is_empty());
    for (user, password) in [
        (Some(USER), Some("wr0ng-one")),
        (Some("0124"), Some("wr0ng-one")),
        (None, None),
    ] {
        let refused = list(&with(user, password)).unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
        assert!(!chain(&refused).contains("wr0ng-one"), "{}", chain(&refused));
    }
}
