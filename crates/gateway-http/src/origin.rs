//! Where a request comes from, as failures are counted by.

use actix_web::HttpRequest;
use llmgw_keys::{Origin, Proxies};

/// Who `request` comes from.
pub(crate) fn of(request: &HttpRequest, proxies: &Proxies) -> Option<Origin> {
    let lists = request.headers().get_all("x-forwarded-for");
    let lists = lists.filter_map(|list| list.to_str().ok());
    Some(proxies.client(request.peer_addr()?.ip(), lists).into())
}
