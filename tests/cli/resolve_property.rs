//! `cfaccess resolve` says what the Worker's refresh answers, for random catalogs, resolvers and callers; and
//! `--against` names the users whose refreshes differ.

use std::collections::{BTreeMap, BTreeSet};

use backstage_cfaccess::backstage::EntityRef;
use backstage_cfaccess::catalog::encode;
use backstage_cfaccess::catalog::import::{Entity, Index};
use backstage_cfaccess::config::import_policy;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest,
};
use serde_json::{Map, Value, json};

use crate::sandbox::Sandbox;
use crate::support::{AUDIENCE, Ask, Claims, Setup, World, body_of, code_of, payload_of, reply_of};

const NAMES: [&str; 5] = ["jane", "Joe", "j.doe", "ann-b", "bot"];
const EMAILS: [&str; 6] =
    ["jane@a.io", "JANE@a.io", "joe+x@a.io", "joe@a.io", "j.doe@b.io", "ghost@c.io"];
const IDS: [&str; 3] = ["7", "Seven", "8"];
const GROUPS: [&str; 3] = ["team-a", "ops", "staff"];

fn one(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(of).prop_map(str::to_owned)
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(of, 0..=of.len())
        .prop_map(|list| list.into_iter().map(str::to_owned).collect())
}

/// Email, id and groups.
type Person = (Option<String>, Option<String>, Vec<String>);

/// Users by name, so that no two have one ref.
fn catalog() -> impl Strategy<Value = Vec<Value>> {
    let user =
        (prop::option::weighted(0.8, one(&EMAILS)), prop::option::of(one(&IDS)), some(&GROUPS));
    prop::collection::btree_map(0..NAMES.len(), user, 1..=NAMES.len()).prop_map(|users| {
        let entity = |(name, (email, id, groups)): (usize, Person)| {
            let mut user = json!({
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "User",
                "metadata": { "name": NAMES[name], "annotations": {} },
                "spec": { "profile": { "displayName": NAMES[name] }, "memberOf": groups },
            });
            if let Some(email) = email {
                user["spec"]["profile"]["email"] = email.into();
            }
            if let Some(id) = id {
                user["metadata"]["annotations"]["acme.com/id"] = id.into();
            }
            user
        };
        users.into_iter().map(entity).collect()
    })
}

fn resolver() -> impl Strategy<Value = Value> {
    let domains = prop_oneof![Just(json!(["a.io"])), Just(json!(["a.io", "b.io", "C.io"]))];
    let by_email = prop_oneof![
        Just(json!({ "resolver": "emailMatchingUserEntityProfileEmail" })),
        Just(json!({ "resolver": "emailLocalPartMatchingUserEntityName" })),
        Just(
            json!({ "resolver": "emailMatchingUserEntityAnnotation", "annotation": "acme.com/mail" })
        ),
    ];
    let by_email = (by_email, prop::option::weighted(0.3, domains), prop::bool::weighted(0.2));
    let by_email = by_email.prop_map(|(mut resolver, domains, outside)| {
        if let Some(domains) = domains {
            resolver["allowedDomains"] = domains;
        }
        if outside {
            resolver["dangerouslyAllowSignInWithoutUserInCatalog"] = true.into();
        }
        resolver
    });
    prop_oneof![
        3 => by_email,
        1 => Just(json!({ "resolver": "claimMatchingUserEntityAnnotation", "claim": "custom.id",
            "annotation": "acme.com/id" })),
        1 => Just(json!({ "resolver": "userMatching", "value": "attribute:id", "by": "annotation:acme.com/id" })),
        1 => Just(json!({ "resolver": "userMatching", "value": "email", "transform": ["localPart", "slug"],
            "by": "name", "namespace": { "a.io": "default", "b.io": "other" }, "onDomainMismatch": "next" })),
    ]
}

