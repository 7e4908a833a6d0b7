//! Routes that this Worker answers itself.
//!
//! A route is public unless it calls `verify` or `sign_in`. Both return a ready response if the
//! caller is rejected.

use backstage_cfaccess::worker as cfaccess;
use serde_json::{Value, json};
use worker::web_sys::{Request, Response};
use worker::{Context, Env, ResponseBuilder, Result, Url};

use crate::app;

/// The response, or `None` if the route is not one of these.
pub(crate) async fn answer(
    request: &Request,
    env: &Env,
    ctx: &Context,
) -> Result<Option<Response>> {
    if request.method() != "GET" {
        return Ok(None);
    }
    match Url::parse(&request.url())?.path() {
        "/whoami" => who_am_i(request, env, ctx).await.map(Some),
        "/whoami/ownership" => ownership(request, env, ctx).await.map(Some),
        _ => Ok(None),
    }
}

/// What Access says about the caller. This does not read the catalog.
async fn who_am_i(request: &Request, env: &Env, ctx: &Context) -> Result<Response> {
    match cfaccess::verify(app, request, env, ctx).await {
        Ok(caller) => private_json(&json!({
            "email": caller.email(),
            "serviceToken": caller.service_token(),
        })),
        Err(rejected) => Ok(rejected),
    }
}

/// The Backstage user that the caller is, by the resolvers of the app.
async fn ownership(request: &Request, env: &Env, ctx: &Context) -> Result<Response> {
    match cfaccess::sign_in(app, request, env, ctx).await {
        Ok(signed_in) => private_json(&json!({
            "user": signed_in.user(),
            "ownership": signed_in.ownership(),
        })),
        Err(rejected) => Ok(rejected),
    }
}

/// No cache may give one user's response to another.
fn private_json(value: &Value) -> Result<Response> {
    let response = ResponseBuilder::new().with_header("cache-control", "no-store")?;
    Ok(response.from_json(value)?.into())
}
