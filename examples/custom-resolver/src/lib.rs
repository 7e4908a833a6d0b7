//! A Worker of its own: Backstage sign-in behind Cloudflare Access, with a resolver, a profile, an
//! ownership resolver, headers for the origin and two routes in code.

mod employee;
mod origin;
mod ownership;
mod profile;
mod routes;

use backstage_cfaccess::{CfAccess, worker as cfaccess};
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, ScheduleContext, ScheduledEvent, event};

use employee::Employee;

/// The sign-in policy. `CFACCESS.signIn.resolvers` in wrangler.toml chooses among the resolvers.
#[must_use]
pub fn app() -> CfAccess {
    CfAccess::new()
        .resolver_with("acme/employee", Employee::new)
        .profile_with(profile::from_access)
        .ownership_with(ownership::with_access_groups)
        .before_forward(origin::add_headers)
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response> {
    match routes::answer(&request, &env, &ctx).await? {
        Some(response) => Ok(response),
        None => Ok(cfaccess::fetch(app, &request, &env, &ctx).await),
    }
}

/// Keeps the catalog in KV up to date.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    cfaccess::scheduled(app, &env).await;
}
