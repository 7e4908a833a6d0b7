//! The workflows parse, and have what GitHub requires of them.

use std::path::Path;

use serde_json::Value;

use crate::markdown::{files, read, root};

fn workflows() -> Vec<(String, Value)> {
    let folders = [".github/workflows", "examples/ci"];
    let files = folders.iter().flat_map(|folder| files(folder, &[".yml", ".yaml"]));
    files.map(|file| (name(&file), serde_saphyr::from_str(&read(&file)).unwrap())).collect()
}

fn name(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}

/// What is wrong with a job.
fn problems_of(job: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for key in ["runs-on", "timeout-minutes"] {
        if job.get(key).is_none() {
            problems.push(format!("no {key}"));
        }
    }
    let steps = job.get("steps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if steps.is_empty() {
        problems.push("no steps".to_owned());
    }
    for step in steps {
        match (step.get("uses").and_then(Value::as_str), step.get("run").and_then(Value::as_str)) {
            (Some(action), None) if action.split_once('@').is_some_and(|(_, it)| it != "main") => {}
            (None, Some(command)) if !command.contains("${{") => {}
            // An expression in a shell command can be a command: it belongs into `env`.
            (None, Some(command)) => {
                problems.push(format!("an expression in the shell: {command}"));
            }
            _ => problems.push(format!("neither an action of a version nor a command: {step}")),
        }
    }
    problems
}

#[test]
fn every_workflow_has_events_permissions_and_jobs_with_limits() {
    let workflows = workflows();
    assert!(workflows.len() >= 2);
    let mut problems = Vec::new();
    for (file, workflow) in &workflows {
        for key in ["name", "on", "permissions", "jobs"] {
            if workflow.get(key).is_none() {
                problems.push(format!("{file}: no {key}"));
            }
        }
        for (job, value) in workflow["jobs"].as_object().into_iter().flatten() {
            let found = problems_of(value);
            problems.extend(found.iter().map(|problem| format!("{file}: {job}: {problem}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
