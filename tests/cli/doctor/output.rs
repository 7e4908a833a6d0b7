//! The forms in which findings are written.

use serde_json::{Value, json};

use super::{GOOD, as_json, but, doctor};
use crate::sandbox::Sandbox;

#[test]
fn json_has_the_same_findings_as_the_lines() {
    let sandbox = Sandbox::new("doctor-json");
    let toml = format!(
        "{}\n[env.staging]\nroutes = []\nvars.CFACCESS = '{{\"teamName\": \"acme\"}}'\n",
        but("workers_dev = false", "workers_dev = true")
    );
    let run = doctor(&sandbox, &toml);
    let (code, document) = as_json(&sandbox, &[]);
    assert_eq!(code, 1);
    let findings = document["findings"].as_array().unwrap();
    for (level, number) in [("error", "errors"), ("warning", "warnings"), ("note", "notes")] {
        let lines: Vec<String> = findings
            .iter()
            .filter(|finding| finding["level"] == level)
            .map(|finding| {
                let text = |member: &str| finding[member].as_str().unwrap().to_owned();
                let environment = finding["environment"].as_str();
                let label = environment.map(|env| format!(" [env.{env}]")).unwrap_or_default();
                format!("{}{label}: {}: {}", text("file"), text("message"), text("remedy"))
            })
            .collect();
        let prefix = format!("{level}: ");
        let written: Vec<&str> =
            run.stderr.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
        assert_eq!(lines, written);
        assert_eq!(document[number], json!(lines.len()));
        assert!(!lines.is_empty(), "{level}");
    }
}

#[test]
fn json_is_one_document_with_stable_members() {
    let sandbox = Sandbox::new("doctor-json-members");
    sandbox.write("wrangler.toml", but("workers_dev = false", ""));
    let run = sandbox.run(&["doctor", "--json"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let errors = document["findings"].as_array().unwrap().iter();
    let errors: Vec<&Value> = errors.filter(|finding| finding["level"] == "error").collect();
    assert_eq!(
        errors,
        [&json!({
            "level": "error",
            "code": "workers-dev",
            "file": "wrangler.toml",
            "environment": null,
            "place": "workers_dev",
            "message": "`workers_dev` is not false, and an address on workers.dev has no Access in front of it",
            "remedy": "set `workers_dev = false`",
        })]
    );
}

#[test]
fn exit_code_is_0_with_warnings_1_with_a_problem_and_2_with_wrong_usage() {
    let sandbox = Sandbox::new("doctor-exit");
    let warning = but("observability.enabled = true", "");
    let problem = but("workers_dev = false", "");
    for (toml, code) in [(GOOD, 0), (&warning, 0), (&problem, 1)] {
        sandbox.write("wrangler.toml", toml);
        assert_eq!(sandbox.run(&["doctor"]).code, code);
        assert_eq!(sandbox.run(&["doctor", "--json"]).code, code);
    }
    for arguments in
        [&["--frobnicate"][..], &["--online", "backstage.acme.io"], &["--header", "a: b"]]
    {
        assert_eq!(sandbox.run(&[&["doctor"], arguments].concat()).code, 2, "{arguments:?}");
    }
}

#[test]
fn no_colour_is_written_where_there_is_no_terminal() {
    let sandbox = Sandbox::new("doctor-colour");
    sandbox.write("wrangler.toml", but("workers_dev = false", ""));
    let run = sandbox.run_in(&["doctor"], "", &[("TERM", "xterm-256color")]);
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
}
