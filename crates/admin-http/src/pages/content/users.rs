//! Users.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_keys::{User, UserState};
use llmgw_pages::admin::{ConfirmPage, Filled, LeftLine, NewUserPage, Place, UserLine, UserPage, UsersPage};

use super::super::{Fields, PageCaller, PageChange, PageError, go, page};
use super::fields::{again, fill_limits, joined, limits, read, seen, shown_again, text, told, words};
use super::lists::{Sought, left, when};
use crate::admin::Admin;
use crate::paging::Listed;
use crate::problem::Problem;
use crate::users::{Filter, PatchedUser, ShownUser, WantedUser};

const PAGE: usize = 50;

/// `GET /users`.
pub(super) async fn list(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let mut sought = Sought::read(request.query_string(), &["search", "group", "role", "state"]);
    let (mut status, mut users, mut next) = (StatusCode::OK, Vec::new(), None);
    match found(&admin, &sought).await {
        Ok(listed) => (users, next) = (listed.data, listed.next),
        Err(problem) => {
            let text;
            (status, text) = again(problem)?;
            sought.form = sought.form.refused(&text);
        }
    }
    let shown = UsersPage {
        frame: told(who.frame(Some(Place::Users)), sought.done.as_deref()),
        filtered: sought.filtered(),
        users: users.iter().map(|user| line(&admin, user)).collect(),
        next: sought.next("/users", next.as_ref()),
        first: sought.first("/users"),
        filter: sought.form,
    };
    page(status, &shown)
}

async fn found(admin: &Admin, sought: &Sought) -> Result<Listed<ShownUser>, Problem> {
    let filter = Filter {
        search: sought.one("search").map(str::to_owned),
        group: sought.one("group").map(|text| read("group", text)).transpose()?,
        role: sought.one("role").map(|text| read("role", text)).transpose()?,
        state: sought.one("state").map(|text| read("state", text)).transpose()?,
        after: sought
            .after
            .as_deref()
            .map(|text| read("after", text))
            .transpose()?,
        limit: Some(PAGE),
    };
    admin.list_users(&filter).await
}

fn line(admin: &Admin, user: &ShownUser) -> UserLine {
    UserLine {
        id: user.id.to_string(),
        name: user.name.clone(),
        mail: user.mail.clone(),
        from_institution: user.from_institution,
        groups: user.groups.iter().map(ToString::to_string).collect(),
        role: user.role.as_str().to_owned(),
        state: match user.state {
            UserState::Active => "active",
            UserState::Suspended => "suspended",
            UserState::Erased => "erased",
        }
        .to_owned(),
        last_login: user.last_login_at.map(|at| when(admin, at)),
        created: when(admin, user.created_at),
    }
}

/// `GET /new-user`.
pub(super) async fn ask(who: PageCaller) -> Result<HttpResponse, PageError> {
    let mut form = Filled::default();
    fill_limits(&mut form, "limits", &[]);
    let shown = NewUserPage {
        frame: who.frame(Some(Place::Users)),
        form,
    };
    page(StatusCode::OK, &shown)
}

/// `POST /new-user`.
pub(super) async fn make(admin: Data<Admin>, change: PageChange) -> Result<HttpResponse, PageError> {
    let fields = &change.fields;
    let made = async {
        let wanted = WantedUser {
            name: fields.one("name").to_owned(),
            mail: text(fields, "mail"),
            groups: words("groups", fields.one("groups"))?,
            role: read("role", fields.one("role"))?,
            limits: limits(fields, "limits")?,
        };
        admin.make_user(&change.who.caller, wanted).await
    };
    match made.await {
        Ok(user) => Ok(go(&format!("/users/{}?done=saved", user.id))),
        Err(problem) => {
            let (status, text) = again(problem)?;
            let shown = NewUserPage {
                frame: change.who.frame(Some(Place::Users)),
                form: shown_again(fields, status, &text, &Filled::default()),
            };
            page(status, &shown)
        }
    }
}

/// `GET /users/{id}`.
pub(super) async fn show(
    admin: Data<Admin>,
    who: PageCaller,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let user = admin.user(&id).await?;
    let sought = Sought::read(request.query_string(), &[]);
    let form = filled(&ShownUser::from(user.clone()));
    let mut shown = user_page(&admin, &who, user, form).await;
    shown.frame = told(shown.frame, sought.done.as_deref());
    page(StatusCode::OK, &shown)
}

async fn user_page(admin: &Admin, who: &PageCaller, user: User, form: Filled) -> UserPage {
    UserPage {
        frame: who.frame(Some(Place::Users)),
        left: left_of(admin, &user).await,
        user: line(admin, &user.into()),
        form,
    }
}

// The page is of use without.
async fn left_of(admin: &Admin, user: &User) -> Option<Vec<LeftLine>> {
    match admin.limits_left(user, None).await {
        Ok(limits) => Some(limits.data.iter().map(|limit| left(admin, limit)).collect()),
        Err(error) => {
            tracing::warn!(%error, "limits cannot be read");
            None
        }
    }
}

