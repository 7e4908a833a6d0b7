//! A Worker for the tests: resolvers that fail in ways that code under review should not.

use backstage_cfaccess::{CfAccess, SignInContext, SignInInfo, SignInResult, UserQuery};
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, event};

fn app() -> CfAccess {
    CfAccess::new().sign_in(resolve)
}

/// The email decides how the resolver fails.
async fn resolve(info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
    let email = info.email()?;
    match email.split('@').next() {
        Some("panics") => panic!("the resolver panics"),
        Some("hangs") => std::future::pending().await,
        _ => ctx.sign_in_with_catalog_user(UserQuery::email(email)).await,
    }
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response> {
    Ok(backstage_cfaccess::worker::fetch(app, &request, &env, &ctx).await)
}
