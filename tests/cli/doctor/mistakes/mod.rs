//! Mistakes, each of which is exactly one finding with its code, its place and a remedy.

mod backstage;
mod cfaccess;
mod file;
mod routes;
mod seeds;
mod text;

use serde_json::{Value, json};

use super::{as_json, change, serious, with, with_staging};
use crate::sandbox::Sandbox;

/// A name, the code of the finding, and the values that differ from a right configuration.
type Mistake = (&'static str, &'static str, Vec<(&'static str, Value)>);

const AUDIENCE: &str = "/vars/CFACCESS/audience";
const BASE: &str = "/vars/BACKSTAGE/baseUrl";
const CACHE_ID: &str = "/kv_namespaces/1/id";
const CORS: &str = "/vars/BACKSTAGE/corsOrigins";
const CRONS: &str = "/triggers/crons";
const DATE: &str = "/compatibility_date";
const FLAGS: &str = "/compatibility_flags";
const HEADER: &str = "/vars/CFACCESS/jwtHeaderName";
const KV: &str = "/kv_namespaces";
const LIFE: &str = "/vars/BACKSTAGE/backstageTokenExpiration";
const ORIGIN: &str = "/vars/BACKSTAGE/origin";
const PUBLIC: &str = "/vars/BACKSTAGE/publicPaths";
const RESOLVER: &str = "/vars/CFACCESS/signIn/resolvers/0";
const RESOLVERS: &str = "/vars/CFACCESS/signIn/resolvers";
const ROUTES: &str = "/routes";
const TEAM: &str = "/vars/CFACCESS/teamName";
const TOKENS: &str = "/vars/CFACCESS/serviceTokens";

fn one(name: &'static str, code: &'static str, pointer: &'static str, value: Value) -> Mistake {
    (name, code, vec![(pointer, value)])
}

/// What is wrong with what doctor says of a mistake.
fn fault(sandbox: &Sandbox, (name, code, changes): Mistake, mut config: Value) -> Option<String> {
    for (pointer, value) in changes {
        change(&mut config, pointer, value);
    }
    sandbox.write("wrangler.json", config.to_string());
    let (exit, document) = as_json(sandbox, &[]);
    let found = serious(&document);
    let [one] = found.as_slice() else {
        return Some(format!("{name}: {} findings: {found:#?}", found.len()));
    };
    let text = |member: &str| one[member].as_str().unwrap_or_default();
    let is_whole =
        ["file", "place", "message", "remedy"].iter().all(|member| !text(member).is_empty());
    let is_right = one["code"] == code
        && is_whole
        && exit == i32::from(one["level"] == "error")
        && !document.to_string().contains("s3cret");
    (!is_right).then(|| format!("{name}: expected {code}, exit code {exit}: {one:#}"))
}

#[test]
fn each_mistake_is_exactly_one_finding_with_its_code_place_and_remedy() {
    let sandbox = Sandbox::new("doctor-mistakes-table");
    let lists = [
        file::file_and_platform(),
        file::bindings(),
        file::keys_of_the_file(),
        routes::routes(),
        routes::crons(),
        cfaccess::access(),
        cfaccess::sign_in(),
        cfaccess::behaviour(),
        backstage::backstage(),
    ];
    let good = with("/name", json!("gate"));
    let mistakes = lists.into_iter().flatten().map(|mistake| (mistake, good.clone()));
    let of_environments =
        routes::environments().into_iter().map(|mistake| (mistake, with_staging()));
    let all: Vec<_> = mistakes.chain(of_environments).collect();
    assert!(all.len() >= 135, "{}", all.len());
    let faults: Vec<String> =
        all.into_iter().filter_map(|(mistake, config)| fault(&sandbox, mistake, config)).collect();
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_one_finding() {
    let sandbox = Sandbox::new("doctor-mistakes-files");
    let files: [(&str, &str, &str); 12] = [
        ("wrangler.toml", "name = \"a\"\n\nmain = \n", ":3"),
        ("wrangler.toml", "name = a\n", ":1"),
        ("wrangler.toml", "name = \"a\"\nname = \"b\"\n", ":2"),
        ("wrangler.toml", "[vars\n", ":1"),
        ("wrangler.toml", "{ \"name\": \"a\" }", ":1"),
        ("wrangler.toml", "", "is empty"),
        ("wrangler.json", "{}", "is empty"),
        ("wrangler.json", "", ":1"),
        ("wrangler.json", "[]", ":1"),
        ("wrangler.json", "{\n  'name': 'a'\n}", ":2"),
        ("wrangler.jsonc", "{\n  // comment\n  \"name\": gate,\n}", ":3"),
        ("wrangler.jsonc", "name = \"a\"\n", ":1"),
    ];
    for (file, text, expected) in files {
        sandbox.write(file, text);
        let (exit, document) = as_json(&sandbox, &["--config", file]);
        let found = serious(&document);
        assert_eq!((exit, found.len()), (1, 1), "{text}: {document}");
        assert_eq!(found[0]["code"], "configuration-file", "{text}");
        assert!(found[0]["message"].as_str().unwrap().contains(expected), "{text}: {document}");
    }
    let (exit, document) = as_json(&sandbox, &["--config", "absent.json"]);
    assert_eq!((exit, serious(&document).len()), (1, 1), "{document}");
}