fn cfaccess() -> impl Strategy<Value = Map<String, Value>> {
    let require = prop_oneof![
        4 => Just(json!([])),
        1 => Just(json!([{ "group": ["staff", "ops*"] }])),
        1 => Just(json!([{ "emailDomain": ["a.io"] }])),
        1 => Just(json!([{ "attribute": "id", "is": ["7"], "code": "not_seven" }])),
    ];
    let ownership = prop_oneof![
        Just(json!({})),
        Just(json!({ "add": [{ "group": "s*", "ref": "group:default/idp-*" }] })),
        Just(json!({ "keep": ["group:default/team-*"] })),
    ];
    let resolvers = prop::collection::vec(resolver(), 1..4);
    (resolvers, require, ownership, any::<bool>(), any::<bool>()).prop_map(
        |(resolvers, require, ownership, claims, from_claims)| {
            let value = json!({
                "signIn": { "resolvers": resolvers, "require": require },
                "ownership": ownership,
                "token": { "claims": if claims { json!({ "mail": "email" }) } else { json!({}) } },
                "identity": if from_claims { "claims" } else { "get-identity" },
                "serviceTokens": [{ "token": "1.access", "subject": "joe@a.io" }],
                "catalog": { "indexes": ["metadata.annotations.acme.com/id"] },
            });
            value.as_object().unwrap().clone()
        },
    )
}

#[derive(Clone, Debug)]
enum Who {
    User { email: String, groups: Vec<String>, id: Option<String> },
    ServiceToken(&'static str),
}

fn caller() -> impl Strategy<Value = Who> {
    let user = (one(&EMAILS), some(&GROUPS), prop::option::of(one(&IDS)));
    prop_oneof![
        6 => user.prop_map(|(email, groups, id)| Who::User { email, groups, id }),
        1 => prop::sample::select(&["1.access", "2.access"][..]).prop_map(Who::ServiceToken),
    ]
}

/// The Worker's gate with a KV that holds this catalog.
fn worker(
    catalog: &[Value],
    cfaccess: &Map<String, Value>,
    ownership_claim: &Value,
) -> (Setup, World) {
    let mut setup =
        Setup::new().backstage("omitIdentityTokenOwnershipClaim", ownership_claim.clone());
    for (key, value) in cfaccess {
        setup = setup.cfaccess(key, value.clone());
    }
    let policy = import_policy(setup.source().cfaccess.as_deref().unwrap()).unwrap();
    let entities: BTreeMap<EntityRef, Entity> = catalog
        .iter()
        .map(|value| Entity::read(value, &policy).unwrap())
        .map(|entity| (entity.entity_ref.clone(), entity))
        .collect();
    let index = Index::with(&entities, &policy.hierarchy(&entities), &policy.indexes);
    let world = World::new();
    for key in world.catalog.keys() {
        world.catalog.loses(&key);
    }
    for (key, record) in &index.records {
        world.catalog.holds(key, &encode(record).unwrap());
    }
    (setup, world)
}

/// What the refresh route answers: the user and what they own, or status and code.
fn refresh(who: &Who, setup: &Setup, world: &World) -> Value {
    let claims = match who {
        Who::User { email, groups, id } => {
            let document = json!({ "email": email, "groups": groups });
            world.identity.says(200, &document.to_string());
            let claims = Claims::user().set("email", email.as_str());
            match id {
                Some(id) => claims.set("custom", json!({ "id": id })),
                None => claims,
            }
        }
        Who::ServiceToken(id) => Claims::service_token().set("common_name", *id),
    };
    let outcome = Ask::refresh(&claims.mint()).of(&setup.gate(), world);
    let code = code_of(&outcome);
    if code != "200" {
        return json!({ "signsIn": false, "status": reply_of(&outcome).status, "code": code });
    }
    let identity = &body_of(&outcome)["backstageIdentity"];
    let token = identity["token"].as_str().unwrap();
    let payload: Value = serde_json::from_str(&payload_of(token)).unwrap();
    // The header has the id of the signing key, which here has another length than `keygen` gives.
    let (_, rest) = token.split_once('.').unwrap();
    let kid = "k".repeat(43);
    let header = crate::support::encode(format!(
        r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{kid}"}}"#
    ));
    json!({
        "signsIn": true,
        "user": identity["identity"]["userEntityRef"],
        "ownership": identity["identity"]["ownershipEntityRefs"],
        "claims": match payload.get("mail") { Some(mail) => json!({ "mail": mail }), None => json!({}) },
        "profile": body_of(&outcome)["profile"],
        "length": header.len() + 1 + rest.len(),
    })
}

/// What `cfaccess resolve` says, in the same form.
fn resolve(sandbox: &Sandbox, who: &Who) -> Value {
    let arguments = match who {
        Who::User { email, groups, id } => {
            let mut arguments = vec!["--as".to_owned(), email.clone()];
            arguments.extend(groups.iter().map(|group| format!("--group={group}")));
            arguments.extend(id.iter().map(|id| format!("--attribute=id={id}")));
            arguments
        }
        Who::ServiceToken(id) => vec![format!("--service-token={id}")],
    };
    let mut all = vec!["resolve", "catalog.json", "--json"];
    all.extend(arguments.iter().map(String::as_str));
    let run = sandbox.run(&all);
    let document: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|_| panic!("{arguments:?}: {}", run.stderr));
    assert_eq!(run.code == 0, document["signsIn"] == true, "{}", run.stderr);
    if document["signsIn"] == false {
        let member = |name: &str| document[name].clone();
        return json!({ "signsIn": false, "status": member("status"), "code": member("code") });
    }
    let mut said = json!({ "signsIn": true, "length": document["token"]["length"] });
    for name in ["user", "ownership", "claims", "profile"] {
        said[name] = document[name].clone();
    }
    said
}

