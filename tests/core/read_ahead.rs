//! The catalog is read while get-identity is asked, and never for an assertion that is not verified.

use std::pin::pin;
use std::task::Poll;

use backstage_cfaccess::catalog::{Key, Record, UserRecord, encode};
use backstage_cfaccess::gate::Gate;
use serde_json::{Map, Value, json};

use crate::support::{Ask, Claims, NOW, Setup, World, at, code_of, poll_once};

fn with(resolver: &Value) -> Gate {
    Setup::new().resolvers(&json!([resolver])).gate()
}

/// How often the catalog is read while get-identity is asked, and in all, and how the sign-in ends.
fn reads(gate: &Gate, world: &World, email: &str) -> (usize, usize, String) {
    let ask = Ask::refresh(&Claims::user().set("email", email).mint());
    world.identity.says(200, &json!({ "email": email }).to_string());
    let latch = world.identity.holds_back();
    let request = ask.request();
    let before = world.catalog.reads();
    let mut refresh = pin!(gate.decide(&request, at(NOW), world));
    assert!(poll_once(refresh.as_mut()).is_pending());
    let meanwhile = world.catalog.reads() - before;
    latch.open();
    let Poll::Ready(outcome) = poll_once(refresh.as_mut()) else { panic!("still waits") };
    (meanwhile, world.catalog.reads() - before, code_of(&outcome))
}

#[test]
fn catalog_is_read_once_while_get_identity_is_asked() {
    let annotation = "google.com/email";
    let by_name = json!({ "resolver": "userMatching", "value": "email", "by": "name",
        "transform": ["localPart"] });
    for (resolver, email) in [
        (json!({ "resolver": "emailMatchingUserEntityProfileEmail" }), "jane@example.com"),
        (json!({ "resolver": "emailLocalPartMatchingUserEntityName" }), "jane.doe@example.com"),
        (
            json!({ "resolver": "userMatching", "value": "email", "by": "email" }),
            "jane@example.com",
        ),
        (by_name, "Jane.Doe@example.com"),
        (
            json!({ "resolver": "emailMatchingUserEntityAnnotation", "annotation": annotation }),
            "jane@mail.example",
        ),
    ] {
        let world = World::new();
        let record = UserRecord {
            entity_ref: "user:default/jane.doe".to_owned(),
            ownership: vec!["user:default/jane.doe".to_owned()],
            annotations: Map::from_iter([(annotation.to_owned(), json!("jane@mail.example"))]),
            ..UserRecord::default()
        };
        let key = Key::Annotation(annotation, "jane@mail.example").to_kv();
        world.catalog.holds(&key, &encode(&Record::One(record)).unwrap());
        let (meanwhile, all, code) = reads(&with(&resolver), &world, email);
        assert_eq!((meanwhile, all), (1, 1), "{resolver}");
        assert_eq!(code, "200", "{resolver}");
    }
}

#[test]
fn user_who_is_not_the_expected_one_is_found_by_a_second_read() {
    let gate = with(&json!({ "resolver": "emailMatchingUserEntityProfileEmail" }));
    let world = World::new();
    // Without plus-addressing it is Jane.
    assert_eq!(reads(&gate, &world, "jane+x@example.com"), (1, 2, "200".to_owned()));
    assert_eq!(reads(&gate, &world, "ghost@example.com"), (1, 1, "user_not_found".to_owned()));
    // What the isolate remembers is not read.
    assert_eq!(reads(&gate, &world, "jane@example.com"), (0, 0, "200".to_owned()));
}

#[test]
fn nothing_is_read_ahead_for_a_domain_that_is_not_allowed() {
    for resolver in ["emailMatchingUserEntityProfileEmail", "emailLocalPartMatchingUserEntityName"]
    {
        let gate = with(&json!({ "resolver": resolver, "allowedDomains": ["example.org"] }));
        let refused = (0, 0, "domain_not_allowed".to_owned());
        assert_eq!(reads(&gate, &World::new(), "jane@example.com"), refused);
    }
}

#[test]
fn outage_of_the_catalog_is_reported_as_without_reading_ahead() {
    let gate = with(&json!({ "resolver": "emailMatchingUserEntityProfileEmail" }));
    let world = World::new();
    world.catalog.fails();
    let failed = (1, 1, "catalog_unavailable".to_owned());
    assert_eq!(reads(&gate, &world, "jane@example.com"), failed);
    world.catalog.recovers();
    assert_eq!(reads(&gate, &world, "nogroups@example.com"), (1, 1, "200".to_owned()));
}

#[test]
fn refused_assertion_reads_nothing_of_the_catalog() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let genuine = Claims::user().mint();
    let forged = genuine.get(..genuine.len() - 4).unwrap().to_owned() + "AAAA";
    for assertion in [Claims::user().set("exp", NOW - 600).mint(), forged] {
        let outcome = Ask::refresh(&assertion).of(&gate, &world);
        assert_ne!(code_of(&outcome), "200");
    }
    assert_eq!(world.catalog.reads(), 0);
}

#[test]
fn flood_reads_ahead_each_key_once_and_few_at_a_time() {
    let gate = with(&json!({ "resolver": "emailMatchingUserEntityProfileEmail" }));
    let world = World::new();
    let latch = world.identity.holds_back_all();
    let ask = |nonce: usize, email: String| {
        Ask::refresh(&Claims::user().set("email", email).set("identity_nonce", nonce).mint())
    };
    let of_one = (0..20).map(|nonce| ask(nonce, "jane@example.com".to_owned()));
    let of_many = (20..60).map(|nonce| ask(nonce, format!("user{nonce}@example.com")));
    let asks: Vec<_> = of_one.chain(of_many).collect();
    let requests: Vec<_> = asks.iter().map(Ask::request).collect();
    world.catalog.holds_back(true);
    let mut running: Vec<_> =
        requests.iter().map(|request| Box::pin(gate.decide(request, at(NOW), &world))).collect();
    for request in &mut running {
        assert!(poll_once(request.as_mut()).is_pending());
    }
    assert_eq!(world.catalog.reads(), 16);
    // Requests that were cut off keep no turn.
    drop(running);
    let later = ask(60, "later@example.com".to_owned()).at(NOW + 4);
    let request = later.request();
    let mut refresh = pin!(gate.decide(&request, at(NOW + 4), &world));
    assert!(poll_once(refresh.as_mut()).is_pending());
    assert_eq!(world.catalog.reads(), 17);
    world.catalog.holds_back(false);
    latch.open();
    assert!(poll_once(refresh.as_mut()).is_ready());
}
