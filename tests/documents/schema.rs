//! `schema/configuration.schema.json`, which editors use, and the Worker's own reader accept the same.

use std::collections::{BTreeMap, BTreeSet};

use backstage_cfaccess::config::{AppCode, Config, RawConfig};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Map, Value, json};

use crate::markdown::{files, read, root};

const FILE: &str = "schema/configuration.schema.json";

/// The schema, compiled.
struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
    document: Value,
}

impl Schema {
    fn new() -> Self {
        let document: Value = serde_json::from_str(&read(FILE)).unwrap();
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.add_resource("configuration.schema.json", document.clone()).unwrap();
        let index = compiler.compile("configuration.schema.json", &mut schemas).unwrap();
        Self { schemas, index, document }
    }

    fn accepts(&self, configuration: &Value) -> bool {
        self.schemas.validate(configuration, self.index).is_ok()
    }

    /// The schema behind a reference.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"));
        match reference.and_then(Value::as_str).and_then(|it| it.strip_prefix('#')) {
            Some(pointer) => self.document.pointer(pointer).unwrap(),
            None => schema,
        }
    }

    /// Each place in the configuration that has a key of the schema, with the schema of its value. A list has
    /// one member, at 0.
    fn places(&self) -> BTreeMap<String, Value> {
        let mut places = BTreeMap::new();
        let mut open = vec![(String::new(), &self.document)];
        while let Some((pointer, schema)) = open.pop() {
            let shape = self.resolved(schema);
            for (key, value) in shape["properties"].as_object().into_iter().flatten() {
                let pointer = format!("{pointer}/{key}");
                places.insert(pointer.clone(), value.clone());
                open.push((pointer, value));
            }
            if let Some(items) = shape.get("items") {
                open.push((format!("{pointer}/0"), items));
            }
        }
        places
    }
}