fn filled(user: &ShownUser) -> Filled {
    let mut form = Filled::default();
    form.add("seen", user.revision);
    form.add("name", &user.name);
    form.add("mail", user.mail.as_deref().unwrap_or_default());
    form.add("groups", joined(&user.groups));
    form.add("role", user.role.as_str());
    fill_limits(&mut form, "limits", &user.limits);
    form
}

/// `POST /users/{id}`.
pub(super) async fn save(
    admin: Data<Admin>,
    id: Path<String>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    let fields = &change.fields;
    let saved = async {
        let patch = patch(fields)?;
        let seen = seen(fields)?;
        admin.change_user(&change.who.caller, &id, seen, patch).await
    };
    match saved.await {
        Ok(user) => Ok(go(&format!("/users/{}?done=saved", user.id))),
        Err(problem) => {
            let (status, text) = again(problem)?;
            let now = admin.user(&id).await?;
            let form = shown_again(fields, status, &text, &filled(&now.clone().into()));
            page(status, &user_page(&admin, &change.who, now, form).await)
        }
    }
}

fn patch(fields: &Fields) -> Result<PatchedUser, Problem> {
    Ok(PatchedUser {
        name: Some(fields.one("name").to_owned()),
        mail: Some(text(fields, "mail")),
        groups: Some(words("groups", fields.one("groups"))?),
        role: Some(read("role", fields.one("role"))?),
        state: None,
        limits: Some(limits(fields, "limits")?),
    })
}

async fn set_state(admin: &Admin, change: &PageChange, id: &str, state: UserState) -> Result<(), Problem> {
    let patch = PatchedUser {
        state: Some(state),
        ..PatchedUser::default()
    };
    let seen = seen(&change.fields)?;
    admin
        .change_user(&change.who.caller, id, seen, patch)
        .await
        .map(drop)
}

/// `POST /users/{id}/resume`.
pub(super) async fn resume(
    admin: Data<Admin>,
    id: Path<String>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    set_state(&admin, &change, &id, UserState::Active).await?;
    Ok(to(&admin, &id, "resumed").await?)
}

async fn to(admin: &Admin, id: &str, done: &str) -> Result<HttpResponse, Problem> {
    let id = admin.user(id).await?.id;
    Ok(go(&format!("/users/{id}?done={done}")))
}

/// What is asked before something is done to a user.
struct Question {
    title: &'static str,
    text: &'static str,
    word: &'static str,
    confirm: &'static str,
}

async fn question(
    admin: &Admin,
    who: &PageCaller,
    id: &str,
    asked: Question,
) -> Result<HttpResponse, PageError> {
    let user = admin.user(id).await?;
    let shown = ConfirmPage {
        frame: who.frame(Some(Place::Users)),
        title: asked.title.to_owned(),
        subject: user.name,
        text: asked.text.to_owned(),
        action: format!("/users/{}/{}", user.id, asked.word),
        fields: vec![("seen".to_owned(), user.revision.to_string())],
        confirm: asked.confirm.to_owned(),
        keep: format!("/users/{}", user.id),
    };
    page(StatusCode::OK, &shown)
}

/// `GET /users/{id}/suspend`.
pub(super) async fn ask_to_suspend(
    admin: Data<Admin>,
    who: PageCaller,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let asked = Question {
        title: "Suspend this user?",
        text: "All their keys are refused, and they are signed out everywhere, until somebody lets them act again.",
        word: "suspend",
        confirm: "Suspend",
    };
    question(&admin, &who, &id, asked).await
}

/// `POST /users/{id}/suspend`.
pub(super) async fn suspend(
    admin: Data<Admin>,
    id: Path<String>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    set_state(&admin, &change, &id, UserState::Suspended).await?;
    Ok(to(&admin, &id, "suspended").await?)
}

/// `GET /users/{id}/sign-out`.
pub(super) async fn ask_to_sign_out(
    admin: Data<Admin>,
    who: PageCaller,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let asked = Question {
        title: "Sign this user out everywhere?",
        text: "Every session ends, at the portal and here. Keys go on working.",
        word: "sign-out",
        confirm: "Sign out everywhere",
    };
    question(&admin, &who, &id, asked).await
}

/// `POST /users/{id}/sign-out`.
pub(super) async fn sign_out(
    admin: Data<Admin>,
    id: Path<String>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    admin.sign_out(&change.who.caller, &id).await?;
    Ok(to(&admin, &id, "signed-out").await?)
}

/// `GET /users/{id}/erase`.
pub(super) async fn ask_to_erase(
    admin: Data<Admin>,
    who: PageCaller,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let asked = Question {
        title: "Erase this user?",
        text: "Name, mail, groups and limits are forgotten, and all keys are revoked. What was used stays in the sums. \
               This cannot be undone.",
        word: "erase",
        confirm: "Erase",
    };
    question(&admin, &who, &id, asked).await
}

/// `POST /users/{id}/erase`.
pub(super) async fn erase(
    admin: Data<Admin>,
    id: Path<String>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    let seen = seen(&change.fields)?;
    let erased = admin.erase_user(&change.who.caller, &id, seen).await?;
    Ok(go(&format!("/users/{}?done=erased", erased.id)))
}
