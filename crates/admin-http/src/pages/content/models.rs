//! Models.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_models::{Access, ModelState, Quirk};
use llmgw_pages::admin::{ConfirmPage, Filled, ModelLine, ModelPage, ModelsPage, Place};
use llmgw_pages::look::money;
use llmgw_types::{Endpoint, ModelId, Money, Price, SecretString};

use super::super::{Fields, PageCaller, PageChange, PageError, go, page};
use super::fields::{
    again, count, fill_limits, joined, limits, nanos, read, seen, shown_again, text, told, words,
};
use super::lists::{Sought, in_path};
use crate::admin::Admin;
use crate::models::{ShownModel, WantedModel, WantedTarget};
use crate::problem::Problem;

/// `GET /models`.
pub(super) async fn list(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let sought = Sought::read(request.query_string(), &[]);
    let models = admin.list_models().await?.data;
    let shown = ModelsPage {
        frame: told(who.frame(Some(Place::Models)), sought.done.as_deref()),
        models: models.iter().map(line).collect(),
        currency: admin.currency.clone(),
    };
    page(StatusCode::OK, &shown)
}

fn line(model: &ShownModel) -> ModelLine {
    let price = &model.price;
    let costs =
        (*price != Price::default()).then(|| (money(price.prompt.nanos()), money(price.completion.nanos())));
    ModelLine {
        id: model.id.to_string(),
        href: format!("/models/{}", in_path(model.id.as_str())),
        aliases: model.aliases.iter().map(ToString::to_string).collect(),
        targets: model
            .targets
            .iter()
            .map(|target| target.base_url.clone())
            .collect(),
        price: costs,
        groups: match &model.access {
            Access::Everyone => None,
            Access::Groups(groups) => Some(groups.iter().map(ToString::to_string).collect()),
        },
        active: model.state == ModelState::Active,
    }
}

/// `GET /new-model`.
pub(super) async fn ask(admin: Data<Admin>, who: PageCaller) -> Result<HttpResponse, PageError> {
    let mut form = Filled::default();
    form.add("target_rows", 1);
    form.add("owned_by", "llmgateway");
    fill_limits(&mut form, "limits", &[]);
    page(StatusCode::OK, &form_page(&admin, &who, None, form))
}

fn form_page(admin: &Admin, who: &PageCaller, id: Option<&ModelId>, form: Filled) -> ModelPage {
    let path = id.map(|id| in_path(id.as_str()));
    ModelPage {
        frame: who.frame(Some(Place::Models)),
        id: id.map(ToString::to_string),
        action: path
            .as_ref()
            .map_or("/new-model".to_owned(), |path| format!("/models/{path}")),
        remove: path.map_or(String::new(), |path| format!("/remove-model/{path}")),
        form,
        endpoints: Endpoint::ALL.iter().map(ToString::to_string).collect(),
        currency: admin.currency.clone(),
        takes_secrets: admin.sealer.is_some(),
    }
}

/// `POST /new-model`.
pub(super) async fn add(admin: Data<Admin>, change: PageChange) -> Result<HttpResponse, PageError> {
    let made = async {
        let id = match change.fields.one("id") {
            "" => return Err(Problem::invalid("id: give the model a name")),
            text => read("id", text)?,
        };
        admin
            .make_model(&change.who.caller, wanted(&change.fields, id)?)
            .await
    };
    match made.await {
        Ok(_) => Ok(go("/models?done=added")),
        Err(problem) => {
            let (status, text) = again(problem)?;
            let form = shown_again(&change.fields, status, &text, &Filled::default());
            page(status, &form_page(&admin, &change.who, None, form))
        }
    }
}

/// `GET /models/{id}`.
pub(super) async fn show(
    admin: Data<Admin>,
    who: PageCaller,
    id: Path<ModelId>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let model = ShownModel::from(admin.models.get(&id).await.map_err(Problem::from)?);
    let sought = Sought::read(request.query_string(), &[]);
    let mut shown = form_page(&admin, &who, Some(&id), filled(&model));
    shown.frame = told(shown.frame, sought.done.as_deref());
    page(StatusCode::OK, &shown)
}

/// `POST /models/{id}`.
pub(super) async fn save(
    admin: Data<Admin>,
    id: Path<ModelId>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    let fields = &change.fields;
    let saved = async {
        let wanted = wanted(fields, (*id).clone())?;
        let seen = seen(fields)?;
        admin
            .replace_model(&change.who.caller, (*id).clone(), seen, wanted)
            .await
    };
    match saved.await {
        Ok(_) => Ok(go(&format!("/models/{}?done=saved", in_path(id.as_str())))),
        Err(problem) => {
            let (status, text) = again(problem)?;
            let now = ShownModel::from(admin.models.get(&id).await.map_err(Problem::from)?);
            let form = shown_again(fields, status, &text, &filled(&now));
            page(status, &form_page(&admin, &change.who, Some(&id), form))
        }
    }
}

