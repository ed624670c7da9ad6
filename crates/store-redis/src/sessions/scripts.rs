//! The scripts, each behind what all of them need.

use std::sync::LazyLock;

use crate::store::Script;

macro_rules! scripts {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(&[
                include_str!("../lua/expiry.lua"),
                include_str!("../lua/sessions/prelude.lua"),
                include_str!(concat!("../lua/sessions/", $file, ".lua")),
            ])
        });)*
    };
}

scripts! {
    INSERT = "insert";
    UPDATE = "update";
    TOUCH = "touch";
    REMOVE = "remove";
    REMOVE_ALL = "remove_all";
}