fn is_read(configuration: &Value) -> Result<(), Vec<String>> {
    let key = json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "a",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    }] });
    let text = |name: &str| configuration.get(name).map(Value::to_string);
    let source = RawConfig {
        cfaccess: text("CFACCESS"),
        backstage: text("BACKSTAGE"),
        signing_keys: Some(key.to_string()),
    };
    let result = Config::read(&source, &AppCode::unknown());
    result.map(drop).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn least() -> Value {
    json!({
        "CFACCESS": {
            "teamName": "acme",
            "audience": ["0a1b"],
            "signIn": { "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }] },
        },
        "BACKSTAGE": { "baseUrl": "https://backstage.example.com" },
    })
}

/// Configurations that between them have every object of the schema.
fn bases() -> Vec<Value> {
    let resolvers = [
        json!({ "resolver": "emailMatchingUserEntityProfileEmail" }),
        json!({ "resolver": "emailLocalPartMatchingUserEntityName" }),
        json!({ "resolver": "emailMatchingUserEntityAnnotation", "annotation": "google.com/email" }),
        json!({ "resolver": "claimMatchingUserEntityAnnotation", "annotation": "a/b", "claim": "sub" }),
        json!({ "resolver": "userMatching", "value": "email", "by": "name" }),
        json!({ "resolver": "acme/own", "anything": [1] }),
    ];
    let rules = [
        json!({ "emailDomain": "acme.com" }),
        json!({ "group": ["a", "b-*"], "code": "contractor", "message": "No" }),
        json!({ "attribute": "type", "not": "contractor" }),
    ];
    let mut bases = vec![least()];
    for resolver in resolvers {
        let mut base = least();
        base["CFACCESS"]["signIn"]["resolvers"] = json!([resolver]);
        bases.push(base);
    }
    for rule in rules {
        let mut base = least();
        base["CFACCESS"]["signIn"]["require"] = json!([rule]);
        bases.push(base);
    }
    let mut base = least();
    base["CFACCESS"]["serviceTokens"] = json!([{ "token": "t.access", "subject": "bot@acme.com" }]);
    base["CFACCESS"]["ownership"] =
        json!({ "add": [{ "group": "p-*", "ref": "group:default/*" }] });
    base["CFACCESS"]["token"] = json!({ "claims": { "email": "email" } });
    base["CFACCESS"]["profile"] = json!({ "picture": "catalog" });
    base["CFACCESS"]["catalog"] = json!({ "groups": "transitive" });
    bases.push(base);
    bases
}

/// The pointers of every value in a document.
fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    if !pointer.is_empty() {
        found.push(pointer.to_owned());
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                pointers(value, &format!("{pointer}/{}", key.replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                pointers(value, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Sets a member of an object that may not exist yet.
fn set(document: &mut Value, pointer: &str, value: Value) {
    let mut at = document;
    for key in pointer.split('/').skip(1) {
        at = match at {
            Value::Array(items) => &mut items[key.parse::<usize>().unwrap()],
            other => other
                .as_object_mut()
                .unwrap()
                .entry(key.replace("~1", "/"))
                .or_insert_with(|| json!({})),
        };
    }
    *at = value;
}

fn problem(schema: &Schema, configuration: &Value) -> Option<String> {
    let read = is_read(configuration);
    let accepted = schema.accepts(configuration);
    (accepted != read.is_ok())
        .then(|| format!("schema accepts: {accepted}, reader: {read:?}\n  {configuration}"))
}

#[test]
fn every_key_of_the_schema_is_accepted_with_its_examples_and_its_default() {
    let schema = Schema::new();
    let mut problems = Vec::new();
    let mut count = 0;
    for (pointer, value) in schema.places() {
        let examples = value["examples"].as_array().cloned().unwrap_or_default();
        let choices = value["enum"].as_array().cloned().unwrap_or_default();
        let values = examples.iter().chain(&choices).chain(value.get("default"));
        for value in values {
            let mut configuration = least();
            if pointer.contains("/serviceTokens/0") {
                configuration = bases().pop().unwrap();
            } else if pointer.contains("/add/0") || pointer.contains("/require/0") {
                continue; // In the bases.
            }
            set(&mut configuration, &pointer, value.clone());
            count += 1;
            if !schema.accepts(&configuration) {
                problems.push(format!("the schema refuses {configuration}"));
            }
            problems.extend(is_read(&configuration).err().map(|why| format!("{pointer}: {why:?}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count > 40, "{count}");
}

/// Values of every type, and texts that are no value of most keys.
fn odd_values() -> Vec<Value> {
    vec![
        json!(true),
        json!(7),
        json!(-1.5),
        json!(""),
        json!("  "),
        json!("no such: value/*?"),
        json!("name"),
        json!("https://a.example/b//c"),
        json!([]),
        json!([7]),
        json!([""]),
        json!([[]]),
        json!({}),
        json!({ "hours": "1" }),
        json!({ "zz": 1 }),
        json!([{}]),
        json!([{ "zz": 1 }]),
    ]
}

#[test]
fn schema_and_reader_refuse_the_same_values() {
    let schema = Schema::new();
    let mut problems = Vec::new();
    let mut count = 0;
    for base in bases() {
        problems.extend(problem(&schema, &base));
        let mut targets = Vec::new();
        pointers(&base, "", &mut targets);
        targets.extend(schema.places().into_keys().filter(|it| !it.contains("/0")));
        targets.sort();
        targets.dedup();
        for pointer in targets.iter().filter(|it| it.matches('/').count() > 1) {
            for value in odd_values() {
                let mut configuration = base.clone();
                set(&mut configuration, pointer, value);
                count += 1;
                problems.extend(problem(&schema, &configuration));
            }
        }
    }
    problems.sort();
    problems.dedup();
    assert!(problems.is_empty(), "{}:\n{}", problems.len(), problems.join("\n"));
    assert!(count > 3_000, "{count}");
}

#[test]
fn missing_and_unknown_keys_are_refused_by_both() {
    let schema = Schema::new();
    let mut problems = Vec::new();
    for base in bases() {
        let mut targets = Vec::new();
        pointers(&base, "", &mut targets);
        for pointer in &targets {
            let parent = pointer.rsplit_once('/').unwrap();
            let mut without = base.clone();
            if let Some(Value::Object(members)) = without.pointer_mut(parent.0) {
                members.remove(&parent.1.replace("~1", "/"));
                problems.extend(problem(&schema, &without));
            }
            let mut with = base.clone();
            if let Some(Value::Object(members)) = with.pointer_mut(pointer) {
                members.insert("unknownKey".to_owned(), json!("x"));
                problems.extend(problem(&schema, &with));
            }
        }
    }
    problems.sort();
    problems.dedup();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_key_that_the_reader_asks_for_is_in_the_schema() {
    let schema = Schema::new();
    let mut keys = BTreeSet::new();
    let methods = [
        "string",
        "required_string",
        "boolean",
        "seconds",
        "strings",
        "one_of",
        "below",
        "each",
        "value",
    ];
    let mut starts: Vec<String> =
        methods.iter().map(|method| format!("reader.{method}(\"")).collect();
    starts.extend(methods.iter().map(|method| format!("reader.{method}(\n")));
    starts.push("token(reader, \"".to_owned());
    starts.push("paths(reader, \"".to_owned());
    starts.push("read_all(reader, \"".to_owned());
    for file in files("src", &[".rs"]) {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        if !path.starts_with("src/config") && !path.starts_with("src/sign_in") {
            continue;
        }
        let text = read(&file);
        for start in &starts {
            for rest in text.split(start.as_str()).skip(1) {
                let rest = rest.trim_start().trim_start_matches('"');
                keys.extend(rest.split('"').next().map(str::to_owned));
            }
        }
    }
    assert!(keys.len() > 30, "{keys:?}");
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut open = vec![&schema.document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                known.extend(properties(members));
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    let missing: Vec<&String> = keys.difference(&known).collect();
    assert!(missing.is_empty(), "{FILE} lacks {missing:?}");
}

#[test]
fn every_resolver_is_in_the_schema_and_in_the_reference() {
    let document: Value = serde_json::from_str(&read(FILE)).unwrap();
    let source = read("src/sign_in/built_in/mod.rs");
    let (_, table) = source.split_once("const NAMES").unwrap();
    let names: Vec<&str> =
        table.split("(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let known = document.pointer("/definitions/resolver/properties/resolver/anyOf/0/enum");
    assert_eq!(known, Some(&json!(names)), "{FILE}: the names of resolvers");
    let page = read("docs/configuration.md");
    for name in names {
        assert!(document["definitions"].get(name).is_some(), "{FILE}: no definition of {name}");
        assert!(page.contains(&format!("\n| `{name}` |")), "docs/configuration.md: no row {name}");
    }
}

#[test]
fn schema_for_wranglers_file_refuses_wrong_variables_in_every_environment() {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    let wrangler: Value = serde_json::from_str(&read("schema/wrangler.schema.json")).unwrap();
    let base = "https://x.example/backstage-cfaccess/schema";
    let own = serde_json::from_str(&read(FILE)).unwrap();
    let file = format!("{base}/wrangler.schema.json");
    compiler.add_resource(&file, wrangler).unwrap();
    compiler.add_resource(&format!("{base}/configuration.schema.json"), own).unwrap();
    // Wrangler's own schema is tested by wrangler.
    compiler.add_resource("https://x.example/wrangler/config-schema.json", json!({})).unwrap();
    let index = compiler.compile(&file, &mut schemas).unwrap();
    let accepts = |value: &Value| schemas.validate(value, index).is_ok();
    let wrong = json!({ "CFACCESS": { "teamNam": "acme" } });
    assert!(accepts(&json!({ "vars": least(), "env": { "staging": { "vars": least() } } })));
    assert!(accepts(
        &json!({ "vars": { "BACKSTAGE": least()["BACKSTAGE"].to_string(), "OTHER": 1 } })
    ));
    assert!(!accepts(&json!({ "vars": wrong })));
    assert!(!accepts(&json!({ "vars": least(), "env": { "staging": { "vars": wrong } } })));
}

fn properties(schema: &Map<String, Value>) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(Map::keys).cloned().collect()
}
