//! What a user of the library writes: a resolver, and the events of the crate `worker`. The resolver
//! does what the stock Worker is configured to do in the bench, so that the two can be compared.

use backstage_cfaccess::{CfAccess, SignInContext, SignInInfo, SignInResult, UserQuery};
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, event};

fn app() -> CfAccess {
    CfAccess::new().sign_in(resolve)
}

async fn resolve(info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
    ctx.sign_in_with_catalog_user(UserQuery::email(info.email()?)).await
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response> {
    Ok(backstage_cfaccess::worker::fetch(app, &request, &env, &ctx).await)
}
