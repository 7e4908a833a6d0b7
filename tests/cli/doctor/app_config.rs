//! `doctor --app-config`: Backstage's configuration beside the Worker's.

use serde_json::{Value, json};

use super::{as_json, change, serious, with};
use crate::sandbox::Sandbox;

const SHARED_KEY: &str = "
app:
  baseUrl: https://backstage.acme.io
backend:
  baseUrl: https://backstage.acme.io
  auth:
    externalAccess:
      - type: static
        options: { token: '${CATALOG_TOKEN}', subject: worker }
auth:
  environment: production
  providers:
    cfaccess:
      teamName: acme
      audience: a3f1c09de8b2475f6a0c9d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a
      signIn:
        resolvers:
          - resolver: emailMatchingUserEntityProfileEmail
    github:
      production:
        clientId: ${AUTH_GITHUB_CLIENT_ID}
        clientSecret: { $env: AUTH_GITHUB_CLIENT_SECRET }
";

const ALONE: &str = "
app:
  baseUrl: https://backstage.acme.io
auth:
  environment: production
discovery:
  endpoints:
    - target:
        internal: https://backstage.acme.io/api/{{pluginId}}
        external: https://backstage.acme.io/api/{{pluginId}}
      plugins: [auth]
backend:
  baseUrl: https://backstage.acme.io
  actions:
    pluginSources: [catalog, scaffolder]
";

const INDEX: &str = "
import { createBackend } from '@backstage/backend-defaults';
const backend = createBackend();
backend.add(import('@backstage/plugin-auth-backend'));
backend.add(import('@backstage/plugin-auth-backend-module-cloudflare-access-provider'));
backend.start();
";

