//! `/api/v1/users`.

pub(crate) mod exported;
mod wanted;

pub use wanted::{Filter, PatchedUser, WantedUser};

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, Query};
use llmgw_keys::{KeyError, NewUser, Page, User, UserState};
use llmgw_types::{GroupName, Limit, Revision, Role, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::{Admin, Planned};
use crate::caller::{Caller, Changer, Reader};
use crate::etag::{Seen, tagged};
use crate::paging::{self, Listed};
use crate::problem::{Details, Problem};
use crate::words;

/// A user: a person, or a service account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct ShownUser {
    /// Its id.
    #[schema(value_type = words::Id)]
    pub(crate) id: UserId,
    /// The name, unique.
    pub(crate) name: String,
    /// Mail address, if known.
    pub(crate) mail: Option<String>,
    /// Whether they log in with their institution.
    pub(crate) from_institution: bool,
    /// Groups. Of those who log in with their institution it says which, anew at each login.
    #[schema(value_type = Vec<words::Group>)]
    pub(crate) groups: Vec<GroupName>,
    /// What they may do beyond own keys.
    #[schema(value_type = words::RoleName)]
    pub(crate) role: Role,
    /// Whether they may act.
    #[schema(value_type = words::UserStateName)]
    pub(crate) state: UserState,
    /// The version of the agreement that they accepted.
    pub(crate) agreement: Option<String>,
    /// When they last logged in.
    #[schema(value_type = Option<words::Time>)]
    pub(crate) last_login_at: Option<Timestamp>,
    /// Limits over all their keys, in place of those of each user.
    #[schema(value_type = Vec<words::Limit>)]
    pub(crate) limits: Vec<Limit>,
    /// When they were first seen.
    #[schema(value_type = words::Time)]
    pub(crate) created_at: Timestamp,
    /// How often they were changed; the number in the `ETag`.
    #[schema(value_type = u32)]
    pub(crate) revision: Revision,
}

impl From<User> for ShownUser {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            mail: user.mail,
            from_institution: user.external_id.is_some(),
            groups: user.groups,
            role: user.role,
            state: user.state,
            agreement: user.agreement,
            last_login_at: user.last_login_at,
            limits: user.limits,
            created_at: user.created_at,
            revision: user.revision,
        }
    }
}

/// How many logins were ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedOut {
    /// Sessions that there were.
    sessions: u64,
}

// For the audit log, which keeps no names of people.
fn noted(user: &User) -> Value {
    json!({"groups": user.groups, "role": user.role, "state": user.state, "limits": user.limits})
}

fn planned(action: &'static str, before: &User, after: Option<Value>) -> Planned {
    Planned {
        action,
        subject: format!("user:{}", before.id),
        before: Some(noted(before)),
        after,
    }
}

impl Admin {
    /// Makes a user: a service account, or somebody who has not logged in yet.
    ///
    /// # Errors
    /// When a field makes no sense, the name is taken, or a store failed.
    pub async fn make_user(&self, caller: &Caller, wanted: WantedUser) -> Result<ShownUser, Problem> {
        let new = NewUser {
            name: wanted.name,
            mail: wanted.mail,
            groups: wanted.groups,
            role: wanted.role,
            state: UserState::Active,
            limits: wanted.limits,
        };
        Ok(self.keep_user(caller, new).await?.into())
    }

    pub(crate) async fn keep_user(&self, caller: &Caller, new: NewUser) -> Result<User, Problem> {
        let planned = Planned {
            action: "user.create",
            subject: "user".to_owned(),
            before: None,
            after: Some(
                json!({"groups": new.groups, "role": new.role, "state": new.state, "limits": new.limits}),
            ),
        };
        let making = async {
            let user = self.users.create(new, self.clock.now()).await?;
            let after = json!({"user": user.id, "is": noted(&user)});
            Ok((user, Some(after)))
        };
        self.audited(caller, planned, making).await
    }

    /// Lists users in the order in which they were first seen: a page after the user `after`.
    ///
    /// # Errors
    /// When the limit is out of bounds or a store failed.
    pub async fn list_users(&self, filter: &Filter) -> Result<Listed<ShownUser>, Problem> {
        let limit = paging::limit(filter.limit)?;
        let search = filter.search.as_deref().filter(|text| !text.is_empty());
        let (mut after, mut found) = (filter.after, Vec::new());
        loop {
            let page = self.users.list(search, Page { after, limit }).await?;
            let last = page.len() < limit;
            after = page.last().map(|user| user.id);
            found.extend(page.into_iter().filter(|user| filter.wants(user)));
            if last || found.len() >= limit {
                break;
            }
        }
        found.truncate(limit);
        let data = found.into_iter().map(ShownUser::from).collect();
        Ok(Listed::new(data, limit, |user| user.id.to_string()))
    }

    /// The user of this name or id.
    ///
    /// # Errors
    /// When there is none or a store failed.
    pub async fn user(&self, text: &str) -> Result<User, Problem> {
        match self.users.find(text).await {
            Err(KeyError::NoUser) => Err(Problem::not_found(format!(
                "There is no user `{}`.",
                text.chars().take(64).collect::<String>()
            ))),
            found => Ok(found?),
        }
    }

