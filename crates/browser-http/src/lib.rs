//! What services share that speak with browsers over actix: sessions in a cookie, forms that came from a page of ours,
//! and headers. It knows no page, no user and no store.

mod cookie;
mod form;
mod headers;
mod path;
mod store;

pub use cookie::{CookieKey, sessions};
pub use form::{Fields, FormError, LONGEST_FORM, is_from_elsewhere, proves};
pub use headers::{Place, put};
pub use path::{base_url, own_path};
pub use store::{ENDS, Kept, LOGIN, Sessions, USER};
