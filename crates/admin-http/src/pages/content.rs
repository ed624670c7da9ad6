//! What administrators and auditors see. What a page changes it changes by the same methods of `Admin` as the API.

mod audit;
mod fields;
mod keys;
mod limits;
mod lists;
mod models;
mod overview;
mod reports;
mod users;

use actix_web::web::{self, ServiceConfig};

use crate::routes::resource;

/// Adds the pages.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/").route(web::get().to(overview::overview)))
        .service(resource("/reports").route(web::get().to(reports::reports)))
        .service(resource("/chargeback").route(web::get().to(reports::chargeback)))
        .service(resource("/audit").route(web::get().to(audit::list)))
        .service(resource("/audit/check").route(web::get().to(audit::check)))
        .configure(of_models)
        .configure(of_keys)
        .configure(of_users)
        .configure(of_limits);
}

// A model's id may hold slashes, and be any word: nothing may stand before or behind it in a path.
fn of_models(config: &mut ServiceConfig) {
    config
        .service(resource("/models").route(web::get().to(models::list)))
        .service(
            resource("/new-model")
                .route(web::get().to(models::ask))
                .route(web::post().to(models::add)),
        )
        .service(
            resource("/models/{id:.+}")
                .route(web::get().to(models::show))
                .route(web::post().to(models::save)),
        )
        .service(
            resource("/remove-model/{id:.+}")
                .route(web::get().to(models::ask_to_remove))
                .route(web::post().to(models::remove)),
        );
}

fn of_keys(config: &mut ServiceConfig) {
    config
        .service(resource("/keys").route(web::get().to(keys::list)))
        .service(
            resource("/new-key")
                .route(web::get().to(keys::ask))
                .route(web::post().to(keys::make)),
        )
        .service(
            resource("/keys/{id}")
                .route(web::get().to(keys::show))
                .route(web::post().to(keys::save)),
        )
        .service(resource("/keys/{id}/rotate").route(web::post().to(keys::rotate)))
        .service(
            resource("/keys/{id}/revoke")
                .route(web::get().to(keys::ask_to_revoke))
                .route(web::post().to(keys::revoke)),
        );
}

fn of_users(config: &mut ServiceConfig) {
    config
        .service(resource("/users").route(web::get().to(users::list)))
        .service(
            resource("/new-user")
                .route(web::get().to(users::ask))
                .route(web::post().to(users::make)),
        )
        .service(
            resource("/users/{id}")
                .route(web::get().to(users::show))
                .route(web::post().to(users::save)),
        )
        .service(resource("/users/{id}/resume").route(web::post().to(users::resume)))
        .service(
            resource("/users/{id}/suspend")
                .route(web::get().to(users::ask_to_suspend))
                .route(web::post().to(users::suspend)),
        )
        .service(
            resource("/users/{id}/sign-out")
                .route(web::get().to(users::ask_to_sign_out))
                .route(web::post().to(users::sign_out)),
        )
        .service(
            resource("/users/{id}/erase")
                .route(web::get().to(users::ask_to_erase))
                .route(web::post().to(users::erase)),
        );
}

fn of_limits(config: &mut ServiceConfig) {
    config
        .service(
            resource("/limits")
                .route(web::get().to(limits::show))
                .route(web::post().to(limits::save)),
        )
        .service(
            resource("/group")
                .route(web::get().to(limits::group))
                .route(web::post().to(limits::save_group)),
        )
        .service(
            resource("/unset-group")
                .route(web::get().to(limits::ask_to_unset))
                .route(web::post().to(limits::unset)),
        );
}
