//! Environments of one file.

use serde_json::{Value, json};

use super::{GOOD, but, change, doctor, findings, with_staging};
use crate::sandbox::Sandbox;

#[test]
fn all_problems_of_all_environments_come_at_once() {
    let sandbox = Sandbox::new("doctor-all");
    let toml = format!(
        "{}\n[env.staging]\nroutes = []\nvars.CFACCESS = '{{\"teamName\": \"acme\"}}'\n",
        but("workers_dev = false", "workers_dev = true")
    );
    let run = doctor(&sandbox, &toml);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stdout, "wrangler.toml: 1 problem\nwrangler.toml [env.staging]: 5 problems\n",
        "{}",
        run.stderr
    );
    assert_eq!(run.errors().len(), 6);
    for expected in [
        "CFACCESS.audience is required",
        "BACKSTAGE is missing",
        "the KV bindings CATALOG and ACCESS_CACHE are missing",
        "there are no routes",
    ] {
        let place = format!("wrangler.toml [env.staging]: {expected}");
        assert!(run.errors().iter().any(|it| it.starts_with(&place)), "{expected}: {}", run.stderr);
    }
    let only = sandbox.run(&["doctor", "--env", "staging"]);
    // What the environment inherits was said of the top level; alone it is said here.
    assert_eq!(only.errors().len(), 6);
    assert!(only.stderr.contains("[env.staging]: `workers_dev` is not false"), "{}", only.stderr);
    let unknown = sandbox.run(&["doctor", "--env", "prod"]);
    assert_eq!(unknown.errors(), ["wrangler.toml: has no environment `prod`; there is staging"]);
}

#[test]
fn a_top_level_that_environments_only_inherit_from_is_no_deployment() {
    let sandbox = Sandbox::new("doctor-base");
    let (base, rest) = GOOD.split_once("[[kv_namespaces]]").unwrap();
    let own = format!("[[kv_namespaces]]{rest}")
        .replace("[[kv", "[[env.prod.kv")
        .replace("[vars", "[env.prod.vars");
    let run = doctor(&sandbox, &format!("{base}{own}"));
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "wrangler.toml [env.prod]: 0 problems\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_empty_environment_is_the_top_level() {
    let sandbox = Sandbox::new("doctor-empty-env");
    sandbox.write("wrangler.toml", format!("{GOOD}\n[env.staging]\nroutes = []\n"));
    let run = sandbox.run(&["doctor", "--env", ""]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "wrangler.toml: 0 problems\n"));
}

#[test]
fn environments_that_share_a_route_or_kv_are_found() {
    let sandbox = Sandbox::new("doctor-shared");
    assert_eq!(findings(&sandbox, &with_staging()), Vec::<String>::new());
    let good: Value = toml::from_str(GOOD).unwrap();
    let mut config = with_staging();
    change(&mut config, "/env/staging/kv_namespaces/0/id", good["kv_namespaces"][0]["id"].clone());
    let found = findings(&sandbox, &config);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(" [env.staging]: shares the KV namespace"), "{found:#?}");
    for routes in [Value::Null, good["routes"].clone()] {
        let mut config = with_staging();
        change(&mut config, "/env/staging/routes", routes);
        change(
            &mut config,
            "/env/staging/vars/BACKSTAGE/baseUrl",
            json!("https://backstage.acme.io"),
        );
        let found = findings(&sandbox, &config);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with(" [env.staging]: shares the route backstage.acme.io/*"));
    }
}