fn configure(sandbox: &Sandbox, setup: &Setup) {
    let source = setup.source();
    let vars = json!({ "CFACCESS": source.cfaccess, "BACKSTAGE": source.backstage });
    sandbox.write("wrangler.json", json!({ "name": "gate", "vars": vars }).to_string());
}

fn by_email(name: &str) -> Map<String, Value> {
    let resolvers = json!({ "resolvers": [{ "resolver": name }] });
    Map::from_iter([("signIn".to_owned(), resolvers), ("audience".to_owned(), AUDIENCE.into())])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn resolve_says_what_the_workers_refresh_answers(
        catalog in catalog(),
        cfaccess in cfaccess(),
        who in caller(),
        claim in prop_oneof![Just(json!("auto")), Just(json!(true)), Just(json!(false))],
    ) {
        let (setup, world) = worker(&catalog, &cfaccess, &claim);
        let sandbox = Sandbox::new("resolve-property");
        configure(&sandbox, &setup);
        sandbox.write("catalog.json", Value::from(catalog).to_string());
        prop_assert_eq!(resolve(&sandbox, &who), refresh(&who, &setup, &world));
    }

    #[test]
    fn against_names_the_users_whose_refreshes_differ(
        old in catalog(),
        new in catalog(),
        name in one(&["emailMatchingUserEntityProfileEmail", "emailLocalPartMatchingUserEntityName"]),
    ) {
        let cfaccess = by_email(&name);
        let emails = |users: &[Value]| -> BTreeMap<String, BTreeSet<String>> {
            let of = |user: &Value| {
                let name = user["metadata"]["name"].as_str().unwrap().to_lowercase();
                let email = user["spec"]["profile"]["email"].as_str()?.to_lowercase();
                Some((format!("user:default/{name}"), email))
            };
            let mut emails: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (user, email) in users.iter().filter_map(of) {
                emails.entry(user).or_default().insert(email);
            }
            emails
        };
        let both = [emails(&old), emails(&new)];
        let mut ways: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (user, emails) in both.into_iter().flatten() {
            ways.entry(user).or_default().extend(emails);
        }
        let sides = [&old, &new].map(|users| worker(users, &cfaccess, &json!("auto")));
        let can = |user: &str, emails: &BTreeSet<String>| sides.each_ref().map(|(setup, world)| {
            emails.iter().any(|email| {
                let who = Who::User { email: email.clone(), groups: Vec::new(), id: None };
                refresh(&who, setup, world)["user"] == user
            })
        });
        let mut expected = Vec::new();
        for (user, emails) in &ways {
            match can(user, emails) {
                [true, false] => expected.push((user.clone(), "lost".to_owned())),
                [false, true] => expected.push((user.clone(), "new".to_owned())),
                _ => {}
            }
        }
        let sandbox = Sandbox::new("resolve-against-property");
        configure(&sandbox, &sides[0].0);
        sandbox.write("catalog.json", json!(new).to_string());
        sandbox.write("old.json", json!(old).to_string());
        let run = sandbox.run(&["resolve", "catalog.json", "--against", "old.json", "--json"]);
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        let text = |change: &Value, name: &str| change[name].as_str().unwrap().to_owned();
        let said: Vec<(String, String)> = document["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| (text(change, "user"), text(change, "change")))
            .filter(|(user, change)| change != "changed" && ways.contains_key(user))
            .collect();
        prop_assert_eq!(said, expected);
    }
}
