//! The Worker of a crate that depends on the package from outside the repository.

use backstage_cfaccess::{CfAccess, Needs, Rejection, UserQuery, worker as cfaccess};
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, ScheduleContext, ScheduledEvent, event};

fn app() -> CfAccess {
    CfAccess::new().needs(Needs::new().annotation("acme.com/id")).sign_in(async |info, ctx| {
        let id = info.result.attribute("employee_id").ok_or_else(Rejection::not_found)?;
        ctx.sign_in_with_catalog_user(UserQuery::annotation("acme.com/id", id)).await
    })
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response> {
    Ok(cfaccess::fetch(app, &request, &env, &ctx).await)
}

#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    cfaccess::scheduled(app, &env).await;
}

#[cfg(test)]
mod tests {
    use backstage_cfaccess::testing::{Catalog, Identity, Trial};

    #[test]
    fn employee_id_finds_the_user() {
        let catalog = Catalog::new().user("jane", |user| user.annotation("acme.com/id", "7"));
        let trial = Trial::of(super::app())
            .config(r#"{ "catalog": { "indexes": ["metadata.annotations.acme.com/id"] } }"#)
            .catalog(catalog);
        let jane = Identity::user("jane@acme.com").attribute("employee_id", "7");
        assert_eq!(trial.sign_in(&jane).unwrap().user(), "user:default/jane");

        let rejection = trial.sign_in(&Identity::user("joe@acme.com")).unwrap_err();
        assert_eq!((rejection.status(), rejection.code()), (404, "user_not_found"));
    }
}
