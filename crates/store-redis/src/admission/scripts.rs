//! The scripts, each with what it needs before it. What they say to each other stands in `prelude.lua`.

use std::sync::LazyLock;

use crate::store::Script;

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(&[include_str!("../lua/prelude.lua"), $(include_str!(concat!("../lua/", $file, ".lua"))),+])
        });)*
    };
}

scripts! {
    RESERVE = "reserve";
    SETTLE = "settle";
    RELEASE = "release";
    RENEW = "renew";
    RESTORE = "restore";
    STATE = "state";
    DOUBT = "doubt";
    BEGIN = "rebuild" "begin";
    PUT = "rebuild" "put";
    FINISH = "rebuild" "finish";
}