fn filled(model: &ShownModel) -> Filled {
    let mut form = Filled::default();
    form.add("seen", model.revision);
    form.add(
        "state",
        if model.state == ModelState::Active {
            "active"
        } else {
            "disabled"
        },
    );
    form.add("aliases", joined(&model.aliases));
    form.add("owned_by", &model.owned_by);
    match &model.access {
        Access::Everyone => form.add("access", "everyone"),
        Access::Groups(groups) => {
            form.add("access", "groups");
            form.add("groups", joined(groups));
        }
    }
    for endpoint in &model.endpoints {
        form.add("endpoint", endpoint);
    }
    form.add("fallbacks", joined(&model.fallbacks));
    form.add("first_byte_ms", model.timeouts.first_byte_ms);
    form.add("idle_ms", model.timeouts.idle_ms);
    form.add("default_answer_tokens", model.default_answer_tokens);
    if let Some(context) = model.context {
        form.add("context", context);
    }
    let price = &model.price;
    for (name, price) in [
        ("price_prompt", price.prompt),
        ("price_cached", price.cached_prompt),
        ("price_completion", price.completion),
        ("price_unit", price.unit),
    ] {
        form.add(name, money(price.nanos()));
    }
    fill_limits(&mut form, "limits", &model.limits);
    fill_targets(&mut form, model);
    form
}

fn fill_targets(form: &mut Filled, model: &ShownModel) {
    form.add("target_rows", model.targets.len() + 1);
    for (row, target) in model.targets.iter().enumerate() {
        let mut add = |name: &str, value: String| form.add(&format!("target_{row}_{name}"), value);
        add("id", target.id.to_string());
        add("base_url", target.base_url.clone());
        add("model", target.model.clone().unwrap_or_default());
        add("secret", target.secret.clone());
        add("weight", target.weight.to_string());
        add(
            "max_in_flight",
            target
                .max_in_flight
                .map(|most| most.to_string())
                .unwrap_or_default(),
        );
        for quirk in &target.quirks {
            add("quirk", quirk.as_str().to_owned());
        }
    }
}

fn wanted(fields: &Fields, id: ModelId) -> Result<WantedModel, Problem> {
    let mut wanted = WantedModel::named(id);
    wanted.aliases = words("aliases", fields.one("aliases"))?;
    wanted.owned_by = text(fields, "owned_by");
    wanted.endpoints = fields
        .all("endpoint")
        .map(|word| read("endpoint", word))
        .collect::<Result<_, _>>()?;
    wanted.targets = targets(fields)?;
    let price = |name: &str| nanos(name, fields.one(name)).map(Money::from_nanos);
    wanted.price = Price {
        prompt: price("price_prompt")?,
        cached_prompt: price("price_cached")?,
        completion: price("price_completion")?,
        unit: price("price_unit")?,
    };
    wanted.access = access(fields)?;
    wanted.fallbacks = words("fallbacks", fields.one("fallbacks"))?;
    if let Some(first) = count(fields, "first_byte_ms")? {
        wanted.timeouts.first_byte_ms = first;
    }
    if let Some(idle) = count(fields, "idle_ms")? {
        wanted.timeouts.idle_ms = idle;
    }
    wanted.limits = limits(fields, "limits")?;
    wanted.default_answer_tokens = count(fields, "default_answer_tokens")?;
    wanted.context = count(fields, "context")?;
    if fields.one("state") == "disabled" {
        wanted.state = ModelState::Disabled;
    }
    Ok(wanted)
}

fn access(fields: &Fields) -> Result<Access, Problem> {
    let groups: Vec<_> = words("groups", fields.one("groups"))?;
    match (fields.one("access"), groups.is_empty()) {
        ("groups", _) => Ok(Access::Groups(groups)),
        (_, true) => Ok(Access::Everyone),
        (_, false) => Err(Problem::invalid(
            "access: groups are named below; choose these, or leave the groups empty",
        )),
    }
}

fn targets(fields: &Fields) -> Result<Vec<WantedTarget>, Problem> {
    let mut targets = Vec::new();
    for row in super::fields::typed(fields).rows("target") {
        let name = |field: &str| format!("target_{row}_{field}");
        let one = |field: &str| fields.one(&name(field));
        if one("base_url").is_empty() {
            continue;
        }
        let mut target = WantedTarget::at(one("base_url").to_owned(), String::new());
        if !one("id").is_empty() {
            target.id = Some(read(&name("id"), one("id"))?);
        }
        target.model = text(fields, &name("model"));
        target.secret = read(&name("secret"), one("secret"))?;
        target.secret_text = text(fields, &name("secret_text")).map(SecretString::from);
        target.weight = count(fields, &name("weight"))?;
        target.max_in_flight = count(fields, &name("max_in_flight"))?;
        let ticked = |quirk: &Quirk| fields.all(&name("quirk")).any(|word| word == quirk.as_str());
        target.quirks.extend(Quirk::ALL.into_iter().filter(ticked));
        targets.push(target);
    }
    Ok(targets)
}

/// `GET /remove-model/{id}`.
pub(super) async fn ask_to_remove(
    admin: Data<Admin>,
    who: PageCaller,
    id: Path<ModelId>,
) -> Result<HttpResponse, PageError> {
    let model = admin.models.get(&id).await.map_err(Problem::from)?;
    let path = in_path(id.as_str());
    let shown = ConfirmPage {
        frame: who.frame(Some(Place::Models)),
        title: "Remove this model?".to_owned(),
        subject: id.to_string(),
        text: "Requests for it are refused within a second. What was used stays in the reports.".to_owned(),
        action: format!("/remove-model/{path}"),
        fields: vec![("seen".to_owned(), model.revision.to_string())],
        confirm: "Remove".to_owned(),
        keep: format!("/models/{path}"),
    };
    page(StatusCode::OK, &shown)
}

/// `POST /remove-model/{id}`.
pub(super) async fn remove(
    admin: Data<Admin>,
    id: Path<ModelId>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    let seen = seen(&change.fields)?;
    admin.remove_model(&change.who.caller, &id, seen).await?;
    Ok(go("/models?done=removed"))
}
