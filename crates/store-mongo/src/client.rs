//! The driver's client, as our options want it.

use std::time::Duration;

use llmgw_types::ExposeSecret;
use mongodb::options::{
    ClientOptions, ConnectionString, DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria, Tls,
    TlsOptions, WriteConcern,
};
use mongodb::{Client, Database};

use crate::error::failed;
use crate::{Options, StartError};

/// The connection string, read without touching the network. The driver's complaint is not passed on: it quotes
/// the string, and a password with an odd character would be in it.
pub(crate) fn connection_string(options: &Options) -> Result<ConnectionString, StartError> {
    let url = options.url.expose_secret().trim();
    if options.password.is_some() && options.user.is_none() && !names_user(url) {
        return Err(StartError::NoUser);
    }
    let read = match url.split_once("://") {
        // The driver passes over `authSource` where nobody logs in, and refuses some mechanisms.
        Some((scheme, rest)) if options.user.is_some() && !names_user(url) => {
            ConnectionString::parse(format!("{scheme}://placeholder@{rest}"))
        }
        _ => ConnectionString::parse(url),
    };
    read.map_err(|_| StartError::BadUrl)
}

fn names_user(url: &str) -> bool {
    url.split('?')
        .next()
        .is_some_and(|before_options| before_options.contains('@'))
}

/// Looks up a `mongodb+srv` name in the DNS; nothing else touches the network.
pub(crate) async fn client_options(options: &Options) -> Result<ClientOptions, StartError> {
    let url = connection_string(options)?;
    let mut made = ClientOptions::parse(url).await.map_err(failed)?;
    // Shorter than our own bound on a call, so that the driver can say what it waited for.
    let patience = options.call_timeout * 3 / 5;
    let at_most = |set: Option<Duration>| Some(set.map_or(patience, |set| set.min(patience)));
    made.server_selection_timeout = at_most(made.server_selection_timeout);
    made.connect_timeout = at_most(made.connect_timeout);
    made.app_name.get_or_insert_with(|| "llmgw".to_owned());
    log_in(&mut made, options);
    if let Some(file) = &options.tls_ca_file {
        let mut tls = match made.tls.take() {
            Some(Tls::Enabled(tls)) => tls,
            _ => TlsOptions::default(),
        };
        tls.ca_file_path = Some(file.clone());
        made.tls = Some(Tls::Enabled(tls));
    }
    Ok(made)
}

fn log_in(made: &mut ClientOptions, options: &Options) {
    let Some(credential) = &mut made.credential else {
        return;
    };
    if let Some(user) = &options.user {
        credential.username = Some(user.clone());
    }
    if let Some(password) = &options.password {
        credential.password = Some(password.expose_secret().to_owned());
    }
}

/// The database, every access to it on the primary and every write at a majority: a revoked key must stay
/// revoked whichever member fails.
pub(crate) fn database(client: &Client, options: &Options) -> Database {
    let mut write_concern = WriteConcern::majority();
    write_concern.w_timeout = Some(options.call_timeout);
    let access = DatabaseOptions::builder()
        .read_concern(ReadConcern::local())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .write_concern(write_concern)
        .build();
    client.database_with_options(&options.database, access)
}
