//! Which file is read, and what is said of one that cannot be.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{GOOD, doctor};
use crate::sandbox::Sandbox;

/// The good file as JSONC, with a comment and trailing commas.
fn jsonc() -> String {
    let value: Value = toml::from_str(GOOD).unwrap();
    let text = serde_json::to_string_pretty(&value).unwrap();
    text.replacen('{', "{ // as wrangler init writes it\n", 1)
        .replace("\n}", ",\n}")
        .replace("\n  ]", ",\n  ]")
}

#[test]
fn a_file_that_cannot_be_read_is_said_to_be_so() {
    let sandbox = Sandbox::new("doctor-unreadable");
    let run = sandbox.run(&["doctor", "--config", "absent.toml"]);
    assert_eq!(run.code, 1);
    assert!(run.errors()[0].starts_with("absent.toml: cannot be read: "), "{}", run.stderr);
    sandbox.write("wrangler.jsonc", "{\n  // a comment\n  \"name\": gate,\n}");
    let run = sandbox.run(&["doctor", "--config", "wrangler.jsonc"]);
    assert!(run.errors()[0].starts_with("wrangler.jsonc:3: is not valid JSON: "), "{}", run.stderr);
    fs::remove_file(sandbox.path("wrangler.jsonc")).unwrap();
    let run = doctor(&sandbox, "name = \"a\"\n\nmain = \n");
    assert!(run.errors()[0].starts_with("wrangler.toml:3: is not valid TOML: "), "{}", run.stderr);
}

#[test]
fn the_wrangler_toml_that_comes_with_the_package_lacks_only_what_is_to_be_filled_in() {
    let sandbox = Sandbox::new("doctor-shipped");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml");
    let run = sandbox.run(&["doctor", "--config", file.to_str().unwrap()]);
    for error in run.errors() {
        let to_fill_in =
            ["audience is still the example's", "has the made-up id", "there are no routes"];
        assert!(to_fill_in.iter().any(|it| error.contains(it)), "{error}");
    }
}

#[test]
fn all_three_formats_are_read_alike() {
    for name in ["wrangler.toml", "wrangler.json", "wrangler.jsonc"] {
        let sandbox = Sandbox::new(&format!("doctor-format-{name}"));
        let good = if name == "wrangler.toml" { GOOD.to_owned() } else { jsonc() };
        sandbox.write(name, &good);
        let run = sandbox.run(&["doctor"]);
        assert_eq!((run.code, run.stdout), (0, format!("{name}: 0 problems\n")), "{}", run.stderr);
        sandbox.write(name, good.replace("ACCESS_CACHE", "CACHE"));
        let run = sandbox.run(&["doctor", "--config", name]);
        let expected = format!("{name}: the KV binding ACCESS_CACHE is missing");
        assert_eq!(run.errors().len(), 1, "{}", run.stderr);
        assert!(run.errors()[0].starts_with(&expected), "{}", run.stderr);
    }
}

#[test]
fn several_configuration_files_are_an_error() {
    let sandbox = Sandbox::new("doctor-several");
    sandbox.write("wrangler.toml", GOOD);
    sandbox.write("wrangler.jsonc", jsonc());
    let run = sandbox.run(&["doctor"]);
    assert_eq!((run.code, run.errors().len()), (1, 1), "{}", run.stderr);
    assert!(run.errors()[0].contains("wrangler.jsonc and "), "{}", run.stderr);
    assert!(run.errors()[0].contains("wrangler takes the first"), "{}", run.stderr);
    assert_eq!(sandbox.run(&["doctor", "--config", "wrangler.toml"]).code, 0);
}

#[test]
fn the_file_that_a_build_tool_names_is_the_one_that_is_read() {
    let sandbox = Sandbox::new("doctor-redirect");
    sandbox.write("wrangler.toml", GOOD);
    sandbox.write("dist/wrangler.json", jsonc().replace("ACCESS_CACHE", "CACHE"));
    let redirect = ".wrangler/deploy/config.json";
    sandbox.write(redirect, "{ \"configPath\": \"../../dist/wrangler.json\" }");
    let run = sandbox.run(&["doctor"]);
    assert_eq!(run.errors().len(), 1, "{}", run.stderr);
    assert!(run.errors()[0].starts_with("dist/wrangler.json: the KV binding"), "{}", run.stderr);
    for (content, expected) in [
        ("{}", "has no `configPath`"),
        ("{ \"configPath\": \"absent.json\" }", "which is not there"),
        ("{", "is not valid JSON"),
    ] {
        sandbox.write(redirect, content);
        let run = sandbox.run(&["doctor"]);
        assert_eq!((run.code, run.errors().len()), (1, 1), "{}", run.stderr);
        assert!(run.errors()[0].contains(expected), "{}", run.stderr);
    }
}