    /// The name of a user; `None` when there is none.
    pub(crate) async fn name_of(&self, id: UserId) -> Result<Option<String>, Problem> {
        match self.users.get(id).await {
            Ok(user) => Ok(Some(user.name)),
            Err(KeyError::NoUser) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a user. `seen`: only if they have this revision. Who is suspended, or has another role, is signed out
    /// everywhere.
    ///
    /// # Errors
    /// When there is none, it is not what was seen, a field makes no sense, or a store failed.
    pub async fn change_user(
        &self,
        caller: &Caller,
        text: &str,
        seen: Option<Revision>,
        patch: PatchedUser,
    ) -> Result<ShownUser, Problem> {
        let before = self.user(text).await?;
        let mut after = before.clone();
        patch.apply(&mut after)?;
        let planned = planned("user.change", &before, Some(noted(&after)));
        let changing = async {
            let user = self
                .users
                .change(before.id, seen, |user| patch.apply(user))
                .await?;
            if user.state != UserState::Active || user.role != before.role {
                self.sessions.remove_user(user.id).await?;
            }
            Ok((user, None))
        };
        Ok(self.audited(caller, planned, changing).await?.into())
    }

    /// Ends all logins of a user.
    ///
    /// # Errors
    /// When there is none or a store failed.
    pub async fn sign_out(&self, caller: &Caller, text: &str) -> Result<SignedOut, Problem> {
        let user = self.user(text).await?;
        let leaving = async {
            let sessions = self.sessions.remove_user(user.id).await?;
            Ok((SignedOut { sessions }, Some(json!({"sessions": sessions}))))
        };
        self.audited(caller, planned("user.sign_out", &user, None), leaving)
            .await
    }

    /// Forgets who a user is; their use stays in the sums. `seen`: only if they have this revision.
    ///
    /// # Errors
    /// When there is none, it is not what was seen, or a store failed.
    pub async fn erase_user(
        &self,
        caller: &Caller,
        text: &str,
        seen: Option<Revision>,
    ) -> Result<ShownUser, Problem> {
        let user = self.user(text).await?;
        let erasing = async {
            let erased = self.users.erase(user.id, seen).await?;
            self.sessions.remove_user(user.id).await?;
            Ok((erased, None))
        };
        let erased = self.audited(caller, planned("user.erase", &user, None), erasing);
        Ok(erased.await?.into())
    }
}

/// Makes a user: a service account, or somebody who has not logged in yet.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = WantedUser,
    responses((status = 201, body = ShownUser), (status = 409, body = Details, description = "The name is taken."), (status = 422, body = Details)))]
pub(crate) async fn create(
    admin: Data<Admin>,
    who: Changer,
    wanted: Json<WantedUser>,
) -> Result<HttpResponse, Problem> {
    let made = admin.make_user(&who.0, wanted.into_inner()).await?;
    Ok(tagged(HttpResponse::Created(), made.revision, made))
}

/// Lists users in the order they were first seen.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(Filter),
    responses((status = 200, body = Listed<ShownUser>), (status = 400, body = Details), (status = 422, body = Details)))]
pub(crate) async fn list(
    admin: Data<Admin>,
    _: Reader,
    filter: Query<Filter>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.list_users(&filter).await?))
}

/// Shows a user.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = String, Path, description = "A name or an id.")),
    responses((status = 200, body = ShownUser, headers(("ETag" = String))), (status = 404, body = Details)))]
pub(crate) async fn get(admin: Data<Admin>, _: Reader, id: Path<String>) -> Result<HttpResponse, Problem> {
    let user = ShownUser::from(admin.user(&id).await?);
    Ok(tagged(HttpResponse::Ok(), user.revision, user))
}

/// Changes a user; what is left out stays. Who is suspended, or has another role then, is signed out everywhere.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "A name or an id."), ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    request_body = PatchedUser,
    responses((status = 200, body = ShownUser), (status = 404, body = Details), (status = 409, body = Details), (status = 412, body = Details), (status = 422, body = Details)))]
pub(crate) async fn change(
    admin: Data<Admin>,
    who: Changer,
    id: Path<String>,
    seen: Seen,
    patch: Json<PatchedUser>,
) -> Result<HttpResponse, Problem> {
    let user = admin.change_user(&who.0, &id, seen.0, patch.into_inner()).await?;
    Ok(tagged(HttpResponse::Ok(), user.revision, user))
}

/// Forgets who a user is: name, mail, account, groups and limits are gone, and all keys are revoked. What was used
/// stays in the sums, under an id that nobody is behind.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "A name or an id."), ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    responses((status = 200, body = ShownUser, description = "As they are then."), (status = 404, body = Details), (status = 412, body = Details)))]
pub(crate) async fn erase(
    admin: Data<Admin>,
    who: Changer,
    id: Path<String>,
    seen: Seen,
) -> Result<HttpResponse, Problem> {
    let user = admin.erase_user(&who.0, &id, seen.0).await?;
    Ok(tagged(HttpResponse::Ok(), user.revision, user))
}

/// Ends all logins of a user, in whatever browser.
#[utoipa::path(post, path = "/api/v1/users/{id}/logout", tag = "users", params(("id" = String, Path, description = "A name or an id.")),
    responses((status = 200, body = SignedOut), (status = 404, body = Details)))]
pub(crate) async fn sign_out(
    admin: Data<Admin>,
    who: Changer,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.sign_out(&who.0, &id).await?))
}