/// A sandbox with a Worker of this trust and its keys.
fn sandbox(name: &str, trust: &str) -> Sandbox {
    let sandbox = Sandbox::new(&format!("doctor-app-{name}"));
    let run = sandbox.run(&["keygen", "--out", "keys", "--kid", "key-1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    worker(&sandbox, &with("/vars/BACKSTAGE/trust", json!(trust)));
    sandbox
}

fn worker(sandbox: &Sandbox, config: &Value) {
    sandbox.write("wrangler.json", config.to_string());
}

fn run(sandbox: &Sandbox, files: &[&str]) -> (i32, Value) {
    let keys = ["--signing-keys", "keys/signing-keys.json", "--app-config"];
    as_json(sandbox, &[&keys[..], files].concat())
}

/// Runs doctor on this app-config, with the keys that `keygen` wrote for the shared key.
fn found(sandbox: &Sandbox, text: &str, further: &[&str]) -> Vec<Value> {
    sandbox.write("app-config.yaml", text);
    let (code, document) = run(sandbox, &[&["app-config.yaml"], further].concat());
    let found: Vec<Value> = serious(&document).into_iter().cloned().collect();
    let has_error = found.iter().any(|finding| finding["level"] == "error");
    assert_eq!(code, i32::from(has_error), "{document}");
    found
}

const KEYS: &[&str] = &["keys/app-config.auth.yaml"];

fn assert_one(found: &[Value], code: &str, expected: &str, file: &str) {
    assert_eq!(found.len(), 1, "{code} {expected}: {found:#?}");
    assert_eq!(found[0]["code"], code, "{found:#?}");
    let text = format!("{}: {}", found[0]["message"], found[0]["remedy"]);
    assert!(text.contains(expected), "{expected}: {text}");
    assert_ne!(found[0]["remedy"], "", "{found:#?}");
    assert!(found[0]["file"].as_str().unwrap().starts_with(file), "{found:#?}");
}

#[test]
fn both_set_ups_raise_nothing() {
    let shared = sandbox("right-shared", "shared-key");
    assert_eq!(found(&shared, SHARED_KEY, KEYS), Vec::<Value>::new());
    shared.write("packages/backend/src/index.ts", INDEX);
    assert_eq!(found(&shared, SHARED_KEY, KEYS), Vec::<Value>::new());
    let alone = sandbox("right-alone", "service");
    assert_eq!(found(&alone, ALONE, &[]), Vec::<Value>::new());
    let commented = INDEX
        .replace("backend.add(import('@backstage/plugin-auth", "// $0('@backstage/plugin-auth");
    alone.write("packages/backend/src/index.ts", commented);
    let guest = format!("{ALONE}\n");
    assert_eq!(found(&alone, &guest, &[]), Vec::<Value>::new());
    // Whatever comes from the environment is not compared.
    let unknown = SHARED_KEY
        .replace("teamName: acme", "teamName: ${TEAM}")
        .replace("baseUrl: https://backstage.acme.io", "baseUrl: https://${HOST}");
    assert_eq!(found(&shared, &unknown, KEYS), Vec::<Value>::new());
}

#[test]
fn mistakes_of_the_set_up_alone_are_found() {
    let sandbox = sandbox("alone", "service");
    let target = "
    - target:
        internal: https://backstage.acme.io/api/{{pluginId}}
        external: https://backstage.acme.io/api/{{pluginId}}
";
    let external = "        external: https://backstage.acme.io/api/{{pluginId}}\n";
    let but = |from: &str, to: &str| {
        assert!(ALONE.contains(from), "{from}");
        ALONE.replace(from, to)
    };
    for (text, code, expected) in [
        (
            but(target, "\n    - target: https://backstage.acme.io/api/{{pluginId}}\n"),
            "app-discovery-target",
            "external: https://backstage.acme.io/api/{{pluginId}} }",
        ),
        (but(external, ""), "app-discovery-target", "has no `external`"),
        (
            but(external, "        external: http://localhost:7007/api/{{pluginId}}\n"),
            "app-discovery",
            "which is not where users are",
        ),
        (
            but("internal: https://backstage.acme.io", "internal: http://localhost:7007"),
            "app-discovery",
            "which is not the Worker",
        ),
        (
            but("plugins: [auth]", "plugins: [catalog]"),
            "app-discovery",
            "has no endpoint of the plugin",
        ),
        (but("[catalog, scaffolder]", "[catalog, auth]"), "app-plugin-sources", "take `auth` out"),
        (
            but("  environment: production", "  providers: { guest: {} }"),
            "app-auth-plugin",
            "auth.providers",
        ),
        (
            but("  environment: production", "  keyStore: { provider: static }"),
            "app-auth-plugin",
            "auth.keyStore",
        ),
    ] {
        assert_one(&found(&sandbox, &text, &[]), code, expected, "app-config.yaml:");
    }
    sandbox.write("packages/backend/src/index.ts", INDEX);
    let found = found(&sandbox, ALONE, &[]);
    assert_one(&found, "app-auth-plugin", "packages/backend/src/index.ts", "app-config.yaml");
}

#[test]
fn mistakes_of_the_shared_key_are_found() {
    let sandbox = sandbox("shared", "shared-key");
    let but = |from: &str, to: &str| {
        assert!(SHARED_KEY.contains(from), "{from}");
        SHARED_KEY.replace(from, to)
    };
    let endpoint = "
discovery:
  endpoints:
    - target:
        internal: https://backstage.acme.io/api/{{pluginId}}
        external: https://backstage.acme.io/api/{{pluginId}}
      plugins: [auth]
";
    let provider = "    cfaccess:";
    for (text, code, expected) in [
        (format!("{SHARED_KEY}{endpoint}"), "app-discovery", "take the endpoint of `auth` out"),
        (but(provider, "    cloudflare:"), "app-provider", "auth.providers.cfaccess is missing"),
        (but("teamName: acme", "teamName: other"), "app-provider-differs", "teamName is other"),
        (but("a3f1c09de8b2", "000000000000"), "app-provider-differs", "audience is 0000"),
        (
            but("emailMatchingUserEntityProfileEmail", "emailLocalPartMatchingUserEntityName"),
            "app-provider-differs",
            "signIn.resolvers is [emailLocalPartMatchingUserEntityName]",
        ),
        (
            but("      teamName: acme", "      teamName: acme\n      jwtHeaderName: x-jwt"),
            "app-provider-differs",
            "jwtHeaderName is x-jwt",
        ),
        (
            but("  environment: production", "  backstageTokenExpiration: { minutes: 30 }"),
            "app-provider-differs",
            "is 1800 seconds",
        ),
        (
            but(
                "backend:\n  baseUrl: https://backstage.acme.io",
                "backend:\n  baseUrl: https://portal.acme.io",
            ),
            "app-backend-url",
            "set BACKSTAGE.baseUrl to https://portal.acme.io",
        ),
        (
            but(
                "backend:\n  baseUrl: https://backstage.acme.io",
                "backend:\n  baseUrl: https://backstage.acme.io/tools",
            ),
            "app-backend-url",
            "set BACKSTAGE.baseUrl to https://backstage.acme.io/tools",
        ),
        (
            but(
                "app:\n  baseUrl: https://backstage.acme.io",
                "app:\n  baseUrl: https://app.acme.io",
            ),
            "app-cors",
            "add \\\"https://app.acme.io\\\" to BACKSTAGE.corsOrigins",
        ),
    ] {
        let found = found(&sandbox, &text, KEYS);
        assert_one(&found, code, expected, "app-config.yaml:");
    }
    let index = INDEX.replace("-module-cloudflare-access-provider", "-module-github-provider");
    sandbox.write("packages/backend/src/index.ts", index);
    let found = found(&sandbox, SHARED_KEY, KEYS);
    assert_one(&found, "app-auth-plugin", "cloudflare-access-provider", "keys/");
}

#[test]
fn mistakes_of_the_key_store_are_found() {
    let sandbox = sandbox("keys", "shared-key");
    assert_one(&found(&sandbox, SHARED_KEY, &[]), "app-key-store", "keys/app-config.auth.yaml", "");
    let store = |keys: &str| {
        format!("auth:\n  keyStore:\n    provider: static\n    static:\n      keys: [{keys}]\n")
    };
    let entry = |id: &str| {
        format!("{{ publicKeyFile: a.pem, privateKeyFile: b.pem, keyId: {id}, algorithm: ES256 }}")
    };
    let (ours, other) = (entry("key-1"), entry("other"));
    for (keys, code, expected) in [
        (store(""), "app-key-store", "has no keys"),
        (store(&other), "app-key-store", "lacks key-1 of SIGNING_KEYS"),
        (store(&format!("{other}, {ours}")), "app-key-order", "move key-1 to the front"),
        (store(&ours.replace("keyId: key-1, ", "")), "app-key-store", "has no keyId"),
        (store(&ours.replace("ES256", "RS256")), "app-key-store", "write algorithm: ES256"),
        (
            "auth: { keyStore: { provider: database } }\n".to_owned(),
            "app-key-store",
            "is not `static`",
        ),
    ] {
        sandbox.write("keys.yaml", keys);
        assert_one(&found(&sandbox, SHARED_KEY, &["keys.yaml"]), code, expected, "keys.yaml");
    }
    sandbox.write("keys.yaml", store(&format!("{ours}, {other}")));
    assert_eq!(found(&sandbox, SHARED_KEY, &["keys.yaml"]), Vec::<Value>::new());
}

#[test]
fn a_base_url_with_a_path_and_a_front_end_elsewhere_are_looked_at() {
    let sandbox = sandbox("path", "shared-key");
    let mut config = with("/vars/BACKSTAGE/trust", json!("shared-key"));
    change(&mut config, "/vars/BACKSTAGE/baseUrl", json!("https://backstage.acme.io/tools"));
    worker(&sandbox, &config);
    let text = SHARED_KEY.replace(
        "  baseUrl: https://backstage.acme.io",
        "  baseUrl: https://backstage.acme.io/tools",
    );
    assert_one(
        &found(&sandbox, &text, KEYS),
        "app-backend-url",
        "has the path /tools",
        "app-config.yaml:5",
    );

    let mut config = with("/vars/BACKSTAGE/trust", json!("shared-key"));
    change(&mut config, "/vars/BACKSTAGE/corsOrigins", json!(["https://app.acme.io"]));
    worker(&sandbox, &config);
    let text =
        SHARED_KEY.replace("app:\n  baseUrl: https://backstage", "app:\n  baseUrl: https://app");
    let expected = "backend.cors.origin does not have https://app.acme.io";
    assert_one(&found(&sandbox, &text, KEYS), "app-cors", expected, "");
    sandbox.write(
        "cors.yaml",
        "backend: { cors: { origin: 'https://app.acme.io', credentials: true } }\n",
    );
    assert_eq!(
        found(&sandbox, &text, &["keys/app-config.auth.yaml", "cors.yaml"]),
        Vec::<Value>::new()
    );
}

#[test]
fn files_are_merged_as_backstage_merges_them() {
    let sandbox = sandbox("merge", "shared-key");
    sandbox.write("production.yaml", "backend:\n\n  baseUrl: https://elsewhere.acme.io\n");
    let further = ["production.yaml", "keys/app-config.auth.yaml"];
    let both = found(&sandbox, SHARED_KEY, &further);
    assert_one(
        &both,
        "app-backend-url",
        "backend.baseUrl is https://elsewhere.acme.io",
        "production.yaml:3",
    );
    // The other way around the first file wins.
    sandbox.write("local.yaml", "backend: { baseUrl: 'http://localhost:7007' }\n");
    sandbox.write("app-config.yaml", SHARED_KEY);
    let (code, document) =
        run(&sandbox, &["local.yaml", "app-config.yaml", "keys/app-config.auth.yaml"]);
    assert_eq!((code, serious(&document).len()), (0, 0), "{document}");
    // `null` takes away.
    sandbox.write("null.yaml", "auth: { providers: { cfaccess: null } }\n");
    let further = ["keys/app-config.auth.yaml", "null.yaml"];
    assert_one(&found(&sandbox, SHARED_KEY, &further), "app-provider", "is missing", "null.yaml");
}

#[test]
fn includes_are_followed_and_what_is_missing_is_a_note() {
    let sandbox = sandbox("include", "shared-key");
    sandbox.write("parts/urls.yaml", "urls:\n  backend: https://elsewhere.acme.io\n");
    let from = "backend:\n  baseUrl: https://backstage.acme.io";
    let to = |name: &str| format!("backend:\n  baseUrl: {{ $include: '{name}' }}");
    let text = SHARED_KEY.replace(from, &to("parts/urls.yaml#urls.backend"));
    assert_one(
        &found(&sandbox, &text, KEYS),
        "app-backend-url",
        "is https://elsewhere.acme.io",
        "app-config.yaml",
    );
    let text = SHARED_KEY.replace(from, &to("parts/none.yaml"));
    sandbox.write("app-config.yaml", &text);
    let (code, document) = run(&sandbox, &["app-config.yaml", "keys/app-config.auth.yaml"]);
    assert_eq!((code, serious(&document).len()), (0, 0), "{document}");
    let notes = document["findings"].as_array().unwrap().iter();
    assert!(notes.filter(|note| note["code"] == "app-file").count() == 1, "{document}");
    let text = SHARED_KEY.replace(from, &to("app-config.yaml#backend.baseUrl"));
    assert_eq!(found(&sandbox, &text, KEYS), Vec::<Value>::new());
}

#[test]
fn an_app_config_that_cannot_be_read_is_said_to_be_so() {
    let sandbox = sandbox("unreadable", "shared-key");
    for (text, expected) in
        [("a: [\n", ":"), ("- a\n", "must be an object"), ("a: 1\na: 2\n", ":2")]
    {
        sandbox.write("app-config.yaml", text);
        let (code, document) = run(&sandbox, &["app-config.yaml"]);
        let found = serious(&document);
        assert_eq!((code, found.len()), (1, 1), "{document}");
        assert!(found[0]["message"].as_str().unwrap().contains(expected), "{document}");
    }
    let (code, document) = run(&sandbox, &["absent.yaml"]);
    assert_eq!((code, serious(&document).len()), (1, 1), "{document}");
    worker(&sandbox, &super::with_staging());
    sandbox.write("app-config.yaml", SHARED_KEY);
    let (code, document) = run(&sandbox, &["app-config.yaml"]);
    assert!(document.to_string().contains("choose one with --env"), "{document}");
    assert_eq!(code, 1);
    let (_, document) = run(&sandbox, &["app-config.yaml", "--env", "staging"]);
    assert!(document.to_string().contains("https://staging.acme.io"), "{document}");
}
